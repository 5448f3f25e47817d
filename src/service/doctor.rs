//! What is wrong with a home and its servers, and what to do about it. Looks only: nothing is written beyond what opening a home does.

use super::contact::read;
use super::servers::find;
use super::{PAGE, Service, ServiceError, up_to};
use crate::config::{self, Home};
use crate::domain::app::{App, AppStatus};
use crate::domain::server::{Server, ServerStatus};
use crate::ops::reads::doctor::{self, Found};
use crate::ops::reads::status::{self, Part, Status};
use crate::queue::recover;
use crate::store::{Page, apps, servers};
use serde::Serialize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// One server may take this long for all its answers.
const SERVER_LIMIT: Duration = Duration::from_secs(60);

/// Clocks that differ less than this are the network's and ours.
const SKEW_S: i64 = 30;

/// Below this a database that is written to all the time is near its end.
const HOME_FREE_BYTES: u64 = 256 << 20;

/// Images and builds stop a deploy beyond this share of a server's disk.
const DISK_FULL_PERCENT: f64 = 92.0;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// None: the home.
    pub server: Option<String>,
    /// A stable word.
    pub code: String,
    pub text: String,
    pub hint: Option<String>,
}

/// All that was looked at, and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub home: String,
    pub ok: bool,
    pub servers: Vec<String>,
    pub findings: Vec<Finding>,
}

impl Finding {
    pub fn of_home(code: &str, text: impl Into<String>, hint: &str) -> Self {
        Self { server: None, code: code.to_owned(), text: text.into(), hint: Some(hint.to_owned()) }
    }

    pub fn of_error(server: Option<&str>, error: &ServiceError) -> Self {
        let (code, text) = (error.code().to_owned(), error.to_string());
        Self { server: server.map(str::to_owned), code, text, hint: error.hint() }
    }

    fn of_server(server: &Server, code: &str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { server: Some(server.name.clone()), code: code.to_owned(), text: text.into(), hint: Some(hint.into()) }
    }
}

/// What can be seen before the home is opened, which would close what is open to others.
pub fn look_at_files(home: &Home) -> Vec<Finding> {
    if !home.db().exists() {
        let text = format!("there is no home at {}", home.dir().display());
        return vec![Finding::of_home("no_home", text, "`infrakt init` makes it")];
    }
    let mut findings = Vec::new();
    for folder in [home.dir().to_owned(), home.envs(), home.keys(), home.run(), home.logs()] {
        findings.extend(open_to_others(&folder));
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
        findings.extend(files.filter_map(|path| open_to_others(&path)));
    }
    if config::free_bytes(home.dir()).is_ok_and(|free| free < HOME_FREE_BYTES) {
        let text = format!("the disk of {} has less than {} MiB left", home.dir().display(), HOME_FREE_BYTES >> 20);
        findings.push(Finding::of_home("home_disk", text, "make room, or move the home and name it with `--home DIR`"));
    }
    findings.sort_by(|a, b| a.text.cmp(&b.text));
    findings
}

fn open_to_others(path: &Path) -> Option<Finding> {
    let mode = path.metadata().ok()?.mode() & 0o777;
    let hint = format!("`chmod go= {}`", path.display());
    (mode & 0o077 != 0)
        .then(|| Finding::of_home("open_to_others", format!("{} is open to others: {mode:04o}", path.display()), &hint))
}

impl Service {
    /// The home, now that it is open: database, key, and whether somebody runs what waits.
    pub fn look_at_home(&self) -> Result<Vec<Finding>, ServiceError> {
        let mut findings = Vec::new();
        let mut note = |looked: Result<(), ServiceError>| {
            if let Err(error) = looked {
                findings.push(Finding::of_error(None, &error));
            }
        };
        note(self.db().check().map_err(ServiceError::from));
        note(self.look_at_key());
        if let Some(table) = self.db().dangling()? {
            let text = format!("a row of `{table}` in {} points to one that is not there", self.db().path().display());
            findings.push(Finding::of_home("dangling_row", text, "put back the database from a copy"));
        }
        let left = recover::left_behind(self.db(), &self.home().run())?;
        for row in left.workers {
            let text = format!("process {} ({}) ran jobs and is gone without a word", row.pid, row.kind);
            let hint = "`infrakt worker --until-idle` goes on with what it ran";
            findings.push(Finding::of_home("dead_worker", text, hint));
        }
        for path in left.files {
            let text = format!("{} was left by a process that is gone", path.display());
            findings.push(Finding::of_home("leftover", text, "`infrakt worker --until-idle` clears it away"));
        }
        if self.work_waits()? && !self.somebody_runs()? {
            let text = "there is work to do, and no process that runs jobs";
            findings.push(Finding::of_home("nobody_runs", text, "`infrakt worker` runs them"));
        }
        Ok(findings)
    }

    /// The servers of these names, or all.
    pub fn servers_to_look_at(&self, names: &[String]) -> Result<Vec<Server>, ServiceError> {
        self.db().read(|conn| {
            if names.is_empty() {
                return up_to(
                    i64::MAX,
                    |one: &Server| one.id,
                    |after, limit| Ok(servers::list(conn, Page { after, limit })?),
                );
            }
            names.iter().map(|name| find(conn, name)).collect()
        })
    }

