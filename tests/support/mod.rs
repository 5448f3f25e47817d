//! Helpers that several test targets share. A target takes what it needs with `#[path = "../support/mod.rs"] mod support;`.
#![allow(dead_code)] // each target uses its part of them

pub mod cli;
pub mod faulty;
pub mod first_release;
pub mod http;
pub mod process;
pub mod proxy;
pub mod server;
pub mod steps;
pub mod toy;
