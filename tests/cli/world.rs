//! A home of its own for each test, the binary run in it, and what it printed as text that is the same in every run.

use infrakt::clock::{Clock, SystemClock};
use infrakt::queue::{Worker, WorkerKind};
use infrakt::store::Db;
use infrakt::store::workers::WorkerRow;
use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct World {
    temp: TempDir,
    transcript: String,
    /// What differs in each run, and what it is called in the transcript.
    names: Vec<(String, String)>,
    /// Stands for a `serve` that lives: commands that enqueue start no worker of their own.
    serve: Option<Worker>,
}

impl World {
    /// A home where a process lives that would run jobs, so that what is enqueued stays as it is.
    pub fn new() -> Self {
        let mut world = Self::alone();
        world.quiet(&["init"]);
        let worker = Worker::start(&world.db(), &world.home().join("run"), WorkerKind::Serve, SystemClock.now_ms());
        world.serve = Some(worker.unwrap());
        world
    }

    /// A home where nobody lives, and which is not there yet.
    pub fn alone() -> Self {
        Self { temp: tempfile::tempdir().unwrap(), transcript: String::new(), names: Vec::new(), serve: None }
    }

    /// With the server `prod-1` and the app `web` on it.
    pub fn with_web() -> Self {
        let world = Self::new();
        world.server("prod-1").app("web", "prod-1");
        world
    }

    /// Port 1: nobody answers there.
    pub fn server(&self, name: &str) -> &Self {
        self.quiet(&["server", "add", name, "--host", "127.0.0.1", "--port", "1", "--offline"]);
        self
    }

    pub fn app(&self, name: &str, server: &str) -> &Self {
        self.quiet(&["app", "create", name, "--server", server, "--image", "registry.example/web:1"]);
        self
    }

    /// The process that would run jobs ends.
    pub fn leave(&mut self) {
        if let Some(worker) = self.serve.take() {
            worker.stop(&self.db()).unwrap();
        }
    }

    /// Detached workers of this home that live.
    pub fn workers(&self) -> Vec<WorkerRow> {
        let living = infrakt::queue::worker::living(&self.db(), &self.home().join("run")).unwrap();
        living.into_iter().filter(|row| row.kind == WorkerKind::Worker.as_str()).collect()
    }

    /// Asks them to end, and waits until they have.
    pub fn stop_workers(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        for row in self.workers() {
            // SAFETY: a signal to a process that this test's own command has started and that holds its lock still.
            unsafe { libc::kill(row.pid as i32, libc::SIGTERM) };
            let lock = std::fs::File::open(self.home().join("run").join(format!("{}.lock", row.id)));
            while let Ok(lock) = &lock
                && lock.try_lock().is_err()
            {
                assert!(Instant::now() < deadline, "the worker does not end: {row:?}");
                std::thread::yield_now();
            }
        }
        assert_eq!(self.workers(), []);
    }

    pub fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// Beside the home.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.temp.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn db(&self) -> Db {
        Db::open(&self.home().join("infrakt.db")).unwrap()
    }

    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infrakt"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.temp.path())
            .env("INFRAKT_HOME", self.home())
            .env("USER", "ada")
            .current_dir(self.temp.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed and is not part of the transcript.
    pub fn quiet(&self, args: &[&str]) -> Output {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a command and writes down its status, stdout and stderr.
    pub fn run(&mut self, line: &str) -> &mut Self {
        self.run_with(line, None)
    }

    /// As [`World::run`], with something to read on stdin.
    pub fn run_with(&mut self, line: &str, stdin: Option<&str>) -> &mut Self {
        let output = self.output(&words(line), stdin);
        self.note(line, &output)
    }

    pub fn output(&self, args: &[String], stdin: Option<&str>) -> Output {
        let mut command = self.command(args);
        let mut child = self.spawn(command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() }));
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).unwrap();
        }
        child.wait_with_output().unwrap()
    }

    pub fn spawn(&self, command: &mut Command) -> Child {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Writes down what a command that was run otherwise printed.
    pub fn note(&mut self, line: &str, output: &Output) -> &mut Self {
        let status = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
        self.transcript.push_str(&format!("$ infrakt {}\n", self.named(line)));
        for (mark, bytes) in [("1", &output.stdout), ("2", &output.stderr)] {
            for text in String::from_utf8_lossy(bytes).lines() {
                self.transcript.push_str(format!("{mark}| {}", redact(&self.named(text))).trim_end());
                self.transcript.push('\n');
            }
        }
        self.transcript.push_str(&format!("[{status}]\n\n"));
        self
    }

    /// From now on `what` is called `word`.
    pub fn name(&mut self, what: impl Into<String>, word: &str) {
        self.names.push((what.into(), word.to_owned()));
    }

    fn named(&self, text: &str) -> String {
        let text = text.replace(&self.temp.path().display().to_string(), "TEMP");
        self.names.iter().fold(text, |text, (what, word)| text.replace(what, word))
    }

    pub fn transcript(&mut self) -> String {
        std::mem::take(&mut self.transcript)
    }
}

