//! `/api/servers`: machines, what they say of themselves, and their set-up.

use super::parts::{NamePaging, OrDefault};
use crate::http::auth::{Admin, Reader};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Params, Wait, flag};
use crate::http::lists;
use crate::http::reply::{self, Accepted, Answer};
use crate::http::state::State;
use crate::http::views::request::{ChangeServer, CreateServer, LookAtServer, Provision, Trust};
use crate::http::views::server::{Fingerprint, HostKey, Reachable, RemovedServer, Server, ServerStatus};
use crate::service::Service;
use crate::service::servers::EditServer;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

#[derive(OpenApi)]
#[openapi(paths(list, look_at, create, show, change, remove, provision, status, test, fingerprint, trust))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/servers").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            web::resource("/servers/{name}")
                .route(web::get().to(show))
                .route(web::put().to(change))
                .route(web::delete().to(remove)),
        )
        .service(web::resource("/servers/{name}/provision").route(web::post().to(provision)))
        .service(web::resource("/servers/{name}/status").route(web::get().to(status)))
        .service(web::resource("/servers/{name}/test").route(web::post().to(test)))
        .service(web::resource("/servers/{name}/fingerprint").route(web::get().to(fingerprint)))
        .service(web::resource("/servers/{name}/trust").route(web::post().to(trust)))
        // Of a server that is not there yet: under `/servers/` every name may be one.
        .service(web::resource("/host-key").route(web::post().to(look_at)));
}

/// All servers, by name
#[utoipa::path(
    get, path = "/api/servers", tag = "servers", operation_id = "list_servers",
    params(NamePaging),
    responses(
        (status = 200, description = "The servers", body = [Server]),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn list(req: HttpRequest, state: Data<State>, _who: Reader, page: Params<NamePaging>) -> Answer {
    let (after, limit) = (page.after::<1>()?, page.to_read());
    let read = async {
        let rows = move |service: &Service| service.servers_by_name(after.as_ref().map(|[name]| name.as_str()), limit);
        page.page(&req, state.call(rows).await?, |server| [&server.name], Server::from)
    };
    lists::kept(&req, &state, read).await
}

/// The host key of a server that is to be added
///
/// For a person to compare before `POST /api/servers` says it as `fingerprint`. Nobody logs in, and nothing is recorded.
#[utoipa::path(
    post, path = "/api/host-key", tag = "servers", operation_id = "look_at_server",
    request_body = LookAtServer,
    responses(
        (status = 200, description = "The key that it shows", body = HostKey),
        (status = 409, description = "There is one of that name", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
        (status = 502, description = "It cannot be reached", body = Problem),
    ),
)]
async fn look_at(state: Data<State>, _who: Admin, body: Body<LookAtServer>) -> Answer {
    let server = body.into_inner();
    check_key_path(server.ssh_key_path.as_deref())?;
    let key = state.call_async(move |service| async move { service.host_key_of_new(&server.into()).await }).await?;
    Ok(HttpResponse::Ok().json(HostKey::from(key)))
}

/// Add a server
///
/// With `fingerprint` infrakt logs in first and pins the key; without, it only records.
#[utoipa::path(
    post, path = "/api/servers", tag = "servers", operation_id = "create_server",
    request_body = CreateServer,
    responses(
        (status = 201, description = "It is recorded", body = Server),
        (status = 409, description = "There is one of that name, or it shows another host key", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
        (status = 502, description = "It cannot be reached, or refuses the login", body = Problem),
    ),
)]
async fn create(state: Data<State>, _who: Admin, body: Body<CreateServer>) -> Answer {
    let server = body.into_inner();
    check_key_path(server.ssh_key_path.as_deref())?;
    let fingerprint = server.fingerprint.clone();
    let view = state
        .call_async(
            move |service| async move { service.add_server_with_key(server.into(), fingerprint.as_deref()).await },
        )
        .await?;
    Ok(HttpResponse::Created().json(Server::from(view)))
}

/// A file is used by processes that start in other folders.
fn check_key_path(path: Option<&str>) -> Result<(), ApiError> {
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(()) };
    if !(path.starts_with('/') || path.starts_with("~/")) {
        return Err(ApiError::invalid("ssh_key_path", "must be absolute or begin with `~/`"));
    }
    if path.len() > 500 {
        return Err(ApiError::invalid("ssh_key_path", "must have at most 500 characters"));
    }
    Ok(())
}

/// One server
#[utoipa::path(
    get, path = "/api/servers/{name}", tag = "servers", operation_id = "get_server",
    responses(
        (status = 200, description = "The server", body = Server),
        (status = 404, description = "There is none of that name", body = Problem),
    ),
)]
async fn show(state: Data<State>, _who: Reader, name: Path<String>) -> Answer {
    let view = state.call(move |service| service.server(&name)).await?;
    Ok(HttpResponse::Ok().json(Server::from(view)))
}

