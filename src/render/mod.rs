//! Text for servers, made without I/O: shell words, dotenv files, compose files, Caddy blocks; and the masking of secrets.

pub mod caddyfile;
pub mod compose;
pub mod compose_file;
pub mod compose_override;
pub mod database;
pub mod dotenv;
pub mod mask;
pub mod shell;
pub mod yaml;
