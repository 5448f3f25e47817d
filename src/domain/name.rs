//! What may be a name: apps, servers, domains, keys of the environment; and the compose project derived from an app's name.

use sha2::{Digest, Sha256};

/// Why a name is refused: shown to people behind the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct BadName {
    /// The field as the API and the flags call it.
    pub field: &'static str,
    pub reason: String,
}

fn bad(field: &'static str, reason: impl Into<String>) -> BadName {
    BadName { field, reason: reason.into() }
}

/// A server's or an app's name, as in the first release: 1–100 of `[A-Za-z0-9._-]`, the first alphanumeric.
pub fn check_name(field: &'static str, name: &str) -> Result<(), BadName> {
    if name.is_empty() || name.len() > 100 {
        return Err(bad(field, "must have 1 to 100 characters"));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(bad(field, "must begin with a letter or a digit"));
    }
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(c) => Err(bad(field, format!("may hold letters, digits, `.`, `_` and `-`, not {c:?}"))),
        None => Ok(()),
    }
}

/// A host name or an address (IPv6 without brackets).
pub fn check_host(host: &str) -> Result<(), BadName> {
    if host.is_empty() || host.len() > 255 {
        return Err(bad("host", "must have 1 to 255 characters"));
    }
    if host.starts_with('-') {
        return Err(bad("host", "must not begin with `-`"));
    }
    match host.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '%'))) {
        Some(c) => Err(bad("host", format!("is no host name or address: {c:?}"))),
        None => Ok(()),
    }
}

/// A login name as `useradd` takes it.
pub fn check_user(user: &str) -> Result<(), BadName> {
    let ok = !user.is_empty()
        && user.len() <= 100
        && user.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$'));
    if ok { Ok(()) } else { Err(bad("user", "is no login name")) }
}

/// A domain of a route: optional `*.`, labels of letters, digits and inner hyphens, at most 253 characters; optional `http://` in front.
pub fn check_domain(domain: &str) -> Result<(), BadName> {
    let name = domain.strip_prefix("http://").unwrap_or(domain);
    let name = name.strip_prefix("*.").unwrap_or(name);
    if name.is_empty() || name.len() > 253 {
        return Err(bad("domain", "must have 1 to 253 characters"));
    }
    for label in name.split('.') {
        let ok = !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-');
        if !ok {
            return Err(bad(
                "domain",
                format!("`{domain}` is no domain: labels hold letters, digits and inner hyphens"),
            ));
        }
    }
    Ok(())
}

/// A key of the environment: `[A-Za-z_][A-Za-z0-9_]*`, at most 255 characters.
pub fn check_env_key(key: &str) -> Result<(), BadName> {
    let ok = key.len() <= 255
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if ok {
        Ok(())
    } else {
        Err(bad("key", format!("`{key}` must be letters, digits and `_`, and not begin with a digit")))
    }
}

/// An image reference as Docker reads it: one word of its alphabet, not beginning with a mark.
pub fn check_image(image: &str) -> Result<(), BadName> {
    let ok = !image.is_empty()
        && image.len() <= 500
        && image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && image.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+'));
    if ok { Ok(()) } else { Err(bad("image", format!("`{image}` is no image reference"))) }
}

/// A git branch or tag: `[A-Za-z0-9._/-]+`, no `..`, not beginning with `-` or `/`, at most 100 characters.
pub fn check_branch(branch: &str) -> Result<(), BadName> {
    let ok = !branch.is_empty()
        && branch.len() <= 100
        && branch.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-'))
        && !branch.starts_with(['-', '/', '.'])
        && !branch.contains("..");
    if ok { Ok(()) } else { Err(bad("branch", format!("`{branch}` is no branch or tag"))) }
}

/// A commit: 7 to 40 hex digits.
pub fn check_commit(commit: &str) -> Result<(), BadName> {
    let ok = (7..=40).contains(&commit.len()) && commit.bytes().all(|b| b.is_ascii_hexdigit());
    if ok { Ok(()) } else { Err(bad("commit", format!("`{commit}` is no commit: 7 to 40 hex digits"))) }
}

/// The address of a git repository: `https://…`, `ssh://…`, `user@host:path` and the like; one word, without a password in it, which
/// everyone who may list apps could read.
pub fn check_git_url(url: &str) -> Result<(), BadName> {
    let known = ["https://", "http://", "ssh://", "git://", "file://"].iter().find_map(|s| url.strip_prefix(s));
    let scp_like = || url.split_once(':').filter(|(host, path)| host.contains('@') && !path.is_empty()).map(|(h, _)| h);
    let one_word = url.len() <= 500 && !url.starts_with('-') && url.chars().all(|c| c.is_ascii_graphic());
    let Some(rest) = known.or_else(scp_like).filter(|rest| one_word && !rest.is_empty()) else {
        return Err(bad("git", format!("`{url}` is no repository such as `https://host/owner/name.git`")));
    };
    let login = rest.split('/').next().unwrap_or_default().rsplit_once('@').map(|(login, _)| login);
    match login {
        Some(login) if login.contains(':') => Err(bad("git", "must not hold a password")),
        _ => Ok(()),
    }
}

