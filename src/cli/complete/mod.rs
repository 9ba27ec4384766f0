//! Completion: the shells' scripts call the program at every Tab, so the candidates always match
//! what the command line takes.
//!
//! `claude-vault complete SHELL …` prints one line with the kind of candidates (see [`Kind`]), then
//! one line per candidate: the word, a tab and its description. Errors are silent and slow look-ups
//! are cut off, because a person is typing. Nothing is written to the audit log, which records
//! actions.

mod line;
mod live;
mod walk;

use std::ffi::OsString;

use self::live::Live;
pub(super) use self::live::{global_of, keys};
pub(super) use self::walk::{Position, takes_key, takes_service};
use crate::ui::{Color, Ui};

/// The shells that ask for completions. Each passes the words in its own form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// The line up to the cursor, and the part of the last word that bash replaces.
    Bash,
    /// Words without quotes; the last one is being typed.
    Zsh,
    Fish,
    Elvish,
    /// As the three above, but with a `=` before each word: old versions drop empty words.
    Powershell,
}

/// What a shell offers besides the candidates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only the candidates.
    Names,
    /// Files, after the first `prefix` characters of the word.
    Files,
    /// Folders, after the first `prefix` characters of the word.
    Folders,
    /// Programs on PATH.
    Programs,
    /// A command line of another program, which starts at word `prefix`.
    Command,
}

/// A word that can come next, and its description.
type Candidate = (String, String);

struct Answer {
    kind: Kind,
    prefix: usize,
    candidates: Vec<Candidate>,
}

impl Answer {
    fn of(kind: Kind, prefix: usize) -> Self {
        Self {
            kind,
            prefix,
            candidates: Vec::new(),
        }
    }
}

/// Answers a shell. `arguments` are the words after `complete`. Returns `None` if the first is not
/// a known shell.
pub(super) fn run(arguments: &[OsString]) -> Option<u8> {
    let asker = match arguments.first()?.to_str()? {
        "bash" => Asker::Bash,
        "zsh" => Asker::Zsh,
        "fish" => Asker::Fish,
        "elvish" => Asker::Elvish,
        "powershell" => Asker::Powershell,
        _ => return None,
    };
    let words: Vec<String> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (mut words, replaced) = match asker {
        Asker::Bash => {
            let mut words = line::split(words.first()?);
            words.remove(0);
            (
                words,
                arguments.get(2).map(|tail| {
                    line::split(&tail.to_string_lossy())
                        .pop()
                        .unwrap_or_default()
                }),
            )
        }
        Asker::Powershell => (
            words
                .into_iter()
                .map(|word| word.trim_start_matches('=').to_owned())
                .collect(),
            None,
        ),
        Asker::Zsh | Asker::Fish | Asker::Elvish => (words, None),
    };
    let typed = words.pop().unwrap_or_default();
    let root = super::command();
    let answer = answer(&Position::along(&root, &words), &typed);
    let text = text(asker, &answer, &typed, replaced.as_deref());
    Some(
        Ui::new(false, Color::Never, &crate::config::Env::default())
            .data(&text)
            .map_or(1, |()| 0),
    )
}

fn answer(walked: &Position<'_>, typed: &str) -> Answer {
    if let Some(start) = walked.other_command {
        return Answer::of(Kind::Command, start);
    }
    if let Some(argument) = walked.waits_for_value {
        return value(walked, argument, typed, 0);
    }
    if typed.starts_with('-') && !walked.only_positionals {
        if let Some((option, _)) = typed.split_once('=') {
            let argument = walked
                .option(option)
                .filter(|argument| argument.get_action().takes_values());
            return argument.map_or(Answer::of(Kind::Names, 0), |argument| {
                value(walked, argument, typed, option.len() + 1)
            });
        }
        return Answer {
            candidates: walked.options(),
            ..Answer::of(Kind::Names, 0)
        };
    }
    let commands = walked.subcommands(typed);
    if !commands.is_empty() {
        return Answer {
            candidates: commands,
            ..Answer::of(Kind::Names, 0)
        };
    }
    match walked.positional() {
        Some(argument) => value(walked, argument, typed, 0),
        // Only options can follow.
        None if typed.is_empty() => Answer {
            candidates: walked.own_options(),
            ..Answer::of(Kind::Names, 0)
        },
        None => Answer::of(Kind::Names, 0),
    }
}

/// Completes the value of an argument. The value starts at byte `from` of `typed`.
fn value(walked: &Position<'_>, argument: &clap::Arg, typed: &str, from: usize) -> Answer {
    let (before, value) = typed.split_at(from);
    let listed = argument
        .get_value_delimiter()
        .and_then(|comma| value.rfind(comma))
        .map_or(0, |at| at + 1);
    let (before, value) = (format!("{before}{}", &value[..listed]), &value[listed..]);
    let possible: Vec<Candidate> = argument
        .get_possible_values()
        .iter()
        .filter(|possible| !possible.is_hide_set())
        .map(|possible| {
            (
                possible.get_name().to_owned(),
                possible
                    .get_help()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            )
        })
        .collect();
    if !possible.is_empty() {
        return Answer {
            candidates: with_prefix(&before, possible),
            ..Answer::of(Kind::Names, 0)
        };
    }
    if let Some(kind) = walk::path_kind(walked.command, argument) {
        return Answer::of(kind, before.chars().count());
    }
    let Some(live) = Live::of(walked, argument) else {
        return Answer::of(Kind::Names, 0);
    };
    if let (Live::Keys(_), Some((key, given))) = (&live, value.split_once('=')) {
        // Complete the file of KEY=@FILE and KEY:=@FILE. Any other text after the sign is a value.
        let kind = if given.starts_with('@') {
            Kind::Files
        } else {
            Kind::Names
        };
        return Answer::of(kind, before.chars().count() + key.chars().count() + 2);
    }
    let names = live
        .names(walked, value)
        .into_iter()
        .map(|name| (name, String::new()))
        .collect();
    Answer {
        candidates: with_prefix(&before, names),
        ..Answer::of(Kind::Names, 0)
    }
}

fn with_prefix(prefix: &str, candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates
        .into_iter()
        .map(|(word, about)| (format!("{prefix}{word}"), about))
        .collect()
}

/// Formats the answer for the shells' scripts.
fn text(asker: Asker, answer: &Answer, typed: &str, replaced: Option<&str>) -> String {
    let kind = match answer.kind {
        Kind::Names => "names",
        Kind::Files => "files",
        Kind::Folders => "folders",
        Kind::Programs => "programs",
        Kind::Command => "command",
    };
    let mut text = format!("{kind}\t{}\n", answer.prefix);
    // zsh filters by its own rules. fish does too, but it searches the descriptions as well, so it
    // gets only the candidates whose names contain the typed text.
    let lower = typed.to_lowercase();
    let offered = |word: &str| match asker {
        Asker::Bash | Asker::Elvish | Asker::Powershell => word.starts_with(typed),
        Asker::Fish => word.to_lowercase().contains(&lower),
        Asker::Zsh => true,
    };
    let kept = replaced
        .filter(|replaced| typed.ends_with(replaced))
        .map_or(0, |replaced| typed.len() - replaced.len());
    let kept = if replaced.is_some() { kept } else { 0 };
    for (word, about) in &answer.candidates {
        if offered(word) {
            let about: String = about.lines().next().unwrap_or_default().replace('\t', " ");
            let word = word.get(kept..).unwrap_or(word);
            text += &if asker == Asker::Bash {
                format!("{word}\n")
            } else {
                format!("{word}\t{about}\n")
            };
        }
    }
    text
}
