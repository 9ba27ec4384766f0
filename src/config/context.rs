//! Contexts: one name for a Vault and what belongs to it.

use url::Url;

use super::file::{Files, Layer};
use super::setting::{InContext, Setting, Source, nearest};
use super::values::parse_address;
use super::{Settings, Tls};
use crate::error::{Error, Result};
use crate::names::printable;

/// The context in use.
#[derive(Clone)]
pub struct ContextInUse {
    /// Its name.
    pub name: String,
    /// What chose it: `--context`, `CLAUDE_VAULT_CONTEXT`, `system config` or `config`.
    pub chosen_by: String,
}

/// A Vault that the settings know besides the one in use: to end a session there.
#[derive(Clone)]
pub(super) struct KnownVault {
    /// The context that names it; `None` for the one of the variables and files without a context.
    pub(super) context: Option<String>,
    pub(super) address: Url,
    pub(super) namespace: Option<String>,
    pub(super) tls: Tls,
}

/// A context that was chosen, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub(super) name: &'a str,
    pub(super) said: &'a toml::Table,
    /// What chose it.
    pub(super) by: Source<'a>,
}

impl Chosen<'_> {
    /// Whether this setting comes from the context or from nowhere else below it.
    pub(super) fn owns(&self, setting: &Setting) -> bool {
        match setting.in_context {
            InContext::No => false,
            InContext::Yes | InContext::BelowSystem => self.said.contains_key(setting.name),
            InContext::WithAddress => true,
            InContext::WithTls => super::table::SETTINGS.iter().any(|other| {
                other.in_context == InContext::WithTls && self.said.contains_key(other.name)
            }),
        }
    }

    /// Whether it stands above the variables and the system config here: chosen by an option or a
    /// variable.
    pub(super) fn is_above(&self, setting: &Setting) -> bool {
        let is_by_hand = match self.by {
            Source::Flag(_) | Source::Variable(_) => true,
            Source::Context(_) | Source::System | Source::User => false,
        };
        is_by_hand && setting.in_context != InContext::BelowSystem && self.owns(setting)
    }
}

/// The context of a name. Of two, the system config's counts.
pub(super) fn find<'a>(files: &'a Files, wanted: &str) -> Option<(&'a str, &'a toml::Table)> {
    let all = [&files.system, &files.user]
        .into_iter()
        .flatten()
        .flat_map(Layer::contexts);
    all.filter_map(|(name, context)| Some((name, context.as_table()?)))
        .find(|(name, _)| *name == wanted)
}

/// The names of all contexts, each once.
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

/// The role that some context wants approvals of changes at this Vault to come from. A variable
/// chooses the context, and must not choose how strongly a person proves to be one.
pub(super) fn write_role_at(files: &Files, address: &Url) -> Option<String> {
    let contexts = [&files.system, &files.user]
        .into_iter()
        .flatten()
        .flat_map(Layer::contexts);
    let is_there = |said: &&toml::Table| {
        let named = said
            .get("address")
            .and_then(toml::Value::as_str)
            .and_then(|named| parse_address(named).ok());
        named.is_some_and(|named| is_same(&named, address))
    };
    let mut there = contexts
        .filter_map(|(_, said)| said.as_table())
        .filter(is_there);
    there
        .find_map(|said| said.get("write_role").and_then(toml::Value::as_str))
        .map(str::to_owned)
}

/// The error for a context name that no config defines.
pub(super) fn unknown(files: &Files, wanted: &str, by: Source<'_>) -> Error {
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
    /// The names of the contexts that there are.
    pub(super) fn context_names(&self) -> impl Iterator<Item = String> {
        self.known.iter().filter_map(|vault| vault.context.clone())
    }

    /// The name of the context that names this Vault, if one does.
    #[must_use]
    pub fn context_of(&self, address: &Url) -> Option<&str> {
        self.known
            .iter()
            .filter(|vault| is_same(&vault.address, address))
            .find_map(|vault| vault.context.as_deref())
    }

    /// The context in use, where the address in use is the one that it names.
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

    /// The context that a shell goes on with after a login: one that its person chose. One that a
    /// file names goes on by itself, and variables stay above it.
    #[must_use]
    pub fn chosen_context(&self) -> Option<&str> {
        let by_hand = |used: &&ContextInUse| {
            matches!(
                used.chosen_by.as_str(),
                "--context" | "CLAUDE_VAULT_CONTEXT"
            )
        };
        self.context
            .as_ref()
            .filter(by_hand)
            .and_then(|_| self.effective_context())
    }

    /// The same settings for a session that was made at `address`: its own namespace and TLS, where
    /// a context or the settings without one know them.
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

/// Whether two addresses are the same, but for slashes at their ends.
fn is_same(one: &Url, other: &Url) -> bool {
    one.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/')
}

/// What a person does to use the session of another Vault again.
#[must_use]
pub fn way_back(settings: &Settings, session: &Url) -> String {
    let by = settings
        .context
        .as_ref()
        .map(|used| used.chosen_by.as_str());
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

/// The context that is named, if one is.
///
/// # Errors
/// [`Error::Invalid`] for one that there is not.
pub(super) fn chosen<'a>(
    files: &'a Files,
    named: Option<(Source<'a>, &str)>,
) -> Result<Option<Chosen<'a>>> {
    let Some((by, wanted)) = named else {
        return Ok(None);
    };
    let (name, said) = find(files, wanted).ok_or_else(|| unknown(files, wanted, by))?;
    Ok(Some(Chosen { name, said, by }))
}
