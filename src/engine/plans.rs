//! The product's planner: facts from the database and the vault, plans from `ops`.

mod database;
mod on_app;

use crate::domain::app::{App, Source};
use crate::domain::deployment::DeploymentSpec;
use crate::domain::failure::{Failure, code};
use crate::domain::git_url::GitLogin;
use crate::domain::job::{Job, JobKind};
use crate::domain::plan::Marker;
use crate::domain::route::ProxyArgs;
use crate::domain::secret::Secret;
use crate::domain::server::Server;
use crate::engine::planner::{Outputs, Planner, Prepared};
use crate::ops;
use crate::ops::deploy::DeployFacts;
use crate::ops::provision::{ProvisionFacts, ProvisionOptions};
use crate::ops::proxy::ProxyFacts;
use crate::queue;
use crate::render::mask::Masker;
use crate::ssh::Target;
use crate::store::{Db, StoreError, apps, deployments, ports, routes, servers};
use crate::vault::{MasterKey, VaultError};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Reads a home.
pub struct StorePlanner {
    db: Db,
    master_key: PathBuf,
    /// The home's folder of environment files.
    envs: PathBuf,
    installation: String,
    /// Typed or given for an encrypted key of the user's; kept in memory only.
    passphrase: Option<Secret<String>>,
}

impl StorePlanner {
    pub fn new(
        db: Db,
        master_key: PathBuf,
        envs: PathBuf,
        installation: String,
        passphrase: Option<Secret<String>>,
    ) -> Self {
        Self { db, master_key, envs, installation, passphrase }
    }

    fn server(&self, job: &Job) -> Result<Server, Failure> {
        let id = job.server_id.unwrap_or_default();
        let found = self.db.read(|conn| servers::find(conn, id)).map_err(home_trouble)?;
        found.ok_or_else(|| gone("server", &job.server_name))
    }

    fn target(&self, server: &Server) -> Target {
        Target { passphrase: self.passphrase.clone(), ..Target::of(server) }
    }

    fn app(&self, job: &Job) -> Result<App, Failure> {
        let name = job.app_name.as_deref().unwrap_or("?");
        let id = job.app_id.ok_or_else(|| gone("app", name))?;
        self.db.read(|conn| apps::find(conn, id)).map_err(home_trouble)?.ok_or_else(|| gone("app", name))
    }

    fn spec(&self, job: &Job) -> Result<DeploymentSpec, Failure> {
        let id = job.deployment_id.unwrap_or_default();
        let found = self.db.read(|conn| deployments::spec(conn, id)).map_err(home_trouble)?;
        found.ok_or_else(|| gone("deployment", &id.to_string()))
    }

    /// The app's loopback port, drawn when it is first needed.
    fn port(&self, app: &App) -> Result<u16, Failure> {
        let drawn = self.db.read(|conn| ports::find(conn, app.id, ports::MAIN)).map_err(home_trouble)?;
        match drawn {
            Some(port) => Ok(port),
            None => self
                .db
                .write(|conn| ports::find_or_draw(conn, app.server_id, app.id, ports::MAIN))
                .map_err(home_trouble),
        }
    }

    fn environment(&self, spec: &DeploymentSpec) -> Result<BTreeMap<String, Secret<String>>, Failure> {
        let sealed: BTreeMap<String, String> = serde_json::from_str(&spec.env_sealed).map_err(|e| {
            Failure::permanent("bad_snapshot", format!("the deployment's environment cannot be read: {e}"))
        })?;
        self.open(sealed)
    }

    fn open(&self, sealed: BTreeMap<String, String>) -> Result<BTreeMap<String, Secret<String>>, Failure> {
        if sealed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let key = self.key()?;
        let open =
            |(name, token): (String, String)| Ok((name.clone(), key.open_token(&token, &name).map_err(vault_trouble)?));
        sealed.into_iter().map(open).collect()
    }

    fn key(&self) -> Result<MasterKey, Failure> {
        MasterKey::open(&self.master_key).map_err(vault_trouble)
    }

    /// The login to the app's repository, opened.
    fn git_login(&self, spec: &DeploymentSpec) -> Result<Option<GitLogin>, Failure> {
        let Source::Git { login: Some(token), .. } = &spec.source else { return Ok(None) };
        let key = self.key()?;
        let text = key.open_token(token, "the repository's login").map_err(vault_trouble)?;
        Ok(GitLogin::parse(text.expose()))
    }

    fn provision(&self, job: &Job, server: &Server, look: Option<&str>) -> Result<Prepared, Failure> {
        let options: ProvisionOptions = serde_json::from_str(&job.args)
            .map_err(|e| Failure::permanent("bad_snapshot", format!("the job's arguments cannot be read: {e}")))?;
        let login =
            match look {
                Some(text) => Some(ops::reads::login::parse(text).map_err(|e| {
                    Failure::permanent("look_failed", format!("{} answers strangely: {e}", server.name))
                })?),
                None => None,
            };
        let facts = ProvisionFacts {
            server: server.name.clone(),
            ssh_port: login.as_ref().and_then(|l| l.ssh_port).unwrap_or(server.port),
            ssh_client: login.and_then(|l| l.ssh_client),
            options,
        };
        Ok(Prepared { plan: ops::provision::plan(&facts), target: self.target(server), masker: Masker::default() })
    }

