//! The `version` command.

use crate::error::Result;
use crate::ui::Ui;

#[derive(clap::Args)]
pub(super) struct Version {
    /// Also print what a bug report needs
    #[arg(long)]
    verbose: bool,
}

impl Version {
    pub(super) fn run(&self, ui: &Ui) -> Result<u8> {
        if ui.json() {
            ui.data_json(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }))?;
        } else {
            ui.data(&text(self.verbose))?;
        }
        Ok(0)
    }
}

/// The version and, if `verbose` is set, what a bug report needs.
pub(super) fn text(verbose: bool) -> String {
    let version = format!("claude-vault {}\n", env!("CARGO_PKG_VERSION"));
    if !verbose {
        return version;
    }
    format!(
        "{version}target: {}-{}-{}\nbuild: {}\nmcp: 2024-11-05 to 2026-07-28\napproval: typed, \
         passkey, step-up\n",
        std::env::consts::ARCH,
        std::env::consts::OS,
        if cfg!(target_env = "musl") {
            "musl"
        } else {
            "gnu"
        },
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    )
}
