//! What a server has of what infrakt wrote there, and its clock; one exec.

use crate::ops::reads::{Read, ReadError, answers, number};
use crate::render::caddyfile;
pub use crate::render::caddyfile::Site;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Seconds since 1970.
    pub clock_s: i64,
    /// Mode of the folder of steps, in octal as text; none: there is no such folder.
    pub folder_mode: Option<String>,
    /// App → where its `current` leads: `releases/<deployment id>`.
    pub current: BTreeMap<String, String>,
    pub sites: Vec<Site>,
}

pub fn read() -> Read {
    Read::new(include_str!("doctor.sh"), &[])
}

pub fn parse(text: &str) -> Result<Found, ReadError> {
    let mut found = Found::default();
    let mut caddyfile = String::new();
    for (key, words) in answers(text)? {
        match (key, words.as_slice()) {
            ("clock", words) => found.clock_s = number(key, words.first())?,
            ("folder", [mode]) => found.folder_mode = Some((*mode).to_owned()),
            ("current", [app, target]) => drop(found.current.insert((*app).to_owned(), (*target).to_owned())),
            ("caddy", words) => {
                caddyfile.push_str(&words.join("\t"));
                caddyfile.push('\n');
            }
            // A newer script may say more.
            _ => {}
        }
    }
    found.sites = caddyfile::parse(&caddyfile);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_apps_and_routes() {
        let text = "hello\n@clock\t1764000000\n@folder\t700\n@current\tweb\treleases/7\n@caddy\t# infrakt i web\n@caddy\tweb.example.com {\n\
                    @caddy\t\treverse_proxy 127.0.0.1:20003\n@caddy\t}\n\n@end\n";
        let found = parse(text).unwrap();
        assert_eq!((found.clock_s, found.folder_mode.as_deref()), (1_764_000_000, Some("700")));
        assert_eq!(found.current.get("web").map(String::as_str), Some("releases/7"));
        let owner = Some(("i".to_owned(), Some("web".to_owned())));
        let addresses = vec!["web.example.com".to_owned()];
        assert_eq!(found.sites, [Site { owner, addresses, port: Some(20003) }]);
        assert_eq!(parse("@clock\t1\n"), Err(ReadError::Incomplete));
    }
}
