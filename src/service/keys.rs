//! Keys of the API: the home's first one in `api_key.txt`, and named ones.

use super::{Service, ServiceError, Time};
use crate::config::ConfigError;
use crate::domain::name;
use crate::domain::secret::Secret;
use crate::store::api_keys::{self, ApiKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use subtle::ConstantTimeEq;

/// What a key may do; each may what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Deploy,
    Admin,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Deploy => "deploy",
            Scope::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Scope::Read, Scope::Deploy, Scope::Admin].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    pub name: String,
    pub scope: Scope,
}

/// What the first key is called in records.
pub const FIRST: &str = "api";

/// A browser is logged in so long.
pub const SESSION_MS: i64 = 7 * 24 * 3600 * 1000;

/// A link that nobody follows is worth nothing after this.
pub const LINK_MS: i64 = 15 * 60 * 1000;

/// How exactly it is known when a key was used last: a write for every request would be one too many.
const USED_MS: i64 = 60 * 1000;

/// A key as it is listed; what it is, nobody knows any more.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    pub name: String,
    pub scope: String,
    pub created_by: String,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

/// A key as it is told once.
#[derive(Debug)]
pub struct NewKey {
    pub name: String,
    pub scope: Scope,
    pub key: Secret<String>,
}

impl Service {
    /// The home's first key, made where there is none. It is never replaced.
    pub fn first_key(&self) -> Result<Secret<String>, ServiceError> {
        let path = self.home().api_key();
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        make(&path).map_err(|source| ConfigError::Io { path: path.clone(), source })?;
        // Read back: of two processes that make one at once, the first one's stands.
        read(&path)?.ok_or_else(|| ConfigError::Io { path, source: ErrorKind::NotFound.into() }.into())
    }

    pub fn add_key(&self, name: &str, scope: Scope, by: &str) -> Result<NewKey, ServiceError> {
        name::check_name("name", name)?;
        let exists = || ServiceError::KeyExists { name: name.to_owned() };
        if name == FIRST {
            return Err(exists());
        }
        let key = draw();
        let row = ApiKey {
            name: name.to_owned(),
            scope: scope.as_str().to_owned(),
            created_by: by.to_owned(),
            created_at: self.now_ms(),
            last_used_at: None,
        };
        let hash = hex(&hash(&key));
        self.db().write(|conn| api_keys::insert(conn, &row, &hash)).map_err(|error| match error.is_exists() {
            true => exists(),
            false => error.into(),
        })?;
        Ok(NewKey { name: row.name, scope, key: Secret::new(key) })
    }

    /// By name; the first one is not among them.
    pub fn keys(&self) -> Result<Vec<KeyView>, ServiceError> {
        let rows = self.db().read(api_keys::list)?;
        let view = |row: ApiKey| KeyView {
            name: row.name,
            scope: row.scope,
            created_by: row.created_by,
            created_at: Time(row.created_at),
            last_used_at: row.last_used_at.map(Time),
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// From now on it is a wrong key, and so are the sessions that it opened.
    pub fn revoke_key(&self, name: &str) -> Result<(), ServiceError> {
        match self.db().write(|conn| api_keys::delete(conn, name))? {
            true => Ok(()),
            false => Err(ServiceError::NoKey { name: name.to_owned() }),
        }
    }

    /// Whose key this is. How long it takes tells nothing about keys: hashes are compared, the first one's in constant time.
    pub fn key_of(&self, said: &str) -> Result<Option<KnownKey>, ServiceError> {
        self.known(&hash(said))
    }

    /// The same for the home's first key alone, without the database: none where it may be another one.
    pub fn is_first_key(&self, said: &str) -> Result<Option<KnownKey>, ServiceError> {
        self.first(&hash(said))
    }

    /// Whose session this is.
    pub fn session_of(&self, token: &str) -> Result<Option<KnownKey>, ServiceError> {
        let (token, now) = (hex(&hash(token)), self.now_ms());
        let key = self.db().read(|conn| api_keys::session(conn, now, &token))?;
        key.as_deref().and_then(unhex).map_or(Ok(None), |key| self.known(&key))
    }

    /// A session for whoever says this key: what the browser keeps.
    pub fn open_session(&self, key: &str) -> Result<Option<(KnownKey, Secret<String>)>, ServiceError> {
        let hash = hash(key);
        let Some(known) = self.known(&hash)? else { return Ok(None) };
        Ok(Some((known, self.remember("session", &hash, SESSION_MS)?)))
    }

    /// A link's word that opens a session with the first key's rights, once.
    pub fn make_link(&self) -> Result<Secret<String>, ServiceError> {
        let key = hash(self.first_key()?.expose());
        self.remember("link", &key, LINK_MS)
    }

    /// The session that a link opens. None: it was used, or is too old.
    pub fn follow_link(&self, link: &str) -> Result<Option<(KnownKey, Secret<String>)>, ServiceError> {
        let (link, now) = (hex(&hash(link)), self.now_ms());
        let key = self.db().write(|conn| api_keys::take_link(conn, now, &link))?;
        let Some(key) = key.as_deref().and_then(unhex) else { return Ok(None) };
        let Some(known) = self.known(&key)? else { return Ok(None) };
        Ok(Some((known, self.remember("session", &key, SESSION_MS)?)))
    }

    pub fn end_session(&self, token: &str) -> Result<(), ServiceError> {
        let token = hex(&hash(token));
        Ok(self.db().write(|conn| api_keys::end_session(conn, &token))?)
    }

    fn remember(&self, kind: &str, key: &[u8; 32], kept_ms: i64) -> Result<Secret<String>, ServiceError> {
        let (token, now) = (draw(), self.now_ms());
        let (hash, key) = (hex(&hash(&token)), hex(key));
        self.db().write(|conn| api_keys::insert_session(conn, now, &hash, kind, &key, now + kept_ms))?;
        Ok(Secret::new(token))
    }

    fn first(&self, said: &[u8; 32]) -> Result<Option<KnownKey>, ServiceError> {
        let first = hash(self.first_key()?.expose());
        let is_it = bool::from(said.ct_eq(&first));
        Ok(is_it.then(|| KnownKey { name: FIRST.to_owned(), scope: Scope::Admin }))
    }

    fn known(&self, said: &[u8; 32]) -> Result<Option<KnownKey>, ServiceError> {
        if let Some(first) = self.first(said)? {
            return Ok(Some(first));
        }
        let (said, now) = (hex(said), self.now_ms());
        let Some(row) = self.db().read(|conn| api_keys::find(conn, &said))? else { return Ok(None) };
        if row.last_used_at.is_none_or(|at| at + USED_MS <= now) {
            self.db().write(|conn| api_keys::used(conn, now, &said))?;
        }
        Ok(Scope::parse(&row.scope).map(|scope| KnownKey { name: row.name, scope }))
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// 43 letters: 32 random bytes.
fn draw() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An empty file is no key: with it everybody would have one.
fn read(path: &Path) -> Result<Option<Secret<String>>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(Secret::new(text.trim().to_owned()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Io { path: path.to_owned(), source }),
    }
}

/// Filled and synced beside it, then linked to its name: a key that is there is never overwritten.
fn make(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() == 0) {
        fs::remove_file(path)?;
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let temp = dir.join(format!(".api_key.{}", uuid::Uuid::new_v4().simple()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp);
    let written = written.and_then(|mut file| file.write_all(draw().as_bytes()).and_then(|()| file.sync_all()));
    let linked = written.and_then(|()| match fs::hard_link(&temp, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&temp);
    linked?;
    File::open(dir).and_then(|dir| dir.sync_all())
}
