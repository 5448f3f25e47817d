//! What is asked about an app: all that is recorded, its containers as they are now, and what they print.

use super::apps::{self, AppRef, AppView};
use super::contact;
use super::deployments::{self, DeploymentView};
use super::servers::invalid;
use super::{Service, ServiceError};
use crate::domain::app::App;
use crate::domain::failure::{Failure, code};
use crate::domain::name;
use crate::domain::server::Server;
pub use crate::ops::reads::app::AppContainer;
use crate::ops::reads::{app as app_read, logs};
use crate::ssh::Exit;
pub use crate::ssh::Piece;
use crate::store::{Conn, Page, deployments as deployment_rows, jobs, servers as server_rows};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;

/// Who only wants to see what is recorded does not wait longer for a server that is down.
const LOOK_LIMIT: Duration = Duration::from_secs(6);

/// How many of the last deployments are shown.
const LAST_DEPLOYMENTS: i64 = 5;

/// More is for a file, not for a terminal.
pub const MAX_LINES: u32 = 100_000;

/// Bytes of a log that are handed out in one piece: the last ones.
const TEXT_LIMIT: usize = 8 * 1024 * 1024;

/// All about an app.
#[derive(Clone, Debug, Serialize)]
pub struct AppDetails {
    #[serde(flatten)]
    pub app: AppView,
    /// The newest first, without their logs.
    pub deployments: Vec<DeploymentView>,
    /// What waits or runs for it, the newest first.
    pub jobs: Vec<AppJob>,
    /// As docker sees them now; none where nobody looked or the server did not answer.
    pub containers: Option<Vec<AppContainer>>,
    /// Why there are no containers to show.
    pub containers_error: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AppJob {
    pub id: i64,
    pub title: String,
    pub state: String,
}

/// Which lines of an app's log.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    pub lines: u32,
    pub follow: bool,
    pub service: Option<String>,
}

impl Service {
    /// `look`: ask the server how the containers are.
    pub async fn app_details(&self, app: &AppRef, look: bool) -> Result<AppDetails, ServiceError> {
        let (app, server, mut details) = self.db().read(|conn| {
            let app = apps::find(conn, app)?;
            let server = server_of(conn, &app)?;
            let details = recorded(conn, &app)?;
            Ok::<_, ServiceError>((app, server, details))
        })?;
        if look {
            match self.containers(&app, &server).await {
                Ok(containers) => details.containers = Some(containers),
                Err(error) => details.containers_error = Some(error.to_string()),
            }
        }
        Ok(details)
    }

    async fn containers(&self, app: &App, server: &Server) -> Result<Vec<AppContainer>, ServiceError> {
        let ask = async {
            let connection = self.connect(server).await?;
            contact::read(&connection, &server.name, &app_read::read(&app.compose_project, &folder(&app.name))).await
        };
        let text = tokio::time::timeout(LOOK_LIMIT, ask).await.map_err(|_| {
            let text = format!("{} does not answer within {} s", server.name, LOOK_LIMIT.as_secs());
            ServiceError::Failed(Failure::transient(code::UNREACHABLE, text))
        })??;
        let folder = folder(&app.name);
        let of_app = |container: &AppContainer| {
            // A project of the first release may hold containers of other apps.
            let there = container.folder.as_deref().unwrap_or_default();
            container.installation.is_some() || format!("{there}/").starts_with(&format!("{folder}/"))
        };
        Ok(app_read::parse(&text)?.into_iter().filter(of_app).collect())
    }

    /// Hands on what the app's containers print, as it comes, until it ends or nobody listens any more. Over a connection of its own:
    /// never behind a running deploy. Databases too.
    pub async fn app_logs(
        &self,
        app: &AppRef,
        request: &LogRequest,
        pieces: mpsc::Sender<Piece>,
    ) -> Result<(), ServiceError> {
        if let Some(service) = &request.service {
            name::check_name("service", service)?;
        }
        let (app, server) = self.db().read(|conn| {
            let app = apps::find(conn, app)?;
            let server = server_of(conn, &app)?;
            Ok::<_, ServiceError>((app, server))
        })?;
        let connection = self.connect(&server).await?;
        let lines = request.lines.min(MAX_LINES);
        let read =
            logs::read(&app.compose_project, &folder(&app.name), lines, request.follow, request.service.as_deref());
        // What the script itself says goes to stderr; the containers' lines all go to stdout.
        let (tell, told) = mpsc::channel(16);
        let mut said = Vec::new();
        let hand_on = async {
            // Gone with this: then the command is stopped.
            let mut told = told;
            while let Some(piece) = told.recv().await {
                match piece {
                    Piece::Err(bytes) => said.extend(bytes),
                    Piece::Out(_) => {
                        if pieces.send(piece).await.is_err() {
                            return;
                        }
                    }
                }
            }
        };
        let command = read.inline();
        let (exit, ()) = tokio::join!(connection.exec_stream(&command, tell), hand_on);
        let exit = exit.map_err(|error| ServiceError::Failed(error.failure(&server.name)))?;
        meaning(&app, &server, request, &exit, &String::from_utf8_lossy(&said))
    }
}

