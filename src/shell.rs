//! The shells in which a login can set variables. Each has its own syntax for the lines that it
//! evaluates and for the commands in hints.

use std::borrow::Cow;
use std::path::Path;

use clap::ValueEnum;

use crate::format::shell::{
    quote, quote_elvish, quote_fish, quote_json, quote_powershell, quote_tcsh,
};

/// A shell, which determines the syntax of lines and hints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// POSIX shells: bash, zsh, ksh, mksh, dash, busybox
    Sh,
    /// For hints only: `source` in zsh searches the current folder first, but `.` does not.
    #[value(skip)]
    Zsh,
    /// For hints only: dash has no `source`, and its `.` passes no arguments.
    #[value(skip)]
    Dash,
    /// fish
    Fish,
    /// elvish, for eval
    Elvish,
    /// tcsh, for eval
    Tcsh,
    /// Nushell: one JSON object for load-env; null means hide-env
    Nushell,
    /// xonsh: the same object
    Xonsh,
    /// PowerShell: the same object
    Powershell,
}

impl Shell {
    /// The shell that a launcher or a shell function names after `--source`.
    pub(crate) fn of_source(name: Option<&str>) -> Self {
        name.and_then(|name| Self::from_str(name, false).ok())
            .unwrap_or(Self::Sh)
    }

    /// The shell that started this process, from the name of the parent process (proc(5), `stat`).
    /// `sudo` and `doas` are skipped. An unknown program counts as [`Shell::Sh`].
    pub(crate) fn of_parent() -> Self {
        let mut parent =
            rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
        for _ in 0..4 {
            let stat = std::fs::read_to_string(format!("/proc/{parent}/stat")).unwrap_or_default();
            let Some((start, end)) = stat.rsplit_once(") ") else {
                break;
            };
            let name = start.split_once('(').map_or("", |(_, name)| name);
            if !["sudo", "doas"].contains(&name) {
                // The process name of xonsh is its whole command line.
                return Self::of_program(name.split(' ').next().unwrap_or_default());
            }
            parent = end
                .split(' ')
                .nth(1)
                .and_then(|field| field.parse().ok())
                .unwrap_or_default();
        }
        Self::Sh
    }

    /// The shell that a program is, from its name or path.
    pub(crate) fn of_program(program: &str) -> Self {
        match Path::new(program)
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
        {
            "zsh" => Self::Zsh,
            "dash" | "sh" => Self::Dash, // `.` works in every shell that may be called sh
            "fish" => Self::Fish,
            "elvish" => Self::Elvish,
            "tcsh" | "csh" => Self::Tcsh,
            "nu" => Self::Nushell,
            "xonsh" => Self::Xonsh,
            "pwsh" => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// The command that defines our function in this shell, if the shell needs one.
    fn init(self) -> Option<&'static str> {
        match self {
            Self::Sh | Self::Dash | Self::Zsh => None,
            Self::Fish => Some("claude-vault init fish | source"),
            Self::Elvish => Some("eval (claude-vault init elvish | slurp)"),
            // Not `$(…)`: under load, it returns an empty text in xonsh 0.13.
            Self::Xonsh => Some(
                "execx(__import__('subprocess').check_output(['claude-vault', 'init', 'xonsh'], \
                 env=${...}.detype(), text=True))",
            ),
            Self::Tcsh => Some("eval \"`claude-vault init tcsh`\""),
            Self::Nushell => Some(
                "mkdir ($nu.data-dir | path join vendor autoload); claude-vault init nushell | \
                 save --force ($nu.data-dir | path join vendor autoload claude-vault.nu)",
            ),
            Self::Powershell => {
                Some("claude-vault init powershell | Out-String | Invoke-Expression")
            }
        }
    }

    /// The login command, once shell integration is installed.
    pub(crate) fn login(self) -> &'static str {
        match self {
            Self::Sh => "source claude-vault login",
            Self::Dash => ". claude-vault",
            Self::Zsh => ". claude-vault login",
            Self::Fish | Self::Elvish | Self::Xonsh | Self::Nushell => "claude-vault login",
            Self::Tcsh | Self::Powershell => "claude-vault-login",
        }
    }

