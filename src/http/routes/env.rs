//! `/api/apps/{name}/env`: variables, sealed in the home and used by the next deployment.

use super::parts::OfServer;
use crate::http::auth::{Deployer, Reader};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Params, Wait, flag};
use crate::http::reply::{self, Accepted, Answer, Message};
use crate::http::state::State;
use crate::http::views::env::{EnvChanges, EnvVar};
use crate::http::views::request_app::{ImportEnv, SetVar};
use crate::service::env::parse_file;
use crate::service::keys::Scope;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

#[derive(OpenApi)]
#[openapi(paths(list, changes, set, import, push, get, delete))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    // Only as a POST: a variable may have these names too.
    let posted = |path: &str| web::resource(path).guard(guard::Post());
    cfg.service(web::resource("/apps/{name}/env").route(web::get().to(list)).route(web::post().to(set)))
        // Beside the variables: one of them may have any name.
        .service(web::resource("/apps/{name}/env-changes").route(web::get().to(changes)))
        .service(posted("/apps/{name}/env/push").route(web::post().to(push)))
        .service(posted("/apps/{name}/env/import").route(web::post().to(import)))
        .service(web::resource("/apps/{name}/env/{key}").route(web::get().to(get)).route(web::delete().to(delete)));
}

#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Show {
    /// The values in clear; needs a key that may do everything
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    show_values: bool,
}

/// The variables by name, values masked
#[utoipa::path(
    get, path = "/api/apps/{name}/env", tag = "env", operation_id = "list_env",
    params(OfServer, Show),
    responses(
        (status = 200, description = "The variables", body = [EnvVar]),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is a database", body = Problem),
    ),
)]
async fn list(
    state: Data<State>,
    who: Reader,
    name: Path<String>,
    server: Params<OfServer>,
    show: Params<Show>,
) -> Answer {
    let (app, show) = (server.app(&name)?, show.show_values);
    if show {
        may_see(who.scope)?;
    }
    let (_, variables) = state.call(move |service| service.env_list(&app, show)).await?;
    Ok(HttpResponse::Ok().json(variables.into_iter().map(EnvVar::from).collect::<Vec<_>>()))
}

/// Which variables are not on the server as they are here
///
/// Against the deployment that serves, or what was pushed after it. By their names alone: no value is told.
#[utoipa::path(
    get, path = "/api/apps/{name}/env-changes", tag = "env", operation_id = "list_env_changes",
    params(OfServer),
    responses(
        (status = 200, description = "The changes", body = EnvChanges),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is a database", body = Problem),
    ),
)]
async fn changes(state: Data<State>, _who: Reader, name: Path<String>, server: Params<OfServer>) -> Answer {
    let app = server.app(&name)?;
    let found = state.call(move |service| service.env_changes(&app)).await?;
    Ok(HttpResponse::Ok().json(EnvChanges::from(found)))
}

/// Values are for those who may do everything.
fn may_see(scope: Scope) -> Result<(), ApiError> {
    if scope >= Scope::Admin {
        return Ok(());
    }
    let text = format!("this key may {}; values are shown to one that may {}", scope.as_str(), Scope::Admin.as_str());
    Err(ApiError::new(StatusCode::FORBIDDEN, "scope_too_small", text))
}

/// Set variables, all or none; the others stay
#[utoipa::path(
    post, path = "/api/apps/{name}/env", tag = "env", operation_id = "set_env",
    params(OfServer),
    request_body = [SetVar],
    responses(
        (status = 200, description = "Those that were sent, masked", body = [EnvVar]),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is a database", body = Problem),
        (status = 422, description = "A name or a value cannot be", body = Problem),
    ),
)]
async fn set(
    state: Data<State>,
    _who: Deployer,
    name: Path<String>,
    server: Params<OfServer>,
    body: Body<Vec<SetVar>>,
) -> Answer {
    let app = server.app(&name)?;
    let pairs = body.into_inner().into_iter().map(|variable| (variable.key, variable.value)).collect();
    let (_, keys) = state.call(move |service| service.env_set(&app, pairs)).await?;
    Ok(HttpResponse::Ok().json(keys.into_iter().map(EnvVar::masked).collect::<Vec<_>>()))
}

/// Set the variables of a `.env` file, all or none; the others stay
#[utoipa::path(
    post, path = "/api/apps/{name}/env/import", tag = "env", operation_id = "import_env",
    params(OfServer),
    request_body = ImportEnv,
    responses(
        (status = 200, description = "Those of the file, masked", body = [EnvVar]),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 422, description = "The text is no `.env` file, or a name or value cannot be", body = Problem),
    ),
)]
async fn import(
    state: Data<State>,
    _who: Deployer,
    name: Path<String>,
    server: Params<OfServer>,
    body: Body<ImportEnv>,
) -> Answer {
    let app = server.app(&name)?;
    let content = body.into_inner().content;
    let (_, keys) = state
        .call(move |service| {
            let pairs = parse_file(content.expose())?;
            service.env_set(&app, pairs)
        })
        .await?;
    Ok(HttpResponse::Ok().json(keys.into_iter().map(EnvVar::masked).collect::<Vec<_>>()))
}

/// Put the environment on the server, and make the containers anew whose environment changed
#[utoipa::path(
    post, path = "/api/apps/{name}/env/push", tag = "env", operation_id = "push_env",
    params(OfServer, Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 409, description = "It was never deployed, or its name stands on several servers", body = Problem),
    ),
)]
async fn push(req: HttpRequest, who: Deployer, name: Path<String>, server: Params<OfServer>) -> Answer {
    let (app, by) = (server.app(&name)?, who.name.clone());
    reply::enqueue(&req, move |service| {
        let (mut view, count) = service.env_push(&app, &by)?;
        let variables = if count == 1 { "1 variable".to_owned() } else { format!("{count} variables") };
        view.message = format!("{}, with {variables}", view.message);
        Ok(view)
    })
    .await
}

/// One variable, its value in clear
#[utoipa::path(
    get, path = "/api/apps/{name}/env/{key}", tag = "env", operation_id = "get_env",
    params(OfServer),
    responses(
        (status = 200, description = "The variable", body = EnvVar),
        (status = 403, description = "The key may not see values", body = Problem),
        (status = 404, description = "There is no such app or variable", body = Problem),
    ),
)]
async fn get(state: Data<State>, who: Reader, path: Path<(String, String)>, server: Params<OfServer>) -> Answer {
    let (name, key) = path.into_inner();
    may_see(who.scope)?;
    let app = server.app(&name)?;
    let asked = key.clone();
    let value = state.call(move |service| service.env_get(&app, &asked)).await?;
    Ok(HttpResponse::Ok().json(EnvVar { key, value: value.into_inner() }))
}

/// Delete a variable
#[utoipa::path(
    delete, path = "/api/apps/{name}/env/{key}", tag = "env", operation_id = "delete_env",
    params(OfServer),
    responses(
        (status = 200, description = "It is gone here; the next deployment takes it from the server", body = Message),
        (status = 404, description = "There is no such app or variable", body = Problem),
    ),
)]
async fn delete(state: Data<State>, _who: Deployer, path: Path<(String, String)>, server: Params<OfServer>) -> Answer {
    let (name, key) = path.into_inner();
    let app = server.app(&name)?;
    let said = key.clone();
    let app = state.call(move |service| service.env_delete(&app, &[key])).await?;
    reply::message(format!("{said} is deleted from {}; the next deployment goes without it", app.name))
}
