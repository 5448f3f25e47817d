//! What comes next in a job, read from its rows alone: a pure function, so that a resume and a first run are the same code.

use crate::domain::failure::{Class, Failure, code};
use crate::domain::job::{Job, JobStep, Resolution};
use crate::domain::plan::{StoredPlan, UNDO_SEQ};
use crate::domain::step::{OnLost, StepState};

/// How often a clean-up step that fails is run before it is given up.
pub const UNDO_RUNS: i32 = 3;

/// The engine's next move.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Write the intent of this run, then run it.
    Begin {
        seq: i32,
        run: i32,
    },
    /// It may be running, or never have reached the server: attach, and start it where the server says `absent`.
    Attach {
        seq: i32,
        run: i32,
    },
    /// The job is to stop and this step may be running: kill it first.
    Cancel {
        seq: i32,
        run: i32,
    },
    /// The server says nobody knows how far it came, and a probe is to decide.
    Verify {
        seq: i32,
        run: i32,
    },
    /// A person answered that this step counts as done.
    CountAsDone {
        seq: i32,
        run: i32,
    },
    /// The job is to end as failed from here on, after its clean-up.
    Fail(Failure),
    /// Only a person can say how to go on.
    Ask(Failure),
    Finish(Verdict),
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Succeeded,
    Failed(Failure),
    Cancelled,
}

/// What the decision reads. `steps` are all runs, in the order (seq, run).
pub struct Situation<'a> {
    pub job: &'a Job,
    pub steps: &'a [JobStep],
    pub plan: &'a StoredPlan,
    /// Which steps (numbers from 1) have a clean-up.
    pub undoable: &'a dyn Fn(i32) -> bool,
    /// Whether this binary's scripts are those of the plan.
    pub plan_is_ours: bool,
}

impl Situation<'_> {
    pub fn next(&self) -> Next {
        if self.job.resolution == Some(Resolution::Fail) && self.job.failure.is_none() && self.job.cancel_at.is_none() {
            return Next::Fail(Failure::permanent(code::STEP_FAILED, "failed by hand: `job resolve --fail`"));
        }
        if self.job.cancel_at.is_some() || self.job.failure.is_some() { self.backward() } else { self.forward() }
    }

    fn latest(&self, seq: i32) -> Option<&JobStep> {
        self.steps.iter().filter(|s| s.seq == seq).max_by_key(|s| s.run)
    }

    fn forward(&self) -> Next {
        for (at, stored) in self.plan.steps.iter().enumerate() {
            let seq = at as i32 + 1;
            let Some(step) = self.latest(seq) else { return self.begin(seq, 1) };
            match step.state {
                StepState::Succeeded | StepState::Skipped => continue,
                StepState::Started if self.job.resolution == Some(Resolution::Done) => {
                    return Next::CountAsDone { seq, run: step.run };
                }
                StepState::Started => return Next::Attach { seq, run: step.run },
                // Ended transient, or stopped by a clean-up that a retry has overtaken.
                StepState::Failed | StepState::Cancelled => return self.begin(seq, step.run + 1),
                StepState::Lost => {
                    return match (self.job.resolution, step.on_lost) {
                        (Some(Resolution::Done), _) => Next::CountAsDone { seq, run: step.run },
                        (Some(Resolution::Rerun), _) | (_, OnLost::Rerun) => self.begin(seq, step.run + 1),
                        (_, OnLost::Verify) => Next::Verify { seq, run: step.run },
                        (_, OnLost::Ask) => Next::Ask(lost(&stored.name, &self.job.server_name)),
                    };
                }
            }
        }
        Next::Finish(Verdict::Succeeded)
    }

    fn begin(&self, seq: i32, run: i32) -> Next {
        if self.plan_is_ours {
            return Next::Begin { seq, run };
        }
        Next::Fail(
            Failure::permanent(code::PLAN_UNKNOWN, "this infrakt has other scripts than the one that began the job")
                .with_hint(format!("`infrakt job retry {}` starts it anew with this version", self.job.id)),
        )
    }

    /// The job is to stop: nothing of its steps may live, then what they did is undone, last one first.
    fn backward(&self) -> Next {
        let steps = self.plan.steps.len() as i32;
        for seq in (1..=steps).rev() {
            let Some(step) = self.latest(seq) else { continue };
            if step.state == StepState::Started {
                return if self.job.resolution == Some(Resolution::Done) {
                    Next::CountAsDone { seq, run: step.run }
                } else {
                    Next::Cancel { seq, run: step.run }
                };
            }
        }
        for seq in (1..=steps).rev() {
            if self.latest(seq).is_none() || !(self.undoable)(seq) {
                continue;
            }
            let undo = UNDO_SEQ + seq;
            let Some(step) = self.latest(undo) else { return Next::Begin { seq: undo, run: 1 } };
            let answered = self.job.resolution;
            match step.state {
                StepState::Succeeded | StepState::Skipped => continue,
                StepState::Started if answered == Some(Resolution::Done) => {
                    return Next::CountAsDone { seq: undo, run: step.run };
                }
                StepState::Started => return Next::Attach { seq: undo, run: step.run },
                StepState::Failed | StepState::Lost | StepState::Cancelled => {
                    if answered == Some(Resolution::Done) {
                        return Next::CountAsDone { seq: undo, run: step.run };
                    }
                    if step.run < UNDO_RUNS || answered == Some(Resolution::Rerun) {
                        return Next::Begin { seq: undo, run: step.run + 1 };
                    }
                    // A failed job says so and ends; one that is to be called cancelled must not lie about what is left.
                    if self.job.failure.is_none() && answered != Some(Resolution::Fail) {
                        return Next::Ask(not_cleaned(&step.name, &self.job.server_name));
                    }
                }
            }
        }
        Next::Finish(match &self.job.failure {
            Some(failure) => Verdict::Failed(failure.clone()),
            None if self.job.resolution == Some(Resolution::Fail) => {
                Verdict::Failed(Failure::permanent(code::STEP_FAILED, "failed by hand: `job resolve --fail`"))
            }
            None => Verdict::Cancelled,
        })
    }
}

fn lost(step: &str, server: &str) -> Failure {
    Failure::new(Class::Unknown, "lost", format!("{server} went down during `{step}`: nobody knows how far it came"))
        .with_hint("look at the server, then `infrakt job resolve` with --done, --rerun or --fail")
}

fn not_cleaned(step: &str, server: &str) -> Failure {
    Failure::new(
        Class::Unknown,
        "not_cleaned",
        format!("`{step}` failed on {server}: something of the job may be left there"),
    )
    .with_hint("look at the server, then `infrakt job resolve` with --done (all is clean), --rerun or --fail")
}

#[cfg(test)]
mod tests;
