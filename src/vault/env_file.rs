//! `envs/<app id>.json`: key → sealed value, as the first release writes it. Replaced whole, under a lock: updates by many
//! processes lose nothing, and a reader sees the file before or after one, never in between.

use super::{VaultError, io};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The sealed environment of one app. A missing file is an empty environment.
#[derive(Clone, Debug)]
pub struct EnvFile {
    path: PathBuf,
}

impl EnvFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Key → Fernet token.
    pub fn read(&self) -> Result<BTreeMap<String, String>, VaultError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(io(&self.path)(error)),
        };
        serde_json::from_slice(&text)
            .map_err(|error| VaultError::EnvDamaged { path: self.path.clone(), reason: error.to_string() })
    }

    /// Changes the environment with nobody between the reading and the writing. When `change` refuses, nothing is written.
    pub fn update<T, E: From<VaultError>>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<T, E>,
    ) -> Result<T, E> {
        let dir = self.lock()?;
        let before = self.read()?;
        let mut map = before.clone();
        let out = change(&mut map)?;
        if map != before {
            self.replace(&map, &dir)?;
        }
        Ok(out)
    }

    /// Forgets the environment, for an app that is gone.
    pub fn remove(&self) -> Result<(), VaultError> {
        let dir = self.lock()?;
        match fs::remove_file(&self.path) {
            Ok(()) => dir.sync_all().map_err(io(self.dir())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io(&self.path)(error)),
        }
    }

    fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The folder's own lock: one that lies on the file itself would go with the file that is replaced.
    fn lock(&self) -> Result<File, VaultError> {
        let dir = File::open(self.dir()).map_err(io(self.dir()))?;
        dir.lock().map_err(io(self.dir()))?;
        Ok(dir)
    }

    /// Data before name, name before the folder's sync: a power cut leaves the old file or the new one.
    fn replace(&self, map: &BTreeMap<String, String>, dir: &File) -> Result<(), VaultError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        // A fixed name is enough: who writes holds the lock, and what a killed writer left is written over.
        let temp = self.dir().join(format!(".{name}.new"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp).map_err(io(&temp))?;
        file.write_all(to_json(map).as_bytes()).and_then(|()| file.sync_all()).map_err(io(&temp))?;
        fs::rename(&temp, &self.path).map_err(io(&self.path))?;
        dir.sync_all().map_err(io(self.dir()))
    }
}

/// The first release's layout: two spaces, everything outside ASCII escaped, no line end at the end.
fn to_json(map: &BTreeMap<String, String>) -> String {
    // A map of strings has nothing that JSON could not say.
    let text = serde_json::to_string_pretty(map).expect("a map of strings is JSON");
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn set(file: &EnvFile, key: &str, token: &str) {
        file.update(|map| {
            map.insert(key.to_owned(), token.to_owned());
            Ok::<_, VaultError>(())
        })
        .unwrap();
    }

    #[test]
    fn the_format_is_the_first_releases() {
        let temp = tempfile::tempdir().unwrap();
        let file = EnvFile::new(temp.path().join("7.json"));
        assert!(file.read().unwrap().is_empty());
        set(&file, "B", "gAAAAA2");
        set(&file, "A", "gAAAAA1");
        set(&file, "\u{e9}\u{1f600}", "t");
        let text = fs::read_to_string(file.path()).unwrap();
        assert_eq!(text, "{\n  \"A\": \"gAAAAA1\",\n  \"B\": \"gAAAAA2\",\n  \"\\u00e9\\ud83d\\ude00\": \"t\"\n}");
        assert_eq!(file.read().unwrap().len(), 3);
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "no temp file stays");
    }

    #[test]
    fn a_refused_change_writes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let file = EnvFile::new(temp.path().join("7.json"));
        set(&file, "A", "1");
        let refused = file.update(|map| {
            map.clear();
            Err::<(), _>(VaultError::WrongKey { what: "A".into() })
        });
        assert!(refused.is_err());
        assert_eq!(file.read().unwrap().len(), 1);
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let temp = tempfile::tempdir().unwrap();
        let file = EnvFile::new(temp.path().join("7.json"));
        for text in ["", "[]", "{\"A\": 1}", "{\"A\": \"x\""] {
            fs::write(file.path(), text).unwrap();
            let said = file.read().unwrap_err().to_string();
            assert!(said.contains("7.json is damaged: "), "{said}");
            assert!(file.update(|_| Ok::<_, VaultError>(())).is_err());
            assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
        }
    }

    #[test]
    fn threads_that_update_at_once_lose_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let file = EnvFile::new(temp.path().join("7.json"));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let file = &file;
                scope.spawn(move || (0..10).for_each(|n| set(file, &format!("K{thread}_{n}"), "t")));
            }
        });
        assert_eq!(file.read().unwrap().len(), 80);
    }

    #[test]
    fn an_emptied_environment_stays_as_an_empty_object() {
        let temp = tempfile::tempdir().unwrap();
        let file = EnvFile::new(temp.path().join("7.json"));
        set(&file, "A", "1");
        file.update(|map| {
            map.clear();
            Ok::<_, VaultError>(())
        })
        .unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "{}");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(!file.path().exists());
    }
}
