//! What an app's containers print: followed, or the last lines of it.

use crate::ops::reads::Read;

/// Nothing answers there as docker.
pub const NO_DOCKER: i32 = 60;
/// The app has no containers.
pub const NO_CONTAINERS: i32 = 61;
/// It has no such service; its services are on stderr.
pub const NO_SERVICE: i32 = 62;

pub fn read(project: &str, folder: &str, lines: u32, follow: bool, service: Option<&str>) -> Read {
    let lines = lines.to_string();
    let words = [project, folder, &lines, if follow { "yes" } else { "no" }, service.unwrap_or_default()];
    Read::new(include_str!("logs.sh"), &words)
}
