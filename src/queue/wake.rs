//! Wake-up: tells who waits that something has changed. In the process at once, to other processes of the home by a datagram into
//! each one's socket, and as a net by asking for the data version twice a second. A wake-up carries no truth: who is woken looks.

use super::error::QueueError;
use crate::store::Db;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The net: a change is seen after this even where no datagram came.
pub const NET: Duration = Duration::from_millis(500);

/// What `sun_path` holds on Linux, with its closing NUL.
const PATH_MAX: usize = 107;

/// What a hint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Anything: who looks for work looks.
    Anything,
    /// A job's log has grown: there is nothing to do for anybody, only more to read.
    Log,
}

impl About {
    /// A datagram. An earlier version hears each as "anything".
    fn word(self) -> &'static [u8] {
        match self {
            About::Anything => b"!",
            About::Log => b".",
        }
    }
}

/// Rings for everybody who waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bell {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Counts rings. A counter and not a bare notification: who subscribes before looking misses nothing in between.
    rings: watch::Sender<u64>,
    /// Those of them that are about more than a log.
    work: watch::Sender<u64>,
    run_dir: PathBuf,
    /// None where the path is too long for a socket: the net is left.
    own: Option<Own>,
    sender: Option<UnixDatagram>,
}

#[derive(Debug)]
struct Own {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Bell {
    /// Hangs a bell into the home's `run` folder. Every process that waits has one, also one that only follows.
    pub fn hang(run_dir: &Path) -> Result<Self, QueueError> {
        let fault =
            |path: &Path, e: std::io::Error| QueueError::Run { path: path.to_path_buf(), reason: e.to_string() };
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = run_dir.join(format!("{}.s", &name[..8]));
        let own = if path.as_os_str().as_bytes().len() > PATH_MAX {
            None
        } else {
            let socket = UnixDatagram::bind(&path).map_err(|e| fault(&path, e))?;
            socket.set_nonblocking(true).map_err(|e| fault(&path, e))?;
            Some(Own { path, socket })
        };
        let sender = UnixDatagram::unbound().and_then(|s| s.set_nonblocking(true).map(|()| s)).ok();
        let inner = Inner {
            rings: watch::Sender::new(0),
            work: watch::Sender::new(0),
            run_dir: run_dir.to_path_buf(),
            own,
            sender,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Call it after the commit: wakes this process and all others of the home. It reads a folder and sends, so it is no call for the
    /// reactor's thread; but it waits for nobody: a full socket is one that has a wake-up already, a dead one is removed.
    pub fn ring(&self) {
        self.tell(About::Anything);
    }

    /// The same where nothing but a job's log has changed: wakes those who follow, and nobody who looks for work.
    pub fn ring_for_log(&self) {
        self.tell(About::Log);
    }

    fn tell(&self, about: About) {
        self.hear(about);
        let (Some(sender), Ok(entries)) = (&self.inner.sender, std::fs::read_dir(&self.inner.run_dir)) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_own = self.inner.own.as_ref().is_some_and(|own| own.path == path);
            if is_own || path.extension().is_none_or(|ext| ext != "s") {
                continue;
            }
            match sender.send_to(about.word(), &path) {
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                    let _ = std::fs::remove_file(&path);
                }
                _ => {}
            }
        }
    }

    /// Takes this process's socket away before its end. Threads that outlive the last wait may hold a clone until the process is
    /// gone, and then nothing is dropped.
    pub fn take_down(&self) {
        if let Some(own) = &self.inner.own {
            let _ = std::fs::remove_file(&own.path);
        }
    }

    /// Wakes this process only.
    pub fn ring_here(&self) {
        self.hear(About::Anything);
    }

    fn hear(&self, about: About) {
        let count = |n: &mut u64| *n = n.wrapping_add(1);
        self.inner.rings.send_modify(count);
        if about == About::Anything {
            self.inner.work.send_modify(count);
        }
    }

    /// Subscribe first, look second, wait third: then nothing is missed.
    pub fn listen(&self) -> Listener {
        Listener { rings: self.inner.rings.subscribe() }
    }

    /// The same for those who look for work: what a log says is nothing to them.
    pub fn listen_for_work(&self) -> Listener {
        Listener { rings: self.inner.work.subscribe() }
    }

    /// Carries datagrams and changes of the data version to this process's listeners, for as long as it is polled.
    pub async fn carry(&self, db: Db) {
        let socket = self
            .inner
            .own
            .as_ref()
            .and_then(|own| own.socket.try_clone().and_then(tokio::net::UnixDatagram::from_std).ok());
        let mut seen = None;
        let mut tick = tokio::time::interval(NET);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut buffer = [0u8; 16];
        loop {
            tokio::select! {
                heard = receive(socket.as_ref(), &mut buffer) => if let Some(about) = heard { self.hear(about) },
                _ = tick.tick() => {
                    let asked = { let db = db.clone(); tokio::task::spawn_blocking(move || db.data_version()).await };
                    // What cannot be asked now is asked at the next tick: who waits has an error of its own to meet.
                    if let Ok(Ok(version)) = asked && seen.replace(version) != Some(version) {
                        self.ring_here();
                    }
                }
            }
        }
    }
}

/// Sockets in the `run` folder that nobody reads any more; the next ring removes them.
pub(super) fn dead_sockets(run_dir: &Path) -> Vec<PathBuf> {
    let (Ok(socket), Ok(entries)) = (UnixDatagram::unbound(), std::fs::read_dir(run_dir)) else { return Vec::new() };
    let sockets = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "s"));
    let dead = |path: &PathBuf| socket.connect(path).is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused);
    sockets.filter(dead).collect()
}

/// Waits for a datagram; for ever where there is no socket.
async fn receive(socket: Option<&tokio::net::UnixDatagram>, buffer: &mut [u8]) -> Option<About> {
    match socket {
        Some(socket) => {
            let length = socket.recv(buffer).await.ok()?;
            Some(if buffer[..length] == *About::Log.word() { About::Log } else { About::Anything })
        }
        None => std::future::pending().await,
    }
}

/// One who waits.
#[derive(Clone, Debug)]
pub struct Listener {
    rings: watch::Receiver<u64>,
}

impl Listener {
    /// Returns when the bell has rung since this last returned, or since [`Bell::listen`]; for ever waiting once the bell is gone.
    pub async fn heard(&mut self) {
        if self.rings.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// As [`Listener::heard`], at most for `limit`. False: nobody rang.
    pub async fn heard_within(&mut self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.heard()).await.is_ok()
    }
}
