//! `infrakt app …`: what is deployed on servers.

use super::app_logs::{self, Logs};
use super::app_show::{self, Show};
use super::app_work::{self, Destroy, Work};
use super::exit::{self, DONE, Done, Stop};
use super::out::Paint;
use super::run::{Waiting, after_enqueue, say_when_nobody_runs};
use super::server::{HasId, print_pages, print_tables};
use super::table::{Cell, Table, or_dash};
use super::{Ctx, deployment, text};
use crate::service::app_work::RunState;
use crate::service::apps::{AppRef, AppSettings, AppView, CreateApp, SourceRequest};
use crate::service::deployments::DeployRequest;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Command {
    /// Record an app
    Create(Create),
    /// List apps and databases
    List {
        /// On this server only
        #[arg(long)]
        server: Option<String>,
    },
    /// Show one app, with its last deployments and its containers as they are now
    Show(Show),
    /// Print what an app's containers print
    Logs(Logs),
    /// Change an app; the next deploy puts it on the server
    Edit {
        /// NAME or SERVER/NAME
        app: String,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
        #[command(flatten)]
        source: SourceArgs,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Put an app's wanted state on its server
    Deploy {
        /// NAME or SERVER/NAME
        app: String,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
        /// This branch or tag, for this deployment only
        #[arg(long, conflicts_with = "commit")]
        branch: Option<String>,
        /// This commit, for this deployment only
        #[arg(long, value_name = "SHA")]
        commit: Option<String>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// End its containers and start them again
    Restart(Work),
    /// Stop its containers; they stay, and stay stopped
    Stop(Work),
    /// Start the version that is there
    Start(Work),
    /// Take an app and all that infrakt made for it off its server
    Destroy(Destroy),
    /// List an app's deployments, the newest first
    Deployments {
        /// NAME or SERVER/NAME
        app: String,
        /// The server, where the app's name stands on several
        #[arg(long)]
        server: Option<String>,
        /// How many
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        lines: u32,
    },
}

#[derive(Args)]
pub struct Create {
    /// Its name
    #[arg(value_name = "NAME", conflicts_with = "name_flag", required_unless_present = "name_flag")]
    name: Option<String>,
    #[arg(long = "name", value_name = "NAME", hide = true)]
    name_flag: Option<String>,
    /// The server it is for
    #[arg(long)]
    server: String,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Args)]
#[group(id = "source", multiple = true)]
pub struct SourceArgs {
    /// From a git repository
    #[arg(long, value_name = "URL", conflicts_with_all = ["image", "compose"])]
    git: Option<String>,
    /// The branch or tag (default: main)
    #[arg(long)]
    branch: Option<String>,
    /// From an image
    #[arg(long, value_name = "REF", conflicts_with = "compose")]
    image: Option<String>,
    /// From a compose file, which is copied now
    #[arg(long, value_name = "FILE")]
    compose: Option<PathBuf>,
}

#[derive(Args)]
pub struct SettingsArgs {
    /// The container's port [default: 3000]
    #[arg(long)]
    port: Option<u16>,
    /// A domain that leads to it; may be said several times
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// The service of a compose file that has the port, domain, health check and environment
    #[arg(long)]
    service: Option<String>,
    /// A public port of the server as well
    #[arg(long, value_name = "[ADDR:]PORT")]
    publish: Option<String>,
    /// What must answer 2xx or 3xx before the deployment counts as done
    #[arg(long, value_name = "/PATH")]
    health: Option<String>,
    /// How long it may take to answer
    #[arg(long, value_name = "TIME")]
    health_timeout: Option<String>,
    /// Limit, such as 512m
    #[arg(long)]
    memory: Option<String>,
    /// Limit, such as 1.5
    #[arg(long)]
    cpus: Option<String>,
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Create(create) => self::create(ctx, create),
        Command::List { server } => list(ctx, server.as_deref()),
        Command::Show(show) => app_show::run(ctx, &show),
        Command::Logs(logs) => app_logs::run(ctx, &logs),
        Command::Edit { app, server, source, settings } => {
            edit(ctx, &AppRef::parse(&app, server.as_deref())?, source, settings)
        }
        Command::Deploy { app, server, branch, commit, waiting } => {
            let app = AppRef::parse(&app, server.as_deref())?;
            deploy(ctx, &app, &DeployRequest { branch, commit }, &waiting)
        }
        Command::Restart(work) => app_work::run_state(ctx, &work, RunState::Restart),
        Command::Stop(work) => app_work::run_state(ctx, &work, RunState::Stop),
        Command::Start(work) => app_work::run_state(ctx, &work, RunState::Start),
        Command::Destroy(destroy) => app_work::destroy(ctx, &destroy),
        Command::Deployments { app, server, lines } => {
            deployment::list(ctx, &AppRef::parse(&app, server.as_deref())?, lines)
        }
    }
}

