//! How it is answered: in words, and what became of a request that is a job. Lists are in [`super::lists`].

use super::auth::Principal;
use super::error::{ApiError, of_failed_job};
use super::extract::{BodyHash, Wait};
use super::state::State;
use crate::service::idempotency::Ask;
use crate::service::jobs::EnqueuedView;
use crate::service::{Service, ServiceError};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::time::Duration;
use utoipa::ToSchema;

pub type Answer = Result<HttpResponse, ApiError>;

/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest that an answer is held.
const WAIT_LIMIT_S: u64 = 300;

/// What became of a request to do something: it is a job now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Accepted {
    pub message: String,
    pub job_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<i64>,
}

impl From<EnqueuedView> for Accepted {
    fn from(view: EnqueuedView) -> Self {
        Self { message: view.message, job_id: view.job_id, deployment_id: view.deployment_id }
    }
}

/// What was done at once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    pub message: String,
}

pub fn message(text: impl Into<String>) -> Answer {
    Ok(HttpResponse::Ok().json(Message { message: text.into() }))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks the service for a job, under the request's `Idempotency-Key` where it has one, and answers 202 with the job's address; with
/// `?wait=` when the job has ended, or the time has.
pub async fn enqueue<F>(req: &HttpRequest, work: F) -> Answer
where
    F: FnOnce(&Service) -> Result<EnqueuedView, ServiceError> + Send + 'static,
{
    let state = state(req)?;
    let wait = wait_of(req)?;
    let ask = ask_of(req)?;
    let (view, again) = state.call(move |service| once(&service.asked(ask), work)).await?;
    Ok(marked(after_enqueue(&state, Accepted::from(view), wait).await?, again))
}

/// Says of an answer that it was given before.
pub fn marked(mut answer: HttpResponse, again: bool) -> HttpResponse {
    if again {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

/// Does what is asked, unless it was done under the same key: then says what was answered, and `true`.
pub fn once<F>(service: &Service, work: F) -> Result<(EnqueuedView, bool), ServiceError>
where
    F: FnOnce(&Service) -> Result<EnqueuedView, ServiceError>,
{
    if let Some(view) = service.answered()? {
        return Ok((view, true));
    }
    match work(service) {
        Err(error) => Ok((answered_since(service, error)?, true)),
        Ok(view) => Ok((view, false)),
    }
}

/// What was answered to the same request that came at once and was first; any other error stays what it is.
pub fn answered_since(service: &Service, error: ServiceError) -> Result<EnqueuedView, ServiceError> {
    match error {
        ServiceError::Repeated => service.answered()?.ok_or(ServiceError::Repeated),
        error => Err(error),
    }
}

/// The request's `Idempotency-Key`, bound to all that was asked but how long to wait.
pub fn ask_of(req: &HttpRequest) -> Result<Option<Ask>, ApiError> {
    let Some(key) = req.headers().get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().map(str::trim).filter(|key| (1..=255).contains(&key.len()));
    let key = key.ok_or_else(|| ApiError::invalid("Idempotency-Key", "it may have 1 to 255 printable characters"))?;
    let mut hash = Sha256::new();
    let query = req.query_string().split('&').filter(|pair| !pair.starts_with("wait="));
    for part in [req.method().as_str(), req.uri().path()].into_iter().chain(query) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    if let Some(BodyHash(body)) = req.extensions().get::<BodyHash>() {
        hash.update(body);
    }
    let principal = req.extensions().get::<Principal>().map(|who| who.name.clone()).unwrap_or_default();
    Ok(Some(Ask { principal, key: key.to_owned(), request_hash: hex(&hash.finalize()) }))
}

fn state(req: &HttpRequest) -> Result<Data<State>, ApiError> {
    req.app_data::<Data<State>>().cloned().ok_or_else(|| ApiError::internal("a request without its state"))
}

/// The seconds of `?wait=`.
fn wait_of(req: &HttpRequest) -> Result<u64, ApiError> {
    let wait = super::extract::query::<Wait>(req.query_string())?;
    Ok(wait.wait.unwrap_or(0).min(WAIT_LIMIT_S))
}

/// 202, or what became of the job within `wait` seconds.
pub async fn after_enqueue(state: &State, accepted: Accepted, wait: u64) -> Answer {
    let id = accepted.job_id;
    let place = (header::LOCATION, format!("/api/jobs/{id}"));
    if wait > 0 && tokio::time::timeout(Duration::from_secs(wait.min(WAIT_LIMIT_S)), ended(state, id)).await.is_ok() {
        let job = state.call(move |service| service.job(id)).await?;
        return match job.state.as_str() {
            "succeeded" => Ok(HttpResponse::Ok().insert_header(place).json(accepted)),
            _ => Err(of_failed_job(job.code.as_deref(), job.reason.as_deref())),
        };
    }
    Ok(HttpResponse::Accepted().insert_header(place).json(accepted))
}

/// Resolves when the job goes no further by itself, or the process ends.
async fn ended(state: &State, id: i64) -> Result<(), ApiError> {
    let mut ending = state.ending();
    let mut bell = state.call(|service| Ok(service.bell()?.listen())).await?;
    loop {
        let job = state.call(move |service| service.job(id)).await?;
        if matches!(job.state.as_str(), "succeeded" | "failed" | "cancelled" | "attention") {
            return Ok(());
        }
        tokio::select! {
            () = bell.heard() => {}
            // The answer is then that it was accepted.
            _ = ending.wait_for(|end| *end) => std::future::pending().await,
        }
    }
}
