//! `infrakt db …`: managed databases.

use super::app::status_cell;
use super::app_work::forgotten;
use super::exit::{self, DONE, Done};
use super::run::{Waiting, after_enqueue, say_when_nobody_runs};
use super::server::{HasId, print_pages, print_tables};
use super::table::{Table, or_dash};
use super::{Ctx, ask};
use crate::config;
use crate::domain::database::DbKind;
use crate::service::app_work::Destroyed;
use crate::service::apps::AppRef;
use crate::service::databases::{CreateDatabase, DatabaseView, DestroyArgs};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Command {
    /// Make a database, with a password of its own and a volume that outlives it
    Create(Create),
    /// List databases
    List {
        /// On this server only
        #[arg(long)]
        server: Option<String>,
    },
    /// Print the URL, password included, with which other apps on its server reach a database
    Url {
        #[command(flatten)]
        database: DbArg,
        /// The one that holds on the server itself, on its loopback
        #[arg(long)]
        local: bool,
    },
    /// Take a database off its server; its volume stays, and is found again by its name
    Destroy(Destroy),
}

#[derive(Args)]
pub struct DbArg {
    /// NAME or SERVER/NAME
    name: String,
    /// The server, where the name stands on several
    #[arg(long)]
    server: Option<String>,
}

#[derive(Args)]
pub struct Create {
    /// Its name, which is its host name for other apps as well
    #[arg(value_name = "NAME", conflicts_with = "name_flag", required_unless_present = "name_flag")]
    name: Option<String>,
    #[arg(long = "name", value_name = "NAME", hide = true)]
    name_flag: Option<String>,
    /// The server it is for
    #[arg(long)]
    server: String,
    /// postgres, mysql, redis or mongo
    #[arg(long = "type", value_name = "TYPE", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(DbKind::ALL.map(DbKind::as_str)))]
    kind: String,
    /// The tag of the official image [default: 16, 8, 7-alpine or 7]
    #[arg(long)]
    version: Option<String>,
    /// Another image, which keeps the variables of the official one
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

#[derive(Args)]
pub struct Destroy {
    #[command(flatten)]
    database: DbArg,
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

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::Create(create) => self::create(ctx, create),
        Command::List { server } => list(ctx, server.as_deref()),
        Command::Url { database, local } => url(ctx, &database, local),
        Command::Destroy(destroy) => self::destroy(ctx, &destroy),
    }
}

fn create(ctx: &Ctx, create: Create) -> Done {
    let how = create.waiting.decide(true)?;
    let new = CreateDatabase {
        // clap asks for one of them, and takes no other type.
        name: create.name.or(create.name_flag).unwrap_or_default(),
        kind: create.kind.parse().unwrap_or(DbKind::Postgres),
        server: create.server,
        version: create.version,
        image: create.image,
    };
    let service = ctx.service()?;
    let created = service.create_database(&new, &config::requested_by())?;
    if let (Some(volume), false) = (&created.kept, ctx.out.json) {
        ctx.out.note(format!(
            "{volume} was kept on {}: going on with its data and password, as {}",
            new.server, created.image
        ));
    }
    let code = after_enqueue(ctx, &service, &created.enqueued, how)?;
    if code == DONE && !ctx.out.json && how != super::run::How::Return {
        ctx.out.hint(format!("`infrakt db url {}/{}` prints how apps on {0} reach it", new.server, new.name));
    }
    Ok(code)
}

impl HasId for DatabaseView {
    fn id(&self) -> i64 {
        self.id
    }
}

fn list(ctx: &Ctx, server: Option<&str>) -> Done {
    let service = ctx.service()?;
    let databases = service.databases(server, None)?;
    if ctx.out.json {
        return print_pages(ctx, databases, |after| service.databases(server, Some(after)));
    }
    if databases.is_empty() {
        ctx.out.note(match server {
            Some(server) => format!("there are no databases on {server}"),
            None => "there are no databases yet".to_owned(),
        });
        ctx.out.hint("`infrakt db create NAME --server SERVER --type postgres` makes one");
        return Ok(DONE);
    }
    print_tables(
        ctx,
        databases,
        |after| service.databases(server, Some(after)),
        |a, b| (&a.name, &a.server_name).cmp(&(&b.name, &b.server_name)),
        table,
    )?;
    say_when_nobody_runs(ctx, &service)?;
    Ok(DONE)
}

fn table(databases: &[DatabaseView]) -> Table {
    let mut table = Table::new(&["NAME", "SERVER", "TYPE", "PORT", "STATUS", "IMAGE", "ON THE SERVER"]);
    for database in databases {
        table.row(vec![
            database.name.as_str().into(),
            database.server_name.as_str().into(),
            database.db_type.as_str().into(),
            database.port.to_string().into(),
            status_cell(&database.status),
            or_dash(database.image.as_deref()),
            or_dash(database.host_port.map(|port| format!("127.0.0.1:{port}"))),
        ]);
    }
    table
}

fn url(ctx: &Ctx, database: &DbArg, local: bool) -> Done {
    let named = AppRef::parse(&database.name, database.server.as_deref())?;
    let service = ctx.service()?;
    let credentials =
        ctx.block_on(ask::with_passphrase(&service, async || service.credentials(&named, local).await))??;
    if ctx.out.json {
        ctx.out.document(&credentials)?;
    } else {
        ctx.out.line(&credentials.url)?;
    }
    Ok(DONE)
}

fn destroy(ctx: &Ctx, destroy: &Destroy) -> Done {
    let how = destroy.waiting.decide(true)?;
    let service = ctx.service()?;
    let database = service.database(&AppRef::parse(&destroy.database.name, destroy.database.server.as_deref())?)?;
    let (name, server) = (&database.name, &database.server_name);
    let what = if destroy.local {
        format!("forget the database {name} here and leave what is on {server} there")
    } else if destroy.volumes {
        format!("destroy the database {name} on {server}, its data too")
    } else {
        format!("destroy the database {name} on {server}; its volume stays")
    };
    ask::type_name(ctx.yes || destroy.force, &what, name)?;
    let by = config::requested_by();
    // By its server's name from here on: what was agreed to is what happens.
    let named = AppRef { name: name.clone(), server: Some(server.clone()) };
    if destroy.local {
        return forgotten(ctx, &service.forget_database(&named, &by)?);
    }
    let args = DestroyArgs { volumes: destroy.volumes };
    let asked =
        ctx.block_on(ask::with_passphrase(&service, async || service.destroy_database(&named, args, &by).await))??;
    match asked {
        Destroyed::Forgotten(gone) => forgotten(ctx, &gone),
        Destroyed::Enqueued(enqueued) => {
            let code = after_enqueue(ctx, &service, &enqueued, how)?;
            if code == exit::UNREACHABLE {
                ctx.out.hint(format!("where {server} is gone for good, `--local` forgets {name} here"));
            }
            Ok(code)
        }
    }
}