fn create(ctx: &Ctx, create: Create) -> Done {
    let new = CreateApp {
        // clap asks for one of them.
        name: create.name.or(create.name_flag).unwrap_or_default(),
        server: create.server,
        source: source(create.source)?,
        settings: settings(create.settings)?,
    };
    let service = ctx.service()?;
    let app = service.create_app(new)?;
    if ctx.out.json {
        ctx.out.document(&app)?;
    } else {
        ctx.out.line(format!("{} is recorded for {}: {}", app.name, app.server_name, from(&app)))?;
        ctx.out.hint(format!("`infrakt app deploy {}` puts it there", service.short_name(&app)?));
    }
    Ok(DONE)
}

fn source(args: SourceArgs) -> Result<SourceRequest, Stop> {
    let compose = match args.compose {
        None => None,
        Some(path) => Some(
            std::fs::read_to_string(&path)
                .map_err(|error| Stop::new(exit::FAILED, format!("cannot read {}: {error}", path.display())))?,
        ),
    };
    Ok(SourceRequest { git: args.git, branch: args.branch, image: args.image, compose })
}

fn settings(args: SettingsArgs) -> Result<AppSettings, Stop> {
    let seconds = |text: String| {
        let ms = text::parse_duration(&text).map_err(Stop::usage)?;
        u32::try_from(ms / 1000).map_err(|_| Stop::usage(format!("`{text}` is too long")))
    };
    Ok(AppSettings {
        port: args.port,
        domains: if args.domains.is_empty() { None } else { Some(args.domains) },
        service: args.service,
        publish: args.publish,
        health_path: args.health,
        health_timeout_s: args.health_timeout.map(seconds).transpose()?,
        memory: args.memory,
        cpus: args.cpus,
    })
}

/// Where an app comes from, in a few words.
pub(super) fn from(app: &AppView) -> String {
    match (&app.git_repo, &app.image) {
        (Some(url), _) => format!("{url} ({})", app.branch),
        (None, Some(image)) => image.clone(),
        (None, None) => app.app_type.clone(),
    }
}

impl HasId for AppView {
    fn id(&self) -> i64 {
        self.id
    }
}

fn list(ctx: &Ctx, server: Option<&str>) -> Done {
    let service = ctx.service()?;
    let apps = service.apps(server, None)?;
    if ctx.out.json {
        return print_pages(ctx, apps, |after| service.apps(server, Some(after)));
    }
    if apps.is_empty() {
        ctx.out.note(match server {
            Some(server) => format!("there are no apps on {server}"),
            None => "there are no apps yet".to_owned(),
        });
        ctx.out.hint("`infrakt app create NAME --server SERVER --image REF` records one");
        return Ok(DONE);
    }
    print_tables(
        ctx,
        apps,
        |after| service.apps(server, Some(after)),
        |a, b| (&a.server_name, &a.name).cmp(&(&b.server_name, &b.name)),
        table,
    )?;
    say_when_nobody_runs(ctx, &service)?;
    Ok(DONE)
}

fn table(apps: &[AppView]) -> Table {
    let mut table = Table::new(&["NAME", "SERVER", "DOMAIN", "PORT", "STATUS", "FROM"]);
    for app in apps {
        table.row(vec![
            app.name.as_str().into(),
            app.server_name.as_str().into(),
            or_dash(domains(app)),
            app.port.to_string().into(),
            status_cell(&app.status),
            from(app).into(),
        ]);
    }
    table
}

fn domains(app: &AppView) -> Option<String> {
    let first = app.domains.first()?;
    Some(match app.domains.len() {
        1 => first.clone(),
        more => format!("{first} +{}", more - 1),
    })
}

pub(super) fn status_cell(status: &str) -> Cell {
    let paint = match status {
        "running" | "success" => Paint::Good,
        "deploying" | "in_progress" => Paint::Busy,
        "error" | "failed" => Paint::Bad,
        _ => Paint::Plain,
    };
    Cell::painted(status, paint)
}

fn edit(ctx: &Ctx, app: &AppRef, source_args: SourceArgs, settings_args: SettingsArgs) -> Done {
    let named = app;
    let (source, settings) = (source(source_args)?, settings(settings_args)?);
    if (&source, &settings) == (&SourceRequest::default(), &AppSettings::default()) {
        return Err(Stop::usage("there is nothing to change").hint("`infrakt app edit --help` shows what can be"));
    }
    let app = ctx.service()?.edit_app(named, source, &settings)?;
    if ctx.out.json {
        ctx.out.document(&app)?;
    } else {
        ctx.out.line(format!("{} is changed", app.name))?;
        ctx.out.hint(format!("`infrakt app deploy {named}` puts it on {}", app.server_name));
    }
    Ok(DONE)
}

fn deploy(ctx: &Ctx, app: &AppRef, request: &DeployRequest, waiting: &Waiting) -> Done {
    let how = waiting.decide(false)?;
    let service = ctx.service()?;
    let enqueued = service.deploy(app, request, &crate::config::requested_by())?;
    after_enqueue(ctx, &service, &enqueued, how)
}
