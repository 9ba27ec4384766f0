//! A row of the table of settings, and what its sources say.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::values::{is_true, number};
use super::{Global, Settings};
use crate::error::{Error, Result};

/// A setting: where it can be said, how it is read, and how it is shown.
pub(super) struct Setting {
    /// Its key in a config file, or a name of that kind where only a variable says it.
    pub(super) name: &'static str,
    /// The option that says it.
    pub(super) flag: Option<Flag>,
    /// The variables that say it, the strongest first.
    pub(super) variables: &'static [&'static str],
    /// Whether a config file can say it.
    pub(super) in_file: bool,
    /// The word in `locked` that fixes it.
    pub(super) lock: Option<&'static str>,
    /// When two ways to write it are the same.
    pub(super) same: Same,
    /// Whether both config files count, instead of the stronger.
    pub(super) both_files: bool,
    /// Whether a context can say it.
    pub(super) in_context: InContext,
    /// Whether a value in a config file has the right type.
    pub(super) check: fn(&toml::Value) -> std::result::Result<(), String>,
    /// Puts what is said into the settings. Called only where something is said.
    pub(super) take: fn(&mut Settings, &Said<'_>) -> Result<()>,
    /// The value as a person reads it; empty for none.
    pub(super) show: fn(&Settings) -> String,
}

/// An option of the command line.
#[derive(Clone, Copy)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) said: fn(&Global) -> Option<OsString>,
}

/// When two ways to write a setting are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Letter by letter.
    Text,
    /// By scheme, host, port and path.
    Address,
    /// Without slashes at the ends.
    Path,
    /// By their truth; false where nothing is said.
    Truth,
    /// A list that a variable adds to.
    List,
}

/// Whether a context can say a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InContext {
    No,
    Yes,
    /// It belongs to the address: what a context leaves out is not taken from elsewhere.
    WithAddress,
    /// All of TLS is taken from a context that says one part of it.
    WithTls,
    /// Never above the system config: it decides about approval.
    BelowSystem,
}

/// A row with what most settings have; `T` is its type in a config file.
pub(super) const fn setting<T: DeserializeOwned>(
    name: &'static str,
    take: fn(&mut Settings, &Said<'_>) -> Result<()>,
    show: fn(&Settings) -> String,
) -> Setting {
    Setting {
        name,
        flag: None,
        variables: &[],
        in_file: true,
        lock: None,
        same: Same::Text,
        both_files: false,
        in_context: InContext::No,
        check: is::<T>,
        take,
        show,
    }
}

fn is<T: DeserializeOwned>(value: &toml::Value) -> std::result::Result<(), String> {
    value
        .clone()
        .try_into::<T>()
        .map(drop)
        .map_err(|error| error.message().to_owned())
}

impl Setting {
    pub(super) const fn variables(self, variables: &'static [&'static str]) -> Self {
        Self { variables, ..self }
    }

    pub(super) const fn flag(
        self,
        name: &'static str,
        said: fn(&Global) -> Option<OsString>,
    ) -> Self {
        Self {
            flag: Some(Flag { name, said }),
            ..self
        }
    }

    /// One that a variable alone says.
    pub(super) const fn not_in_a_file(self) -> Self {
        Self {
            in_file: false,
            ..self
        }
    }

    /// One that the system config can lock under its own name.
    pub(super) const fn lockable(self) -> Self {
        Self {
            lock: Some(self.name),
            ..self
        }
    }

    /// One that `locked = ["tls"]` fixes together with the others of TLS.
    pub(super) const fn locked_as_tls(self) -> Self {
        Self {
            lock: Some("tls"),
            in_context: InContext::WithTls,
            ..self
        }
    }

    pub(super) const fn in_context(self, in_context: InContext) -> Self {
        Self { in_context, ..self }
    }

    /// Whether this can be said in `[contexts.NAME]`.
    pub(super) fn has_place_in_a_context(&self) -> bool {
        self.in_file && self.in_context != InContext::No
    }

    pub(super) const fn same(self, same: Same) -> Self {
        Self { same, ..self }
    }

    /// What must be asked of a person: one file does not lower what the other says.
    pub(super) const fn of_both_files(self) -> Self {
        Self {
            both_files: true,
            ..self
        }
    }
}

/// Where something is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'a> {
    Flag(&'static str),
    Variable(&'static str),
    /// The context of this name.
    Context(&'a str),
    System,
    User,
}

impl Source<'_> {
    /// As `config` shows it.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Flag(name) | Self::Variable(name) => name.to_owned(),
            Self::Context(name) => format!("context {name}"),
            Self::System => "system config".to_owned(),
            Self::User => "config".to_owned(),
        }
    }
}

/// What an option or a variable says, or a config file.
pub(super) enum Value<'a> {
    Word(OsString),
    File(&'a toml::Value),
}

/// What is said of one setting, the strongest source first.
pub(super) struct Said<'a>(pub(super) Vec<(Source<'a>, Value<'a>)>);

impl<'a> Said<'a> {
    /// The strongest word that is UTF-8, or text of a file.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.iter().find_map(|(_, value)| match value {
            Value::Word(word) => word.to_str(),
            Value::File(value) => value.as_str(),
        })
    }

    /// The same, to keep.
    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.0.iter().find_map(|(_, value)| match value {
            Value::Word(word) => Some(PathBuf::from(word)),
            Value::File(value) => value.as_str().map(PathBuf::from),
        })
    }

    /// A whole number; one that is out of range is an error that names its variable.
    pub(super) fn number<T: std::str::FromStr + TryFrom<i64>>(&self) -> Result<Option<T>> {
        for (source, value) in &self.0 {
            match (value, source) {
                (Value::Word(word), Source::Flag(name) | Source::Variable(name)) => {
                    if let Some(word) = word.to_str() {
                        return number(word, name).map(Some);
                    }
                }
                (Value::Word(_), Source::Context(_) | Source::System | Source::User) => {}
                (Value::File(value), _) => {
                    return Ok(value.as_integer().and_then(|number| number.try_into().ok()));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn is_true(&self) -> bool {
        self.0.first().is_some_and(|(_, value)| match value {
            Value::Word(word) => word.to_str().is_some_and(is_true),
            Value::File(value) => value.as_bool() == Some(true),
        })
    }

    /// What the options and variables say, the strongest first.
    pub(super) fn word(&self) -> Option<(Source<'a>, &str)> {
        self.0.iter().find_map(|(source, value)| match value {
            Value::Word(word) => Some((*source, word.to_str()?)),
            Value::File(_) => None,
        })
    }

    /// What the config files say, the strongest first.
    pub(super) fn files(&self) -> impl Iterator<Item = &'a toml::Value> {
        self.0.iter().filter_map(|(_, value)| match value {
            Value::File(value) => Some(*value),
            Value::Word(_) => None,
        })
    }

    /// The values of the config files, the strongest first. Their types were checked when they were
    /// read.
    pub(super) fn of_files<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let read = |value: &toml::Value| value.clone().try_into().ok();
        self.files()
            .map(read)
            .collect::<Option<_>>()
            .ok_or_else(|| Error::invalid("a config file is not valid", "claude-vault config edit"))
    }
}

/// The word that is nearest to an unknown one, where one is near.
pub(super) fn nearest<'a>(unknown: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = words.map(|word| (strsim::jaro_winkler(unknown, word), word));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, word)| word)
}
