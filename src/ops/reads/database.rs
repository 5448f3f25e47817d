//! The password of a database that the first release made: it stands in the compose file on the server and nowhere else.

use crate::domain::secret::Secret;
use crate::ops::reads::{Read, ReadError, answers};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The app's folder has no compose file.
    NoFile,
    NoVariable,
    Value(Secret<String>),
}

pub fn read(name: &str, variable: &str) -> Read {
    Read::new(include_str!("database.sh"), &[name, variable])
}

/// The first release wrote values in double quotes; by hand they may have become plain or single-quoted ones.
pub fn parse(text: &str) -> Result<Found, ReadError> {
    for (key, words) in answers(text)? {
        match key {
            "missing" => return Ok(Found::NoFile),
            "value" => {
                let value = words.join("\t");
                let value = value.trim();
                let plain = match value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
                    Some(inner) => inner.replace("''", "'"),
                    None if value.starts_with('"') => serde_json::from_str(value)
                        .map_err(|_| ReadError::Odd("a quoted value that does not end".to_owned()))?,
                    None => value.to_owned(),
                };
                // In a compose file `$$` is one `$`.
                return Ok(Found::Value(Secret::new(plain.replace("$$", "$"))));
            }
            _ => {}
        }
    }
    Ok(Found::NoVariable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_however_it_is_quoted() {
        for (line, value) in [
            ("\"a-b_c\"", "a-b_c"),
            ("\"a\\\"b\"", "a\"b"),
            ("'it''s'", "it's"),
            ("plain", "plain"),
            ("\"a$$b\"", "a$b"),
        ] {
            let found = parse(&format!("hello\n@value\t{line}\n@end\n")).unwrap();
            assert_eq!(found, Found::Value(Secret::new(value.to_owned())), "{line}");
        }
        assert_eq!(parse("@missing\n@end\n").unwrap(), Found::NoFile);
        assert_eq!(parse("@end\n").unwrap(), Found::NoVariable);
        assert!(parse("@value\t\"a\n@end\n").is_err());
        assert_eq!(parse("@value\tx\n"), Err(ReadError::Incomplete));
    }

    /// The file as the first release writes it, read by the script itself.
    #[test]
    fn the_script_finds_the_variable_and_no_other() {
        let file =
            "services:\n  main:\n    environment:\n      MYSQL_ROOT_PASSWORD: \"r\"\n      MYSQL_PASSWORD: \"pw: x\"\n";
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("main")).unwrap();
        std::fs::write(dir.path().join("main/docker-compose.yml"), file).unwrap();
        let script = include_str!("database.sh").replace("/opt/infrakt/apps", &dir.path().display().to_string());
        let said = |name: &str, variable: &str| {
            let output = std::process::Command::new("sh").args(["-c", &script, "sh", name, variable]).output().unwrap();
            parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
        };
        assert_eq!(said("main", "MYSQL_PASSWORD"), Found::Value(Secret::new("pw: x".to_owned())));
        assert_eq!(said("main", "POSTGRES_PASSWORD"), Found::NoVariable);
        assert_eq!(said("other", "MYSQL_PASSWORD"), Found::NoFile);
    }
}
