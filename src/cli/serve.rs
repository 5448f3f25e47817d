//! `infrakt serve`: the API and the page, and in the same process the jobs of all lanes.

use super::Ctx;
use super::exit::{self, DONE, Done, Stop};
use super::owner::Owner;
use super::signals::Interrupt;
use super::{notify, unit};
use crate::config;
use crate::http::{self, Bound, Setup, State};
use clap::Args;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

#[derive(Args)]
pub struct Serve {
    /// Where to listen; may be given several times
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8000")]
    bind: Vec<SocketAddr>,
    /// Listen on a socket as well, for a proxy on this machine
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// A name under which it is reached; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// A page elsewhere that may ask with a key; may be given several times
    #[arg(long, value_name = "URL")]
    origin: Vec<String>,
    /// Serve this build of the page instead of the one in the program
    #[arg(long, value_name = "DIR")]
    ui: Option<PathBuf>,
    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
    /// Print a unit for systemd that serves like this, and end
    #[arg(long)]
    print_unit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Serve {
    pub fn logs_json(&self) -> bool {
        self.log == Some(LogFormat::Json)
    }

    /// The command that serves like this one.
    fn words(&self, program: &Path, home: &Path) -> Vec<String> {
        let mut words = vec![program.display().to_string(), "--home".to_owned(), home.display().to_string()];
        words.push("serve".to_owned());
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        self.bind.iter().for_each(|address| option("--bind", address.to_string()));
        self.unix.iter().for_each(|path| option("--unix", path.display().to_string()));
        self.host.iter().for_each(|name| option("--host", name.clone()));
        self.origin.iter().for_each(|url| option("--origin", url.clone()));
        self.ui.iter().for_each(|dir| option("--ui", dir.display().to_string()));
        words
    }
}

/// Who a home belongs to; who asks where there is none yet.
fn owner_of(home: &Path) -> u32 {
    // SAFETY: it reads a number of this process and cannot fail.
    std::fs::metadata(home).map_or_else(|_| unsafe { libc::geteuid() }, |meta| meta.uid())
}

pub fn run(ctx: &Ctx, asked: Serve) -> Done {
    if asked.print_unit {
        let words = asked.words(&config::current_exe()?, ctx.home()?.dir());
        ctx.out.raw(unit::text(owner_of(ctx.home()?.dir()), ctx.home()?.dir(), &words).as_bytes())?;
        return Ok(DONE);
    }
    let service = ctx.service()?;
    service.prepare_key()?;
    service.first_key()?;
    if let Err(error) = service.sweep_environments() {
        tracing::warn!(%error, "an environment whose app was destroyed could not be removed");
    }
    let broken = |error: std::io::Error| Stop::new(exit::FAILED, error.to_string());
    let bound = Bound::bind(&asked.bind, asked.unix.as_deref()).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            broken(error).hint("`--bind ADDRESS:PORT` names another one; port 0 takes any")
        }
        _ => broken(error),
    })?;
    let addresses = bound.addresses();
    let setup = Setup { addresses: addresses.clone(), hosts: asked.host, origins: asked.origin, ui: asked.ui };
    let ended = Owner::block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let owner = Owner::that_serves(&service).await?;
        let state = State::new(service.clone(), setup);
        for address in &addresses {
            ctx.out.line(format!("listening on http://{address}"))?;
        }
        if let Some(path) = &asked.unix {
            ctx.out.line(format!("listening on {}", path.display()))?;
        }
        if let Some(address) = addresses.first() {
            owner.serves_at(format!("http://{address}")).await?;
            let link = service.make_link()?;
            ctx.out.hint(format!(
                "open {} once to log a browser in",
                super::key::link_at(&format!("http://{address}"), link.expose())
            ));
        }
        for address in addresses.iter().filter(|address| !address.ip().is_loopback()) {
            ctx.out.warning(format!(
                "{address} can be reached from other machines, and what goes over it is not encrypted"
            ));
            ctx.out.hint("keep it on 127.0.0.1 and put a web server with TLS in front of it");
        }
        notify::ready();
        let (end, ending) = oneshot::channel::<()>();
        let served = http::serve(state, bound, async {
            let _ = ending.await;
        });
        tokio::pin!(served);
        let ended = tokio::select! {
            ended = &mut served => return ended.map(|()| DONE).map_err(broken),
            trouble = owner.until_trouble() => Err(trouble),
            () = interrupt.recv() => Ok(()),
        };
        notify::stopping();
        let _ = end.send(());
        let (stopped, ()) = tokio::join!(served, owner.drain());
        tracing::info!("ended");
        ended?;
        stopped.map(|()| DONE).map_err(broken)
    });
    // The threads that answered requests are not waited for, and hold what they held.
    service.bell()?.take_down();
    ended
}
