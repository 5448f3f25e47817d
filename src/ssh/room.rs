//! The threads that sessions live on. A session never leaves its thread: libssh2's channels are freed without a lock.
//!
//! One thread serves all sessions that never block it. A login that asks the agent (which may ask a person) or opens an encrypted key
//! blocks its thread: such a session gets one of its own.

use crate::ssh::error::ConnectError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet};

/// Work that is built on its thread and stays there.
pub(super) type Work = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

#[derive(Default)]
pub(super) struct Room {
    shared: Mutex<Option<UnboundedSender<Work>>>,
}

impl Room {
    /// On the shared thread, which is started if it is not there. It ends when the room is gone and its work is done.
    pub(super) fn run(&self, work: Work) -> Result<(), ConnectError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let work = match shared.as_ref() {
            Some(thread) => match thread.send(work) {
                Ok(()) => return Ok(()),
                Err(back) => back.0, // the thread is gone (a panic): a new one
            },
            None => work,
        };
        *shared = Some(start(work)?);
        Ok(())
    }

    /// On a thread of its own, which ends with the work.
    pub(super) fn run_alone(&self, work: Work) -> Result<(), ConnectError> {
        start(work).map(drop)
    }
}

fn start(first: Work) -> Result<UnboundedSender<Work>, ConnectError> {
    let local = |e: std::io::Error| ConnectError::Local(format!("cannot start a thread for SSH: {e}"));
    let (sender, receiver) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(local)?;
    std::thread::Builder::new()
        .name("ssh".to_owned())
        .spawn(move || LocalSet::new().block_on(&runtime, serve(first, receiver)))
        .map_err(local)?;
    Ok(sender)
}

async fn serve(first: Work, mut receiver: UnboundedReceiver<Work>) {
    let mut tasks = JoinSet::new();
    tasks.spawn_local(first());
    loop {
        tokio::select! {
            work = receiver.recv() => match work {
                Some(work) => drop(tasks.spawn_local(work())),
                None => break,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}
