//! A client that costs little: one thread, sockets that stay open, answers that are counted and thrown away.

use futures_util::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const CONNECTIONS: usize = 30;

const TIME: Duration = Duration::from_secs(3);

/// What came of asking the same thing for a while.
pub struct Load {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// Of one answer's body.
    pub bytes: usize,
    /// Of this process.
    pub client_cores: f64,
}

/// One answer of a line that stays open.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub bytes: usize,
}

pub fn request(key: &str, path: &str, headers: &str) -> Arc<[u8]> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n{headers}\r\n").into_bytes().into()
}

/// One request over a connection of its own.
pub async fn ask(port: u16, request: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut room = vec![0; 64 * 1024];
    stream.write_all(request).await?;
    read(&mut stream, &mut room).await
}

/// Each connection asks again as soon as it was answered. Every answer must have that status.
pub async fn load(port: u16, request: &Arc<[u8]>, status: u16) -> Load {
    let cpu = own_cpu();
    let began = Instant::now();
    let clients = (0..CONNECTIONS).map(|_| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut room, mut times, mut bytes) = (vec![0; 64 * 1024], Vec::new(), 0);
            while began.elapsed() < TIME {
                let asked = Instant::now();
                stream.write_all(&request).await.unwrap();
                let answer = read(&mut stream, &mut room).await.unwrap();
                times.push(asked.elapsed());
                assert_eq!(answer.status, status, "{}", answer.head);
                bytes = answer.bytes;
            }
            (times, bytes)
        })
    });
    let (mut times, mut bytes) = (Vec::new(), 0);
    for client in join_all(clients).await {
        let (some, of_one) = client.unwrap();
        times.extend(some);
        bytes = of_one;
    }
    let took = began.elapsed().as_secs_f64();
    times.sort_unstable();
    Load {
        per_second: times.len() as f64 / took,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        bytes,
        client_cores: (own_cpu() - cpu).as_secs_f64() / took,
    }
}

async fn read(stream: &mut TcpStream, room: &mut [u8]) -> std::io::Result<Answer> {
    let closed = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let mut got = 0;
    let end = loop {
        let count = stream.read(&mut room[got..]).await?;
        if count == 0 {
            return Err(closed());
        }
        got += count;
        if let Some(end) = room[..got].windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&room[..end]).into_owned();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let bytes = if status == 304 { 0 } else { length.unwrap_or_default() };
    let mut left = (end + bytes).saturating_sub(got);
    while left > 0 {
        let limit = left.min(room.len());
        match stream.read(&mut room[..limit]).await? {
            0 => return Err(closed()),
            count => left -= count,
        }
    }
    Ok(Answer { status, head, bytes })
}

/// Processor time of this process.
pub fn own_cpu() -> Duration {
    // SAFETY: all zeroes is a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: it writes into a live value.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}