impl Service {
    /// The last lines of what an app's containers print, as far as they fit.
    pub async fn app_logs_text(
        &self,
        app: &AppRef,
        lines: u32,
        service: Option<String>,
    ) -> Result<String, ServiceError> {
        let request = LogRequest { lines, follow: false, service };
        let (pieces, mut told) = mpsc::channel(16);
        let collect = async {
            let mut bytes = Vec::new();
            while let Some(piece) = told.recv().await {
                if let Piece::Out(more) = piece {
                    bytes.extend(more);
                }
                if bytes.len() > 2 * TEXT_LIMIT {
                    bytes.drain(..bytes.len() - TEXT_LIMIT);
                }
            }
            bytes
        };
        let (done, bytes) = tokio::join!(self.app_logs(app, &request, pieces), collect);
        done?;
        let from = bytes.len().saturating_sub(TEXT_LIMIT);
        // A line that was cut is left out.
        let cut =
            if from == 0 { 0 } else { bytes[from..].iter().position(|b| *b == b'\n').map_or(from, |at| from + at + 1) };
        Ok(String::from_utf8_lossy(&bytes[cut..]).into_owned())
    }
}

fn meaning(app: &App, server: &Server, request: &LogRequest, exit: &Exit, said: &str) -> Result<(), ServiceError> {
    let refused = |code, text, hint| Err(ServiceError::Refused { code, text, hint });
    match exit {
        Exit::Code(0) | Exit::Signal(_) => Ok(()),
        Exit::Code(logs::NO_CONTAINERS) => refused(
            "no_containers",
            format!("{} has no containers on {}", app.name, server.name),
            Some(format!("`infrakt app deploy {}` puts it there", app.name)),
        ),
        Exit::Code(logs::NO_SERVICE) => {
            let services = said.split_whitespace().map(|service| format!("`{service}`")).collect::<Vec<_>>();
            let service = request.service.as_deref().unwrap_or_default();
            Err(ServiceError::NoService {
                app: app.name.clone(),
                service: service.to_owned(),
                services: services.join(", "),
            })
        }
        Exit::Code(logs::NO_DOCKER) => {
            let text = format!("docker on {} does not answer: {}", server.name, said.trim());
            Err(ServiceError::Failed(
                Failure::permanent("docker_down", text)
                    .with_hint(format!("`infrakt server status {}` shows how it is", server.name)),
            ))
        }
        Exit::Code(code) => {
            let text = format!("the logs of {} cannot be read on {}: exit code {code}", app.name, server.name);
            Err(ServiceError::Failed(Failure::permanent("logs_failed", text)))
        }
    }
}

/// Where an app lies on its server.
fn folder(app: &str) -> String {
    format!("/opt/infrakt/apps/{app}")
}

fn server_of(conn: &mut Conn, app: &App) -> Result<Server, ServiceError> {
    // The rows hold on to each other.
    server_rows::find(conn, app.server_id)?.ok_or_else(|| invalid(format!("the server of {} is gone", app.name)))
}

fn recorded(conn: &mut Conn, app: &App) -> Result<AppDetails, ServiceError> {
    let rows = deployment_rows::list(conn, Some(app.id), Page::first(LAST_DEPLOYMENTS))?;
    let deployments = rows
        .into_iter()
        .map(|row| {
            let view = deployments::view(conn, app, row, true)?;
            Ok(DeploymentView { log: None, log_truncated: false, ..view })
        })
        .collect::<Result<_, ServiceError>>()?;
    let filter = jobs::Filter { app_id: Some(app.id), alive: true, ..jobs::Filter::default() };
    let jobs = jobs::list(conn, &filter, Page::first(LAST_DEPLOYMENTS))?
        .into_iter()
        .map(|job| AppJob { id: job.id, state: job.shown_state().to_owned(), title: job.title })
        .collect();
    let app = apps::view_with_images(conn, app.clone())?;
    Ok(AppDetails { app, deployments, jobs, containers: None, containers_error: None })
}
