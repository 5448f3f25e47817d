//! What a request says: bodies and queries, refused with the field's name.

use super::error::{ApiError, FieldError};
use super::shape::Warnings;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::future::{Future, Ready, ready};
use std::ops::Deref;
use std::pin::Pin;
use utoipa::IntoParams;

/// Bytes of a body. The largest that is meant is a compose file.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Rows that a list holds when nothing is said, and at most.
pub const PAGE: i64 = 500;

/// So many faults of one body are named.
const FAULTS: usize = 20;

/// A JSON body.
pub trait Input: DeserializeOwned {
    /// Fields it has, on routes of the first release: others are ignored, with a `Warning`. Without it the type refuses them itself
    /// (`deny_unknown_fields`).
    const FIELDS: Option<&'static [&'static str]> = None;
}

impl<T: Input> Input for Vec<T> {
    const FIELDS: Option<&'static [&'static str]> = T::FIELDS;
}

/// The request's body as JSON.
pub struct Body<T>(pub T);

impl<T> Body<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Body<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What an idempotency key is bound to, of the body: in the request's extensions.
#[derive(Clone)]
pub struct BodyHash(pub [u8; 32]);

impl<T: Input + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = req
            .mime_type()
            .ok()
            .flatten()
            .is_some_and(|mime| mime.subtype() == "json" || mime.suffix().is_some_and(|suffix| suffix == "json"));
        let is_empty = !req.headers().contains_key(header::CONTENT_TYPE);
        let bytes = web::Bytes::from_request(req, payload);
        let req = req.clone();
        Box::pin(async move {
            let bytes = bytes.await.map_err(unreadable)?;
            if !(is_json || is_empty && bytes.is_empty()) {
                let text = "the body must be JSON: say `Content-Type: application/json`";
                return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", text));
            }
            req.extensions_mut().insert(BodyHash(Sha256::digest(&bytes).into()));
            let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
                let text = match bytes.is_empty() {
                    true => "the body is empty; it must be JSON".to_owned(),
                    false => format!("the body is no JSON: {error}"),
                };
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_json", text)
            })?;
            if let (Some(known), Some(warnings)) = (T::FIELDS, req.extensions().get::<Warnings>()) {
                let items = value.as_array().map(Vec::as_slice).unwrap_or(std::slice::from_ref(&value));
                let fields = items.iter().filter_map(Value::as_object).flat_map(|object| object.keys());
                let unknown = fields.filter(|field| !known.contains(&field.as_str())).take(FAULTS);
                warnings.0.borrow_mut().extend(unknown.map(|field| format!("unknown field {field} was ignored")));
            }
            read(value).map(Body).map_err(ApiError::fields)
        })
    }
}

fn unreadable(error: actix_web::Error) -> ApiError {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body may have {BODY_LIMIT} bytes at most"),
        ),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "bad_request", "the body cannot be read"),
    }
}

/// Serde names a field that is missing or unknown, and of one with a wrong value only what is wrong. That one is found by leaving
/// fields out: the fault changes with it. Then the next fault is looked for: without the wrong field, with something in the place of
/// the missing one.
fn read<T: DeserializeOwned>(mut value: Value) -> Result<T, Vec<FieldError>> {
    let mut faults: Vec<FieldError> = Vec::new();
    loop {
        let error = match serde_json::from_value::<T>(value.clone()) {
            Ok(read) if faults.is_empty() => return Ok(read),
            Ok(_) => return Err(faults),
            Err(error) => error.to_string(),
        };
        let is_missing = error.starts_with("missing field");
        let field = named(&error).map(str::to_owned).or_else(|| culprit::<T>(&value, &error));
        let field = field.unwrap_or_else(|| "body".to_owned());
        let known = faults.iter().any(|fault| fault.field == field);
        if known && !is_missing || faults.len() >= FAULTS {
            return Err(faults);
        }
        if !known {
            let message = if is_missing { "it is missing".to_owned() } else { error };
            faults.push(FieldError { field: field.clone(), message });
        }
        let next = if is_missing { with::<T>(&value, &field) } else { without(&value, &field) };
        match next {
            Some(next) => value = next,
            None => return Err(faults),
        }
    }
}

fn without(value: &Value, field: &str) -> Option<Value> {
    let mut object = value.as_object()?.clone();
    object.remove(field)?;
    Some(Value::Object(object))
}

/// With a value that the missing field may have: whatever is wrong then is another field that is missing.
fn with<T: DeserializeOwned>(value: &Value, field: &str) -> Option<Value> {
    let object = value.as_object()?;
    let any = [json!(""), json!(0), json!(false), json!([]), json!({})];
    any.into_iter().find_map(|filler| {
        let mut object = object.clone();
        object.insert(field.to_owned(), filler);
        let filled = Value::Object(object);
        let error = serde_json::from_value::<T>(filled.clone()).err().map(|error| error.to_string());
        error.as_deref().is_none_or(|error| named(error).is_some_and(|other| other != field)).then_some(filled)
    })
}

/// ``missing field `name` ``, ``unknown field `x`, expected …``
fn named(error: &str) -> Option<&str> {
    let rest = error.strip_prefix("missing field `").or_else(|| error.strip_prefix("unknown field `"))?;
    rest.split('`').next()
}

