//! Proxy: the blocks of this home in a server's managed Caddyfile become what its database says; and the first set-up of that file.

use crate::domain::plan::{Body, Plan, PlanStep};
use crate::domain::route::WantedRoute;
use crate::domain::step::OnLost;
use crate::render::caddyfile;
use crate::render::shell::Payload;
use std::sync::Arc;
use std::time::Duration;

/// Raised when the steps change their meaning.
pub const VERSION: i64 = 1;

/// The lock, caddy's own check for each refused route, and a reload.
const LIMIT: Duration = Duration::from_secs(3 * 60);

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct ProxyFacts {
    pub installation: String,
    pub job_uid: String,
    /// The server's name, for texts.
    pub server: String,
    /// Make the managed file and the import first.
    pub setup: bool,
    /// Have caddy read its files, whether they changed or not.
    pub reload: bool,
    /// All of the server's.
    pub routes: Vec<WantedRoute>,
    /// What this job was asked to add: each is answered by itself.
    pub asked: Vec<String>,
    /// Domains that blocks of others give up.
    pub adopt: Vec<String>,
    /// It was asked for something else too: a removal.
    pub others: bool,
}

pub fn plan(facts: &ProxyFacts) -> Plan {
    let step = |name, script: &str| PlanStep {
        name,
        body: Body { script: Arc::from(script), payload: payload(facts, name).finish() },
        limit: LIMIT,
        on_lost: OnLost::Rerun,
        probe: None,
        undo: None,
        confirm: false,
    };
    let mut steps = Vec::new();
    if facts.setup {
        steps.push(step("folders", script!("proxy/there.sh", "provision/folders.sh")));
        steps.push(step("caddyfile", script!("provision/caddyfile.sh")));
        steps.push(step("import", script!("caddy.sh", "provision/import.sh")));
    }
    let mut routes = step("routes", script!("caddy.sh", "proxy/there.sh", "proxy/kept.sh", "proxy/routes.sh"));
    routes.undo = Some(Body {
        script: Arc::from(script!("caddy.sh", "proxy/kept.sh", "proxy/routes_undo.sh")),
        payload: payload(facts, "undo routes").finish(),
    });
    steps.push(routes);
    Plan { version: VERSION, steps }
}

/// The same for all steps: each takes what it needs. No secret.
fn payload(facts: &ProxyFacts, step: &str) -> Payload {
    let words = |pick: &dyn Fn(&WantedRoute) -> Option<String>| -> String {
        let mut words: Vec<String> = facts.routes.iter().filter_map(pick).collect();
        words.sort();
        words.join(" ")
    };
    let mut blocks: Vec<(&str, String)> = facts
        .routes
        .iter()
        .filter_map(|route| {
            let block = caddyfile::block(&facts.installation, route.app.as_deref(), &route.domain, route.port?);
            Some((route.domain.as_str(), format!("\n{block}")))
        })
        .collect();
    blocks.sort();
    let yes = |is: bool| if is { "yes" } else { "" };
    Payload::new()
        .set("STEP", step)
        .set("SERVER", &facts.server)
        .set("INSTALLATION", &facts.installation)
        .set("JOB", &facts.job_uid)
        .set("CADDYFILE_HEADER", caddyfile::HEADER)
        .set("ROUTE_MARK", &caddyfile::mark(&facts.installation, Some("*")))
        .set("DOMAINS", &words(&|route| route.port.map(|_| route.domain.clone())))
        .set("PORTS", &words(&|route| route.app.is_none().then(|| route.domain.clone())))
        .set(
            "KEEP",
            &words(&|route| match (&route.app, route.port) {
                (Some(app), None) => Some(format!("{}={app}", route.domain)),
                _ => None,
            }),
        )
        .set("ASKED", &facts.asked.join(" "))
        .set("ADOPT", &facts.adopt.join(" "))
        .set("OTHERS", yes(facts.others || facts.setup))
        .set("RELOAD", yes(facts.reload))
        .set("ROUTES", &blocks.into_iter().map(|(_, block)| block).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{outline, variables};

    fn facts() -> ProxyFacts {
        let route = |domain: &str, app: Option<&str>, port| WantedRoute {
            domain: domain.into(),
            app: app.map(str::to_owned),
            port,
        };
        ProxyFacts {
            installation: "0190-installation".into(),
            job_uid: "0190-job".into(),
            server: "prod-1".into(),
            setup: true,
            reload: false,
            routes: vec![
                route("web.example.com", Some("web"), Some(20003)),
                route("*.example.com", None, Some(9000)),
                route("http://intern", Some("web"), Some(20003)),
                route("old.example.com", Some("old"), None),
            ],
            asked: vec!["*.example.com".into()],
            adopt: vec!["*.example.com".into()],
            others: false,
        }
    }

    #[test]
    fn the_plan() {
        insta::assert_snapshot!(outline(&plan(&facts())));
        let routes_alone = plan(&ProxyFacts { setup: false, ..facts() });
        assert_eq!(routes_alone.steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["routes"]);
    }

    #[test]
    fn what_the_scripts_are_told() {
        insta::assert_snapshot!(variables(&plan(&facts()).steps[3].body));
    }
}
