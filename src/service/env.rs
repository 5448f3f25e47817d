//! Environments of apps: sealed in the home, used by the next deploy.

use super::apps::AppRef;
use super::error::nearest;
use super::{Service, ServiceError, dotenv_text};
use crate::domain::app::App;
use crate::domain::name;
use crate::domain::secret::Secret;
use crate::render::dotenv;
use crate::vault::{EnvFile, MasterKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// What stands for a value that is not to be seen.
pub const MASK: &str = "\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}";

/// A variable as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct EnvView {
    pub key: String,
    pub value: String,
}

/// An environment at one moment, as it lies there and opened.
#[derive(Default)]
pub(super) struct EnvNow {
    pub sealed: BTreeMap<String, String>,
    pub opened: BTreeMap<String, Secret<String>>,
}

/// A `.env` file's text as pairs.
pub fn parse_file(text: &str) -> Result<Vec<(String, Secret<String>)>, ServiceError> {
    dotenv_text::parse(text)
}

impl Service {
    /// Sets variables, all or none. Says which keys are set now, in the order they were given.
    pub fn env_set(
        &self,
        app: &AppRef,
        pairs: Vec<(String, Secret<String>)>,
    ) -> Result<(App, Vec<String>), ServiceError> {
        for (key, _) in &pairs {
            name::check_env_key(key)?;
        }
        let app = self.plain_app(app)?;
        let key = self.key()?;
        let file = self.env_file(app.id);
        file.update(|map| {
            let mut env = open_all(&file, key, map)?;
            env.extend(pairs.iter().cloned());
            dotenv::check(&env)?;
            for (name, value) in &pairs {
                map.insert(name.clone(), key.seal(value.expose()));
            }
            Ok::<_, ServiceError>(())
        })?;
        let mut keys: Vec<String> = Vec::new();
        for (name, _) in pairs {
            if !keys.contains(&name) {
                keys.push(name);
            }
        }
        Ok((app, keys))
    }

    pub fn env_get(&self, app: &AppRef, name: &str) -> Result<Secret<String>, ServiceError> {
        let app = self.plain_app(app)?;
        let file = self.env_file(app.id);
        let map = file.read()?;
        match map.get(name) {
            Some(token) => Ok(self.key()?.open_token(token, &named(&file, name))?),
            None => Err(no_variable(&app, name, &map)),
        }
    }

    /// By key; without `show` no value is opened.
    pub fn env_list(&self, app: &AppRef, show: bool) -> Result<(App, Vec<EnvView>), ServiceError> {
        let app = self.plain_app(app)?;
        let file = self.env_file(app.id);
        let map = file.read()?;
        let vars = if show {
            let key = self.key()?;
            open_all(&file, key, &map)?
                .into_iter()
                .map(|(key, value)| EnvView { key, value: value.into_inner() })
                .collect()
        } else {
            map.into_keys().map(|key| EnvView { key, value: MASK.to_owned() }).collect()
        };
        Ok((app, vars))
    }

    /// All of it as a `.env` file.
    pub fn env_export(&self, app: &AppRef) -> Result<(App, Secret<String>), ServiceError> {
        let app = self.plain_app(app)?;
        let env = self.env_now(app.id)?;
        Ok((app, dotenv::render(&env.opened)))
    }

    /// Deletes variables, all or none.
    pub fn env_delete(&self, app: &AppRef, keys: &[String]) -> Result<App, ServiceError> {
        let app = self.plain_app(app)?;
        self.env_file(app.id).update(|map| {
            for key in keys {
                if map.remove(key).is_none() {
                    return Err(no_variable(&app, key, map));
                }
            }
            Ok(())
        })?;
        Ok(app)
    }

    pub(super) fn env_file(&self, app_id: i64) -> EnvFile {
        EnvFile::new(self.home().env_file(app_id))
    }

    /// The environment as it is now.
    pub(super) fn env_now(&self, app_id: i64) -> Result<EnvNow, ServiceError> {
        let file = self.env_file(app_id);
        let sealed = file.read()?;
        if sealed.is_empty() {
            return Ok(EnvNow::default());
        }
        let opened = open_all(&file, self.key()?, &sealed)?;
        // What was put there by hand or by the first release was never checked.
        dotenv::check(&opened)?;
        Ok(EnvNow { sealed, opened })
    }
}

fn open_all(
    file: &EnvFile,
    key: &MasterKey,
    map: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Secret<String>>, ServiceError> {
    map.iter().map(|(name, token)| Ok((name.clone(), key.open_token(token, &named(file, name))?))).collect()
}

fn named(file: &EnvFile, key: &str) -> String {
    format!("`{key}` in {}", file.path().display())
}

fn no_variable(app: &App, key: &str, map: &BTreeMap<String, String>) -> ServiceError {
    ServiceError::NoVariable {
        app: app.name.clone(),
        key: key.to_owned(),
        near: nearest(key, map.keys().map(String::as_str)),
    }
}
