//! `/api/apps/{name}/logs/stream`: what an app's containers print, as they print it.

use crate::http::auth::Reader;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::Params;
use crate::http::reply::Answer;
use crate::http::sse;
use crate::http::state::State;
use crate::service::ServiceError;
use crate::service::app_reads::{LogRequest, Piece};
use crate::service::apps::AppRef;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use utoipa::{IntoParams, OpenApi};

/// Lines that are shown first, of each container, where nothing is said.
const LINES: u32 = 100;

/// A line that is longer is told in pieces.
const LINE_LIMIT: usize = 64 * 1024;

#[derive(OpenApi)]
#[openapi(paths(follow))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/apps/{name}/logs/stream").route(web::get().to(follow)));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Where the app is, when its name is ambiguous
    server: Option<String>,
    /// How many of the last lines, of each container
    lines: Option<u32>,
    /// Of this service only
    service: Option<String>,
}

/// What an app's containers print, as server-sent events
///
/// `log` with whole lines in `text`, `end` when no container runs any more, `error` when the server cannot be asked any longer. Not
/// numbered: a client that comes back is shown the last lines again.
#[utoipa::path(
    get, path = "/api/apps/{name}/logs/stream", tag = "apps", operation_id = "follow_app_logs",
    params(("name" = String, Path, description = "The app"), Asked),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = Problem),
        (status = 502, description = "The server cannot be asked", body = Problem),
    ),
)]
async fn follow(state: Data<State>, _who: Reader, name: Path<String>, asked: Params<Asked>) -> Answer {
    let app = AppRef::parse(&name, asked.server.as_deref())?;
    let lines = asked.lines.unwrap_or(LINES);
    let request = LogRequest { lines, follow: true, service: asked.service.clone() };
    let (pieces, coming) = mpsc::channel(16);
    let service = state.service.clone();
    // Ends with the stream: its end drops what it follows.
    let work = tokio::task::spawn(async move { service.app_logs(&app, &request, pieces).await });
    let ending = state.ending();
    let mut lines = Lines { coming, work: Work(work), ending, rest: Vec::new(), ended: false };
    // What cannot be followed at all is refused, not streamed.
    let first = match lines.next().await {
        Next::Failed(error) => return Err(error.into()),
        first => first,
    };
    Ok(sse::answer(state, told(lines, first)))
}

struct Work(JoinHandle<Result<(), ServiceError>>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Lines {
    coming: mpsc::Receiver<Piece>,
    work: Work,
    ending: watch::Receiver<bool>,
    /// A line that has not ended yet.
    rest: Vec<u8>,
    ended: bool,
}

enum Next {
    Text(String),
    Silence,
    Closing,
    Ended,
    Failed(ServiceError),
}

impl Lines {
    async fn next(&mut self) -> Next {
        loop {
            if self.ended {
                return Next::Ended;
            }
            let piece = tokio::select! {
                biased;
                _ = self.ending.wait_for(|end| *end) => return Next::Closing,
                piece = tokio::time::timeout(sse::HEARTBEAT, self.coming.recv()) => piece,
            };
            match piece {
                Err(_) => return Next::Silence,
                Ok(Some(Piece::Err(_))) => {}
                Ok(Some(Piece::Out(bytes))) => {
                    self.rest.extend(bytes);
                    if let Some(text) = self.whole_lines() {
                        return Next::Text(text);
                    }
                }
                Ok(None) => return self.end().await,
            }
        }
    }

    fn whole_lines(&mut self) -> Option<String> {
        let end = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.rest.len() >= LINE_LIMIT => self.rest.len(),
            None => return None,
        };
        let lines: Vec<u8> = self.rest.drain(..end).collect();
        Some(String::from_utf8_lossy(&lines).into_owned())
    }

    async fn end(&mut self) -> Next {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Next::Text(String::from_utf8_lossy(&rest).into_owned());
        }
        self.ended = true;
        match (&mut self.work.0).await {
            Ok(Err(error)) => Next::Failed(error),
            Ok(Ok(())) | Err(_) => Next::Ended,
        }
    }
}

fn told(lines: Lines, first: Next) -> impl stream::Stream<Item = Bytes> {
    stream::unfold((Some(lines), Some(first)), async |(lines, first)| {
        let mut lines = lines?;
        let next = match first {
            Some(first) => first,
            None => lines.next().await,
        };
        Some(match next {
            Next::Text(text) => (sse::frame(None, "log", &json!({ "text": text })).into(), (Some(lines), None)),
            Next::Silence => (Bytes::from_static(b": alive\n\n"), (Some(lines), None)),
            Next::Closing => (sse::shutdown(), (None, None)),
            Next::Ended => (sse::frame(None, "end", &json!({})).into(), (None, None)),
            Next::Failed(error) => (sse::fault(ApiError::from(error)), (None, None)),
        })
    })
}
