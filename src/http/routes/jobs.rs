//! `/api/jobs`: what waits, runs and has ended; and what a person may ask of one.

use super::parts::OfServer;
use crate::domain::job::JobState;
use crate::http::auth::{Deployer, Reader};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Paging, Params, Wait, flag};
use crate::http::lists;
use crate::http::reply::{self, Answer};
use crate::http::state::State;
use crate::http::views::job::{Attempt, Cancelled, Job, JobDetails, Retried};
use crate::http::views::request::Resolve;
use crate::service::jobs::{self, JobFilter, RetriedView};
use crate::service::keys::Scope;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// Jobs of a page where nothing is said.
const JOBS: i64 = 50;

#[derive(OpenApi)]
#[openapi(paths(list, show, cancel, retry, resolve, bump))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/jobs").route(web::get().to(list)))
        .service(web::resource("/jobs/{id}").route(web::get().to(show)))
        .service(web::resource("/jobs/{id}/cancel").route(web::post().to(cancel)))
        .service(web::resource("/jobs/{id}/retry").route(web::post().to(retry)))
        .service(web::resource("/jobs/{id}/resolve").route(web::post().to(resolve)))
        .service(web::resource("/jobs/{id}/bump").route(web::post().to(bump)));
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those about this app or database; with `server` where its name stands on several
    app: Option<String>,
    /// `blocked`, `queued`, `running`, `attention`, `succeeded`, `failed` or `cancelled`
    state: Option<String>,
    /// Only those that have not ended
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    active: bool,
}

/// Jobs, the newest first
#[utoipa::path(
    get, path = "/api/jobs", tag = "jobs", operation_id = "list_jobs",
    params(OfServer, Which, Paging),
    responses(
        (status = 200, description = "50 of them where no limit is said", body = [Job]),
        (status = 404, description = "There is no such server or app", body = Problem),
        (status = 422, description = "A parameter cannot be as it is", body = Problem),
    ),
)]
async fn list(
    req: HttpRequest,
    state: Data<State>,
    _who: Reader,
    server: Params<OfServer>,
    which: Params<Which>,
    mut page: Params<Paging>,
) -> Answer {
    let word = which.state.as_deref().filter(|word| !word.is_empty());
    let wanted = word.map(|word| {
        word.parse::<JobState>().map_err(|_| {
            let words = JobState::ALL.map(|state| format!("`{state}`")).join(", ");
            ApiError::invalid("state", format!("it must be one of {words}"))
        })
    });
    let app = which.app.as_deref().filter(|app| !app.is_empty()).map(|app| server.app(app)).transpose()?;
    let filter =
        JobFilter { server: server.name().map(str::to_owned), state: wanted.transpose()?, app, all: !which.active };
    page.0.limit.get_or_insert(JOBS);
    let (limit, cursor) = (page.limit(), page.cursor);
    let read = async {
        let mut found = state.call(move |service| service.jobs(&filter, limit, cursor)).await?;
        let next = page.cut(&mut found, |job| job.id);
        // What a job waits for is a matter of the time and of who lives.
        let waits = found.iter().any(|job| job.waiting.is_some());
        let rows: Vec<Job> = found.into_iter().map(Job::from).collect();
        let page = lists::Page::of(&req, &rows, next.as_deref())?;
        Ok(if waits { page.of_this_moment() } else { page })
    };
    lists::kept(&req, &state, read).await
}

/// One job: its steps, why it waits, who ran it
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = "jobs", operation_id = "get_job",
    responses(
        (status = 200, description = "The job", body = JobDetails),
        (status = 404, description = "There is none of that number", body = Problem),
    ),
)]
async fn show(state: Data<State>, _who: Reader, id: Path<i64>) -> Answer {
    let id = id.into_inner();
    let (job, attempts) = state.call(move |service| Ok((service.job(id)?, service.job_attempts(id)?))).await?;
    let attempts = attempts.into_iter().map(Attempt::from).collect();
    Ok(HttpResponse::Ok().json(JobDetails { job: job.into(), attempts }))
}

