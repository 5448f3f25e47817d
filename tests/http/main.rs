//! The HTTP API and the page, from outside: a home is served, and clients ask.

#[path = "../support/first_release/mod.rs"]
mod old_home;
#[path = "../support/sshd.rs"]
#[allow(dead_code)] // it can do more than is needed here
mod sshd;
#[path = "../support/world.rs"]
mod world;

mod api;
mod apps;
mod auth;
mod contract;
mod databases;
mod env;
mod errors;
mod first_release;
mod hostile;
mod idempotency;
mod jobs;
mod killed;
mod lists;
mod live;
mod pages;
mod scopes;
mod served;
mod server_of;
mod servers;
mod serving;
mod watched;
