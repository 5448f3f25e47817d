//! infrakt-step as its callers see it: run here without systemd, call by call, and compared with the page.

use crate::page;
use infrakt::ssh::{STEP_SCRIPT, sha256, step_script_sha256};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INST: &str = "0192f0c1-0000-7abc-8def-0123456789ab";
const JOB: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

struct State {
    dir: tempfile::TempDir,
}

impl State {
    fn new() -> Self {
        let state = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(state.dir.path().join("bin")).unwrap();
        fs::write(state.script(), STEP_SCRIPT).unwrap();
        fs::set_permissions(state.script(), fs::Permissions::from_mode(0o700)).unwrap();
        state
    }

    fn script(&self) -> PathBuf {
        self.dir.path().join(format!("bin/infrakt-step-{}", &step_script_sha256()[..12]))
    }

    /// Exit code, stdout, and the verdict line. In words, as the table of the page has them.
    fn call(&self, words: &str, stdin: &[u8]) -> (i32, String, String) {
        let words = words.replace("INST", INST).replace("JOB", JOB);
        let mut child = Command::new(self.script())
            .args(words.split(' '))
            .env("INFRAKT_NO_SYSTEMD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A call that is refused at once does not read what it is given.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let out = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(out.stderr).unwrap();
        let verdict = stderr.lines().rfind(|line| line.starts_with("{\"v\":1")).unwrap_or(&stderr).to_owned();
        (
            out.status.code().unwrap(),
            String::from_utf8(out.stdout).unwrap(),
            verdict.replace(INST, "INST").replace(JOB, "JOB"),
        )
    }

    /// The verdict as one line: exit code and JSON.
    fn verdict(&self, words: &str, stdin: &[u8]) -> String {
        let (code, _, verdict) = self.call(words, stdin);
        format!("{code:<3} {verdict}\n")
    }
}

fn run(id: &str, epoch: i64, script: &str, payload: &str) -> (String, Vec<u8>) {
    let hash = sha256(script.as_bytes());
    let words = format!("run INST {epoch} {id} {hash} 0 60 {} {}", script.len(), payload.len());
    (words, format!("{script}{payload}").into_bytes())
}

#[test]
fn verdicts() {
    let state = State::new();
    let (start, input) = run("JOB-1-1", 7, "echo one; exit 3", "");
    let (other, other_input) = run("JOB-1-1", 7, "echo two", "");
    let (stale, stale_input) = run("JOB-2-1", 6, "echo two", "");
    let (short, _) = run("JOB-2-1", 7, "echo two", "");
    let attach = format!("run INST 7 JOB-2-1 {} 0 60 0 0", "0".repeat(64));
    let made = [
        state.verdict("stat INST 7 JOB-1-1", b""),
        state.verdict(&attach, b""),
        state.verdict(&start, &input),
        state.verdict("stat INST 7 JOB-1-1", b""),
        state.verdict(&stale, &stale_input),
        state.verdict(&other, &other_input).replace(&sha256(b"echo one; exit 3"), "SHA256"),
        state.verdict(&short, b"echo"),
        state.verdict("cancel INST 7 JOB-2-1 0", b""),
        state.verdict("run INST 07 JOB-1-1", b""),
        state.verdict("gc INST 7 30", b""),
        state.verdict("release INST 7 JOB", b""),
        state.verdict("stat INST 7 JOB-1-1", b""),
    ]
    .concat();
    page::check("verdicts", &made);
}

#[test]
fn frames() {
    let state = State::new();
    let (words, input) = run("JOB-1-1", 1, ". \"$INFRAKT_IN\"; echo \"$SAID\"", "SAID='hello'");
    let (code, first, _) = state.call(&words, &input);
    assert_eq!(code, 0);
    // A second call attaches: the whole log from its first byte, in one frame, after the heartbeat.
    let (_, again, _) = state.call(&words, &input);
    assert_eq!(again, "@0 0\n@0 6\nhello\n");
    assert!(first.starts_with("@0 0\n") && first.ends_with("hello\n"), "{first}");
    let later = words.replacen(" 0 60 ", " 4 60 ", 1);
    assert_eq!(state.call(&later, &input).1, "@4 0\n@4 2\no\n");
}

#[test]
fn files() {
    let state = State::new();
    let (words, input) = run("JOB-1-1", 5, "echo one", "");
    state.call(&words, &input);
    let read = |name: &str| fs::read_to_string(state.dir.path().join(name)).unwrap();
    let step = format!("steps/{JOB}-1-1");
    assert_eq!(read(&format!("epochs/{INST}")), "5\n");
    let lane = read("lane");
    let lane: Vec<&str> = lane.split_whitespace().collect();
    assert_eq!(lane[..3], [INST, JOB, "5"]);
    assert!(lane[3].parse::<u64>().is_ok() && lane.len() == 4);
    assert_eq!(read(&format!("{step}/meta")), format!("{} {INST} 60\n", sha256(b"echo one")));
    assert_eq!(read(&format!("{step}/script")), "echo one");
    assert_eq!(read(&format!("{step}/log")), "one\n");
    assert!(read(&format!("{step}/exit")).starts_with("success 0\n"));
    let started = read(&format!("{step}/started"));
    assert_eq!(started.split_whitespace().count(), 3, "{started}");
    assert!(started.split_once('/').is_some_and(|(boot, _)| boot.len() == 36), "{started}");
    for path in all(state.dir.path()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let open = path.is_dir() || path.starts_with(state.dir.path().join("bin"));
        assert_eq!(mode, if open { 0o700 } else { 0o600 }, "{}", path.display());
    }
    state.call("release INST 5 JOB", b"");
    assert_eq!(read(&format!("epochs/{INST}")), "6\n");
    assert!(!state.dir.path().join("lane").exists() && !state.dir.path().join(step).exists());
}

/// Everything below a folder; the folder that the test made is not the script's.
fn all(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(all(&path));
        }
        if path.file_name().is_some_and(|name| name != "bin") {
            out.push(path);
        }
    }
    out
}

#[test]
fn the_page_lists_every_verb() {
    let page = page::read("docs/formats.md");
    let first_lines: Vec<&str> = STEP_SCRIPT.lines().take(4).collect();
    for verb in [
        "run INST EPOCH ID SHA256 OFFSET LIMIT SCRIPT_BYTES PAYLOAD_BYTES",
        "cancel INST EPOCH ID OFFSET",
        "confirm INST EPOCH ID",
        "release INST EPOCH JOB",
        "stat INST EPOCH ID",
        "gc INST EPOCH DAYS",
    ] {
        assert!(page.contains(&format!("`{verb}`")), "docs/formats.md lacks `{verb}`");
        assert!(first_lines.iter().any(|line| line.contains(verb)), "the script's head lacks `{verb}`");
    }
}
