//! Tests on a real server (systemd, sshd, docker, caddy) in a container of this machine; see `scripts/testserver`.
//!
//! Not run by a plain `cargo test`: they need root, docker and some minutes. `make test` and `cargo test --test server` run them.

#[path = "../support/mod.rs"]
mod support;

mod apps;
mod compose;
mod crowd;
mod databases;
mod deploy;
mod doctor;
mod environment;
mod firewall;
mod first_release;
mod git;
mod git_faults;
mod git_parts;
mod homes;
mod http;
mod machine;
mod provision;
mod provision_faults;
mod proxy;
mod reboots;
mod refusals;
mod resume;
mod routes;
mod steps;
mod sweep;
mod takeover;
mod takeover_git;
mod trouble;
