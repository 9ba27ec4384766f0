//! `completions`: the committed files, as packagers install them. Each asks `complete` what can be
//! typed.

use crate::error::Result;
use crate::ui::Ui;

const BASH: &str = include_str!("../../completions/claude-vault.bash");
const ZSH: &str = include_str!("../../completions/_claude-vault");
const FISH: &str = include_str!("../../completions/claude-vault.fish");

/// Where the shells look for completions below a prefix, and what belongs there.
pub(super) const PLACES: [(&str, &str); 3] = [
    ("share/bash-completion/completions/claude-vault", BASH),
    ("share/zsh/site-functions/_claude-vault", ZSH),
    ("share/fish/vendor_completions.d/claude-vault.fish", FISH),
];

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
            Shell::Bash => BASH,
            Shell::Zsh => ZSH,
            Shell::Fish => FISH,
            Shell::Powershell => include_str!("../../completions/_claude-vault.ps1"),
            Shell::Elvish => include_str!("../../completions/claude-vault.elv"),
        })?;
        Ok(0)
    }
}
