//! What is live in this process: the feed of events and logs, and what is counted.

use super::error::ApiError;
use super::metrics::Requests;
use crate::service::Service;
use crate::service::feed::Feed;
use crate::service::figures::Tally;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use tokio::sync::OnceCell;

#[derive(Default)]
pub struct Live {
    started: OnceCell<(Feed, Tally)>,
    pub requests: Requests,
    /// Open streams.
    pub streams: Gauge,
}

impl Live {
    /// Starts the feed on the runtime of whoever comes first: the product does it before it listens.
    async fn started(&self, service: &Service) -> Result<&(Feed, Tally), ApiError> {
        let start = async {
            let feed = Feed::start(service.clone()).await?;
            let tally = Tally::start(service.clone(), &feed);
            Ok::<_, crate::service::ServiceError>((feed, tally))
        };
        Ok(self.started.get_or_try_init(|| start).await?)
    }

    pub async fn feed(&self, service: &Service) -> Result<&Feed, ApiError> {
        Ok(&self.started(service).await?.0)
    }

    pub async fn tally(&self, service: &Service) -> Result<&Tally, ApiError> {
        Ok(&self.started(service).await?.1)
    }

    /// Every follower is told that the process ends.
    pub fn close(&self) {
        if let Some((feed, _)) = self.started.get() {
            feed.close();
        }
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }
}
