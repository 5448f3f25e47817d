//! What every request can reach.

use super::auth::Throttle;
use super::error::ApiError;
use super::lists::Lists;
use super::live::Live;
use super::pages::Pages;
use crate::service::{Service, ServiceError};
use actix_web::web;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::watch;

/// How it is served.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Names besides the addresses under which it may be asked (`--host`), as the `Host` header says them.
    pub hosts: Vec<String>,
    /// Pages of other places that may ask with a key.
    pub origins: Vec<String>,
    /// A folder with another build of the page (`--ui`).
    pub ui: Option<PathBuf>,
}

pub struct State {
    pub service: Service,
    pub setup: Setup,
    pub throttle: Throttle,
    pub live: Live,
    pub lists: Lists,
    pub pages: Pages,
    ending: watch::Sender<bool>,
}

impl State {
    pub fn new(service: Service, setup: Setup) -> web::Data<Self> {
        let pages = Pages::of(setup.ui.as_deref());
        let (throttle, live, lists) = (Throttle::default(), Live::default(), Lists::default());
        let ending = watch::Sender::new(false);
        web::Data::new(Self { service, setup, throttle, live, lists, pages, ending })
    }

    /// Asks the service where it may block.
    pub async fn call<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Service) -> Result<T, ServiceError> + Send + 'static,
    {
        let service = self.service.clone();
        web::block(move || work(&service))
            .await
            .map_err(|_| ApiError::internal("a blocking call panicked"))?
            .map_err(ApiError::from)
    }

    /// The same for what talks to a server: its future is driven on a thread that may block, since it reads the database in between.
    pub async fn call_async<T, F, R>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(Service) -> R + Send + 'static,
        R: Future<Output = Result<T, ServiceError>>,
    {
        let service = self.service.clone();
        let runtime = tokio::runtime::Handle::current();
        web::block(move || runtime.block_on(work(service)))
            .await
            .map_err(|_| ApiError::internal("a blocking call panicked"))?
            .map_err(ApiError::from)
    }

    /// Becomes true when the process is about to end: streams end then.
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    pub fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    pub(super) fn end(&self) {
        self.ending.send_replace(true);
        self.live.close();
    }
}
