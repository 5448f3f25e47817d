//! Why a step failed, from what its body said and how it ended.

use crate::domain::failure::{Class, Failure, code};
use crate::domain::job::JobKind;
use crate::domain::plan::Marker;

/// The failure of a step whose body ended with `exit` other than 0. `tail` is the end of its log, already masked.
pub fn explain(kind: JobKind, step: &str, exit: i32, markers: &[Marker], tail: &str) -> Failure {
    let last = |key: &str| markers.iter().rev().find(|marker| marker.key == key).map(|marker| marker.value.as_str());
    if let Some(mut failure) = last("fail").and_then(told) {
        failure.hint = last("hint").map(str::to_owned);
        return failure;
    }
    let line = tail.lines().rev().map(str::trim).find(|line| !line.is_empty() && !Marker::is_one(line.as_bytes()));
    if tail.contains("No space left on device") || tail.contains("no space left on device") {
        return Failure::permanent("disk_full", format!("`{step}` failed: the server's disk is full"))
            .with_hint("free some space there (`docker system df` shows what docker keeps) and try again");
    }
    let how = match exit {
        129.. => format!("was ended by signal {}", exit - 128),
        _ => format!("ended with exit code {exit}"),
    };
    let text = match line {
        Some(line) => format!("`{step}` {how}: {}", shortened(line)),
        None => format!("`{step}` {how} and said nothing"),
    };
    let again = match kind {
        JobKind::Provision => "`infrakt job retry` goes on at this step once the cause is gone",
        JobKind::Deploy
        | JobKind::Restart
        | JobKind::Stop
        | JobKind::Start
        | JobKind::EnvPush
        | JobKind::Destroy
        | JobKind::Proxy
        | JobKind::DbCreate
        | JobKind::DbDestroy => "`infrakt job log` shows all of it",
    };
    Failure::permanent(code::STEP_FAILED, text).with_hint(again)
}

/// `<class> <code> <text>`; a class that nobody knows is taken for one that stays.
fn told(value: &str) -> Option<Failure> {
    let (class, rest) = value.split_once(' ')?;
    let (code, text) = rest.split_once(' ')?;
    Some(Failure::new(class.parse().unwrap_or(Class::Permanent), code, text))
}

/// A line that a person can take in.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 300;
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markers(pairs: &[(&str, &str)]) -> Vec<Marker> {
        pairs.iter().map(|(k, v)| Marker { key: (*k).into(), value: (*v).into() }).collect()
    }

    #[test]
    fn a_body_that_says_why_is_believed() {
        let said = markers(&[("note", "x"), ("fail", "transient port_taken port 20003 is taken"), ("hint", "wait")]);
        let failure = explain(JobKind::Deploy, "start", 1, &said, "whatever");
        assert_eq!(failure, Failure::transient("port_taken", "port 20003 is taken").with_hint("wait"));
        let odd = explain(JobKind::Deploy, "start", 1, &markers(&[("fail", "strange code text")]), "");
        assert_eq!((odd.class, odd.code.as_str()), (Class::Permanent, "code"));
    }

    #[test]
    fn a_body_that_says_nothing_is_quoted() {
        let text = |exit, tail| explain(JobKind::Provision, "docker", exit, &[], tail).text;
        assert_eq!(text(100, "E: broken\n\n::infrakt x note y\n"), "`docker` ended with exit code 100: E: broken");
        assert_eq!(text(137, ""), "`docker` was ended by signal 9 and said nothing");
        assert_eq!(text(1, &"x".repeat(1000)).chars().count(), "`docker` ended with exit code 1: ".len() + 301);
    }

    #[test]
    fn a_full_disk_has_its_own_code() {
        let failure = explain(JobKind::Deploy, "fetch", 1, &[], "write /x: no space left on device\nbye");
        assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, "disk_full"));
    }
}
