//! Which names this server has, and which pages may ask it: against pages that lead their own name here (DNS rebinding) and against
//! pages elsewhere that use a browser's session.

use super::cookie;
use crate::http::error::ApiError;
use crate::http::state::State;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use std::net::IpAddr;

/// Where the page is developed, as in the first release.
const DEVELOPED: &[&str] = &["http://localhost:5173", "http://localhost:3000"];

const METHODS: &str = "GET, POST, PUT, DELETE";
const HEADERS: &str = "Content-Type, X-API-Key, Authorization, Idempotency-Key, If-None-Match, Last-Event-ID";
const EXPOSED: &str = "ETag, Link, Location, Retry-After, Warning, X-Request-Id";

/// Refuses a foreign `Host` or `Origin`; the origin that the answer is to name, where it is not our own.
pub(super) fn check(req: &ServiceRequest) -> Result<Option<String>, ApiError> {
    let Some(state) = req.app_data::<Data<State>>() else { return Err(ApiError::internal("no state")) };
    let text = |name: header::HeaderName| req.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).or_else(|| req.uri().authority().map(|authority| authority.as_str()));
    if let Some(host) = host
        && !is_ours(host, &state.setup.hosts)
    {
        let text = "this server is not known under that name; `infrakt serve --host NAME` makes it known";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", text));
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(None) };
    let own = origin.split_once("://").map(|(_, place)| place);
    if own.is_some() && own == host {
        return Ok(None);
    }
    let known = DEVELOPED.contains(&origin) || state.setup.origins.iter().any(|known| known == origin);
    // A session is for the page that this server serves: a key is what a page elsewhere has to have.
    let by_session = cookie(req.headers()).is_some() && !req.headers().contains_key("x-api-key");
    if !known || (by_session && !req.headers().contains_key(header::AUTHORIZATION)) {
        let text = "pages of that place may not ask here; `infrakt serve --origin URL` lets them";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", text));
    }
    Ok(Some(origin.to_owned()))
}

/// An address is never somebody else's name: only names can be led here.
fn is_ours(host: &str, hosts: &[String]) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok()
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(&name) || known.eq_ignore_ascii_case(host))
}

pub(super) fn is_preflight(req: &ServiceRequest) -> bool {
    req.method() == Method::OPTIONS
        && req.headers().contains_key(header::ORIGIN)
        && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets the browser hand the answer to that page.
pub(super) fn allow(headers: &mut HeaderMap, origin: Option<&str>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_ours() {
        let hosts = ["paas.example.com".to_owned()];
        for (host, ours) in [
            ("localhost:8000", true),
            ("app.localhost", true),
            ("127.0.0.1:8000", true),
            ("[::1]:8000", true),
            ("192.0.2.7", true),
            ("PaaS.example.com:443", true),
            ("evil.example", false),
            ("evil.example:8000", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
            ("?", false),
        ] {
            assert_eq!(is_ours(host, &hosts), ours, "{host}");
        }
    }
}
