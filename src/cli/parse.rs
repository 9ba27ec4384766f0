//! Parses the command line.
//!
//! clap builds the definitions of all commands before it parses, and that costs more instructions
//! than everything else that `get` does. If the first word names a command, only this command is
//! built. Whatever that cannot parse, including every mistake and `--help`, is parsed again with all
//! commands, so that messages and suggestions are the same.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command as Definition, FromArgMatches, Parser};

use super::command::{Cli, Command, Options};
use super::{
    adopt, approve, audit, completions, config, context, copy, delete, dev, edit, example, exec,
    export, find, get, history, init, inject, list, login, logout, receive, renew, rollback, scan,
    set, share, status,
};

/// Parses a command line, starting with the program name.
///
/// # Errors
/// clap's error, with the help if that was asked for.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let named = arguments.get(1).and_then(|word| word.to_str());
    match named.and_then(|name| parse_named(name, arguments)) {
        Some(cli) => Ok(cli),
        None => Cli::try_parse_from(arguments),
    }
}

/// Declares the commands that are built alone. A command that is missing here is parsed with all
/// others, which is only slower.
macro_rules! named {
    ($($name:literal: $arguments:ty => $command:expr,)*) => {
        fn parse_named(name: &str, arguments: &[OsString]) -> Option<Cli> {
            match name {
                $($name => one::<$arguments>($name, arguments, $command),)*
                _ => None,
            }
        }

        #[cfg(test)]
        fn alone() -> Vec<Definition> {
            vec![$(<$arguments>::augment_args(Definition::new($name))),*]
        }
    };
}

named! {
    "adopt": adopt::Adopt => Command::Adopt,
    "approve": approve::Approve => Command::Approve,
    "audit": audit::Audit => Command::Audit,
    "completions": completions::Completions => Command::Completions,
    "config": config::Config => Command::Config,
    "context": context::List => Command::Context,
    "copy": copy::Copy => Command::Copy,
    "delete": delete::Delete => Command::Delete,
    "dev": dev::Dev => Command::Dev,
    "diff": history::Diff => Command::Diff,
    "edit": edit::Edit => Command::Edit,
    "example": example::Example => Command::Example,
    "exec": exec::Exec => Command::Exec,
    "export": export::Export => Command::Export,
    "find": find::Find => Command::Find,
    "get": get::Get => Command::Get,
    "history": history::History => Command::History,
    "init": init::Init => Command::Init,
    "inject": inject::Inject => Command::Inject,
    "list": list::List => Command::List,
    "login": login::Login => Command::Login,
    "logout": logout::Logout => Command::Logout,
    "mcp": Nothing => |_| Command::Mcp,
    "receive": receive::Receive => Command::Receive,
    "rename": copy::Copy => Command::Rename,
    "renew": renew::Renew => Command::Renew,
    "rollback": rollback::Rollback => Command::Rollback,
    "scan": scan::Scan => Command::Scan,
    "set": set::Set => |set| Command::Set(Box::new(set)),
    "share": share::Share => Command::Share,
    "status": status::Status => Command::Status,
    "undelete": delete::Undelete => Command::Undelete,
}

/// The arguments of a command that takes none.
#[derive(Args)]
struct Nothing {}

fn one<T: Args>(
    name: &'static str,
    arguments: &[OsString],
    command: impl FnOnce(T) -> Command,
) -> Option<Cli> {
    let mut matches = matches(name, arguments, T::augment_args)?;
    let (_, mut own) = matches.remove_subcommand()?;
    let command = command(T::from_arg_matches_mut(&mut own).ok()?);
    let options = Options::from_arg_matches_mut(&mut matches).ok();
    // Freeing them takes longer than parsing.
    std::mem::forget((matches, own));
    Some(Cli {
        options: options?,
        command,
    })
}

fn matches(
    name: &'static str,
    arguments: &[OsString],
    augment: fn(Definition) -> Definition,
) -> Option<ArgMatches> {
    let own = augment(Definition::new(name));
    let mut all = Options::augment_args(Definition::new("claude-vault"))
        .args_override_self(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommand(own);
    let matches = all.try_get_matches_from_mut(arguments).ok();
    std::mem::forget(all);
    matches
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn arguments(command: &Definition) -> Vec<&str> {
        command
            .get_arguments()
            .map(|arg| arg.get_id().as_str())
            .collect()
    }

    #[test]
    fn a_command_that_is_built_alone_has_the_arguments_of_the_whole() {
        let whole = <Cli as clap::CommandFactory>::command();
        for alone in alone() {
            let same = whole.find_subcommand(alone.get_name()).unwrap();
            assert_eq!(same.get_name(), alone.get_name(), "an alias");
            assert_eq!(arguments(same), arguments(&alone), "{}", alone.get_name());
        }
    }

    #[test]
    fn every_command_is_built_alone_or_is_used_seldom() {
        let seldom = [
            "clear-clipboard",
            "dev-server",
            "dev-sign-in",
            "doctor",
            "help",
            "setup",
            "version",
        ];
        let whole = <Cli as clap::CommandFactory>::command();
        let alone = alone();
        for command in whole.get_subcommands() {
            let name = command.get_name();
            let is_alone = alone.iter().any(|alone| alone.get_name() == name);
            assert!(is_alone != seldom.contains(&name), "{name}");
        }
    }

    #[test]
    fn options_before_and_after_the_command_are_parsed() {
        let parse = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            super::parse(&words)
        };
        for words in [
            ["claude-vault", "get", "plex", "A", "--json"],
            ["claude-vault", "--json", "get", "plex", "A"],
            ["claude-vault", "get", "--json", "plex", "A"],
        ] {
            let cli = parse(&words).unwrap();
            assert!(
                cli.options.json && matches!(cli.command, Command::Get(_)),
                "{words:?}"
            );
        }
        assert!(parse(&["claude-vault", "get", "--nope"]).is_err());
        assert!(parse(&["claude-vault", "gte"]).is_err());
    }
}
