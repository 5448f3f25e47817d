//! The environment of an app as a dotenv file that compose reads back exactly.

use crate::domain::secret::Secret;
use std::collections::BTreeMap;

/// Keys and values of one app together.
pub const MAX_BYTES: usize = 1024 * 1024;

/// What no dotenv file can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnv {
    #[error("the value of `{0}` holds a NUL byte, which no environment can carry")]
    Nul(String),
    #[error("the environment has {0} bytes, more than 1 MiB")]
    TooLarge(usize),
}

pub fn check(env: &BTreeMap<String, Secret<String>>) -> Result<(), BadEnv> {
    if let Some((key, _)) = env.iter().find(|(_, value)| value.expose().contains('\0')) {
        return Err(BadEnv::Nul(key.clone()));
    }
    let bytes = env.iter().map(|(key, value)| key.len() + value.expose().len()).sum();
    if bytes > MAX_BYTES { Err(BadEnv::TooLarge(bytes)) } else { Ok(()) }
}

/// `.env`: what the containers get, all of it.
pub fn render(env: &BTreeMap<String, Secret<String>>) -> Secret<String> {
    lines(env, |_| true)
}

/// `compose.env`: what compose fills into the file itself; without the keys that steer compose and docker.
pub fn render_for_compose(env: &BTreeMap<String, Secret<String>>) -> Secret<String> {
    lines(env, |key| !steers_compose(key))
}

fn steers_compose(key: &str) -> bool {
    key.starts_with("COMPOSE_") || key.starts_with("DOCKER_") || matches!(key, "PATH" | "HOME")
}

fn lines(env: &BTreeMap<String, Secret<String>>, keep: impl Fn(&str) -> bool) -> Secret<String> {
    let mut text = String::new();
    for (key, value) in env.iter().filter(|(key, _)| keep(key)) {
        text.push_str(key);
        text.push_str("=\"");
        for c in value.expose().chars() {
            match c {
                '\\' => text.push_str(r"\\"),
                '"' => text.push_str("\\\""),
                '$' => text.push_str(r"\$"),
                '\n' => text.push_str(r"\n"),
                '\r' => text.push_str(r"\r"),
                c => text.push(c),
            }
        }
        text.push_str("\"\n");
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret<String>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Secret::new((*v).to_owned()))).collect()
    }

    #[test]
    fn quoting() {
        for (value, line) in [
            ("", "K=\"\"\n"),
            ("plain", "K=\"plain\"\n"),
            (" a # b ", "K=\" a # b \"\n"),
            ("it's", "K=\"it's\"\n"),
            ("a\"b", "K=\"a\\\"b\"\n"),
            (r"a\n", "K=\"a\\\\n\"\n"),
            ("$HOME ${X}", "K=\"\\$HOME \\${X}\"\n"),
            ("a\nb\r\n", "K=\"a\\nb\\r\\n\"\n"),
            ("ü=é\t", "K=\"ü=é\t\"\n"),
        ] {
            assert_eq!(render(&env(&[("K", value)])).expose(), line);
        }
    }

    #[test]
    fn what_steers_compose_reaches_the_containers_alone() {
        let env = env(&[("A", "1"), ("COMPOSE_FILE", "x"), ("DOCKER_HOST", "x"), ("HOME", "x"), ("PATH", "x")]);
        assert_eq!(render(&env).expose().lines().count(), 5);
        assert_eq!(render_for_compose(&env).expose(), "A=\"1\"\n");
    }

    #[test]
    fn nul_and_more_than_a_mebibyte_are_refused() {
        assert_eq!(check(&env(&[("K", "a\0")])), Err(BadEnv::Nul("K".into())));
        let much = "x".repeat(MAX_BYTES);
        assert_eq!(check(&env(&[("K", &much)])), Err(BadEnv::TooLarge(MAX_BYTES + 1)));
        assert_eq!(check(&env(&[("K", &much[1..])])), Ok(()));
    }
}
