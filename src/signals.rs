//! What ends a program from outside.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for Ctrl-C, SIGTERM or a closed terminal.
pub async fn stopped() {
    Signals::new().stopped().await;
}

/// The signals from when this was made on: none is missed between two waits.
pub struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
}

impl Signals {
    /// Begins to take them.
    #[must_use]
    pub fn new() -> Self {
        let take = |kind| signal(kind).ok();
        Self {
            interrupt: take(SignalKind::interrupt()),
            terminate: take(SignalKind::terminate()),
            hangup: take(SignalKind::hangup()),
        }
    }

    /// Waits for any of them.
    pub async fn stopped(&mut self) {
        tokio::select! {
            () = wait(&mut self.interrupt) => {}
            () = wait(&mut self.terminate) => {}
            () = wait(&mut self.hangup) => {}
        }
    }

    /// Waits for SIGTERM or a closed terminal. Ctrl-C belongs to the program in front.
    pub async fn ended(&mut self) {
        tokio::select! {
            () = wait(&mut self.terminate) => {}
            () = wait(&mut self.hangup) => {}
        }
    }

    /// Discards a Ctrl-C meant for the child program, which may have exited before the signal
    /// reached us.
    pub async fn forget_interrupt(&mut self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
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
