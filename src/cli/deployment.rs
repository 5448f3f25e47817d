//! `infrakt deployment …` and `infrakt app deployments`.

use super::app::status_cell;
use super::exit::{DONE, Done};
use super::table::{Table, or_dash, print_fields};
use super::{Ctx, job, pages, text};
use crate::service::ServiceError;
use crate::service::apps::AppRef;
use crate::service::deployments::DeploymentView;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// Show one deployment
    Show {
        id: i64,
        /// Print its log
        #[arg(long)]
        log: bool,
    },
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Show { id, log } => show(ctx, id, log),
    }
}

/// What was put there, in a few words.
pub(super) fn what(deployment: &DeploymentView) -> Option<String> {
    let commit = deployment.commit_hash.as_deref().map(|hash| hash.chars().take(8).collect::<String>());
    match (commit, &deployment.commit_subject) {
        (Some(commit), Some(subject)) => Some(format!("{commit} {}", text::tame(subject))),
        (Some(commit), None) => Some(commit),
        (None, _) => deployment.image.clone().or_else(|| deployment.branch.clone()),
    }
}

fn took(deployment: &DeploymentView) -> Option<String> {
    let end = deployment.finished_at.filter(|_| deployment.begun)?;
    Some(text::duration(end.0 - deployment.started_at.0))
}

/// Deployments as rows.
pub(super) fn table(deployments: &[DeploymentView], now: i64) -> Table {
    let mut table = Table::new(&["ID", "STATUS", "JOB", "WHAT", "TOOK", "STARTED"]);
    for deployment in deployments {
        table.row(vec![
            deployment.id.to_string().into(),
            status_cell(&deployment.status),
            or_dash(deployment.job_id.map(|id| id.to_string())),
            or_dash(what(deployment)),
            or_dash(took(deployment)),
            text::ago(now, deployment.started_at.0).into(),
        ]);
    }
    table
}

pub(super) fn list(ctx: &Ctx, named: &AppRef, limit: u32) -> Done {
    let service = ctx.service()?;
    let now = ctx.now_ms();
    let mut of = None;
    let read = |last: Option<&DeploymentView>, wanted| {
        let (app, rows) = service.deployments(named, wanted, last.map(|one| one.id))?;
        of = Some(app);
        Ok::<_, ServiceError>(rows)
    };
    let printed = pages::print(&ctx.out, limit, read, |rows| table(rows, now))?;
    if let (Some(app), 0, false) = (of, printed, ctx.out.json) {
        ctx.out.note(format!("{} was never deployed", app.name));
        ctx.out.hint(format!("`infrakt app deploy {named}` puts it on {}", app.server_name));
    }
    Ok(DONE)
}

fn show(ctx: &Ctx, id: i64, log: bool) -> Done {
    let service = ctx.service()?;
    let deployment = service.deployment(id)?;
    if log && !ctx.out.json {
        return match deployment.job_id {
            Some(job_id) => job::print_log(ctx, &service, job_id),
            None => {
                let text = deployment.log.unwrap_or_default();
                if !text.is_empty() {
                    ctx.out.raw(text.as_bytes())?;
                    if !text.ends_with('\n') {
                        ctx.out.raw(b"\n")?;
                    }
                }
                Ok(DONE)
            }
        };
    }
    if ctx.out.json {
        ctx.out.document(&deployment)?;
        return Ok(DONE);
    }
    let now = ctx.now_ms();
    let images = deployment.images.as_object().map(|images| {
        let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        images.iter().map(|(service, image)| format!("{service} {}", word(image))).collect::<Vec<_>>().join("\n")
    });
    print_fields(
        &ctx.out,
        &[
            ("deployment", Some(deployment.id.to_string())),
            ("app", Some(format!("{} on {}", deployment.app_name, deployment.server_name))),
            ("status", Some(deployment.status.clone())),
            ("what", what(&deployment)),
            ("images", images.filter(|images| !images.is_empty())),
            ("domains", (!deployment.domains.is_empty()).then(|| deployment.domains.join("\n"))),
            ("job", deployment.job_id.map(|id| id.to_string())),
            ("reason", deployment.reason.clone()),
            ("started", Some(text::ago(now, deployment.started_at.0))),
            ("took", took(&deployment)),
        ],
    )?;
    if deployment.log.is_some() || deployment.job_id.is_some() {
        ctx.out.hint(format!("`infrakt deployment show {id} --log` prints its log"));
    }
    Ok(DONE)
}
