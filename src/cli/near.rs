//! Suggestions for a wrong command line: the nearest name, or the command that does the same as a
//! word from another program.
//!
//! A typed word may be a secret in the wrong place. It is repeated only if it could be the name of
//! a command or option, or if it is in the position of a service or key and looks like one.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command};

use super::complete::{self, Position, global_of, takes_key, takes_service};
use crate::config::{Env, Settings};
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::names::{Service, is_public_name};

/// How long a person waits for a suggestion after an error.
const PATIENCE: Duration = Duration::from_secs(2);
/// The maximum length, in bytes, of a word that can pass as the name of a command or option.
const MAX_WORD: usize = 20;

/// Words that people know from other programs, and the commands for them here. Commands that do not
/// exist are skipped. Names in capitals are filled in from the words that follow.
const MEANINGS: [(&[&str], &[&str]); 17] = [
    (
        &["unset", "del", "remove", "erase", "drop", "destroy"],
        &["delete SERVICE KEY", "set SERVICE KEY"],
    ),
    (
        &["undo", "revert", "restore", "reset"],
        &[
            "rollback SERVICE VERSION",
            "undelete SERVICE",
            "get SERVICE --version 1",
        ],
    ),
    (&["recover", "unrm", "undel"], &["undelete SERVICE"]),
    (
        &["log", "logs", "versions", "version-history", "blame"],
        &["history SERVICE", "audit"],
    ),
    (
        &[
            "whoami",
            "login-status",
            "session",
            "who",
            "me",
            "info",
            "id",
        ],
        &["status"],
    ),
    (
        &["read", "cat", "view", "fetch", "print", "reveal"],
        &["get SERVICE KEY"],
    ),
    (
        &[
            "write", "add", "new", "create", "update", "insert", "save", "store",
        ],
        &["set SERVICE KEY"],
    ),
    (
        &["env", "source", "shell", "printenv"],
        &["exec SERVICE -- env"],
    ),
    (
        &["import", "load", "upload", "push"],
        &["adopt SERVICE", "set SERVICE --from FILE"],
    ),
    (
        &[
            "pull",
            "download",
            "render",
            "template",
            "sync",
            "write-env",
        ],
        &["inject SERVICE"],
    ),
    (
        &["search", "grep", "locate", "where"],
        &["find PATTERN", "list"],
    ),
    (
        &["backup", "dump"],
        &["export SERVICE", "get SERVICE --json"],
    ),
    (
        &[
            "token",
            "signin",
            "sign-in",
            "auth",
            "authenticate",
            "connect",
        ],
        &["login"],
    ),
    (
        &[
            "signout",
            "sign-out",
            "revoke",
            "exit",
            "quit",
            "disconnect",
        ],
        &["logout"],
    ),
    (&["move"], &["rename FROM TO"]),
    (&["clone", "duplicate"], &["copy FROM TO"]),
    (&["install", "uninstall", "upgrade"], &["setup"]),
];

/// Options that people know from other programs, and the names of these options here.
const OPTION_MEANINGS: [(&[&str], &str); 4] = [
    (
        &[
            "--yes",
            "-y",
            "--assume-yes",
            "--force",
            "--non-interactive",
            "--batch",
        ],
        "--no-confirm",
    ),
    (
        &[
            "-n",
            "--preview",
            "--simulate",
            "--plan",
            "--check",
            "--noop",
        ],
        "--dry-run",
    ),
    (
        &[
            "--show",
            "--show-values",
            "--unmask",
            "--plain",
            "--plaintext",
        ],
        "--reveal",
    ),
    (&["-o", "--output"], "--format"),
];

/// Whether an unknown word can be shown: it is short and has only lowercase letters and hyphens.
pub(super) fn is_safe_to_repeat(word: &str) -> bool {
    let plain = word.trim_start_matches('-');
    (1..=MAX_WORD).contains(&plain.len())
        && plain.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// The name that is nearest to a word, if it is similar enough.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word_lower = word.to_ascii_lowercase();
    let scored = names.into_iter().filter_map(|name| {
        let lower = name.to_ascii_lowercase();
        let distance = strsim::osa_distance(&word_lower, &lower);
        let limit = (word.chars().count().max(name.chars().count()) / 3).clamp(1, 3);
        let begins = word.len() >= 3 && lower.starts_with(&word_lower);
        // A distance as large as the shorter word means that the two have nothing in common.
        let is_near =
            distance <= limit && distance < word.chars().count().min(name.chars().count());
        (is_near || begins).then_some((if begins { 0 } else { distance }, name))
    });
    scored
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The option among `options` that does the same as `word` in other programs.
pub(super) fn option_by_synonym<'a>(word: &str, options: &'a [String]) -> Option<&'a str> {
    let means = |(words, _): &&(&[&str], &str)| words.contains(&word);
    let (_, option) = OPTION_MEANINGS
        .iter()
        .filter(means)
        .find(|(_, option)| options.iter().any(|one| one == option))?;
    options.iter().map(String::as_str).find(|one| one == option)
}

