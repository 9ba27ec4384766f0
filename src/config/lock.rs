//! Locks of the system config: what it fixes, nothing else changes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::file::{Files, Layer};
use super::keys::{KEYS, Key, SYSTEM_ROOTS};
use super::values::parse_address;
use super::{Env, Global};
use crate::error::{Error, Result};

/// The keys that are locked.
#[derive(Clone, Default)]
pub(super) struct Locks(BTreeSet<&'static str>);

impl Locks {
    /// The locks of these files. A lock that something contradicts is an error: a person who believes that they changed
    /// a setting should hear that they did not.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming the setting and what contradicts it.
    pub(super) fn of(files: &Files, global: &Global, env: &Env) -> Result<Self> {
        let words = files.locked()?;
        let Some(system) = &files.system else { return Ok(Self::default()) };
        for key in KEYS.iter().filter(|key| key.lock.is_some_and(|word| words.contains(word))) {
            require_held(key, system, files.user.as_ref(), global, env)?;
        }
        let names_roots = ["ca_cert", "ca_path"].iter().any(|name| system.said.contains_key(*name));
        let replaced = SYSTEM_ROOTS.iter().find(|variable| env.path(variable).is_some());
        if let Some(variable) = replaced.filter(|_| words.contains("tls") && !names_roots) {
            return Err(Error::invalid(
                format!("{} locks tls, and {variable} replaces the system's certificate authorities", system.path.display()),
                format!("unset {variable}   (or whoever locked it sets ca_cert there)"),
            ));
        }
        Ok(Self(words))
    }

    pub(super) fn words(&self) -> &BTreeSet<&'static str> {
        &self.0
    }

    pub(super) fn hold(&self, key: &Key) -> bool {
        key.lock.is_some_and(|word| self.0.contains(word))
    }

    /// The options and variables without those of locked settings: what cannot be seen changes nothing.
    pub(super) fn hide<'a>(&self, global: &'a Global, env: &'a Env) -> (Cow<'a, Global>, Cow<'a, Env>) {
        if self.0.is_empty() {
            return (Cow::Borrowed(global), Cow::Borrowed(env));
        }
        let (mut global, mut env) = (global.clone(), env.clone());
        for key in KEYS.iter().filter(|key| self.hold(key)) {
            env.forget(key.variables);
            match key.name {
                "address" => global.address = None,
                "mount" => global.mount = None,
                "prefix" => global.path = None,
                "insecure_http" => global.insecure_http = false,
                _ => {}
            }
        }
        (Cow::Owned(global), Cow::Owned(env))
    }
}

/// Refuses whatever contradicts one locked setting.
fn require_held(key: &Key, system: &Layer, user: Option<&Layer>, global: &Global, env: &Env) -> Result<()> {
    let fixed = system.said.get(key.name).map(texts);
    let differs = |said: &[String]| {
        let said: Vec<String> = said.iter().map(|text| usual(key.name, text)).collect();
        let fixed: Vec<String> = fixed.iter().flatten().map(|text| usual(key.name, text)).collect();
        match key.name {
            "trusted_hosts" => said.iter().any(|host| !fixed.contains(host)), // a variable adds to the list
            "skip_verify" | "insecure_http" if fixed.is_empty() => said.iter().any(|text| text != "false"),
            _ => said != fixed,
        }
    };
    let refuse = |by: &str, said: &[String], hint: String| Err(contradiction(key.name, system, fixed.as_deref(), by, said, hint));
    if let Some((flag, said)) = key.said_by_flag(global) {
        let said = [said];
        if differs(&said) {
            return refuse(flag, &said, format!("leave out {flag}"));
        }
    }
    for (variable, said) in key.own_variables(env) {
        let said = match key.name {
            "trusted_hosts" => said.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
            _ => vec![said],
        };
        if differs(&said) {
            return refuse(variable, &said, format!("unset {variable}"));
        }
    }
    let Some((user, said)) = user.and_then(|user| Some((user, texts(user.said.get(key.name)?)))) else { return Ok(()) };
    if differs(&said) {
        let hint = format!("claude-vault config edit   (and take {} out)", key.name);
        return refuse(&user.path.display().to_string(), &said, hint);
    }
    Ok(())
}

fn contradiction(name: &str, system: &Layer, fixed: Option<&[String]>, by: &str, said: &[String], hint: String) -> Error {
    // Only an address is repeated: without user name and query it is no secret.
    let shown = |texts: &[String]| {
        let address = (name == "address").then(|| parse_address(texts.first()?).ok()).flatten();
        address.map(|url| url.as_str().trim_end_matches('/').to_owned())
    };
    let file = system.path.display();
    let fixed = match fixed {
        Some(fixed) => shown(fixed).map_or_else(String::new, |address| format!(" to {address}")),
        None => " to its default".into(),
    };
    let said = shown(said).unwrap_or_else(|| "something else".to_owned());
    Error::invalid(format!("{file} locks {name}{fixed}, and {by} says {said}"), hint)
}

/// The texts that a value of a config file holds.
fn texts(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(all) => all.iter().flat_map(texts).collect(),
        toml::Value::Boolean(said) => vec![said.to_string()],
        toml::Value::Integer(number) => vec![number.to_string()],
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => Vec::new(), // no setting is one
    }
}

/// The form in which two ways to write one thing are equal.
fn usual(name: &str, text: &str) -> String {
    let text = text.trim();
    match name {
        "address" => parse_address(text).map_or_else(|_| text.to_owned(), |url| url.to_string()).trim_end_matches('/').to_owned(),
        "mount" | "prefix" | "namespace" | "auth_mount" => text.trim_matches('/').to_owned(),
        "skip_verify" | "insecure_http" => super::values::is_true(text).to_string(),
        _ => text.to_owned(),
    }
}
