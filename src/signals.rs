//! The signals that end this program: SIGINT (Ctrl-C), SIGTERM and SIGHUP (closed terminal).

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a signal may take to reach this process after it reached the child.
const DELIVERY: Duration = Duration::from_millis(50);

/// Waits for Ctrl-C, SIGTERM or a closed terminal.
pub(crate) async fn stopped() {
    Signals::new().stopped().await;
}

/// Collects signals from its creation on, so that none is missed between two waits.
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
}

impl Signals {
    /// Starts to collect signals. They no longer end the process by themselves.
    #[must_use]
    pub(crate) fn new() -> Self {
        let take = |kind| signal(kind).ok();
        Self {
            interrupt: take(SignalKind::interrupt()),
            terminate: take(SignalKind::terminate()),
            hangup: take(SignalKind::hangup()),
        }
    }

    /// Waits for Ctrl-C, SIGTERM or a closed terminal.
    pub(crate) async fn stopped(&mut self) {
        tokio::select! {
            () = wait(&mut self.interrupt) => {}
            () = wait(&mut self.terminate) => {}
            () = wait(&mut self.hangup) => {}
        }
    }

    /// Waits for SIGTERM or a closed terminal. Ctrl-C is left to the program in the foreground.
    pub(crate) async fn terminated(&mut self) {
        tokio::select! {
            () = wait(&mut self.terminate) => {}
            () = wait(&mut self.hangup) => {}
        }
    }

    /// Discards a Ctrl-C meant for the child program, which may have exited before the signal
    /// reached us. Nothing shows that no signal is on its way, so this waits for [`DELIVERY`].
    pub(crate) async fn forget_interrupt(&mut self) {
        tokio::time::sleep(DELIVERY).await;
        tokio::select! {
            biased;
            () = wait(&mut self.interrupt) => {}
            () = std::future::ready(()) => {}
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

async fn wait(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
