//! Deploy: an app's wanted state becomes a release that serves; a deploy that fails leaves the version before serving.

mod compose_files;

use crate::domain::app::{Resources, Source};
use crate::domain::git_url::{self, GitLogin};
use crate::domain::plan::{Body, Marker, Plan, PlanStep};
use crate::domain::secret::Secret;
use crate::domain::step::OnLost;
use crate::render::compose::{self, ImageApp, Owner};
use crate::render::compose_override;
use crate::render::mask::Masker;
use crate::render::shell::Payload;
use crate::render::{caddyfile, dotenv};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Raised when the steps change their meaning.
pub const VERSION: i64 = 1;

const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Large images, or a repository and the images that its compose file names, over slow lines.
pub(super) const PULL_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Containers that are deaf to SIGTERM take docker 10 s each.
pub(super) const START_LIMIT: Duration = Duration::from_secs(5 * 60);

const ROUTE_LIMIT: Duration = Duration::from_secs(2 * 60);

/// How long an app may take until it answers, unless it says otherwise.
pub const HEALTH_TIMEOUT_S: u32 = 60;

/// How long an app is watched at least before its good answer counts. Docker's own updates watch for 5 s; here the start has been
/// watched for two already.
const SETTLE: Duration = Duration::from_secs(3);

/// Beyond the health check's own timeout: the last try may hang for 10 s, and the last lines are still to be read.
const HEALTH_MARGIN: Duration = Duration::from_secs(60);

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct DeployFacts {
    pub installation: String,
    pub job_uid: String,
    pub deployment_id: i64,
    /// The server's name, for texts.
    pub server: String,
    pub app: String,
    /// The app's compose project.
    pub project: String,
    pub source: Source,
    /// Opened, where the repository needs one.
    pub git_login: Option<GitLogin>,
    /// The compose file of an app that brings one.
    pub compose: Option<String>,
    pub resources: Resources,
    pub domains: Vec<String>,
    /// Domains that the app was given or has lost since the request: what leads to it from there stays, and nothing is put there.
    pub kept: Vec<String>,
    pub env: BTreeMap<String, Secret<String>>,
    /// The app's port on the server's loopback.
    pub host_port: u16,
    /// What the steps done so far have told: key to last value.
    pub outputs: BTreeMap<String, String>,
}

impl DeployFacts {
    /// The service that has the port, the route and the environment.
    fn service(&self) -> String {
        match &self.source {
            Source::Image { .. } => self.app.clone(),
            Source::Git { .. } if !self.has_own_compose() => self.app.clone(),
            Source::Git { .. } | Source::Compose => match compose_files::shape(&self.outputs) {
                Some(shape) => shape.main,
                // Before the server has read the file: what was said, if anything was.
                None => self.resources.service.clone().unwrap_or_default(),
            },
        }
    }

    /// Whether the repository brings a compose file, as `fetch` has found out.
    fn has_own_compose(&self) -> bool {
        self.output("mode") == "compose"
    }

    fn output(&self, key: &str) -> &str {
        self.outputs.get(key).map_or("", String::as_str)
    }

    fn health_timeout_s(&self) -> u32 {
        self.resources.health_timeout_s.unwrap_or(HEALTH_TIMEOUT_S)
    }
}

