//! Managed databases: their kinds, and what follows from a kind and a name: image, port, data folder, account, volume.

use crate::domain::app::App;
use crate::domain::name::{BadName, check_image, compose_project};
use crate::domain::step::{UnknownWord, text_enum};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A kind of database. An app of type `db:<word>` is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DbKind {
    Postgres,
    Mysql,
    Redis,
    Mongo,
}

impl DbKind {
    pub const ALL: [DbKind; 4] = [DbKind::Postgres, DbKind::Mysql, DbKind::Redis, DbKind::Mongo];

    pub fn as_str(self) -> &'static str {
        match self {
            DbKind::Postgres => "postgres",
            DbKind::Mysql => "mysql",
            DbKind::Redis => "redis",
            DbKind::Mongo => "mongo",
        }
    }

    /// As the column `apps.app_type` holds it.
    pub fn app_type(self) -> String {
        format!("db:{self}")
    }

    /// None: no database, or of a kind that this version does not know.
    pub fn of_app(app: &App) -> Option<Self> {
        app.app_type.strip_prefix("db:")?.parse().ok()
    }

    /// The first release's defaults.
    pub fn default_image(self) -> &'static str {
        match self {
            DbKind::Postgres => "postgres:16",
            DbKind::Mysql => "mysql:8",
            DbKind::Redis => "redis:7-alpine",
            DbKind::Mongo => "mongo:7",
        }
    }

    /// In the container.
    pub fn port(self) -> u16 {
        match self {
            DbKind::Postgres => 5432,
            DbKind::Mysql => 3306,
            DbKind::Redis => 6379,
            DbKind::Mongo => 27017,
        }
    }

    /// Where the official image keeps its data.
    pub fn data_dir(self) -> &'static str {
        match self {
            DbKind::Postgres => "/var/lib/postgresql/data",
            DbKind::Mysql => "/var/lib/mysql",
            DbKind::Redis => "/data",
            DbKind::Mongo => "/data/db",
        }
    }

    /// The variable of the container that holds the password.
    pub fn password_variable(self) -> &'static str {
        match self {
            DbKind::Postgres => "POSTGRES_PASSWORD",
            DbKind::Mysql => "MYSQL_PASSWORD",
            // The official image has none: the container's command reads this one.
            DbKind::Redis => "REDIS_PASSWORD",
            DbKind::Mongo => "MONGO_INITDB_ROOT_PASSWORD",
        }
    }
}
text_enum!(DbKind, "kind of database");

/// A version is an image's tag: a word, a letter, digit or `_` first.
fn check_version(version: &str) -> Result<(), BadName> {
    let ok = version.len() <= 128
        && version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let reason = || format!("`{version}` is no version such as `16` or `7-alpine`");
    if ok { Ok(()) } else { Err(BadName { field: "version", reason: reason() }) }
}

/// The image that a request means; none where it names neither version nor image.
pub fn image(kind: DbKind, version: Option<&str>, image: Option<&str>) -> Result<Option<String>, BadName> {
    version.map(check_version).transpose()?;
    image.map(check_image).transpose()?;
    Ok(match (image, version) {
        (None, None) => None,
        (None, Some(version)) => Some(format!("{kind}:{version}")),
        (Some(image), None) => Some(image.to_owned()),
        (Some(image), Some(version)) => match tag(image) {
            None if !image.contains('@') => Some(format!("{image}:{version}")),
            Some(tag) if tag == version => Some(image.to_owned()),
            _ => {
                let reason = format!("`{version}` is not that of {image}: leave one of the two out");
                return Err(BadName { field: "version", reason });
            }
        },
    })
}

fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    // A colon before the last slash belongs to the registry's port.
    name.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

/// The major version that an image's tag names, where it names one: 16 of `postgres:16.4-alpine`, of `pgvector:0.8.0-pg16` too.
fn major(image: &str) -> Option<u32> {
    let tag = tag(image)?;
    let leading = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().ok();
    tag.split(['-', '_']).find_map(|part| leading(part.strip_prefix("pg")?)).or_else(|| leading(tag))
}

/// Whether data that one image has written may be given to the other: the same major version, as far as their tags tell.
pub fn same_major(one: &str, other: &str) -> bool {
    one == other || major(one).is_some_and(|one| major(other) == Some(one))
}

/// The user, and the database of the same name: the database's own name, as in the first release, except where its kind of server
/// could not have it.
pub fn account(kind: DbKind, name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let fits = match kind {
        DbKind::Postgres => !lower.starts_with("pg_") && !matches!(lower.as_str(), "template0" | "template1"),
        DbKind::Mysql => {
            let taken = ["root", "mysql", "sys", "information_schema", "performance_schema"];
            name.len() <= 32
                && !taken.contains(&lower.as_str())
                && !lower.starts_with("mysql.")
                && !lower.starts_with("mariadb.")
        }
        DbKind::Redis | DbKind::Mongo => true,
    };
    if fits { name.to_owned() } else { stand_in(name) }
}

