//! How long a command waits for Vault in total, and the pauses between attempts.
//!
//! `VAULT_CLIENT_TIMEOUT` limits the whole command, or the whole call of a tool: all failed
//! attempts, slow answers and pauses count, however many requests they belong to. Quick answers do
//! not count, so work on thousands of services is not cut short.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The pause after the first failed attempt, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a command waits before the terminal shows it.
const NOTICE_AFTER: Duration = Duration::from_secs(1);
/// An answer that takes longer than this counts towards the timeout.
const SLOW: Duration = Duration::from_secs(5);

/// Why a command waits, for the person at the terminal.
pub struct WaitNotice<'a> {
    /// Scheme, host and port of the server.
    pub address: &'a str,
    /// The most seconds that the command goes on waiting.
    pub seconds: u64,
}

static NOTICE: OnceLock<fn(&WaitNotice<'_>)> = OnceLock::new();

/// Calls `notice` once for each wait for Vault that takes longer than a second. The first call of
/// this function wins.
pub fn on_wait(notice: fn(&WaitNotice<'_>)) {
    let _ = NOTICE.set(notice);
}

/// The time that a command may spend on waiting for Vault.
pub(super) struct Patience {
    limit: Duration,
    state: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    total: Duration,
    /// Time up to here is counted. Requests that wait at the same time count once.
    counted_to: Option<Instant>,
    is_noted: bool,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.lock().total)
    }

    /// Counts the time since `start`.
    pub(super) fn spend_since(&self, start: Instant) {
        let now = Instant::now();
        let mut spent = self.lock();
        let from = spent.counted_to.map_or(start, |to| to.max(start));
        spent.total += now.saturating_duration_since(from);
        spent.counted_to = Some(now);
    }

    /// Gives the whole time again, for the next operation of a long-lived process, and to all that
    /// still wait.
    pub(super) fn renew(&self) {
        *self.lock() = Spent {
            counted_to: Some(Instant::now()),
            ..Spent::default()
        };
    }

    /// Counts the time since `start` if it was a slow answer.
    pub(super) fn spend_if_slow(&self, start: Instant) {
        if start.elapsed() > SLOW {
            self.spend_since(start);
        }
    }

    /// Waits for `pause` and counts it. Returns whether there was time for it.
    pub(super) async fn pause(&self, pause: Duration, address: &str) -> bool {
        let left = self.left();
        if pause >= left {
            return false;
        }
        let start = Instant::now();
        self.notice(left, address);
        tokio::time::sleep(pause).await;
        self.spend_since(start);
        true
    }

    fn notice(&self, left: Duration, address: &str) {
        let mut spent = self.lock();
        if spent.total < NOTICE_AFTER || spent.is_noted {
            return;
        }
        spent.is_noted = true;
        drop(spent);
        if let Some(notice) = NOTICE.get() {
            notice(&WaitNotice {
                address,
                seconds: left.as_secs(),
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause before attempt `attempt + 1`: exponential, with jitter, so that clients that failed
/// together do not come back together.
pub(super) fn backoff(attempt: u32) -> Duration {
    let pause = (FIRST_PAUSE * (1 << attempt.min(6))).min(MAX_PAUSE);
    let [byte] = crate::random::bytes::<1>().unwrap_or([255]);
    // Between a half and the whole.
    pause / 2 + pause * u32::from(byte) / 510
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_to_two_seconds_and_never_repeats_exactly() {
        for (attempt, most) in [(0, 100), (1, 200), (4, 1600), (5, 2000), (40, 2000)] {
            let pauses: Vec<u128> = (0..64).map(|_| backoff(attempt).as_micros()).collect();
            let most = most * 1000;
            assert!(
                pauses.iter().all(|p| (most / 2..=most).contains(p)),
                "{pauses:?}"
            );
            assert!(pauses.iter().any(|p| *p != pauses[0]), "no jitter");
        }
    }

    #[test]
    fn requests_that_wait_at_the_same_time_count_once() {
        let patience = Patience::new(Duration::from_secs(60));
        let start = Instant::now().checked_sub(Duration::from_secs(10));
        for _ in 0..16 {
            patience.spend_since(start.unwrap_or_else(Instant::now));
        }
        let left = patience.left().as_secs_f64();
        assert!((49.0..=50.1).contains(&left), "{left}");
    }

    #[test]
    fn quick_answers_cost_nothing() {
        let patience = Patience::new(Duration::from_secs(60));
        patience.spend_if_slow(Instant::now());
        assert_eq!(patience.left(), Duration::from_secs(60));
    }
}
