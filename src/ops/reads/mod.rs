//! What is asked of a server, and how the answer is read. Reads change nothing and run beside whatever job is under way.

pub mod app;
pub mod database;
pub mod doctor;
pub mod login;
pub mod logs;
pub mod proxy;
pub mod status;

use crate::render::shell;

/// One question: a constant script that goes in on stdin, and the words it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    script: &'static str,
    words: Vec<String>,
}

impl Read {
    fn new(script: &'static str, words: &[&str]) -> Self {
        Self { script, words: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// The command line. Whoever runs it becomes root first: docker and the firewall answer nobody else.
    pub fn command(&self) -> String {
        let mut line = String::from("sh -s --");
        for word in &self.words {
            line.push(' ');
            line.push_str(&shell::quote(word));
        }
        line
    }

    /// The script as a part of the command line, for what is followed: there stdin is the leash. As root.
    pub fn inline(&self) -> String {
        let words = self.words.iter().map(|word| format!(" {}", shell::quote(word))).collect::<String>();
        format!("sh -c {} sh{words}", shell::quote(self.script))
    }

    pub fn stdin(&self) -> &'static [u8] {
        self.script.as_bytes()
    }
}

/// An answer that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the answer of the server ends early")]
    Incomplete,
    #[error("the answer of the server is not understood: {0}")]
    Odd(String),
}

/// Lines `@key<TAB>value…`; what else comes (a greeting of the login shell) is left out. The last line is `@end`.
fn answers(text: &str) -> Result<Vec<(&str, Vec<&str>)>, ReadError> {
    let mut out = Vec::new();
    for line in text.lines() {
        let Some(line) = line.strip_prefix('@') else { continue };
        if line == "end" {
            return Ok(out);
        }
        let mut words = line.split('\t');
        if let Some(key) = words.next() {
            out.push((key, words.collect()));
        }
    }
    Err(ReadError::Incomplete)
}

fn number<T: std::str::FromStr>(key: &str, word: Option<&&str>) -> Result<T, ReadError> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| ReadError::Odd(format!("{key} is {:?}", word.unwrap_or(&""))))
}
