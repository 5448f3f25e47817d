//! `/api/apps/{name}/…`: deploy, restart, stop, start, destroy; and its deployments.

use super::parts::{OfServer, OrDefault};
use crate::http::auth::{Admin, Deployer, Reader};
use crate::http::error::Problem;
use crate::http::extract::{Paging, Params, Wait, flag};
use crate::http::lists;
use crate::http::reply::{self, Accepted, Answer};
use crate::http::state::State;
use crate::http::views::app::Forgotten;
use crate::http::views::deployment::Deployment;
use crate::http::views::request_app::Deploy;
use crate::service::app_work::{DestroyOptions, Destroyed, RunState};
use crate::service::deployments::DeployRequest;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// Deployments of an app on a page where nothing is said, as in the first release.
const DEPLOYMENTS: i64 = 20;

#[derive(OpenApi)]
#[openapi(paths(deploy, restart, stop, start, destroy, deployments, deployment))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/apps/{name}/deploy").route(web::post().to(deploy)))
        .service(web::resource("/apps/{name}/restart").route(web::post().to(restart)))
        .service(web::resource("/apps/{name}/stop").route(web::post().to(stop)))
        .service(web::resource("/apps/{name}/start").route(web::post().to(start)))
        .service(web::resource("/apps/{name}/deployments").route(web::get().to(deployments)))
        .service(web::resource("/deployments/{id}").route(web::get().to(deployment)));
}

/// Deploy an app as it is recorded now
#[utoipa::path(
    post, path = "/api/apps/{name}/deploy", tag = "apps", operation_id = "deploy_app",
    params(OfServer, Wait),
    request_body(content = inline(Option<Deploy>)),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or the app cannot be deployed", body = Problem),
    ),
)]
async fn deploy(
    req: HttpRequest,
    who: Deployer,
    name: Path<String>,
    server: Params<OfServer>,
    body: OrDefault<Deploy>,
) -> Answer {
    let (app, by) = (server.app(&name)?, who.name.clone());
    let request = DeployRequest::from(body.0);
    reply::enqueue(&req, move |service| service.deploy(&app, &request, &by)).await
}

async fn run(req: HttpRequest, who: Deployer, name: &str, server: &OfServer, run_state: RunState) -> Answer {
    let (app, by) = (server.app(name)?, who.name.clone());
    reply::enqueue(&req, move |service| service.run_app(&app, run_state, &by)).await
}

/// Restart the containers of an app or a database
#[utoipa::path(
    post, path = "/api/apps/{name}/restart", tag = "apps", operation_id = "restart_app",
    params(OfServer, Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It was never deployed, or its name stands on several servers", body = Problem),
    ),
)]
async fn restart(req: HttpRequest, who: Deployer, name: Path<String>, server: Params<OfServer>) -> Answer {
    run(req, who, &name, &server, RunState::Restart).await
}

/// Stop the containers of an app or a database
#[utoipa::path(
    post, path = "/api/apps/{name}/stop", tag = "apps", operation_id = "stop_app",
    params(OfServer, Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It was never deployed, or its name stands on several servers", body = Problem),
    ),
)]
async fn stop(req: HttpRequest, who: Deployer, name: Path<String>, server: Params<OfServer>) -> Answer {
    run(req, who, &name, &server, RunState::Stop).await
}

/// Start the containers of an app or a database that was stopped
#[utoipa::path(
    post, path = "/api/apps/{name}/start", tag = "apps", operation_id = "start_app",
    params(OfServer, Wait),
    responses(
        (status = 200, description = "It is done", body = Accepted),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It was never deployed, or its name stands on several servers", body = Problem),
    ),
)]
async fn start(req: HttpRequest, who: Deployer, name: Path<String>, server: Params<OfServer>) -> Answer {
    run(req, who, &name, &server, RunState::Start).await
}

/// What of an app or a database goes with it.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Going {
    /// Its data too
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    pub volumes: bool,
    /// Forget it here and touch nothing on its server: for a server that is gone
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    pub local: bool,
}

