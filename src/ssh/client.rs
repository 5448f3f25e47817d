//! `Ssh`: makes connections. Cheap to make and to clone; its threads start when they are needed.

use crate::domain::secret::Secret;
use crate::domain::server::HostKey;
use crate::ssh::connection::{Calls, Connection};
use crate::ssh::counters::Counters;
use crate::ssh::error::ConnectError;
use crate::ssh::host_key;
use crate::ssh::live::Live;
use crate::ssh::login;
use crate::ssh::open::{self, Opened};
use crate::ssh::remote::Remote;
use crate::ssh::resolve::{self, Resolved};
use crate::ssh::room::Room;
use crate::ssh::types::{Settings, Target};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The door of the room.
#[derive(Clone)]
pub struct Ssh {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    room: Room,
}

impl Ssh {
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let inner = Inner { settings: Arc::new(settings), counters: Arc::default(), room: Room::default() };
        Self { inner: Arc::new(inner) }
    }

    /// What this room did so far.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Connects, compares the host key and logs in. Tried once: retrying is the caller's.
    pub async fn connect(&self, target: &Target) -> Result<Connection, ConnectError> {
        let (room, target) = (self.clone(), target.clone());
        let result = self.on_thread(move || Box::pin(async move { room.connect_here(target).await })).await;
        match &result {
            Ok(_) => self.inner.counters.connections.add(1),
            Err(_) => self.inner.counters.connect_failures.add(1),
        }
        result
    }

    /// The host key a server shows, without a login: for the first contact. A pinned key, or one in known_hosts, is compared.
    pub async fn host_key(&self, target: &Target) -> Result<HostKey, ConnectError> {
        let (settings, target) = (self.inner.settings.clone(), target.clone());
        self.on_thread(move || {
            Box::pin(async move {
                let resolved = resolve::resolve(&settings, &target).await?;
                let opened = open::open(&settings, &resolved, target.pinned.as_ref()).await?;
                Ok(opened.host_key.clone())
            })
        })
        .await
    }

    /// The same, with the line by which a file of known hosts knows it under `name`: for the system's `ssh`.
    pub async fn known_hosts_line(&self, target: &Target, name: &str) -> Result<(HostKey, String), ConnectError> {
        let (settings, target, name) = (self.inner.settings.clone(), target.clone(), name.to_owned());
        self.on_thread(move || {
            Box::pin(async move {
                let resolved = resolve::resolve(&settings, &target).await?;
                let opened = open::open(&settings, &resolved, target.pinned.as_ref()).await?;
                let blob = opened.session.host_key().map(|(blob, _)| blob.to_vec()).unwrap_or_default();
                Ok((opened.host_key.clone(), host_key::known_hosts_line(&name, &opened.host_key, &blob)))
            })
        })
        .await
    }

    /// What would be connected to: the target, completed by the user's SSH configuration and the defaults.
    pub async fn resolve(&self, target: &Target) -> Result<Resolved, ConnectError> {
        let (settings, target) = (self.inner.settings.clone(), target.clone());
        self.on_thread(move || Box::pin(async move { resolve::resolve(&settings, &target).await })).await
    }

    /// On the shared thread, so that a caller needs no runtime of a certain kind. It goes on when the caller's future is dropped.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Pin<Box<dyn Future<Output = Result<T, ConnectError>>>> + Send + 'static,
    ) -> Result<T, ConnectError> {
        let (reply, answer) = oneshot::channel();
        self.inner.room.run(Box::new(move || {
            Box::pin(async move {
                let _ = reply.send(work().await);
            })
        }))?;
        answer.await.unwrap_or_else(|_| Err(thread_died()))
    }

    async fn connect_here(self, target: Target) -> Result<Connection, ConnectError> {
        let settings = self.inner.settings.clone();
        let resolved = resolve::resolve(&settings, &target).await?;
        let alone = login::may_block(&resolved);
        let (reply, answer) = oneshot::channel();
        let counters = self.inner.counters.clone();
        let limit = settings.protocol * 8 + if alone { login::AGENT } else { Default::default() };
        let job = Session { settings, counters, resolved, pinned: target.pinned, passphrase: target.passphrase };
        let work = Box::new(move || Box::pin(job.live(reply)) as Pin<Box<dyn Future<Output = ()>>>);
        if alone {
            self.inner.room.run_alone(work)?
        } else {
            self.inner.room.run(work)?
        }
        // each step of the protocol has its own limit; this one is for a thread that an agent blocks
        match timeout(limit, answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(thread_died())),
            Err(_) => Err(ConnectError::Timeout("the login")),
        }
    }
}

fn thread_died() -> ConnectError {
    ConnectError::Local("the thread for SSH died".to_owned())
}

/// A session to be: made, served and ended on one thread.
struct Session {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    resolved: Resolved,
    pinned: Option<HostKey>,
    passphrase: Option<Secret<String>>,
}

impl Session {
    async fn live(self, reply: oneshot::Sender<Result<Connection, ConnectError>>) {
        match self.open().await {
            Err(error) => drop(reply.send(Err(error))),
            Ok((connection, calls, live)) => {
                // a caller that has gone meanwhile drops the handle, and the session ends at once
                let _ = reply.send(Ok(connection));
                calls.serve(live).await;
            }
        }
    }

    async fn open(self) -> Result<(Connection, Calls, Rc<Live>), ConnectError> {
        let opened: Opened = open::open(&self.settings, &self.resolved, self.pinned.as_ref()).await?;
        login::log_in(&self.settings, &self.resolved, self.passphrase.as_ref(), &opened).await?;
        let sudo = self.settings.always_sudo || self.resolved.user != "root";
        let (connection, calls) = Connection::new(opened.host_key.clone(), self.resolved.user);
        Ok((connection, calls, Live::new(opened, self.settings, self.counters, sudo)))
    }
}

impl Remote for Ssh {
    type Line = Connection;

    async fn connect(&self, target: &Target) -> Result<Connection, ConnectError> {
        Ssh::connect(self, target).await
    }
}