/// The command that does the same as `word` in other programs, with the names in `rest` filled in.
pub(super) fn by_synonym(root: &Command, word: &str, rest: &[String]) -> Option<String> {
    let (_, ways) = MEANINGS.iter().find(|(words, _)| words.contains(&word))?;
    let exists = |way: &&&str| {
        way.split(' ')
            .next()
            .is_some_and(|name| root.find_subcommand(name).is_some())
    };
    let mut ways = ways.iter().filter(exists).map(|way| filled(way, rest));
    let first = ways.next()?;
    Some(match ways.next() {
        Some(second) => format!("{first}   (or: {second})"),
        None => first,
    })
}

/// Fills the typed names into a command such as `delete SERVICE KEY`.
fn filled(way: &str, rest: &[String]) -> String {
    let mut typed = rest.iter().filter(|word| !word.starts_with('-'));
    let fill = |place: &str| -> String {
        let is_place = place.len() > 1 && place.bytes().all(|b| b.is_ascii_uppercase());
        let word = if is_place { typed.next() } else { None };
        let fits = |word: &&String| match place {
            "SERVICE" | "FROM" | "TO" => is_public_service(word),
            "VERSION" => word.len() < 6 && word.bytes().all(|b| b.is_ascii_digit()),
            _ => is_public_key(word),
        };
        word.filter(fits)
            .cloned()
            .unwrap_or_else(|| place.to_owned())
    };
    let words: Vec<String> = way.split(' ').map(fill).collect();
    let line = format!("claude-vault {}", words.join(" "));
    if changes_shell(way) {
        format!("source {line}")
    } else {
        line
    }
}

/// Whether a command changes the calling shell, and so must be sourced.
fn changes_shell(command: &str) -> bool {
    matches!(command, "login" | "logout" | "renew")
}

/// Whether a word is a key in capitals, as almost all keys are. In lowercase, it could be a
/// password in the wrong place.
fn is_public_key(word: &str) -> bool {
    is_public_name(word)
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

pub(super) fn is_public_service(word: &str) -> bool {
    word.parse::<Service>().is_ok() && word.split('/').all(is_public_name)
}

/// The command line with the word at `at` replaced. `None` if any other word may be a secret.
pub(super) fn corrected(root: &Command, words: &[String], at: usize, with: &str) -> Option<String> {
    replaced(root, words, at, with)
        .filter(|(_, is_whole)| *is_whole)
        .map(|(line, _)| line)
}

/// The command line with the word at `at` replaced, up to the first later word that may be a
/// secret. The flag is `false` if words were left out. `None` if an earlier word may be a secret.
fn replaced(root: &Command, words: &[String], at: usize, with: &str) -> Option<(String, bool)> {
    let mut line = vec!["claude-vault".to_owned()];
    let mut is_whole = true;
    for (number, word) in words.iter().enumerate() {
        let before: Vec<String> = line[1..].to_vec();
        let walked = Position::along(root, &before);
        let word = if number == at { with } else { word.as_str() };
        let is_shown =
            walked.other_command.is_none() && (number == at || is_harmless(&walked, word));
        if !is_shown && number < at {
            return None;
        }
        if !is_shown {
            is_whole = false;
            break;
        }
        line.push(word.to_owned());
    }
    let is_sourced = line.get(1).is_some_and(|command| changes_shell(command));
    Some((
        format!(
            "{}{}",
            if is_sourced { "source " } else { "" },
            line.join(" ")
        ),
        is_whole,
    ))
}

/// Whether the word is a known option, subcommand or value, or a public name in its position.
fn is_harmless(walked: &Position<'_>, word: &str) -> bool {
    let names = |argument: &Arg| {
        let possible = argument.get_possible_values();
        possible.iter().any(|value| value.get_name() == word)
            || (takes_service(argument) && is_public_service(word))
            || (takes_key(argument) && !takes_value(argument) && is_public_key(word))
    };
    if let Some(argument) = walked.waits_for_value {
        return names(argument);
    }
    if word.starts_with('-') {
        return word == "--" || walked.option(word).is_some();
    }
    walked.command.find_subcommand(word).is_some() || walked.positional().is_some_and(names)
}

/// Whether the argument can contain a value, as in KEY[=VALUE].
fn takes_value(argument: &Arg) -> bool {
    argument
        .get_value_names()
        .is_some_and(|names| names.iter().any(|name| name.contains("VALUE")))
}

/// Adds the nearest service or key in Vault to the hint of a not-found error.
pub(super) fn with_suggestion(error: Error, arguments: &[OsString]) -> Error {
    let Error::NotFound {
        what,
        missing,
        hint,
    } = error
    else {
        return error;
    };
    let words: Option<Vec<String>> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().map(str::to_owned))
        .collect();
    let found = words.and_then(|words| {
        let root = super::command();
        let walked = Position::along(&root, &words);
        let missing = missing.as_ref()?;
        let look = async {
            tokio::time::timeout(PATIENCE, known(&walked, missing))
                .await
                .unwrap_or(Err(Error::Interrupted))
        };
        let names = super::block_on(look).ok()?;
        let (Missing::Service(name) | Missing::Key(name)) = missing;
        let near = nearest(name, names.iter().map(String::as_str)).filter(|near| near != name)?;
        let at = words
            .iter()
            .position(|word| word == name || word.strip_suffix('/') == Some(name));
        Some(match at.and_then(|at| replaced(&root, &words, at, near)) {
            Some((line, true)) => format!("{line}   (did you mean {near}?)"),
            Some((line, false)) => format!("{line} …   (did you mean {near}?)"),
            None => format!("did you mean {near}?   {hint}"),
        })
    });
    Error::NotFound {
        missing,
        what,
        hint: found.unwrap_or(hint),
    }
}

