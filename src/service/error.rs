//! What stands in the way of a request, in one enum: a kind (exit code, HTTP status), a stable code, a text and a hint.

use crate::config::ConfigError;
use crate::domain::failure::{Failure, code};
use crate::domain::name::BadName;
use crate::ops::reads::ReadError;
use crate::queue::QueueError;
use crate::render::dotenv::BadEnv;
use crate::store::StoreError;
use crate::vault::VaultError;

/// What sort of answer it is. The command line makes an exit code of it, the API a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NotFound,
    Ambiguous,
    /// Refused: conflicts with what is there.
    Conflict,
    /// A value that cannot be.
    Invalid,
    /// The server cannot be reached, refuses the login, or shows another host key.
    Unreachable,
    /// An operation failed, or something of our own is broken.
    Internal,
}

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("there is no server `{name}`")]
    NoServer { name: String, near: Option<String> },
    #[error("there is no app `{name}`{}", on(server))]
    NoApp { name: String, server: Option<String>, near: Option<String> },
    #[error("there is no route for {domain} on {server}")]
    NoRoute { domain: String, server: String, near: Option<String> },
    #[error("there is no database `{name}`{}", on(server))]
    NoDatabase { name: String, server: Option<String>, near: Option<String> },
    #[error("there is no deployment {id}")]
    NoDeployment { id: i64 },
    #[error("there is no job {id}")]
    NoJob { id: i64 },
    #[error("`{app}` has no variable `{key}`")]
    NoVariable { app: String, key: String, near: Option<String> },
    #[error("`{app}` has no service `{service}`")]
    NoService { app: String, service: String, services: String },
    #[error("`{name}` is the name of several apps: {}", listed(name, servers))]
    AmbiguousApp { name: String, servers: Vec<String> },
    #[error("there is a server `{name}` already")]
    ServerExists { name: String },
    /// The same request came at the same time and was first.
    #[error("the same request is being answered already")]
    Repeated,
    #[error("there is no key `{name}`")]
    NoKey { name: String },
    #[error("there is a key `{name}` already")]
    KeyExists { name: String },
    #[error("there is an app `{name}` on {server} already")]
    AppExists { name: String, server: String },
    #[error("the domain {domain} is taken on {server}{}", by(owner))]
    DomainTaken { domain: String, server: String, owner: Option<String> },
    #[error("{name} has {}", apps_on(*count))]
    ServerHasApps { name: String, count: i64 },
    #[error("{name} has work under way: job {job}")]
    ServerBusy { name: String, job: i64 },
    #[error("`{name}` is a database")]
    IsDatabase { name: String },
    #[error("{0}")]
    Field(#[from] BadName),
    #[error("{text}")]
    Invalid { text: String, hint: Option<String> },
    #[error("{text}")]
    Refused { code: &'static str, text: String, hint: Option<String> },
    /// A server said no, or said nothing.
    #[error("{}", .0.text)]
    Failed(Failure),
    /// The private key is encrypted, and nobody has said its passphrase.
    #[error("{}", .0.text)]
    KeyLocked(Failure),
    #[error(transparent)]
    Env(#[from] BadEnv),
    #[error("the server's answer makes no sense: {0}")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl ServiceError {
    pub fn kind(&self) -> Kind {
        use ServiceError as E;
        match self {
            E::NoServer { .. }
            | E::NoApp { .. }
            | E::NoDatabase { .. }
            | E::NoRoute { .. }
            | E::NoDeployment { .. }
            | E::NoJob { .. }
            | E::NoVariable { .. }
            | E::NoKey { .. }
            | E::NoService { .. } => Kind::NotFound,
            E::AmbiguousApp { .. } => Kind::Ambiguous,
            E::ServerExists { .. }
            | E::AppExists { .. }
            | E::KeyExists { .. }
            | E::Repeated
            | E::DomainTaken { .. }
            | E::ServerHasApps { .. }
            | E::ServerBusy { .. }
            | E::IsDatabase { .. }
            | E::Refused { .. } => Kind::Conflict,
            E::Field(_) | E::Invalid { .. } | E::Env(_) => Kind::Invalid,
            E::Failed(failure) => match failure.code.as_str() {
                code::UNREACHABLE | code::LOGIN_REFUSED | code::HOST_KEY => Kind::Unreachable,
                _ => Kind::Internal,
            },
            E::KeyLocked(_) => Kind::Unreachable,
            E::Read(_) | E::Config(_) | E::Vault(_) | E::Store(_) => Kind::Internal,
            E::Queue(error) => queue_kind(error),
        }
    }

    /// Nothing was written, since the home's disk has no room.
    pub fn is_full_disk(&self) -> bool {
        use ServiceError as E;
        match self {
            E::Store(StoreError::Full { .. }) | E::Queue(QueueError::Store(StoreError::Full { .. })) => true,
            E::Config(ConfigError::Io { source, .. }) | E::Vault(VaultError::Io { source, .. }) => {
                source.kind() == std::io::ErrorKind::StorageFull
            }
            _ => false,
        }
    }

    /// Part of the API: it never changes its meaning.
    pub fn code(&self) -> &str {
        use ServiceError as E;
        match self {
            E::NoServer { .. } => "server_not_found",
            E::NoApp { .. } => "app_not_found",
            E::NoRoute { .. } => "route_not_found",
            E::NoDatabase { .. } => "database_not_found",
            E::NoDeployment { .. } => "deployment_not_found",
            E::NoJob { .. } => "job_not_found",
            E::NoVariable { .. } => "variable_not_found",
            E::NoService { .. } => "service_not_found",
            E::Repeated => "repeated",
            E::NoKey { .. } => "key_not_found",
            E::KeyExists { .. } => "key_exists",
            E::AmbiguousApp { .. } => "ambiguous_app",
            E::ServerExists { .. } => "server_exists",
            E::AppExists { .. } => "app_exists",
            E::DomainTaken { .. } => "domain_taken",
            E::ServerHasApps { .. } => "server_has_apps",
            E::ServerBusy { .. } => "server_busy",
            E::IsDatabase { .. } => "is_database",
            E::Field(_) | E::Invalid { .. } | E::Env(_) => "invalid",
            E::Refused { code, .. } => code,
            E::Failed(failure) | E::KeyLocked(failure) => &failure.code,
            E::Read(_) => "bad_answer",
            E::Config(_) => "config",
            E::Vault(_) => "vault",
            E::Store(_) => "database",
            E::Queue(error) => queue_code(error),
        }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        use ServiceError as E;
        match self {
            E::NoServer { near: Some(near), .. }
            | E::NoApp { near: Some(near), .. }
            | E::NoRoute { near: Some(near), .. }
            | E::NoDatabase { near: Some(near), .. }
            | E::NoVariable { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            E::NoServer { .. } => Some("`infrakt server list` shows what there is".into()),
            E::NoApp { .. } => Some("`infrakt app list` shows what there is".into()),
            E::NoDatabase { .. } => Some("`infrakt db list` shows what there is".into()),
            E::NoRoute { server, .. } => Some(format!("`infrakt proxy domains {server}` shows what there is")),
            E::DomainTaken { domain, server, .. } => {
                Some(format!("`infrakt proxy remove {domain} --server {server}` frees it"))
            }
            E::NoJob { .. } => Some("`infrakt job list --all` shows what there is".into()),
            E::NoVariable { app, .. } => Some(format!("`infrakt env list {app}` shows what there is")),
            E::NoService { services, .. } => Some(format!("its services are {services}")),
            E::AmbiguousApp { name, servers } => {
                let first = servers.first().map(String::as_str).unwrap_or("SERVER");
                Some(format!("say which: `{first}/{name}` or `--server {first}`"))
            }
            E::ServerHasApps { .. } => {
                Some("`--force` forgets them with the server; nothing on the server is touched".into())
            }
            E::ServerBusy { job, .. } => Some(format!("`infrakt job follow {job}` or `infrakt job cancel {job}`")),
            E::IsDatabase { name } => Some(format!(
                "`infrakt db` has the commands for databases; `infrakt db url {name}` prints how to reach it"
            )),
            E::Invalid { hint, .. } | E::Refused { hint, .. } => hint.clone(),
            E::Failed(failure) | E::KeyLocked(failure) => failure.hint.clone(),
            E::Config(error) => error.hint().map(str::to_owned),
            E::Vault(error) => error.hint(),
            E::Store(StoreError::Full { .. }) | E::Queue(QueueError::Store(StoreError::Full { .. })) => {
                Some("free some space there: nothing that was accepted is lost, and jobs go on then".into())
            }
            E::NoKey { .. } => Some("`infrakt key list` shows what there is".into()),
            E::NoDeployment { .. }
            | E::KeyExists { .. }
            | E::Repeated
            | E::ServerExists { .. }
            | E::AppExists { .. }
            | E::Field(_)
            | E::Env(_)
            | E::Read(_)
            | E::Store(_) => None,
            E::Queue(error) => queue_hint(error),
        }
    }
}

fn queue_kind(error: &QueueError) -> Kind {
    use QueueError as E;
    match error {
        E::NoJob(_) => Kind::NotFound,
        E::Cancelling { .. }
        | E::TooOld { .. }
        | E::Illegal { .. }
        | E::AlreadyAlive { .. }
        | E::NoQuestion { .. }
        | E::HasBegun { .. }
        | E::NotWaiting { .. }
        | E::NotRetryable { .. }
        | E::BeingDestroyed { .. }
        | E::Gone { .. }
        | E::KeyReused => Kind::Conflict,
        E::Store(_) | E::Fenced { .. } | E::NoSuchRun { .. } | E::LogPosition { .. } | E::Run { .. } => Kind::Internal,
    }
}

fn queue_code(error: &QueueError) -> &'static str {
    use QueueError as E;
    match error {
        E::NoJob(_) => "job_not_found",
        E::Cancelling { .. } => "job_cancelling",
        E::TooOld { .. } => "too_old",
        E::Illegal { .. } => "illegal",
        E::AlreadyAlive { .. } => "already_alive",
        E::NoQuestion { .. } => "no_question",
        E::HasBegun { .. } => "has_begun",
        E::NotWaiting { .. } => "not_waiting",
        E::NotRetryable { .. } => "not_retryable",
        E::BeingDestroyed { .. } => "being_destroyed",
        E::Gone { .. } => "gone",
        E::KeyReused => "key_reused",
        E::Store(_) | E::Fenced { .. } | E::NoSuchRun { .. } | E::LogPosition { .. } => "database",
        E::Run { .. } => "config",
    }
}

fn queue_hint(error: &QueueError) -> Option<String> {
    use QueueError as E;
    match error {
        E::AlreadyAlive { job, .. } | E::BeingDestroyed { job, .. } => {
            Some(format!("`infrakt job follow {job}` or `infrakt job cancel {job}`"))
        }
        E::HasBegun { job } => Some(format!("`infrakt job follow {job}` shows how it goes")),
        E::TooOld { .. } => Some("upgrade infrakt here".into()),
        E::NoJob(_) => Some("`infrakt job list --all` shows what there is".into()),
        E::NoQuestion { job, .. } | E::NotWaiting { job, .. } | E::NotRetryable { job, .. } => {
            Some(format!("`infrakt job show {job}` shows how it stands"))
        }
        E::Store(_)
        | E::Fenced { .. }
        | E::Cancelling { .. }
        | E::Illegal { .. }
        | E::Gone { .. }
        | E::NoSuchRun { .. }
        | E::LogPosition { .. }
        | E::KeyReused
        | E::Run { .. } => None,
    }
}

fn on(server: &Option<String>) -> String {
    server.as_ref().map(|server| format!(" on {server}")).unwrap_or_default()
}

fn by(owner: &Option<String>) -> String {
    owner.as_ref().map(|owner| format!(" by `{owner}`")).unwrap_or_default()
}

fn listed(name: &str, servers: &[String]) -> String {
    servers.iter().map(|server| format!("{server}/{name}")).collect::<Vec<_>>().join(", ")
}

fn apps_on(count: i64) -> String {
    if count == 1 { "1 app".into() } else { format!("{count} apps") }
}

/// The name among `names` that was meant, if one is close to what was typed, or the only one that begins with it.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Of a short word everything is close: one letter in three may be wrong.
    let limit = (typed.chars().count() / 3).min(3);
    let mut near: Option<(usize, &str)> = None;
    let mut longer = Vec::new();
    for name in names {
        let found = (distance(typed, name), name);
        if found.0 <= limit && near.is_none_or(|near| found < near) {
            near = Some(found);
        }
        if typed.len() >= 2 && name.starts_with(typed) {
            longer.push(name);
        }
    }
    match (near, longer.as_slice()) {
        (Some((_, name)), _) => Some(name.to_owned()),
        (None, [only]) => Some((*only).to_owned()),
        (None, _) => None,
    }
}

/// Letters to change, add, drop or swap with their neighbour; upper and lower case are the same.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows: [Vec<usize>; 3] = [vec![0; b.len() + 1], (0..=b.len()).collect(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let change = rows[1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[1][j] + 1).min(rows[2][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let names = ["web", "worker", "api-2", "prod-1"];
        for (typed, meant) in [
            ("wbe", Some("web")),
            ("Web", Some("web")),
            ("wroker", Some("worker")),
            ("prod1", Some("prod-1")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(typed, names).as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, n) in [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(a, b), n, "{a} {b}");
        }
    }
}
