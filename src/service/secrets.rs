//! The home's master key, opened when the first secret is met, and looked at whether it is the one that sealed what is there.

use super::{Service, ServiceError};
use crate::store::StoreError;
use crate::store::meta::{self, MASTER_KEY_CHECK as CHECK};
use crate::vault::{EnvFile, MasterKey, VaultError};

impl Service {
    pub(super) fn key(&self) -> Result<&MasterKey, ServiceError> {
        if let Some(key) = self.inner.key.get() {
            return Ok(key);
        }
        let key = self.open_key()?;
        Ok(self.inner.key.get_or_init(|| key))
    }

    /// Makes the key of a new home at once: `init`.
    pub fn prepare_key(&self) -> Result<(), ServiceError> {
        self.key().map(drop)
    }

    /// Whether the key is there, is the one that sealed what is sealed, and opens every variable; makes and notes nothing.
    pub(super) fn look_at_key(&self) -> Result<(), ServiceError> {
        let known = self.db().read(|conn| meta::get(conn, CHECK))?;
        if !self.home().master_key().exists() && known.is_none() && self.some_token()?.is_none() {
            return Ok(());
        }
        let key = MasterKey::open(&self.home().master_key())?;
        if known.is_some_and(|check| check != key.check()) {
            let what = format!("what {} sealed before", self.home().dir().display());
            return Err(VaultError::WrongKey { what }.into());
        }
        let dir = self.home().envs();
        let entries = std::fs::read_dir(&dir).map_err(|source| VaultError::Io { path: dir.clone(), source })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|e| e == "json") {
                for (name, token) in EnvFile::new(&path).read()? {
                    key.open_token(&token, &format!("`{name}` in {}", path.display()))?;
                }
            }
        }
        Ok(())
    }

    fn open_key(&self) -> Result<MasterKey, ServiceError> {
        let path = self.home().master_key();
        let known = self.db().read(|conn| meta::get(conn, CHECK))?;
        // The first release remembers no check: there the env files tell that a key was there.
        let sealed = known.is_some() || self.some_token()?.is_some();
        let key = MasterKey::open_or_create(&path, || sealed)?;
        let wrong = || VaultError::WrongKey { what: format!("what {} sealed before", self.home().dir().display()) };
        match known {
            Some(check) if check == key.check() => {}
            Some(_) => return Err(wrong().into()),
            None => {
                if let Some((what, token)) = self.some_token()? {
                    key.open_token(&token, &what)?;
                }
                let check = self.db().write(|conn| {
                    // Another process may have been first: its key is the home's.
                    let there = meta::get(conn, CHECK)?;
                    if there.is_none() {
                        meta::set(conn, CHECK, &key.check())?;
                    }
                    Ok::<_, StoreError>(there.unwrap_or_else(|| key.check()))
                })?;
                if check != key.check() {
                    return Err(wrong().into());
                }
            }
        }
        Ok(key)
    }

    /// Some sealed value of this home, with its name.
    fn some_token(&self) -> Result<Option<(String, String)>, ServiceError> {
        let dir = self.home().envs();
        let entries = std::fs::read_dir(&dir).map_err(|source| VaultError::Io { path: dir.clone(), source })?;
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.extension().is_none_or(|e| e != "json") || name.to_string_lossy().starts_with('.') {
                continue;
            }
            // A damaged file is met where it is used.
            if let Ok(Some((key, token))) = EnvFile::new(&path).read().map(|map| map.into_iter().next()) {
                return Ok(Some((format!("`{key}` in {}", path.display()), token)));
            }
        }
        Ok(None)
    }
}
