//! The home: where what lies, sealed values and the key of fingerprints.

use crate::page;
use hmac::{Hmac, Mac};
use infrakt::config::Home;
use infrakt::vault::{EnvFile, MasterKey, VaultError};
use sha2::Sha256;
use std::path::Path;

#[test]
fn names_in_the_home() {
    let home = Home::at("/home/of/somebody");
    let names: Vec<String> =
        [home.db(), home.master_key(), home.api_key(), home.env_file(7), home.keys(), home.run(), home.logs()]
            .iter()
            .map(|path| path.strip_prefix(home.dir()).unwrap().display().to_string())
            .collect();
    assert_eq!(names, ["infrakt.db", "master.key", "api_key.txt", "envs/7.json", "keys", "run", "logs"]);
    let page = page::read("docs/formats.md");
    for name in [
        "`infrakt.db`",
        "`master.key`",
        "`api_key.txt`",
        "`envs/<app id>.json`",
        "`keys/`",
        "`run/<worker id>.lock`",
        "`logs/`",
    ] {
        assert!(page.contains(name), "docs/formats.md does not name {name}");
    }
}

#[test]
fn sealed_environments() {
    let temp = tempfile::tempdir().unwrap();
    let key = MasterKey::open_or_create(&temp.path().join("master.key"), || false).unwrap();
    let file = EnvFile::new(temp.path().join("7.json"));
    file.update(|map| {
        map.insert("GREETING".to_owned(), key.seal("h\u{e9}llo"));
        Ok::<_, VaultError>(())
    })
    .unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    let token = text.strip_prefix("{\n  \"GREETING\": \"gAAAAA").and_then(|t| t.strip_suffix("\"\n}")).unwrap();
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=')), "{text}");
}

#[test]
fn the_key_of_fingerprints_comes_from_the_master_key() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("master.key");
    let key = MasterKey::open_or_create(&path, || false).unwrap();
    assert_eq!(key.hmac(b"some text"), fingerprint(&path, b"some text"));
}

/// As docs/formats.md, section 4, says it.
pub fn fingerprint(master_key: &Path, data: &[u8]) -> String {
    let text = std::fs::read_to_string(master_key).unwrap();
    let derived = mac(text.trim().as_bytes(), b"infrakt fingerprints 1");
    mac(&derived, data).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}