pub fn plan(facts: &DeployFacts) -> Plan {
    let body = |step: &str, script: &str| Body { script: Arc::from(script), payload: payload(facts, step).finish() };
    let step = |name, body, limit| PlanStep {
        name,
        body,
        limit,
        on_lost: OnLost::Rerun,
        probe: None,
        undo: None,
        confirm: false,
    };
    let fetch = Body {
        script: Arc::from(script!(
            "caddy.sh",
            "deploy/common.sh",
            "deploy/routes.sh",
            "deploy/git.sh",
            "deploy/submodules.sh",
            "deploy/lfs.sh",
            "deploy/compose_fetch.sh",
            "deploy/fetch.sh"
        )),
        payload: fetch_payload(facts).finish(),
    };
    let start = Body {
        script: Arc::from(script!("deploy/common.sh", "deploy/adopt.sh", "deploy/volumes.sh", "deploy/start.sh")),
        payload: started_files(facts, payload(facts, "start")).finish(),
    };
    let build = match &facts.source {
        Source::Git { .. } => Some(PlanStep {
            undo: Some(body("undo build", script!("deploy/common.sh", "deploy/build_undo.sh"))),
            ..step("build", build(facts), BUILD_LIMIT)
        }),
        Source::Image { .. } | Source::Compose => None,
    };
    let health_limit = Duration::from_secs(facts.health_timeout_s().into()) + HEALTH_MARGIN;
    let mut steps = vec![PlanStep {
        undo: Some(body(
            "undo fetch",
            script!(
                "deploy/common.sh",
                "deploy/git.sh",
                "deploy/submodules.sh",
                "deploy/lfs.sh",
                "deploy/fetch_undo.sh"
            ),
        )),
        ..step("fetch", fetch, PULL_LIMIT)
    }];
    steps.extend(build);
    steps.extend([
        PlanStep {
            undo: Some(body(
                "undo start",
                script!(
                    "deploy/common.sh",
                    "deploy/adopt.sh",
                    "deploy/git.sh",
                    "deploy/submodules.sh",
                    "deploy/lfs.sh",
                    "deploy/start_undo.sh"
                ),
            )),
            ..step("start", start, START_LIMIT)
        },
        step("health", body("health", script!("deploy/common.sh", "deploy/health.sh")), health_limit),
        PlanStep {
            undo: Some(body(
                "undo route",
                script!("caddy.sh", "deploy/common.sh", "deploy/adopt.sh", "deploy/routes.sh", "deploy/route_undo.sh"),
            )),
            ..step(
                "route",
                body(
                    "route",
                    script!("caddy.sh", "deploy/common.sh", "deploy/adopt.sh", "deploy/routes.sh", "deploy/route.sh"),
                ),
                ROUTE_LIMIT,
            )
        },
    ]);
    Plan { version: VERSION, steps }
}

fn build(facts: &DeployFacts) -> Body {
    let payload = payload(facts, "build")
        .set("COMMIT", facts.output("commit"))
        .set("BUILD_MODE", facts.output("mode"))
        .set("BUILT_IMAGE", &built_image(facts))
        .set("OVERRIDE", &compose::image_override(&facts.service(), &owner(facts)))
        .set("BUILD_FILE", &compose_files::build_file(facts, &owner(facts)))
        .set("BUILT_SERVICES", &compose_files::built_services(facts));
    Body {
        script: Arc::from(script!(
            "deploy/common.sh",
            "deploy/git.sh",
            "deploy/submodules.sh",
            "deploy/lfs.sh",
            "deploy/compose_build.sh",
            "deploy/build.sh"
        )),
        payload: payload.finish(),
    }
}

/// All that `fetch` is told.
pub(super) fn fetch_payload(facts: &DeployFacts) -> Payload {
    with_files(facts, with_repository(facts, payload(facts, "fetch")))
}

/// What a build is called. In a release it stands by its id.
fn built_image(facts: &DeployFacts) -> String {
    compose::built_image(&facts.project, facts.deployment_id)
}

/// What every step of a deploy needs; no secret.
pub(super) fn payload(facts: &DeployFacts, step: &str) -> Payload {
    let resources = &facts.resources;
    let (publish_address, publish_port) = match &resources.publish {
        Some(publish) => {
            let (address, port) = compose::split_publish(publish);
            (address.unwrap_or_default(), port.to_string())
        }
        None => ("", String::new()),
    };
    let urls: Vec<String> = facts.domains.iter().map(|domain| caddyfile::url(domain)).collect();
    let domains: Vec<String> = facts.domains.iter().map(|domain| domain.to_lowercase()).collect();
    let routed = [&facts.domains[..], &facts.kept[..]].concat();
    Payload::new()
        .set("STEP", step)
        .set("SERVER", &facts.server)
        .set("APP", &facts.app)
        .set("PROJECT", &facts.project)
        .set("SERVICE", &facts.service())
        .set("INSTALLATION", &facts.installation)
        .set("DEPLOYMENT", &facts.deployment_id.to_string())
        .set("JOB", &facts.job_uid)
        .set("HOST_PORT", &facts.host_port.to_string())
        .set("PORT", &resources.port.to_string())
        .set("PUBLISH_ADDRESS", publish_address)
        .set("PUBLISH_PORT", &publish_port)
        .set("HEALTH_PATH", resources.health_path.as_deref().unwrap_or_default())
        .set("HEALTH_TIMEOUT", &facts.health_timeout_s().to_string())
        .set("SETTLE", &SETTLE.as_secs().to_string())
        .set("DOMAINS", &domains.join(" "))
        .set("KEPT", &facts.kept.join(" "))
        .set("URLS", &urls.join(" "))
        .set("ROUTE_MARK", &caddyfile::mark(&facts.installation, Some(&facts.app)))
        .set("ROUTES", &caddyfile::app_blocks(&facts.installation, &facts.app, &routed, facts.host_port))
}

