//! `infrakt app show`: what is recorded of an app, and how it is now.

use super::app::from;
use super::app_work::AppArg;
use super::exit::{DONE, Done};
use super::out::Paint;
use super::table::{Cell, Table, or_dash, print_fields};
use super::{Ctx, deployment, text};
use crate::service::app_reads::{AppContainer, AppDetails};
use crate::service::apps::AppView;
use clap::Args;

#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    app: AppArg,
    /// Only what is recorded here: do not ask the server
    #[arg(long)]
    offline: bool,
}

pub fn run(ctx: &Ctx, show: &Show) -> Done {
    let named = show.app.named()?;
    let service = ctx.service()?;
    let details = ctx.block_on(service.app_details(&named, !show.offline))??;
    if ctx.out.json {
        ctx.out.document(&details)?;
        return Ok(DONE);
    }
    fields(ctx, &details)?;
    let now = ctx.now_ms();
    if let Some(containers) = &details.containers {
        ctx.out.line("")?;
        if containers.is_empty() {
            ctx.out.line(format!("no containers on {}", details.app.server_name))?;
        } else {
            table(containers, now).print(&ctx.out)?;
        }
    }
    if !details.deployments.is_empty() {
        ctx.out.line("")?;
        deployment::table(&details.deployments, now).print(&ctx.out)?;
    }
    Ok(DONE)
}

fn fields(ctx: &Ctx, details: &AppDetails) -> Done {
    let app = &details.app;
    let seconds = |s: u32| text::span(i64::from(s) * 1000);
    // Among the last ones it is most of the time.
    let serves = app.current_deployment_id.map(|id| {
        match details.deployments.iter().find(|one| one.id == id).and_then(deployment::what) {
            Some(what) => format!("deployment {id}: {what}"),
            None => format!("deployment {id}"),
        }
    });
    let jobs: Vec<String> =
        details.jobs.iter().map(|job| format!("job {} {} ({})", job.id, job.title, job.state)).collect();
    print_fields(
        &ctx.out,
        &[
            ("name", Some(app.name.clone())),
            ("server", Some(app.server_name.clone())),
            ("status", Some(app.status.clone())),
            ("at work", (!jobs.is_empty()).then(|| jobs.join("\n"))),
            ("from", Some(from(app))),
            ("git login", app.git_login.then(|| "kept, sealed".to_owned())),
            ("domains", (!app.domains.is_empty()).then(|| app.domains.join("\n"))),
            ("port", Some(app.port.to_string())),
            ("on the server", app.host_port.map(|port| format!("127.0.0.1:{port}"))),
            ("published", app.publish.clone()),
            ("service", app.service.clone()),
            ("health", app.health_path.clone()),
            ("health timeout", app.health_timeout_s.map(seconds)),
            ("memory", app.memory.clone()),
            ("cpus", app.cpus.clone()),
            ("project", Some(app.compose_project.clone())),
            ("services", services(app)),
            ("serves", serves),
            ("created", Some(text::moment(app.created_at.0))),
            ("containers", details.containers_error.as_deref().map(not_known)),
        ],
    )?;
    Ok(DONE)
}

/// What runs, one a line; a single service is called like its app or says nothing new.
fn services(app: &AppView) -> Option<String> {
    let images = app.images.as_ref()?.as_object().filter(|images| images.len() > 1)?;
    let width = images.keys().map(String::len).max().unwrap_or_default();
    let line = |(service, image): (&String, &serde_json::Value)| {
        format!("{service:width$}  {}", image.as_str().unwrap_or_default())
    };
    Some(images.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn not_known(why: &str) -> String {
    format!("not known: {}", text::tame(why))
}

fn table(containers: &[AppContainer], now: i64) -> Table {
    let mut table = Table::new(&["CONTAINER", "SERVICE", "STATE", "RESTARTS", "IMAGE", "STARTED"]);
    for container in containers {
        let (state, paint) = state(container);
        table.row(vec![
            text::tame(&container.name).into(),
            text::tame(&container.service).into(),
            Cell::painted(state, paint),
            container.restarts.to_string().into(),
            text::tame(&container.image).into(),
            or_dash(text::docker_time(&container.started_at).map(|at| text::ago(now, at))),
        ]);
    }
    table
}

fn state(container: &AppContainer) -> (String, Paint) {
    let state = text::tame(&container.state);
    match (state.as_str(), container.health.as_deref()) {
        ("running", None | Some("healthy")) => (with(&state, container.health.as_deref()), Paint::Good),
        ("running", Some("starting")) => (with(&state, Some("starting")), Paint::Busy),
        ("exited", _) => (format!("exited ({})", container.exit_code), Paint::Bad),
        (_, health) => (with(&state, health), Paint::Bad),
    }
}

fn with(state: &str, health: Option<&str>) -> String {
    health.map_or_else(|| state.to_owned(), |health| format!("{state} ({})", text::tame(health)))
}
