//! Shell words: the only place that quotes, and the payload of a step.

use crate::domain::secret::Secret;
use std::sync::Arc;

/// One word of a POSIX shell, whatever `text` holds (but NUL, which no shell can hold).
pub fn quote(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '%' | '+' | '=' | ',');
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The line `NAME='value'` with any bytes but NUL.
pub fn assign(name: &str, value: &[u8]) -> Vec<u8> {
    debug_assert!(
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        "`{name}` is no shell variable"
    );
    let mut line = Vec::with_capacity(name.len() + value.len() + 4);
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"='");
    for byte in value {
        match byte {
            b'\'' => line.extend_from_slice(br"'\''"),
            byte => line.push(*byte),
        }
    }
    line.extend_from_slice(b"'\n");
    line
}

/// What a step's script reads from `$INFRAKT_IN`: assignments that it sources. They stay shell variables, none is exported, so no
/// child process inherits a secret.
#[derive(Clone, Default)]
pub struct Payload(Vec<u8>);

impl Payload {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.0.extend(assign(name, value.as_bytes()));
        self
    }

    pub fn set_secret(self, name: &str, value: &Secret<String>) -> Self {
        self.set(name, value.expose())
    }

    pub fn finish(self) -> Secret<Arc<[u8]>> {
        Secret::new(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, word) in [
            ("", "''"),
            ("web", "web"),
            ("/opt/a-b_c.d", "/opt/a-b_c.d"),
            ("=x", "'=x'"),
            ("~", "'~'"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quote(text), word);
        }
    }

    /// The real shell reads back what was written, whatever the bytes.
    #[test]
    fn the_shell_reads_every_byte_back() {
        let every: Vec<u8> = (1..=255u8).chain(*b"'\\''\n\n$(x)`y`\"\r\n").collect();
        let mut script = assign("VALUE", &every);
        script.extend_from_slice(b"printf %s \"$VALUE\"");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("payload");
        std::fs::write(&file, script).unwrap();
        let output = std::process::Command::new("sh").arg(&file).output().unwrap();
        assert_eq!(output.stdout, every);
    }
}