fn owner(facts: &DeployFacts) -> Owner<'_> {
    Owner {
        installation: &facts.installation,
        app: &facts.app,
        deployment_id: facts.deployment_id,
        job_uid: &facts.job_uid,
    }
}

/// Where to fetch from, and the login that goes there and nowhere else.
fn with_repository(facts: &DeployFacts, payload: Payload) -> Payload {
    let Source::Git { url, branch, commit, login: _ } = &facts.source else { return payload };
    let payload =
        payload.set("GIT_URL", url).set("GIT_BRANCH", branch).set("GIT_COMMIT", commit.as_deref().unwrap_or_default());
    match &facts.git_login {
        Some(login) => payload
            .set("GIT_ORIGIN", git_url::origin(url).unwrap_or_default())
            .set_secret("GIT_USER", &login.user)
            .set_secret("GIT_PASSWORD", &login.password),
        None => payload,
    }
}

/// The files of the release.
fn with_files(facts: &DeployFacts, payload: Payload) -> Payload {
    let owner = owner(facts);
    let (mode, image, second) = match &facts.source {
        Source::Image { image } => ("image", image.as_str(), compose::image_override(&facts.app, &owner)),
        // What comes from a repository is told in the end by how it is built.
        Source::Git { .. } => ("git", "", compose_override::provisional(&owner)),
        Source::Compose => ("compose", "", compose_override::provisional(&owner)),
    };
    payload
        .set("MODE", mode)
        .set("IMAGE", image)
        .set("MAIN_SERVICE", facts.resources.service.as_deref().unwrap_or_default())
        .set("COMPOSE", &compose_file(facts))
        .set("OVERRIDE", &second)
        .set_secret("DOTENV", &dotenv::render(&facts.env))
        .set_secret("COMPOSE_ENV", &dotenv::render_for_compose(&facts.env))
}

/// What depends on the port, which may be another one than when `fetch` ran: of an app from an image the compose file, of a user's file
/// the one beside it.
pub(super) fn started_files(facts: &DeployFacts, payload: Payload) -> Payload {
    if facts.source == Source::Compose || facts.has_own_compose() {
        let second = compose_files::override_of(facts, &owner(facts));
        return payload.set("USERS_FILE", "yes").set("COMPOSE", "").set("OVERRIDE", &second);
    }
    payload.set("USERS_FILE", "").set("COMPOSE", &compose_file(facts)).set("OVERRIDE", "")
}

fn compose_file(facts: &DeployFacts) -> String {
    let of_one_image = |image: &str| {
        compose::image_app(&ImageApp {
            app: &facts.app,
            project: &facts.project,
            image,
            host_port: facts.host_port,
            resources: &facts.resources,
        })
    };
    match &facts.source {
        Source::Image { image } => of_one_image(image),
        Source::Git { .. } => of_one_image(&built_image(facts)),
        Source::Compose => facts.compose.clone().unwrap_or_default(),
    }
}

/// What the job's log must not show.
pub fn secrets(facts: &DeployFacts) -> Masker {
    let builder = facts.env.values().fold(Masker::builder(), |builder, value| builder.env_value(value.expose()));
    match &facts.git_login {
        // A token may stand in either place; a user's name alone is no secret.
        Some(login) => builder.always(login.password.expose()).env_value(login.user.expose()).build(),
        None => builder.build(),
    }
}

