//! Each setting as it is, and where it came from: for a person who wonders why.

use std::path::PathBuf;

use serde::Serialize;

use super::file::Files;
use super::setting::Source;
use super::sources::Sources;
use super::table::SETTINGS;
use super::{Env, Global, Settings, config_file};
use crate::error::Result;
use crate::names::printable;

/// A setting.
#[derive(Serialize, Debug)]
pub struct Shown {
    /// Its key in the config file, or a name of that kind where a variable alone says it.
    pub name: &'static str,
    /// What it is; empty for none.
    pub value: String,
    /// Where that came from: `--option`, a variable, `system config`, `config`, or `default`.
    pub source: String,
    /// Whether an option, a variable or a config file says it.
    #[serde(skip)]
    pub is_set: bool,
    /// Whether the system config locks it.
    pub locked: bool,
}

/// All settings and the files that they came from.
#[derive(Serialize, Debug)]
pub struct Report {
    /// The person's config file, whether it is there or not.
    pub file: Option<PathBuf>,
    /// The config files that count, the stronger first.
    pub files: Vec<PathBuf>,
    /// The settings.
    pub settings: Vec<Shown>,
}

/// Every setting.
///
/// # Errors
/// As [`Settings::load`].
pub fn shown(global: &Global, env: &Env) -> Result<Report> {
    let settings = Settings::load(global, env)?;
    let files = Files::read(env)?;
    let sources = Sources::new(&files, global, env)?;
    let all = SETTINGS.iter().map(|setting| {
        let said: Vec<String> = sources
            .of(setting)
            .0
            .iter()
            .map(|(source, _)| source.shown())
            .collect();
        let (source, is_set) = match said.split_first() {
            // Of these the files together decide.
            Some(_) if setting.both_files => (said.join(", "), true),
            Some((strongest, _)) => (strongest.clone(), true),
            None => ("default".to_owned(), false),
        };
        let value = printable(&(setting.show)(&settings), false);
        Shown {
            name: setting.name,
            value,
            source,
            is_set,
            locked: sources.locks.hold(setting),
        }
    });
    Ok(Report {
        settings: all.collect(),
        file: config_file(env)?,
        files: settings.config_files,
    })
}

/// A context.
#[derive(Serialize, Debug)]
pub struct ContextShown {
    /// Its name.
    pub name: String,
    /// The address of its Vault.
    pub address: String,
    /// The namespace there.
    pub namespace: Option<String>,
    /// The config file that defines it.
    pub file: PathBuf,
    /// Whether it is in use.
    pub in_use: bool,
}

/// All contexts.
#[derive(Serialize, Debug)]
pub struct Contexts {
    /// The one in use.
    pub in_use: Option<String>,
    /// What chose it: `--context`, `CLAUDE_VAULT_CONTEXT`, `system config` or `config`.
    pub chosen_by: Option<String>,
    /// What replaces the address of the one in use: an option or a variable.
    pub replaced_by: Option<String>,
    /// All of them.
    pub contexts: Vec<ContextShown>,
}

/// Every context.
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
        Some(ContextShown {
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
        .map(|setting| sources.of(setting));
    let source = address
        .as_ref()
        .and_then(|said| said.0.first())
        .map(|(source, _)| *source);
    let replaced_by = match source {
        Some(Source::Flag(name) | Source::Variable(name)) => Some(name.to_owned()),
        Some(Source::System) => Some(Source::System.shown()),
        Some(Source::Context(_) | Source::User) | None => None,
    };
    let replaced_by =
        replaced_by.filter(|_| used.is_some() && settings.effective_context().is_none());
    let contexts = all.collect();
    let (in_use, chosen_by) = settings
        .context
        .map(|used| (used.name, used.chosen_by))
        .unzip();
    Ok(Contexts {
        in_use,
        chosen_by,
        replaced_by,
        contexts,
    })
}
