//! What a step's end means for its job.

use crate::domain::failure::{Class, Failure, code};
use crate::domain::job::{Job, JobStep};
use crate::domain::plan::{Marker, UNDO_SEQ};
use crate::domain::retry;
use crate::domain::step::StepState;
use crate::engine::follow::StepEnd;
use crate::engine::interrupt::{Flow, Interrupt};
use crate::engine::ledger::StepDone;
use crate::engine::probe::Point;
use crate::engine::run::Run;
use crate::engine::{blocking, facts};
use crate::ssh::{Remote, StepResult};

/// A server on which so many ports in a row are taken has another trouble: then the retry rule counts.
const PORT_DRAWS: i32 = 10;

impl<R: Remote + Clone + 'static> Run<'_, R> {
    pub(super) async fn settle(
        &mut self,
        job: &Job,
        row: &JobStep,
        end: StepEnd,
        markers: &[Marker],
        tail: &str,
    ) -> Flow<()> {
        let mut done = StepDone {
            seq: row.seq,
            run: row.run,
            state: StepState::Failed,
            exit_code: None,
            exit_reason: None,
            output: facts::output_json(markers),
            failure: None,
        };
        let failure = match end {
            StepEnd::Exited { result, code } => {
                done.exit_code = Some(code);
                done.exit_reason = Some(result.as_str().to_owned());
                self.meaning(job, row, result, code, markers, tail, &mut done).await
            }
            StepEnd::Lost => {
                done.state = StepState::Lost;
                done.exit_reason = Some("lost".to_owned());
                None
            }
            StepEnd::Refused(failure) => {
                done.exit_reason = Some(failure.code.clone());
                Some(failure)
            }
        };
        let mut again = None;
        if let Some(failure) = failure {
            if row.seq > UNDO_SEQ {
                self.note(&format!("{}: {}", row.name, failure.text)).await?;
            } else if failure.code == code::PORT_TAKEN && row.run < PORT_DRAWS {
                let port = self.ledger().redraw_port().await?;
                self.note(&format!("{}; drew port {port} instead", failure.text)).await?;
            } else if failure.class == Class::Transient && job.attempt + 1 < job.max_attempts && job.cancel_at.is_none()
            {
                again = Some(failure);
            } else {
                done.failure = Some(failure);
            }
        }
        self.ledger().end_step(done).await?;
        self.probe(Point::EndRecorded, &row.name).await;
        match again {
            Some(failure) => {
                let delay = retry::step_delay(job.attempt + 1, self.random());
                Err(Interrupt::Retry { failure, delay })
            }
            None => Ok(()),
        }
    }

    /// The failure behind a body's end, if it is one; sets the state of the others.
    #[expect(clippy::too_many_arguments, reason = "all of what is known of one step's end")]
    async fn meaning(
        &self,
        job: &Job,
        row: &JobStep,
        result: StepResult,
        status: i32,
        markers: &[Marker],
        tail: &str,
        done: &mut StepDone,
    ) -> Option<Failure> {
        let (step, server) = (&row.name, &job.server_name);
        match result {
            StepResult::Success => {
                let skipped = markers.iter().any(|m| m.key == "skipped");
                done.state = if skipped { StepState::Skipped } else { StepState::Succeeded };
                None
            }
            StepResult::Cancelled => {
                done.state = StepState::Cancelled;
                None
            }
            StepResult::ExitCode => {
                let (planner, job, step) = (self.planner(), job.clone(), row.name.clone());
                let (markers, tail) = (markers.to_vec(), tail.to_owned());
                Some(blocking(move || planner.explain(&job, &step, status, &markers, &tail)).await)
            }
            StepResult::Timeout => {
                let text = format!("`{step}` was not done within its time limit on {server}");
                Some(Failure::permanent(code::TIMED_OUT, text))
            }
            StepResult::OomKill => {
                let text = format!("{server} ran out of memory during `{step}`");
                Some(Failure::permanent(code::OUT_OF_MEMORY, text).with_hint("give the server more memory or swap"))
            }
            StepResult::Signal => {
                Some(Failure::transient(code::KILLED, format!("`{step}` was killed on {server} by somebody else")))
            }
        }
    }
}
