//! The last word of the step script: its JSON line and exit code, as an answer.

use crate::ssh::error::LineError;
use crate::ssh::sudo;
use crate::ssh::types::{Exit, StepAnswer, StepResult};
use serde::Deserialize;

/// The line's fields; unknown ones are a newer script's and ignored.
#[derive(Deserialize)]
struct Line {
    v: i64,
    id: String,
    state: String,
    result: Option<String>,
    code: Option<i32>,
    size: Option<i64>,
    seen: Option<i64>,
    installation: Option<String>,
    job: Option<String>,
    step: Option<String>,
    since: Option<i64>,
    idle: Option<i64>,
    sha: Option<String>,
    why: Option<String>,
}

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Answer(StepAnswer),
    /// The step script is not there, or not executable: to be uploaded.
    NoScript {
        status: i32,
        stderr: String,
    },
}

/// `id`: what was asked for; "" where the answer carries none.
pub(super) fn verdict(exit: Exit, stderr: &[u8], id: &str, through_sudo: bool) -> Result<Verdict, LineError> {
    let text = String::from_utf8_lossy(stderr);
    if let Some(line) = text.lines().rfind(|line| line.starts_with("{\"v\":1,")) {
        let line: Line = serde_json::from_str(line).map_err(|e| LineError::Garbage(format!("{e} in {line:?}")))?;
        // a call that is refused for its id names none
        if line.v != 1 || (line.id != id && !line.id.is_empty()) {
            return Err(LineError::Garbage(format!("it speaks of `{}`, asked was `{id}`", line.id)));
        }
        return match answer(&exit, line) {
            Some(answer) => Ok(Verdict::Answer(answer)),
            None => Ok(Verdict::Answer(StepAnswer::Other { status: exit, stderr: said(&text) })),
        };
    }
    match exit {
        // no status at all arrives as 0; 255 is ssh's own word for a lost connection
        Exit::Code(0 | 255) => Err(LineError::Lost("the answer did not arrive".to_owned())),
        Exit::Code(1) if through_sudo => Ok(Verdict::Answer(StepAnswer::NoSudo(sudo_line(&text)))),
        Exit::Code(status @ (126 | 127)) => Ok(Verdict::NoScript { status, stderr: said(&text) }),
        status => Ok(Verdict::Answer(StepAnswer::Other { status, stderr: said(&text) })),
    }
}

fn answer(exit: &Exit, line: Line) -> Option<StepAnswer> {
    let Exit::Code(exit) = exit else { return None };
    let size = line.size;
    Some(match (exit, line.state.as_str()) {
        (0, "exited") => {
            let result = StepResult::from_wire(&line.result?)?;
            StepAnswer::Exited { result, code: line.code?, size: size? }
        }
        (0, "lost") => StepAnswer::Lost { size: size? },
        (0, "running") => StepAnswer::Running { size: size? },
        (0, "absent") => StepAnswer::Absent,
        (0, "released") => StepAnswer::Released,
        (0, "collected") => StepAnswer::Collected,
        (90, "stale") => StepAnswer::Stale { seen: line.seen? },
        (91, "busy") => StepAnswer::Busy {
            installation: line.installation?,
            job: line.job?,
            step: line.step.filter(|step| !step.is_empty()),
            since: line.since?,
            idle: line.idle?,
        },
        (92, "error") => StepAnswer::Caller(line.why?),
        (93, "mismatch") => StepAnswer::Mismatch { sha: line.sha? },
        (94, "error") => StepAnswer::Upload(line.why?),
        (95, "error") => StepAnswer::Server(line.why?),
        _ => return None,
    })
}

