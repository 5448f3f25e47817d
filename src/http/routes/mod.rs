//! The routes: one file a resource, each with `routes` (its paths) and `Doc` (its part of the OpenAPI document).
//!
//! Every method of a path stands in one `web::resource`: so another method is a 405 and not a 404.

pub mod app_stream;
pub mod app_work;
pub mod apps;
pub mod dashboard;
pub mod databases;
pub mod env;
pub mod events;
pub mod health;
pub mod job_log;
pub mod jobs;
pub mod keys;
mod parts;
pub mod proxy;
pub mod servers;
pub mod session;

use super::error::ApiError;
use super::openapi;
use actix_web::http::header;
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;

/// Below `/api`.
pub fn all(cfg: &mut ServiceConfig) {
    cfg.configure(dashboard::routes);
    cfg.configure(app_stream::routes);
    cfg.configure(events::routes);
    cfg.configure(health::routes);
    cfg.configure(job_log::routes);
    cfg.configure(servers::routes);
    cfg.configure(apps::routes);
    cfg.configure(app_work::routes);
    cfg.configure(env::routes);
    cfg.configure(databases::routes);
    cfg.configure(proxy::routes);
    cfg.configure(jobs::routes);
    cfg.configure(keys::routes);
    cfg.configure(session::routes);
    cfg.configure(openapi::routes);
}

/// The parts of the document.
pub fn docs() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        dashboard::Doc::openapi(),
        servers::Doc::openapi(),
        apps::Doc::openapi(),
        app_stream::Doc::openapi(),
        app_work::Doc::openapi(),
        env::Doc::openapi(),
        databases::Doc::openapi(),
        proxy::Doc::openapi(),
        jobs::Doc::openapi(),
        job_log::Doc::openapi(),
        events::Doc::openapi(),
        health::Doc::openapi(),
        keys::Doc::openapi(),
        session::Doc::openapi(),
    ]
}

/// What no route takes: a trailing slash leads to the address without it, all else is a 404.
pub async fn unknown(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = req.uri().path();
    let bare = path.trim_end_matches('/');
    // Only an address of ours: `//elsewhere/` would lead a browser away.
    if bare.len() == path.len() || !bare.starts_with("/api") || bare.contains("//") {
        return Err(ApiError::not_found());
    }
    let query = req.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, format!("{bare}{query}"))).finish())
}
