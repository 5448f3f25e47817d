//! Contact with servers, beside their jobs: what one says of itself, which key it shows, and how the system's ssh reaches it.

use super::servers::{ServerView, find, view};
use super::{Service, ServiceError};
use crate::domain::failure::Failure;
use crate::domain::job::lane_of_server;
use crate::domain::server::{HostKey, Server};
use crate::ops::reads::{Read, status};
use crate::queue::{answer, outage};
use crate::ssh::{ConnectError, Connection, Target, is_locked};
use crate::store::events::{self, Subject};
use crate::store::{Conn, StoreError, jobs, servers};
use serde::Serialize;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// A read of a server's state takes less than a second; a server under load gets time.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// What a server says about itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerStatus {
    pub name: String,
    pub host: String,
    #[serde(flatten)]
    pub status: status::Status,
}

/// How the system's `ssh` is called for a server.
#[derive(Clone, Debug)]
pub struct SshCall {
    /// All but the command that is to run there.
    pub args: Vec<OsString>,
    /// The key that was pinned by this very contact.
    pub first_key: Option<HostKey>,
}

impl Service {
    /// The server's own words, fresh, over a connection of its own: never behind a running deploy.
    pub async fn server_status(&self, name: &str) -> Result<ServerStatus, ServiceError> {
        let server = self.db().read(|conn| find(conn, name))?;
        let text = self.read_from(&server, &status::read()).await?;
        Ok(ServerStatus { name: server.name, host: server.host, status: status::parse(&text)? })
    }

    /// Logs in once. What stands in the way is said, not an error of the asking.
    pub async fn test_server(&self, name: &str) -> Result<Result<(), Failure>, ServiceError> {
        let server = self.db().read(|conn| find(conn, name))?;
        match self.connect(&server).await {
            Ok(_) => Ok(Ok(())),
            Err(ServiceError::Failed(failure) | ServiceError::KeyLocked(failure)) => Ok(Err(failure)),
            Err(other) => Err(other),
        }
    }

