//! What a managed database is made of on its server: its compose file, its environment, its URL.

use crate::domain::database::{DbKind, account, mongo_database};
use crate::domain::secret::Secret;
use crate::render::compose;
use crate::render::yaml::compose_scalar as scalar;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A database's own compose file.
pub struct Database<'a> {
    pub kind: DbKind,
    pub name: &'a str,
    pub project: &'a str,
    pub image: &'a str,
    pub volume: &'a str,
    pub host_port: u16,
}

/// Ends the server in peace: written data reaches the disk before docker loses its patience.
const STOP_GRACE: &str = "60s";

/// The official image of redis takes no password from its environment, and a word of its command line would be seen by everybody: the
/// shell hands it over on stdin. Append-only, so that what was written survives a crash; but not over a snapshot from before, which
/// redis would not read then.
const REDIS_COMMAND: &str = "aof=yes
[ ! -e /data/dump.rdb ] || [ -e /data/appendonlydir ] || [ -e /data/appendonly.aof ] || aof=no
exec docker-entrypoint.sh redis-server - --appendonly \"$aof\" <<END
requirepass $REDIS_PASSWORD
END
";

/// `docker-compose.yml` of a database. The volume is external: nothing that compose does takes data away.
pub fn compose_file(database: &Database) -> String {
    let name = scalar(database.name);
    let mut out = String::new();
    let _ = writeln!(out, "# Written by infrakt for the database {}.", database.name);
    let _ = writeln!(out, "name: {}\nservices:\n  {name}:", scalar(database.project));
    let _ = writeln!(out, "    image: {}", scalar(database.image));
    let _ = writeln!(out, "    restart: unless-stopped\n    stop_grace_period: {STOP_GRACE}");
    let _ = writeln!(out, "    env_file:\n      - .env");
    if database.kind == DbKind::Redis {
        let _ = writeln!(out, "    command:\n      - sh\n      - \"-c\"\n      - {}", scalar(REDIS_COMMAND));
    }
    let _ = writeln!(out, "    volumes:\n      - type: volume\n        source: data");
    let _ = writeln!(out, "        target: {}\n    ports:", scalar(database.kind.data_dir()));
    compose::port(&mut out, Some("127.0.0.1"), database.host_port, database.kind.port());
    compose::network(&mut out, database.name);
    let _ = writeln!(out, "volumes:\n  data:\n    name: {}\n    external: true", scalar(database.volume));
    out
}

/// The variables of the container; in a file that root alone may read.
pub fn environment(kind: DbKind, name: &str, password: &Secret<String>) -> BTreeMap<String, Secret<String>> {
    let account = account(kind, name);
    let plain = |key: &str, value: &str| (key.to_owned(), Secret::new(value.to_owned()));
    let mut env: BTreeMap<String, Secret<String>> = match kind {
        DbKind::Postgres => {
            // Newer images have another folder; data of older ones is found in this one.
            let folder = plain("PGDATA", kind.data_dir());
            [plain("POSTGRES_USER", &account), plain("POSTGRES_DB", &account), folder].into()
        }
        DbKind::Mysql => {
            // As in the first release. A random one would be printed into the container's log.
            let root = ("MYSQL_ROOT_PASSWORD".to_owned(), password.clone());
            [plain("MYSQL_USER", &account), plain("MYSQL_DATABASE", &account), root].into()
        }
        DbKind::Redis => BTreeMap::new(),
        DbKind::Mongo => [plain("MONGO_INITDB_ROOT_USERNAME", &account)].into(),
    };
    env.insert(kind.password_variable().to_owned(), password.clone());
    env
}

