//! `/api/proxy`: domains that lead to apps and ports, and the proxy that serves them.

use crate::http::auth::{Admin, Reader};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Params, Wait};
use crate::http::reply::{self, Accepted, Answer, Message};
use crate::http::state::State;
use crate::http::views::proxy::{ProxyStatus, Route};
use crate::http::views::request::CreateRoute;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(domains, add, remove, status, reload, setup))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/proxy/routes").route(web::post().to(add)))
        .service(web::resource("/proxy/{server}/domains").route(web::get().to(domains)))
        // A domain may begin with `http://`.
        .service(web::resource("/proxy/{server}/domains/{domain:.+}").route(web::delete().to(remove)))
        .service(web::resource("/proxy/{server}/status").route(web::get().to(status)))
        .service(web::resource("/proxy/{server}/reload").route(web::post().to(reload)))
        .service(web::resource("/proxy/{server}/setup").route(web::post().to(setup)));
}

/// All domains of a server, in the order in which they came
#[utoipa::path(
    get, path = "/api/proxy/{server}/domains", tag = "proxy", operation_id = "list_domains",
    responses(
        (status = 200, description = "The domains and where they lead", body = [Route]),
        (status = 404, description = "There is no such server", body = Problem),
    ),
)]
async fn domains(state: Data<State>, _who: Reader, server: Path<String>) -> Answer {
    let found = state.call(move |service| service.routes(&server)).await?;
    Ok(HttpResponse::Ok().json(found.into_iter().map(Route::from).collect::<Vec<_>>()))
}

/// Lead a domain to an app or to a port
#[utoipa::path(
    post, path = "/api/proxy/routes", tag = "proxy", operation_id = "create_route",
    params(Wait),
    request_body = CreateRoute,
    responses(
        (status = 200, description = "It is there", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is no such server or app", body = Problem),
        (status = 409, description = "The domain is taken there", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
    ),
)]
async fn add(req: HttpRequest, state: Data<State>, who: Admin, wait: Params<Wait>, body: Body<CreateRoute>) -> Answer {
    let (route, by) = (body.into_inner(), who.name.clone());
    let Some(to) = route.leads_to() else {
        return Err(ApiError::invalid("port", "or `app_name` must be said, and one of them alone"));
    };
    let (domain, ask) = (route.domain.clone(), reply::ask_of(&req)?);
    let (view, again) = state
        .call(move |service| {
            reply::once(&service.asked(ask), |service| {
                service.add_route(&route.server_name, &route.domain, &to, route.adopt, &by)
            })
        })
        .await?;
    let id = view.job_id;
    let answer = reply::after_enqueue(&state, Accepted::from(view), wait.wait.unwrap_or_default()).await?;
    if answer.status() == StatusCode::OK
        // The job did all else that it was asked for.
        && let Some(reason) = state.call(move |service| service.route_refusal(id, &domain)).await?
    {
        return Err(ApiError::new(StatusCode::CONFLICT, "domain_taken", reason));
    }
    Ok(reply::marked(answer, again))
}

/// Take a domain away
#[utoipa::path(
    delete, path = "/api/proxy/{server}/domains/{domain}", tag = "proxy", operation_id = "delete_route",
    params(Wait),
    responses(
        (status = 200, description = "It is gone, or was not there", body = Message),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is no such server", body = Problem),
    ),
)]
async fn remove(req: HttpRequest, who: Admin, path: Path<(String, String)>) -> Answer {
    let ((server, domain), by) = (path.into_inner(), who.name.clone());
    match reply::enqueue(&req, move |service| service.remove_route(&server, &domain, &by)).await {
        Ok(answer) => Ok(answer),
        // As in the first release: afterwards it is not there.
        Err(error) if error.code == "route_not_found" => reply::message(error.detail),
        Err(error) => Err(error),
    }
}

/// The proxy as it is now, and how its blocks stand to what is recorded here
#[utoipa::path(
    get, path = "/api/proxy/{server}/status", tag = "proxy", operation_id = "get_proxy_status",
    responses(
        (status = 200, description = "How it is", body = ProxyStatus),
        (status = 404, description = "There is no such server", body = Problem),
        (status = 502, description = "It cannot be reached", body = Problem),
    ),
)]
async fn status(state: Data<State>, _who: Reader, server: Path<String>) -> Answer {
    let said = state.call_async(move |service| async move { service.proxy_status(&server).await }).await?;
    Ok(HttpResponse::Ok().json(ProxyStatus::from(said)))
}

/// Write this home's routes, and have caddy read its files
#[utoipa::path(
    post, path = "/api/proxy/{server}/reload", tag = "proxy", operation_id = "reload_proxy",
    params(Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is no such server", body = Problem),
    ),
)]
async fn reload(req: HttpRequest, who: Admin, server: Path<String>) -> Answer {
    let by = who.name.clone();
    reply::enqueue(&req, move |service| service.reload_proxy(&server, &by)).await
}

/// Make the managed file and its import where they are missing
#[utoipa::path(
    post, path = "/api/proxy/{server}/setup", tag = "proxy", operation_id = "set_up_proxy",
    params(Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is no such server", body = Problem),
    ),
)]
async fn setup(req: HttpRequest, who: Admin, server: Path<String>) -> Answer {
    let by = who.name.clone();
    reply::enqueue(&req, move |service| service.set_up_proxy(&server, &by)).await
}
