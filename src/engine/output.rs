//! What a step's output tells the engine: marker lines, and the last lines for people.

use crate::domain::plan::Marker;
use crate::domain::step::StepId;
use std::collections::VecDeque;

/// Lines kept for the text of a failure.
const TAIL_LINES: usize = 20;
/// A longer line is no marker, and is cut in the tail.
const LINE_MAX: usize = 8 * 1024;

/// Reads a log as it comes, in any pieces.
pub struct Scanner {
    id: StepId,
    line: Vec<u8>,
    markers: Vec<Marker>,
    tail: VecDeque<String>,
}

impl Scanner {
    pub fn new(id: StepId) -> Self {
        Self { id, line: Vec::new(), markers: Vec::new(), tail: VecDeque::new() }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = LINE_MAX - self.line.len().min(LINE_MAX);
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        if Marker::is_one(&line) {
            self.markers.extend(Marker::parse(&text, &self.id));
            return;
        }
        // A progress bar redraws its line by carriage returns: the last picture is the line.
        let shown = text.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(shown.to_owned());
    }

    /// Whether a marker with this key has come.
    pub fn says(&self, key: &str) -> bool {
        self.markers.iter().any(|m| m.key == key)
    }

    /// The end of the output: a last line without its end counts.
    pub fn finish(mut self) -> (Vec<Marker>, String) {
        if !self.line.is_empty() {
            self.end_line();
        }
        (self.markers, Vec::from(self.tail).join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_however_the_bytes_come() {
        let id = StepId::new("u", 1, 1);
        let log = b"one\n::infrakt u-1-1 image web sha256:ab\n::infrakt u-2-1 image web stolen\nlast\r50%\r100%\n::infrakt u-1-1 note end";
        for size in 1..log.len() {
            let mut scanner = Scanner::new(id.clone());
            log.chunks(size).for_each(|piece| scanner.push(piece));
            let (markers, tail) = scanner.finish();
            let seen: Vec<_> = markers.iter().map(|m| format!("{}={}", m.key, m.value)).collect();
            assert_eq!(seen, ["image=web sha256:ab", "note=end"]);
            assert_eq!(tail, "one\n100%");
        }
    }
}
