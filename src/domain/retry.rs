//! The retry rule: how long to wait before which try.

use std::time::Duration;

/// Tries to connect before a job's first step. After the last one the job fails as transient, `unreachable`.
pub const CONNECT_DELAYS_S: [u64; 5] = [1, 2, 5, 15, 30];

/// Between two tries of a server that is out of reach, for jobs that its outage does not fail.
pub const OUTAGE_DELAY_S: u64 = 30;

/// Between two tries of a cancel whose server shows another host key.
pub const CANCEL_DELAY_S: u64 = 60;

/// A step that ended transient: the budget is `job.max_attempts`.
pub const STEP_DELAYS_S: [u64; 5] = [2, 5, 15, 30, 60];

/// Between reconnects inside a step: grows to this and stays.
pub const RECONNECT_MAX_S: u64 = 15;

/// How long beyond a step's own limit its server may stay out of reach before a person is asked.
pub const LOST_GRACE: Duration = Duration::from_secs(600);

/// Jitter in both directions, in percent: a crowd of lanes must not come back in step.
pub const JITTER_PERCENT: u64 = 20;

/// `base` ± [`JITTER_PERCENT`]; `random` is uniform over all `u64`.
pub fn jittered(base: Duration, random: u64) -> Duration {
    let ms = base.as_millis() as u64;
    let span = ms * JITTER_PERCENT / 100;
    if span == 0 {
        return base;
    }
    Duration::from_millis(ms - span + random % (2 * span + 1))
}

/// The wait before try `attempt + 1` when `attempt` tries have failed, or none when the budget is spent.
pub fn connect_delay(attempt: i32, random: u64) -> Option<Duration> {
    pick(&CONNECT_DELAYS_S, attempt, random)
}

/// The wait between two tries of a server in an outage.
pub fn outage_delay(random: u64) -> Duration {
    jittered(Duration::from_secs(OUTAGE_DELAY_S), random)
}

/// The wait before a step's next run when `attempt` of the job's steps have ended transient.
pub fn step_delay(attempt: i32, random: u64) -> Duration {
    let at = usize::try_from(attempt.max(1) - 1).unwrap_or(0).min(STEP_DELAYS_S.len() - 1);
    jittered(Duration::from_secs(STEP_DELAYS_S[at]), random)
}

/// The wait before reconnect number `n` (from 1) inside a step.
pub fn reconnect_delay(n: u32, random: u64) -> Duration {
    let seconds = 1u64.checked_shl(n.saturating_sub(1)).unwrap_or(RECONNECT_MAX_S).min(RECONNECT_MAX_S);
    jittered(Duration::from_secs(seconds), random).min(Duration::from_secs(RECONNECT_MAX_S))
}

fn pick(table: &[u64], attempt: i32, random: u64) -> Option<Duration> {
    let at = usize::try_from(attempt.max(1) - 1).ok()?;
    table.get(at).map(|s| jittered(Duration::from_secs(*s), random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_fifth() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            let d = jittered(Duration::from_secs(10), random);
            assert!(d >= Duration::from_secs(8) && d <= Duration::from_secs(12), "{d:?}");
        }
    }

    #[test]
    fn connecting_is_tried_five_times_more() {
        assert!(connect_delay(5, 7).is_some());
        assert_eq!(connect_delay(6, 7), None);
    }

    #[test]
    fn reconnects_are_never_further_apart_than_the_limit() {
        for n in 1..200 {
            assert!(reconnect_delay(n, u64::MAX) <= Duration::from_secs(RECONNECT_MAX_S));
        }
    }
}