/// Destroy an app: containers, routes, folder, environment
#[utoipa::path(
    delete, path = "/api/apps/{name}", tag = "apps", operation_id = "delete_app",
    params(OfServer, Going, Wait),
    responses(
        (status = 200, description = "It is done; or forgotten, where nothing of it was on a server", body = inline(Gone)),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is a database", body = Problem),
    ),
)]
pub(super) async fn destroy(
    req: HttpRequest,
    state: Data<State>,
    who: Admin,
    name: Path<String>,
    server: Params<OfServer>,
    going: Params<Going>,
    wait: Params<Wait>,
) -> Answer {
    let (app, by, going, ask) = (server.app(&name)?, who.name.clone(), going.0, reply::ask_of(&req)?);
    let done = state
        .call(move |service| {
            let service = service.asked(ask);
            if let Some(view) = service.answered()? {
                return Ok((Destroyed::Enqueued(view), true));
            }
            if going.local {
                return Ok((Destroyed::Forgotten(service.forget_app(&app, &by)?), false));
            }
            match service.destroy_app(&app, DestroyOptions { volumes: going.volumes }, &by) {
                Err(error) => Ok((Destroyed::Enqueued(reply::answered_since(&service, error)?), true)),
                Ok(done) => Ok((done, false)),
            }
        })
        .await?;
    gone(&state, done, &wait).await
}

/// What [`gone`] answers at once.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "shown in the document")]
#[serde(untagged)]
pub(super) enum Gone {
    Done(Accepted),
    Forgotten(Forgotten),
}

/// With `true`: it was answered before.
pub(super) async fn gone(state: &State, (done, again): (Destroyed, bool), wait: &Wait) -> Answer {
    match done {
        Destroyed::Enqueued(view) => {
            let answer = reply::after_enqueue(state, Accepted::from(view), wait.wait.unwrap_or_default()).await?;
            Ok(reply::marked(answer, again))
        }
        Destroyed::Forgotten(forgotten) => Ok(HttpResponse::Ok().json(Forgotten::from(forgotten))),
    }
}

/// Deployments of an app, the newest first
#[utoipa::path(
    get, path = "/api/apps/{name}/deployments", tag = "deployments", operation_id = "list_deployments",
    params(OfServer, Paging),
    responses(
        (status = 200, description = "20 of them where no limit is said, each with the last 64 KiB of its log", body = [Deployment]),
        (status = 404, description = "There is no app of that name", body = Problem),
        (status = 409, description = "The name stands on several servers", body = Problem),
    ),
)]
async fn deployments(
    req: HttpRequest,
    state: Data<State>,
    _who: Reader,
    name: Path<String>,
    server: Params<OfServer>,
    mut page: Params<Paging>,
) -> Answer {
    let app = server.app(&name)?;
    page.0.limit.get_or_insert(DEPLOYMENTS);
    let (limit, cursor) = (page.limit(), page.cursor);
    let (_, mut found) = state.call(move |service| service.deployments(&app, limit, cursor)).await?;
    let next = page.cut(&mut found, |deployment| deployment.id);
    let rows: Vec<Deployment> = found.into_iter().map(Deployment::from).collect();
    Ok(lists::Page::of(&req, &rows, next.as_deref())?.answer(&req))
}

/// One deployment, with all of its log
#[utoipa::path(
    get, path = "/api/deployments/{id}", tag = "deployments", operation_id = "get_deployment",
    responses(
        (status = 200, description = "The deployment", body = Deployment),
        (status = 404, description = "There is none of that number", body = Problem),
    ),
)]
async fn deployment(state: Data<State>, _who: Reader, id: Path<i64>) -> Answer {
    let id = id.into_inner();
    let view = state.call(move |service| service.deployment(id)).await?;
    Ok(HttpResponse::Ok().json(Deployment::from(view)))
}
