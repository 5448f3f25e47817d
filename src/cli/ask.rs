//! Questions: only on a terminal. Elsewhere a question is an error that names the flag which answers it.

use super::exit::{self, Stop};
use crate::domain::secret::Secret;
use crate::service::{Service, ServiceError};
use std::io::{BufRead, IsTerminal, Write};

/// Whether somebody can be asked.
pub fn on_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Yes or no; no is the default, and `--yes` answers. A no ends the command: nothing was changed.
pub fn confirm(yes: bool, question: &str, flag: &str) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    if !on_terminal() {
        return Err(Stop::usage(format!("there is no terminal to ask on: {question}"))
            .hint(format!("`{flag}` answers the question")));
    }
    let answer = read(&format!("{question} [y/N] "), false)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Stop::new(exit::FAILED, "not confirmed: nothing was changed")),
    }
}

/// Asks for the name of what is about to go; `--yes` and `--force` answer.
pub fn type_name(yes: bool, what: &str, name: &str) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    if !on_terminal() {
        return Err(
            Stop::usage(format!("there is no terminal to ask on: {what}?")).hint("`--yes` answers the question")
        );
    }
    if read(&format!("{what}? type `{name}` to go on: "), false)?.trim() == name {
        return Ok(());
    }
    Err(Stop::new(exit::FAILED, "not confirmed: nothing was changed"))
}

/// A word that the command line may say as well; `usage` shows how.
pub fn text(what: &str, usage: &str) -> Result<String, Stop> {
    let answer = if on_terminal() { read(&format!("{what}: "), false)? } else { String::new() };
    match answer.trim() {
        "" => Err(Stop::usage(format!("the {what} is missing")).hint(format!("`{usage}`"))),
        answer => Ok(answer.to_owned()),
    }
}

/// Does something on a server; where the private key turns out to be encrypted, asks for the passphrase and does it again.
pub async fn with_passphrase<T>(service: &Service, work: impl AsyncFn() -> Result<T, ServiceError>) -> Result<T, Stop> {
    match work().await {
        Err(ServiceError::KeyLocked(_)) if on_terminal() && service.passphrase().is_none() => {
            service.remember_passphrase(Secret::new(read("passphrase of the private key: ", true)?));
            Ok(work().await?)
        }
        other => Ok(other?),
    }
}

fn read(prompt: &str, hide: bool) -> Result<String, Stop> {
    // Before the question: who answers at once must not be seen either.
    let quiet = hide.then(Quiet::new);
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(prompt.as_bytes())?;
    stderr.flush()?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    drop(quiet);
    if hide || line.is_empty() {
        stderr.write_all(b"\n")?;
    }
    read.map_err(|error| Stop::new(exit::FAILED, format!("cannot read the answer: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal does not echo while this lives.
struct Quiet(Option<libc::termios>);

impl Quiet {
    fn new() -> Self {
        // SAFETY: the struct is plain data for which zeroes are valid; the calls read and write it and nothing else.
        unsafe {
            let mut before: libc::termios = std::mem::zeroed();
            if libc::tcgetattr(libc::STDIN_FILENO, &mut before) != 0 {
                return Self(None);
            }
            let mut silent = before;
            silent.c_lflag &= !libc::ECHO;
            libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &silent);
            Self(Some(before))
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: it gives back what `tcgetattr` filled in.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, before) };
        }
    }
}
