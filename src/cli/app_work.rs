//! Work on an app that is there: restart, stop, start, destroy. Short: they wait for their end unless told otherwise.

use super::exit::{self, DONE, Done};
use super::run::{Waiting, after_enqueue};
use super::{Ctx, ask};
use crate::config;
use crate::service::ServiceError;
use crate::service::app_work::{DestroyOptions, Destroyed, Forgotten, RunState};
use crate::service::apps::AppRef;
use clap::Args;

/// Which app is meant.
#[derive(Args)]
pub struct AppArg {
    /// NAME or SERVER/NAME
    app: String,
    /// The server, where the app's name stands on several
    #[arg(long)]
    server: Option<String>,
}

impl AppArg {
    pub fn named(&self) -> Result<AppRef, ServiceError> {
        AppRef::parse(&self.app, self.server.as_deref())
    }
}

#[derive(Args)]
pub struct Work {
    #[command(flatten)]
    app: AppArg,
    #[command(flatten)]
    waiting: Waiting,
}

#[derive(Args)]
pub struct Destroy {
    #[command(flatten)]
    app: AppArg,
    /// Its data too
    #[arg(long)]
    volumes: bool,
    /// Do not ask for the name
    #[arg(long)]
    force: bool,
    /// Forget it here and touch nothing on its server: for a server that is gone
    #[arg(long, conflicts_with_all = ["volumes", "wait", "no_wait", "timeout"])]
    local: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub fn run_state(ctx: &Ctx, work: &Work, state: RunState) -> Done {
    let how = work.waiting.decide(true)?;
    let service = ctx.service()?;
    let enqueued = service.run_app(&work.app.named()?, state, &config::requested_by())?;
    after_enqueue(ctx, &service, &enqueued, how)
}

pub fn destroy(ctx: &Ctx, destroy: &Destroy) -> Done {
    let how = destroy.waiting.decide(true)?;
    let named = destroy.app.named()?;
    let service = ctx.service()?;
    let app = service.plain_app_view(&named)?;
    let what = if destroy.local {
        format!("forget {} here and leave what is on {} there", app.name, app.server_name)
    } else if destroy.volumes {
        format!("destroy {} on {}, its data too", app.name, app.server_name)
    } else {
        format!("destroy {} on {}; volumes stay", app.name, app.server_name)
    };
    ask::type_name(ctx.yes || destroy.force, &what, &app.name)?;
    let by = config::requested_by();
    // By its server's name from here on: what was agreed to is what happens.
    let named = AppRef { name: app.name.clone(), server: Some(app.server_name.clone()) };
    if destroy.local {
        return forgotten(ctx, &service.forget_app(&named, &by)?);
    }
    match service.destroy_app(&named, DestroyOptions { volumes: destroy.volumes }, &by)? {
        Destroyed::Forgotten(gone) => forgotten(ctx, &gone),
        Destroyed::Enqueued(enqueued) => {
            let code = after_enqueue(ctx, &service, &enqueued, how)?;
            if code == exit::UNREACHABLE {
                ctx.out
                    .hint(format!("where {} is gone for good, `--local` forgets {} here", app.server_name, app.name));
            }
            Ok(code)
        }
    }
}

pub(super) fn forgotten(ctx: &Ctx, gone: &Forgotten) -> Done {
    if ctx.out.json {
        ctx.out.document(gone)?;
        return Ok(DONE);
    }
    let Forgotten { name, server_name, compose_project, abandoned_jobs, left_on_server } = gone;
    if !left_on_server {
        ctx.out.line(format!("{name} is forgotten; nothing of it was on {server_name}"))?;
        return Ok(DONE);
    }
    ctx.out.line(format!("{name} is forgotten here; what is on {server_name} stays there"))?;
    ctx.out.hint(format!("that is /opt/infrakt/apps/{name}, its routes, and the compose project {compose_project}"));
    for job in abandoned_jobs {
        ctx.out.warning(format!("job {job} had begun and was given up: how far it came on {server_name} is not known"));
    }
    Ok(DONE)
}