/// Mongo's database, which is made with its first document: users live in `admin`.
pub fn mongo_database(name: &str) -> String {
    let taken = matches!(name.to_ascii_lowercase().as_str(), "admin" | "local" | "config");
    if taken || name.contains('.') || name.len() > 63 { stand_in(name) } else { name.to_owned() }
}

/// At most 32 characters that any server takes, and of no other name.
fn stand_in(name: &str) -> String {
    let slug: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(22).collect();
    let hash = Sha256::digest(name.as_bytes());
    format!("db_{}_{:02x}{:02x}{:02x}", slug.to_ascii_lowercase(), hash[0], hash[1], hash[2])
}

/// The volume of a database of this name. With a dot where compose's own names, `<project>_<volume>`, cannot have one: no app's
/// volume is ever called so.
pub fn volume(name: &str) -> String {
    let project = compose_project(name);
    format!("infrakt.{}.data", project.strip_prefix("infrakt-").unwrap_or(&project))
}

/// What the first release's volume of that database may be called: its project was the folder's name as compose writes it, later one
/// as ours is.
pub fn first_release_volumes(name: &str) -> [String; 2] {
    let folder: String = name
        .to_ascii_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .collect();
    [folder.trim_start_matches(['-', '_']), &compose_project(name)].map(|project| format!("{project}_{name}_data"))
}

/// The volume of a database that is gone, with what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVolume {
    pub server_id: i64,
    pub volume: String,
    pub kind: DbKind,
    /// As it was asked for: its tag tells the version.
    pub image: String,
    /// A Fernet token.
    pub password_sealed: String,
    /// Milliseconds UTC.
    pub kept_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_from_version_and_image() {
        let of = |version, reference| {
            image(DbKind::Postgres, version, reference).map(Option::unwrap_or_default).map_err(|e| e.to_string())
        };
        assert_eq!(of(None, None).unwrap(), "");
        assert_eq!(of(Some("15"), None).unwrap(), "postgres:15");
        assert_eq!(of(None, Some("postgis/postgis:16-3.4")).unwrap(), "postgis/postgis:16-3.4");
        assert_eq!(of(Some("16"), Some("host:5000/pg")).unwrap(), "host:5000/pg:16");
        assert_eq!(of(Some("16"), Some("host:5000/pg:16")).unwrap(), "host:5000/pg:16");
        for (version, reference) in
            [("15", Some("pg:16")), ("1", Some("pg@sha256:aa")), ("1;2", None), ("", None), ("-1", None)]
        {
            assert!(of(Some(version), reference).is_err(), "{version} {reference:?}");
        }
        assert!(of(None, Some("a b")).is_err());
    }

    #[test]
    fn majors_are_compared_as_far_as_tags_tell() {
        for (one, other, same) in [
            ("postgres:16", "postgres:16.4-alpine", true),
            ("postgres:16", "pgvector/pgvector:0.8.0-pg16", true),
            ("postgres:16", "postgres:15", false),
            ("postgres", "postgres", true),
            ("postgres", "postgres:16", false),
            ("postgres:latest", "postgres:16", false),
            ("host:5000/redis:7-alpine", "redis:7", true),
            ("mysql:8.0", "mysql:8.4", true),
        ] {
            assert_eq!(same_major(one, other), same, "{one} {other}");
            assert_eq!(same_major(other, one), same, "{other} {one}");
        }
    }

    #[test]
    fn accounts_are_called_as_the_database_where_that_can_be() {
        let table = [
            (DbKind::Postgres, "main", "main"),
            (DbKind::Postgres, "My.App-2_x", "My.App-2_x"),
            (DbKind::Postgres, "pg_main", "db_pg_main_"),
            (DbKind::Postgres, "template1", "db_template1_"),
            (DbKind::Mysql, "my-app", "my-app"),
            (DbKind::Mysql, "Root", "db_root_"),
            (DbKind::Mysql, "mysql.sys", "db_mysql_sys_"),
            (DbKind::Mysql, "a-name-that-is-longer-than-mysql-takes", "db_a_name_that_is_longer__"),
            (DbKind::Mongo, "root", "root"),
        ];
        for (kind, name, begin) in table {
            let account = account(kind, name);
            assert!(account.starts_with(begin), "{kind} {name}: {account}");
            assert!(account == name || account.len() == begin.len() + 6 && account.len() <= 32, "{account}");
        }
        assert_eq!(mongo_database("main"), "main");
        assert!(mongo_database("my.app").starts_with("db_my_app_"));
        assert_ne!(mongo_database("my.app"), mongo_database("my-app.")[..].to_owned());
    }

    #[test]
    fn volumes_of_different_names_never_meet() {
        assert_eq!(volume("main"), "infrakt.main.data");
        let names = ["my.app", "my-app", "My-app", "my_app", "my.App"];
        let all: std::collections::BTreeSet<_> = names.iter().map(|name| volume(name)).collect();
        assert_eq!(all.len(), names.len());
        assert_eq!(first_release_volumes("main"), ["main_main_data", "infrakt-main_main_data"]);
        assert!(first_release_volumes("My.Db-1")[0].starts_with("mydb-1_My.Db-1_"));
    }
}
