//! Follows the typed words through the clap definitions, to find what can come next.

use std::any::TypeId;

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, Command};

use super::{Candidate, Kind};
use crate::names::{Key, Service};

/// The position of the word that is being typed.
pub(in crate::cli) struct Position<'t> {
    root: &'t Command,
    /// The command named so far.
    pub command: &'t Command,
    /// That command and its parents, without the program itself.
    pub path: Vec<&'t Command>,
    /// The positional arguments given so far: name and value.
    pub given: Vec<(&'t str, String)>,
    /// The options given so far, by name.
    options_given: Vec<&'t str>,
    /// The global options and their values, as typed.
    pub global: Vec<String>,
    /// The option whose value comes next.
    pub waits_for_value: Option<&'t Arg>,
    /// `--` was given.
    pub only_positionals: bool,
    /// The index of the word at which another program's command line starts. The name
    /// `claude-vault` counts as a word.
    pub other_command: Option<usize>,
    /// `help` was given, so the words name commands.
    helps: bool,
}

impl<'t> Position<'t> {
    /// Follows the words before the one that is being typed.
    pub(in crate::cli) fn along(root: &'t Command, words: &[String]) -> Self {
        let mut walked = Self {
            root,
            command: root,
            path: Vec::new(),
            given: Vec::new(),
            options_given: Vec::new(),
            global: Vec::new(),
            waits_for_value: None,
            only_positionals: false,
            other_command: None,
            helps: false,
        };
        for (at, word) in words.iter().enumerate() {
            walked.step(word);
            let next = walked
                .positional()
                .filter(|next| next.is_last_set() || next.is_trailing_var_arg_set());
            if next.is_some()
                && (walked.only_positionals || next.is_some_and(Arg::is_trailing_var_arg_set))
            {
                walked.other_command = Some(at + 2);
                break;
            }
        }
        walked
    }

    fn step(&mut self, word: &str) {
        if let Some(argument) = self.waits_for_value.take() {
            self.note_global(argument, word);
        } else if self.only_positionals {
            self.take_positional(word);
        } else if word == "--" {
            self.only_positionals = true;
        } else if word.starts_with('-') && word != "-" {
            let (name, value) = word
                .split_once('=')
                .map_or((word, None), |(name, value)| (name, Some(value)));
            let Some(argument) = self.option(name) else {
                return;
            };
            self.options_given.push(argument.get_id().as_str());
            let is_optional = argument
                .get_num_args()
                .is_some_and(|count| count.min_values() == 0);
            match value {
                Some(value) => self.note_global(argument, value),
                None if argument.get_action().takes_values() && !is_optional => {
                    self.waits_for_value = Some(argument);
                }
                None if argument.is_global_set() => self.global.push(word.to_owned()),
                None => {}
            }
        } else if let Some(command) = self
            .command
            .find_subcommand(word)
            .filter(|_| self.given.is_empty())
        {
            self.helps |=
                self.command.get_name() == self.root.get_name() && command.get_name() == "help";
            self.path.push(command);
            self.command = if self.helps && command.get_name() == "help" {
                self.root
            } else {
                command
            };
        } else {
            self.take_positional(word);
        }
    }

    fn note_global(&mut self, argument: &Arg, value: &str) {
        if argument.is_global_set()
            && let Some(name) = argument.get_long()
        {
            self.global.push(format!("--{name}={value}"));
        }
    }

    fn take_positional(&mut self, word: &str) {
        if let Some(argument) = self.positional() {
            self.given
                .push((argument.get_id().as_str(), word.to_owned()));
        }
    }