    /// All of them at once, each within its time; findings in the order of the servers.
    pub async fn look_at_servers(&self, servers: Vec<Server>) -> Vec<Finding> {
        let looks: Vec<_> = servers
            .into_iter()
            .map(|server| {
                let service = self.clone();
                tokio::spawn(async move {
                    match tokio::time::timeout(SERVER_LIMIT, service.look_at_server(&server)).await {
                        Ok(Ok(findings)) => findings,
                        Ok(Err(error)) => vec![Finding::of_error(Some(&server.name), &error)],
                        Err(_) => {
                            let text = format!("{} did not answer within {} s", server.name, SERVER_LIMIT.as_secs());
                            vec![Finding::of_server(&server, "slow", text, "look at its load")]
                        }
                    }
                })
            })
            .collect();
        let mut findings = Vec::new();
        for look in looks {
            // It ends early only by a fault, which the panic hook has said.
            findings.extend(look.await.unwrap_or_default());
        }
        findings
    }

    async fn look_at_server(&self, server: &Server) -> Result<Vec<Finding>, ServiceError> {
        let connection = (self.ssh().connect(&self.target_of(server)).await)
            .map_err(|error| ServiceError::Failed(error.failure(&server.name)))?;
        let status = status::parse(&read(&connection, &server.name, &status::read()).await?)?;
        let found = doctor::parse(&read(&connection, &server.name, &doctor::read()).await?)?;
        let apps = self.db().read(|conn| {
            let filter = apps::Filter { server_id: Some(server.id), databases: None };
            up_to(
                i64::MAX,
                |app: &App| app.id,
                |after, limit| apps::list(conn, filter, Page { after, limit: limit.min(PAGE) }),
            )
        })?;
        let mut findings = of_machine(server, &status, &found, self.now_ms() / 1000);
        let installation = self.installation()?;
        for app in &apps {
            findings.extend(of_app(server, app, &status, &found, &installation));
        }
        Ok(findings)
    }
}

fn of_machine(server: &Server, status: &Status, found: &Found, now_s: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |code: &str, text: String, hint: String| findings.push(Finding::of_server(server, code, text, hint));
    let name = &server.name;
    let skew = found.clock_s - now_s;
    if skew.abs() > SKEW_S {
        note(
            "clock",
            format!("the clock of {name} is {} s off", skew),
            format!("set up time synchronisation on {name} or here"),
        );
    }
    if status.disk.percent >= DISK_FULL_PERCENT {
        note(
            "disk",
            format!("the disk of {name} is {}% full", status.disk.percent),
            "`docker system df` there shows what takes it".to_owned(),
        );
    }
    if server.status == ServerStatus::Active {
        for (what, part) in [("docker", &status.services.docker), ("caddy", &status.services.caddy)] {
            match part {
                Part::Up { .. } => {}
                Part::Missing => note(
                    what,
                    format!("{name} has no {what}"),
                    format!("`infrakt server provision {name}` installs it"),
                ),
                Part::Down { .. } => {
                    note(what, format!("{what} on {name} does not run"), format!("see `systemctl status {what}` there"))
                }
            }
        }
        if matches!(status.services.docker, Part::Up { .. }) && status.compose.is_none() {
            note(
                "compose",
                format!("docker on {name} has no compose"),
                format!("`infrakt server provision {name}` installs it"),
            );
        }
    }
    if let Some(mode) = found.folder_mode.as_deref().filter(|mode| *mode != "700") {
        note(
            "folder_mode",
            format!("/var/lib/infrakt on {name} is open to others: {mode}"),
            "`chmod 700 /var/lib/infrakt` there".to_owned(),
        );
    }
    findings
}

fn of_app(server: &Server, app: &App, status: &Status, found: &Found, installation: &str) -> Vec<Finding> {
    // What was never put there, and what a job is at work on, cannot have drifted.
    let Some(deployment) = app.current_deployment_id.filter(|_| app.status == AppStatus::Running) else {
        return Vec::new();
    };
    let deploy = format!("`infrakt app deploy {}/{}` puts it back", server.name, app.name);
    let mut findings = Vec::new();
    let mut note = |code: &str, text: String| findings.push(Finding::of_server(server, code, text, deploy.clone()));
    if !app.is_database() && found.current.get(&app.name) != Some(&format!("releases/{deployment}")) {
        note("release", format!("{} on {} is not the release of deployment {deployment}", app.name, server.name));
    }
    let mut own = status.containers.iter().filter(|container| container.app.as_ref() == Some(&app.name));
    if matches!(status.services.docker, Part::Up { .. }) && !own.any(|container| container.state == "running") {
        note("not_running", format!("{} counts as running, and no container of it runs on {}", app.name, server.name));
    }
    for domain in &app.domains {
        let ours = |site: &&doctor::Site| matches!(&site.owner, Some((of, _)) if of == installation);
        if !found
            .sites
            .iter()
            .filter(ours)
            .any(|site| site.addresses.iter().any(|one| one.eq_ignore_ascii_case(domain)))
        {
            note("route", format!("the route of {domain} is not in the Caddyfile of {}", server.name));
        }
    }
    findings
}