/// The last lines of what was said, for people.
pub(super) fn said(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// sudo's reason; the last line where none is marked as sudo's.
fn sudo_line(text: &str) -> String {
    let last = || text.lines().map(str::trim).rfind(|line| !line.is_empty());
    sudo::refusal(text).or_else(last).unwrap_or("sudo refuses and says nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: i32, stderr: &str, expect: StepAnswer) {
        assert_eq!(
            verdict(Exit::Code(code), stderr.as_bytes(), "j-1-1", true),
            Ok(Verdict::Answer(expect)),
            "{stderr}"
        );
    }

    #[test]
    fn every_state_of_the_wire_has_its_answer() {
        let line = |rest: &str| format!("warning: x\n{{\"v\":1,\"id\":\"j-1-1\",{rest}}}\n");
        let exited = |result| StepAnswer::Exited { result, code: 3, size: 9 };
        for result in StepResult::ALL {
            let rest =
                format!("\"state\":\"exited\",\"result\":\"{}\",\"code\":3,\"size\":9,\"new\":1", result.as_str());
            check(0, &line(&rest), exited(result));
        }
        check(0, &line(r#""state":"lost","size":7"#), StepAnswer::Lost { size: 7 });
        check(0, &line(r#""state":"running","size":7"#), StepAnswer::Running { size: 7 });
        check(0, &line(r#""state":"absent","size":0"#), StepAnswer::Absent);
        check(0, &line(r#""state":"released""#), StepAnswer::Released);
        check(0, &line(r#""state":"collected""#), StepAnswer::Collected);
        check(90, &line(r#""state":"stale","seen":12"#), StepAnswer::Stale { seen: 12 });
        let busy = |step: Option<&str>| StepAnswer::Busy {
            installation: "i".to_owned(),
            job: "j".to_owned(),
            step: step.map(str::to_owned),
            since: 5,
            idle: 6,
        };
        let words = r#""state":"busy","installation":"i","job":"j","since":5,"idle":6,"step":"#;
        check(91, &line(&format!("{words}\"\"")), busy(None));
        check(91, &line(&format!("{words}\"j-1-1\"")), busy(Some("j-1-1")));
        check(92, &line(r#""state":"error","why":"bad id""#), StepAnswer::Caller("bad id".to_owned()));
        check(
            92,
            "{\"v\":1,\"id\":\"\",\"state\":\"error\",\"why\":\"bad id\"}",
            StepAnswer::Caller("bad id".to_owned()),
        );
        check(93, &line(r#""state":"mismatch","sha":"ab""#), StepAnswer::Mismatch { sha: "ab".to_owned() });
        check(94, &line(r#""state":"error","why":"w""#), StepAnswer::Upload("w".to_owned()));
        check(95, &line(r#""state":"error","why":"w""#), StepAnswer::Server("w".to_owned()));
    }

    #[test]
    fn without_a_verdict_the_exit_code_speaks() {
        check(
            1,
            "hello\nsudo: a password is required\n",
            StepAnswer::NoSudo("sudo: a password is required".to_owned()),
        );
        let other = |code, stderr: &str| StepAnswer::Other { status: Exit::Code(code), stderr: stderr.to_owned() };
        check(2, "a\n\nb\n", other(2, "a\nb"));
        check(
            7,
            "{\"v\":1,\"id\":\"j-1-1\",\"state\":\"lost\",\"size\":1}",
            other(7, "{\"v\":1,\"id\":\"j-1-1\",\"state\":\"lost\",\"size\":1}"),
        );
        assert!(matches!(
            verdict(Exit::Code(127), b"sh: not found", "j", false),
            Ok(Verdict::NoScript { status: 127, .. })
        ));
        for code in [0, 255] {
            assert!(matches!(verdict(Exit::Code(code), b"", "j", false), Err(LineError::Lost(_))));
        }
        assert!(matches!(
            verdict(Exit::Signal("KILL".to_owned()), b"", "j", true),
            Ok(Verdict::Answer(StepAnswer::Other { .. }))
        ));
    }

    #[test]
    fn an_answer_about_another_step_is_none() {
        let line = b"{\"v\":1,\"id\":\"j-2-1\",\"state\":\"absent\",\"size\":0}";
        assert!(matches!(verdict(Exit::Code(0), line, "j-1-1", false), Err(LineError::Garbage(_))));
    }
}
