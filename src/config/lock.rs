//! Locks: settings that the system config fixes and that no other source can change.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::Env;
use super::context::Chosen;
use super::file::{Files, Layer};
use super::setting::{Same, Setting};
use super::sources::Words;
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
        words: &Words<'_>,
        context: Option<Chosen<'_>>,
        env: &Env,
    ) -> Result<Self> {
        let locks = Self(files.locked()?);
        let Some(system) = &files.system else {
            return Ok(Self::default());
        };
        for setting in SETTINGS.iter().filter(|setting| locks.hold(setting)) {
            require_held(setting, system, (files.user.as_ref(), context), words)?;
        }
        let names_roots = ["ca_cert", "ca_path"]
            .iter()
            .any(|name| system.said.contains_key(*name));
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

    pub(super) fn hold(&self, setting: &Setting) -> bool {
        setting.lock.is_some_and(|word| self.0.contains(word))
    }
}

/// Returns an error if a source contradicts this locked setting.
fn require_held(
    setting: &Setting,
    system: &Layer,
    (user, context): (Option<&Layer>, Option<Chosen<'_>>),
    words: &Words<'_>,
) -> Result<()> {
    let held = Held {
        setting,
        system,
        fixed: system.said.get(setting.name).map(texts),
    };
    let lossy = |said: OsString| said.to_string_lossy().into_owned();
    if let Some((flag, said)) = words.of_flag(setting) {
        held.require(flag, &[lossy(said)], || format!("leave out {flag}"))?;
    }
    for (variable, said) in words.of_own_variables(setting) {
        let said = match setting.same {
            Same::List => list(&lossy(said)).map(str::to_owned).collect(),
            Same::Truth | Same::Text | Same::Address | Same::Path => vec![lossy(said)],
        };
        held.require(variable, &said, || format!("unset {variable}"))?;
    }
    if let Some((name, value)) =
        context.and_then(|context| Some((context.name, context.said.get(setting.name)?)))
    {
        held.require(&format!("the context {name}"), &texts(value), || {
            "claude-vault context   (lists the other contexts)".to_owned()
        })?;
    }
    if let Some((user, value)) = user.and_then(|user| Some((user, user.said.get(setting.name)?))) {
        held.require(&user.path.display().to_string(), &texts(value), || {
            format!("claude-vault config edit   (and remove {})", setting.name)
        })?;
    }
    Ok(())
}

/// A locked setting, with the values that the system config fixes.
struct Held<'a> {
    setting: &'a Setting,
    system: &'a Layer,
    /// `None` if the default is fixed.
    fixed: Option<Vec<String>>,
}

impl Held<'_> {
    /// Returns an error with this hint if the source `by` sets other values.
    fn require(&self, by: &str, said: &[String], hint: impl FnOnce() -> String) -> Result<()> {
        if !self.differs(said) {
            return Ok(());
        }
        Err(contradiction(
            self.setting.name,
            self.system,
            self.fixed.as_deref(),
            by,
            said,
            hint(),
        ))
    }

    fn differs(&self, said: &[String]) -> bool {
        let usual = |text: &String| usual(self.setting.same, text);
        let said: Vec<String> = said.iter().map(usual).collect();
        let fixed: Vec<String> = self.fixed.iter().flatten().map(usual).collect();
        match self.setting.same {
            Same::List => said.iter().any(|host| !fixed.contains(host)),
            Same::Truth if fixed.is_empty() => said.iter().any(|text| text != "false"),
            Same::Truth | Same::Text | Same::Address | Same::Path => said != fixed,
        }
    }
}

fn contradiction(
    name: &str,
    system: &Layer,
    fixed: Option<&[String]>,
    by: &str,
    said: &[String],
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
    let said = shown(said).map_or_else(
        || "another value".to_owned(),
        |address| format!("it to {address}"),
    );
    Error::invalid(
        format!("{file} locks {name}{fixed}, but {by} sets {said}"),
        hint,
    )
}

/// A value of a config file as texts that can be compared with those of options and variables.
fn texts(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(all) => all.iter().flat_map(texts).collect(),
        toml::Value::Boolean(said) => vec![said.to_string()],
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
fn usual(same: Same, text: &str) -> String {
    let text = text.trim();
    match same {
        Same::Address => parse_address(text)
            .map_or_else(|_| text.to_owned(), |url| url.to_string())
            .trim_end_matches('/')
            .to_owned(),
        Same::Path => text.trim_matches('/').to_owned(),
        Same::Truth => is_true(text).to_string(),
        Same::Text | Same::List => text.to_owned(),
    }
}
