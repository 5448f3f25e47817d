//! Asking twice under one key: the answer of the first time is given again, and nothing is done.

use super::jobs::EnqueuedView;
use super::{Service, ServiceError};
use crate::queue::idempotency;
use crate::store::Conn;
use crate::store::idempotency::Answer;
use std::sync::Arc;

/// A request that names a key.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose key it is: another may use the same word.
    pub principal: String,
    pub key: String,
    /// Over all that was asked: the same key is good for the same request alone.
    pub request_hash: String,
}

impl Service {
    /// The service for one request: what it enqueues is remembered under the request's key, in the same transaction.
    pub fn asked(&self, ask: Option<Ask>) -> Self {
        Self { ask: ask.map(Arc::new), ..self.clone() }
    }

    /// What was answered to this request before.
    pub fn answered(&self) -> Result<Option<EnqueuedView>, ServiceError> {
        let (Some(ask), now) = (&self.ask, self.now_ms()) else { return Ok(None) };
        let answer =
            self.db().read(|conn| idempotency::answer(conn, now, &ask.principal, &ask.key, &ask.request_hash))?;
        Ok(answer.and_then(|answer| serde_json::from_str(&answer.body).ok()))
    }

    /// Remembers an answer where the request has a key. [`ServiceError::Repeated`]: the same request came at once and was first, and
    /// nothing of this one stays.
    pub(super) fn keep_answer(&self, conn: &mut Conn, now: i64, view: &EnqueuedView) -> Result<(), ServiceError> {
        let Some(ask) = &self.ask else { return Ok(()) };
        if idempotency::answer(conn, now, &ask.principal, &ask.key, &ask.request_hash)?.is_some() {
            return Err(ServiceError::Repeated);
        }
        let answer = Answer {
            request_hash: ask.request_hash.clone(),
            job_id: Some(view.job_id),
            status: 202,
            body: serde_json::json!(view).to_string(),
        };
        Ok(idempotency::remember(conn, now, &ask.principal, &ask.key, &answer)?)
    }
}
