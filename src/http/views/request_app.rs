//! The bodies of requests about apps, their environments, and databases.

use super::request::{change, filled};
use crate::domain::database::DbKind;
use crate::domain::secret::Secret;
use crate::http::extract::{Input, number_or_none};
use crate::service::apps::{self, AppSettings, SourceRequest};
use crate::service::databases;
use crate::service::deployments::DeployRequest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// An app to be recorded. It comes from exactly one of `git_repo`, `image` and `compose`; as in the first release `image` goes before
/// `git_repo` where both are sent.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateApp {
    /// 1 to 100 of `[A-Za-z0-9._-]`, the first one alphanumeric
    pub name: String,
    pub server_name: String,
    /// A repository that `git clone` takes; may hold a login (`https://TOKEN@host/…`), which is sealed and shown to nobody
    #[serde(default, deserialize_with = "filled")]
    pub git_repo: Option<String>,
    /// A branch or tag of the repository; default: `main`
    #[serde(default, deserialize_with = "filled")]
    pub branch: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    pub image: Option<String>,
    /// The text of a compose file, at most 1 MiB
    #[serde(default, deserialize_with = "filled")]
    pub compose: Option<String>,
    /// The container's port; default: 3000
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    /// One domain
    #[serde(default)]
    pub domain: Option<String>,
    /// Several
    #[serde(default)]
    pub domains: Option<Vec<String>>,
    /// Of a compose file with several services the one that has port, routes, health check and environment
    #[serde(default, deserialize_with = "filled")]
    pub service: Option<String>,
    /// `[ADDR:]PORT` that is open to everybody
    #[serde(default, deserialize_with = "filled")]
    pub publish: Option<String>,
    /// A path that answers well when the app is well
    #[serde(default, deserialize_with = "filled")]
    pub health_path: Option<String>,
    /// Seconds; default: 60
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub health_timeout_s: Option<u32>,
    /// `512m`, `2g`
    #[serde(default, deserialize_with = "filled")]
    pub memory: Option<String>,
    /// `1.5`
    #[serde(default, deserialize_with = "filled")]
    pub cpus: Option<String>,
}

impl Input for CreateApp {
    const FIELDS: Option<&'static [&'static str]> = Some(&[
        "name",
        "server_name",
        "git_repo",
        "branch",
        "image",
        "compose",
        "port",
        "domain",
        "domains",
        "service",
        "publish",
        "health_path",
        "health_timeout_s",
        "memory",
        "cpus",
    ]);
}

impl CreateApp {
    /// What the first release takes beside an image and does not use, left out: a repository, and a branch without one.
    pub fn without_unused(mut self) -> (Self, Vec<&'static str>) {
        let mut unused = Vec::new();
        if self.image.is_some() && self.git_repo.take().is_some() {
            unused.push("git_repo");
        }
        // The default is sent along by clients that did not mean it.
        if self.git_repo.is_none() && self.branch.take().is_some_and(|branch| branch != "main") {
            unused.push("branch");
        }
        (self, unused)
    }
}

/// One domain and several are the same; the single one goes first.
fn domains(domain: Option<String>, domains: Option<Vec<String>>) -> Option<Vec<String>> {
    match (domain, domains) {
        (None, domains) => domains,
        (Some(domain), domains) => Some([vec![domain], domains.unwrap_or_default()].concat()),
    }
}

impl From<CreateApp> for apps::CreateApp {
    fn from(app: CreateApp) -> Self {
        apps::CreateApp {
            name: app.name,
            server: app.server_name,
            source: SourceRequest { git: app.git_repo, branch: app.branch, image: app.image, compose: app.compose },
            settings: AppSettings {
                port: app.port,
                domains: domains(app.domain, app.domains),
                service: app.service,
                publish: app.publish,
                health_path: app.health_path,
                health_timeout_s: app.health_timeout_s,
                memory: app.memory,
                cpus: app.cpus,
            },
        }
    }
}

/// What is to change of an app with its next deployment. What is missing stays; null or an empty text takes a setting away. `branch`
/// alone is another branch of the same repository.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeApp {
    #[serde(default)]
    pub git_repo: Option<String>,
    #[serde(default)]
    pub branch: Option<String>,
    #[serde(default)]
    pub image: Option<String>,
    /// The text of a compose file, at most 1 MiB
    #[serde(default)]
    pub compose: Option<String>,
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    /// All domains of the app; an empty list takes them away
    #[serde(default)]
    pub domains: Option<Vec<String>>,
    /// The same with one domain
    #[serde(default, deserialize_with = "change")]
    pub domain: Option<String>,
    #[serde(default, deserialize_with = "change")]
    pub service: Option<String>,
    #[serde(default, deserialize_with = "change")]
    pub publish: Option<String>,
    #[serde(default, deserialize_with = "change")]
    pub health_path: Option<String>,
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1, maximum = 3600)]
    pub health_timeout_s: Option<u32>,
    #[serde(default, deserialize_with = "change")]
    pub memory: Option<String>,
    #[serde(default, deserialize_with = "change")]
    pub cpus: Option<String>,
}