    /// The login command for a shell without shell integration, including the set-up.
    pub(crate) fn login_with_setup(self) -> String {
        let then = if self == Self::Nushell {
            "then, in a new nu"
        } else {
            "then"
        };
        self.init().map_or_else(
            || self.login().to_owned(),
            |init| format!("{init}   {then}: {}", self.login()),
        )
    }

    /// The start-up file in which people extend PATH, and the line that adds `folder`.
    pub(crate) fn on_path(self, folder: &str) -> (&'static str, String) {
        match self {
            Self::Sh | Self::Dash => (
                "~/.profile or ~/.bashrc",
                format!("export PATH={}:\"$PATH\"", quote(folder)),
            ),
            Self::Zsh => (
                "~/.zshrc",
                format!("export PATH={}:\"$PATH\"", quote(folder)),
            ),
            Self::Fish => (
                "~/.config/fish/config.fish",
                format!("fish_add_path {}", quote_fish(folder)),
            ),
            Self::Elvish => (
                "~/.config/elvish/rc.elv",
                format!("set paths = [{} $@paths]", quote_elvish(folder)),
            ),
            Self::Tcsh => (
                "~/.tcshrc",
                format!("set path = ({} $path)", quote_tcsh(folder)),
            ),
            Self::Nushell => (
                "config.nu",
                format!("$env.PATH = ($env.PATH | prepend {})", quote_json(folder)),
            ),
            Self::Xonsh => (
                "~/.xonshrc",
                format!("$PATH.insert(0, {})", quote_json(folder)),
            ),
            Self::Powershell => (
                "$PROFILE",
                format!("$env:PATH = {} + \":$env:PATH\"", quote_powershell(folder)),
            ),
        }
    }

    /// The renewal command for a shell that may lack shell integration.
    pub(crate) fn renew_with_setup(self) -> String {
        self.hint("source claude-vault renew").into_owned()
    }

