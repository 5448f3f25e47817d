//! The log that a deployment keeps when its job is gone: the end of the job's log as text, without the lines meant for the engine.

use crate::domain::plan::Marker;
use crate::store::{Conn, StoreError, logs};

/// As much as a list of deployments shows.
const KEPT: usize = 64 * 1024;

/// None: the job has no log.
pub(crate) fn of_deployment(conn: &mut Conn, job_id: i64) -> Result<Option<String>, StoreError> {
    let bytes: Vec<u8> = logs::tail(conn, job_id, KEPT)?.into_iter().flat_map(|chunk| chunk.bytes).collect();
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(shown(&bytes, KEPT)))
}

/// The last `limit` bytes, beginning with a whole line where there is one.
fn shown(bytes: &[u8], limit: usize) -> String {
    let mut text = String::new();
    for line in bytes.split_inclusive(|b| *b == b'\n').filter(|line| !Marker::is_one(line)) {
        text.push_str(&String::from_utf8_lossy(line).replace('\0', ""));
    }
    if text.len() <= limit {
        return text;
    }
    let mut from = text.len() - limit;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let tail = &text[from..];
    match tail.find('\n') {
        Some(end) if end + 1 < tail.len() => tail[end + 1..].to_owned(),
        _ => tail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn markers_are_left_out() {
        assert_eq!(shown(b"one\n::infrakt u-1-1 note x\ntwo", 100), "one\ntwo");
    }

    #[test]
    fn the_end_is_kept_from_a_line_on() {
        assert_eq!(shown("a long line\nüü\nend".as_bytes(), 8), "end");
        assert_eq!(shown("üüüü".as_bytes(), 3), "ü");
    }
}
