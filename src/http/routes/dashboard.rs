//! `/api/dashboard`

use crate::http::auth::Reader;
use crate::http::error::Problem;
use crate::http::reply::Answer;
use crate::http::state::State;
use crate::http::views::deployment::Dashboard;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(show))]
pub struct Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/dashboard").route(web::get().to(show)));
}

/// The home at a glance
#[utoipa::path(
    get, path = "/api/dashboard", tag = "dashboard", operation_id = "get_dashboard",
    responses(
        (status = 200, description = "How much there is, and what was deployed last", body = Dashboard),
        (status = "4XX", description = "Refused", body = Problem),
    ),
)]
async fn show(state: Data<State>, _who: Reader) -> Answer {
    let view = state.call(|service| service.dashboard()).await?;
    Ok(HttpResponse::Ok().json(Dashboard::from(view)))
}
