//! What several resources take alike: the app that is meant, pages that go by name, bodies that may be missing.

use crate::http::error::ApiError;
use crate::http::extract::{Body, Input, PAGE};
use crate::http::reply::{self, Answer};
use crate::service::apps::AppRef;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use utoipa::IntoParams;

/// Which server is meant.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfServer {
    /// The server's name; needed where the name in the path stands on several
    pub server: Option<String>,
}

impl OfServer {
    pub fn name(&self) -> Option<&str> {
        self.server.as_deref().filter(|server| !server.is_empty())
    }

    /// The app or database of that name.
    pub fn app(&self, name: &str) -> Result<AppRef, ApiError> {
        Ok(AppRef::parse(name, self.name())?)
    }
}

/// Where a list that goes by name goes on, and how long it may be.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NamePaging {
    /// From the `Link` of the page before
    pub cursor: Option<String>,
    /// Rows of a page, 500 at most
    pub limit: Option<i64>,
}

impl NamePaging {
    pub fn limit(&self) -> i64 {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE)
    }

    /// One row more than the page holds: whether there is a next one.
    pub fn to_read(&self) -> i64 {
        self.limit() + 1
    }

    /// The names of the last row before this page.
    pub fn after<const N: usize>(&self) -> Result<Option<[String; N]>, ApiError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let names =
            URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice::<Vec<String>>(&bytes).ok());
        match names.and_then(|names| <[String; N]>::try_from(names).ok()) {
            Some(names) => Ok(Some(names)),
            None => Err(ApiError::invalid("cursor", "it is none that was given out here")),
        }
    }

    /// The page, and where the next one is.
    pub fn answer<T, V, const N: usize>(
        &self,
        req: &HttpRequest,
        mut rows: Vec<T>,
        names: impl Fn(&T) -> [&str; N],
        view: impl Fn(T) -> V,
    ) -> Answer
    where
        V: Serialize,
    {
        let limit = self.limit() as usize;
        let next = (rows.len() > limit).then(|| {
            rows.truncate(limit);
            rows.last().map(|last| cursor(&names(last)))
        });
        let rows: Vec<V> = rows.into_iter().map(view).collect();
        let mut answer = reply::list(req, &rows, None)?;
        if let Some(cursor) = next.flatten() {
            let kept = req.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
            let query = kept.chain([format!("cursor={cursor}").as_str()]).collect::<Vec<_>>().join("&");
            let link = format!("<{}?{query}>; rel=\"next\"", req.uri().path());
            answer.headers_mut().insert(header::LINK, HeaderValue::from_str(&link).map_err(ApiError::internal)?);
        }
        Ok(answer)
    }
}

fn cursor(names: &[&str]) -> String {
    // A list of texts is always JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(names).unwrap_or_default())
}

/// A JSON body where nothing at all means all defaults, as in calls that had none in the first release.
pub struct OrDefault<T>(pub T);

impl<T: Input + Default + 'static> FromRequest for OrDefault<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(req, payload);
        let req = req.clone();
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| {
                ApiError::new(error.as_response_error().status_code(), "bad_request", "the body cannot be read")
            })?;
            if bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Self(T::default()));
            }
            let body = Body::<T>::from_request(&req, &mut Payload::from(bytes)).await?;
            Ok(Self(body.into_inner()))
        })
    }
}
