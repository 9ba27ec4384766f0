//! The `completions` command: prints the committed scripts, which packagers install too. Each
//! script calls `claude-vault complete` for its candidates.

use crate::error::Result;
use crate::ui::Ui;

const BASH: &str = include_str!("../../completions/claude-vault.bash");
const ZSH: &str = include_str!("../../completions/_claude-vault");
const FISH: &str = include_str!("../../completions/claude-vault.fish");

/// The completion scripts to install: the path below a prefix where each shell looks, and the text.
pub(super) const PLACES: [(&str, &str); 3] = [
    ("share/bash-completion/completions/claude-vault", BASH),
    ("share/zsh/site-functions/_claude-vault", ZSH),
    ("share/fish/vendor_completions.d/claude-vault.fish", FISH),
];

#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell to print the script for
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
