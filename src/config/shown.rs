//! The value and the source of each setting, as `config` and `context` show them.

use std::path::PathBuf;

use serde::Serialize;

use super::file::Files;
use super::setting::ValueSource;
use super::sources::Sources;
use super::table::SETTINGS;
use super::{Env, Global, Settings, config_file};
use crate::error::Result;
use crate::names::printable;

/// A setting as `config` shows it.
#[derive(Serialize, Debug)]
pub struct SettingReport {
    /// Its key in a config file, or a name of the same form if only a variable can set it.
    pub name: &'static str,
    /// Its value; empty if there is none.
    pub value: String,
    /// Where the value comes from: `--option`, a variable, `system config`, `config`, or `default`.
    pub source: String,
    /// Whether an option, a variable or a config file sets it.
    #[serde(skip)]
    pub is_set: bool,
    /// Whether the system config locks it.
    pub locked: bool,
}

/// All settings, and the config files they come from.
#[derive(Serialize, Debug)]
pub struct ConfigReport {
    /// The path of the user config, whether or not the file exists.
    pub file: Option<PathBuf>,
    /// The config files that were read, the stronger first.
    pub files: Vec<PathBuf>,
    /// Every setting, in the order of the table of settings.
    pub settings: Vec<SettingReport>,
}

/// Every setting with its value and source.
///
/// # Errors
/// As [`Settings::load`].
pub fn shown(global: &Global, env: &Env) -> Result<ConfigReport> {
    let settings = Settings::load(global, env)?;
    let files = Files::read(env)?;
    let sources = Sources::new(&files, global, env)?;
    let all = SETTINGS.iter().map(|setting| {
        let names: Vec<String> = sources
            .values_of(setting)
            .0
            .iter()
            .map(|(source, _)| source.shown())
            .collect();
        let (source, is_set) = match names.split_first() {
            // Both config files decide together: name both.
            Some(_) if setting.both_files => (names.join(", "), true),
            Some((strongest, _)) => (strongest.clone(), true),
            None => ("default".to_owned(), false),
        };
        let value = printable(&(setting.show)(&settings), false);
        SettingReport {
            name: setting.name,
            value,
            source,
            is_set,
            locked: sources.locks.is_locked(setting),
        }
    });
    Ok(ConfigReport {
        settings: all.collect(),
        file: config_file(env)?,
        files: settings.config_files,
    })
}

/// A context as `context` shows it.
#[derive(Serialize, Debug)]
pub struct ContextReport {
    /// Its key below `[contexts]`.
    pub name: String,
    /// The address of its Vault.
    pub address: String,
    /// The namespace in that Vault.
    pub namespace: Option<String>,
    /// The config file that defines it.
    pub file: PathBuf,
    /// Whether this context is in use.
    pub in_use: bool,
}

/// All contexts, and the one in use.
#[derive(Serialize, Debug)]
pub struct Contexts {
    /// The name of the context in use.
    pub in_use: Option<String>,
    /// What selected it: `--context`, `CLAUDE_VAULT_CONTEXT`, `system config` or `config`.
    #[serde(rename = "chosen_by")]
    pub selected_by: Option<String>,
    /// What replaces the address of the context in use: an option, a variable or `system config`.
    pub replaced_by: Option<String>,
    /// Every context, those of the system config first.
    pub contexts: Vec<ContextReport>,
}

/// Every context, and the one in use.
///
/// # Errors
/// As [`Settings::load`].
pub fn contexts(global: &Global, env: &Env) -> Result<Contexts> {
    let settings = Settings::load(global, env)?;
    let files = Files::read(env)?;
    let sources = Sources::new(&files, global, env)?;
    let used = settings.context.as_ref().map(|used| used.name.as_str());
    let all = settings.known.iter().filter_map(|vault| {
        let name = vault.context.as_deref()?;
        let defines =
            |layer: &&super::file::Layer| layer.contexts().any(|(other, _)| other == name);
        let file = [&files.system, &files.user]
            .into_iter()
            .flatten()
            .find(defines)?
            .path
            .clone();
        let address = vault.address.as_str().trim_end_matches('/').to_owned();
        Some(ContextReport {
            name: name.to_owned(),
            address,
            namespace: vault.namespace.clone(),
            file,
            in_use: Some(name) == used,
        })
    });
    let address = SETTINGS
        .iter()
        .find(|setting| setting.name == "address")
        .map(|setting| sources.values_of(setting));
    let source = address
        .as_ref()
        .and_then(|values| values.0.first())
        .map(|(source, _)| *source);
    let replaced_by = match source {
        Some(ValueSource::Flag(name) | ValueSource::Variable(name)) => Some(name.to_owned()),
        Some(ValueSource::System) => Some(ValueSource::System.shown()),
        Some(ValueSource::Context(_) | ValueSource::User) | None => None,
    };
    let replaced_by =
        replaced_by.filter(|_| used.is_some() && settings.effective_context().is_none());
    let contexts = all.collect();
    let (in_use, selected_by) = settings
        .context
        .map(|used| (used.name, used.selected_by))
        .unzip();
    Ok(Contexts {
        in_use,
        selected_by,
        replaced_by,
        contexts,
    })
}
