//! `infrakt worker`: runs the jobs of all lanes.

use super::Ctx;
use super::exit::{self, DONE, Done, Stop};
use super::owner::Owner;
use super::signals::Interrupt;
use crate::domain::secret::Secret;
use clap::Args;
use std::io::Read;

#[derive(Args)]
pub struct Worker {
    /// End when there has been nothing to do for some seconds
    #[arg(long)]
    until_idle: bool,
    /// Read the passphrase of the private key from stdin
    #[arg(long, hide = true)]
    passphrase_stdin: bool,
}

pub fn run(ctx: &Ctx, worker: Worker) -> Done {
    let service = match worker.passphrase_stdin {
        true => ctx.service_with(Some(passphrase()?))?,
        false => ctx.service()?,
    };
    if let Err(error) = service.sweep_environments() {
        tracing::warn!(%error, "an environment whose app was destroyed could not be removed");
    }
    Owner::block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let owner = Owner::of_all(&service).await?;
        tracing::info!(home = %service.home().dir().display(), "ready to run jobs");
        let ended = tokio::select! {
            ended = owner.until_idle(), if worker.until_idle => ended,
            trouble = owner.until_trouble() => Err(trouble),
            () = interrupt.recv() => Ok(()),
        };
        owner.drain().await;
        tracing::info!("ended");
        ended.map(|()| DONE)
    })
}

fn passphrase() -> Result<Secret<String>, Stop> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Stop::new(exit::FAILED, format!("cannot read stdin: {error}")))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
