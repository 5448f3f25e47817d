//! The web page: whatever is not below `/api`. A file of the build, or `index.html` for the page's own addresses; without a build, a
//! word on how to make one.

mod folder;

use super::error::ApiError;
use super::state::State;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use folder::Folder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::Path;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Of the page that stands in for the page.
const BARE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Names in here carry a hash of what they hold.
const HASHED: &str = "assets/";

/// As HTTP calls it, and what the build's file ends with.
type Packing = (&'static str, &'static str);

const PACKINGS: [Packing; 2] = [("br", ".br"), ("gzip", ".gz")];

const WITHOUT_PAGE: &str = include_str!("without_page.html");

/// The page as it was when the program was built; the folder may have been empty.
#[derive(RustEmbed)]
#[folder = "frontend/dist"]
#[allow_missing = true]
struct Embedded;

/// Where the page's files come from.
pub enum Pages {
    Embedded,
    Folder(Folder),
}

struct File {
    bytes: Cow<'static, [u8]>,
    sha256: [u8; 32],
    /// How the build packed it: smaller than what could be done for each answer.
    packed: Option<&'static str>,
}

impl Pages {
    /// `ui`: a folder with another build.
    pub fn of(ui: Option<&Path>) -> Self {
        match ui {
            Some(dir) => Pages::Folder(Folder::at(dir)),
            None => Pages::Embedded,
        }
    }

    fn file(&self, name: &str) -> Option<File> {
        match self {
            Pages::Embedded => Embedded::get(name).map(|file| File {
                sha256: file.metadata.sha256_hash(),
                bytes: file.data,
                packed: None,
            }),
            Pages::Folder(folder) => {
                let whole =
                    |bytes: Vec<u8>| File { sha256: Sha256::digest(&bytes).into(), bytes: bytes.into(), packed: None };
                folder.read(name).map(whole)
            }
        }
    }

    /// As the build packed it, where it did and the browser takes that.
    fn smallest(&self, name: &str, taken: &[Packing]) -> Option<File> {
        let packed =
            |(word, ending): &Packing| Some(File { packed: Some(word), ..self.file(&format!("{name}{ending}"))? });
        taken.iter().find_map(packed).or_else(|| self.file(name))
    }
}

/// The headers of every page, errors included.
pub async fn guard(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let mut res = next.call(req).await?;
    let headers = res.headers_mut();
    let set = [
        ("content-security-policy", POLICY),
        // The address of a page may carry a one-time link.
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in set {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(res)
}

pub async fn serve(req: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    if !matches!(*req.method(), Method::GET | Method::HEAD) {
        let text = "this address does not take this method";
        return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text));
    }
    // No address of ours is written like another host's.
    if req.path().contains("//") {
        return Err(ApiError::not_found());
    }
    let name = req.path().trim_start_matches('/').to_owned();
    let taken = taken(&req);
    let found = actix_web::web::block(move || find(&state.pages, &name, &taken)).await;
    match found.map_err(ApiError::internal)? {
        Some((name, file)) => Ok(answer(&req, &name, file)),
        None if req.path().trim_start_matches('/').starts_with(HASHED) => Err(ApiError::not_found()),
        None => Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_SECURITY_POLICY, BARE_POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("text/html; charset=utf-8")
            .body(WITHOUT_PAGE)),
    }
}

/// The file of that name; for an address of the page's own the page. A part of the page that is not there is not the page.
fn find(pages: &Pages, name: &str, taken: &[Packing]) -> Option<(String, File)> {
    if !name.is_empty()
        && let Some(file) = pages.smallest(name, taken)
    {
        return Some((name.to_owned(), file));
    }
    if name.starts_with(HASHED) {
        return None;
    }
    let index = "index.html";
    pages.file(index).map(|file| (index.to_owned(), file))
}

fn answer(req: &HttpRequest, name: &str, file: File) -> HttpResponse {
    let tag = format!("\"{}\"", file.sha256[..12].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let asked = req.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = asked.split(',').map(str::trim).any(|known| known.trim_start_matches("W/") == tag);
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, cache));
    if let Some(word) = file.packed {
        answer.insert_header((header::CONTENT_ENCODING, word)).insert_header((header::VARY, "accept-encoding"));
    }
    match known {
        true => answer.finish(),
        false => answer.content_type(content_type(name)).body(file.bytes.into_owned()),
    }
}

/// The packings that the browser takes, the best first.
fn taken(req: &HttpRequest) -> Vec<Packing> {
    let said = req.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = said.flat_map(|value| value.split(',')).collect();
    let takes = |(word, _): &Packing| {
        said.iter().any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let refused = |weight: &str| weight.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0_f32);
            parts.next() == Some(word) && !parts.any(refused)
        })
    };
    PACKINGS.into_iter().filter(takes).collect()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("woff") => "font/woff",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