/// How a client reaches it. Without a password only a redis of the first release is.
pub fn url(kind: DbKind, name: &str, host: &str, port: u16, password: Option<&Secret<String>>) -> Secret<String> {
    let user = encoded(&account(kind, name));
    let secret = password.map(|password| format!(":{}", encoded(password.expose()))).unwrap_or_default();
    Secret::new(match kind {
        DbKind::Postgres => format!("postgresql://{user}{secret}@{host}:{port}/{user}"),
        DbKind::Mysql => format!("mysql://{user}{secret}@{host}:{port}/{user}"),
        DbKind::Redis if secret.is_empty() => format!("redis://{host}:{port}"),
        // The name of the user that a password alone belongs to: redis-cli takes no URL without a user.
        DbKind::Redis => format!("redis://default{secret}@{host}:{port}"),
        DbKind::Mongo => {
            format!("mongodb://{user}{secret}@{host}:{port}/{}?authSource=admin", encoded(&mongo_database(name)))
        }
    })
}

/// For a part of a URL: all but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that YAML, compose or a URL could take for something else.
    const NAMES: [&str; 6] = ["main", "007", "1e3", "My.App-2_x", "no", "a.b"];

    fn database(kind: DbKind, name: &str) -> String {
        compose_file(&Database {
            kind,
            name,
            project: "infrakt-main",
            image: kind.default_image(),
            volume: "infrakt.main.data",
            host_port: 20007,
        })
    }

    #[test]
    fn compose_files_of_the_four_kinds() {
        let all: Vec<String> = DbKind::ALL.iter().map(|kind| database(*kind, "main")).collect();
        insta::assert_snapshot!(all.join("---\n"));
    }

    #[test]
    fn a_name_that_is_a_number_or_a_word_of_yaml_stays_a_name() {
        for name in NAMES {
            let text = database(DbKind::Postgres, name);
            let service = text.lines().nth(3).unwrap().trim().trim_end_matches(':');
            let read = if service.starts_with('"') { service.trim_matches('"') } else { service };
            assert_eq!(read, name);
            let plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "no";
            assert!(plain || service.starts_with('"'), "{text}");
        }
    }

    #[test]
    fn no_compose_file_holds_a_password() {
        for kind in DbKind::ALL {
            assert!(!database(kind, "main").contains("hunter2"));
            let env = environment(kind, "main", &Secret::new("hunter2".into()));
            assert_eq!(env[kind.password_variable()].expose(), "hunter2");
        }
    }

    #[test]
    fn environments_of_the_four_kinds() {
        let mut said = String::new();
        for kind in DbKind::ALL {
            for (key, value) in environment(kind, "main", &Secret::new("pw".into())) {
                said.push_str(&format!("{kind} {key}={}\n", value.expose()));
            }
        }
        insta::assert_snapshot!(said, @r"
        postgres PGDATA=/var/lib/postgresql/data
        postgres POSTGRES_DB=main
        postgres POSTGRES_PASSWORD=pw
        postgres POSTGRES_USER=main
        mysql MYSQL_DATABASE=main
        mysql MYSQL_PASSWORD=pw
        mysql MYSQL_ROOT_PASSWORD=pw
        mysql MYSQL_USER=main
        redis REDIS_PASSWORD=pw
        mongo MONGO_INITDB_ROOT_PASSWORD=pw
        mongo MONGO_INITDB_ROOT_USERNAME=main
        ");
    }

    #[test]
    fn urls_of_the_four_kinds() {
        let password = Secret::new("p@ss/wörd-1".to_owned());
        let of = |kind: DbKind, password: Option<&Secret<String>>| {
            url(kind, "my.app", "my.app", kind.port(), password).into_inner()
        };
        let with: Vec<String> = DbKind::ALL.iter().map(|kind| of(*kind, Some(&password))).collect();
        insta::assert_snapshot!(with.join("\n"), @r"
        postgresql://my.app:p%40ss%2Fw%C3%B6rd-1@my.app:5432/my.app
        mysql://my.app:p%40ss%2Fw%C3%B6rd-1@my.app:3306/my.app
        redis://default:p%40ss%2Fw%C3%B6rd-1@my.app:6379
        mongodb://my.app:p%40ss%2Fw%C3%B6rd-1@my.app:27017/db_my_app_13d7e3?authSource=admin
        ");
        assert_eq!(of(DbKind::Redis, None), "redis://my.app:6379");
    }
}
