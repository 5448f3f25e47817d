//! `infrakt serve` as it is, with a home of its own, and requests to it byte by byte.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// How long a test waits for an answer before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.head, self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(said, _)| said.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// An error in the one form that errors have.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Value {
        let answer = self.is(status);
        let body = answer.json();
        assert_eq!(body["code"], code, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"), "{}", answer.head);
        body
    }
}

pub struct Served {
    temp: TempDir,
    child: Child,
    pub port: u16,
    /// The address that logs a browser in, as it was printed.
    pub link: String,
    pub key: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// More lines come where it listens in more places: a closed pipe would end it.
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(args: &[&str]) -> Self {
        Self::start(tempfile::tempdir().unwrap(), args, &[])
    }

    /// The home is `home` in that folder, made already or not.
    pub fn start(temp: TempDir, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = infrakt(&temp)
            .args([&["serve", "--bind", "127.0.0.1:0"], args].concat())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut said).unwrap();
        let port = said.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let log = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut link = String::new();
        while !link.contains("/api/session/link") {
            link.clear();
            assert!(lines.read_line(&mut link).unwrap() > 0, "no link was printed");
        }
        let link = link[link.find("/api").unwrap()..].split(' ').next().unwrap().to_owned();
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let key = std::fs::read_to_string(temp.path().join("home/api_key.txt")).unwrap();
        Self { temp, child, port: port.expect(&said), link, key, log, reader: Some(reader), _stdout: stdout }
    }

    pub fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// A command in the same home: what it printed.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> String {
        let output = infrakt(&self.temp).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command in the same home, to be run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = infrakt(&self.temp);
        command.args(args);
        command
    }

    /// What was logged so far, without the line of the link.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// These bytes, and what comes back until the line is closed. None: it was closed without a word.
    pub fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.connect();
        // The other side may have had enough before all was sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        answer(stream)
    }

    /// Lines of a head and a body.
    #[track_caller]
    pub fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text.push_str(&format!("Host: 127.0.0.1:{}\r\n", self.port));
        }
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        answer(stream).unwrap_or_else(|| panic!("no answer to {line}"))
    }

    /// With the first key and JSON.
    #[track_caller]
    pub fn json(&self, line: &str, body: &str) -> Answer {
        self.ask(line, &[("X-API-Key", &self.key), ("Content-Type", "application/json")], body)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.json(&format!("GET {path}"), "")
    }

    /// What was logged so far holds this line, now or soon.
    #[track_caller]
    pub fn logs(&self, text: &str) -> String {
        let began = std::time::Instant::now();
        loop {
            let log = self.log.lock().unwrap().clone();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "`{text}` was not logged:\n{log}");
            std::thread::yield_now();
        }
    }

    /// It lives, and nothing in it has panicked.
    #[track_caller]
    pub fn is_well(&self) {
        self.get("/api/servers").is(200);
        let log = self.log.lock().unwrap();
        assert!(!log.contains("a fault in infrakt itself"), "{log}");
    }

    /// Ends it politely: how it ended.
    pub fn end(&mut self) -> i32 {
        // SAFETY: a signal to a child that was not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        status.code().unwrap_or(-1)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.reader.is_some() {
            let code = self.end();
            assert!(std::thread::panicking() || code == 0, "it ended with {code}");
        }
    }
}

fn infrakt(temp: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infrakt"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", temp.path())
        .env("INFRAKT_HOME", temp.path().join("home"))
        .env("USER", "ada")
        .current_dir(temp.path())
        .stdin(Stdio::null());
    command
}

/// The head of an answer and its body; of a stream that does not end the head alone.
pub fn answer(mut stream: impl Read) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut part = [0u8; 16 * 1024];
    loop {
        // An answer may come before a line that is broken.
        let count = stream.read(&mut part).unwrap_or(0);
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let head = text.split_once("\r\n\r\n").map(|(head, _)| head.to_ascii_lowercase());
        if count == 0 || head.is_some_and(|head| head.contains("text/event-stream")) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
