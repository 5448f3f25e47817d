//! Figures as Prometheus reads them, and the counting of requests.

use crate::service::figures::{Happened, Waiting};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Answered requests by method, route and status: how many, and their time together.
pub type Answered = BTreeMap<(String, String, u16), (u64, Duration)>;

#[derive(Debug, Default)]
pub struct Requests(Mutex<Answered>);

impl Requests {
    /// `route` is the pattern and not the path: so there are as many as routes.
    pub fn add(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, time) = all.entry((method.to_owned(), route.to_owned(), status)).or_default();
        *count += 1;
        *time += took;
    }

    pub fn so_far(&self) -> Answered {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub struct Figures {
    pub waiting: Vec<Waiting>,
    pub happened: Happened,
    /// Name, what it is, value.
    pub counted: Vec<(&'static str, &'static str, u64)>,
    pub requests: Answered,
    pub streams: i64,
}

pub fn text(figures: &Figures) -> String {
    let mut out = Page::default();
    out.head("build_info", "gauge", "The version that runs");
    out.line("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    out.head("jobs", "gauge", "Jobs that have not ended");
    for row in &figures.waiting {
        out.line("jobs", &[("server", &row.server), ("state", row.state.as_str())], row.count);
    }
    out.head("job_oldest_due_seconds", "gauge", "How long the job that is due first has been waiting for its turn");
    for row in figures.waiting.iter().filter(|row| row.due_since_ms > 0) {
        out.line("job_oldest_due_seconds", &[("server", &row.server)], row.due_since_ms as f64 / 1000.0);
    }
    out.head("jobs_ended_total", "counter", "Jobs that ended, in the whole home");
    for ((kind, state), count) in &figures.happened.ended {
        out.line("jobs_ended_total", &[("kind", kind), ("state", state)], count);
    }
    out.head("job_retries_total", "counter", "Tries of jobs beyond their first, in the whole home");
    out.line("job_retries_total", &[], figures.happened.retries);
    out.head("step_seconds", "summary", "How long runs of steps took, in the whole home");
    for ((step, state), (runs, ms)) in &figures.happened.steps {
        out.line("step_seconds_sum", &[("step", step), ("state", state)], *ms as f64 / 1000.0);
        out.line("step_seconds_count", &[("step", step), ("state", state)], runs);
    }
    for (name, help, value) in &figures.counted {
        let name = format!("{name}_total");
        out.head(&name, "counter", help);
        out.line(&name, &[], value);
    }
    out.head("http_request_seconds", "summary", "Requests, until their answer began");
    for ((method, route, status), (count, time)) in &figures.requests {
        let status = status.to_string();
        let labels = [("method", method.as_str()), ("route", route), ("status", &status)];
        out.line("http_request_seconds_sum", &labels, time.as_secs_f64());
        out.line("http_request_seconds_count", &labels, count);
    }
    out.head("http_streams", "gauge", "Open event streams");
    out.line("http_streams", &[], figures.streams);
    out.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP infrakt_{name} {help}\n# TYPE infrakt_{name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let said: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let labels = if said.is_empty() { String::new() } else { format!("{{{}}}", said.join(",")) };
        let _ = writeln!(self.0, "infrakt_{name}{labels} {value}");
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
