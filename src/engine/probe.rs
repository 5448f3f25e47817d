//! Named points at which a test may hold, fail or crash the engine. Quiet in production.

use std::future::Future;
use std::pin::Pin;

/// Where the engine stands. The order is that of one step's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    Claimed,
    PlanRecorded,
    Connected,
    /// The step's intent is on disk, the server knows nothing of it.
    IntentWritten,
    /// The server has said that the step has begun or ended.
    Begun,
    /// A piece of the log is stored.
    LogStored,
    /// The server has said how the step ended; the database does not know.
    EndKnown,
    EndRecorded,
    /// The verdict is on disk; the server still holds the job's folders.
    Finished,
    Released,
}

impl Point {
    pub const ALL: [Point; 10] = [
        Point::Claimed,
        Point::PlanRecorded,
        Point::Connected,
        Point::IntentWritten,
        Point::Begun,
        Point::LogStored,
        Point::EndKnown,
        Point::EndRecorded,
        Point::Finished,
        Point::Released,
    ];
}

/// What a test puts in: it may wait, panic or end the process.
pub trait Probe: Send + Sync {
    /// `what` names the step, or the job's kind where no step is concerned.
    fn at<'a>(&'a self, point: Point, what: &'a str) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}

/// The probe of production: nothing happens.
pub struct Quiet;

impl Probe for Quiet {
    fn at<'a>(&'a self, _: Point, _: &'a str) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(std::future::ready(()))
    }
}