/// A path for the health check: begins with `/`, printable ASCII without blanks, quotes or backslashes.
pub fn check_health_path(path: &str) -> Result<(), BadName> {
    let ok = path.starts_with('/')
        && path.len() <= 500
        && path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`'));
    if ok { Ok(()) } else { Err(bad("health", format!("`{path}` must be a path such as `/up`"))) }
}

/// A memory limit as compose reads it: a number with `b`, `k`, `m` or `g`.
pub fn check_memory(memory: &str) -> Result<(), BadName> {
    let digits = memory.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &memory[digits.len()..];
    let ok = !digits.is_empty()
        && digits.len() <= 15
        && digits.chars().all(|c| c.is_ascii_digit())
        && digits.chars().any(|c| c != '0')
        && matches!(unit.to_ascii_lowercase().as_str(), "b" | "k" | "kb" | "m" | "mb" | "g" | "gb");
    if ok { Ok(()) } else { Err(bad("memory", format!("`{memory}` must be a size such as `512m` or `2g`"))) }
}

/// A CPU limit: a positive decimal number.
pub fn check_cpus(cpus: &str) -> Result<(), BadName> {
    let ok = cpus.len() <= 10
        && cpus.chars().all(|c| c.is_ascii_digit() || c == '.')
        && cpus.parse::<f64>().is_ok_and(|n| n > 0.0 && n <= 4096.0);
    if ok { Ok(()) } else { Err(bad("cpus", format!("`{cpus}` must be a number such as `1.5`"))) }
}

/// A published port: `PORT` or `ADDR:PORT` (IPv6 addresses in brackets).
pub fn check_publish(publish: &str) -> Result<(), BadName> {
    let (addr, port) = match publish.rsplit_once(':') {
        Some((addr, port)) => (Some(addr), port),
        None => (None, publish),
    };
    let port_ok = port.parse::<u16>().is_ok_and(|p| p > 0) && port.chars().all(|c| c.is_ascii_digit());
    let addr_ok = addr.is_none_or(|a| {
        let inner = a.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(a);
        inner.parse::<std::net::IpAddr>().is_ok()
    });
    if port_ok && addr_ok {
        Ok(())
    } else {
        Err(bad("publish", format!("`{publish}` must be `PORT` or `ADDRESS:PORT`")))
    }
}

/// The compose project of an app: `infrakt-` and the name as a lower-case slug, with 6 hex digits of the name's SHA-256 where the slug
/// is not the name itself, so that no two names meet.
pub fn compose_project(app_name: &str) -> String {
    let slug: String = app_name
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_') => c,
            _ => '-',
        })
        .collect();
    if slug == app_name {
        return format!("infrakt-{slug}");
    }
    let hash = Sha256::digest(app_name.as_bytes());
    format!("infrakt-{slug}-{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "web", "My.App-2_x", "0", &"a".repeat(100)] {
            check_name("name", good).unwrap();
        }
        for worse in ["", "-a", ".a", "a b", "a\n", "é", "a/b", "a;b", &"a".repeat(101)] {
            assert!(check_name("name", worse).is_err(), "{worse:?}");
        }
    }

    #[test]
    fn domains() {
        for good in ["localhost", "web.example.com", "*.example.com", "http://web.internal", "a-b.c"] {
            check_domain(good).unwrap();
        }
        for worse in ["", "*.", "a..b", "-a.b", "a_b", "a b", "a{", "https://a", "a.b/", "a.b\n"] {
            assert!(check_domain(worse).is_err(), "{worse:?}");
        }
    }

    #[test]
    fn repositories_and_branches() {
        for good in ["https://git.example/a/b.git", "ssh://git@host:2222/a", "git@host:a/b.git", "https://me@host/a"] {
            check_git_url(good).unwrap();
        }
        for worse in
            ["", "-x", "a b", "host/path", "https://", "https://u:secret@host/a.git", "ext::sh -c x", "git@host:"]
        {
            assert!(check_git_url(worse).is_err(), "{worse:?}");
        }
        check_commit("3f2c1a4b").unwrap();
        for worse in ["", "3f2c1a", "main123", "HEAD", &"a".repeat(41)] {
            assert!(check_commit(worse).is_err(), "{worse:?}");
        }
        for good in ["main", "v1.2.3", "feature/x_y-z"] {
            check_branch(good).unwrap();
        }
        for worse in ["", "-f", "a..b", "a b", "/a", "a\n", "a;b"] {
            assert!(check_branch(worse).is_err(), "{worse:?}");
        }
    }

    #[test]
    fn limits_and_ports() {
        for good in ["512m", "1g", "100MB"] {
            check_memory(good).unwrap();
        }
        for worse in ["", "m", "0m", "1.5g", "512", "1x", "1é"] {
            assert!(check_memory(worse).is_err(), "{worse:?}");
        }
        for good in ["80", "0.0.0.0:80", "[::]:8080", "10.0.0.1:443"] {
            check_publish(good).unwrap();
        }
        for worse in ["", "0", "65536", "a:80", "80:80", "+80"] {
            assert!(check_publish(worse).is_err(), "{worse:?}");
        }
    }

    #[test]
    fn projects_of_different_names_never_meet() {
        assert_eq!(compose_project("web"), "infrakt-web");
        let names = ["my.app", "my-app", "My-app", "my_app", "my.App"];
        let all: std::collections::BTreeSet<_> = names.iter().map(|n| compose_project(n)).collect();
        assert_eq!(all.len(), names.len());
        assert!(compose_project("My.App").starts_with("infrakt-my-app-"));
    }
}
