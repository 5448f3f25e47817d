//! Pages of lists: with a tag for who has them already and the address of the next one, and kept until the database's next commit.
//!
//! A page is kept under the number of the state that it shows. That number is read before the page: so a page may be newer than its
//! number says and never older, and whatever any process commits makes all of them void.

use super::error::ApiError;
use super::reply::Answer;
use super::state::State;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Pages that are read at once: as many as the store keeps readers. More would open and close connections and be no faster.
const READ_AT_ONCE: usize = 4;

/// Bytes of all pages that are kept.
const KEPT_BYTES: usize = 4 << 20;

/// What a page costs beside its text.
const PAGE_BYTES: usize = 512;

/// A page as it is answered.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    tag: HeaderValue,
    next: Option<HeaderValue>,
    /// Nothing but a commit makes another page of it.
    lasts: bool,
}

impl Page {
    /// `next`: the cursor of the page behind it.
    pub fn of<T: Serialize>(req: &HttpRequest, rows: &[T], next: Option<&str>) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(rows).map_err(ApiError::internal)?;
        let tag = format!("\"{}\"", super::reply::hex(&Sha256::digest(&body)[..12]));
        let value = |text: &str| HeaderValue::from_str(text).map_err(ApiError::internal);
        let next =
            next.map(|cursor| value(&format!("<{}>; rel=\"next\"", address_of_next(req, cursor)))).transpose()?;
        Ok(Self { body: body.into(), tag: value(&tag)?, next, lasts: true })
    }

    /// With the time, or with who lives, it becomes another one.
    pub fn of_this_moment(self) -> Self {
        Self { lasts: false, ..self }
    }

    pub fn answer(self, req: &HttpRequest) -> HttpResponse {
        let known = self.tag.to_str().is_ok_and(|tag| has_already(req, tag));
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer.insert_header((header::ETAG, self.tag));
        answer.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")));
        if let Some(next) = self.next {
            answer.insert_header((header::LINK, next));
        }
        if known {
            return answer.finish();
        }
        answer.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        answer.body(self.body)
    }
}

fn has_already(req: &HttpRequest, tag: &str) -> bool {
    let said = req.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The address of the request, further on.
fn address_of_next(req: &HttpRequest, cursor: &str) -> String {
    let kept = req.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let mut query: Vec<String> = kept.map(str::to_owned).collect();
    query.push(format!("cursor={cursor}"));
    format!("{}?{}", req.uri().path(), query.join("&"))
}

/// Answers a page that the database alone decides and that everybody who may read sees alike. `read` is polled only where no page of
/// the present state is kept under the request's address.
pub async fn kept(req: &HttpRequest, state: &State, read: impl Future<Output = Result<Page, ApiError>>) -> Answer {
    let address = req.uri().path_and_query().map(|address| address.as_str()).unwrap_or_default();
    let lists = &state.lists;
    if let Some(page) = lists.find(state.service.data_version()?, address) {
        return Ok(page.answer(req));
    }
    let _turn = lists.turns.acquire().await.map_err(ApiError::internal)?;
    // Who waited may find that another has read it.
    let version = state.service.data_version()?;
    if let Some(page) = lists.find(version, address) {
        return Ok(page.answer(req));
    }
    let page = read.await?;
    lists.keep(version, address, &page);
    Ok(page.answer(req))
}

/// The pages of one state.
pub struct Lists {
    inner: Mutex<Inner>,
    turns: Semaphore,
}

#[derive(Default)]
struct Inner {
    version: i64,
    bytes: usize,
    pages: HashMap<String, Page>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { inner: Mutex::default(), turns: Semaphore::new(READ_AT_ONCE) }
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, version: i64, address: &str) -> Option<Page> {
        let inner = self.lock();
        if inner.version == version { inner.pages.get(address).cloned() } else { None }
    }

    fn keep(&self, version: i64, address: &str, page: &Page) {
        let bytes = page.body.len() + address.len() + PAGE_BYTES;
        if !page.lasts || bytes > KEPT_BYTES {
            return;
        }
        let mut inner = self.lock();
        if inner.version != version || inner.bytes + bytes > KEPT_BYTES {
            *inner = Inner { version, ..Inner::default() };
        }
        if inner.pages.insert(address.to_owned(), page.clone()).is_none() {
            inner.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(length: usize) -> Page {
        Page { body: vec![b' '; length].into(), tag: HeaderValue::from_static("\"a\""), next: None, lasts: true }
    }

    #[test]
    fn a_page_is_kept_for_its_state_alone() {
        let lists = Lists::default();
        lists.keep(1, "/a", &page(10));
        assert!(lists.find(1, "/a").is_some() && lists.find(1, "/b").is_none());
        assert!(lists.find(2, "/a").is_none());
        lists.keep(2, "/b", &page(10));
        assert!(lists.find(2, "/a").is_none() && lists.find(1, "/a").is_none(), "those of the state before are gone");
        lists.keep(2, "/c", &page(10).of_this_moment());
        assert!(lists.find(2, "/c").is_none());
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let lists = Lists::default();
        for n in 0..1000 {
            lists.keep(1, &format!("/{n}"), &page(KEPT_BYTES / 10));
            assert!(lists.lock().pages.values().map(|page| page.body.len()).sum::<usize>() <= KEPT_BYTES);
        }
        assert!(lists.find(1, "/999").is_some());
        lists.keep(1, "/large", &page(KEPT_BYTES));
        assert!(lists.find(1, "/large").is_none());
    }
}
