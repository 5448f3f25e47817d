//! `/api/keys`

use crate::http::auth::Admin;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Input};
use crate::http::lists;
use crate::http::reply::{self, Answer, Message};
use crate::http::state::State;
use crate::http::views::key::{Key, NewKey};
use crate::service::keys::Scope;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(paths(list, add, revoke))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/keys").route(web::get().to(list)).route(web::post().to(add)));
    cfg.service(web::resource("/keys/{name}").route(web::delete().to(revoke)));
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddKey {
    name: String,
    /// `read`, `deploy` or `admin`
    scope: String,
}

impl Input for AddKey {}

/// The named keys, without what they are
#[utoipa::path(
    get, path = "/api/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, description = "The keys", body = [Key]), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn list(req: HttpRequest, state: Data<State>, _who: Admin) -> Answer {
    let keys: Vec<Key> = state.call(|service| service.keys()).await?.into_iter().map(Key::from).collect();
    Ok(lists::Page::of(&req, &keys, None)?.answer(&req))
}

/// Make a key; it is told this once
#[utoipa::path(
    post, path = "/api/keys", tag = "keys", operation_id = "add_key", request_body = AddKey,
    responses((status = 201, description = "The key", body = NewKey), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn add(state: Data<State>, who: Admin, asked: Body<AddKey>) -> Answer {
    let AddKey { name, scope } = asked.into_inner();
    let scope =
        Scope::parse(&scope).ok_or_else(|| ApiError::invalid("scope", "it may be `read`, `deploy` or `admin`"))?;
    let made = state.call(move |service| service.add_key(&name, scope, &who.name)).await?;
    Ok(HttpResponse::Created().json(NewKey::from(made)))
}

/// Take a key away
#[utoipa::path(
    delete, path = "/api/keys/{name}", tag = "keys", operation_id = "revoke_key", params(("name" = String, Path, description = "The key's name")),
    responses((status = 200, description = "Revoked", body = Message), (status = "4XX", description = "Refused", body = Problem)),
)]
async fn revoke(state: Data<State>, _who: Admin, name: web::Path<String>) -> Answer {
    let text = format!("revoked {name}");
    state.call(move |service| service.revoke_key(&name)).await?;
    reply::message(text)
}
