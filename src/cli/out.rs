//! The only printer: stdout is data, stderr is everything else. Colours and widths only where a terminal is.

use super::exit::Stop;
use crate::config;
use crate::domain::failure::without_numbers;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::os::fd::AsRawFd;

/// How a word is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Good,
    Bad,
    Busy,
    Asking,
    Faint,
    Strong,
}

impl Paint {
    fn code(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Good => Some("32"),
            Paint::Bad => Some("31"),
            Paint::Busy => Some("36"),
            Paint::Asking => Some("33"),
            Paint::Faint => Some("2"),
            Paint::Strong => Some("1"),
        }
    }
}

/// Where a command prints.
#[derive(Clone, Debug)]
pub struct Out {
    pub json: bool,
    color_out: bool,
    color_err: bool,
    /// Columns of the terminal that stdout is; none for a pipe.
    pub width: Option<usize>,
}

impl Out {
    pub fn new(json: bool) -> Self {
        let plain = config::no_color();
        let stdout = std::io::stdout();
        Self {
            json,
            color_out: !plain && stdout.is_terminal(),
            color_err: !plain && std::io::stderr().is_terminal(),
            width: stdout.is_terminal().then(|| terminal_width(stdout.as_raw_fd())),
        }
    }

    /// Data.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), Stop> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_ref().as_bytes())?;
        Ok(stdout.write_all(b"\n")?)
    }

    /// Data as it is.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// One document.
    pub fn document<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Stop> {
        self.line(to_json(serde_json::to_string_pretty(value))?)
    }

    /// One document that is an array, printed part by part; as [`Out::document`] prints a whole one.
    pub fn array(&self) -> Array<'_> {
        Array { out: self, begun: false }
    }

    /// One event, on one line.
    pub fn event<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Stop> {
        self.line(to_json(serde_json::to_string(value))?)?;
        Ok(std::io::stdout().flush()?)
    }

    /// Something beside the data. That nobody reads it stops nothing.
    pub fn note(&self, text: impl AsRef<str>) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(format!("{}\n", text.as_ref()).as_bytes());
    }

    pub fn hint(&self, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.err("hint:", Paint::Busy), text.as_ref()));
    }

    pub fn warning(&self, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.err("warning:", Paint::Asking), text.as_ref()));
    }

    pub fn error(&self, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.err("error:", Paint::Bad), without_numbers(text.as_ref())));
    }

    /// A word for stdout.
    pub fn out(&self, word: &str, paint: Paint) -> String {
        painted(word, paint, self.color_out)
    }

    /// A word for stderr.
    pub fn err(&self, word: &str, paint: Paint) -> String {
        painted(word, paint, self.color_err)
    }
}

/// An array that is being printed.
pub struct Array<'a> {
    out: &'a Out,
    begun: bool,
}

impl Array<'_> {
    pub fn elements<T: Serialize>(&mut self, values: &[T]) -> Result<(), Stop> {
        let mut text = String::new();
        for value in values {
            text.push_str(if self.begun { ",\n  " } else { "[\n  " });
            self.begun = true;
            // A text within JSON has no line breaks: each one is a line's end, and the next line stands deeper here.
            text.push_str(&to_json(serde_json::to_string_pretty(value))?.replace('\n', "\n  "));
        }
        self.out.raw(text.as_bytes())
    }

    pub fn end(self) -> Result<(), Stop> {
        self.out.line(if self.begun { "\n]" } else { "[]" })
    }
}

/// Resolves when stdout is a pipe that nobody reads any more; never for anything else. Without it a follower would learn that only
/// when there is something to print.
pub async fn reader_gone() {
    let (gone, hears) = tokio::sync::oneshot::channel();
    // Not a task: the runtime's end must not wait for it, and the process's end takes it along.
    std::thread::spawn(move || {
        let mut stdout = libc::pollfd { fd: std::io::stdout().as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one descriptor, which lives as long as the call.
        let told = loop {
            let told = unsafe { libc::poll(&mut stdout, 1, -1) };
            if told >= 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                break told;
            }
        };
        if told == 1 && stdout.revents & (libc::POLLERR | libc::POLLHUP) != 0 {
            let _ = gone.send(());
        }
    });
    if hears.await.is_err() {
        std::future::pending().await
    }
}

fn painted(word: &str, paint: Paint, color: bool) -> String {
    match paint.code() {
        Some(code) if color && !word.is_empty() => format!("\u{1b}[{code}m{word}\u{1b}[0m"),
        _ => word.to_owned(),
    }
}

fn to_json(made: serde_json::Result<String>) -> Result<String, Stop> {
    made.map_err(|error| Stop::new(super::exit::FAILED, format!("cannot write it as JSON: {error}")))
}

/// Columns of the terminal behind `fd`.
pub fn terminal_width(fd: i32) -> usize {
    // SAFETY: the struct is plain data for which zeroes are valid, and the call only writes into it.
    let asked = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) == 0).then_some(size)
    };
    match asked {
        Some(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => config::columns().unwrap_or(80),
    }
}
