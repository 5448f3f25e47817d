//! The little YAML that we write: scalars that cannot be read as anything but the text they are.

/// A scalar: plain where that is safe, otherwise double-quoted with JSON's escapes (all of which YAML knows).
pub fn scalar(text: &str) -> String {
    // Plain only for lower-case words: numbers, `yes`, `null`, `1e3`, `0x1`, `~` would change their type.
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
        && !matches!(text, "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if plain { text.to_owned() } else { quoted(text) }
}

/// A double-quoted scalar.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Control characters, line separators of YAML 1.1 and the byte order mark are not printable there.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", c as u32))
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The same for a compose file, where `$` begins a variable.
pub fn compose_scalar(text: &str) -> String {
    scalar(&text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (text, yaml) in [
            ("web", "web"),
            ("my.app-2_x", "my.app-2_x"),
            ("yes", "\"yes\""),
            ("1.5", "\"1.5\""),
            ("0x10", "\"0x10\""),
            ("Web", "\"Web\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a\"\\\n", "\"a\\\"\\\\\\n\""),
            ("\u{85}", "\"\\u0085\""),
        ] {
            assert_eq!(scalar(text), yaml);
        }
        assert_eq!(compose_scalar("a$b"), "\"a$$b\"");
    }
}
