//! `infrakt proxy …`: domains, and the web server that leads them to apps and ports.

use super::exit::{self, DONE, Done};
use super::out::Paint;
use super::run::{How, Waiting, after_enqueue};
use super::table::{Cell, Table, or_dash, print_fields};
use super::{Ctx, ask, text};
use crate::service::Service;
use crate::service::jobs::EnqueuedView;
use crate::service::proxy::{Block, LeadsTo, ProxyStatus, RouteState, RouteThere};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Command {
    /// Make the file of routes and import it; installs nothing
    Setup {
        server: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Lead a domain to an app or a port
    Add(Add),
    /// Take a route away
    Remove {
        domain: String,
        /// The server it is on
        #[arg(long)]
        server: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// List a server's routes
    Domains { server: String },
    /// The web server, its routes and what others wrote: fresh from the server
    Status { server: String },
    /// Write the routes and have the web server read its files
    Reload {
        server: String,
        #[command(flatten)]
        waiting: Waiting,
    },
}

#[derive(Args)]
pub struct Add {
    /// Such as web.example.com, *.example.com or http://intern
    domain: String,
    /// The server it is for
    #[arg(long)]
    server: String,
    #[command(flatten)]
    to: To,
    /// Take the domain over from a block that infrakt did not write
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    waiting: Waiting,
}

/// Exactly one of them.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct To {
    /// An app of that server
    #[arg(long)]
    app: Option<String>,
    /// A port on the server's loopback
    #[arg(long)]
    port: Option<u16>,
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    let by = crate::config::requested_by();
    match command {
        Command::Setup { server, waiting } => {
            let how = waiting.decide(true)?;
            let service = ctx.service()?;
            let enqueued = service.set_up_proxy(&server, &by)?;
            after_enqueue(ctx, &service, &enqueued, how)
        }
        Command::Add(add) => {
            let how = add.waiting.decide(true)?;
            let service = ctx.service()?;
            // clap asks for one of them.
            let to = add.to.app.map_or(LeadsTo::Port(add.to.port.unwrap_or_default()), LeadsTo::App);
            let enqueued = service.add_route(&add.server, &add.domain, &to, add.adopt, &by)?;
            answered(ctx, &service, &enqueued, how, &add.domain)
        }
        Command::Remove { domain, server, waiting } => {
            let how = waiting.decide(true)?;
            let service = ctx.service()?;
            let enqueued = service.remove_route(&server, &domain, &by)?;
            after_enqueue(ctx, &service, &enqueued, how)
        }
        Command::Domains { server } => domains(ctx, &server),
        Command::Status { server } => status(ctx, &server),
        Command::Reload { server, waiting } => {
            let how = waiting.decide(true)?;
            let service = ctx.service()?;
            let enqueued = service.reload_proxy(&server, &by)?;
            after_enqueue(ctx, &service, &enqueued, how)
        }
    }
}

/// The job may carry what others asked for as well: what became of this domain is said by itself.
fn answered(ctx: &Ctx, service: &Service, enqueued: &EnqueuedView, how: How, domain: &str) -> Done {
    let code = after_enqueue(ctx, service, enqueued, how)?;
    if how == How::Return {
        return Ok(code);
    }
    match (code, service.route_refusal(enqueued.job_id, domain)?) {
        (DONE, Some(why)) => {
            ctx.out.error(why);
            ctx.out.hint(
                "`infrakt proxy status` shows what is there; `--adopt` takes a domain over from a block of others",
            );
            Ok(exit::REFUSED)
        }
        (exit::FAILED, _) if service.job(enqueued.job_id)?.code.as_deref() == Some("domain_taken") => Ok(exit::REFUSED),
        (code, _) => Ok(code),
    }
}

fn domains(ctx: &Ctx, server: &str) -> Done {
    let routes = ctx.service()?.routes(server)?;
    if ctx.out.json {
        ctx.out.document(&routes)?;
        return Ok(DONE);
    }
    if routes.is_empty() {
        ctx.out.note(format!("there are no routes on {server} yet"));
        ctx.out.hint(format!("`infrakt proxy add DOMAIN --server {server} --app APP` makes one"));
        return Ok(DONE);
    }
    let mut table = Table::new(&["DOMAIN", "APP", "PORT"]);
    for route in routes {
        table.row(vec![route.domain.into(), or_dash(route.app_name), or_dash(route.port.map(|port| port.to_string()))]);
    }
    table.print(&ctx.out)?;
    Ok(DONE)
}

fn status(ctx: &Ctx, server: &str) -> Done {
    let service = ctx.service()?;
    let status = ctx.block_on(ask::with_passphrase(&service, async || service.proxy_status(server).await))??;
    if ctx.out.json {
        ctx.out.document(&status)?;
        return Ok(DONE);
    }
    let proxy = &status.proxy;
    let set_up = match (proxy.managed_file, proxy.imported) {
        (true, true) => "yes",
        (true, false) => "no: the main file does not import the routes",
        (false, _) => "no: there is no file of routes",
    };
    print_fields(
        &ctx.out,
        &[
            ("server", Some(status.server_name.clone())),
            ("caddy", Some(super::server_status::part(&proxy.caddy))),
            ("set up", Some(set_up.to_owned())),
        ],
    )?;
    if !proxy.routes.is_empty() {
        ctx.out.line("")?;
        routes(ctx, &proxy.routes)?;
    }
    for (title, blocks) in [("STALE BLOCK", &proxy.stale), ("BLOCK OF OTHERS", &proxy.foreign)] {
        if !blocks.is_empty() {
            ctx.out.line("")?;
            self::blocks(ctx, title, blocks)?;
        }
    }
    hints(ctx, &status);
    Ok(DONE)
}

fn routes(ctx: &Ctx, routes: &[RouteThere]) -> Result<(), exit::Stop> {
    let mut table = Table::new(&["DOMAIN", "APP", "PORT", "STATE"]);
    for route in routes {
        let (word, paint) = match route.state {
            RouteState::InPlace => ("in place", Paint::Good),
            RouteState::Missing => ("missing", Paint::Bad),
            RouteState::Differs => ("leads elsewhere", Paint::Bad),
            RouteState::Taken => ("in a block of others", Paint::Bad),
            RouteState::Waiting => ("comes with the first deploy", Paint::Plain),
        };
        table.row(vec![
            route.domain.as_str().into(),
            or_dash(route.app.clone()),
            or_dash(route.port.map(|port| port.to_string())),
            Cell::painted(word, paint),
        ]);
    }
    table.print(&ctx.out)
}

fn blocks(ctx: &Ctx, title: &'static str, blocks: &[Block]) -> Result<(), exit::Stop> {
    let mut table = Table::new(&[title, "BY", "PORT", "FILE"]);
    for block in blocks {
        let by = match (&block.installation, &block.app) {
            (Some(installation), Some(app)) => Some(format!("infrakt {installation} {app}")),
            (Some(installation), None) => Some(format!("infrakt {installation}")),
            (None, _) => None,
        };
        table.row(vec![
            text::tame(&block.addresses.join(" ")).into(),
            or_dash(by.as_deref().map(text::tame)),
            or_dash(block.port.map(|port| port.to_string())),
            block.file.into(),
        ]);
    }
    table.print(&ctx.out)
}

fn hints(ctx: &Ctx, status: &ProxyStatus) {
    let server = &status.server_name;
    match status.proxy.caddy {
        crate::service::servers::Part::Missing => {
            ctx.out.hint(format!("`infrakt server provision {server}` installs caddy"));
        }
        _ if !status.proxy.set_up => ctx.out.hint(format!("`infrakt proxy setup {server}` makes what is missing")),
        _ if !status.agrees() => {
            ctx.out.hint(format!("`infrakt proxy reload {server}` writes the routes as they are recorded"));
        }
        _ => {}
    }
}
