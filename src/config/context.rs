//! Contexts: named Vaults, each with its address and the settings that belong to it.

use url::Url;

use super::file::{Files, Layer};
use super::setting::{InContext, Setting, ValueSource, nearest};
use super::values::parse_address;
use super::{Settings, Tls};
use crate::error::{Error, Result};
use crate::names::printable;

/// The context in use.
#[derive(Clone)]
pub struct ContextInUse {
    /// Its key below `[contexts]` in a config file.
    pub name: String,
    /// What selected it: `--context`, `CLAUDE_VAULT_CONTEXT`, `system config` or `config`.
    pub selected_by: String,
}

/// A Vault that a context names, or that is configured without a context. A session made there can
/// be ended while another Vault is in use.
#[derive(Clone)]
pub(super) struct KnownVault {
    /// The context that names it; `None` for the Vault configured without a context.
    pub(super) context: Option<String>,
    pub(super) address: Url,
    pub(super) namespace: Option<String>,
    pub(super) tls: Tls,
}

/// The selected context and its settings.
#[derive(Clone, Copy)]
pub(super) struct SelectedContext<'a> {
    pub(super) name: &'a str,
    pub(super) values: &'a toml::Table,
    /// The option, variable or file that selected it.
    pub(super) by: ValueSource<'a>,
}

impl SelectedContext<'_> {
    /// Whether the context decides this setting, so that weaker sources do not count. It decides
    /// the settings that it sets, those that belong to the address, and all TLS settings if it sets
    /// one of them.
    pub(super) fn owns(&self, setting: &Setting) -> bool {
        match setting.in_context {
            InContext::No => false,
            InContext::Yes | InContext::BelowSystem => self.values.contains_key(setting.name),
            InContext::WithAddress => true,
            InContext::WithTls => super::table::SETTINGS.iter().any(|other| {
                other.in_context == InContext::WithTls && self.values.contains_key(other.name)
            }),
        }
    }

    /// Whether the context overrides the variables and the system config for this setting. It does
    /// so only if an option or a variable selected it.
    pub(super) fn is_above(&self, setting: &Setting) -> bool {
        let is_by_hand = match self.by {
            ValueSource::Flag(_) | ValueSource::Variable(_) => true,
            ValueSource::Context(_) | ValueSource::System | ValueSource::User => false,
        };
        is_by_hand && setting.in_context != InContext::BelowSystem && self.owns(setting)
    }
}

/// Finds a context by name. If both config files define it, the system config wins.
pub(super) fn find<'a>(files: &'a Files, wanted: &str) -> Option<(&'a str, &'a toml::Table)> {
    let all = [&files.system, &files.user]
        .into_iter()
        .flatten()
        .flat_map(Layer::contexts);
    all.filter_map(|(name, context)| Some((name, context.as_table()?)))
        .find(|(name, _)| *name == wanted)
}

/// The names of all contexts, without duplicates.
pub(super) fn names(files: &Files) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in [&files.system, &files.user]
        .into_iter()
        .flatten()
        .flat_map(Layer::contexts)
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The `write_role` of the first context that sets one for this Vault, even if that context is not
/// selected. A variable can select the context, so the selection must not weaken the proof that an
/// approval needs.
pub(super) fn write_role_at(files: &Files, address: &Url) -> Option<String> {
    let contexts = [&files.system, &files.user]
        .into_iter()
        .flatten()
        .flat_map(Layer::contexts);
    let is_this_vault = |values: &&toml::Table| {
        let named = values
            .get("address")
            .and_then(toml::Value::as_str)
            .and_then(|named| parse_address(named).ok());
        named.is_some_and(|named| is_same(&named, address))
    };
    let mut matching = contexts
        .filter_map(|(_, values)| values.as_table())
        .filter(is_this_vault);
    matching
        .find_map(|values| values.get("write_role").and_then(toml::Value::as_str))
        .map(str::to_owned)
}

