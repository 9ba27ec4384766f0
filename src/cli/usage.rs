//! Errors for command lines that cannot be parsed: two lines that name the wrong word. A word that
//! may be a secret in the wrong place is not repeated (see `near`).

use std::error::Error as _;
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::complete::{Position, global_of};
use super::near::{
    by_synonym, corrected, is_public_service, is_safe_to_repeat, nearest, option_by_synonym,
};
use super::{help, manual, version};
use crate::config::{Env, contexts};
use crate::error::Error;
use crate::ui::{Color, Ui};

/// Prints the help, the version or the error, and returns the exit status.
pub(super) fn report(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let json = arguments.iter().any(|argument| argument == "--json");
    let ui = Ui::new(json, Color::Auto, &Env::of_process());
    match error.kind() {
        ErrorKind::DisplayHelp => {
            let text = help::of_words(&ui, &words_of(arguments));
            return ui
                .data(&ui.in_locale(&text))
                .map_or_else(|error| error.exit(), |()| 0);
        }
        ErrorKind::DisplayVersion => {
            return ui
                .data(&version::text(false))
                .map_or_else(|error| error.exit(), |()| 0);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
            if !json =>
        {
            ui.note(&help::of_words(&ui, &words_of(arguments)));
            return 2;
        }
        _ => {}
    }
    let invalid = understand(error, arguments);
    ui.error(&invalid);
    invalid.exit()
}

/// As [`report`] when a shell evaluates stdout: the help goes to stderr too.
pub(super) fn report_to_stderr(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let ui = Ui::new(false, Color::Auto, &Env::of_process());
    match error.kind() {
        ErrorKind::DisplayHelp => ui.note(&help::of_words(&ui, &words_of(arguments))),
        ErrorKind::DisplayVersion => ui.note(&version::text(false)),
        _ => return report(error, arguments),
    }
    0
}

/// The words after the program's name.
fn words_of(arguments: &[OsString]) -> Vec<String> {
    arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

fn understand(error: &clap::Error, arguments: &[OsString]) -> Error {
    let detail = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let (root, words) = (super::command(), words_of(arguments));
    let line = Line {
        root: &root,
        words: &words,
    };
    let argument = || plain(&detail(ContextKind::InvalidArg));
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = detail(ContextKind::InvalidSubcommand);
            let at = words
                .iter()
                .position(|one| *one == word)
                .unwrap_or_default();
            let walked = Position::along(&root, &words[..at]);
            no_such_command(&root, walked.command, &word, &words)
        }
        ErrorKind::UnknownArgument => line.unknown(&detail(ContextKind::InvalidArg)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Error::invalid("a command is missing", line.help())
        }
        ErrorKind::MissingRequiredArgument => line.missing(&argument()),
        ErrorKind::InvalidValue if detail(ContextKind::ValidValue).is_empty() => {
            Error::invalid(format!("{} needs a value", argument()), line.help())
        }
        ErrorKind::InvalidValue => line.no_such_value(
            &argument(),
            &detail(ContextKind::InvalidValue),
            &detail(ContextKind::ValidValue),
        ),
        ErrorKind::ValueValidation => {
            match error
                .source()
                .and_then(|source| source.downcast_ref::<Error>())
            {
                Some(own) => Error::invalid(format!("{}: {own}", argument()), own.hint()),
                None => Error::invalid(
                    format!("the value of {} is not valid", argument()),
                    line.help(),
                ),
            }
        }
        ErrorKind::ArgumentConflict => Error::invalid(
            format!(
                "{} cannot be used with {}",
                argument(),
                plain(&detail(ContextKind::PriorArg))
            ),
            line.help(),
        ),
        ErrorKind::InvalidUtf8 => Error::invalid("an argument is not UTF-8", line.help()),
        _ => Error::invalid("the arguments are not valid", line.help()),
    }
}

