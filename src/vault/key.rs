//! The master key: a Fernet key in a file that is made once and never overwritten.

use super::{VaultError, io};
use crate::domain::secret::Secret;
use fernet::Fernet;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Fernet's "now" when a token is opened. Far away: a token carries its time, and a clock that was set back must not lock
/// people out of their own values. The first release looks at no time either.
const ANY_TIME: u64 = u64::MAX / 2;

/// The key that seals every secret of a home.
#[derive(Clone)]
pub struct MasterKey {
    fernet: Fernet,
    /// For fingerprints of plaintext: derived, so that a fingerprint tells nothing about tokens.
    hmac_key: [u8; 32],
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

impl MasterKey {
    /// The key of a home that has one.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        match read(path)? {
            Some(key) => Ok(key),
            None => Err(VaultError::KeyMissing { path: path.to_owned() }),
        }
    }

    /// The key of a home, made if the home has none yet. `sealed_before` is asked only then: with values that an earlier key
    /// sealed, a new key would hide that the old one is lost.
    pub fn open_or_create(path: &Path, sealed_before: impl FnOnce() -> bool) -> Result<Self, VaultError> {
        if let Some(key) = read(path)? {
            return Ok(key);
        }
        if sealed_before() {
            return Err(VaultError::KeyMissing { path: path.to_owned() });
        }
        create(path)?;
        // Read back, not used from memory: of two processes that make one at once, the first one's stands.
        Self::open(path)
    }

    /// Seals a value into a Fernet token. Sealing the same value twice gives two tokens.
    pub fn seal(&self, value: &str) -> String {
        self.fernet.encrypt(value.as_bytes())
    }

    /// Opens a token; `what` names it in the error.
    pub fn open_token(&self, token: &str, what: &str) -> Result<Secret<String>, VaultError> {
        self.fernet
            .decrypt_at_time(token, None, ANY_TIME)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Secret::new)
            .ok_or_else(|| VaultError::WrongKey { what: what.to_owned() })
    }

    /// HMAC-SHA256 in lower-case hex: equal for equal data, and useless for guessing it without the key.
    pub fn hmac(&self, data: &[u8]) -> String {
        hex(&hmac(&self.hmac_key, data))
    }

    /// Tells this key from another without giving anything of it away.
    pub fn check(&self) -> String {
        self.hmac(b"infrakt master key check")[..16].to_owned()
    }
}

fn read(path: &Path) -> Result<Option<MasterKey>, VaultError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path)(error)),
    };
    let damaged = || VaultError::KeyDamaged { path: path.to_owned() };
    let text = std::str::from_utf8(&text).map_err(|_| damaged())?.trim();
    let fernet = Fernet::new(text).ok_or_else(damaged)?;
    let mode = fs::metadata(path).map_err(io(path))?.mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io(path))?;
    }
    let hmac_key = hmac(text.as_bytes(), b"infrakt fingerprints 1");
    Ok(Some(MasterKey { fernet, hmac_key }))
}

/// A temp file is filled and synced, then linked to its name: a name that exists is never overwritten, and a power cut
/// leaves either no key or a whole one.
fn create(path: &Path) -> Result<(), VaultError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let temp = dir.join(format!(".master.key.{}", std::process::id()));
    // One left by a killed process of the same number.
    let _ = fs::remove_file(&temp);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temp)
        .and_then(|mut file| file.write_all(Fernet::generate_key().as_bytes()).and_then(|()| file.sync_all()));
    let linked = written.and_then(|()| match fs::hard_link(&temp, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&temp);
    linked.map_err(io(path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any length is a key");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_RELEASE_KEY: &str = "aW5mcmFrdC10ZXN0LWtleS1pbmZyYWt0LXRlc3Qta2U=";
    /// Made by Python's cryptography under that key, with a time in the year 2100.
    const FIRST_RELEASE_TOKEN: &str =
        "gAAAAAD0hlcAMDEyMzQ1Njc4OWFiY2RlZk5bWkTT2Z3SlHTvtDfzPg0sG9PUDP8MhZLcgeHajS_t6ucvkYeSHmIZTlOv2EuwMQ==";

    fn none_sealed() -> bool {
        false
    }

    #[test]
    fn a_key_is_made_once_and_closed_to_others() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("master.key");
        let first = MasterKey::open_or_create(&path, none_sealed).unwrap();
        let second = MasterKey::open_or_create(&path, || panic!("it is there")).unwrap();
        assert_eq!(first.check(), second.check());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&path).unwrap().len(), 44);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "no temp file stays");
    }

    #[test]
    fn of_two_that_make_a_key_at_once_one_wins() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("master.key");
        create(&path).unwrap();
        let key = fs::read(&path).unwrap();
        create(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), key);
    }

    #[test]
    fn a_lost_key_is_not_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("master.key");
        let said = MasterKey::open_or_create(&path, || true).unwrap_err().to_string();
        assert!(said.ends_with("master.key is missing, and there are values sealed with it"), "{said}");
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("master.key");
        for text in ["", "short", "\u{e9}"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(MasterKey::open_or_create(&path, none_sealed), Err(VaultError::KeyDamaged { .. })));
            assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn values_of_the_first_release_open_whatever_the_clock_says() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("master.key");
        fs::write(&path, format!("{FIRST_RELEASE_KEY}\n")).unwrap();
        let key = MasterKey::open(&path).unwrap();
        assert_eq!(key.open_token(FIRST_RELEASE_TOKEN, "A").unwrap().expose(), "p\u{e4}$s\n");
    }

    #[test]
    fn another_key_opens_nothing_and_the_value_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let one = MasterKey::open_or_create(&temp.path().join("1"), none_sealed).unwrap();
        let other = MasterKey::open_or_create(&temp.path().join("2"), none_sealed).unwrap();
        let token = one.seal("x");
        assert_eq!(one.open_token(&token, "A").unwrap().expose(), "x");
        let said = other.open_token(&token, "`A` in envs/1.json").unwrap_err().to_string();
        assert_eq!(said, "`A` in envs/1.json cannot be opened: it was sealed with another master.key");
        assert_ne!(one.hmac(b"same"), other.hmac(b"same"));
        assert_eq!(one.hmac(b"same"), one.hmac(b"same"));
    }
}