    /// A hint in the syntax of this shell. If the hint uses a function, such as
    /// `claude-vault-login`, the command that defines the function is added: the shell may lack it.
    pub(crate) fn hint(self, hint: &str) -> Cow<'_, str> {
        let spelled = self.translate(hint);
        match self.init() {
            // Without the function, the shell would only report an unknown command.
            Some(init)
                if ["-log", "-renew"]
                    .iter()
                    .any(|word| spelled.contains(&format!("claude-vault{word}")))
                    && !spelled.contains(init) =>
            {
                Cow::Owned(format!("{spelled}   (first, once: {init})"))
            }
            _ => spelled,
        }
    }

    /// Translates a hint from sh to this shell: `source claude-vault login`, `logout` or `renew`,
    /// `export NAME=VALUE` and `unset NAME`.
    pub(crate) fn translate(self, hint: &str) -> Cow<'_, str> {
        if self == Self::Sh {
            return Cow::Borrowed(hint);
        }
        let hint = match self.login().strip_suffix("login") {
            Some(start) => hint
                .replace("source claude-vault log", &format!("{start}log"))
                .replace("source claude-vault renew", &format!("{start}renew")),
            None => for_dash(hint),
        };
        let mut words = hint.split(' ');
        let mut spelled: Vec<Cow<'_, str>> = Vec::new();
        while let Some(word) = words.next() {
            let next = words.clone().next().unwrap_or_default();
            let (next, end) = next.split_at(next.trim_end_matches([')', ',', ';']).len());
            let is_name = |name: &str| {
                name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            };
            match (word, next.split_once('=')) {
                ("export", Some((name, value))) if is_name(name) => {
                    spelled.push((self.export(name, value) + end).into());
                }
                ("unset", None) if is_name(next) => {
                    spelled.push((self.unset_command(next) + end).into());
                }
                _ => {
                    spelled.push(word.into());
                    continue;
                }
            }
            words.next();
        }
        Cow::Owned(spelled.join(" "))
    }

    /// The command that sets a variable. The value must need no quotes in sh.
    fn export(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh | Self::Zsh | Self::Dash => format!("export {name}={value}"),
            Self::Fish => format!("set -gx {name} {value}"),
            // Quote the `[` of an IPv6 address: it starts a list in elvish and a pattern in tcsh.
            Self::Elvish if value.contains('[') => {
                format!("set-env {name} {}", quote_elvish(value))
            }
            Self::Tcsh if value.contains('[') => format!("setenv {name} {}", quote_tcsh(value)),
            Self::Elvish => format!("set-env {name} {value}"),
            Self::Tcsh => format!("setenv {name} {value}"),
            Self::Nushell => format!("$env.{name} = \"{value}\""),
            Self::Xonsh => format!("${name} = \"{value}\""),
            Self::Powershell => format!("$env:{name} = \"{value}\""),
        }
    }

    /// The command that unsets a variable.
    fn unset_command(self, name: &str) -> String {
        match self {
            Self::Sh | Self::Zsh | Self::Dash => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Elvish => format!("unset-env {name}"),
            Self::Tcsh => format!("unsetenv {name}"),
            Self::Nushell => format!("hide-env {name}"),
            Self::Xonsh => format!("del ${name}"),
            Self::Powershell => format!("Remove-Item Env:{name}"),
        }
    }

    /// The lines that set and export these variables.
    pub(crate) fn set(self, variables: &[(&str, &str)]) -> String {
        let each = |line: fn(&str, &str) -> String| {
            variables
                .iter()
                .map(|(name, value)| line(name, value))
                .collect::<String>()
        };
        match self {
            Self::Sh | Self::Zsh | Self::Dash => {
                let words: Vec<String> = variables
                    .iter()
                    .map(|(name, value)| format!("{name}={}", quote(value)))
                    .collect();
                format!("\\export {}\n", words.join(" "))
            }
            // fish's trace would show the token. The local variable switches it off until the end
            // of the sourced text.
            Self::Fish => {
                let lines = each(|name, value| format!("set -gx {name} {}\n", quote_fish(value)));
                format!("set -l fish_trace\n{lines}")
            }
            Self::Elvish => each(|name, value| format!("set-env {name} {}\n", quote_elvish(value))),
            Self::Tcsh => each(|name, value| format!("setenv {name} {};\n", quote_tcsh(value))),
            Self::Nushell | Self::Xonsh | Self::Powershell => {
                json_object(variables.iter().map(|(name, value)| (*name, Some(*value))))
            }
        }
    }

    /// The lines that set some variables and unset others.
    pub(crate) fn change(self, set: &[(&str, &str)], unset: &[&str]) -> String {
        match self {
            Self::Nushell | Self::Xonsh | Self::Powershell => json_object(
                set.iter()
                    .map(|(name, value)| (*name, Some(*value)))
                    .chain(unset.iter().map(|name| (*name, None))),
            ),
            Self::Sh | Self::Zsh | Self::Dash | Self::Fish | Self::Elvish | Self::Tcsh
                if unset.is_empty() =>
            {
                self.set(set)
            }
            Self::Sh | Self::Zsh | Self::Dash | Self::Fish | Self::Elvish | Self::Tcsh => {
                self.set(set) + &self.unset(unset)
            }
        }
    }

    /// The lines that unset these variables.
    pub(crate) fn unset(self, names: &[&str]) -> String {
        let each =
            |line: fn(&str) -> String| names.iter().map(|name| line(name)).collect::<String>();
        match self {
            Self::Sh | Self::Zsh | Self::Dash => format!("\\unset {}\n", names.join(" ")),
            Self::Fish => each(|name| format!("set -e {name}\n")),
            Self::Elvish => each(|name| format!("unset-env {name}\n")),
            Self::Tcsh => each(|name| format!("unsetenv {name};\n")),
            Self::Nushell | Self::Xonsh | Self::Powershell => {
                json_object(names.iter().map(|name| (*name, None)))
            }
        }
    }
}

