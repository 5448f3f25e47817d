//! What an API answers when it does not do what was asked: one table from error to status and code.

use crate::domain::failure::code;
use crate::service::{Kind, ServiceError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// An answer that is not what was asked for. [`super::shape`] puts the request's id into it.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    /// Part of the API: it never changes its meaning.
    pub code: String,
    /// For people.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds, for `Retry-After`.
    pub retry_after: Option<u64>,
    /// For the log alone.
    pub inner: Option<String>,
}

/// One field that cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

/// Every error's body.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// What is wrong, for people.
    pub detail: String,
    /// What is wrong, for programs: never changes its meaning.
    pub code: String,
    /// Finds the line in the log; also in the header `X-Request-Id`.
    pub request_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            inner: None,
        }
    }

    /// There is nothing under this address.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing under this address")
    }

    /// A value that cannot be.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    /// Values that cannot be.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let said: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", said.join("; ")) }
    }

    /// A fault of ours: nothing of it is told, all of it is logged.
    pub fn internal(inner: impl fmt::Display) -> Self {
        let inner = Some(inner.to_string());
        Self {
            inner,
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is broken here; the log knows more")
        }
    }

    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let mut answer = HttpResponseBuilder::new(self.status);
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        answer.json(Problem {
            detail: self.detail.clone(),
            code: self.code.clone(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.as_deref().unwrap_or(&self.detail))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        use crate::service::ServiceError as E;
        if error.is_full_disk() {
            // Which file it is stands in the log.
            let text = "the disk of this home is full: nothing was changed; free some space there and ask again";
            let full = Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", text);
            return Self { inner: Some(error.to_string()), ..full };
        }
        match &error {
            E::Field(bad) => return Self::invalid(bad.field, bad.reason.clone()),
            E::Invalid { .. } | E::Env(_) => {
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), error.to_string());
            }
            // The server was reached, and said no.
            E::Failed(_) | E::KeyLocked(_) | E::Read(_) => {
                return Self::new(StatusCode::BAD_GATEWAY, error.code(), error.to_string());
            }
            _ => {}
        }
        let status = match error.kind() {
            Kind::NotFound => StatusCode::NOT_FOUND,
            // The same key for another request is a fault of who asks, not of what is there.
            Kind::Conflict if error.code() == "key_reused" => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Ambiguous | Kind::Conflict => StatusCode::CONFLICT,
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Unreachable => StatusCode::BAD_GATEWAY,
            Kind::Internal => return Self::internal(error),
        };
        Self::new(status, error.code(), error.to_string())
    }
}

/// How a job that failed is answered to one who waited for its end.
pub fn of_failed_job(failure_code: Option<&str>, reason: Option<&str>) -> ApiError {
    let status = match failure_code {
        Some(code::UNREACHABLE | code::LOGIN_REFUSED | code::HOST_KEY) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ApiError::new(status, failure_code.unwrap_or("job_failed"), reason.unwrap_or("the job failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigError;
    use crate::queue::QueueError;
    use crate::store::StoreError;
    use std::io::ErrorKind;

    #[test]
    fn a_full_disk_is_said_in_words_and_its_place_only_in_the_log() {
        let path = || "/home/ada/.infrakt/infrakt.db".into();
        let io = |kind: ErrorKind| ConfigError::Io { path: path(), source: kind.into() };
        for error in [
            ServiceError::Store(StoreError::Full { path: path() }),
            ServiceError::Queue(QueueError::Store(StoreError::Full { path: path() })),
            ServiceError::Config(io(ErrorKind::StorageFull)),
        ] {
            let said = ApiError::from(error);
            assert_eq!((said.status.as_u16(), said.code.as_str()), (507, "disk_full"));
            assert!(said.detail.contains("full") && !said.detail.contains("/home"), "{}", said.detail);
            assert!(said.to_string().contains("infrakt.db"), "{said}");
        }
        let other = ApiError::from(ServiceError::Config(io(ErrorKind::PermissionDenied)));
        assert_eq!((other.status.as_u16(), other.code.as_str()), (500, "internal"));
    }
}
