//! One plain HTTP request, so that a test sees an answer byte by byte and needs no client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a server may take for one answer before a test calls it silent.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// `GET path` from 127.0.0.1:`port`, asking for `host`.
pub fn get(port: u16, host: &str, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let Some(status) = status else {
        return Err(std::io::Error::other(format!("no HTTP answer from port {port}: {text:?}")));
    };
    Ok(Answer { status, head: head.to_string(), body: body.to_string() })
}
