//! Server-sent events: the frames, the answer that carries them, and where a client that comes back goes on.

use super::error::ApiError;
use super::state::State;
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;
use serde_json::Value;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Where nothing is said for so long, a comment is: proxies and clients see that the line lives.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a client waits before it comes back, in milliseconds.
const RETRY_MS: u64 = 1000;

/// One event. Data is JSON and so never has a line break.
pub fn frame(id: Option<i64>, event: &str, data: &Value) -> Vec<u8> {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {event}\ndata: {data}\n\n").into_bytes()
}

/// The first words of a stream: a client that is cut off at once comes back to where it began.
pub fn hello(cursor: i64) -> Bytes {
    format!("retry: {RETRY_MS}\nid: {cursor}\n\n").into()
}

/// A sign of life that carries the cursor: what a filter holds back makes no cursor old.
pub fn heartbeat(cursor: i64) -> Bytes {
    format!(": alive\nid: {cursor}\n\n").into()
}

/// The last word before the process ends; the client comes back with its id.
pub fn shutdown() -> Bytes {
    frame(None, "shutdown", &serde_json::json!({})).into()
}

/// The last word to one that could not keep up; it comes back with its id.
pub fn lagged() -> Bytes {
    frame(None, "lagged", &serde_json::json!({})).into()
}

/// An error that comes when the answer has begun already.
pub fn fault(error: ApiError) -> Bytes {
    let error = match error.inner {
        Some(inner) => {
            tracing::error!(error = inner, "a stream failed");
            serde_json::json!({ "detail": error.detail, "code": error.code })
        }
        None => serde_json::json!({ "detail": error.detail, "code": error.code }),
    };
    frame(None, "error", &error).into()
}

/// `Last-Event-ID`, which a browser sends when it comes back, stands above `?after=`.
pub fn cursor(req: &HttpRequest, after: Option<i64>) -> Result<Option<i64>, ApiError> {
    let Some(said) = req.headers().get("last-event-id") else { return Ok(after) };
    match said.to_str().ok().map(str::trim) {
        Some("") => Ok(after),
        Some(text) => {
            text.parse().map(Some).map_err(|_| ApiError::invalid("Last-Event-ID", "it must be the id of an event"))
        }
        None => Err(ApiError::invalid("Last-Event-ID", "it must be the id of an event")),
    }
}

/// The answer that goes on.
pub fn answer(state: Data<State>, stream: impl Stream<Item = Bytes> + 'static) -> HttpResponse {
    state.live.streams.add(1);
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx and others would hold it back.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Counted { state, stream: Box::pin(stream) })
}

/// A stream that is counted while it is open.
struct Counted {
    state: Data<State>,
    stream: Pin<Box<dyn Stream<Item = Bytes>>>,
}

impl Stream for Counted {
    type Item = Result<Bytes, actix_web::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(cx).map(|next| next.map(Ok))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.state.live.streams.add(-1);
    }
}
