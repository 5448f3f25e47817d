//! The stream under a session: sleeps until its socket has something, instead of polling each millisecond. Linux, any stream socket.
//! All futures of one session must live on one thread.

use async_ssh2_lite::ssh2::{BlockDirections, Error as Ssh2Error, Session};
use async_ssh2_lite::{AsyncSessionStream, Error, util::ssh2_error_is_would_block};
use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Unanswered bytes end the connection after this time: finds a cut line also while nothing is asked.
const USER_TIMEOUT_MS: libc::c_int = 10_000;
/// A line without traffic is probed after this time.
const KEEPALIVE_IDLE_S: libc::c_int = 15;
const KEEPALIVE_INTERVAL_S: libc::c_int = 5;
/// Where the peek offset of a Unix socket stands before each operation; see `consumed`.
const PEEK_BASE: libc::c_int = 1 << 30;

pub(super) struct SshStream {
    socket: AsyncFd<OwnedFd>,
    tcp: bool,
    waiters: Arc<Waiters>,
    shared: Waker,
    out_blocked: AtomicBool,
}

/// tokio keeps one waker per direction and socket; an SSH session has many waiters. They all hang on one shared waker, and every
/// event of the socket wakes them all.
#[derive(Default)]
struct Waiters(Mutex<Vec<Waker>>);

impl Waiters {
    fn add(&self, waker: &Waker) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|w| w.will_wake(waker)) {
            all.push(waker.clone());
        }
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().for_each(Waker::wake);
    }
}

/// Ends a session at once, from anywhere: every pending operation fails. Hold it beside the session and drop it BEFORE the session:
/// libssh2 frees nothing of a session that still has an open channel and a live socket.
pub(super) struct Killer(OwnedFd);

impl Drop for Killer {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and open; the call touches no memory.
        unsafe { libc::shutdown(self.0.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

impl SshStream {
    /// Over TCP; sets the socket's options.
    pub(super) fn tcp(socket: TcpStream) -> io::Result<(Self, Killer)> {
        socket.set_nodelay(true)?;
        let fd = socket.as_raw_fd();
        set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, KEEPALIVE_IDLE_S)?;
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)?;
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, USER_TIMEOUT_MS)?;
        socket.set_nonblocking(true)?;
        Self::new(socket.into(), true)
    }

    /// Over one end of a socket pair, behind which a child process carries the bytes.
    pub(super) fn unix(socket: UnixStream) -> io::Result<(Self, Killer)> {
        socket.set_nonblocking(true)?;
        Self::new(socket.into(), false)
    }

    fn new(socket: OwnedFd, tcp: bool) -> io::Result<(Self, Killer)> {
        let killer = Killer(socket.as_fd().try_clone_to_owned()?);
        let waiters = Arc::new(Waiters::default());
        let shared = waiters.clone().into();
        // SAFETY: an OwnedFd names the same open descriptor for as long as it lives, and lives for as long as the registration.
        let socket = unsafe { AsyncFd::register(socket) }.map_err(io::Error::from)?;
        Ok((Self { socket, tcp, waiters, shared, out_blocked: AtomicBool::new(false) }, killer))
    }

    /// Runs an operation, and says whether it took bytes from the socket. An arrival in between may look like a taken byte; a taken
    /// byte is never overlooked.
    fn took<T>(&self, op: impl FnOnce() -> T) -> (T, bool) {
        let fd = self.socket.as_raw_fd();
        if self.tcp {
            // taken = received by the kernel, less what is still queued: before, the queue is asked last (an arrival in between makes
            // it smaller); after, it is asked first (makes it larger)
            let received = tcp_bytes_received(fd);
            let before = received - queued(fd);
            let result = op();
            let still_queued = queued(fd);
            (result, tcp_bytes_received(fd) - still_queued != before)
        } else {
            // a Unix socket counts no bytes, but each read moves its peek offset back by exactly what it took
            let armed = set_option(fd, libc::SOL_SOCKET, libc::SO_PEEK_OFF, PEEK_BASE).is_ok();
            let result = op();
            (result, armed && option(fd, libc::SOL_SOCKET, libc::SO_PEEK_OFF).is_none_or(|now| now != PEEK_BASE))
        }
    }

