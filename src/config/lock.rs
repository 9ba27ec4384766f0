//! Locks: settings that the system config fixes and that no other source can change.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::Env;
use super::context::SelectedContext;
use super::file::{Files, Layer};
use super::setting::{Comparison, Setting};
use super::sources::Invocation;
use super::table::{SETTINGS, SYSTEM_ROOTS, list};
use super::values::{is_true, parse_address};
use crate::error::{Error, Result};

/// The words of `locked` in the system config.
#[derive(Clone, Default)]
pub(super) struct Locks(BTreeSet<&'static str>);

impl Locks {
    /// Reads the locks. A source that contradicts a lock is an error: a person who believes that
    /// they changed a setting must see that they did not.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming the setting and the source that contradicts its lock.
    pub(super) fn of(
        files: &Files,
        invocation: &Invocation<'_>,
        context: Option<SelectedContext<'_>>,
        env: &Env,
    ) -> Result<Self> {
        let locks = Self(files.locked()?);
        let Some(system) = &files.system else {
            return Ok(Self::default());
        };
        for setting in SETTINGS.iter().filter(|setting| locks.is_locked(setting)) {
            require_no_contradiction(setting, system, (files.user.as_ref(), context), invocation)?;
        }
        let names_roots = ["ca_cert", "ca_path"]
            .iter()
            .any(|name| system.values.contains_key(*name));
        let replaced = SYSTEM_ROOTS
            .iter()
            .find(|variable| env.path(variable).is_some());
        if let Some(variable) = replaced.filter(|_| locks.0.contains("tls") && !names_roots) {
            return Err(Error::invalid(
                format!(
                    "{} locks tls, but {variable} replaces the system's certificate authorities",
                    system.path.display()
                ),
                format!("unset {variable}   (or the administrator sets ca_cert in that file)"),
            ));
        }
        Ok(locks)
    }

    pub(super) fn words(&self) -> &BTreeSet<&'static str> {
        &self.0
    }

    pub(super) fn is_locked(&self, setting: &Setting) -> bool {
        setting.lock.is_some_and(|word| self.0.contains(word))
    }
}

/// Returns an error if a source contradicts this locked setting.
fn require_no_contradiction(
    setting: &Setting,
    system: &Layer,
    (user, context): (Option<&Layer>, Option<SelectedContext<'_>>),
    invocation: &Invocation<'_>,
) -> Result<()> {
    let locked = LockedSetting {
        setting,
        system,
        fixed: system.values.get(setting.name).map(texts),
    };
    let lossy = |value: OsString| value.to_string_lossy().into_owned();
    if let Some((flag, value)) = invocation.option_for(setting) {
        locked.require(flag, &[lossy(value)], || format!("leave out {flag}"))?;
    }
    for (variable, value) in invocation.own_variables_for(setting) {
        let values = match setting.comparison {
            Comparison::List => list(&lossy(value)).map(str::to_owned).collect(),
            Comparison::Bool | Comparison::Text | Comparison::Address | Comparison::Path => {
                vec![lossy(value)]
            }
        };
        locked.require(variable, &values, || format!("unset {variable}"))?;
    }
    if let Some((name, value)) =
        context.and_then(|context| Some((context.name, context.values.get(setting.name)?)))
    {
        locked.require(&format!("the context {name}"), &texts(value), || {
            "claude-vault context   (lists the other contexts)".to_owned()
        })?;
    }
    if let Some((user, value)) = user.and_then(|user| Some((user, user.values.get(setting.name)?)))
    {
        locked.require(&user.path.display().to_string(), &texts(value), || {
            format!("claude-vault config edit   (and remove {})", setting.name)
        })?;
    }
    Ok(())
}

/// A locked setting, with the values that the system config fixes.
struct LockedSetting<'a> {
    setting: &'a Setting,
    system: &'a Layer,
    /// `None` if the default is fixed.
    fixed: Option<Vec<String>>,
}

impl LockedSetting<'_> {
    /// Returns an error with this hint if the source `by` sets other values.
    fn require(&self, by: &str, values: &[String], hint: impl FnOnce() -> String) -> Result<()> {
        if !self.differs(values) {
            return Ok(());
        }
        Err(contradiction(
            self.setting.name,
            self.system,
            self.fixed.as_deref(),
            by,
            values,
            hint(),
        ))
    }

    fn differs(&self, values: &[String]) -> bool {
        let normal = |text: &String| normalized(self.setting.comparison, text);
        let values: Vec<String> = values.iter().map(normal).collect();
        let fixed: Vec<String> = self.fixed.iter().flatten().map(normal).collect();
        match self.setting.comparison {
            Comparison::List => values.iter().any(|host| !fixed.contains(host)),
            Comparison::Bool if fixed.is_empty() => values.iter().any(|text| text != "false"),
            Comparison::Bool | Comparison::Text | Comparison::Address | Comparison::Path => {
                values != fixed
            }
        }
    }
}

fn contradiction(
    name: &str,
    system: &Layer,
    fixed: Option<&[String]>,
    by: &str,
    values: &[String],
    hint: String,
) -> Error {
    // Only an address is shown: `parse_address` accepts no user name or query, so it is no secret.
    let shown = |texts: &[String]| {
        let address = (name == "address")
            .then(|| parse_address(texts.first()?).ok())
            .flatten();
        address.map(|url| url.as_str().trim_end_matches('/').to_owned())
    };
    let file = system.path.display();
    let fixed = match fixed {
        Some(fixed) => shown(fixed).map_or_else(String::new, |address| format!(" to {address}")),
        None => " to its default".into(),
    };
    let value = shown(values).map_or_else(
        || "another value".to_owned(),
        |address| format!("it to {address}"),
    );
    Error::invalid(
        format!("{file} locks {name}{fixed}, but {by} sets {value}"),
        hint,
    )
}

/// A value of a config file as texts that can be compared with those of options and variables.
fn texts(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(all) => all.iter().flat_map(texts).collect(),
        toml::Value::Boolean(value) => vec![value.to_string()],
        toml::Value::Integer(number) => vec![number.to_string()],
        toml::Value::Table(all) => {
            let of_key = |(key, value)| {
                texts(value)
                    .into_iter()
                    .map(move |text| format!("{key}={text}"))
            };
            all.iter().flat_map(of_key).collect()
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => Vec::new(), // no setting uses these
    }
}

/// Normalises a value, so that different spellings of the same value compare equal.
fn normalized(comparison: Comparison, text: &str) -> String {
    let text = text.trim();
    match comparison {
        Comparison::Address => parse_address(text)
            .map_or_else(|_| text.to_owned(), |url| url.to_string())
            .trim_end_matches('/')
            .to_owned(),
        Comparison::Path => text.trim_matches('/').to_owned(),
        Comparison::Bool => is_true(text).to_string(),
        Comparison::Text | Comparison::List => text.to_owned(),
    }
}
