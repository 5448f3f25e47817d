//! What an engine needs of a server, as traits, so that it can be driven without one.

use crate::domain::server::HostKey;
use crate::ssh::error::{ConnectError, LineError};
use crate::ssh::types::{Frame, Output, StepAnswer, StepCall, StepRef, Target};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;

/// Makes connections.
pub trait Remote {
    type Line: Line;

    fn connect(&self, target: &Target) -> impl Future<Output = Result<Self::Line, ConnectError>>;
}

/// An open connection. After an error it is to be thrown away; dropping the last clone ends it.
pub trait Line: Clone + 'static {
    /// Starts a step or attaches to it, and follows it to its end. Frames arrive while it runs; a full channel holds the server up.
    fn run_step(
        &self,
        call: StepCall,
        frames: mpsc::Sender<Frame>,
    ) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// Kills a step, or sees to it that it never begins, and follows its log from `offset` until all is dead.
    fn cancel_step(
        &self,
        step: StepRef,
        offset: i64,
        frames: mpsc::Sender<Frame>,
    ) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// Says yes to a step that waits for it.
    fn confirm_step(&self, step: StepRef) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// How a step stands; needs no right.
    fn stat_step(&self, step: StepRef) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// The job is over on this server: gives the lane back and closes the epoch.
    fn release(&self, inst: &str, epoch: i64, job_uid: &str) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// Deletes what steps of long ago left behind there, whoever's.
    fn gc(&self, inst: &str, epoch: i64, days: u32) -> impl Future<Output = Result<StepAnswer, LineError>>;

    /// Runs a short command as root; it is stopped when the limit is over or the caller is gone.
    fn exec(&self, cmd: &str, stdin: &[u8], limit: Duration) -> impl Future<Output = Result<Output, LineError>>;

    /// The key the server showed.
    fn host_key(&self) -> HostKey;
}