impl Input for ChangeApp {}

impl ChangeApp {
    pub fn parts(self) -> (SourceRequest, AppSettings) {
        let source =
            SourceRequest { git: self.git_repo, branch: self.branch, image: self.image, compose: self.compose };
        let settings = AppSettings {
            port: self.port,
            domains: domains(self.domain, self.domains),
            service: self.service,
            publish: self.publish,
            health_path: self.health_path,
            health_timeout_s: self.health_timeout_s,
            memory: self.memory,
            cpus: self.cpus,
        };
        (source, settings)
    }
}

/// What is wanted for one deployment only; of a repository.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Deploy {
    /// A branch or tag
    #[serde(default, deserialize_with = "filled")]
    pub branch: Option<String>,
    /// 7 to 40 hex digits
    #[serde(default, deserialize_with = "filled")]
    pub commit: Option<String>,
}

impl Input for Deploy {
    const FIELDS: Option<&'static [&'static str]> = Some(&["branch", "commit"]);
}

impl From<Deploy> for DeployRequest {
    fn from(deploy: Deploy) -> Self {
        DeployRequest { branch: deploy.branch, commit: deploy.commit }
    }
}

/// A variable to be set.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetVar {
    /// `[A-Za-z_][A-Za-z0-9_]*`, at most 255 characters
    pub key: String,
    /// Any text without NUL; all of an environment is at most 1 MiB
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    pub value: Secret<String>,
}

impl Input for SetVar {
    const FIELDS: Option<&'static [&'static str]> = Some(&["key", "value"]);
}

/// What is no text is not shown in the error.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(Secret::new(text)),
        _ => Err(D::Error::custom("it must be a text")),
    }
}

/// Variables to be set, all or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportEnv {
    /// The text of a `.env` file
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    pub content: Secret<String>,
}

impl Input for ImportEnv {}

/// A database to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateDatabase {
    pub server_name: String,
    /// 1 to 100 of `[A-Za-z0-9._-]`, the first one alphanumeric
    pub name: String,
    /// `postgres`, `mysql`, `redis` or `mongo`
    #[serde(deserialize_with = "kind")]
    #[schema(value_type = String)]
    pub db_type: DbKind,
    /// The tag of the official image; default: 16, 8, 7-alpine or 7
    #[serde(default, deserialize_with = "filled")]
    pub version: Option<String>,
    /// Another image, which keeps the variables of the official one
    #[serde(default, deserialize_with = "filled")]
    pub image: Option<String>,
}

impl Input for CreateDatabase {
    const FIELDS: Option<&'static [&'static str]> = Some(&["server_name", "name", "db_type", "version", "image"]);
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DbKind, D::Error> {
    let said = String::deserialize(deserializer)?;
    said.parse().map_err(|_| {
        let words = DbKind::ALL.map(|kind| format!("`{kind}`")).join(", ");
        D::Error::custom(format!("it must be one of {words}"))
    })
}

impl From<CreateDatabase> for databases::CreateDatabase {
    fn from(database: CreateDatabase) -> Self {
        databases::CreateDatabase {
            name: database.name,
            server: database.server_name,
            kind: database.db_type,
            version: database.version,
            image: database.image,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{CreateRoute, CreateServer, Provision};
    use super::*;
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::Schema;

    fn check<T: Input + ToSchema>() {
        let RefOr::T(Schema::Object(object)) = T::schema() else { panic!("no object") };
        let shown: Vec<&str> = object.properties.keys().map(String::as_str).collect();
        let mut known = T::FIELDS.expect("a body of the first release names its fields").to_vec();
        known.sort_unstable();
        let mut sorted = shown;
        sorted.sort_unstable();
        assert_eq!(known, sorted);
    }

    /// A field that is read and not named would be called unknown.
    #[test]
    fn the_bodies_of_the_first_release_name_all_their_fields() {
        check::<CreateServer>();
        check::<Provision>();
        check::<CreateRoute>();
        check::<CreateApp>();
        check::<Deploy>();
        check::<SetVar>();
        check::<CreateDatabase>();
    }

    #[test]
    fn null_takes_away_and_missing_leaves() {
        let change: ChangeApp = serde_json::from_str(r#"{"memory":null,"cpus":"","service":"web"}"#).unwrap();
        let (_, settings) = change.parts();
        assert_eq!(settings.memory.as_deref(), Some(""));
        assert_eq!(settings.cpus.as_deref(), Some(""));
        assert_eq!(settings.service.as_deref(), Some("web"));
        assert_eq!((settings.publish, settings.domains), (None, None));
    }

    #[test]
    fn a_secret_that_is_no_text_is_not_shown() {
        let error = serde_json::from_str::<SetVar>(r#"{"key":"A","value":[["hunter2"]]}"#).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
