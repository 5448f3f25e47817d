//! This program started again by itself, for one piece of work.

use std::process::Command;

/// Names the piece of work.
const WORK: &str = "INFRAKT_BENCH_WORK";

pub fn start(work: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(WORK, work);
    command
}

/// What this process was started for, if it is such a one.
pub fn work() -> Option<String> {
    std::env::var(WORK).ok()
}
