//! What infrakt is about, in types without I/O, async or a clock: servers, apps, deployments, jobs and their rules.

pub mod app;
pub mod database;
pub mod deployment;
pub mod failure;
pub mod git_url;
pub mod job;
pub mod name;
pub mod plan;
pub mod retry;
pub mod route;
pub mod secret;
pub mod server;
pub mod step;
