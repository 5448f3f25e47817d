//! What a job's rows say together: the facts its steps told, its plan as stored, and what its end records.

use crate::domain::job::{JobKind, JobStep};
use crate::domain::plan::{Marker, Plan, PlanStep, StoredPlan, StoredStep, UNDO_SEQ};
use crate::engine::planner::Outputs;
use crate::queue::finish::Effects;
use crate::queue::volumes::FoundVolume;
use crate::ssh;
use serde_json::{Map, Value};

/// Of keys that say one fact a thing, each is kept: `image web` → `sha256:…`.
const KEYED: [&str; 2] = [IMAGE, REFUSED];
const IMAGE: &str = "image";
const REFUSED: &str = "refused";

/// A step's markers as its row keeps them; none where it said nothing.
pub fn output_json(markers: &[Marker]) -> Option<String> {
    let mut out = Map::new();
    for marker in markers {
        let (key, value) = match marker.value.split_once(' ') {
            Some((thing, fact)) if KEYED.contains(&marker.key.as_str()) => (format!("{} {thing}", marker.key), fact),
            _ => (marker.key.clone(), marker.value.as_str()),
        };
        out.insert(key, Value::String(value.to_owned()));
    }
    if out.is_empty() { None } else { Some(Value::Object(out).to_string()) }
}

/// The facts of all of the job's steps that are done, in the order of the plan; clean-up last.
pub fn outputs(steps: &[JobStep]) -> Outputs {
    let mut all = Outputs::new();
    for step in steps.iter().filter(|s| s.state.is_done()) {
        let Some(Ok(Value::Object(said))) = step.output.as_deref().map(serde_json::from_str) else { continue };
        for (key, value) in said {
            if let Value::String(value) = value {
                all.insert(key, value);
            }
        }
    }
    all
}

/// Images by service, from the outputs.
pub fn images(outputs: &Outputs) -> Option<String> {
    let images = keyed(outputs, IMAGE);
    if images.is_empty() { None } else { Some(Value::Object(images).to_string()) }
}

/// All facts of one key, by what they are about.
fn keyed(outputs: &Outputs, key: &str) -> Map<String, Value> {
    let of_key = |(said, fact): (&String, &String)| {
        let thing = said.strip_prefix(key)?.strip_prefix(' ')?;
        Some((thing.to_owned(), Value::String(fact.clone())))
    };
    outputs.iter().filter_map(of_key).collect()
}

/// Whether the version before serves after a clean-up; none: nothing was touched.
pub fn serving(steps: &[JobStep]) -> Option<bool> {
    let undone: Vec<JobStep> = steps.iter().filter(|s| s.seq > UNDO_SEQ).cloned().collect();
    outputs(&undone).get("serving").map(|word| word == "yes")
}

/// What the job's end records, from the outputs.
pub fn effects(kind: JobKind, outputs: &Outputs) -> Effects {
    match kind {
        JobKind::Deploy | JobKind::DbCreate => Effects {
            commit_hash: outputs.get("commit").cloned(),
            commit_subject: outputs.get("subject").cloned(),
            images: images(outputs),
            result: result(outputs),
            runs: runs(outputs),
            ..Effects::default()
        },
        JobKind::Restart | JobKind::Stop | JobKind::Start | JobKind::EnvPush | JobKind::Destroy => {
            Effects { runs: runs(outputs), ..Effects::default() }
        }
        JobKind::DbDestroy => Effects { runs: runs(outputs), volume: volume(outputs), ..Effects::default() },
        JobKind::Provision => Effects { server_facts: server_facts(outputs), ..Effects::default() },
        JobKind::Proxy => {
            let refused = keyed(outputs, REFUSED);
            Effects {
                refused: refused.keys().cloned().collect(),
                result: (!refused.is_empty()).then(|| serde_json::json!({ "refused": refused }).to_string()),
                ..Effects::default()
            }
        }
    }
}

/// The data that a database's end found.
fn volume(outputs: &Outputs) -> Option<FoundVolume> {
    Some(FoundVolume { name: outputs.get("volume")?.clone(), image: outputs.get("db_image").cloned() })
}

/// Whether the app runs at the end: the word of a clean-up stands above that of a step.
fn runs(outputs: &Outputs) -> Option<bool> {
    outputs.get("serving").or_else(|| outputs.get("runs")).map(|word| word == "yes")
}

/// What provisioning found or put there.
const SERVER_FACTS: [&str; 7] = ["os", "arch", "docker", "compose", "caddy", "fail2ban", "ufw"];

fn server_facts(outputs: &Outputs) -> Option<String> {
    let facts: Map<String, Value> = SERVER_FACTS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), Value::String(outputs.get(*key)?.clone()))))
        .collect();
    if facts.is_empty() { None } else { Some(Value::Object(facts).to_string()) }
}

/// Where the app answers.
fn result(outputs: &Outputs) -> Option<String> {
    outputs.get("url").map(|url| serde_json::json!({ "url": url }).to_string())
}

/// A plan as the job keeps it.
pub fn stored_plan(plan: &Plan) -> StoredPlan {
    let step = |s: &PlanStep| StoredStep {
        name: s.name.to_owned(),
        script_sha256: ssh::sha256(s.body.script.as_bytes()),
        on_lost: s.on_lost,
    };
    StoredPlan { steps: plan.steps.iter().map(step).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(key: &str, value: &str) -> Marker {
        Marker { key: key.into(), value: value.into() }
    }

    #[test]
    fn each_services_image_is_kept() {
        let said = [marker("image", "web sha256:aa"), marker("image", "db sha256:bb"), marker("note", "a b")];
        let json = output_json(&said).unwrap();
        assert_eq!(json, r#"{"image db":"sha256:bb","image web":"sha256:aa","note":"a b"}"#);
        let outputs: Outputs = serde_json::from_str(&json).unwrap();
        assert_eq!(images(&outputs).unwrap(), r#"{"db":"sha256:bb","web":"sha256:aa"}"#);
    }

    #[test]
    fn who_says_nothing_leaves_nothing() {
        assert_eq!(output_json(&[]), None);
        assert_eq!(images(&Outputs::new()), None);
    }
}
