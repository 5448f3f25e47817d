//! The HTTP API and the web page: the only room that names actix-web. What may be done is `service`'s; here are words and numbers of HTTP.
//!
//! A request passes [`shape`] (request id, errors, headers), then [`auth`] (who asks, and whether the browser that asks may), then its
//! route in [`routes`], which takes its input by [`extract`], asks the service on a thread that may block ([`State::call`]) and answers
//! by [`reply`] with a view of [`views`].

mod access;
pub mod auth;
pub mod error;
pub mod extract;
pub mod lists;
mod live;
mod metrics;
pub mod openapi;
pub mod pages;
pub mod reply;
pub mod routes;
pub mod shape;
mod sse;
mod state;
pub mod views;

pub use state::{Setup, State};

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, HttpServer, middleware, web};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Threads that carry connections. What blocks has its own.
const WORKERS: usize = 2;

/// Headers must be there after this, so that nobody holds a connection by dripping bytes.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// What is under way at the end may take so long: the whole process ends within two seconds.
const END_LIMIT_S: u64 = 1;

/// Connections at once and worker; those behind it wait in the system's queue.
const CONNECTIONS: usize = 1024;

/// The whole of it, for the product and for tests.
pub fn app(
    state: web::Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .app_data(web::PayloadConfig::new(extract::BODY_LIMIT))
        .app_data(web::PathConfig::default().error_handler(|_, _| error::ApiError::not_found().into()))
        .service(
            web::scope("/api")
                .wrap(middleware::from_fn(auth::guard))
                .configure(routes::all)
                .default_service(web::to(routes::unknown)),
        )
        .service(
            web::scope("")
                .wrap(middleware::Compress::default())
                .wrap(middleware::from_fn(pages::guard))
                .default_service(web::to(pages::serve)),
        )
        .wrap(middleware::from_fn(shape::shape))
        .wrap(middleware::from_fn(access::log))
}

/// Open sockets, not yet served.
pub struct Bound {
    tcp: Vec<std::net::TcpListener>,
    unix: Option<(std::os::unix::net::UnixListener, PathBuf)>,
}

impl Bound {
    /// Takes the addresses; one that is taken already is named in the error.
    pub fn bind(addresses: &[SocketAddr], unix: Option<&Path>) -> io::Result<Self> {
        let named = |what: String| {
            move |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {what}: {error}"))
        };
        let mut tcp = Vec::new();
        for address in addresses {
            tcp.push(std::net::TcpListener::bind(address).map_err(named(address.to_string()))?);
        }
        let unix = match unix {
            Some(path) => Some((unix_listener(path).map_err(named(path.display().to_string()))?, path.to_owned())),
            None => None,
        };
        Ok(Self { tcp, unix })
    }

    /// Where it listens in truth: port 0 has become one.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// A socket that a dead process left is taken away; one that answers is somebody's.
fn unix_listener(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if let Ok(meta) = std::fs::symlink_metadata(path)
        && meta.file_type().is_socket()
    {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until `end` resolves; then streams are told, what is under way may finish, and the sockets are gone. Runs where actors run.
pub async fn serve(state: web::Data<State>, bound: Bound, end: impl Future<Output = ()>) -> io::Result<()> {
    // On this runtime, which lives as long as the process.
    state.live.feed(&state.service).await.map_err(|error| io::Error::other(error.to_string()))?;
    let made = state.clone();
    let mut server = HttpServer::new(move || app(made.clone()))
        .workers(WORKERS)
        .max_connections(CONNECTIONS)
        .client_request_timeout(HEAD_LIMIT)
        .shutdown_timeout(END_LIMIT_S)
        .disable_signals();
    for listener in bound.tcp {
        server = server.listen(listener)?;
    }
    let mut socket = None;
    if let Some((listener, path)) = bound.unix {
        server = server.listen_uds(listener)?;
        socket = Some(path);
    }
    let mut running = server.run();
    let handle = running.handle();
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = end => {
            state.end();
            let (_, ended) = tokio::join!(handle.stop(true), running);
            ended
        }
    };
    if let Some(path) = socket {
        let _ = std::fs::remove_file(path);
    }
    ended
}
