//! `/api/jobs/{id}/log`: a job's log by the numbers of its chunks, as a page or as a stream.

use crate::http::auth::Reader;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::Params;
use crate::http::reply::Answer;
use crate::http::sse;
use crate::http::state::State;
use crate::service::Time;
use crate::service::feed::Chunk;
use crate::service::feed::log::{Follower, PAGE, Told};
use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(paths(log))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/jobs/{id}/log").route(web::get().to(log)));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// From behind the chunk of this number; from the first without it
    after: Option<i64>,
    /// Chunks of a page, 64 at most
    limit: Option<i64>,
}

/// A piece of a job's log. Lines, and characters too, may begin in one and end in the next.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogChunk {
    /// Dense, from 1: the cursor
    pub seq: i64,
    pub at: String,
    /// The step that printed it; none where infrakt itself speaks
    pub step: Option<i32>,
    pub run: Option<i32>,
    /// What is no UTF-8 is shown as well as it can be
    pub text: String,
    /// The very bytes, where `text` is not exactly them
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl From<&Chunk> for LogChunk {
    fn from(chunk: &Chunk) -> Self {
        let exact = std::str::from_utf8(&chunk.bytes).is_ok();
        Self {
            seq: chunk.seq,
            at: Time(chunk.ts).to_string(),
            step: chunk.step_seq,
            run: chunk.run,
            text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
            base64: (!exact).then(|| STANDARD.encode(&chunk.bytes)),
        }
    }
}

/// A job's log
///
/// A page of chunks, with the address of what follows in `Link` until the job has ended and all was told. With
/// `Accept: text/event-stream` it is followed: `log` with a chunk, and `end` with the job's state.
#[utoipa::path(
    get, path = "/api/jobs/{id}/log", tag = "jobs", operation_id = "job_log",
    params(
        ("id" = i64, Path, description = "The job"), Asked,
        ("Last-Event-ID" = Option<i64>, Header, description = "The number of the last chunk that was seen"),
    ),
    responses(
        (status = 200, description = "A page", body = [LogChunk]),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn log(req: HttpRequest, state: Data<State>, _who: Reader, id: Path<i64>, asked: Params<Asked>) -> Answer {
    let id = id.into_inner();
    let accepts = req.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") {
        let after = sse::cursor(&req, asked.after)?.unwrap_or_default();
        let follower = state.live.feed(&state.service).await?.follow_log(id, after).await?;
        return Ok(sse::answer(state, told(follower, after)));
    }
    let (after, limit) = (asked.after.unwrap_or_default(), asked.limit.unwrap_or(PAGE));
    let page = state.call(move |service| service.job_log(id, after, limit)).await?;
    let chunks: Vec<LogChunk> = page.chunks.iter().map(LogChunk::from).collect();
    let mut answer = HttpResponse::Ok();
    if let Some(next) = page.next {
        let limit = asked.limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
        answer.insert_header((header::LINK, format!("</api/jobs/{id}/log?after={next}{limit}>; rel=\"next\"")));
    }
    Ok(answer.json(chunks))
}

enum Step {
    Hello(Follower, i64),
    Next(Follower, i64),
    End,
}

fn told(follower: Follower, after: i64) -> impl stream::Stream<Item = Bytes> {
    stream::unfold(Step::Hello(follower, after), async |step| {
        let (mut follower, cursor) = match step {
            Step::Hello(follower, after) => return Some((sse::hello(after), Step::Next(follower, after))),
            Step::Next(follower, cursor) => (follower, cursor),
            Step::End => return None,
        };
        let next = match tokio::time::timeout(sse::HEARTBEAT, follower.next()).await {
            Err(_) => return Some((sse::heartbeat(cursor), Step::Next(follower, cursor))),
            Ok(next) => next,
        };
        Some(match next {
            Ok(Told::Chunk(item)) => {
                let seq = item.value.seq;
                (Bytes::from_owner(item.wire(wire)), Step::Next(follower, seq))
            }
            Ok(Told::Ended(state)) => (sse::frame(None, "end", &json!({ "state": state.as_str() })).into(), Step::End),
            Ok(Told::Lagged) => (sse::lagged(), Step::End),
            Ok(Told::Closing) => (sse::shutdown(), Step::End),
            Err(error) => (sse::fault(ApiError::from(error)), Step::End),
        })
    })
}

fn wire(chunk: &Chunk) -> Vec<u8> {
    sse::frame(Some(chunk.seq), "log", &json!(LogChunk::from(chunk)))
}
