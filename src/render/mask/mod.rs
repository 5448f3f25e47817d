//! Masking: secrets leave a log as `***`, also when they come out encoded, cut into chunks or inside a longer text.

mod automaton;
mod patterns;

use automaton::Automaton;
use patterns::Patterns;
pub use patterns::is_trivial;
use std::sync::Arc;

/// What stands in the place of a secret.
pub const STARS: &[u8] = b"***";

/// Collects what is to be masked.
#[derive(Default)]
pub struct Builder(Patterns);

impl Builder {
    /// A value of an environment: masked unless it is trivial (short, a number, a plain word, a URL without credentials).
    pub fn env_value(mut self, value: &str) -> Self {
        self.0.value(value);
        self
    }

    /// A generated password, a credential of a registry or of git: masked in any case.
    pub fn always(mut self, value: &str) -> Self {
        self.0.always(value);
        self
    }

    pub fn build(self) -> Masker {
        Masker { automaton: Arc::new(Automaton::new(self.0.into_sorted())), held: Vec::new() }
    }
}

/// Masks one stream. Feed it bytes as they come; what it gives back never ends inside a secret, nor inside what may become one.
///
/// Bytes that are not consumed yet are kept inside. Whoever stores the sum of the consumed counts may throw the masker away at any
/// time, begin a fresh one, and feed it the stream from that sum on: the masked text is the same as without the break.
pub struct Masker {
    automaton: Arc<Automaton>,
    held: Vec<u8>,
}

impl Default for Masker {
    /// Masks nothing.
    fn default() -> Self {
        Self::builder().build()
    }
}

impl Masker {
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same secrets, at the beginning of a stream.
    pub fn fresh(&self) -> Self {
        Self { automaton: self.automaton.clone(), held: Vec::new() }
    }

    /// The masked text of as much of the stream as is decided, and how many raw bytes that was.
    pub fn push(&mut self, bytes: &[u8]) -> (Vec<u8>, usize) {
        self.held.extend_from_slice(bytes);
        let scan = self.automaton.scan(&self.held);
        let cut = scan.safe_cut();
        let masked = scan.masked(&self.held, cut);
        self.held.drain(..cut);
        (masked, cut)
    }

    /// The end of the stream: the rest of it.
    pub fn finish(&mut self) -> (Vec<u8>, usize) {
        let scan = self.automaton.scan(&self.held);
        let masked = scan.masked(&self.held, self.held.len());
        let consumed = self.held.len();
        self.held.clear();
        (masked, consumed)
    }

