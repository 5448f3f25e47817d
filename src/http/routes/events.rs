//! `/api/events`: what happens, as it happens.

use crate::http::auth::Reader;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::Params;
use crate::http::reply::Answer;
use crate::http::sse;
use crate::http::state::State;
use crate::service::Time;
use crate::service::apps::AppRef;
use crate::service::feed::Event;
use crate::service::feed::events::{Follower, Told};
use actix_web::HttpRequest;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, OpenApi};

#[derive(OpenApi)]
#[openapi(paths(follow))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/events").route(web::get().to(follow)));
}

/// Which events, and from where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// From behind this event; from now on without it. The header `Last-Event-ID` stands above it
    after: Option<i64>,
    /// Of this server only
    server: Option<String>,
    /// Of this app only; with `server` where the name is ambiguous
    app: Option<String>,
    /// Of this job only
    job: Option<i64>,
}

/// What happens, as server-sent events
///
/// `job`, `step`, `log` (a range of chunks of a job's log), `server`, `app` and `deployment`; the id is the cursor. `reset`: what is
/// behind the cursor is kept no more, read the present state and go on. `shutdown` and `lagged` are last words: come back with the id.
#[utoipa::path(
    get, path = "/api/events", tag = "events", operation_id = "follow_events",
    params(Asked, ("Last-Event-ID" = Option<i64>, Header, description = "The id of the last event that was seen")),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn follow(req: HttpRequest, state: Data<State>, _who: Reader, asked: Params<Asked>) -> Answer {
    let after = sse::cursor(&req, asked.after)?;
    let (server, app, job) = (asked.server.clone(), asked.app.clone(), asked.job);
    let filter = state
        .call(move |service| {
            let app = app.map(|name| AppRef::parse(&name, server.as_deref())).transpose()?;
            service.event_filter(server.as_deref(), app.as_ref(), job)
        })
        .await?;
    let follower = state.live.feed(&state.service).await?.follow(after, filter);
    Ok(sse::answer(state, told(follower)))
}

enum Step {
    Hello(Follower),
    Next(Follower),
    End,
}

fn told(follower: Follower) -> impl stream::Stream<Item = Bytes> {
    stream::unfold(Step::Hello(follower), async |step| {
        let mut follower = match step {
            Step::Hello(follower) => return Some((sse::hello(follower.cursor()), Step::Next(follower))),
            Step::Next(follower) => follower,
            Step::End => return None,
        };
        let next = match tokio::time::timeout(sse::HEARTBEAT, follower.next()).await {
            Err(_) => return Some((sse::heartbeat(follower.cursor()), Step::Next(follower))),
            Ok(next) => next,
        };
        Some(match next {
            Ok(Told::Event(item)) => (Bytes::from_owner(item.wire(wire)), Step::Next(follower)),
            Ok(Told::Reset { cursor }) => {
                (sse::frame(Some(cursor), "reset", &json!({ "cursor": cursor })).into(), Step::Next(follower))
            }
            Ok(Told::Lagged) => (sse::lagged(), Step::End),
            Ok(Told::Closing) => (sse::shutdown(), Step::End),
            Err(error) => (sse::fault(ApiError::from(error)), Step::End),
        })
    })
}

/// The event's own data, with what it is about.
fn wire(event: &Event) -> Vec<u8> {
    let mut data = match serde_json::from_str(&event.data) {
        Ok(Value::Object(data)) => data,
        _ => serde_json::Map::new(),
    };
    let about = [
        ("id", json!(event.id)),
        ("at", json!(Time(event.ts))),
        ("server_name", json!(event.server_name)),
        ("app_name", json!(event.app_name)),
        ("job_id", json!(event.job_id)),
        ("deployment_id", json!(event.deployment_id)),
    ];
    data.extend(about.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)));
    sse::frame(Some(event.id), &event.kind, &Value::Object(data))
}
