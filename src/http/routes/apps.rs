//! `/api/apps`: what is recorded of apps, and their logs. Work on them is in [`super::app_work`].

use super::parts::{self, NamePaging, OfServer};
use crate::http::auth::{Admin, Reader};
use crate::http::error::Problem;
use crate::http::extract::{Body, Params, flag};
use crate::http::reply::Answer;
use crate::http::shape::Warnings;
use crate::http::state::State;
use crate::http::views::app::{App, AppDetails, AppLogs};
use crate::http::views::request_app::{ChangeApp, CreateApp};
use crate::service::Service;
use crate::service::apps::AppView;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// Lines of a log in one answer, as in the first release.
const MAX_LINES: i64 = 10_000;
const LINES: i64 = 100;

#[derive(OpenApi)]
#[openapi(paths(list, create, show, change, logs))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/apps").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            web::resource("/apps/{name}")
                .route(web::get().to(show))
                .route(web::put().to(change))
                .route(web::delete().to(super::app_work::destroy)),
        )
        .service(web::resource("/apps/{name}/logs").route(web::get().to(logs)));
}

/// All apps, by server and name; databases are in `/api/databases`
#[utoipa::path(
    get, path = "/api/apps", tag = "apps", operation_id = "list_apps",
    params(OfServer, NamePaging),
    responses(
        (status = 200, description = "The apps; none of a server that is not there", body = [App]),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn list(
    req: HttpRequest,
    state: Data<State>,
    _who: Reader,
    server: Params<OfServer>,
    page: Params<NamePaging>,
) -> Answer {
    fn names(app: &AppView) -> [&str; 2] {
        [&app.server_name, &app.name]
    }
    parts::list::<_, App>(&req, &state, &server, &page, Service::apps_by_name, names).await
}

/// Record an app; a deployment puts it on its server
#[utoipa::path(
    post, path = "/api/apps", tag = "apps", operation_id = "create_app",
    request_body = CreateApp,
    responses(
        (status = 201, description = "It is recorded", body = App),
        (status = 404, description = "There is no such server", body = Problem),
        (status = 409, description = "Its name or a domain is taken on that server", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
    ),
)]
async fn create(req: HttpRequest, state: Data<State>, _who: Admin, body: Body<CreateApp>) -> Answer {
    let (app, unused) = body.into_inner().without_unused();
    if let Some(warnings) = req.extensions().get::<Warnings>() {
        warnings.0.borrow_mut().extend(unused.iter().map(|field| format!("field {field} was ignored")));
    }
    let view = state.call(move |service| service.create_app(app.into())).await?;
    Ok(HttpResponse::Created().json(App::from(view)))
}

#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Look {
    /// Ask the server how the containers are
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    containers: bool,
}

/// All about an app or a database
#[utoipa::path(
    get, path = "/api/apps/{name}", tag = "apps", operation_id = "get_app",
    params(OfServer, Look),
    responses(
        (status = 200, description = "What is recorded, and its containers where that was asked", body = AppDetails),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers", body = Problem),
    ),
)]
async fn show(
    state: Data<State>,
    _who: Reader,
    name: Path<String>,
    server: Params<OfServer>,
    look: Params<Look>,
) -> Answer {
    let (app, look) = (server.app(&name)?, look.containers);
    let details = state.call_async(move |service| async move { service.app_details(&app, look).await }).await?;
    Ok(HttpResponse::Ok().json(AppDetails::from(details)))
}

/// Change what the next deployment puts on the server
#[utoipa::path(
    put, path = "/api/apps/{name}", tag = "apps", operation_id = "change_app",
    params(OfServer),
    request_body = ChangeApp,
    responses(
        (status = 200, description = "It is changed; what serves stays as it is", body = App),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or a domain is taken", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
    ),
)]
async fn change(
    state: Data<State>,
    _who: Admin,
    name: Path<String>,
    server: Params<OfServer>,
    body: Body<ChangeApp>,
) -> Answer {
    let app = server.app(&name)?;
    let (source, settings) = body.into_inner().parts();
    let view = state.call(move |service| service.edit_app(&app, source, &settings)).await?;
    Ok(HttpResponse::Ok().json(App::from(view)))
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WhichLines {
    /// How many of the last lines: 1 to 10000, 100 where nothing is said
    lines: Option<i64>,
    /// Of one service of the compose file
    service: Option<String>,
}

/// The last lines that an app's or a database's containers printed, fresh from the server
#[utoipa::path(
    get, path = "/api/apps/{name}/logs", tag = "apps", operation_id = "get_app_logs",
    params(OfServer, WhichLines),
    responses(
        (status = 200, description = "The lines, 8 MiB at most", body = AppLogs),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "It has no containers, or its name stands on several servers", body = Problem),
        (status = 502, description = "The server cannot be reached", body = Problem),
    ),
)]
async fn logs(
    state: Data<State>,
    _who: Reader,
    name: Path<String>,
    server: Params<OfServer>,
    which: Params<WhichLines>,
) -> Answer {
    let app = server.app(&name)?;
    let app_name = app.name.clone();
    // As in the first release, what is too much or too little becomes what can be.
    let lines = u32::try_from(which.lines.unwrap_or(LINES).clamp(1, MAX_LINES)).unwrap_or_default();
    let service_name = which.service.clone().filter(|service| !service.is_empty());
    let logs =
        state.call_async(move |service| async move { service.app_logs_text(&app, lines, service_name).await }).await?;
    Ok(HttpResponse::Ok().json(AppLogs { app_name, logs }))
}
