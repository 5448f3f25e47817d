//! The address of a git repository and the login in it: parted as soon as a person says them, so that the address can be shown.

use crate::domain::secret::Secret;

/// What a git server over https is logged in to with. A token may stand in either place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLogin {
    pub user: Secret<String>,
    pub password: Secret<String>,
}

impl GitLogin {
    /// Reads `user`, `user:password` or `:password` as it stands in a URL. None: it holds what no login can (a line end, broken escapes).
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let (user, password) = (decoded(user)?, decoded(password)?);
        if user.is_empty() && password.is_empty() {
            return None;
        }
        // Asked for a name, git takes none for an answer; forges ignore it beside a token.
        let user = if user.is_empty() { "git".to_owned() } else { user };
        Some(Self { user: Secret::new(user), password: Secret::new(password) })
    }
}

/// The address without the login that stands in it, and that login as written. Only `http://` and `https://` addresses have one: the user
/// of an ssh address is part of the address.
pub fn split(url: &str) -> (String, Option<Secret<String>>) {
    let Some((scheme, rest)) = web(url) else { return (url.to_owned(), None) };
    let (authority, path) = rest.split_at(authority_len(rest));
    match authority.rsplit_once('@') {
        Some((login, host)) => (format!("{scheme}://{host}{path}"), Some(Secret::new(login.to_owned()))),
        None => (url.to_owned(), None),
    }
}

/// Scheme, host and port of a web address without a login: who may be told the login.
pub fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = web(url)?;
    Some(&url[..scheme.len() + "://".len() + authority_len(rest)])
}

fn web(url: &str) -> Option<(&str, &str)> {
    url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
}

fn authority_len(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                let digit = |b: u8| (b as char).to_digit(16);
                u8::try_from(digit(hex[0])? * 16 + digit(hex[1])?).ok()?
            }
            byte => byte,
        };
        out.push(byte);
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> String {
        let (url, login) = split(url);
        format!("{url} {}", login.map(|l| l.expose().clone()).unwrap_or_default())
    }

    #[test]
    fn an_address_and_its_login_are_parted() {
        for (url, expected) in [
            ("https://git.example/a/b.git", "https://git.example/a/b.git "),
            ("https://token@git.example:8443/a.git", "https://git.example:8443/a.git token"),
            ("https://me:p%40ss@git.example/a@b.git", "https://git.example/a@b.git me:p%40ss"),
            ("http://a:b@c@git.example", "http://git.example a:b@c"),
            ("ssh://git@git.example/a.git", "ssh://git@git.example/a.git "),
            ("git@git.example:a.git", "git@git.example:a.git "),
        ] {
            assert_eq!(parts(url), expected);
        }
    }

    #[test]
    fn who_may_be_told() {
        assert_eq!(origin("https://git.example:8443/a/b.git"), Some("https://git.example:8443"));
        assert_eq!(origin("http://git.example"), Some("http://git.example"));
        assert_eq!(origin("git@git.example:a.git"), None);
    }

    #[test]
    fn logins() {
        let read = |text: &str| {
            GitLogin::parse(text).map(|login| format!("{} {}", login.user.expose(), login.password.expose()))
        };
        assert_eq!(read("token").unwrap(), "token ");
        assert_eq!(read("me:p%40ss:%C3%BC").unwrap(), "me p@ss:ü");
        assert_eq!(read(":token").unwrap(), "git token");
        for bad in ["", ":", "a%0Ab", "a%4", "a%zz", "a%FF"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