/// Service to image, from the markers of `fetch`: what is recorded with the deployment.
pub fn images(markers: &[Marker]) -> BTreeMap<String, String> {
    markers
        .iter()
        .filter(|marker| marker.key == "image")
        .filter_map(|marker| marker.value.split_once(' '))
        .map(|(service, image)| (service.to_owned(), image.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{outline, variables};

    fn facts() -> DeployFacts {
        DeployFacts {
            installation: "0190-installation".into(),
            job_uid: "0190-job".into(),
            deployment_id: 12,
            server: "prod-1".into(),
            app: "web".into(),
            project: "infrakt-web".into(),
            source: Source::Image { image: "nginx:1.27".into() },
            git_login: None,
            compose: None,
            resources: Resources {
                port: 3000,
                health_path: Some("/up".into()),
                health_timeout_s: Some(90),
                publish: Some("[::]:8080".into()),
                ..Resources::default()
            },
            domains: vec!["Web.example.com".into(), "http://intern".into()],
            kept: vec!["later.example.com".into()],
            env: [("TOKEN".to_owned(), Secret::new("it's $ecret".to_owned()))].into(),
            host_port: 20003,
            outputs: BTreeMap::new(),
        }
    }

    #[test]
    fn the_plan() {
        insta::assert_snapshot!(outline(&plan(&facts())));
    }

    fn of_git() -> DeployFacts {
        DeployFacts {
            source: Source::Git {
                url: "https://git.example:8443/web.git".into(),
                branch: "main".into(),
                commit: None,
                login: Some("gAAAAA".into()),
            },
            git_login: GitLogin::parse("me:t0ken-4711"),
            outputs: [("commit".to_owned(), "3f2c1a".to_owned()), ("mode".to_owned(), "dockerfile".to_owned())].into(),
            ..facts()
        }
    }

    #[test]
    fn the_plan_of_a_repository() {
        insta::assert_snapshot!(outline(&plan(&of_git())));
    }

    #[test]
    fn what_fetch_and_build_are_told_of_a_repository() {
        let told = |at: usize| variables(&plan(&of_git()).steps[at].body);
        let git = told(0).lines().filter(|line| line.starts_with("GIT_")).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(format!("{git}\n---\n{}", told(1)));
    }

    #[test]
    fn a_login_goes_to_fetch_alone_and_is_masked() {
        let plan = plan(&of_git());
        let bodies = plan.steps.iter().flat_map(|step| [Some(&step.body), step.undo.as_ref()]).flatten();
        assert_eq!(bodies.filter(|body| variables(body).contains("t0ken")).count(), 1);
        assert_eq!(secrets(&of_git()).mask("https://me:t0ken-4711@git.example"), "https://me:***@git.example");
    }

    #[test]
    fn what_fetch_is_told() {
        insta::assert_snapshot!(variables(&plan(&facts()).steps[0].body));
    }

    #[test]
    fn secrets_go_to_the_one_step_that_writes_them() {
        let plan = plan(&facts());
        let bodies = plan.steps.iter().flat_map(|step| [Some(&step.body), step.undo.as_ref()]).flatten();
        let told: Vec<bool> = bodies.map(|body| variables(body).contains("ecret")).collect();
        assert_eq!(told.iter().filter(|told| **told).count(), 1);
        assert!(told[0]);
    }

    #[test]
    fn another_port_changes_no_script() {
        let (one, two) = (plan(&facts()), plan(&DeployFacts { host_port: 20004, ..facts() }));
        for (one, two) in one.steps.iter().zip(&two.steps) {
            assert_eq!(one.body.script, two.body.script);
        }
        assert!(variables(&two.steps[1].body).contains("published: \"20004\""));
    }

    #[test]
    fn images_by_service() {
        let marker = |key: &str, value: &str| Marker { key: key.into(), value: value.into() };
        let told = [marker("image", "web nginx@sha256:1"), marker("note", "x y"), marker("image", "db redis@sha256:2")];
        let images: Vec<String> =
            images(&told).into_iter().map(|(service, image)| format!("{service}={image}")).collect();
        assert_eq!(images, ["db=redis@sha256:2", "web=nginx@sha256:1"]);
    }
}
