//! `infrakt server …`: machines reached over SSH.

use super::exit::{self, DONE, Done, Stop};
use super::out::Paint;
use super::run::{Waiting, after_enqueue, see_that_somebody_runs};
use super::table::{Cell, Table, Widths, or_dash, print_fields};
use super::{Ctx, ask, server_change, server_status, text};
use crate::domain::server::HostKey;
use crate::service::servers::{self, AddServer, Greeting, Pause, PauseReason, ProvisionOptions, ServerView};
use crate::service::{PAGE, Service};
use clap::{Args, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Command {
    /// Add a server: connect, show its host key, pin it
    Add(Add),
    /// List servers
    List,
    /// Show one server
    Show { name: String },
    /// Set up Docker, Caddy, fail2ban and the firewall
    Provision {
        name: String,
        /// Upgrade what is installed as well
        #[arg(long)]
        upgrade: bool,
        /// Where Docker and Caddy come from
        #[arg(long, value_enum, default_value_t = Packages::Auto)]
        packages: Packages,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Load, memory, disk, containers: fresh from the server
    Status { name: String },
    /// Pin the host key that the server shows now
    Trust {
        name: String,
        /// The key must have this fingerprint
        #[arg(long, value_name = "SHA256:…")]
        fingerprint: Option<String>,
    },
    /// Change how a server is called or reached; its pinned host key stays
    Edit(server_change::Edit),
    /// Open ssh to it, or run a command there: right key, port, user and pinned host key
    Ssh {
        name: String,
        /// The command; none opens a shell
        #[arg(last = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Forget a server; nothing on it is touched
    Remove {
        name: String,
        /// Forget its apps with it, and its jobs where it cannot be reached
        #[arg(long)]
        force: bool,
    },
}

#[derive(Args)]
pub struct Add {
    /// Its name
    #[arg(value_name = "NAME", conflicts_with = "name_flag")]
    name: Option<String>,
    #[arg(long = "name", value_name = "NAME", hide = true)]
    name_flag: Option<String>,
    /// Host name, address, or an alias of your SSH configuration
    #[arg(long)]
    host: Option<String>,
    /// Login (default: your SSH configuration, else root)
    #[arg(long)]
    user: Option<String>,
    /// Port (default: your SSH configuration, else 22)
    #[arg(long)]
    port: Option<u16>,
    /// Private key file (default: the agent, then the usual files)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Who rents it out, for your own record
    #[arg(long)]
    provider: Option<String>,
    /// The host key must have this fingerprint
    #[arg(long, value_name = "SHA256:…", conflicts_with = "offline")]
    fingerprint: Option<String>,
    /// Record it without connecting
    #[arg(long)]
    offline: bool,
}

/// Where the packages of Docker and Caddy come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Packages {
    /// From the vendors when they answer, else from the distribution
    Auto,
    /// From the vendors' repositories
    Vendor,
    /// From the distribution
    Distro,
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Add(add) => self::add(ctx, add),
        Command::List => list(ctx),
        Command::Show { name } => show(ctx, &name),
        Command::Provision { name, upgrade, packages, waiting } => provision(ctx, &name, upgrade, packages, &waiting),
        Command::Status { name } => status(ctx, &name),
        Command::Trust { name, fingerprint } => trust(ctx, &name, fingerprint),
        Command::Edit(edit) => server_change::edit(ctx, edit),
        Command::Ssh { name, command } => server_change::ssh(ctx, &name, &command),
        Command::Remove { name, force } => server_change::remove(ctx, &name, force),
    }
}

fn add(ctx: &Ctx, add: Add) -> Done {
    let said = |value: Option<String>, what, how| value.map_or_else(|| ask::text(what, how), Ok);
    let new = AddServer {
        name: said(add.name.or(add.name_flag), "name", "infrakt server add NAME --host HOST")?,
        host: said(add.host, "host", "infrakt server add NAME --host HOST")?,
        user: add.user,
        port: add.port,
        key_path: add.key.map(absolute).transpose()?,
        provider: add.provider,
    };
    let service = ctx.service()?;
    service.check_new_server(&new)?;
    let view = ctx.block_on(async {
        let greeting =
            if add.offline { None } else { Some(meet(ctx, &service, &new, add.fingerprint.as_deref()).await?) };
        Ok::<_, Stop>(service.add_server(new, greeting).await?)
    })??;
    if ctx.out.json {
        ctx.out.document(&view)?;
        return Ok(DONE);
    }
    let address = address(&view);
    match view.host_key {
        Some(_) => ctx.out.line(format!("{} is added: {address}", view.name))?,
        None => ctx.out.line(format!("{} is recorded: {address}, not contacted yet", view.name))?,
    }
    ctx.out.hint(format!("`infrakt server provision {}` sets it up", view.name));
    Ok(DONE)
}

/// The first contact: the key is shown and agreed to before anything secret is offered to it.
async fn meet(ctx: &Ctx, service: &Service, new: &AddServer, fingerprint: Option<&str>) -> Result<Greeting, Stop> {
    let key = service.host_key_of(new).await?;
    agree(ctx, &new.name, &key, fingerprint)?;
    ask::with_passphrase(service, async || service.greet(new, key.clone()).await).await
}

fn agree(ctx: &Ctx, name: &str, key: &HostKey, fingerprint: Option<&str>) -> Result<(), Stop> {
    ctx.out.note(format!("{name} shows the host key {key}"));
    match fingerprint {
        Some(expected) if key.has_fingerprint(expected) => Ok(()),
        Some(expected) => Err(Stop::new(exit::UNREACHABLE, format!("the host key of {name} is not {expected}"))
            .hint("somebody may be in between; nothing was recorded")),
        None => ask::confirm(ctx.yes, "is this the right key?", "--yes` or `--fingerprint SHA256:…"),
    }
}

/// A key file is used by processes that start elsewhere. What begins with `~/` is left: it is the user's home everywhere.
pub(super) fn absolute(path: PathBuf) -> Result<String, Stop> {
    let path = if path.starts_with("~") { path } else { std::path::absolute(&path)? };
    match path.to_str() {
        Some(text) if text.len() <= 500 => Ok(text.to_owned()),
        _ => Err(Stop::usage("the path of the key file is too long or no text")),
    }
}

fn list(ctx: &Ctx) -> Done {
    let service = ctx.service()?;
    let servers = service.servers(None)?;
    if ctx.out.json {
        return print_pages(ctx, servers, |after| service.servers(Some(after)));
    }
    if servers.is_empty() {
        ctx.out.note("there are no servers yet");
        ctx.out.hint("`infrakt server add NAME --host HOST` adds one");
        return Ok(DONE);
    }
    let now = ctx.now_ms();
    let by_name = |a: &ServerView, b: &ServerView| a.name.cmp(&b.name);
    print_tables(ctx, servers, |after| service.servers(Some(after)), by_name, |servers| table(servers, now))?;
    Ok(DONE)
}

fn table(servers: &[ServerView], now: i64) -> Table {
    let mut table = Table::new(&["NAME", "HOST", "USER", "PORT", "STATUS", "APPS", "PROVIDER", "SEEN"]);
    for server in servers {
        table.row(vec![
            server.name.as_str().into(),
            server.host.as_str().into(),
            server.user.as_str().into(),
            server.port.to_string().into(),
            status_cell(server),
            server.app_count.to_string().into(),
            or_dash(server.provider.as_deref()),
            or_dash(server.last_seen_at.map(|at| text::ago(now, at.0))),
        ]);
    }
    table
}

/// A list as JSON, page by page: one array.
pub(super) fn print_pages<T: serde::Serialize + HasId>(
    ctx: &Ctx,
    first: Vec<T>,
    mut next: impl FnMut(i64) -> Result<Vec<T>, crate::service::ServiceError>,
) -> Done {
    if (first.len() as i64) < PAGE {
        ctx.out.document(&first)?;
        return Ok(DONE);
    }
    let mut page = first;
    let mut separator = "[";
    while let Some(last) = page.last().map(HasId::id) {
        for row in &page {
            let row =
                serde_json::to_string(row).map_err(|e| Stop::new(exit::FAILED, format!("cannot write JSON: {e}")))?;
            ctx.out.line(format!("{separator}{row}"))?;
            separator = ",";
        }
        page = next(last)?;
    }
    ctx.out.line("]")?;
    Ok(DONE)
}

/// A list as one table, page by page; one that fits a page is sorted.
pub(super) fn print_tables<T: HasId>(
    ctx: &Ctx,
    first: Vec<T>,
    mut next: impl FnMut(i64) -> Result<Vec<T>, crate::service::ServiceError>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    table: impl Fn(&[T]) -> Table,
) -> Result<(), Stop> {
    let mut page = first;
    let mut widths = Widths::default();
    let mut sorted = true;
    while let Some(last) = page.last().map(HasId::id) {
        let full = page.len() as i64 == PAGE;
        sorted &= !full;
        if sorted {
            page.sort_by(&order);
        }
        table(&page).print_on(&ctx.out, &mut widths)?;
        page = if full { next(last)? } else { Vec::new() };
    }
    Ok(())
}

/// A row of a list, and the cursor that it is.
pub(super) trait HasId {
    fn id(&self) -> i64;
}

impl HasId for ServerView {
    fn id(&self) -> i64 {
        self.id
    }
}

fn status_cell(server: &ServerView) -> Cell {
    let (word, paint) = match (&server.paused, &server.last_error, server.status.as_str()) {
        (Some(_), _, _) => ("paused", Paint::Asking),
        (None, Some(_), _) => ("unreachable", Paint::Bad),
        (None, None, "active") => ("active", Paint::Good),
        (None, None, "provisioning") => ("provisioning", Paint::Busy),
        (None, None, other) => (other, Paint::Plain),
    };
    Cell::painted(word, paint)
}

pub(super) fn address(server: &ServerView) -> String {
    if server.host.contains(':') {
        format!("{}@[{}]:{}", server.user, server.host, server.port)
    } else {
        format!("{}@{}:{}", server.user, server.host, server.port)
    }
}

fn show(ctx: &Ctx, name: &str) -> Done {
    let server = ctx.service()?.server(name)?;
    if ctx.out.json {
        ctx.out.document(&server)?;
        return Ok(DONE);
    }
    let now = ctx.now_ms();
    let paused = server.paused.as_ref().map(|pause| {
        let since = text::ago(now, pause.since.0);
        match &pause.reason {
            Some(reason) => format!("{since}: {reason}"),
            None => since,
        }
    });
    let facts = server.facts.as_object().map(|facts| {
        let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        facts.iter().map(|(key, value)| format!("{key} {}", word(value))).collect::<Vec<_>>().join("\n")
    });
    print_fields(
        &ctx.out,
        &[
            ("name", Some(server.name.clone())),
            ("address", Some(address(&server))),
            ("key", server.ssh_key_path.clone()),
            ("host key", Some(server.host_key.as_ref().map_or("not known yet".into(), HostKey::to_string))),
            ("status", Some(server.status.clone())),
            ("paused", paused),
            ("provider", server.provider.clone()),
            ("apps", Some(server.app_count.to_string())),
            ("found", facts.filter(|facts| !facts.is_empty())),
            ("seen", server.last_seen_at.map(|at| text::ago(now, at.0))),
            ("error", server.last_error.clone()),
            ("added", Some(text::moment(server.created_at.0))),
        ],
    )?;
    if matches!(server.paused, Some(Pause { reason: Some(PauseReason::HostKey { .. }), .. })) {
        ctx.out.hint(format!("if the server was set up anew: `infrakt server trust {}`", server.name));
    }
    Ok(DONE)
}

fn provision(ctx: &Ctx, name: &str, upgrade: bool, packages: Packages, waiting: &Waiting) -> Done {
    let how = waiting.decide(false)?;
    let service = ctx.service()?;
    let packages = match packages {
        Packages::Auto => servers::Packages::Auto,
        Packages::Vendor => servers::Packages::Vendor,
        Packages::Distro => servers::Packages::Distro,
    };
    let options = ProvisionOptions { upgrade, packages };
    let enqueued = service.provision_server(name, &options, &crate::config::requested_by())?;
    after_enqueue(ctx, &service, &enqueued, how)
}

fn status(ctx: &Ctx, name: &str) -> Done {
    let service = ctx.service()?;
    let status = ctx.block_on(ask::with_passphrase(&service, async || service.server_status(name).await))??;
    if ctx.out.json {
        ctx.out.document(&status)?;
        return Ok(DONE);
    }
    server_status::print(ctx, &status)
}

fn trust(ctx: &Ctx, name: &str, fingerprint: Option<String>) -> Done {
    let service = ctx.service()?;
    let (server, seen) = ctx.block_on(service.compare_host_key(name))??;
    let unchanged = server.host_key.as_ref() == Some(&seen);
    // A fingerprint that is said must be the one, whatever is pinned.
    if !unchanged || fingerprint.as_deref().is_some_and(|expected| !seen.has_fingerprint(expected)) {
        match &server.host_key {
            Some(pinned) => ctx.out.note(format!("pinned is {pinned}")),
            None => ctx.out.note(format!("no host key of {name} is pinned yet")),
        }
        agree(ctx, &server.name, &seen, fingerprint.as_deref())?;
    }
    let view = service.trust_server(&server, &seen)?;
    if ctx.out.json {
        ctx.out.document(&view)?;
    } else if unchanged {
        ctx.out.line(format!("{} shows the pinned key: {seen}", server.name))?;
    } else {
        ctx.out.line(format!("{} is trusted with {seen}", server.name))?;
    }
    see_that_somebody_runs(ctx, &service)?;
    Ok(DONE)
}