/// The error for a context name that no config defines.
pub(super) fn unknown(files: &Files, wanted: &str, by: ValueSource<'_>) -> Error {
    let shown: String = printable(wanted, false).chars().take(64).collect();
    let names = names(files);
    let hint = match nearest(wanted, names.iter().copied()) {
        _ if names.is_empty() => {
            "claude-vault config edit   (and add [contexts.NAME] with its address)".to_owned()
        }
        Some(near) => format!("did you mean {near}? There are: {}", names.join(", ")),
        None => format!("there are: {}", names.join(", ")),
    };
    Error::invalid(
        format!("there is no context {shown} (named by {})", by.shown()),
        hint,
    )
}

impl Settings {
    /// The names of all contexts.
    pub(super) fn context_names(&self) -> impl Iterator<Item = String> {
        self.known.iter().filter_map(|vault| vault.context.clone())
    }

    /// The name of the first context with this address.
    #[must_use]
    pub fn context_of(&self, address: &Url) -> Option<&str> {
        self.known
            .iter()
            .filter(|vault| is_same(&vault.address, address))
            .find_map(|vault| vault.context.as_deref())
    }

    /// The context in use, unless another source replaces its address.
    #[must_use]
    pub fn effective_context(&self) -> Option<&str> {
        let used = self.context.as_ref()?;
        let named = self
            .known
            .iter()
            .find(|vault| vault.context.as_deref() == Some(&used.name))?;
        self.address
            .as_ref()
            .is_some_and(|now| is_same(now, &named.address))
            .then_some(&*used.name)
    }

    /// The context that a login sets in the shell: only one that an option or a variable selected.
    /// A context selected in a file applies anyway, and variables still override it.
    #[must_use]
    pub fn selected_context(&self) -> Option<&str> {
        let by_hand = |used: &&ContextInUse| {
            matches!(
                used.selected_by.as_str(),
                "--context" | "CLAUDE_VAULT_CONTEXT"
            )
        };
        self.context
            .as_ref()
            .filter(by_hand)
            .and_then(|_| self.effective_context())
    }

    /// These settings for a session that was made at `address`: with the namespace and TLS settings
    /// of that Vault, if they are known.
    #[must_use]
    pub fn for_session_at(&self, address: &Url) -> Self {
        if self
            .address
            .as_ref()
            .is_some_and(|now| is_same(now, address))
        {
            return self.clone();
        }
        let mut settings = Self {
            address: Some(address.clone()),
            ..self.clone()
        };
        if let Some(known) = self
            .known
            .iter()
            .find(|vault| is_same(&vault.address, address))
        {
            settings.namespace.clone_from(&known.namespace);
            settings.tls = known.tls.clone();
        }
        settings
    }
}

/// Compares two addresses, ignoring slashes at their ends.
fn is_same(one: &Url, other: &Url) -> bool {
    one.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/')
}

/// How a person returns to the Vault of a session, as a command if possible.
#[must_use]
pub fn return_hint(settings: &Settings, session: &Url) -> String {
    let by = settings
        .context
        .as_ref()
        .map(|used| used.selected_by.as_str());
    match (settings.context_of(session), by) {
        (Some(name), _) => format!("export CLAUDE_VAULT_CONTEXT={name}"),
        (None, Some("--context")) => "leave out --context".to_owned(),
        (None, Some("CLAUDE_VAULT_CONTEXT")) => "unset CLAUDE_VAULT_CONTEXT".to_owned(),
        (None, _) => format!(
            "export VAULT_ADDR={}",
            session.as_str().trim_end_matches('/')
        ),
    }
}

/// Looks up the context that `named` asks for; `None` if nothing selects a context.
///
/// # Errors
/// [`Error::Invalid`] if no config file defines the context.
pub(super) fn select<'a>(
    files: &'a Files,
    named: Option<(ValueSource<'a>, &str)>,
) -> Result<Option<SelectedContext<'a>>> {
    let Some((by, wanted)) = named else {
        return Ok(None);
    };
    let (name, values) = find(files, wanted).ok_or_else(|| unknown(files, wanted, by))?;
    Ok(Some(SelectedContext { name, values, by }))
}
