//! Wrong keys are slowed down, by the address they come from. A key that was right before is never: behind a proxy all come from one.

use crate::http::error::ApiError;
use actix_web::http::StatusCode;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many wrong ones at once.
const BURST: u32 = 20;

/// Then one in this time.
const EVERY: Duration = Duration::from_secs(3);

/// Addresses and keys that are remembered.
const REMEMBERED: usize = 4096;

#[derive(Default)]
pub struct Throttle {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// When the last of the wrong ones from there would be forgiven.
    until: HashMap<Option<IpAddr>, Instant>,
    right: HashSet<[u8; 32]>,
}

impl Throttle {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to look at a key.
    pub fn check(&self, peer: Option<IpAddr>, key: &[u8; 32]) -> Result<(), ApiError> {
        self.check_at(Instant::now(), peer, key)
    }

    /// What came of it.
    pub fn note(&self, peer: Option<IpAddr>, key: &[u8; 32], was_right: bool) {
        self.note_at(Instant::now(), peer, key, was_right);
    }

    fn check_at(&self, now: Instant, peer: Option<IpAddr>, key: &[u8; 32]) -> Result<(), ApiError> {
        let inner = self.lock();
        if inner.right.contains(key) {
            return Ok(());
        }
        let owed = inner.until.get(&peer).map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        let over = owed.saturating_sub(EVERY * (BURST - 1));
        if over.is_zero() {
            return Ok(());
        }
        let text = "too many wrong keys came from there; wait a little";
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", text);
        Err(ApiError { retry_after: Some(over.as_secs() + 1), ..error })
    }

    fn note_at(&self, now: Instant, peer: Option<IpAddr>, key: &[u8; 32], was_right: bool) {
        let mut inner = self.lock();
        if was_right {
            if inner.right.len() >= REMEMBERED {
                inner.right.clear();
            }
            inner.right.insert(*key);
            return;
        }
        inner.right.remove(key);
        if inner.until.len() >= REMEMBERED {
            inner.until.retain(|_, until| *until > now);
        }
        let until = inner.until.entry(peer).or_insert(now);
        *until = (*until).max(now) + EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_keys_are_slowed_down_and_known_ones_are_not() {
        let throttle = Throttle::default();
        let (now, here, there) = (Instant::now(), Some([127, 0, 0, 1].into()), Some([127, 0, 0, 2].into()));
        throttle.note_at(now, here, &[1; 32], true);
        for n in 0..BURST {
            assert!(throttle.check_at(now, here, &[2; 32]).is_ok(), "{n}");
            throttle.note_at(now, here, &[2; 32], false);
        }
        let refused = throttle.check_at(now, here, &[2; 32]).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(4)));
        assert!(throttle.check_at(now, here, &[1; 32]).is_ok(), "it was right before");
        assert!(throttle.check_at(now, there, &[2; 32]).is_ok(), "from elsewhere");
        assert!(throttle.check_at(now + EVERY, here, &[2; 32]).is_ok(), "after a while");
    }
}