impl Drop for World {
    /// Nothing of a test may live on: no process with this home, no temp file in it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.leave();
        for entry in std::fs::read_dir(self.home().join("run")).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "lock") {
                let lock = std::fs::File::open(entry.path()).unwrap();
                assert!(lock.try_lock().is_ok(), "a process was left: {:?}", entry.path());
            }
        }
        for folder in [self.home(), self.home().join("envs")] {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                assert!(!name.starts_with('.'), "a temp file was left: {name}");
            }
        }
    }
}

/// Words of a command line; double quotes hold blanks together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// Times and what is counted from now become words.
fn redact(text: &str) -> String {
    type Pattern = fn(&str) -> Option<usize>;
    let patterns: [(Pattern, &str); 6] = [
        (iso_time, "TIME"),
        (moment, "TIME"),
        (clock, "CLOCK"),
        (|rest| counted(rest, "", " ago"), "AGO"),
        (|rest| counted(rest, "running ", ")"), "running SPAN)"),
        (|rest| counted(rest, "next try in ", ":"), "next try in SPAN:"),
    ];
    let mut out = String::new();
    let mut rest = text;
    'text: while let Some(c) = rest.chars().next() {
        // A number in a word is a part of it.
        if !out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.') {
            for (pattern, word) in patterns {
                if let Some(length) = pattern(rest) {
                    out.push_str(word);
                    rest = &rest[length..];
                    continue 'text;
                }
            }
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    squeeze(&out)
}

/// Columns are as wide as their widest word, and that may be a time: more than two blanks inside of a line are two.
fn squeeze(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let mut out = line[..line.len() - text.len()].to_owned();
    for c in text.chars() {
        if c != ' ' || !out.ends_with("  ") {
            out.push(c);
        }
    }
    out
}

/// `shape`: `d` is a digit, anything else itself.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && shape.bytes().zip(text.bytes()).all(|(s, t)| if s == b'd' { t.is_ascii_digit() } else { s == t })
}

fn iso_time(text: &str) -> Option<usize> {
    let end = "dddd-dd-ddTdd:dd:dd".len();
    if !shaped(text, "dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let tail = text[end..].find('Z')?;
    (tail <= 7).then_some(end + tail + 1)
}

fn moment(text: &str) -> Option<usize> {
    shaped(text, "dddd-dd-dd dd:dd:dd UTC").then_some("dddd-dd-dd dd:dd:dd UTC".len())
}

/// `0:42`, as a word of its own.
fn clock(text: &str) -> Option<usize> {
    let minutes = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let whole = (1..=2).contains(&minutes) && shaped(&text[minutes..], ":dd");
    (whole && !text[minutes + 3..].starts_with(|c: char| c.is_ascii_digit())).then_some(minutes + 3)
}

/// `before`, something like `2m04s`, `after`.
fn counted(text: &str, before: &str, after: &str) -> Option<usize> {
    let rest = text.strip_prefix(before)?;
    let span = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || "smhd.".contains(c)).len();
    let is_span = rest.starts_with(|c: char| c.is_ascii_digit()) && span > 1;
    (is_span && rest[span..].starts_with(after)).then_some(before.len() + span + after.len())
}
