//! `completions`: the committed files, as packagers install them.

use crate::error::Result;
use crate::ui::Ui;

#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

impl Completions {
    pub(super) fn run(self, ui: &Ui) -> Result<u8> {
        ui.data(match self.shell {
            Shell::Bash => include_str!("../../completions/claude-vault.bash"),
            Shell::Zsh => include_str!("../../completions/_claude-vault"),
            Shell::Fish => include_str!("../../completions/claude-vault.fish"),
            Shell::Powershell => include_str!("../../completions/_claude-vault.ps1"),
            Shell::Elvish => include_str!("../../completions/claude-vault.elv"),
        })?;
        Ok(0)
    }
}
