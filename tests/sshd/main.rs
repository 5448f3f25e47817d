//! The room `ssh` against a real sshd, one process for each connection: keys, logins, commands, steps, and lines that break.

mod commands;
mod connecting;
#[path = "../support/steps.rs"]
mod driver;
mod jump;
mod keys;
mod silence;
#[path = "../support/sshd.rs"]
mod sshd;
mod steps;
