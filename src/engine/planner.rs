//! What the engine must know of a job to run it: its plan, its server, its secrets. A trait, so that toy plans drive the same engine.

use crate::domain::failure::Failure;
use crate::domain::job::Job;
use crate::domain::plan::{Marker, Plan};
use crate::render::mask::Masker;
use crate::ssh::Target;
use std::collections::BTreeMap;

/// Facts that a job's steps have told so far: marker key → value; of a key said twice, the later.
pub type Outputs = BTreeMap<String, String>;

/// A job's plan with what it needs.
pub struct Prepared {
    pub plan: Plan,
    pub target: Target,
    /// Takes the job's secrets out of its log.
    pub masker: Masker,
}

/// Called on a blocking thread.
pub trait Planner: Send + Sync {
    /// What must be read on the server before the plan's facts are complete: a command and its standard input. None: nothing.
    fn look(&self, job: &Job) -> Option<(String, Vec<u8>)>;

    /// The plan from what the database holds: the same scripts each time, payloads as the outputs stand. `look` is what
    /// [`Planner::look`] printed, where the server was asked already.
    fn prepare(&self, job: &Job, outputs: &Outputs, look: Option<&str>) -> Result<Prepared, Failure>;

    /// A step's body ended with a status other than 0: what that means.
    fn explain(&self, job: &Job, step: &str, status: i32, markers: &[Marker], tail: &str) -> Failure;

    /// What is left to do in the home behind the commit of a job's good end; not done where the process ends just then.
    fn succeeded(&self, _job: &Job) {}
}