/// Replaces `source claude-vault WORDS` for dash. Its `.` passes no arguments, so `set --` passes
/// the words. A login needs no words, because it is the default.
fn for_dash(hint: &str) -> String {
    let mut parts = hint.split("source claude-vault ");
    let start = parts.next().unwrap_or_default().to_owned();
    parts.fold(start, |text, part| {
        let end = ["   ", ")", ",", ";"]
            .iter()
            .filter_map(|mark| part.find(mark))
            .min()
            .unwrap_or(part.len());
        match part.split_at(end) {
            ("login", rest) => text + ". claude-vault" + rest,
            // The last `set --` keeps the next `.` from reading the same words again.
            (words, rest) => text + "set -- " + words + "; . claude-vault; set --" + rest,
        }
    })
}

fn json_object<'a>(variables: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let pairs: Vec<String> = variables
        .map(|(name, value)| format!("\"{name}\":{}", value.map_or("null".into(), quote_json)))
        .collect();
    format!("{{{}}}\n", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::Shell;

    #[test]
    fn hints_are_translated_to_the_syntax_of_the_shell() {
        let hint = "export VAULT_ADDR=https://v.example   (or: unset VAULT_TOKEN), then source \
            claude-vault login --force";
        for (shell, spelled) in [
            (Shell::Sh, hint),
            (
                Shell::Fish,
                "set -gx VAULT_ADDR https://v.example   (or: set -e VAULT_TOKEN), then \
                 claude-vault login --force",
            ),
            (
                Shell::Tcsh,
                "setenv VAULT_ADDR https://v.example   (or: unsetenv VAULT_TOKEN), then \
                 claude-vault-login --force",
            ),
            (
                Shell::Nushell,
                "$env.VAULT_ADDR = \"https://v.example\"   (or: hide-env VAULT_TOKEN), then \
                 claude-vault login --force",
            ),
        ] {
            assert_eq!(shell.translate(hint), spelled);
        }
        assert_eq!(
            Shell::Zsh.hint("unset A_B   (or: source claude-vault login)"),
            "unset A_B   (or: . claude-vault login)"
        );
        assert_eq!(
            Shell::Dash.translate("start over: source claude-vault login   (or more)"),
            "start over: . claude-vault   (or more)"
        );
        assert_eq!(
            Shell::Dash
                .translate("source claude-vault login --force, or source claude-vault logout"),
            "set -- login --force; . claude-vault; set --, or set -- logout; . claude-vault; set --"
        );
        for (shell, spelled) in [
            (Shell::Zsh, ". claude-vault renew"),
            (Shell::Fish, "claude-vault renew"),
            (Shell::Powershell, "claude-vault-renew"),
            (Shell::Dash, "set -- renew; . claude-vault; set --"),
        ] {
            assert_eq!(shell.translate("source claude-vault renew"), spelled);
        }
        assert_eq!(
            Shell::Elvish.translate("export VAULT_ADDR=[::1]:8200"),
            "set-env VAULT_ADDR '[::1]:8200'"
        );
        assert_eq!(
            Shell::Tcsh.hint("source claude-vault login"),
            "claude-vault-login   (first, once: eval \"`claude-vault init tcsh`\")"
        );
        assert_eq!(
            Shell::Elvish.translate("unset VAULT_ADDR   (or more)"),
            "unset-env VAULT_ADDR   (or more)"
        );
        assert_eq!(
            Shell::Tcsh.translate("unset echo verbose"),
            "unset echo verbose"
        ); // these are tcsh's own options, in lower case
    }

    #[test]
    fn a_shell_is_recognised_by_its_program_name() {
        assert_eq!(Shell::of_program("/usr/bin/fish"), Shell::Fish);
        assert_eq!(Shell::of_program("nu"), Shell::Nushell);
        assert_eq!(Shell::of_program("-bash"), Shell::Sh);
        assert_eq!(Shell::of_program(""), Shell::Sh);
    }
}