    /// Finds an option by its name with hyphens: the command's own, or a global one.
    pub(in crate::cli) fn option(&self, name: &str) -> Option<&'t Arg> {
        let has_name = |argument: &&Arg| match name.strip_prefix("--") {
            Some(long) => {
                argument.get_long() == Some(long)
                    || argument
                        .get_all_aliases()
                        .is_some_and(|all| all.contains(&long))
            }
            None => argument
                .get_short()
                .is_some_and(|short| name == format!("-{short}")),
        };
        self.all_options().find(has_name)
    }

    fn all_options(&self) -> impl Iterator<Item = &'t Arg> + use<'t> {
        let (command, root) = (self.command, self.root);
        let own = command
            .get_arguments()
            .filter(|argument| !argument.is_positional() && !argument.is_global_set());
        own.chain(
            root.get_arguments()
                .filter(|argument| argument.is_global_set()),
        )
    }

    /// The positional argument that comes next.
    pub(in crate::cli) fn positional(&self) -> Option<&'t Arg> {
        if self.helps {
            return None;
        }
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let may_be_last = |argument: &&Arg| self.only_positionals || !argument.is_last_set();
        let given = |argument: &Arg| {
            self.given
                .iter()
                .any(|(name, _)| *name == argument.get_id().as_str())
        };
        let is_many = |argument: &Arg| matches!(argument.get_action(), ArgAction::Append);
        if self.only_positionals
            && let Some(last) = all.iter().find(|argument| argument.is_last_set())
        {
            return Some(last);
        }
        all.into_iter()
            .filter(may_be_last)
            .find(|argument| !given(argument) || is_many(argument))
    }

    /// The subcommands that can come next. Aliases are included only if no other name starts with
    /// `typed`.
    pub(super) fn subcommands(&self, typed: &str) -> Vec<Candidate> {
        if !self.given.is_empty() || self.only_positionals {
            return Vec::new();
        }
        let about = |command: &Command| {
            command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let shown = || {
            self.command
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
        };
        let mut found: Vec<Candidate> = shown()
            .map(|command| (command.get_name().to_owned(), about(command)))
            .collect();
        if self.helps && self.command.get_name() == self.root.get_name() {
            found.push((
                "options".into(),
                "The options that every command takes".into(),
            ));
            found.push((
                "dialects".into(),
                "The programs that read a .env file".into(),
            ));
        }
        if !found.iter().any(|(name, _)| name.starts_with(typed)) {
            found.extend(shown().flat_map(|command| {
                command
                    .get_all_aliases()
                    .map(|alias| (alias.to_owned(), about(command)))
            }));
        }
        found
    }

    /// The options that can still be given, the command's own first.
    pub(in crate::cli) fn options(&self) -> Vec<Candidate> {
        if self.helps {
            return Vec::new();
        }
        let mut found: Vec<Candidate> = self.can_be_given().filter_map(candidate).collect();
        found.push(("--help".into(), "Print help".into()));
        if self.command.get_name() == self.root.get_name() {
            found.push(("--version".into(), "Print the version".into()));
        }
        found
    }

    /// As [`Self::options`], without the global options and `--help`.
    pub(super) fn own_options(&self) -> Vec<Candidate> {
        if self.helps {
            return Vec::new();
        }
        self.can_be_given()
            .filter(|argument| !argument.is_global_set())
            .filter_map(candidate)
            .collect()
    }

    fn can_be_given(&self) -> impl Iterator<Item = &'t Arg> {
        let again =
            |argument: &Arg| matches!(argument.get_action(), ArgAction::Append | ArgAction::Count);
        let is_given = |argument: &Arg| self.options_given.contains(&argument.get_id().as_str());
        self.all_options().filter(move |argument| {
            !argument.is_hide_set() && (again(argument) || !is_given(argument))
        })
    }

    /// The service whose keys are completed: the first one on the command line.
    pub(in crate::cli) fn service(&self) -> Option<Service> {
        let is_service = |name: &str| {
            self.command
                .get_positionals()
                .any(|one| one.get_id() == name && takes_service(one))
        };
        let named = self.given.iter().find(|(name, _)| is_service(name))?;
        Service::from_folder(&named.1).ok()
    }
}

fn candidate(argument: &Arg) -> Option<Candidate> {
    let name = match (argument.get_long(), argument.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => return None,
    };
    Some((
        name,
        argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default(),
    ))
}

fn is_named(argument: &Arg, names: &[&str]) -> bool {
    argument
        .get_value_names()
        .is_some_and(|all| all.iter().any(|name| names.contains(&name.as_str())))
}

/// Whether the argument is a service in Vault.
pub(in crate::cli) fn takes_service(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<Service>()
        || is_named(argument, &["SERVICE"])
}

/// Whether the argument is, or starts with, a key of the service.
pub(in crate::cli) fn takes_key(argument: &Arg) -> bool {
    let starts = |name: &str| {
        name.strip_prefix("KEY")
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    argument.get_value_parser().type_id() == TypeId::of::<Key>()
        || argument
            .get_value_names()
            .is_some_and(|all| all.iter().any(|name| starts(name.as_str())))
}

/// Whether the argument is a version of the service.
pub(super) fn takes_version(argument: &Arg) -> bool {
    is_named(argument, &["VERSION", "V1", "V2"])
        || (argument.get_id() == "version" && argument.get_action().takes_values())
}

/// Whether the argument is a context of the config.
pub(super) fn takes_context(argument: &Arg) -> bool {
    is_named(argument, &["CONTEXT"]) || argument.get_id() == "context"
}

/// Whether the argument takes files, folders or programs. `None` if it takes none of these.
pub(super) fn path_kind(command: &Command, argument: &Arg) -> Option<Kind> {
    if takes_service(argument) {
        // A service to adopt is a folder.
        return (command.get_name() == "adopt" && argument.is_positional())
            .then_some(Kind::Folders);
    }
    match argument.get_value_hint() {
        ValueHint::DirPath => Some(Kind::Folders),
        _ if is_named(argument, &["DIR"]) => Some(Kind::Folders),
        ValueHint::AnyPath | ValueHint::FilePath => Some(Kind::Files),
        ValueHint::ExecutablePath | ValueHint::CommandName | ValueHint::CommandString => {
            Some(Kind::Programs)
        }
        _ if is_named(argument, &["FILE"]) => Some(Kind::Files),
        _ if is_named(argument, &["COMMAND"]) => Some(Kind::Programs),
        _ => None,
    }
}
