//! A point in time as views carry it.

use chrono::DateTime;
use serde::{Serialize, Serializer};
use std::fmt;

/// Milliseconds UTC; on the wire `2026-11-23T16:33:13Z`, with the fraction where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        let format = if self.0 % 1000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.3fZ" };
        write!(f, "{}", at.format(format))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_zone() {
        let said = |ms| serde_json::to_string(&Time(ms)).unwrap();
        assert_eq!(said(1_795_451_593_000), "\"2026-11-23T16:33:13Z\"");
        assert_eq!(said(1_795_451_593_311), "\"2026-11-23T16:33:13.311Z\"");
    }
}
