//! A TCP proxy inside the test process, between a client and a server, that can do what bad lines do.
//!
//! All switches act on living connections too, at once. Counts connections and bytes; [`Proxy::wait`] waits for them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How long [`Proxy::wait`] waits before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// from the client to the server
    Up = 0,
    /// from the server to the client
    Down = 1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Good,
    /// Bytes are held and delivered later: an outage that heals.
    Frozen,
    /// Bytes vanish: a connection that lost some stays mute for ever.
    Swallowing,
    /// New connections are closed at once.
    Refusing,
}

/// What came through until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: usize,
    pub open: usize,
    pub up: u64,
    pub down: u64,
}

struct State {
    line: Line,
    delay: Duration,
    /// The connection breaks after so many more bytes that way.
    cut: [Option<u64>; 2],
    connections: usize,
    bytes: [u64; 2],
    open: HashMap<usize, Connection>,
    ended: bool,
}

struct Connection {
    ends: [TcpStream; 2],
    /// How many of the two ways have come to their end.
    ways_over: usize,
}

impl State {
    fn counts(&self) -> Counts {
        let [up, down] = self.bytes;
        Counts { connections: self.connections, open: self.open.len(), up, down }
    }
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

pub struct Proxy {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy on a free port of loopback; a good line until told otherwise.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (line, delay, cut) = (Line::Good, Duration::ZERO, [None; 2]);
        let state = State { line, delay, cut, connections: 0, bytes: [0; 2], open: HashMap::new(), ended: false };
        let shared = Arc::new(Shared { target, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = shared.clone();
        spawn(move || accepting.accept(&listener));
        Self { addr, shared }
    }

    /// A proxy to a port of this machine.
    pub fn to_port(port: u16) -> Self {
        Self::to(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Time that a byte takes, one way: half of the round trip.
    pub fn delay(&self, delay: Duration) {
        self.set(|state| state.delay = delay);
    }

    /// Holds all bytes until [`Proxy::heal`]; nothing is lost.
    pub fn freeze(&self) {
        self.set(|state| state.line = Line::Frozen);
    }

    /// A black hole: bytes vanish, new connections are accepted and stay mute.
    pub fn swallow(&self) {
        self.set(|state| state.line = Line::Swallowing);
    }

    /// Closes new connections at once; living ones stay.
    pub fn refuse(&self) {
        self.set(|state| state.line = Line::Refusing);
    }

    /// The end of freezing, swallowing and refusing.
    pub fn heal(&self) {
        self.set(|state| state.line = Line::Good);
    }

    /// Resets the connection that carries the `bytes`-th byte from now on that way; exactly so many are delivered. Once.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.set(|state| state.cut[way as usize] = Some(bytes));
    }

    /// Resets (RST) all living connections.
    pub fn reset(&self) {
        let mut state = self.shared.lock();
        state.open.drain().for_each(|(_, connection)| connection.ends.iter().for_each(reset));
        self.shared.changed.notify_all();
    }

    /// Ends all living connections properly (FIN).
    pub fn close(&self) {
        let ends = |state: &mut State| {
            let ends = state.open.values().flat_map(|connection| &connection.ends);
            ends.for_each(|end| drop(end.shutdown(Shutdown::Both)));
        };
        self.set(ends);
    }

    pub fn counts(&self) -> Counts {
        self.shared.lock().counts()
    }

    /// Waits until the counts are as wanted and returns them.
    #[track_caller]
    pub fn wait(&self, wanted: impl Fn(&Counts) -> bool) -> Counts {
        let state = self.shared.lock();
        let waiting = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| !wanted(&state.counts()));
        let (state, timeout) = waiting.unwrap_or_else(PoisonError::into_inner);
        let (counts, line) = (state.counts(), state.line);
        drop(state);
        assert!(!timeout.timed_out(), "waited in vain at the proxy: {counts:?}, {line:?}");
        counts
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(|state| state.ended = true);
        self.close();
        let _ = TcpStream::connect(self.addr); // wakes the accepting thread, which then ends
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // a failed test must not fail again while it cleans up
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (id, client) in listener.incoming().flatten().enumerate() {
            let mut state = self.lock();
            if state.ended {
                return;
            }
            state.connections += 1;
            let refused = state.line == Line::Refusing;
            drop(state);
            self.changed.notify_all();
            if refused {
                continue;
            }
            let Ok(server) = TcpStream::connect(self.target) else {
                reset(&client);
                continue;
            };
            self.connect(id, client, server);
        }
    }

    fn connect(self: &Arc<Self>, id: usize, client: TcpStream, server: TcpStream) {
        let copy = |stream: &TcpStream| {
            stream.set_nodelay(true).unwrap();
            stream.try_clone().unwrap()
        };
        let connection = Connection { ends: [copy(&client), copy(&server)], ways_over: 0 };
        self.lock().open.insert(id, connection);
        self.changed.notify_all();
        for (way, from, to) in [(Way::Up, copy(&client), copy(&server)), (Way::Down, server, client)] {
            let (sender, receiver) = channel();
            let (reading, writing) = (self.clone(), self.clone());
            spawn(move || reading.read(from, &sender));
            spawn(move || writing.write(id, way, to, &receiver));
        }
    }

    /// Stamps each piece with the time when it arrives at the other end, so that a delay costs no throughput.
    fn read(&self, mut from: TcpStream, pieces: &Sender<(Instant, Vec<u8>)>) {
        let mut buffer = [0; 32 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + self.lock().delay;
            if pieces.send((due, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    }

    fn write(&self, id: usize, way: Way, mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
        let mut mute = false;
        for (due, mut piece) in pieces {
            sleep(due.saturating_duration_since(Instant::now()));
            let state = self.lock();
            let frozen = |state: &mut State| state.line == Line::Frozen && !state.ended && state.open.contains_key(&id);
            let mut state = self.changed.wait_while(state, frozen).unwrap_or_else(PoisonError::into_inner);
            mute |= state.line == Line::Swallowing;
            if mute {
                continue;
            }
            let cut = state.cut[way as usize].is_some_and(|left| left <= piece.len() as u64);
            if cut {
                piece.truncate(state.cut[way as usize].take().unwrap_or(0) as usize);
            } else if let Some(left) = &mut state.cut[way as usize] {
                *left -= piece.len() as u64;
            }
            drop(state);
            let written = to.write_all(&piece).is_ok();
            let mut state = self.lock();
            if written {
                state.bytes[way as usize] += piece.len() as u64;
            }
            let broken = cut || !written;
            if broken && let Some(connection) = state.open.remove(&id) {
                connection.ends.iter().for_each(reset);
            }
            drop(state);
            self.changed.notify_all();
            if broken {
                return;
            }
        }
        // The sender is at its end: say so to the receiver. A black hole says nothing.
        if !mute {
            let _ = to.shutdown(Shutdown::Write);
        }
        let mut state = self.lock();
        if let Some(connection) = state.open.get_mut(&id) {
            connection.ways_over += 1;
            if connection.ways_over == 2 {
                state.open.remove(&id);
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// Ends a connection with RST, at once and for all copies of the socket: a socket connected to nothing is a reset one.
fn reset(end: &TcpStream) {
    let nowhere = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the socket is open as long as `end` lives, and the address is a whole sockaddr.
    unsafe { libc::connect(end.as_raw_fd(), &nowhere, length) };
    let _ = end.shutdown(Shutdown::Both);
}
