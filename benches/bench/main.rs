//! What infrakt costs, printed: `make bench`. Nothing is asserted: machines differ. Figures that are compared come from one run, and
//! what they are to be compared with stands beside them.
//!
//! `make bench ONLY="start queue"` runs parts: start, queue, claim, worker, http, deploy.

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/support/world.rs"]
mod world;

mod child;
mod claim;
mod deploy;
mod figures;
mod http;
mod load;
mod queue;
mod start;
mod worker;

type Part = (&'static str, fn());

const PARTS: [Part; 6] = [
    ("start", start::run),
    ("queue", queue::run),
    ("claim", claim::run),
    ("worker", worker::run),
    ("http", http::run),
    ("deploy", deploy::run),
];

fn main() {
    match child::work().as_deref() {
        Some("meter") => return figures::meter(),
        Some("queue") => return queue::child(),
        _ => {}
    }
    // cargo adds `--bench`
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|word| PARTS.iter().all(|(name, _)| name != word)) {
        eprintln!("there is no part `{unknown}`; there are {}", PARTS.map(|(name, _)| name).join(", "));
        std::process::exit(2);
    }
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}
