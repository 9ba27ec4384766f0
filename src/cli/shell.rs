//! The shells whose variables a login changes, each by its own syntax.

use clap::ValueEnum;

use crate::format::shell::{quote, quote_elvish, quote_fish, quote_json, quote_tcsh};

/// The syntax of the lines that hold the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Shell {
    /// POSIX shells: bash, zsh, ksh, mksh, dash, busybox
    Sh,
    /// fish
    Fish,
    /// elvish, for eval
    Elvish,
    /// tcsh, for eval
    Tcsh,
    /// Nushell: one JSON object for load-env; null says hide-env
    Nushell,
    /// xonsh: the same object
    Xonsh,
    /// PowerShell: the same object
    Powershell,
}

impl Shell {
    /// The shell that a launcher or a function names after `--source`.
    pub(super) fn of_source(name: Option<&str>) -> Self {
        name.and_then(|name| Self::from_str(name, false).ok()).unwrap_or(Self::Sh)
    }

    /// The lines that set these variables, for this shell and what it starts.
    pub(super) fn set(self, variables: &[(&str, &str)]) -> String {
        let each = |line: fn(&str, &str) -> String| variables.iter().map(|(name, value)| line(name, value)).collect::<String>();
        match self {
            Self::Sh => {
                let words: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
                format!("\\export {}\n", words.join(" "))
            }
            // Its trace would show the token; it is on again at the end of what is sourced.
            Self::Fish => {
                let lines = each(|name, value| format!("set -gx {name} {}\n", quote_fish(value)));
                format!("set -l fish_trace\n{lines}")
            }
            Self::Elvish => each(|name, value| format!("set-env {name} {}\n", quote_elvish(value))),
            Self::Tcsh => each(|name, value| format!("setenv {name} {};\n", quote_tcsh(value))),
            Self::Nushell | Self::Xonsh | Self::Powershell => object(variables.iter().map(|(name, value)| (*name, Some(*value)))),
        }
    }

    /// The lines that unset these variables.
    pub(super) fn unset(self, names: &[&str]) -> String {
        let each = |line: fn(&str) -> String| names.iter().map(|name| line(name)).collect::<String>();
        match self {
            Self::Sh => format!("\\unset {}\n", names.join(" ")),
            Self::Fish => each(|name| format!("set -e {name}\n")),
            Self::Elvish => each(|name| format!("unset-env {name}\n")),
            Self::Tcsh => each(|name| format!("unsetenv {name};\n")),
            Self::Nushell | Self::Xonsh | Self::Powershell => object(names.iter().map(|name| (*name, None))),
        }
    }
}

fn object<'a>(variables: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let pairs: Vec<String> =
        variables.map(|(name, value)| format!("\"{name}\":{}", value.map_or("null".into(), quote_json))).collect();
    format!("{{{}}}\n", pairs.join(","))
}