    fn proxy(&self, job: &Job, server: &Server) -> Result<Prepared, Failure> {
        let args: ProxyArgs = serde_json::from_str(&job.args)
            .map_err(|e| Failure::permanent("bad_snapshot", format!("the job's arguments cannot be read: {e}")))?;
        let added = || args.changes.iter().filter(|change| change.after.is_some());
        let facts = ProxyFacts {
            installation: self.installation.clone(),
            job_uid: job.uid.clone(),
            server: server.name.clone(),
            setup: args.setup,
            reload: args.reload,
            routes: self.db.read(|conn| queue::routes::of_job(conn, job)).map_err(home_trouble)?,
            asked: added().map(|change| change.domain.clone()).collect(),
            adopt: added().filter(|change| change.adopt).map(|change| change.domain.clone()).collect(),
            others: args.changes.iter().any(|change| change.after.is_none()),
        };
        Ok(Prepared { plan: ops::proxy::plan(&facts), target: self.target(server), masker: Masker::default() })
    }

    /// Of a deployment's domains those that are still the app's; and what else leads to the app, or did at the request and leads
    /// nowhere else now.
    fn domains(&self, app: &App, wanted: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
        let rows = self.db.read(|conn| routes::of_server(conn, app.server_id)).map_err(home_trouble)?;
        let own: Vec<String> = app.domains.iter().map(|domain| domain.to_lowercase()).collect();
        let wanted: Vec<String> = wanted.iter().map(|domain| domain.to_lowercase()).collect();
        let led_elsewhere = |domain: &String| rows.iter().any(|row| row.domain == *domain);
        let (put, lost): (Vec<String>, Vec<String>) = wanted.into_iter().partition(|domain| own.contains(domain));
        let lost = lost.into_iter().filter(|domain| !led_elsewhere(domain));
        let kept = own.into_iter().filter(|domain| !put.contains(domain)).chain(lost).collect();
        Ok((put, kept))
    }

    fn deploy(&self, job: &Job, server: &Server, outputs: &Outputs) -> Result<Prepared, Failure> {
        let (app, spec) = (self.app(job)?, self.spec(job)?);
        let (domains, kept) = self.domains(&app, &spec.domains)?;
        let facts = DeployFacts {
            installation: self.installation.clone(),
            job_uid: job.uid.clone(),
            deployment_id: spec.deployment_id,
            server: server.name.clone(),
            host_port: self.port(&app)?,
            env: self.environment(&spec)?,
            git_login: self.git_login(&spec)?,
            app: app.name,
            project: app.compose_project,
            source: spec.source,
            compose: spec.compose,
            resources: spec.resources,
            domains,
            kept,
            outputs: outputs.clone(),
        };
        let masker = ops::deploy::secrets(&facts);
        Ok(Prepared { plan: ops::deploy::plan(&facts), target: self.target(server), masker })
    }
}

impl Planner for StorePlanner {
    fn look(&self, job: &Job) -> Option<(String, Vec<u8>)> {
        match job.kind {
            JobKind::Provision => {
                let read = ops::reads::login::read();
                Some((read.command(), read.stdin().to_vec()))
            }
            JobKind::Deploy
            | JobKind::Restart
            | JobKind::Stop
            | JobKind::Start
            | JobKind::EnvPush
            | JobKind::Destroy
            | JobKind::Proxy
            | JobKind::DbCreate
            | JobKind::DbDestroy => None,
        }
    }

    fn prepare(&self, job: &Job, outputs: &Outputs, look: Option<&str>) -> Result<Prepared, Failure> {
        let server = self.server(job)?;
        match job.kind {
            JobKind::Provision => self.provision(job, &server, look),
            JobKind::Deploy => self.deploy(job, &server, outputs),
            JobKind::Restart | JobKind::Stop | JobKind::Start | JobKind::EnvPush | JobKind::Destroy => {
                self.on_app(job, &server)
            }
            JobKind::Proxy => self.proxy(job, &server),
            JobKind::DbCreate => self.db_create(job, &server),
            JobKind::DbDestroy => self.db_destroy(job, &server),
        }
    }

    fn explain(&self, job: &Job, step: &str, status: i32, markers: &[Marker], tail: &str) -> Failure {
        ops::explain(job.kind, step, status, markers, tail)
    }

    fn succeeded(&self, job: &Job) {
        if let (JobKind::Destroy, Some(id)) = (job.kind, job.app_id) {
            self.forget_environment(id);
        }
    }
}

fn vault_trouble(error: VaultError) -> Failure {
    let failure = Failure::permanent("master_key", error.to_string());
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn gone(what: &str, name: &str) -> Failure {
    Failure::permanent("gone", format!("the {what} `{name}` is not there any more"))
}

/// The home's own database fails: that passes, or somebody mends it.
fn home_trouble(error: StoreError) -> Failure {
    Failure::transient(code::INTERNAL, format!("the home cannot be read: {error}"))
}