    /// A whole text at once.
    pub fn mask(&self, text: &str) -> String {
        let scan = self.automaton.scan(text.as_bytes());
        // Patterns are whole characters but for base64's and escapes' ASCII, so the rest stays UTF-8.
        String::from_utf8_lossy(&scan.masked(text.as_bytes(), text.len())).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

    fn masker(values: &[&str]) -> Masker {
        values.iter().fold(Masker::builder(), |builder, value| builder.env_value(value)).build()
    }

    fn in_pieces(masker: &mut Masker, pieces: &[&[u8]]) -> (Vec<u8>, usize) {
        let mut all = (Vec::new(), 0);
        for piece in pieces {
            let (text, consumed) = masker.push(piece);
            all.0.extend(text);
            all.1 += consumed;
        }
        let (text, consumed) = masker.finish();
        all.0.extend(text);
        all.1 += consumed;
        all
    }

    const SECRETS: [&str; 6] = [
        "s3cr3t-pa55word",
        "pa55word-and-more",
        "line one of it 1\nshort\nline three of it 3\n",
        "aaaaaaa1aaaaaaa1",
        "with \"quotes\" & $signs / slashes",
        "ünïcödé-geheim-1",
    ];

    fn texts() -> Vec<Vec<u8>> {
        vec![
            b"nothing to see".to_vec(),
            b"x s3cr3t-pa55word y".to_vec(),
            b"overlap s3cr3t-pa55word-and-more end".to_vec(),
            b"almost s3cr3t-pa55wor and s3cr3t-pa55s3cr3t-pa55word".to_vec(),
            b"aaaaaaaaaaaaaaa1aaaaaaa1aaaaaaa1aaaaaa".to_vec(),
            format!("b64 {} end", STANDARD.encode("user:s3cr3t-pa55word")).into_bytes(),
            "[line three of it 3] ünïcödé-geheim-1 s3cr3t-".as_bytes().to_vec(),
        ]
    }

    #[test]
    fn every_split_gives_the_same_text() {
        let mut masker = masker(&SECRETS);
        for text in texts() {
            let whole = in_pieces(&mut masker, &[&text]);
            assert_eq!(whole.1, text.len());
            for at in 0..=text.len() {
                for then in at..=text.len() {
                    let pieces = [&text[..at], &text[at..then], &text[then..]];
                    assert_eq!(
                        in_pieces(&mut masker, &pieces),
                        whole,
                        "{} {at} {then}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(in_pieces(&mut masker, &bytes), whole);
        }
    }

    #[test]
    fn a_fresh_masker_goes_on_where_the_last_one_stopped() {
        let mut second = masker(&SECRETS);
        for text in texts() {
            let whole = in_pieces(&mut second, &[&text]).0;
            for at in 0..=text.len() {
                let (mut out, consumed) = masker(&SECRETS).push(&text[..at]);
                out.extend(in_pieces(&mut second, &[&text[consumed..]]).0);
                assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&whole), "cut at {at}");
            }
        }
    }

    #[test]
    fn nothing_of_a_secret_is_let_go_before_it_is_known_to_be_none() {
        let mut masker = masker(&["s3cr3t-pa55word"]);
        assert_eq!(masker.push(b"a s3cr3t-pa"), (b"a ".to_vec(), 2));
        assert_eq!(masker.push(b"55wor"), (vec![], 0));
        assert_eq!(masker.push(b"d!"), (b"***!".to_vec(), 16));
        assert_eq!(masker.push(b"s3cr"), (vec![], 0));
        assert_eq!(masker.push(b"!"), (b"s3cr!".to_vec(), 5));
    }

    #[test]
    fn encoded_secrets_are_masked_too() {
        let secret = "with \"quotes\" & $signs / slashes";
        let masker = masker(&[secret]);
        let url: String = secret
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                    (b as char).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        let form = url.replace("%20", "+");
        for text in [secret.to_owned(), url.clone(), url.to_lowercase(), form, serde_json::to_string(secret).unwrap()] {
            let masked = masker.mask(&format!("<{text}>"));
            assert!(masked == "<***>" || masked == "<\"***\">", "{masked}");
        }
        for prefix in ["", "a", "ab", "abc", "user:"] {
            for suffix in ["", "x", "xy"] {
                let plain = format!("{prefix}{secret}{suffix}");
                for encoded in [STANDARD.encode(&plain), STANDARD_NO_PAD.encode(&plain), URL_SAFE.encode(&plain)] {
                    let masked = masker.mask(&encoded);
                    // At most the characters that also hold bits of the neighbours stay.
                    assert!(masked.len() <= 3 + prefix.len() * 2 + suffix.len() * 2 + 8, "{masked}");
                    assert!(masked.contains("***"));
                }
            }
        }
    }

    #[test]
    fn base64_broken_into_lines_is_masked() {
        let secret = "0123456789abcdef".repeat(20) + "!";
        let masker = masker(&[&secret]);
        for width in [64, 76] {
            let lines: Vec<String> = STANDARD
                .encode(&secret)
                .as_bytes()
                .chunks(width)
                .map(|c| String::from_utf8(c.to_vec()).unwrap())
                .collect();
            for line in lines.iter().filter(|line| line.len() >= 8) {
                assert_eq!(masker.mask(line), "***", "{line}");
            }
        }
    }

    #[test]
    fn a_password_inside_a_url_is_masked_alone_too() {
        let masker = masker(&["postgres://web:p%40ssw0rd-1@db:5432/web"]);
        assert_eq!(masker.mask("login of web with p@ssw0rd-1 or p%40ssw0rd-1"), "login of web with *** or ***");
    }

    #[test]
    fn trivial_values_stay_readable() {
        for value in [
            "",
            "short1!",
            "12345678",
            "-12.5",
            "true",
            "production",
            "Production",
            "https://example.com/up",
            "localhost",
        ] {
            assert!(is_trivial(value), "{value}");
        }
        for value in [
            "pa55word",
            "correct horse",
            "CorrectHorse",
            "abcdefghijklmnopqrstuvwxyz",
            "https://a:b@example.com",
            "https://example.com/?token=1",
            "https://hooks.example.com/services/T0123456789ABCDEF0",
            "123456789012345678901234567890",
        ] {
            assert!(!is_trivial(value), "{value}");
        }
        let masker = Masker::builder().env_value("production").always("abcd").build();
        assert_eq!(masker.mask("production abcd"), "production ***");
    }

    /// A crude random walk over a small alphabet, where patterns overlap in every way.
    #[test]
    fn overlapping_patterns_never_show_a_byte() {
        let secrets = ["abababab1", "babababa1", "1abababab", "ab1ab1ab1ab1", "bbbbbbbb1"];
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize
        };
        for _ in 0..300 {
            let text: Vec<u8> = (0..200).map(|_| b"ab1"[random() % 3]).collect();
            let mut hidden = vec![false; text.len()];
            for secret in secrets {
                for at in 0..text.len().saturating_sub(secret.len() - 1) {
                    if &text[at..at + secret.len()] == secret.as_bytes() {
                        hidden[at..at + secret.len()].fill(true);
                    }
                }
            }
            let shown: Vec<u8> =
                text.iter().zip(&hidden).filter(|(_, hidden)| !**hidden).map(|(byte, _)| *byte).collect();
            let mut masker = masker(&secrets);
            let (mut out, mut at) = (Vec::new(), 0);
            while at < text.len() {
                let end = (at + 1 + random() % 12).min(text.len());
                out.extend(masker.push(&text[at..end]).0);
                at = end;
            }
            out.extend(masker.finish().0);
            assert_eq!(out.into_iter().filter(|b| *b != b'*').collect::<Vec<u8>>(), shown);
        }
    }
}
