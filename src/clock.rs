//! The time: the only room that reads it, so that a test can move it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a room gets the time from.
pub trait Clock: Send + Sync {
    /// Milliseconds UTC: what is shown and stored as a date. It jumps when the machine's clock is set.
    fn now_ms(&self) -> i64;

    /// Milliseconds since the machine started, time asleep included. It never jumps, and means nothing after a reboot: for how long
    /// something took or may take.
    fn boot_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        // A clock before 1970 reads as 0: nothing here depends on it being right, only on it moving.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    fn boot_ms(&self) -> i64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes into the struct that it is given, and nothing else.
        let rc = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
        assert_eq!(rc, 0, "Linux has had this clock since 2.6.39");
        time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

/// A clock that stands until a test moves it.
#[derive(Debug)]
pub struct TestClock {
    wall: AtomicI64,
    boot: AtomicI64,
}

impl TestClock {
    pub fn at(now_ms: i64) -> Self {
        Self { wall: AtomicI64::new(now_ms), boot: AtomicI64::new(0) }
    }

    /// Time passes, on both clocks. Returns the new time of day.
    pub fn advance(&self, ms: i64) -> i64 {
        self.boot.fetch_add(ms, Ordering::SeqCst);
        self.wall.fetch_add(ms, Ordering::SeqCst) + ms
    }

    /// The machine's clock is set: no time passes.
    pub fn set(&self, now_ms: i64) {
        self.wall.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn boot_ms(&self) -> i64 {
        self.boot.load(Ordering::SeqCst)
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now_ms(&self) -> i64 {
        (**self).now_ms()
    }

    fn boot_ms(&self) -> i64 {
        (**self).boot_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_machines_clock_lets_no_time_pass() {
        let clock = TestClock::at(1_000_000);
        clock.advance(50);
        clock.set(5);
        assert_eq!((clock.now_ms(), clock.boot_ms()), (5, 50));
        let before = SystemClock.boot_ms();
        assert!(before > 0 && SystemClock.boot_ms() >= before);
    }
}
