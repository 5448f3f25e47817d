//! `infrakt key …`: named keys of the HTTP API; and `infrakt ui`, which opens the web page.

use super::exit::{DONE, Done};
use super::table::{Cell, Table, or_dash};
use super::{Ctx, text};
use crate::queue::worker;
use crate::service::ServiceError;
use crate::service::keys::Scope;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

#[derive(Subcommand)]
pub enum Command {
    /// Make a key; it is printed this once
    Add {
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = May::Read)]
        scope: May,
    },
    /// List keys, without what they are
    List,
    /// Take a key away; whoever has it can do nothing more with it
    Revoke { name: String },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum May {
    /// See everything but secrets
    Read,
    /// Also deploy, restart, and change environments
    Deploy,
    /// Everything
    Admin,
}

/// Where `infrakt serve` listens when nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:8000";

#[derive(Args)]
pub struct Ui {
    /// Where `infrakt serve` is reached (default: where the one of this home listens)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    let service = ctx.service()?;
    match command {
        Command::Add { name, scope } => {
            let scope = match scope {
                May::Read => Scope::Read,
                May::Deploy => Scope::Deploy,
                May::Admin => Scope::Admin,
            };
            let made = service.add_key(&name, scope, &crate::config::requested_by())?;
            let key = made.key.expose();
            if ctx.out.json {
                ctx.out.document(&json!({ "name": made.name, "scope": made.scope.as_str(), "key": key }))?;
            } else {
                ctx.out.line(key)?;
                ctx.out.hint("it is not shown again; `X-API-Key` is the header that takes it");
            }
        }
        Command::List => {
            let (keys, now) = (service.keys()?, ctx.now_ms());
            if ctx.out.json {
                ctx.out.document(&keys)?;
            } else {
                let mut table = Table::new(&["NAME", "MAY", "MADE BY", "MADE", "LAST USED"]);
                for key in keys {
                    let made = Cell::from(text::ago(now, key.created_at.0));
                    let used = or_dash(key.last_used_at.map(|at| text::ago(now, at.0)));
                    table.row(vec![key.name.into(), key.scope.into(), key.created_by.into(), made, used]);
                }
                table.print(&ctx.out)?;
            }
        }
        Command::Revoke { name } => {
            service.revoke_key(&name)?;
            if ctx.out.json {
                ctx.out.document(&json!({ "revoked": name }))?;
            } else {
                ctx.out.line(format!("revoked {name}"))?;
            }
        }
    }
    Ok(DONE)
}

/// The address that logs a browser in, once.
pub fn ui(ctx: &Ctx, asked: &Ui) -> Done {
    let service = ctx.service()?;
    let link = service.make_link()?;
    let served = match asked.url {
        Some(_) => None,
        None => worker::served_at(service.db(), &service.home().run()).map_err(ServiceError::from)?,
    };
    let nobody = asked.url.is_none() && served.is_none();
    let base = asked.url.clone().or(served).filter(|url| !url.is_empty());
    let url = link_at(base.as_deref().unwrap_or(DEFAULT_URL), link.expose());
    if ctx.out.json {
        ctx.out.document(&json!({ "url": url }))?;
    } else {
        ctx.out.line(url)?;
        ctx.out.hint("it works once, within a quarter of an hour");
    }
    if nobody {
        ctx.out.warning("nothing serves this home now");
        ctx.out.hint("`infrakt serve` does; where it is reached elsewhere, `--url` says it");
    }
    Ok(DONE)
}

pub(super) fn link_at(base: &str, link: &str) -> String {
    format!("{}/api/session/link?token={link}", base.trim_end_matches('/'))
}
