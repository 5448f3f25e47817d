//! `/api/databases`

use super::app_work::{Going, Gone, gone};
use super::parts::{self, NamePaging, OfServer};
use crate::domain::secret::Secret;
use crate::http::auth::{Admin, Reader};
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Body, Params, Wait, flag};
use crate::http::reply::{self, Accepted, Answer};
use crate::http::state::State;
use crate::http::views::database::{CreatedDatabase, Credentials, Database};
use crate::http::views::request_app::CreateDatabase;
use crate::service::app_work::Destroyed;
use crate::service::apps::AppRef;
use crate::service::databases::{CreateDatabase as NewDatabase, Created, DatabaseView, DestroyArgs};
use crate::service::jobs::EnqueuedView;
use crate::service::{Service, ServiceError};
use actix_web::body::BoxBody;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

#[derive(OpenApi)]
#[openapi(paths(list, create, show, credentials, destroy))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/databases").route(web::get().to(list)).route(web::post().to(create)))
        .service(web::resource("/databases/{name}").route(web::get().to(show)).route(web::delete().to(destroy)))
        .service(web::resource("/databases/{name}/credentials").route(web::get().to(credentials)));
}

/// All databases, by name
#[utoipa::path(
    get, path = "/api/databases", tag = "databases", operation_id = "list_databases",
    params(OfServer, NamePaging),
    responses(
        (status = 200, description = "The databases; none of a server that is not there", body = [Database]),
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
    fn names(database: &DatabaseView) -> [&str; 2] {
        [&database.name, &database.server_name]
    }
    parts::list::<_, Database>(&req, &state, &server, &page, Service::databases_by_name, names).await
}

/// Make a database
///
/// One of that name that was destroyed without its volume goes on, with its data and password.
#[utoipa::path(
    post, path = "/api/databases", tag = "databases", operation_id = "create_database",
    params(Wait),
    request_body = CreateDatabase,
    responses(
        (status = 200, description = "It is there", body = CreatedDatabase),
        (status = 202, description = "It is accepted", body = CreatedDatabase),
        (status = 404, description = "There is no such server", body = Problem),
        (status = 409, description = "The name is taken on that server, or its volume was kept of another kind", body = Problem),
        (status = 422, description = "A field cannot be as it is", body = Problem),
    ),
)]
async fn create(
    req: HttpRequest,
    state: Data<State>,
    who: Admin,
    wait: Params<Wait>,
    body: Body<CreateDatabase>,
) -> Answer {
    let (new, by, ask) = (NewDatabase::from(body.into_inner()), who.name.clone(), reply::ask_of(&req)?);
    let (created, again) = state
        .call_async(move |service| async move {
            let service = service.asked(ask);
            let enqueued = match service.answered()? {
                Some(enqueued) => enqueued,
                None => match service.create_database(&new, &by) {
                    Err(error) => reply::answered_since(&service, error)?,
                    Ok(created) => return Ok((created, false)),
                },
            };
            Ok((created_before(&service, new, enqueued).await?, true))
        })
        .await?;
    let enqueued = created.enqueued;
    let accepted = Accepted::from(enqueued.clone());
    let view = CreatedDatabase {
        message: enqueued.message,
        job_id: enqueued.job_id,
        deployment_id: enqueued.deployment_id,
        password: created.password.into_inner(),
        image: created.image,
        kept_volume: created.kept,
    };
    let answer = reply::after_enqueue(&state, accepted, wait.wait.unwrap_or_default()).await?;
    // The same answer, with more in it.
    let body = serde_json::to_vec(&view).map_err(ApiError::internal)?;
    Ok(reply::marked(answer.set_body(BoxBody::new(body)), again))
}

/// What was answered to the same request before.
async fn created_before(service: &Service, new: NewDatabase, enqueued: EnqueuedView) -> Result<Created, ServiceError> {
    let named = AppRef { name: new.name, server: Some(new.server) };
    let image = service.database(&named)?.image.unwrap_or_default();
    let password = Secret::new(service.credentials(&named, false).await?.password.unwrap_or_default());
    Ok(Created { enqueued, kept: None, image, password })
}

/// One database
#[utoipa::path(
    get, path = "/api/databases/{name}", tag = "databases", operation_id = "get_database",
    params(OfServer),
    responses(
        (status = 200, description = "The database", body = Database),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is no database", body = Problem),
    ),
)]
async fn show(state: Data<State>, _who: Reader, name: Path<String>, server: Params<OfServer>) -> Answer {
    let named = server.app(&name)?;
    let view = state.call(move |service| service.database(&named)).await?;
    Ok(HttpResponse::Ok().json(Database::from(view)))
}

#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Local {
    /// Through the server's loopback, not as other apps reach it
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    local: bool,
}

/// How to reach it, with its password
#[utoipa::path(
    get, path = "/api/databases/{name}/credentials", tag = "databases", operation_id = "get_database_credentials",
    params(OfServer, Local),
    responses(
        (status = 200, description = "What a client needs", body = Credentials),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it has no port yet", body = Problem),
        (status = 502, description = "Its password is on its server still, which cannot be reached", body = Problem),
    ),
)]
async fn credentials(
    state: Data<State>,
    _who: Admin,
    name: Path<String>,
    server: Params<OfServer>,
    local: Params<Local>,
) -> Answer {
    let (named, local) = (server.app(&name)?, local.local);
    let said = state.call_async(move |service| async move { service.credentials(&named, local).await }).await?;
    Ok(HttpResponse::Ok().json(Credentials::from(said)))
}

/// Destroy a database; its volume stays unless it is to go too
#[utoipa::path(
    delete, path = "/api/databases/{name}", tag = "databases", operation_id = "delete_database",
    params(OfServer, Going, Wait),
    responses(
        (status = 200, description = "It is done, or forgotten", body = inline(Gone)),
        (status = 202, description = "It is accepted", body = Accepted),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 409, description = "The name stands on several servers, or it is no database", body = Problem),
    ),
)]
async fn destroy(
    req: HttpRequest,
    state: Data<State>,
    who: Admin,
    name: Path<String>,
    server: Params<OfServer>,
    going: Params<Going>,
    wait: Params<Wait>,
) -> Answer {
    let (named, by, going, ask) = (server.app(&name)?, who.name.clone(), going.0, reply::ask_of(&req)?);
    let done = state
        .call_async(move |service| async move {
            let service = service.asked(ask);
            if let Some(view) = service.answered()? {
                return Ok((Destroyed::Enqueued(view), true));
            }
            if going.local {
                return Ok((Destroyed::Forgotten(service.forget_database(&named, &by)?), false));
            }
            match service.destroy_database(&named, DestroyArgs { volumes: going.volumes }, &by).await {
                Err(error) => Ok((Destroyed::Enqueued(reply::answered_since(&service, error)?), true)),
                Ok(done) => Ok((done, false)),
            }
        })
        .await?;
    gone(&state, done, &wait).await
}