/// Cancel a job
///
/// One that has begun says `cancelled` when nothing of it lives on its server any more.
#[utoipa::path(
    post, path = "/api/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    responses(
        (status = 200, description = "It had not begun, and is cancelled", body = Cancelled),
        (status = 202, description = "It is being cancelled", body = Cancelled),
        (status = 404, description = "There is none of that number", body = Problem),
        (status = 409, description = "It has ended", body = Problem),
    ),
)]
async fn cancel(state: Data<State>, who: Deployer, id: Path<i64>) -> Answer {
    let (id, by) = (id.into_inner(), who.name.clone());
    let said = |message: String, state| Cancelled { message, job_id: id, state };
    match state.call(move |service| service.cancel_job(id, &by)).await? {
        jobs::Cancelled::Ended => {
            let view = said(format!("job {id} is cancelled: it had not begun"), "cancelled");
            Ok(HttpResponse::Ok().json(view))
        }
        jobs::Cancelled::Asked => {
            let view = said(format!("job {id} is being cancelled"), "cancelling");
            let place = (header::LOCATION, format!("/api/jobs/{id}"));
            Ok(HttpResponse::Accepted().insert_header(place).json(view))
        }
        jobs::Cancelled::Late => {
            let job = state.call(move |service| service.job(id)).await?;
            let text = format!("job {id} has ended already: {}", job.state);
            Err(ApiError::new(StatusCode::CONFLICT, "job_ended", text))
        }
    }
}

/// Try a job again: a new one of the same snapshot
///
/// It goes on at the first step that was not done where nothing else touched the server since.
#[utoipa::path(
    post, path = "/api/jobs/{id}/retry", tag = "jobs", operation_id = "retry_job",
    params(Wait),
    responses(
        (status = 200, description = "It is done", body = Retried),
        (status = 202, description = "It is accepted", body = Retried),
        (status = 403, description = "The key may not ask for such a job", body = Problem),
        (status = 404, description = "There is none of that number", body = Problem),
        (status = 409, description = "It cannot be tried again", body = Problem),
    ),
)]
async fn retry(req: HttpRequest, state: Data<State>, who: Deployer, id: Path<i64>, wait: Params<Wait>) -> Answer {
    let (id, by, ask) = (id.into_inner(), who.name.clone(), reply::ask_of(&req)?);
    let job = state.call(move |service| service.job(id)).await?;
    // What a key may not ask for, it may not ask for again.
    if who.scope < Scope::Admin && !matches!(job.kind.as_str(), "deploy" | "restart" | "stop" | "start" | "env_push") {
        let text = format!("the key `{}` may {}; this needs {}", who.name, who.scope.as_str(), Scope::Admin.as_str());
        return Err(ApiError::new(StatusCode::FORBIDDEN, "scope_too_small", text));
    }
    let (retried, again) = state
        .call(move |service| {
            let mut first = None;
            let (enqueued, again) = reply::once(&service.asked(ask), |service| {
                let view = service.retry_job(id, &by)?;
                Ok(first.insert(view).enqueued.clone())
            })?;
            Ok((first.unwrap_or(RetriedView { enqueued, kept: Vec::new(), starts_over: None }), again))
        })
        .await?;
    let accepted = retried.enqueued.clone().into();
    let view = Retried::from(retried);
    let answer = reply::after_enqueue(&state, accepted, wait.wait.unwrap_or_default()).await?;
    let body = serde_json::to_vec(&view).map_err(ApiError::internal)?;
    Ok(reply::marked(answer.set_body(actix_web::body::BoxBody::new(body)), again))
}

/// Answer a job that asks
#[utoipa::path(
    post, path = "/api/jobs/{id}/resolve", tag = "jobs", operation_id = "resolve_job",
    request_body = Resolve,
    responses(
        (status = 200, description = "It goes on", body = Job),
        (status = 404, description = "There is none of that number", body = Problem),
        (status = 409, description = "It asks nothing", body = Problem),
        (status = 422, description = "That is no answer", body = Problem),
    ),
)]
async fn resolve(state: Data<State>, who: Deployer, id: Path<i64>, body: Body<Resolve>) -> Answer {
    let (id, by, answer) = (id.into_inner(), who.name.clone(), body.resolution);
    let view = state.call(move |service| service.resolve_job(id, answer, &by)).await?;
    Ok(HttpResponse::Ok().json(Job::from(view)))
}

/// Let a job that has not begun go before all others of its server
#[utoipa::path(
    post, path = "/api/jobs/{id}/bump", tag = "jobs", operation_id = "bump_job",
    responses(
        (status = 200, description = "It goes next", body = Job),
        (status = 404, description = "There is none of that number", body = Problem),
        (status = 409, description = "It does not wait, or has begun", body = Problem),
    ),
)]
async fn bump(state: Data<State>, _who: Deployer, id: Path<i64>) -> Answer {
    let id = id.into_inner();
    let view = state.call(move |service| service.bump_job(id)).await?;
    Ok(HttpResponse::Ok().json(Job::from(view)))
}