/// `--color <WHEN>` and `<SERVICE>` as they are typed: `--color`, `SERVICE`.
fn plain(argument: &str) -> String {
    let names = argument.split(", ").map(|one| match one.starts_with('-') {
        true => one.split([' ', '=']).next().unwrap_or_default().to_owned(),
        false => one.replace(['<', '>', '[', ']'], "").replace("...", ""),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The error for a command that `parent` does not have. `words` is the whole command line.
pub(super) fn no_such_command(
    root: &Command,
    parent: &Command,
    word: &str,
    words: &[String],
) -> Error {
    let at = words.iter().position(|one| one == word);
    let rest = at.map_or(&[][..], |at| &words[at + 1..]);
    let is_root = parent.get_name() == root.get_name();
    let owner = if is_root {
        String::new()
    } else {
        format!("{} ", parent.get_name())
    };
    let message = if is_safe_to_repeat(word) {
        format!("there is no command {owner}{word}")
    } else if is_root {
        "there is no such command".to_owned()
    } else {
        format!("{} has no such command", parent.get_name())
    };
    let names = || parent.get_subcommands().filter(|sub| !sub.is_hide_set());
    let all: Vec<&str> = names()
        .flat_map(|sub| std::iter::once(sub.get_name()).chain(sub.get_all_aliases()))
        .collect();
    let own_help = if is_root {
        "claude-vault help".to_owned()
    } else {
        format!("claude-vault help {}", parent.get_name())
    };
    // A known synonym beats a similar spelling.
    if parent.get_name() == "config" && ["set", "add", "get", "unset"].contains(&word) {
        return Error::invalid(
            message,
            "claude-vault config edit   (settings are lines in a file)",
        );
    }
    if parent.get_name() == "config" {
        return Error::invalid(message, "claude-vault config --all   (lists every setting)");
    }
    if is_root && let Some(way) = by_synonym(root, word, rest) {
        return Error::invalid(message, way);
    }
    let Some(near) = nearest(word, all).and_then(|near| parent.find_subcommand(near)) else {
        return Error::invalid(message, own_help);
    };
    let near = near.get_name();
    let line = at
        .and_then(|at| corrected(root, words, at, near))
        .unwrap_or_else(|| format!("claude-vault help {owner}{near}"));
    Error::invalid(message, format!("{line}   (did you mean {near}?)"))
}

/// The message for an option that the command does not have. It repeats the option's name only if
/// the name cannot be a secret.
fn no_such_option(command: &str, name: &str) -> String {
    // In a group of short options, only the first can be named.
    let shown = if name.starts_with("--") {
        Some(name)
    } else {
        name.get(..2)
    };
    match shown.filter(|shown| is_safe_to_repeat(shown)) {
        Some(shown) => format!("{command} has no option {shown}"),
        None => format!("{command} does not have one of these options"),
    }
}

/// The option that was probably meant: a known synonym, or one with a similar spelling.
fn near_option(name: &str, options: &[String]) -> Option<String> {
    let bare = options.iter().map(|option| option.trim_start_matches('-'));
    option_by_synonym(name, options)
        .map(str::to_owned)
        .or_else(|| nearest(name.trim_start_matches('-'), bare).map(|near| format!("--{near}")))
}

/// A command line that could not be parsed.
struct Line<'a> {
    root: &'a Command,
    words: &'a [String],
}

impl Line<'_> {
    fn path(&self) -> String {
        let walked = Position::along(self.root, self.words);
        walked
            .path
            .iter()
            .map(|command| command.get_name())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The command that shows the help for this command line.
    fn help(&self) -> String {
        format!("claude-vault help {}", self.path())
            .trim_end()
            .to_owned()
    }

    fn unknown(&self, argument: &str) -> Error {
        let name = argument.split('=').next().unwrap_or_default();
        let path = self.path();
        let command = if path.is_empty() {
            "claude-vault"
        } else {
            &path
        };
        if !name.starts_with('-') {
            let hint = if command == "context" {
                self.of_context()
            } else {
                self.help()
            };
            return Error::invalid(format!("{command} got too many arguments"), hint);
        }
        let message = no_such_option(command, name);
        let at = self
            .words
            .iter()
            .position(|word| word == argument || word.starts_with(&format!("{name}=")));
        let options: Vec<String> = Position::along(self.root, self.words)
            .options()
            .into_iter()
            .map(|(option, _)| option)
            .collect();
        let before = Position::along(self.root, &self.words[..at.unwrap_or_default()]);
        let is_misplaced = before.path.is_empty() && !path.is_empty();
        if is_misplaced && options.iter().any(|option| option == name) {
            return Error::invalid(format!("{name} must come after {path}"), self.help());
        }
        let Some(near) = near_option(name, &options) else {
            return Error::invalid(message, self.help());
        };
        let line = at
            .filter(|_| !is_misplaced)
            .filter(|at| self.words[*at] == name)
            .and_then(|at| corrected(self.root, self.words, at, &near));
        self.invalid_but_near(message, line, &near)
    }

    /// The typed service, if it looks like one.
    fn service(&self) -> Option<String> {
        let service = Position::along(self.root, self.words)
            .service()?
            .to_string();
        Some(service).filter(|service| is_public_service(service))
    }

    /// The hint for `context NAME`: no command switches contexts. A context is chosen for one
    /// command or for the shell.
    fn of_context(&self) -> String {
        let known = global_of(&Position::along(self.root, self.words))
            .and_then(|global| contexts(&global, &Env::of_process()))
            .map(|report| report.contexts)
            .unwrap_or_default();
        // Another word may be a secret.
        let is_context = |word: &&String| known.iter().any(|one| one.name == **word);
        let word = self
            .words
            .iter()
            .find(is_context)
            .map_or("NAME", String::as_str);
        format!(
            "claude-vault --context {word} status   (or for this shell: export \
             CLAUDE_VAULT_CONTEXT={word})"
        )
    }

    fn missing(&self, missing: &str) -> Error {
        let path = self.path();
        if missing.contains("COMMAND") && path == "exec" {
            let service = self.service().unwrap_or_else(|| "SERVICE".to_owned());
            let hint =
                format!("claude-vault exec {service} -- COMMAND   (-- comes before the command)");
            return Error::invalid("COMMAND is missing", hint);
        }
        if missing.contains("VERSION")
            && let Some(service) = self.service()
        {
            let hint = format!("claude-vault history {service}   (shows the versions)");
            return Error::invalid("VERSION is missing", hint);
        }
        let example = manual::examples(&path).iter().find(|example| {
            example.starts_with("claude-vault ") && example.len() > path.len() + 13
        });
        let hint = match example {
            Some(example) => format!(
                "{}   (for example; see: {})",
                example.split("  ").next().unwrap_or_default(),
                self.help()
            ),
            None => self.help(),
        };
        let are = if missing.contains(", ") { "are" } else { "is" };
        Error::invalid(format!("{missing} {are} missing"), hint)
    }

    fn no_such_value(&self, argument: &str, given: &str, valid: &str) -> Error {
        let message = format!("{argument} is not one of: {valid}");
        let Some(near) = nearest(given, valid.split(", ")) else {
            return Error::invalid(message, self.help());
        };
        let at = self
            .words
            .iter()
            .position(|word| word == given || word.ends_with(&format!("={given}")));
        let line = at.and_then(|at| {
            let with = self.words[at]
                .strip_suffix(given)
                .map(|before| format!("{before}{near}"))?;
            corrected(self.root, self.words, at, &with)
        });
        self.invalid_but_near(message, line, near)
    }

    /// The error for a word that is similar to `near`. The hint is the corrected command line, if
    /// that is safe to repeat, or else the help.
    fn invalid_but_near(&self, message: String, line: Option<String>, near: &str) -> Error {
        let line = line.unwrap_or_else(|| self.help());
        Error::invalid(message, format!("{line}   (did you mean {near}?)"))
    }
}
