//! The API's own description: `/api/openapi.json`, and a page to read it at `/api/docs/`.

use super::error::ApiError;
use super::reply::Answer;
use super::routes;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, http::header};
use std::sync::{Arc, OnceLock};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, ResponseBuilder, SecurityRequirement};
use utoipa_swagger_ui::Config;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "infrakt",
        description = "Servers, apps and a durable queue. Every request needs a key, as `X-API-Key` or as a bearer token."
    ),
    components(schemas(super::error::Problem))
)]
struct Head;

/// The whole document, with its paths in order.
pub fn document() -> OpenApi {
    let mut whole = <Head as utoipa::OpenApi>::openapi();
    for part in routes::docs() {
        whole.merge(part);
    }
    whole.paths.paths.values_mut().for_each(describe_refusals);
    let components = whole.components.get_or_insert_default();
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.security_schemes.insert("key".to_owned(), key.into());
    components.security_schemes.insert("bearer".to_owned(), bearer.into());
    let none: [&str; 0] = [];
    whole.security = Some(vec![SecurityRequirement::new("key", none), SecurityRequirement::new("bearer", none)]);
    whole
}

/// Every operation may refuse a key, a body or a parameter, and may fail: always in the same form.
fn describe_refusals(path: &mut PathItem) {
    let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
    for operation in methods.into_iter().flatten() {
        for (class, description) in [("4XX", "Refused"), ("5XX", "It failed")] {
            let form = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let answer = ResponseBuilder::new().description(description).content("application/json", form).build();
            operation.responses.responses.entry(class.to_owned()).or_insert_with(|| answer.into());
        }
    }
}

/// The document as it lies in docs/openapi.json.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&document())? + "\n")
}

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/openapi.json").route(web::get().to(json)));
    cfg.service(web::resource("/docs").route(web::get().to(to_docs)));
    cfg.service(web::resource("/docs/{file:.*}").route(web::get().to(docs)));
}

/// Anybody may ask for it, so it is put together once.
async fn json() -> Answer {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let whole = match WHOLE.get() {
        Some(whole) => whole,
        None => {
            let made = serde_json::to_vec(&document()).map_err(ApiError::internal)?;
            WHOLE.get_or_init(|| made)
        }
    };
    Ok(HttpResponse::Ok().content_type("application/json").body(Bytes::from_static(whole)))
}

async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/docs/")).finish()
}

/// Swagger's page, from this binary: nothing is fetched from elsewhere.
async fn docs(req: HttpRequest) -> Answer {
    let name = req.match_info().query("file");
    let name = if name.is_empty() { "index.html" } else { name };
    let config = Arc::new(Config::from("/api/openapi.json"));
    match utoipa_swagger_ui::serve(name, config) {
        Ok(Some(file)) => {
            let mut answer = HttpResponse::Ok();
            if file.gzpipped {
                answer.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            Ok(answer.content_type(file.content_type).body(file.bytes.into_owned()))
        }
        Ok(None) => Err(ApiError::not_found()),
        Err(error) => Err(ApiError::internal(error)),
    }
}
