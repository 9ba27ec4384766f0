//! The `init` command: prints the function for a shell to evaluate. Without a shell, it shows what
//! is not installed on this machine.

use std::path::Path;

use clap::ValueEnum;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::format::shell::{quote, quote_elvish, quote_fish, quote_json, quote_powershell};
use crate::launcher::LauncherFound;
use crate::ui::Ui;

/// A shell for which there is a function.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum For {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    #[value(alias = "nu")]
    Nushell,
    Elvish,
    Xonsh,
    Tcsh,
}

#[derive(clap::Args)]
#[command(after_help = "\
bash        eval \"$(claude-vault init bash)\"                in ~/.bashrc
zsh         eval \"$(claude-vault init zsh)\"                 in ~/.zshrc
fish        claude-vault init fish | source                 in ~/.config/fish/config.fish
PowerShell  claude-vault init powershell | Out-String | Invoke-Expression      in $PROFILE
            then claude-vault-login
Nushell     once: mkdir ($nu.data-dir | path join vendor autoload)
claude-vault init nushell | save --force ($nu.data-dir | path join vendor autoload claude-vault.nu)
elvish      eval (claude-vault init elvish | slurp)         in ~/.config/elvish/rc.elv
xonsh, in ~/.xonshrc:
execx(__import__('subprocess').check_output(['claude-vault', 'init', 'xonsh'], env=${...}.detype(), text=True))
tcsh        eval \"`claude-vault init tcsh`\"                 in ~/.tcshrc; then claude-vault-login
Others need nothing: source claude-vault login   (zsh: . claude-vault login; dash: . claude-vault)")]
pub(super) struct Init {
    /// The shell; if omitted, show what is not installed on this machine
    #[arg(value_enum)]
    shell: Option<For>,
}

impl Init {
    pub(super) fn run(self, ui: &Ui, env: &Env) -> Result<u8> {
        let Some(shell) = self.shell else {
            return look(ui, env);
        };
        let binary = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        ui.data(&function(shell, &binary.to_string_lossy()))
            .map(|()| 0)
    }
}

/// Returns the function for a shell, with the path of this binary filled in.
pub(super) fn function(shell: For, binary: &str) -> String {
    let with = |template: &str, quoted: String| template.replace("@BIN@", &quoted);
    match shell {
        For::Bash | For::Zsh => with(include_str!("../../shell/init.sh"), quote(binary)),
        For::Fish => with(include_str!("../../shell/init.fish"), quote_fish(binary)),
        For::Powershell => with(
            include_str!("../../shell/init.ps1"),
            quote_powershell(binary),
        ),
        For::Nushell => with(include_str!("../../shell/init.nu"), quote_json(binary)),
        For::Elvish => with(include_str!("../../shell/init.elv"), quote_elvish(binary)),
        For::Xonsh => with(include_str!("../../shell/init.xsh"), quote_json(binary)),
        For::Tcsh => tcsh(binary),
    }
}

/// The function for tcsh, without comments: tcsh's `eval` gets the text as one line, so a comment
/// would hide the rest.
fn tcsh(binary: &str) -> String {
    let alias = |word: &str| {
        quote(&format!(
            "eval \"`{} --source tcsh $?echo$?verbose {word} \\!*`\"",
            quote(binary)
        ))
    };
    let text = include_str!("../../shell/init.tcsh")
        .replace("@LOGIN@", &alias("login"))
        .replace("@LOGOUT@", &alias("logout"));
    let text = text.replace("@RENEW@", &alias("renew"));
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Prints what is not installed, and the one command that fixes it.
fn look(ui: &Ui, env: &Env) -> Result<u8> {
    let missing = missing(env);
    if missing.is_empty() {
        ui.data(&format!(
            "nothing is missing: {}\n",
            ui.shell().login_with_setup()
        ))?;
        return Ok(0);
    }
    ui.data(&format!("missing: {}\n", missing.join(", ")))?;
    match LauncherFound::on_path(env) {
        found @ LauncherFound::Other { hides: Some(_), .. } => ui.note(&found.fix()),
        LauncherFound::Nothing
        | LauncherFound::Launcher(_)
        | LauncherFound::Other { hides: None, .. } => {
            ui.note("to install them below ~/.local: claude-vault setup");
        }
    }
    Ok(1)
}

/// The parts of an installation that are missing on this machine.
fn missing(env: &Env) -> Vec<&'static str> {
    let on_path = env.search_path();
    // man and bash-completion look for their files in the `share` folder beside each folder on
    // PATH.
    let prefixes: Vec<&Path> = on_path
        .iter()
        .filter_map(|folder| folder.parent())
        .collect();
    let has = |file: &str| {
        prefixes
            .iter()
            .any(|prefix| prefix.join("share").join(file).is_file())
    };
    let mut missing = Vec::new();
    match LauncherFound::on_path(env) {
        LauncherFound::Nothing => missing.push("claude-vault on PATH"),
        LauncherFound::Other { .. } => missing.push("the launcher that source reads"),
        LauncherFound::Launcher(_) => {}
    }
    if !["man/man1/claude-vault.1", "man/man1/claude-vault.1.gz"]
        .iter()
        .any(|page| has(page))
    {
        missing.push("the manual");
    }
    if !has("bash-completion/completions/claude-vault") {
        missing.push("completions");
    }
    missing
}
