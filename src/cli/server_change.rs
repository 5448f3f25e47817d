//! `infrakt server edit|remove|ssh`: what is done with a server that is known.

use super::exit::{self, DONE, Done, Stop};
use super::server::{absolute, address};
use super::{Ctx, ask, text};
use crate::service::servers::EditServer;
use clap::Args;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

#[derive(Args)]
pub struct Edit {
    name: String,
    /// Another name for it; nothing on it changes
    #[arg(long = "name", value_name = "NEW")]
    new_name: Option<String>,
    /// Host name, address, or an alias of your SSH configuration
    #[arg(long)]
    host: Option<String>,
    /// Login
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    port: Option<u16>,
    /// Private key file; an empty text goes back to the agent and the usual files
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// Who rents it out; an empty text takes it away
    #[arg(long)]
    provider: Option<String>,
    /// Record it without trying the new way
    #[arg(long)]
    offline: bool,
}

pub fn edit(ctx: &Ctx, edit: Edit) -> Done {
    let key = |path: String| if path.is_empty() { Ok(path) } else { absolute(PathBuf::from(path)) };
    let change = EditServer {
        name: edit.new_name,
        host: edit.host,
        user: edit.user,
        port: edit.port,
        key_path: edit.key.map(key).transpose()?,
        provider: edit.provider,
    };
    let service = ctx.service()?;
    let (name, offline) = (edit.name, edit.offline);
    let known = service.server(&name)?.host_key.is_some();
    let view =
        ctx.block_on(ask::with_passphrase(&service, async || service.edit_server(&name, &change, offline).await))??;
    if let Some(key) = view.host_key.as_ref().filter(|_| !known) {
        ctx.out.note(format!("{name} shows the host key {key}, which is pinned now"));
    }
    if ctx.out.json {
        ctx.out.document(&view)?;
    } else {
        ctx.out.line(match view.name == name {
            true => format!("{name} is changed: {}", address(&view)),
            false => format!("{name} is {} now: {}", view.name, address(&view)),
        })?;
    }
    super::run::see_that_somebody_runs(ctx, &service)?;
    Ok(DONE)
}

pub fn remove(ctx: &Ctx, name: &str, force: bool) -> Done {
    let service = ctx.service()?;
    let removed = ctx.block_on(service.remove_server(name, force, &crate::config::requested_by()))??;
    if ctx.out.json {
        ctx.out.document(&removed)?;
        return Ok(DONE);
    }
    for job in &removed.abandoned_jobs {
        ctx.out.warning(format!("job {job} had begun: what it did on {} was not looked at", removed.removed));
    }
    match removed.apps {
        0 => ctx.out.line(format!("{} is forgotten", removed.removed))?,
        apps => ctx.out.line(format!("{} is forgotten, with {}", removed.removed, text::count(apps, "app")))?,
    }
    Ok(DONE)
}

/// Becomes the system's `ssh`, whose exit code is this command's.
pub fn ssh(ctx: &Ctx, name: &str, words: &[OsString]) -> Done {
    if ctx.out.json {
        return Err(Stop::usage("`server ssh` hands over to ssh, which knows no JSON"));
    }
    let service = ctx.service()?;
    let call = ctx.block_on(service.ssh_call(name))??;
    if let Some(key) = &call.first_key {
        ctx.out.note(format!("{name} shows the host key {key}, which is pinned now"));
    }
    let error = Command::new("ssh").args(&call.args).args(words).exec();
    Err(Stop::new(exit::FAILED, format!("cannot start ssh: {error}")).hint("is OpenSSH's client installed here?"))
}