    fn poll_op<T, E: From<io::Error>>(
        &self,
        cx: &mut Context<'_>,
        op: &mut (dyn FnMut() -> Result<T, E> + Send),
        again: fn(&E) -> bool,
        session: &Session,
    ) -> Poll<Result<T, E>> {
        loop {
            let (result, took) = self.took(&mut *op);
            match result {
                Err(e) if again(&e) => {}
                result => {
                    // packets of other channels may lie in libssh2's queue now, and epoll will not tell their waiters; a half-sent
                    // packet of ours may have held them up; a broken session concerns them all
                    if took || self.out_blocked.swap(false, SeqCst) || result.is_err() {
                        self.waiters.clone().wake();
                    }
                    return Poll::Ready(result);
                }
            }
            if took {
                self.waiters.clone().wake();
                cx.waker().wake_by_ref(); // the other futures of this task (select!, join!)
            }
            let directions = session.block_directions();
            self.waiters.add(cx.waker());
            let shared = &mut Context::from_waker(&self.shared);
            let mut event = false;
            // libssh2 reads the descriptor behind tokio's back: forget the readiness, new bytes raise a new edge
            if directions != BlockDirections::Outbound
                && let Poll::Ready(ready) = self.socket.poll_read_ready(shared)
            {
                ready?.clear_ready();
                event = true;
            }
            if matches!(directions, BlockDirections::Outbound | BlockDirections::Both) {
                self.out_blocked.store(true, SeqCst);
                if let Poll::Ready(ready) = self.socket.poll_write_ready(shared) {
                    ready?.clear_ready();
                    event = true;
                }
            }
            if !event {
                return Poll::Pending;
            }
        }
    }
}

impl AsRawFd for SshStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn set_option(fd: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the pointer is to a live c_int and the length is its own.
    match unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn option(fd: RawFd, level: libc::c_int, name: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut len = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the pointer is to a live c_int and the length is its own.
    (unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &mut len) } == 0).then_some(value)
}

fn queued(fd: RawFd) -> i64 {
    let mut n: libc::c_int = 0;
    // SAFETY: FIONREAD writes one c_int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &mut n) };
    i64::from(n)
}

fn tcp_bytes_received(fd: RawFd) -> i64 {
    let mut info = [0u64; 17]; // struct tcp_info up to tcpi_bytes_received, at offset 128
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, which is the array's size.
    unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut len) };
    info[16] as i64
}

struct OpError(Result<Ssh2Error, io::Error>);

impl From<io::Error> for OpError {
    fn from(e: io::Error) -> Self {
        OpError(Err(e))
    }
}

impl AsyncSessionStream for SshStream {
    // what #[async_trait] expands to, written out, so that the crate async-trait need not be a dependency
    fn x_with<'s, 'e, 'f, R>(
        &'s self,
        mut op: impl FnMut() -> Result<R, Ssh2Error> + Send + 'f,
        session: &'e Session,
        _expected: BlockDirections,
        _sleep: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = Result<R, Error>> + Send + 'f>>
    where
        R: 'f,
        's: 'f,
        'e: 'f,
        Self: 'f,
    {
        let mut op = move || op().map_err(|e| OpError(Ok(e)));
        let again = |e: &OpError| matches!(&e.0, Ok(e) if ssh2_error_is_would_block(e));
        Box::pin(std::future::poll_fn(move |cx| {
            self.poll_op(cx, &mut op, again, session).map_err(|e| match e.0 {
                Ok(e) => e.into(),
                Err(e) => e.into(),
            })
        }))
    }

    fn poll_x_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut() -> Result<R, io::Error> + Send,
        session: &Session,
        _expected: BlockDirections,
        _sleep: Option<Duration>,
    ) -> Poll<Result<R, io::Error>> {
        self.poll_op(cx, &mut op, |e| e.kind() == io::ErrorKind::WouldBlock, session)
    }
}