/// Lists the services in the folder of the missing service, or the keys of the service, with one
/// request.
async fn known(walked: &Position<'_>, missing: &Missing) -> Result<Vec<String>> {
    let env = Env::of_process();
    let core = Core::new(Settings::load(&global_of(walked)?, &env)?, &env);
    let vault = core.vault()?;
    if let Missing::Service(name) = missing {
        let folder = name
            .rsplit_once('/')
            .map(|(folder, _)| folder.parse::<Service>())
            .transpose()?;
        let Some(listed) = vault.walk(folder, |_| false).next().await else {
            return Ok(Vec::new());
        };
        return Ok(listed?.1.services.iter().map(ToString::to_string).collect());
    }
    let Some(service) = walked.service() else {
        return Ok(Vec::new());
    };
    complete::keys(&vault, &service).await
}

#[cfg(test)]
mod tests {
    use super::{by_synonym, corrected, is_safe_to_repeat, nearest};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_name_is_suggested_only_if_it_is_similar() {
        let names = ["list", "login", "logout", "get", "set", "status", "history"];
        for (word, near) in [
            ("lsit", Some("list")),
            ("lits", Some("list")),
            ("gte", Some("get")),
            ("stat", Some("status")),
            ("hist", Some("history")),
            ("LOGIN", Some("login")),
            ("xyzzy", None),
            ("ab", None),
        ] {
            assert_eq!(nearest(word, names), near, "{word}");
        }
    }

    #[test]
    fn a_word_that_may_be_a_secret_is_not_repeated() {
        for word in ["unset", "--frm", "sign-in"] {
            assert!(is_safe_to_repeat(word), "{word}");
        }
        for word in [
            "hunter2",
            "S3cret",
            "a=b",
            "",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "x y",
        ] {
            assert!(!is_safe_to_repeat(word), "{word}");
        }
        let root = crate::cli::command();
        let suggested = by_synonym(&root, "add", &words("plex KEY hunter2")).unwrap_or_default();
        assert_eq!(suggested, "claude-vault set plex KEY");
        let suggested = by_synonym(
            &root,
            "read",
            &words("gAAAAABmYk3QxV0c9J1mFh7ZqkW8nTzR2yUe A"),
        )
        .unwrap_or_default();
        assert!(
            suggested.starts_with("claude-vault get SERVICE A"),
            "{suggested}"
        );
        assert_eq!(
            corrected(&root, &words("ste plex A=hunter2"), 0, "set"),
            None
        );
        assert_eq!(
            corrected(&root, &words("lsit plex --json"), 0, "list").as_deref(),
            Some("claude-vault list plex --json")
        );
    }
}
