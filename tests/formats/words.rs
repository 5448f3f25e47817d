//! Words, ids, names and marker lines.

use crate::page;
use infrakt::domain::app::AppStatus;
use infrakt::domain::deployment::DeploymentStatus;
use infrakt::domain::failure::{Class, Failure, code};
use infrakt::domain::job::{JobKind, JobState, Resolution, lane_of_server};
use infrakt::domain::name::compose_project;
use infrakt::domain::plan::{Marker, StoredPlan, StoredStep, UNDO_SEQ};
use infrakt::domain::server::ServerStatus;
use infrakt::domain::step::{OnLost, StepId, StepState};

const UID: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

fn line<T: ToString>(name: &str, words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
    format!("{name:<20}{}\n", words.join(" "))
}

#[test]
fn stored_words() {
    // Constants cannot be listed by the language: the file can.
    let source = page::read("src/domain/failure.rs");
    let codes = source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split('"').nth(1));
    let made = [
        line("server status", ServerStatus::ALL),
        line("app status", AppStatus::ALL),
        line("deployment status", DeploymentStatus::ALL),
        line("job kind", JobKind::ALL.map(JobKind::as_str)),
        line("job state", JobState::ALL),
        line("job answer", Resolution::ALL),
        line("step state", StepState::ALL),
        line("on_lost", OnLost::ALL),
        line("error class", Class::ALL),
        line("error code", codes),
    ]
    .concat();
    page::check("words", &made);
}

#[test]
fn serialized_words_are_the_stored_ones() {
    for state in JobState::ALL {
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
    }
    for kind in JobKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
    }
    for word in OnLost::ALL {
        assert_eq!(serde_json::to_string(&word).unwrap(), format!("\"{word}\""));
    }
    for word in Class::ALL {
        assert_eq!(serde_json::to_string(&word).unwrap(), format!("\"{word}\""));
    }
}

#[test]
fn ids_of_steps_and_lanes() {
    assert_eq!(StepId::new(UID, 3, 2).as_str(), format!("{UID}-3-2"));
    assert_eq!(StepId::new(UID, UNDO_SEQ + 3, 1).as_str(), format!("{UID}-103-1"));
    assert_eq!(lane_of_server(7), "srv:7");
}

#[test]
fn stored_plans() {
    let plan = StoredPlan {
        steps: vec![StoredStep { name: "fetch".into(), script_sha256: "ab12".into(), on_lost: OnLost::Rerun }],
    };
    page::check("plan", &format!("{}\n", serde_json::to_string(&plan).unwrap()));
}

#[test]
fn errors_in_columns() {
    let failure = Failure::transient(code::UNREACHABLE, "prod-1 does not answer").with_hint("is it up?");
    assert_eq!(failure.class_and_code(), "transient/unreachable");
    assert_eq!(failure.text_and_hint(), "prod-1 does not answer\nhint: is it up?");
}

#[test]
fn compose_projects() {
    let names = ["web", "my-app", "my_app", "my.app", "My.App", "WEB"];
    let made: String = names.iter().map(|name| format!("{name:<8}{}\n", compose_project(name))).collect();
    page::check("projects", &made);
}

#[test]
fn marker_lines() {
    let id = StepId::new(UID, 1, 1);
    for line in page::held("markers").lines() {
        let marker = Marker::parse(line, &id).unwrap_or_else(|| panic!("no marker: {line}"));
        assert_eq!(line, format!("::infrakt {id} {} {}", marker.key, marker.value));
        assert!(Marker::is_one(line.as_bytes()));
        assert_eq!(Marker::parse(line, &StepId::new(UID, 1, 2)), None);
    }
}
