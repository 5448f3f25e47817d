//! What goes over the wire: the shapes of answers and requests, which the OpenAPI document shows. One file per noun.
//!
//! Times are UTC, `2026-11-23T16:33:13Z`. What may be missing is null; what depends on the call is left out.

pub mod app;
pub mod database;
pub mod deployment;
pub mod env;
pub mod job;
pub mod key;
pub mod proxy;
pub mod request;
pub mod request_app;
mod said_time;
pub mod server;
