//! A command line that cannot be parsed: two lines, and nothing of what was typed, which may be
//! a secret in the wrong place.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::Env;
use crate::error::Error;
use crate::shell::Shell;
use crate::ui::{Color, Ui};

/// Prints help, version or the error, and gives the exit status.
pub(super) fn report(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let ui = Ui::new(json, Color::Auto, &Env::of_process());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = if ui.stdout_is_terminal() && ui.colors() {
                error.render().ansi().to_string()
            } else {
                error.render().to_string()
            };
            let text = begun_from(&text, ui.shell()) + &ui.shell().spell(&examples(error, arguments));
            return ui.data(&ui.in_locale(&text)).map_or_else(|error| error.exit(), |()| 0);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand if !json => {
            ui.note(&begun_from(&error.render().to_string(), ui.shell()));
            return 2;
        }
        _ => {}
    }
    let invalid = understand(error, arguments);
    ui.error(&invalid);
    invalid.exit()
}

/// Help whose start is that of this shell.
fn begun_from(help: &str, shell: Shell) -> String {
    match shell {
        Shell::Sh => help.to_owned(),
        _ => help.replace("source claude-vault login\nWithout a Vault", &format!("{}\nWithout a Vault", shell.first_login())),
    }
}

/// The examples of the command whose help is asked for.
fn examples(error: &clap::Error, arguments: &[OsString]) -> String {
    if error.kind() == ErrorKind::DisplayVersion {
        return String::new();
    }
    let words: Vec<&str> =
        arguments.iter().skip(1).filter_map(|word| word.to_str()).take_while(|word| !word.starts_with('-')).collect();
    let lines = super::manual::examples(&words.join(" "));
    lines.iter().fold(String::from(if lines.is_empty() { "" } else { "\nExamples:\n" }), |text, line| text + "  " + line + "\n")
}

/// The same where stdout is evaluated by a shell: help goes to stderr too.
pub(super) fn report_to_stderr(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let ui = Ui::new(false, Color::Auto, &Env::of_process());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        ui.note(&error.render().to_string());
        return 0;
    }
    report(error, arguments)
}

fn understand(error: &clap::Error, arguments: &[OsString]) -> Error {
    let ours = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let help = help_for(arguments);
    let did_you_mean =
        |suggestion: Option<String>| suggestion.map_or_else(|| help.clone(), |s| format!("did you mean {s}?   {help}"));
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            Error::invalid("there is no such command", did_you_mean(ours(ContextKind::SuggestedSubcommand)))
        }
        ErrorKind::UnknownArgument => {
            Error::invalid("an argument is not known, or is one too many", did_you_mean(ours(ContextKind::SuggestedArg)))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Error::invalid("a command is missing", help)
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = ours(ContextKind::InvalidArg).unwrap_or_default();
            let hint = if missing.contains("COMMAND") {
                format!("put -- before the command: claude-vault exec SERVICE -- COMMAND   {help}")
            } else {
                help
            };
            Error::invalid(format!("missing: {missing}"), hint)
        }
        ErrorKind::InvalidValue if ours(ContextKind::ValidValue).unwrap_or_default().is_empty() => {
            Error::invalid(format!("{} needs a value", ours(ContextKind::InvalidArg).unwrap_or_default()), help)
        }
        ErrorKind::InvalidValue => Error::invalid(
            format!(
                "the value of {} is not one of: {}",
                ours(ContextKind::InvalidArg).unwrap_or_default(),
                ours(ContextKind::ValidValue).unwrap_or_default()
            ),
            did_you_mean(ours(ContextKind::SuggestedValue)),
        ),
        ErrorKind::ValueValidation => match error.source().and_then(|source| source.downcast_ref::<Error>()) {
            Some(own) => Error::invalid(own.to_string(), own.hint()),
            None => {
                Error::invalid(format!("the value of {} is not valid", ours(ContextKind::InvalidArg).unwrap_or_default()), help)
            }
        },
        ErrorKind::ArgumentConflict => Error::invalid(
            format!(
                "{} cannot go with {}",
                ours(ContextKind::InvalidArg).unwrap_or_default(),
                ours(ContextKind::PriorArg).unwrap_or_default()
            ),
            help,
        ),
        ErrorKind::InvalidUtf8 => Error::invalid("an argument is not UTF-8", help),
        _ => Error::invalid("the arguments do not fit", help),
    }
}

/// `claude-vault COMMAND --help`, for a command that exists.
fn help_for(arguments: &[OsString]) -> String {
    use clap::CommandFactory;
    let known = super::Cli::command();
    let command = arguments
        .iter()
        .skip(1)
        .filter_map(|a| a.to_str())
        .find_map(|a| known.find_subcommand(a))
        .map(|c| c.get_name().to_owned());
    command.map_or_else(|| "claude-vault --help".into(), |name| format!("claude-vault {name} --help"))
}