fn culprit<T: DeserializeOwned>(value: &Value, error: &str) -> Option<String> {
    let object = value.as_object()?;
    object.keys().take(100).find_map(|key| {
        let mut without = object.clone();
        without.remove(key);
        let same = serde_json::from_value::<T>(Value::Object(without)).err().is_some_and(|e| e.to_string() == error);
        (!same).then(|| key.clone())
    })
}

/// The request's query. Fields that no parameter takes are ignored.
pub struct Params<T>(pub T);

impl<T> Deref for Params<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(query(req.query_string()).map(Params))
    }
}

pub(super) fn query<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let error = match web::Query::<T>::from_query(text) {
        Ok(read) => return Ok(read.into_inner()),
        Err(error) => error.to_string(),
    };
    let error = error.rsplit_once("error: ").map(|(_, rest)| rest.to_owned()).unwrap_or(error);
    let pairs: Vec<&str> = text.split('&').collect();
    let field = named(&error).map(str::to_owned).or_else(|| {
        (0..pairs.len().min(100)).find_map(|at| {
            let mut without = pairs.clone();
            let pair = without.remove(at);
            let same =
                web::Query::<T>::from_query(&without.join("&")).err().is_some_and(|e| e.to_string().ends_with(&error));
            (!same).then(|| pair.split('=').next().unwrap_or_default().to_owned())
        })
    });
    let message = if error.starts_with("missing field") { "it is missing".to_owned() } else { error };
    Err(ApiError::invalid(field.as_deref().unwrap_or("query"), message))
}

/// Where a list goes on, and how long it may be.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// From the `Link` of the page before
    pub cursor: Option<i64>,
    /// Rows of a page, 500 at most
    pub limit: Option<i64>,
}

impl Paging {
    pub fn limit(&self) -> i64 {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE)
    }

    /// Cuts to the page's length; the cursor of the next page where there may be one.
    pub fn cut<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> i64) -> Option<String> {
        let limit = self.limit() as usize;
        if rows.len() < limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|last| id(last).to_string())
    }
}

/// `?wait=30`: hold the answer until the job has ended, so many seconds at most.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Seconds to wait for the job's end, 300 at most; 0 answers at once
    pub wait: Option<u64>,
}

/// A number as the first release took it: `22`, `22.0`, `"22"`. For fields: `#[serde(deserialize_with = "extract::number")]`.
pub fn number<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    of_value(&value).ok_or_else(|| D::Error::custom(not_a_number(&value)))
}

/// The same where `null` and nothing are values; with `#[serde(default)]`.
pub fn number_or_none<'de, D: Deserializer<'de>, T: TryFrom<i64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        value => of_value(&value).map(Some).ok_or_else(|| D::Error::custom(not_a_number(&value))),
    }
}

fn of_value<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }?;
    T::try_from(number).ok()
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}

fn not_a_number(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number} is out of range"),
        Value::String(_) => "this text is no number in range".to_owned(),
        _ => "it must be a number".to_owned(),
    }
}

/// A flag in a query: `true`, `1`, `yes`, `on`, and their opposites. With `#[serde(default)]`.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(D::Error::custom("it may be `true` or `false`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only how it is read is looked at")]
    struct Asked {
        name: String,
        #[serde(deserialize_with = "number")]
        port: u16,
    }

    fn check(body: &str, expect: &[(&str, &str)]) {
        let faults = read::<Asked>(serde_json::from_str(body).unwrap()).map(|_| ()).err().unwrap_or_default();
        let said: Vec<(&str, &str)> = faults.iter().map(|f| (f.field.as_str(), f.message.as_str())).collect();
        assert_eq!(said, expect, "{body}");
    }

    #[test]
    fn every_fault_of_a_body_is_named_by_its_field() {
        check(r#"{"name":"a","port":"22"}"#, &[]);
        check(r#"{"name":"a","port":22.0}"#, &[]);
        check(r#"{"port":1}"#, &[("name", "it is missing")]);
        check(r#"{"name":"a","port":70000}"#, &[("port", "70000 is out of range")]);
        check(
            r#"{"name":5,"port":null}"#,
            &[("name", "invalid type: integer `5`, expected a string"), ("port", "it must be a number")],
        );
        check(r#"{"name":"a","port":1,"x":2}"#, &[("x", "unknown field `x`, expected `name` or `port`")]);
        check("{}", &[("name", "it is missing"), ("port", "it is missing")]);
        check(r#"{"name":5}"#, &[("name", "invalid type: integer `5`, expected a string"), ("port", "it is missing")]);
        check("[]", &[("body", "invalid length 0, expected struct Asked with 2 elements")]);
    }

    #[test]
    fn a_query_names_its_field_too() {
        let fault = query::<Paging>("a=b&cursor=x&limit=3").unwrap_err();
        assert_eq!(
            fault.errors,
            [FieldError { field: "cursor".into(), message: "invalid digit found in string".into() }]
        );
        assert_eq!(query::<Paging>("limit=3").unwrap().limit, Some(3));
    }
}
