//! Private key files: whether one is encrypted, and its public half, read without opening it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

/// What can be told of a key file without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) encrypted: bool,
    /// The public key as it stands on the wire; known for OpenSSH's own format, else from the file beside it (`.pub`).
    pub(super) public: Option<Vec<u8>>,
}

impl KeyFile {
    /// `Err`: why it is no usable key file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => e.to_string(),
        })?;
        let (encrypted, public) = inspect(&String::from_utf8_lossy(&text))?;
        let public = public.or_else(|| {
            let beside = std::fs::read_to_string(format!("{}.pub", path.display())).ok()?;
            STANDARD.decode(beside.split_whitespace().nth(1)?).ok()
        });
        Ok(Self { path: path.to_owned(), encrypted, public })
    }
}

/// Whether a private key file is encrypted; false where that cannot be told.
pub fn is_locked(path: &Path) -> bool {
    KeyFile::read(path).is_ok_and(|key| key.encrypted)
}

fn inspect(text: &str) -> Result<(bool, Option<Vec<u8>>), String> {
    let begin = text.lines().find(|line| line.starts_with("-----BEGIN ")).unwrap_or_default();
    if !begin.ends_with("PRIVATE KEY-----") {
        return Err(match text.trim_start().starts_with("ssh-") || text.trim_start().starts_with("ecdsa-") {
            true => "it is a public key".to_owned(),
            false => "it is no private key".to_owned(),
        });
    }
    if !begin.contains("OPENSSH") {
        return Ok((text.contains("ENCRYPTED"), None));
    }
    let body: String = text.lines().skip_while(|l| *l != begin).skip(1).take_while(|l| !l.starts_with('-')).collect();
    let damaged = || "it is damaged".to_owned();
    let blob = STANDARD.decode(body.replace(['\r', ' '], "")).map_err(|_| damaged())?;
    let mut rest = blob.strip_prefix(b"openssh-key-v1\0").ok_or_else(damaged)?;
    let cipher = string(&mut rest).ok_or_else(damaged)?;
    string(&mut rest).and_then(|_| string(&mut rest)).ok_or_else(damaged)?; // the key derivation and its options
    rest = rest.get(4..).ok_or_else(damaged)?; // how many keys
    let public = string(&mut rest).ok_or_else(damaged)?;
    Ok((cipher != b"none", Some(public.to_vec())))
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    let value = rest.get(4..4usize.checked_add(len)?)?;
    *rest = &rest[4 + len..];
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openssh(cipher: &str) -> String {
        let mut blob = b"openssh-key-v1\0".to_vec();
        for part in [cipher, "kdf", "options"] {
            blob.extend((part.len() as u32).to_be_bytes());
            blob.extend(part.as_bytes());
        }
        blob.extend(1u32.to_be_bytes());
        blob.extend(6u32.to_be_bytes());
        blob.extend(b"public");
        let begin = ["-----BEGIN OPENSSH", "PRIVATE KEY-----"].join(" ");
        format!("{begin}\n{}\n-----END-----\n", STANDARD.encode(blob))
    }

    #[test]
    fn an_encrypted_key_shows_its_public_half() {
        assert_eq!(inspect(&openssh("none")), Ok((false, Some(b"public".to_vec()))));
        assert_eq!(inspect(&openssh("aes256-ctr")), Ok((true, Some(b"public".to_vec()))));
    }

    #[test]
    fn what_is_no_private_key_is_named() {
        let begin = ["-----BEGIN OPENSSH", "PRIVATE KEY-----"].join(" ");
        for (text, why) in [
            ("ssh-ed25519 AAAA me".to_owned(), "it is a public key"),
            ("hello".to_owned(), "it is no private key"),
            (format!("{begin}\nAAAA\n"), "it is damaged"),
            (format!("{begin}\nb3BlbnNzaC1rZXktdjEAAAAA\n"), "it is damaged"),
        ] {
            assert_eq!(inspect(&text), Err(why.to_owned()), "{text}");
        }
    }
}
