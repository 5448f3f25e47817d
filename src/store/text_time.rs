//! The first release's times: text, UTC without a zone, `YYYY-MM-DD HH:MM:SS[.ffffff]`.

use chrono::{DateTime, NaiveDateTime};

const SECONDS: &str = "%Y-%m-%d %H:%M:%S";
const MICROSECONDS: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// As `created_at`, `updated_at` and `started_at` are written.
pub(crate) fn seconds(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format(SECONDS).to_string()
}

/// As `finished_at` is written.
pub(crate) fn microseconds(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format(MICROSECONDS).to_string()
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no time")]
pub(crate) struct NoTime(String);

/// Milliseconds; reads what either release wrote (a `T` in the middle too).
pub(crate) fn parse(text: &str) -> Result<i64, NoTime> {
    let spaced = text.replacen('T', " ", 1);
    NaiveDateTime::parse_from_str(&spaced, "%Y-%m-%d %H:%M:%S%.f")
        .map(|t| t.and_utc().timestamp_millis())
        .map_err(|_| NoTime(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_were_written() {
        for text in ["2026-11-23 16:33:13", "1970-01-01 00:00:00"] {
            assert_eq!(seconds(parse(text).unwrap()), text);
        }
        assert_eq!(microseconds(parse("2026-11-23 16:33:13.311355").unwrap()), "2026-11-23 16:33:13.311000");
        assert_eq!(parse("2026-11-23T16:33:13").unwrap(), parse("2026-11-23 16:33:13").unwrap());
        assert!(parse("yesterday").is_err());
    }
}
