//! Around every request: its id, the one form of every error, the headers of every answer.

use super::error::ApiError;
use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use std::cell::RefCell;
use std::rc::Rc;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// What was not taken as it was said, in the request's extensions: becomes `Warning` headers.
#[derive(Clone, Debug, Default)]
pub struct Warnings(pub Rc<RefCell<Vec<String>>>);

pub async fn shape(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let warnings = Warnings::default();
    req.extensions_mut().insert(RequestId(id.clone()));
    req.extensions_mut().insert(warnings.clone());
    let is_api = is_api(req.path());
    let res = next.call(req).await?.map_into_boxed_body();
    let mut res = match fault(&res, is_api) {
        None => res,
        Some(fault) => {
            if fault.status.is_server_error() {
                tracing::error!(http.request_id = %id, http.path = res.request().path(), error = %fault, "a request failed");
            }
            let allow = res.headers().get(header::ALLOW).cloned();
            let mut answer = fault.respond(&id);
            if let Some(allow) = allow {
                answer.headers_mut().insert(header::ALLOW, allow);
            }
            res.into_response(answer).map_into_boxed_body()
        }
    };
    let headers = res.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for warning in warnings.0.borrow().iter() {
        let text: String = warning.chars().filter(|c| (' '..='~').contains(c) && !"\"\\".contains(*c)).collect();
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(header::WARNING, value);
        }
    }
    Ok(res)
}

pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// The error that an answer stands for, whoever made it: our own, or one of actix-web's.
fn fault(res: &ServiceResponse, is_api: bool) -> Option<ApiError> {
    if let Some(own) = res.response().error().and_then(|error| error.as_error::<ApiError>()) {
        return Some(own.clone());
    }
    let status = res.status();
    if !is_api
        || !(status.is_client_error() || status.is_server_error())
        || res.headers().contains_key(header::CONTENT_TYPE) && res.response().error().is_none()
    {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => ApiError::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new(status, "method_not_allowed", "this address does not take this method")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(status, "too_large", "the body is too large"),
        status if status.is_client_error() => ApiError::new(status, "bad_request", "the request cannot be read"),
        _ => match res.response().error() {
            Some(error) => ApiError::internal(error),
            None => ApiError::internal(status),
        },
    })
}
