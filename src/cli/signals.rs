//! Ctrl-C, a polite kill, a closed terminal: all of them mean "let go", and what is under way goes on.

use super::exit::{self, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub struct Interrupt {
    signals: [Signal; 3],
}

impl Interrupt {
    /// From now on the signals do not end the process by themselves.
    pub fn listen() -> Result<Self, Stop> {
        let hear =
            |kind| signal(kind).map_err(|error| Stop::new(exit::FAILED, format!("cannot hear signals: {error}")));
        Ok(Self {
            signals: [hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?, hear(SignalKind::hangup())?],
        })
    }

    /// The next one.
    pub async fn recv(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
