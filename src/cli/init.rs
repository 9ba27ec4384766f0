//! `init`: the shell function for those who prefer one to `source`.

use crate::error::{Error, Result};
use crate::format::shell::{quote, quote_fish};
use crate::ui::Ui;

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(clap::Args)]
#[command(after_help = "\
bash:  eval \"$(claude-vault init bash)\"    in ~/.bashrc
zsh:   eval \"$(claude-vault init zsh)\"     in ~/.zshrc
fish:  claude-vault init fish | source     in ~/.config/fish/config.fish
Other shells need none: source claude-vault login   (dash: . claude-vault)")]
pub(super) struct Init {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Init {
    pub(super) fn run(self, ui: &Ui) -> Result<u8> {
        let binary = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        let binary = binary.to_string_lossy();
        let text = match self.shell {
            Shell::Bash => posix(&binary, "bash"),
            Shell::Zsh => posix(&binary, "zsh"),
            Shell::Fish => include_str!("../../shell/init.fish").replace("@BIN@", &quote_fish(&binary)),
        };
        ui.data(&text).map(|()| 0)
    }
}

fn posix(binary: &str, shell: &str) -> String {
    include_str!("../../shell/init.sh").replace("@BIN@", &quote(binary)).replace("@SHELL@", shell)
}
