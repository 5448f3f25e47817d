//! `/api/session`: a browser's login, by a key or by a link that works once.

use crate::http::auth::{self, COOKIE};
use crate::http::error::Problem;
use crate::http::extract::{Body, Input, Params};
use crate::http::reply::{Answer, Message};
use crate::http::state::State;
use crate::service::keys::{KnownKey, SESSION_MS};
use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(paths(show, open, end, link))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    let session = web::resource("/session").route(web::get().to(show)).route(web::post().to(open));
    cfg.service(session.route(web::delete().to(end)));
    cfg.service(web::resource("/session/link").route(web::get().to(link)));
}

/// Who is logged in
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// The key's name
    name: String,
    /// `read`, `deploy` or `admin`
    scope: String,
}

impl From<KnownKey> for Session {
    fn from(known: KnownKey) -> Self {
        Self { name: known.name, scope: known.scope.as_str().to_owned() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    key: String,
}

impl Input for Login {}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Link {
    /// From the address that `infrakt ui` prints
    token: String,
}

/// Who is logged in
#[utoipa::path(
    get, path = "/api/session", tag = "session", operation_id = "show_session", security(()),
    responses((status = 200, description = "The session", body = Session), (status = "4XX", description = "None", body = Problem)),
)]
async fn show(req: HttpRequest, state: Data<State>) -> Answer {
    let none = || auth::unauthorized("session_over", "nobody is logged in");
    let token = auth::cookie(req.headers()).ok_or_else(none)?;
    let known = state.call(move |service| service.session_of(&token)).await?.ok_or_else(none)?;
    Ok(HttpResponse::Ok().json(Session::from(known)))
}

/// Log in with a key: sets a cookie
#[utoipa::path(
    post, path = "/api/session", tag = "session", operation_id = "open_session", security(()), request_body = Login,
    responses((status = 200, description = "Logged in", body = Session), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn open(req: HttpRequest, state: Data<State>, login: Body<Login>) -> Answer {
    let key = login.into_inner().key;
    if auth::known_key(&state, auth::peer(&req), key.clone()).await?.is_none() {
        return Err(auth::wrong_key());
    }
    let opened = state.call(move |service| service.open_session(&key)).await?;
    let (known, token) = opened.ok_or_else(auth::wrong_key)?;
    Ok(HttpResponse::Ok().insert_header(cookie(&req, token.expose())).json(Session::from(known)))
}

/// Log out
#[utoipa::path(
    delete, path = "/api/session", tag = "session", operation_id = "end_session", security(()),
    responses((status = 200, description = "Logged out", body = Message), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn end(req: HttpRequest, state: Data<State>) -> Answer {
    if let Some(token) = auth::cookie(req.headers()) {
        state.call(move |service| service.end_session(&token)).await?;
    }
    let said = Message { message: "logged out".to_owned() };
    Ok(HttpResponse::Ok().insert_header(cookie(&req, "")).json(said))
}

/// Log in by a link that works once, and go to the page
#[utoipa::path(
    get, path = "/api/session/link", tag = "session", operation_id = "follow_link", security(()), params(Link),
    responses((status = 303, description = "Logged in"), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn link(req: HttpRequest, state: Data<State>, link: Params<Link>) -> Answer {
    let token = link.token.clone();
    let opened = state.call(move |service| service.follow_link(&token)).await?;
    let over = || auth::unauthorized("link_used", "this link was used or is too old: `infrakt ui` prints another");
    let (_, token) = opened.ok_or_else(over)?;
    let mut answer = HttpResponse::SeeOther();
    // The address with the token is not told to where the page goes next.
    answer.insert_header((header::LOCATION, "/")).insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(answer.insert_header(cookie(&req, token.expose())).finish())
}

/// Out of reach of the page's scripts, and sent by this server's own page alone. An empty one takes it away.
fn cookie(req: &HttpRequest, token: &str) -> (header::HeaderName, String) {
    let https = req.headers().get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes() == b"https");
    let secure = if https { "; Secure" } else { "" };
    let age = if token.is_empty() { 0 } else { SESSION_MS / 1000 };
    let text = format!("{COOKIE}={token}; Path=/api; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    (header::SET_COOKIE, text)
}
