//! infrakt, the code map.
//!
//! Rooms in reading order; a room may use only rooms above it, as `tests/architecture.rs` lists.
//!
//! - [`domain`]: what infrakt is about, in pure types and rules.
//! - [`clock`]: the only reader of the time.
//! - [`config`]: the home's layout and the environment; the only reader of both.
//! - [`logging`]: set-up of tracing, to stderr.
//! - [`vault`]: the master key, sealed values, env files.
//! - [`render`]: text for servers: shell words, dotenv, compose, Caddy; masking of secrets. Pure.
//! - [`ssh`]: connections to servers, short commands, and the steps that outlive them.
//! - [`store`]: the database; the only room that names diesel.
//! - [`queue`]: the rules of the job table: enqueue, claim, record, recover, cancel, follow, wake-up.
//! - [`ops`]: one file, one operation, one straight plan: facts in, steps out; and what is asked of a server. Pure.
//! - [`engine`]: runs one claimed job to its end: plan, skip what is done, record, reconnect, cancel, clean up.
//! - [`actors`]: the supervisor, one actor per server, the watcher: mailboxes and lifetimes, no rules.
//! - [`service`]: what a user can do: check, write, enqueue, read; shared by whoever asks.
//! - [`http`]: the HTTP API and the web page; the only room that names actix-web.
//! - [`cli`]: the command line; the only printer; puts the parts together.

pub mod actors;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod logging;
pub mod ops;
pub mod queue;
pub mod render;
pub mod service;
pub mod ssh;
pub mod store;
pub mod vault;
