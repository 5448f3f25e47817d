//! What several resources take alike: the app that is meant, pages that go by name, bodies that may be missing.

use crate::http::error::ApiError;
use crate::http::extract::{Body, Input, PAGE};
use crate::http::lists;
use crate::http::reply::Answer;
use crate::http::state::State;
use crate::service::apps::AppRef;
use crate::service::{Kind, Service, ServiceError};
use actix_web::dev::Payload;
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
    pub fn page<T, V: Serialize, const N: usize>(
        &self,
        req: &HttpRequest,
        mut rows: Vec<T>,
        names: impl Fn(&T) -> [&str; N],
        view: impl Fn(T) -> V,
    ) -> Result<lists::Page, ApiError> {
        let more = rows.len() > self.limit() as usize;
        rows.truncate(self.limit() as usize);
        let next = rows.last().filter(|_| more).map(|last| cursor(&names(last)));
        let rows: Vec<V> = rows.into_iter().map(view).collect();
        lists::Page::of(req, &rows, next.as_deref())
    }
}

/// Rows of one server or all, behind these names, so many at most.
type ReadPage<T> = fn(&Service, Option<&str>, Option<(&str, &str)>, i64) -> Result<Vec<T>, ServiceError>;

/// A page of apps or databases. The first release's lists are empty where there is no such server, and its clients count on it.
pub async fn list<T, V>(
    req: &HttpRequest,
    state: &State,
    server: &OfServer,
    page: &NamePaging,
    read: ReadPage<T>,
    names: fn(&T) -> [&str; 2],
) -> Answer
where
    T: Send + 'static,
    V: From<T> + Serialize,
{
    let (after, limit, of) = (page.after::<2>()?, page.to_read(), server.name().map(str::to_owned));
    let read = async {
        let rows = move |service: &Service| {
            let after = after.as_ref().map(|[first, second]| (first.as_str(), second.as_str()));
            match read(service, of.as_deref(), after, limit) {
                Err(error) if error.kind() == Kind::NotFound => Ok(Vec::new()),
                found => found,
            }
        };
        page.page(req, state.call(rows).await?, names, V::from)
    };
    lists::kept(req, state, read).await
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
