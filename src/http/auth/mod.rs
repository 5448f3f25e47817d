//! Who asks: a key or a browser's session, and what it may do.

mod origin;
mod throttle;

pub use throttle::Throttle;

use super::error::ApiError;
use super::state::State;
use crate::service::keys::{KnownKey, Scope};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::ops::Deref;

/// Paths that ask for no key.
const OPEN: &[&str] = &["/api/health", "/api/openapi.json", "/api/docs", "/api/session", "/api/session/link"];

/// What a browser keeps.
pub const COOKIE: &str = "infrakt_session";

/// Who asks. In the request's extensions.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The key's name; jobs carry it as `requested_by`.
    pub name: String,
    pub scope: Scope,
}

pub async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let checked = match origin::check(&req) {
        Ok(allowed) => who(&req).await.map(|who| (allowed, who)),
        Err(error) => Err(error),
    };
    let (allowed, principal) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            // A page that may ask may also read why it may not.
            let allowed = origin::check(&req).ok().flatten();
            let mut res = ServiceResponse::from_err(error, req.into_parts().0);
            origin::allow(res.headers_mut(), allowed.as_deref());
            return Ok(res);
        }
    };
    if origin::is_preflight(&req) {
        let mut res = req.into_response(HttpResponse::NoContent().finish());
        origin::allow(res.headers_mut(), allowed.as_deref());
        return Ok(res);
    }
    if let Some(principal) = principal {
        req.extensions_mut().insert(principal);
    }
    let mut res = next.call(req).await?.map_into_boxed_body();
    origin::allow(res.headers_mut(), allowed.as_deref());
    Ok(res)
}

/// None: the path is open.
async fn who(req: &ServiceRequest) -> Result<Option<Principal>, ApiError> {
    let path = req.path();
    if OPEN.contains(&path) || path.starts_with("/api/docs/") || origin::is_preflight(req) {
        return Ok(None);
    }
    let Some(state) = req.app_data::<Data<State>>() else { return Err(ApiError::internal("no state")) };
    let known = if let Some(key) = key_of(req) {
        known_key(state, peer(req.request()), key).await?
    } else if let Some(token) = cookie(req.headers()) {
        let known = state.call(move |service| service.session_of(&token)).await?;
        Some(known.ok_or_else(|| unauthorized("session_over", "the session is over: log in again"))?)
    } else {
        let text = "a key is missing: send it as `X-API-Key`, or as `Authorization: Bearer`";
        return Err(unauthorized("key_missing", text));
    };
    match known {
        Some(known) => Ok(Some(Principal { name: known.name, scope: known.scope })),
        None => Err(wrong_key()),
    }
}

/// Asks whose key it is, unless too many wrong ones came from there.
pub(super) async fn known_key(state: &State, peer: Option<IpAddr>, key: String) -> Result<Option<KnownKey>, ApiError> {
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    state.throttle.check(peer, &hash)?;
    // The first key lies in a file of a few bytes: to read it costs less than to hand the question to a thread that may block.
    let known = match state.service.is_first_key(&key)? {
        Some(first) => Some(first),
        None => state.call(move |service| service.key_of(&key)).await?,
    };
    state.throttle.note(peer, &hash, known.is_some());
    Ok(known)
}

/// What the browser keeps of a session.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.trim().to_owned())
}

pub(super) fn wrong_key() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "key_wrong", "this key is not known here")
}

pub(super) fn unauthorized(code: &str, text: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, text)
}

pub(super) fn peer(req: &HttpRequest) -> Option<IpAddr> {
    req.peer_addr().map(|address| address.ip())
}

fn key_of(req: &ServiceRequest) -> Option<String> {
    let headers = req.headers();
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = said(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    said("x-api-key").or(bearer).filter(|key| !key.is_empty()).map(str::to_owned)
}

macro_rules! at_least {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        pub struct $name(pub Principal);

        impl Deref for $name {
            type Target = Principal;

            fn deref(&self) -> &Principal {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(allowed(req, $scope).map(Self))
            }
        }
    };
}

at_least!(
    /// A key that may read. As a parameter of a handler: who asks may at least this.
    Reader,
    Scope::Read
);
at_least!(
    /// A key that may deploy, restart, change environments, and what else comes and goes with a release.
    Deployer,
    Scope::Deploy
);
at_least!(
    /// A key that may do everything: servers, deleting, secrets, keys.
    Admin,
    Scope::Admin
);

fn allowed(req: &HttpRequest, least: Scope) -> Result<Principal, ApiError> {
    let principal = req.extensions().get::<Principal>().cloned();
    match principal {
        Some(principal) if principal.scope >= least => Ok(principal),
        Some(principal) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "scope_too_small",
            format!("the key `{}` may {}; this needs {}", principal.name, principal.scope.as_str(), least.as_str()),
        )),
        None => Err(ApiError::new(StatusCode::UNAUTHORIZED, "key_missing", "a key is missing")),
    }
}
