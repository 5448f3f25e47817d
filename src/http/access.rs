//! One line a request in the log, with the request's id: no query, no key, nothing that a page's address may carry.

use super::auth::Principal;
use super::shape::{REQUEST_ID, is_api};
use super::state::State;
use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use std::time::Instant;

/// What is asked all the time by those who watch: said only where all is.
const QUIET: &[&str] = &["/api/health", "/api/metrics"];

pub async fn log(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let state = req.app_data::<Data<State>>().cloned();
    let res = next.call(req).await?;
    let (request, status, took) = (res.request(), res.status().as_u16(), began.elapsed());
    let route = match is_api(request.path()) {
        true => request.match_pattern().unwrap_or_else(|| "unknown".to_owned()),
        false => "page".to_owned(),
    };
    if let Some(state) = state {
        state.live.requests.add(known(request.method().as_str()), &route, status, took);
    }
    let id = res.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let key = request.extensions().get::<Principal>().map(|who| who.name.clone()).unwrap_or_default();
    let peer = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    let method = request.method().as_str();
    let path = if is_api(request.path()) { request.path() } else { "page" };
    let duration_ms = took.as_millis() as u64;
    if QUIET.contains(&path) {
        tracing::debug!(
            http.request_id = id,
            http.method = method,
            http.path = path,
            http.status = status,
            http.key = key,
            http.peer = peer,
            duration_ms,
            "request"
        );
    } else {
        tracing::info!(
            http.request_id = id,
            http.method = method,
            http.path = path,
            http.status = status,
            http.key = key,
            http.peer = peer,
            duration_ms,
            "request"
        );
    }
    Ok(res.map_into_boxed_body())
}

/// As many as there are, whatever clients send.
fn known(method: &str) -> &str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
