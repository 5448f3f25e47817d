//! Reads a `.env` file as people write it: `KEY=value` lines, `export` in front, comments, quotes over several lines.

use super::ServiceError;
use crate::domain::secret::Secret;

/// Key and value, in the file's order. A line that is neither a pair, a comment nor blank is an error that names its number.
pub(super) fn parse(text: &str) -> Result<Vec<(String, Secret<String>)>, ServiceError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = Vec::new();
    let mut rest = text;
    let mut line_number = 1;
    while !rest.is_empty() {
        let line = rest.split('\n').next().unwrap_or_default();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = rest.get(line.len() + 1..).unwrap_or_default();
            line_number += 1;
            continue;
        }
        let bad = |why: &str| ServiceError::Invalid { text: format!("line {line_number}: {why}"), hint: None };
        let (key, _) = line.split_once('=').ok_or_else(|| bad("there is no `=`"))?;
        let after = &rest[key.len() + 1..];
        let key = key.trim();
        let key = key.strip_prefix("export ").map(str::trim).unwrap_or(key);
        let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
        let (value, used) = match after[blanks..].chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (value, used) =
                    quoted(&after[blanks + 1..], quote).ok_or_else(|| bad("the quote is not closed"))?;
                let behind = after[blanks + 1 + used..].split('\n').next().unwrap_or_default();
                let tail = behind.trim();
                if !tail.is_empty() && !tail.starts_with('#') {
                    return Err(bad("there is something behind the closing quote"));
                }
                (value, blanks + 1 + used + behind.len())
            }
            _ => {
                let raw = after.split('\n').next().unwrap_or_default();
                // A comment begins behind a blank: `a#b` is a value.
                let end = raw.find(" #").or_else(|| raw.find("\t#")).unwrap_or(raw.len());
                (raw[..end].trim().to_owned(), raw.len())
            }
        };
        let used = key_span(rest, after) + used;
        line_number += rest[..used].matches('\n').count() + 1;
        rest = rest.get(used + 1..).unwrap_or_default();
        pairs.push((key.to_owned(), Secret::new(value)));
    }
    Ok(pairs)
}

/// How far `tail` begins behind the start of `whole`.
fn key_span(whole: &str, tail: &str) -> usize {
    whole.len() - tail.len()
}

/// The value up to the closing quote, and how many bytes it took with that quote. Between double quotes `\n`, `\r`, `\t`, `\"`,
/// `\\` and `\$` stand for one character; between single ones everything stands for itself.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((value, at + 1));
        }
        if c != '\\' || quote == '\'' {
            value.push(c);
            continue;
        }
        let (_, escaped) = chars.next()?;
        match escaped {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            '"' | '\\' | '$' => value.push(escaped),
            other => {
                value.push('\\');
                value.push(other);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|(key, value)| (key, value.into_inner())).collect()
    }

    #[test]
    fn files_as_people_write_them() {
        let text = "\u{feff}# comment\n\nA=1\r\nexport B = two words # why\nC=\"a\\nb\\\"c\\$d\" # x\nD='raw \\n $x'\nE=\nF=a#b=c\nG=\"first\nsecond\"\nH=last";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a\nb\"c$d"),
            ("D", "raw \\n $x"),
            ("E", ""),
            ("F", "a#b=c"),
            ("G", "first\nsecond"),
            ("H", "last"),
        ];
        assert_eq!(read(text), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_pair_is_named_by_its_line() {
        for (text, said) in [
            ("A=1\nnonsense\n", "line 2: there is no `=`"),
            ("A=\"x\ny\"\nB='open\n", "line 3: the quote is not closed"),
            ("A=\"x\" y", "line 1: there is something behind the closing quote"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), said);
        }
    }
}
