//! Which texts stand for a secret: the value, its lines, and both as base64, URL and JSON write them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;

/// Shorter values are no secrets, and would mask half of every log.
const MIN_BYTES: usize = 8;

/// Shortest credential that is masked "in any case": below it every log would be stars.
const MIN_ALWAYS: usize = 4;

/// Longer values are looked for as they are, by line and as base64; their escaped forms are found by line.
const MAX_ESCAPED: usize = 4096;

/// The widths at which `base64` and `openssl` break lines.
const BASE64_WIDTHS: [usize; 2] = [76, 64];

#[derive(Default)]
pub struct Patterns(BTreeSet<Vec<u8>>);

impl Patterns {
    pub fn value(&mut self, value: &str) {
        for line in value.lines().map(str::trim).filter(|line| line.len() < value.len() && !is_trivial(line)) {
            self.forms(line);
        }
        if !is_trivial(value) {
            self.forms(value);
            // Files end with a newline that is lost on the way more often than not.
            self.forms(value.trim_end_matches(['\n', '\r']));
        }
        if let Some(password) = password_of_url(value) {
            self.always_from(&password, MIN_BYTES);
            self.always_from(&percent_decoded(&password), MIN_BYTES);
        }
    }

    pub fn always(&mut self, value: &str) {
        self.always_from(value, MIN_ALWAYS);
    }

    fn always_from(&mut self, value: &str, min: usize) {
        if value.len() >= min {
            self.forms(value);
        }
    }

    pub fn into_sorted(self) -> Vec<Vec<u8>> {
        self.0.into_iter().collect()
    }

    fn forms(&mut self, value: &str) {
        self.add(value.as_bytes().to_vec());
        if value.len() <= MAX_ESCAPED {
            let json = serde_json::Value::from(value).to_string();
            let json = &json[1..json.len() - 1];
            self.add(json.as_bytes().to_vec());
            // Python, Java and Go escape more than JSON asks for.
            self.add(json_ascii(json).into_bytes());
            self.add(json.replace('/', "\\/").into_bytes());
            self.add(json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e").into_bytes());
            for keep in ["-._~", "-._~/", "-._~!*'();:@&=+$,/?#[]"] {
                let url = percent_encoded(value, keep);
                self.add(lower_case_escapes(&url).into_bytes());
                self.add(url.replace("%20", "+").into_bytes());
                self.add(url.into_bytes());
            }
        }
        for skip in 0..3 {
            self.base64(value.as_bytes(), skip);
        }
    }

    /// The characters that are sure when the value stands `skip` bytes after the beginning of a group of three.
    fn base64(&mut self, value: &[u8], skip: usize) {
        let mut padded = vec![0u8; skip];
        padded.extend_from_slice(value);
        for (engine, wrapped) in [(&STANDARD_NO_PAD, true), (&URL_SAFE_NO_PAD, false)] {
            let text = engine.encode(&padded);
            // The first characters hold bits of what stands before; the last one may hold bits of what comes after.
            let begin = [0, 2, 3][skip];
            let end = padded.len() * 8 / 6;
            if let Some(sure) = text.as_bytes().get(begin..end) {
                self.add_encoded(sure);
            }
            if wrapped && skip == 0 {
                for width in BASE64_WIDTHS.into_iter().filter(|width| text.len() > *width) {
                    text.as_bytes().chunks(width).for_each(|line| self.add_encoded(line));
                }
            }
        }
    }

    fn add(&mut self, pattern: Vec<u8>) {
        if !pattern.is_empty() {
            self.0.insert(pattern);
        }
    }

    /// Pieces of base64 that are too short would be found by chance.
    fn add_encoded(&mut self, pattern: &[u8]) {
        if pattern.len() >= MIN_BYTES {
            self.0.insert(pattern.to_vec());
        }
    }
}

/// No secret by its look: less than 8 bytes, a number, a boolean, a plain word, a URL without credentials.
pub fn is_trivial(value: &str) -> bool {
    let value = value.trim();
    value.len() < MIN_BYTES || is_number(value) || is_plain_word(value) || is_public_url(value)
}

/// Longer runs of digits are keys.
fn is_number(value: &str) -> bool {
    let digits = value.trim_start_matches(['-', '+']);
    value.len() <= 20
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_' | ','))
}

/// Letters of one case, or capitalised, and no longer than words are.
fn is_plain_word(value: &str) -> bool {
    let rest = &value.as_bytes()[1..];
    value.len() <= 16
        && value.bytes().all(|b| b.is_ascii_alphabetic())
        && (rest.iter().all(u8::is_ascii_lowercase) || value.bytes().all(|b| b.is_ascii_uppercase()))
}

/// A URL that carries nothing to log in with: no user, no query, and no part of its path that looks like a token.
fn is_public_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let looks_random = |part: &str| {
        part.len() >= 16 && part.bytes().any(|b| b.is_ascii_digit()) && part.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    !scheme.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && value.bytes().all(|b| b.is_ascii_graphic())
        && !host.contains('@')
        && !rest.contains(['?', '#'])
        && !path.split('/').any(looks_random)
}

/// What stands between `user:` and `@host`.
fn password_of_url(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let (login, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    Some(password.to_owned())
}

fn percent_encoded(value: &str, keep: &str) -> String {
    value
        .bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || keep.as_bytes().contains(&b) => (b as char).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

fn percent_decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = value.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn lower_case_escapes(url: &str) -> String {
    let mut left = 0;
    url.chars()
        .map(|c| {
            left = if c == '%' { 3 } else { left };
            let lower = left > 0;
            left = left.max(1) - 1;
            if lower { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

/// `\u00fc` for all that is not ASCII.
fn json_ascii(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}
