//! The whole binary: for every command its exit code, stdout (`1|`) and stderr (`2|`), each test in a home of its own.

mod app_work;
mod apps;
mod contact;
mod databases;
mod deploys;
mod doctor;
mod envs;
mod every;
#[path = "../support/first_release/mod.rs"]
mod first_release;
mod following;
mod hand;
mod homes;
mod jobs;
mod json;
mod lists;
mod pipes;
mod proxies;
mod servers;
mod shells;
mod spellings;
#[path = "../support/sshd.rs"]
#[allow(dead_code)] // it can do more than is needed here
mod sshd;
mod takeover;
mod terminal;
mod usage;
mod workers;
mod world;
