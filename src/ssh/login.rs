//! The login: which keys are offered, in which order, and what is said when none is taken.
//!
//! OpenSSH counts failed offers and keeps addresses with too many out for a while: each key is offered once and no login is repeated.

use crate::domain::secret::Secret;
use crate::ssh::error::ConnectError;
use crate::ssh::key_file::KeyFile;
use crate::ssh::open::{Opened, Session, code, message};
use crate::ssh::resolve::{Resolved, usual_key_files};
use crate::ssh::types::Settings;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// A login may wait for the server's PAM and name look-ups: this many steps of the protocol.
const PATIENCE: u32 = 3;
/// The agent may ask a person.
pub(super) const AGENT: Duration = Duration::from_secs(60);
/// libssh2's codes for a key that the server does not take.
const REFUSED: [i32; 2] = [-18, -19];
/// libssh2's codes for a key file it cannot read: it is damaged, or the passphrase is wrong.
const UNREADABLE: [i32; 3] = [-16, -6, -48];

/// Whether the login may block its thread: it opens an encrypted key, or asks the agent.
pub(super) fn may_block(resolved: &Resolved) -> bool {
    !resolved.only_these_keys
        || resolved.key_files.iter().any(|path| KeyFile::read(path).is_ok_and(|key| key.encrypted))
}

pub(super) async fn log_in(
    settings: &Settings,
    resolved: &Resolved,
    passphrase: Option<&Secret<String>>,
    opened: &Opened,
) -> Result<(), ConnectError> {
    let mut login = Login {
        session: &opened.session,
        user: &resolved.user,
        patience: settings.protocol * PATIENCE,
        passphrase,
        offered: Vec::new(),
        locked: None,
    };
    for path in &resolved.key_files {
        match KeyFile::read(path) {
            Ok(key) if login.key(&key).await? => return Ok(()),
            Ok(_) => {}
            Err(reason) if resolved.only_these_keys => {
                return Err(ConnectError::BadKey { path: path.clone(), reason });
            }
            Err(_) => {} // named by the configuration and not there: OpenSSH passes over it too
        }
    }
    if !resolved.only_these_keys {
        if login.agent(None).await? {
            return Ok(());
        }
        for path in usual_key_files(settings) {
            if let Ok(key) = KeyFile::read(&path)
                && !resolved.key_files.contains(&path)
                && login.key(&key).await?
            {
                return Ok(());
            }
        }
    }
    Err(login.refusal())
}

struct Login<'a> {
    session: &'a Session,
    user: &'a str,
    patience: Duration,
    passphrase: Option<&'a Secret<String>>,
    /// What the server did not take, for the text.
    offered: Vec<String>,
    /// The first encrypted file that could not be opened, and why.
    locked: Option<(PathBuf, &'static str)>,
}

impl Login<'_> {
    /// Offers one key file; `true`: logged in.
    async fn key(&mut self, key: &KeyFile) -> Result<bool, ConnectError> {
        if key.encrypted && self.passphrase.is_none() {
            let in_agent = match &key.public {
                Some(public) => self.agent(Some(public)).await?,
                None => false,
            };
            if !in_agent {
                self.locked.get_or_insert((key.path.clone(), "needs its passphrase"));
            }
            return Ok(in_agent);
        }
        let passphrase = self.passphrase.filter(|_| key.encrypted).map(|p| p.expose().as_str());
        let attempt = self.session.userauth_pubkey_file(self.user, None, &key.path, passphrase);
        let error = match timeout(self.patience, attempt).await {
            Err(_) => return Err(ConnectError::Timeout("the login")),
            Ok(Ok(())) => return Ok(self.session.authenticated()),
            Ok(Err(error)) => error,
        };
        match code(&error) {
            // the same code means "refused" and "wrong passphrase"; the text tells them apart
            Some(code) if UNREADABLE.contains(&code) || is_about_the_file(&message(&error)) => {
                if !key.encrypted {
                    return Err(ConnectError::BadKey { path: key.path.clone(), reason: message(&error) });
                }
                self.locked.get_or_insert((key.path.clone(), "the passphrase does not open it"));
                Ok(false)
            }
            Some(code) if REFUSED.contains(&code) => {
                self.offered.push(shown(&key.path));
                Ok(false)
            }
            _ => self.broken(&message(&error)),
        }
    }

    /// Offers what the agent holds: one key, or all.
    async fn agent(&mut self, only: Option<&[u8]>) -> Result<bool, ConnectError> {
        let Ok(mut agent) = self.session.agent() else { return Ok(false) };
        if agent.connect().await.is_err() || agent.list_identities().await.is_err() {
            return Ok(false); // there is none
        }
        let keys = agent.identities().unwrap_or_default();
        for key in keys.iter().filter(|key| only.is_none_or(|only| only == key.blob())) {
            match timeout(AGENT, agent.userauth(self.user, key)).await {
                Err(_) => return Err(ConnectError::Timeout("the agent")),
                Ok(Ok(())) if self.session.authenticated() => return Ok(true),
                Ok(Ok(())) => {}
                Ok(Err(error)) => match code(&error) {
                    // a key the agent would not sign with is passed over like a refused one
                    Some(code) if code > -40 && ![-7, -13].contains(&code) => {
                        self.offered.push(format!("`{}` of the agent", key.comment()));
                    }
                    _ => return self.broken(&message(&error)),
                },
            }
        }
        Ok(false)
    }

    /// The connection broke. After a refused key that is how a server says that it has had enough.
    fn broken(&self, why: &str) -> Result<bool, ConnectError> {
        match self.offered.is_empty() {
            true => Err(ConnectError::Unreachable(format!("the connection broke during the login ({why})"))),
            false => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> ConnectError {
        let offered = self.offered.join(", ");
        match &self.locked {
            Some((path, reason)) if offered.is_empty() => ConnectError::PassphraseNeeded { path: path.clone(), reason },
            locked => {
                let mut text = match offered.is_empty() {
                    true => "there is no key to offer: no agent, no key file".to_owned(),
                    false => format!("offered: {offered}"),
                };
                if let Some((path, reason)) = locked {
                    text.push_str(&format!("; {} is encrypted and {reason}", shown(path)));
                }
                ConnectError::LoginRefused { user: self.user.to_owned(), offered: text }
            }
        }
    }
}

fn is_about_the_file(message: &str) -> bool {
    ["private key file", "public key from", "Unable to open", "passphrase"].iter().any(|part| message.contains(part))
}

fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}
