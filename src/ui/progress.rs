//! The progress bar: the share that is done, the rate and the remaining time.

use std::fmt::Write;
use std::time::Instant;

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// The unit that the bar counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Services in Vault.
    Services,
    /// Files on disk.
    Files,
    /// Bytes received.
    Bytes,
}

/// A progress bar for work that began at `started`.
pub(super) fn bar(
    target: ProgressDrawTarget,
    started: Instant,
    total: u64,
    unit: Unit,
) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), target).with_elapsed(started.elapsed());
    let counted = match unit {
        Unit::Services => "{pos} of {len} services",
        Unit::Files => "{pos} of {len} files",
        Unit::Bytes => "{decimal_bytes} of {decimal_total_bytes}",
    };
    let template = format!("[{{bar:24}}] {counted}, {{rate}}, {{eta}} left");
    let rate = move |state: &ProgressState, out: &mut dyn Write| {
        let per_second = state.per_sec().max(0.0);
        // Writing to memory does not fail.
        let _ = match unit {
            Unit::Services | Unit::Files => write!(out, "{per_second:.0} a second"),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // not negative; rounding is fine
            Unit::Bytes => write!(out, "{} a second", DecimalBytes(per_second as u64)),
        };
    };
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
    }
    bar
}
