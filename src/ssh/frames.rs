//! The frames of the wire format, decoded as they come: a frame cut short counts as far as it came.

use crate::ssh::error::LineError;
use crate::ssh::types::Frame;
use std::collections::VecDeque;

/// A header is `@` and two numbers of at most 15 digits.
const MAX_HEADER: usize = 40;

/// Reads a stream of frames from a byte offset on.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Where the next byte of the log belongs.
    offset: i64,
    /// What is missing of the frame under way.
    missing: usize,
    header: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(offset: i64) -> Self {
        Self { offset, missing: 0, header: Vec::new() }
    }

    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// Takes the next bytes of the stream; whole headers and all bytes of log come out at once.
    pub(super) fn read(&mut self, mut bytes: &[u8], frames: &mut VecDeque<Frame>) -> Result<(), LineError> {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let (data, rest) = bytes.split_at(self.missing.min(bytes.len()));
                frames.push_back(Frame::Data { offset: self.offset, bytes: data.to_vec() });
                self.offset += data.len() as i64;
                self.missing -= data.len();
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|b| *b == b'\n');
            self.header.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            if self.header.len() > MAX_HEADER || !b"@".starts_with(&self.header[..self.header.len().min(1)]) {
                return Err(self.garbage());
            }
            let Some(end) = end else { return Ok(()) };
            bytes = &bytes[end + 1..];
            let (offset, len) = self.numbers().ok_or_else(|| self.garbage())?;
            if offset != self.offset {
                return Err(LineError::Garbage(format!("the log jumps from {} to {offset}", self.offset)));
            }
            self.header.clear();
            match len {
                0 => frames.push_back(Frame::Beat),
                1.. => self.missing = len as usize,
                ..0 => {
                    frames.push_back(Frame::Gap { offset, len: -len });
                    self.offset -= len;
                }
            }
        }
        Ok(())
    }

    fn numbers(&self) -> Option<(i64, i64)> {
        let text = std::str::from_utf8(&self.header).ok()?;
        let (offset, len) = text.strip_prefix('@')?.split_once(' ')?;
        let digits = len.strip_prefix('-').unwrap_or(len);
        [offset, digits].iter().all(|n| n.len() <= 15 && n.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
        Some((offset.parse().ok()?, len.parse().ok()?))
    }

    fn garbage(&self) -> LineError {
        let start = String::from_utf8_lossy(&self.header[..self.header.len().min(MAX_HEADER)]).into_owned();
        LineError::Garbage(format!("{start:?} is no frame; does the login shell print something?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(offset: i64, pieces: &[&[u8]]) -> Result<Vec<Frame>, LineError> {
        let mut decoder = Decoder::new(offset);
        let mut frames = VecDeque::new();
        pieces.iter().try_for_each(|piece| decoder.read(piece, &mut frames))?;
        Ok(frames.into())
    }

    fn data(offset: i64, text: &str) -> Frame {
        Frame::Data { offset, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn frames_come_out() {
        let frames = decode(5, &[b"@5 0\n@5 3\nab\n@8 -100\n@108 1\nx@109 0\n"]).unwrap();
        let gap = Frame::Gap { offset: 8, len: 100 };
        assert_eq!(frames, [Frame::Beat, data(5, "ab\n"), gap, data(108, "x"), Frame::Beat]);
    }

    #[test]
    fn a_torn_frame_counts_as_far_as_it_came() {
        let stream: &[u8] = b"@0 0\n@0 5\nhello@5 2\n@!@7 -3\n@10 4\nab";
        let (mut log, mut last) = (Vec::new(), 0);
        for frame in decode(0, &stream.chunks(1).collect::<Vec<_>>()).unwrap() {
            match frame {
                Frame::Beat => {}
                Frame::Data { offset, bytes } => {
                    assert_eq!(offset, last);
                    last += bytes.len() as i64;
                    log.extend(bytes);
                }
                Frame::Gap { offset, len } => last = offset + len,
            }
        }
        assert_eq!((log.as_slice(), last), (b"hello@!ab".as_slice(), 12));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for stream in [
            "Welcome!\n",
            "\n",
            "@\n",
            "@0\n",
            "@0 x\n",
            "@-1 0\n",
            "@0 +1\n",
            "@1 0\n",
            "@0 1\nx@0 1\n",
            "@0 9999999999999999\n",
            &"@0 ".repeat(20),
        ] {
            assert!(matches!(decode(0, &[stream.as_bytes()]), Err(LineError::Garbage(_))), "{stream:?}");
        }
    }
}
