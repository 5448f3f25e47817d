//! Times, durations and foreign text as people read them in a terminal.

use chrono::{DateTime, Utc};

/// How long something took: `0.8s`, `42s`, `1m31s`, `2h05m`, `3d04h`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let s = ms / 1000;
    match s {
        0..=9 => format!("{}.{}s", s, ms % 1000 / 100),
        10..=59 => format!("{s}s"),
        60..=3599 => format!("{}m{:02}s", s / 60, s % 60),
        3600..=86_399 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// How long something is to go yet or has gone, without fractions: `21s`, `2m04s`.
pub fn span(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    if s < 60 { format!("{s}s") } else { duration(ms) }
}

/// The clock of something that runs: `0:42`, `1:02:03`.
pub fn clock(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60)
    }
}

/// When something was: `12s ago`, `5m ago`, `3h ago`, `2d ago`, then the day.
pub fn ago(now_ms: i64, then_ms: i64) -> String {
    let s = (now_ms - then_ms).max(0) / 1000;
    match s {
        0..=59 => format!("{s}s ago"),
        60..=3599 => format!("{}m ago", s / 60),
        3600..=86_399 => format!("{}h ago", s / 3600),
        86_400..=2_591_999 => format!("{}d ago", s / 86_400),
        _ => day(then_ms),
    }
}

/// A time as docker writes it, in milliseconds; none for what never was.
pub fn docker_time(text: &str) -> Option<i64> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
    (at > 0).then_some(at)
}

fn day(ms: i64) -> String {
    at(ms).format("%Y-%m-%d").to_string()
}

/// The exact time, UTC, to the second.
pub fn moment(ms: i64) -> String {
    at(ms).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// The time of a `--timeout`: `90`, `90s`, `10m`, `1h30m`. In milliseconds.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let bad = || format!("`{text}` is no time such as `90s`, `10m` or `1h30m`");
    let mut total: i64 = 0;
    let mut digits = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(bad()),
        };
        let number: i64 = digits.parse().map_err(|_| bad())?;
        total = number.checked_mul(unit).and_then(|n| total.checked_add(n)).ok_or_else(bad)?;
        digits.clear();
    }
    if !digits.is_empty() {
        let number: i64 = digits.parse().map_err(|_| bad())?;
        total = total.checked_add(number).ok_or_else(bad)?;
    }
    match total {
        0 => Err(bad()),
        total => total.checked_mul(1000).ok_or_else(bad),
    }
}

/// A line from elsewhere (a build, a container, a person) made safe to show: no control characters, no escape sequences; of a
/// line that was drawn over itself (`\r`) what was drawn last; tabs become blanks.
pub fn tame(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' => out.push_str("    "),
            '\u{1b}' => skip_escape(&mut chars),
            // C1 control codes are escapes of one character; the direction marks reorder what stands around them.
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        // CSI: parameters, then one final character.
        Some('[') => {
            for c in chars.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        // OSC and its like: to BEL or to ESC \.
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        // Of three characters: a set of letters is chosen.
        Some('(' | ')' | '#' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

/// Cut to `width` characters, with a sign that it was.
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        out.push('\u{2026}');
    }
    out
}

/// `1 app`, `2 apps`.
pub fn count(n: i64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let said: Vec<String> =
            [-5, 0, 849, 2_100, 59_999, 91_000, 124_000, 7_500_000, 273_600_000].into_iter().map(duration).collect();
        assert_eq!(said, ["0.0s", "0.0s", "0.8s", "2.1s", "59s", "1m31s", "2m04s", "2h05m", "3d04h"]);
        assert_eq!([clock(42_000), clock(3_723_000)], ["0:42", "1:02:03"]);
        assert_eq!([span(900), span(21_400)], ["0s", "21s"]);
    }

    #[test]
    fn times_that_people_write() {
        assert_eq!(parse_duration("90"), Ok(90_000));
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        for bad in ["", "0", "m", "1x", "-1", "99999999999999999999", "9223372036854775807d", "1.5h"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        for (raw, shown) in [
            ("plain\r\n", "plain"),
            ("10%\r50%\r100%", "100%"),
            ("100%\r", "100%"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y", "xy"),
            ("a\u{8}b\u{0}c\u{9b}2Jd", "abc2Jd"),
            ("\u{1b}(Bok\tthere", "ok    there"),
            ("cut \u{1b}[", "cut "),
        ] {
            assert_eq!(tame(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn long_text_is_cut_with_a_sign() {
        assert_eq!([fit("abc", 3), fit("abcd", 3), fit("abc", 0)], ["abc", "ab\u{2026}", ""]);
    }
}
