//! `/api/health` and `/api/metrics`: for whoever watches over the process.

use crate::http::auth::Reader;
use crate::http::error::Problem;
use crate::http::extract::{self, Params};
use crate::http::metrics;
use crate::http::reply::Answer;
use crate::http::state::State;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(paths(health, metrics_text))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/health").route(web::get().to(health)));
    cfg.service(web::resource("/metrics").route(web::get().to(metrics_text)));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Answer 503 where it is not ready: for those that look at the status alone
    #[serde(default, deserialize_with = "extract::flag")]
    #[param(required = false)]
    ready: bool,
}

/// How the process is
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `degraded` where it is not ready
    pub status: String,
    /// Requests are taken and jobs are run
    pub ready: bool,
    /// Why it is not ready
    pub reasons: Vec<Reason>,
    pub version: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// `database`, `disk`, `no_worker` or `draining`
    pub code: String,
    pub text: String,
}

/// Alive, and ready or why not
#[utoipa::path(
    get, path = "/api/health", tag = "operations", operation_id = "health", params(Asked), security(()),
    responses(
        (status = 200, description = "It lives", body = Health),
        (status = 503, description = "It is not ready, and `ready` was asked for", body = Health),
    ),
)]
async fn health(state: Data<State>, asked: Params<Asked>) -> Answer {
    let ending = state.is_ending();
    let found = state.call(move |service| Ok(service.health(ending))).await?;
    let mut answer = match asked.ready && !found.ready {
        true => HttpResponse::ServiceUnavailable(),
        false => HttpResponse::Ok(),
    };
    let reason =
        |reason: &crate::service::health::Reason| Reason { code: reason.code.into(), text: reason.text.into() };
    Ok(answer.json(Health {
        status: found.status.to_owned(),
        ready: found.ready,
        reasons: found.reasons.iter().map(reason).collect(),
        version: found.version.to_owned(),
    }))
}

/// Figures in the text form of Prometheus
#[utoipa::path(
    get, path = "/api/metrics", tag = "operations", operation_id = "metrics",
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain"),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn metrics_text(state: Data<State>, _who: Reader) -> Answer {
    let happened = state.live.tally(&state.service).await?.so_far();
    let (waiting, counted) = state.call(|service| Ok((service.waiting_jobs()?, service.process_figures()))).await?;
    let text = metrics::text(&metrics::Figures {
        waiting,
        happened,
        counted,
        requests: state.live.requests.so_far(),
        streams: state.live.streams.get(),
    });
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
