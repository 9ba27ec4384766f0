//! Each setting as it is, and where it came from: for a person who wonders why.

use std::path::PathBuf;

use serde::Serialize;

use super::file::Files;
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
        let said: Vec<String> = sources.of(setting).0.iter().map(|(source, _)| source.shown()).collect();
        let (source, is_set) = match said.split_first() {
            // Of these the files together decide.
            Some(_) if setting.both_files => (said.join(", "), true),
            Some((strongest, _)) => (strongest.clone(), true),
            None => ("default".to_owned(), false),
        };
        let value = printable(&(setting.show)(&settings), false);
        Shown { name: setting.name, value, source, is_set, locked: sources.locks.hold(setting) }
    });
    Ok(Report { settings: all.collect(), file: config_file(env)?, files: settings.config_files })
}