    /// Whether the jobs of a server could log in as far as its private key goes: `KeyLocked` where they would need a passphrase that
    /// nobody has said. Asks the server only where a named key is encrypted (the agent may have it all the same).
    pub async fn check_key_of_job(&self, job_id: i64) -> Result<(), ServiceError> {
        let server = self.db().read(|conn| match jobs::find(conn, job_id)?.and_then(|job| job.server_id) {
            Some(id) => servers::find(conn, id),
            None => Ok(None),
        })?;
        let Some(server) = server else { return Ok(()) };
        let named = match self.ssh().resolve(&self.target_of(&server)).await {
            Ok(resolved) => resolved.key_files,
            Err(_) => return Ok(()),
        };
        if !named.iter().any(|path| is_locked(path)) {
            return Ok(());
        }
        match self.connect(&server).await {
            Err(ServiceError::KeyLocked(failure)) => Err(ServiceError::KeyLocked(failure)),
            // Whatever else it is, the job meets it and says it.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The pinned key and the one that the server shows now.
    pub async fn compare_host_key(&self, name: &str) -> Result<(Server, HostKey), ServiceError> {
        let server = self.db().read(|conn| find(conn, name))?;
        // Without the pin: the question is which key is there, not whether it is the known one.
        let mut target = self.target_of(&server);
        target.pinned = None;
        let seen =
            self.ssh().host_key(&target).await.map_err(|error| ServiceError::Failed(error.failure(&server.name)))?;
        Ok((server, seen))
    }

    /// Pins the key that the server shows now, if it has this fingerprint.
    pub async fn trust_fingerprint(&self, name: &str, fingerprint: &str) -> Result<ServerView, ServiceError> {
        let (server, seen) = self.compare_host_key(name).await?;
        if !seen.has_fingerprint(fingerprint) {
            return Err(other_key(&server.name, &seen, fingerprint));
        }
        self.trust_server(&server, &seen)
    }

    /// Pins another key; the lane goes on if it waited for this.
    pub fn trust_server(&self, server: &Server, key: &HostKey) -> Result<ServerView, ServiceError> {
        let now = self.now_ms();
        self.db().write(|conn| {
            let server = find(conn, &server.name)?;
            servers::set_host_key(conn, server.id, Some(key))?;
            outage::server_answered(conn, now, server.id)?;
            answer::resume_lane(conn, now, &lane_of_server(server.id), Some(server.id))?;
            let data = json!({ "what": "trusted", "host_key": key, "before": server.host_key });
            events::insert(conn, now, "server", Subject::server(server.id), &data)?;
            let server = find(conn, &server.name)?;
            view(conn, server)
        })
    }

    /// A reading connection, apart from the lane's. A first contact pins the key that is shown.
    pub(super) async fn connect(&self, server: &Server) -> Result<Connection, ServiceError> {
        let made = self.ssh().connect(&self.target_of(server)).await;
        let now = self.now_ms();
        match made {
            Ok(connection) => {
                let key = connection.host_key();
                self.db().write(|conn| {
                    if server.host_key.is_none() {
                        pin_first(conn, now, server, &key)?;
                    }
                    Ok::<_, ServiceError>(outage::server_answered(conn, now, server.id)?)
                })?;
                Ok(connection)
            }
            Err(error) => {
                let failure = error.failure(&server.name);
                if matches!(error, ConnectError::PassphraseNeeded { .. }) {
                    return Err(ServiceError::KeyLocked(failure));
                }
                self.db().write(|conn| servers::not_seen(conn, server.id, &failure.text))?;
                Err(ServiceError::Failed(failure))
            }
        }
    }

    pub(super) fn target_of(&self, server: &Server) -> Target {
        let mut target = Target::of(server);
        target.passphrase = self.passphrase();
        target
    }

    /// The call of the system's `ssh` that goes where infrakt goes: key, port and user of the record, and nobody but the pinned host
    /// key. The server is asked for that key now, since the fingerprint that is kept is not all of it.
    pub async fn ssh_call(&self, name: &str) -> Result<SshCall, ServiceError> {
        let server = self.db().read(|conn| find(conn, name))?;
        let alias = format!("infrakt-{}", server.name);
        let asked = self.ssh().known_hosts_line(&self.target_of(&server), &alias).await;
        let (key, line) = asked.map_err(|error| ServiceError::Failed(error.failure(&server.name)))?;
        let now = self.now_ms();
        let first = server.host_key.is_none() && self.db().write(|conn| pin_first(conn, now, &server, &key))?;
        let file = self.home().known_hosts(server.id);
        write_whole(&file, &line)?;
        let mut args: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: &OsStr| {
            args.push("-o".into());
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            args.push(word);
        };
        let mut quoted = OsString::from("\"");
        quoted.push(&file);
        quoted.push("\"");
        option("UserKnownHostsFile", &quoted);
        for (name, value) in [
            ("GlobalKnownHostsFile", "/dev/null"),
            ("HostKeyAlias", alias.as_str()),
            ("StrictHostKeyChecking", "yes"),
            ("CheckHostIP", "no"),
            ("UpdateHostKeys", "no"),
        ] {
            option(name, OsStr::new(value));
        }
        if let Some(key) = &server.ssh_key_path {
            option("IdentitiesOnly", OsStr::new("yes"));
            args.extend(["-i".into(), key.into()]);
        }
        args.extend(["-p".into(), server.port.to_string().into(), "-l".into(), server.user.into()]);
        args.extend(["--".into(), server.host.into()]);
        Ok(SshCall { args, first_key: first.then_some(key) })
    }

    /// One question and its answer, over a connection of its own: never behind a running job.
    pub(super) async fn read_from(&self, server: &Server, question: &Read) -> Result<String, ServiceError> {
        let connection = self.connect(server).await?;
        read(&connection, &server.name, question).await
    }
}

pub(super) fn other_key(server: &str, seen: &HostKey, expected: &str) -> ServiceError {
    ServiceError::Refused {
        code: "host_key_mismatch",
        text: format!("{server} shows the host key {seen}, not {expected}"),
        hint: Some("somebody may be in between; nothing was recorded".into()),
    }
}

/// Whether it was this contact that pinned the key.
pub(super) fn pin_first(conn: &mut Conn, now: i64, server: &Server, key: &HostKey) -> Result<bool, StoreError> {
    let pinned = servers::pin_first_host_key(conn, server.id, key)?;
    if pinned {
        let data = json!({ "what": "pinned", "host_key": key });
        events::insert(conn, now, "server", Subject::server(server.id), &data)?;
    }
    Ok(pinned)
}

/// In one move: a call that runs beside this one reads the one or the other.
fn write_whole(path: &Path, text: &str) -> Result<(), ServiceError> {
    let new = path.with_extension(format!("t{}", std::process::id()));
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|error| ServiceError::Refused {
        code: "config",
        text: format!("cannot write {}: {error}", path.display()),
        hint: None,
    })
}

pub(super) async fn read(connection: &Connection, server: &str, read: &Read) -> Result<String, ServiceError> {
    let output = connection
        .exec(&read.command(), read.stdin(), READ_LIMIT)
        .await
        .map_err(|error| ServiceError::Failed(error.failure(server)))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
