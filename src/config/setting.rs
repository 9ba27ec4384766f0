//! A row of the table of settings, and the values from its sources.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::values::{is_true, number};
use super::{Global, Settings};
use crate::error::{Error, Result};

/// A setting: where it can be set, how it is read, and how it is shown.
pub(super) struct Setting {
    /// Its key in a config file, or a name of the same form if only a variable can set it.
    pub(super) name: &'static str,
    /// The option that sets it.
    pub(super) flag: Option<Flag>,
    /// The variables that set it, the strongest first.
    pub(super) variables: &'static [&'static str],
    /// Whether a config file can set it.
    pub(super) in_file: bool,
    /// The word in `locked` that locks it.
    pub(super) lock: Option<&'static str>,
    /// How two of its values are compared.
    pub(super) comparison: Comparison,
    /// Whether both config files count together, instead of only the stronger one.
    pub(super) both_files: bool,
    /// Whether a context can set it.
    pub(super) in_context: InContext,
    /// Checks the type of a value in a config file.
    pub(super) check: fn(&toml::Value) -> std::result::Result<(), String>,
    /// Stores the value in the settings. Called only if a source sets it.
    pub(super) apply: fn(&mut Settings, &SettingValues<'_>) -> Result<()>,
    /// The value as text for a person; empty if there is none.
    pub(super) show: fn(&Settings) -> String,
}

/// An option of the command line.
#[derive(Clone, Copy)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) value: fn(&Global) -> Option<OsString>,
}

/// How two values of a setting are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// As text, character by character.
    Text,
    /// By scheme, host, port and path.
    Address,
    /// Without slashes at the ends.
    Path,
    /// As booleans; false if not set.
    Bool,
    /// As lists, to which a variable can add entries.
    List,
}

/// Whether a context can set a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InContext {
    No,
    Yes,
    /// It belongs to the address: if a context does not set it, no weaker source does.
    WithAddress,
    /// If a context sets one TLS setting, weaker sources set none of them.
    WithTls,
    /// The context never overrides the system config, because the setting decides about approval.
    BelowSystem,
}

/// A row with the usual defaults; `T` is the type of the value in a config file.
pub(super) const fn setting<T: DeserializeOwned>(
    name: &'static str,
    apply: fn(&mut Settings, &SettingValues<'_>) -> Result<()>,
    show: fn(&Settings) -> String,
) -> Setting {
    Setting {
        name,
        flag: None,
        variables: &[],
        in_file: true,
        lock: None,
        comparison: Comparison::Text,
        both_files: false,
        in_context: InContext::No,
        check: is::<T>,
        apply,
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
        value: fn(&Global) -> Option<OsString>,
    ) -> Self {
        Self {
            flag: Some(Flag { name, value }),
            ..self
        }
    }

    /// A config file cannot set it.
    pub(super) const fn not_in_a_file(self) -> Self {
        Self {
            in_file: false,
            ..self
        }
    }

    /// The system config can lock it under its own name.
    pub(super) const fn lockable(self) -> Self {
        Self {
            lock: Some(self.name),
            ..self
        }
    }

    /// `locked = ["tls"]` locks it together with the other TLS settings.
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

    /// Whether it can be set in `[contexts.NAME]`.
    pub(super) fn has_place_in_a_context(&self) -> bool {
        self.in_file && self.in_context != InContext::No
    }

    pub(super) const fn comparison(self, comparison: Comparison) -> Self {
        Self { comparison, ..self }
    }

    /// Both config files count together, so that one cannot lower the approval that the other
    /// demands.
    pub(super) const fn of_both_files(self) -> Self {
        Self {
            both_files: true,
            ..self
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueSource<'a> {
    Flag(&'static str),
    Variable(&'static str),
    /// The context of this name.
    Context(&'a str),
    System,
    User,
}

impl ValueSource<'_> {
    /// The name that `config` shows.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Flag(name) | Self::Variable(name) => name.to_owned(),
            Self::Context(name) => format!("context {name}"),
            Self::System => "system config".to_owned(),
            Self::User => "config".to_owned(),
        }
    }
}

/// The value of a setting in one source.
pub(super) enum SettingValue<'a> {
    /// From an option or a variable.
    Word(OsString),
    /// From a config file.
    File(&'a toml::Value),
}

/// The values of one setting from all of its sources, the strongest first.
pub(super) struct SettingValues<'a>(pub(super) Vec<(ValueSource<'a>, SettingValue<'a>)>);

impl<'a> SettingValues<'a> {
    /// The strongest value that is UTF-8 text.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.iter().find_map(|(_, value)| match value {
            SettingValue::Word(word) => word.to_str(),
            SettingValue::File(value) => value.as_str(),
        })
    }

    /// The same as [`SettingValues::text`], owned.
    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.0.iter().find_map(|(_, value)| match value {
            SettingValue::Word(word) => Some(PathBuf::from(word)),
            SettingValue::File(value) => value.as_str().map(PathBuf::from),
        })
    }

    /// The value as a whole number. A word that is not a number in range is an error that names its
    /// option or variable.
    pub(super) fn number<T: std::str::FromStr + TryFrom<i64>>(&self) -> Result<Option<T>> {
        for (source, value) in &self.0 {
            match (value, source) {
                (
                    SettingValue::Word(word),
                    ValueSource::Flag(name) | ValueSource::Variable(name),
                ) => {
                    if let Some(word) = word.to_str() {
                        return number(word, name).map(Some);
                    }
                }
                (
                    SettingValue::Word(_),
                    ValueSource::Context(_) | ValueSource::System | ValueSource::User,
                ) => {}
                (SettingValue::File(value), _) => {
                    return Ok(value.as_integer().and_then(|number| number.try_into().ok()));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn is_true(&self) -> bool {
        self.0.first().is_some_and(|(_, value)| match value {
            SettingValue::Word(word) => word.to_str().is_some_and(is_true),
            SettingValue::File(value) => value.as_bool() == Some(true),
        })
    }

    /// The strongest value from an option or a variable.
    pub(super) fn strongest_word(&self) -> Option<(ValueSource<'a>, &str)> {
        self.0.iter().find_map(|(source, value)| match value {
            SettingValue::Word(word) => Some((*source, word.to_str()?)),
            SettingValue::File(_) => None,
        })
    }

    /// The values from config files, the strongest first.
    pub(super) fn file_values(&self) -> impl Iterator<Item = &'a toml::Value> {
        self.0.iter().filter_map(|(_, value)| match value {
            SettingValue::File(value) => Some(*value),
            SettingValue::Word(_) => None,
        })
    }

    /// The values from config files as `T`, the strongest first. Their types were checked when the
    /// files were read.
    pub(super) fn parsed_file_values<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let read = |value: &toml::Value| value.clone().try_into().ok();
        self.file_values()
            .map(read)
            .collect::<Option<_>>()
            .ok_or_else(|| Error::invalid("a config file is not valid", "claude-vault config edit"))
    }
}

/// The known word most similar to an unknown one, if any is similar enough.
pub(super) fn nearest<'a>(unknown: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = words.map(|word| (strsim::jaro_winkler(unknown, word), word));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, word)| word)
}
