//! Operations: one file, one operation, one straight plan. Facts in, steps out; nothing here does I/O.
//!
//! The scripts lie beside as files and are constant texts, so that a script's hash is the same for all jobs. What differs goes into
//! the payload.

/// Joins the parts of a script: the prelude of all steps, what several of them share, and the step itself.
macro_rules! script {
    ($($part:literal),+ $(,)?) => {
        concat!(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops/prelude.sh")),
            $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops/", $part))),+
        )
    };
}

pub mod app;
pub mod database;
pub mod deploy;
mod explain;
pub mod provision;
pub mod proxy;
pub mod reads;

pub use explain::explain;

#[cfg(test)]
mod tests {
    use crate::domain::plan::{Body, Plan};
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;
    use std::fmt::Write;

    /// A plan for people: what runs in which order, with which limits, and what follows when it goes wrong.
    pub fn outline(plan: &Plan) -> String {
        let mut out = format!("version {}\n", plan.version);
        let mut hashes = BTreeSet::new();
        for (at, step) in plan.steps.iter().enumerate() {
            let _ = write!(out, "{} {:<10} {:>5} s  lost: {}", at + 1, step.name, step.limit.as_secs(), step.on_lost);
            let _ = write!(
                out,
                "{}{}",
                if step.undo.is_some() { "  undo" } else { "" },
                if step.confirm { "  confirm" } else { "" }
            );
            let _ = writeln!(out, "{}", if step.probe.is_some() { "  probe" } else { "" });
            for body in [Some(&step.body), step.undo.as_ref(), step.probe.as_ref()].into_iter().flatten() {
                hashes.insert(Sha256::digest(body.script.as_bytes()));
            }
        }
        let _ = writeln!(out, "{} scripts", hashes.len());
        out
    }

    /// A body's payload as text.
    pub fn variables(body: &Body) -> String {
        String::from_utf8(body.payload.expose().to_vec()).unwrap()
    }
}