/// Change a server's name, or how it is reached
///
/// Its pinned key stays. A new way is tried before it is recorded, unless `offline` says otherwise. Under another name it has another
/// address here; what is known of it and what runs there goes on.
#[utoipa::path(
    put, path = "/api/servers/{name}", tag = "servers", operation_id = "change_server",
    request_body = ChangeServer,
    responses(
        (status = 200, description = "It is changed", body = Server),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "There is another one of the new name", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
        (status = 502, description = "The new way does not lead there; nothing was changed", body = Problem),
    ),
)]
async fn change(state: Data<State>, _who: Admin, name: Path<String>, body: Body<ChangeServer>) -> Answer {
    let server = body.into_inner();
    check_key_path(server.ssh_key_path.as_deref())?;
    let offline = server.offline;
    let edit = EditServer::from(server);
    let view = state.call_async(move |service| async move { service.edit_server(&name, &edit, offline).await }).await?;
    Ok(HttpResponse::Ok().json(Server::from(view)))
}

#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Force {
    /// Forget its apps with it, and its jobs where it cannot be reached
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    force: bool,
}

/// Forget a server; nothing on it is touched
#[utoipa::path(
    delete, path = "/api/servers/{name}", tag = "servers", operation_id = "delete_server",
    params(Force),
    responses(
        (status = 200, description = "It is forgotten", body = RemovedServer),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It has apps, or work is under way", body = Problem),
    ),
)]
async fn remove(state: Data<State>, who: Admin, name: Path<String>, force: Params<Force>) -> Answer {
    let (by, force) = (who.name.clone(), force.force);
    let removed =
        state.call_async(move |service| async move { service.remove_server(&name, force, &by).await }).await?;
    Ok(HttpResponse::Ok().json(RemovedServer::from(removed)))
}

/// Set up Docker, Caddy, fail2ban and the firewall
#[utoipa::path(
    post, path = "/api/servers/{name}/provision", tag = "servers", operation_id = "provision_server",
    params(Wait),
    request_body(content = inline(Option<Provision>)),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
    ),
)]
async fn provision(req: HttpRequest, who: Admin, name: Path<String>, body: OrDefault<Provision>) -> Answer {
    let by = who.name.clone();
    let options = body.0.into();
    reply::enqueue(&req, move |service| service.provision_server(&name, &options, &by)).await
}

/// Load, memory, disk, containers: fresh from the server
#[utoipa::path(
    get, path = "/api/servers/{name}/status", tag = "servers", operation_id = "get_server_status",
    responses(
        (status = 200, description = "How it is", body = ServerStatus),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 502, description = "It cannot be reached", body = Problem),
    ),
)]
async fn status(state: Data<State>, _who: Reader, name: Path<String>) -> Answer {
    let said = state.call_async(move |service| async move { service.server_status(&name).await }).await?;
    Ok(HttpResponse::Ok().json(ServerStatus::from(said)))
}

/// Whether one can log in
#[utoipa::path(
    post, path = "/api/servers/{name}/test", tag = "servers", operation_id = "test_server",
    responses(
        (status = 200, description = "It was tried", body = Reachable),
        (status = 404, description = "There is none of that name", body = Problem),
    ),
)]
async fn test(state: Data<State>, _who: Reader, name: Path<String>) -> Answer {
    let tried = state.call_async(move |service| async move { service.test_server(&name).await }).await?;
    Ok(HttpResponse::Ok().json(match tried {
        Ok(()) => Reachable { reachable: true, detail: None, code: None },
        Err(failure) => Reachable { reachable: false, detail: Some(failure.text), code: Some(failure.code) },
    }))
}

/// The pinned host key, and the one that the server shows now
#[utoipa::path(
    get, path = "/api/servers/{name}/fingerprint", tag = "servers", operation_id = "get_server_fingerprint",
    responses(
        (status = 200, description = "Both keys", body = Fingerprint),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 502, description = "It cannot be reached", body = Problem),
    ),
)]
async fn fingerprint(state: Data<State>, _who: Reader, name: Path<String>) -> Answer {
    let (server, seen) = state.call_async(move |service| async move { service.compare_host_key(&name).await }).await?;
    Ok(HttpResponse::Ok().json(Fingerprint {
        matches: server.host_key.as_ref() == Some(&seen),
        name: server.name,
        pinned: server.host_key.map(Into::into),
        seen: seen.into(),
    }))
}

/// Pin the host key that the server shows now
///
/// Jobs that waited for this go on.
#[utoipa::path(
    post, path = "/api/servers/{name}/trust", tag = "servers", operation_id = "trust_server",
    request_body = Trust,
    responses(
        (status = 200, description = "It is trusted", body = Server),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It shows another key than that", body = Problem),
        (status = 502, description = "It cannot be reached", body = Problem),
    ),
)]
async fn trust(state: Data<State>, _who: Admin, name: Path<String>, body: Body<Trust>) -> Answer {
    let fingerprint = body.into_inner().fingerprint;
    let view =
        state.call_async(move |service| async move { service.trust_fingerprint(&name, &fingerprint).await }).await?;
    Ok(HttpResponse::Ok().json(Server::from(view)))
}
