//! The containers of one app, as docker sees them now.

use crate::ops::reads::{Read, ReadError, answers, number};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppContainer {
    pub id: String,
    pub name: String,
    pub service: String,
    pub image: String,
    /// Docker's word: `running`, `exited`, `restarting` …
    pub state: String,
    pub exit_code: i32,
    pub restarts: u32,
    /// What the image's own check says, where it has one.
    pub health: Option<String>,
    /// As docker writes it (RFC 3339).
    pub started_at: String,
    pub deployment_id: Option<i64>,
    pub installation: Option<String>,
    /// Where its compose file lay.
    #[serde(skip)]
    pub folder: Option<String>,
}

pub fn read(project: &str, folder: &str) -> Read {
    Read::new(include_str!("app.sh"), &[project, folder])
}

pub fn parse(text: &str) -> Result<Vec<AppContainer>, ReadError> {
    let mut containers = Vec::new();
    for (key, words) in answers(text)? {
        if key != "container" {
            continue;
        }
        let word = |at: usize| words.get(at).filter(|word| !word.is_empty()).map(|word| (*word).to_owned());
        containers.push(AppContainer {
            id: word(0).ok_or_else(|| ReadError::Odd("a container without an id".into()))?,
            name: word(1).unwrap_or_default().trim_start_matches('/').to_owned(),
            image: word(2).unwrap_or_default(),
            state: word(3).unwrap_or_default(),
            exit_code: number(key, words.get(4))?,
            restarts: number(key, words.get(5))?,
            health: word(6),
            started_at: word(7).unwrap_or_default(),
            service: word(8).unwrap_or_default(),
            deployment_id: word(9).and_then(|id| id.parse().ok()),
            installation: word(10).filter(|id| id != "<no value>"),
            folder: word(11).filter(|folder| folder != "<no value>"),
        });
    }
    Ok(containers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_with_and_without_marks() {
        let text = "@container\ta1\t/infrakt-web-web-1\tnginx\trunning\t0\t2\thealthy\t2026-01-01T00:00:00Z\tweb\t12\t0190-i\n@container\tb2\t/x\ty\texited\t137\t0\t\t\tdb\t\t\n@end\n";
        let read = parse(text).unwrap();
        assert_eq!(
            (read[0].name.as_str(), read[0].restarts, read[0].deployment_id),
            ("infrakt-web-web-1", 2, Some(12))
        );
        assert_eq!((read[1].exit_code, read[1].health.as_deref(), read[1].installation.as_deref()), (137, None, None));
        assert_eq!(parse("@missing\n@end\n").unwrap(), []);
    }

    #[test]
    fn a_project_is_one_word_whatever_it_is_called() {
        assert_eq!(read("a b", "/f").command(), "sh -s -- 'a b' /f");
        assert_eq!(read("infrakt-web", "/f").command(), "sh -s -- infrakt-web /f");
    }
}
