//! Host keys: how one is written, and what the user's known_hosts says of it.

use crate::domain::server::HostKey;
use crate::ssh::child;
use crate::ssh::resolve::{Resolved, user_dir};
use crate::ssh::types::Settings;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};
use std::path::Path;

/// From the key as it stands on the wire: a length, the type's name, the rest.
pub(super) fn from_blob(blob: &[u8]) -> Option<HostKey> {
    let len = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?) as usize;
    let key_type = std::str::from_utf8(blob.get(4..4 + len)?).ok()?.to_owned();
    Some(HostKey { key_type, fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))) })
}

/// As OpenSSH's files of known hosts write it.
pub(super) fn known_hosts_line(name: &str, key: &HostKey, blob: &[u8]) -> String {
    format!("{name} {} {}\n", key.key_type, STANDARD.encode(blob))
}

/// The signature algorithms to ask for, so that the server shows a key of this type.
pub(super) fn algorithms(key_type: &str) -> &str {
    match key_type {
        "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256,ssh-rsa", // one type of key, three ways to sign with it
        other => other,
    }
}

/// What known_hosts says of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) keys: Vec<HostKey>,
    pub(super) revoked: Vec<HostKey>,
}

/// Asks `ssh-keygen -F`, which knows hashed names, wildcards and marks; without it, or without a file, nothing is known.
pub(super) async fn known(settings: &Settings, resolved: &Resolved) -> Known {
    let name = match resolved.port {
        22 => resolved.known_as.clone(),
        port => format!("[{}]:{port}", resolved.known_as),
    };
    let user = user_dir(settings).join(".ssh");
    let mut known = Known::default();
    for file in [user.join("known_hosts"), user.join("known_hosts2"), "/etc/ssh/ssh_known_hosts".into()] {
        if let Some(file) = file.to_str()
            && Path::new(file).is_file()
            && let Ok(answer) = child::ask("ssh-keygen", &["-F", &name, "-f", file], b"").await
        {
            known.add(&String::from_utf8_lossy(&answer.stdout));
        }
    }
    known
}

impl Known {
    fn add(&mut self, answer: &str) {
        for line in answer.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let mark = words.next().unwrap_or_default();
            let list = match mark {
                "@revoked" => &mut self.revoked,
                _ if mark.starts_with('@') => continue, // an authority signs certificates; keys are not compared with it
                _ => &mut self.keys,
            };
            let blob = if mark.starts_with('@') { words.nth(2) } else { words.nth(1) };
            list.extend(blob.and_then(|blob| STANDARD.decode(blob).ok()).and_then(|blob| from_blob(&blob)));
        }
    }

    /// The algorithms of the known keys, so that the server shows one that can be compared.
    pub(super) fn algorithms(&self) -> Option<String> {
        let mut types: Vec<&str> = Vec::new();
        for key in &self.keys {
            let algorithms = algorithms(&key.key_type);
            if !types.contains(&algorithms) {
                types.push(algorithms);
            }
        }
        (!types.is_empty()).then(|| types.join(","))
    }

    /// Why this key must not be trusted, if so.
    pub(super) fn objection(&self, seen: &HostKey) -> Option<String> {
        if self.revoked.contains(seen) {
            return Some("this key as revoked".to_owned());
        }
        if self.keys.is_empty() || self.keys.contains(seen) {
            return None;
        }
        let same_type = self.keys.iter().find(|key| key.key_type == seen.key_type);
        same_type.or(self.keys.first()).map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIE9xIm0bSFhYMY7CRL2GDOjtO9xkXhDSCJ4y5fVGE5kr";

    fn key() -> HostKey {
        from_blob(&STANDARD.decode(BLOB).unwrap()).unwrap()
    }

    #[test]
    fn a_key_is_written_as_openssh_does() {
        let key = key();
        assert_eq!(key.key_type, "ssh-ed25519");
        assert_eq!(key.fingerprint.len(), 7 + 43);
        assert!(key.fingerprint.starts_with("SHA256:") && !key.fingerprint.ends_with('='));
        assert_eq!(from_blob(b"\0\0\0\x09short"), None);
        assert_eq!(from_blob(b""), None);
        let line = known_hosts_line("web", &key, &STANDARD.decode(BLOB).unwrap());
        assert_eq!(line, format!("web ssh-ed25519 {BLOB}\n"));
    }

    #[test]
    fn known_hosts_decides() {
        let mut known = Known::default();
        assert_eq!(known.objection(&key()), None);
        known.add(&format!(
            "# Host web found: line 3\nweb ssh-ed25519 {BLOB} comment\n@cert-authority *.x ssh-ed25519 {BLOB}\n"
        ));
        assert_eq!(known.keys, [key()]);
        assert_eq!(known.objection(&key()), None);
        let other = HostKey { fingerprint: "SHA256:other".to_owned(), ..key() };
        assert_eq!(known.objection(&other), Some(key().to_string()));
        known.add(&format!("@revoked * ssh-ed25519 {BLOB}\n"));
        assert_eq!(known.objection(&key()), Some("this key as revoked".to_owned()));
    }

    #[test]
    fn an_rsa_key_signs_in_three_ways() {
        let rsa = HostKey { key_type: "ssh-rsa".to_owned(), fingerprint: "SHA256:x".to_owned() };
        let known = Known { keys: vec![key(), rsa.clone(), rsa], revoked: vec![] };
        assert_eq!(known.algorithms().unwrap(), "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa");
        assert_eq!(Known::default().algorithms(), None);
    }
}
