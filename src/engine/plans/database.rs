//! Databases: facts of one that is to be made, and of one that is to go.

use super::{StorePlanner, gone, home_trouble, vault_trouble};
use crate::domain::app::{App, Source};
use crate::domain::database::{self, DbKind};
use crate::domain::failure::Failure;
use crate::domain::job::Job;
use crate::domain::secret::Secret;
use crate::domain::server::Server;
use crate::engine::planner::Prepared;
use crate::ops::database::{CreateArgs, CreateFacts, DestroyFacts, create_plan, destroy_plan, secrets};
use crate::store::databases;

impl StorePlanner {
    pub(super) fn db_create(&self, job: &Job, server: &Server) -> Result<Prepared, Failure> {
        let (app, spec) = (self.app(job)?, self.spec(job)?);
        let args: CreateArgs = super::on_app::args(job)?;
        let Source::Image { image } = spec.source.clone() else { return Err(gone("image of", &app.name)) };
        // An older request tried again: what has come up meanwhile has other data than it was for.
        if app.current_deployment_id.is_some() {
            let text = format!("the database {} is there already", app.name);
            return Err(Failure::permanent("app_exists", text));
        }
        let env = self.environment(&spec)?;
        let password = env.get(args.kind.password_variable()).cloned().unwrap_or_default();
        let facts = CreateFacts {
            installation: self.installation.clone(),
            job_uid: job.uid.clone(),
            deployment_id: spec.deployment_id,
            server: server.name.clone(),
            host_port: self.port(&app)?,
            name: app.name,
            project: app.compose_project,
            image,
            args,
            env,
            secret_mark: self.mark(&password)?,
        };
        let masker = secrets(Some(&password));
        Ok(Prepared { plan: create_plan(&facts), target: self.target(server), masker })
    }

    pub(super) fn db_destroy(&self, job: &Job, server: &Server) -> Result<Prepared, Failure> {
        let app = self.app(job)?;
        let kind = DbKind::of_app(&app).ok_or_else(|| gone("database", &app.name))?;
        let sealed = self.db.read(|conn| databases::password(conn, app.id)).map_err(home_trouble)?;
        let password = match sealed {
            Some(sealed) => {
                let what = format!("the password of {}", app.name);
                Some(self.key()?.open_token(&sealed, &what).map_err(vault_trouble)?)
            }
            None => None,
        };
        let secret_mark = match &password {
            Some(password) if !password.expose().is_empty() => self.mark(password)?,
            _ => String::new(),
        };
        let facts = DestroyFacts {
            installation: self.installation.clone(),
            job_uid: job.uid.clone(),
            server: server.name.clone(),
            volume: database::volume(&app.name),
            unmarked: self.unmarked_volume(&app)?,
            project: app.compose_project,
            deployment_id: app.current_deployment_id,
            kind,
            name: app.name,
            secret_mark,
            args: super::on_app::args(job)?,
        };
        let masker = secrets(password.as_ref().filter(|password| !password.expose().is_empty()));
        Ok(Prepared { plan: destroy_plan(&facts), target: self.target(server), masker })
    }

    /// The volume of the first release, where this database has or had it: nothing on the server says whose it is.
    fn unmarked_volume(&self, app: &App) -> Result<Option<String>, Failure> {
        self.db
            .read(|conn| {
                for volume in database::first_release_volumes(&app.name) {
                    if databases::kept(conn, app.server_id, &volume)?.is_some() {
                        return Ok(Some(volume));
                    }
                }
                let its_own = format!("{}_{}_data", app.compose_project, app.name);
                Ok((!databases::is_made_here(conn, app.id)?).then_some(its_own))
            })
            .map_err(home_trouble)
    }

    /// Tells a password from another without giving anything of it away: what a volume's label may say.
    fn mark(&self, password: &Secret<String>) -> Result<String, Failure> {
        let key = self.key()?;
        Ok(key.hmac(format!("database {}", password.expose()).as_bytes())[..16].to_owned())
    }
}
