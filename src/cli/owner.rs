//! This process as the one that runs jobs: of one lane while a command waits, of all lanes as a worker.

use super::exit::Stop;
use crate::actors::{self, Options, Workers};
use crate::queue::WorkerKind;
use crate::service::{Service, ServiceError};
use crate::ssh::Ssh;
use std::future::Future;
use std::time::Duration;

/// A worker that is to end when there is nothing to do waits this long for more.
const IDLE_AFTER: Duration = Duration::from_secs(5);

pub struct Owner {
    workers: Workers<Ssh>,
}

impl Owner {
    /// Runs a future where an owner can live.
    pub fn block_on<T>(work: impl Future<Output = T>) -> T {
        actors::block_on(work)
    }

    /// Of one lane: while its command waits for a job of it.
    pub async fn of_lane(service: &Service, lane: &str) -> Result<Self, Stop> {
        Self::start(service, WorkerKind::Cli, Some(lane.to_owned())).await
    }

    /// Of all lanes.
    pub async fn of_all(service: &Service) -> Result<Self, Stop> {
        Self::start(service, WorkerKind::Worker, None).await
    }

    /// Of all lanes, while it serves the API.
    pub async fn that_serves(service: &Service) -> Result<Self, Stop> {
        Self::start(service, WorkerKind::Serve, None).await
    }

    async fn start(service: &Service, kind: WorkerKind, only_lane: Option<String>) -> Result<Self, Stop> {
        let parts = actors::product_parts(
            service.db().clone(),
            service.bell()?.clone(),
            service.ssh().clone(),
            service.installation()?,
            service.home(),
            service.passphrase(),
        );
        let options = Options { kind, only_lane, idle_after: IDLE_AFTER, counters: service.counters().clone() };
        let workers = Workers::start(parts, &service.home().run(), options)
            .await
            .map_err(|error| Stop::from(ServiceError::from(error)))?;
        Ok(Self { workers })
    }

    /// For `infrakt ui`: where the page is.
    pub async fn serves_at(&self, url: String) -> Result<(), Stop> {
        self.workers.serves_at(url).await.map_err(|error| ServiceError::from(error).into())
    }

    /// Resolves when nothing has been due or running for a while.
    pub async fn until_idle(&self) -> Result<(), Stop> {
        self.workers.until_idle().await.map_err(|error| ServiceError::from(error).into())
    }

    /// Resolves only when this process may not go on.
    pub async fn until_trouble(&self) -> Stop {
        ServiceError::from(self.workers.until_trouble().await).into()
    }

    /// Puts the jobs back; what runs on servers goes on there.
    pub async fn drain(self) {
        self.workers.drain().await;
    }
}
