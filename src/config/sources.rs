//! Who says a setting: options, variables, the config files. A locked one is said by the system config alone.

use std::ffi::OsString;

use super::file::{Files, Layer};
use super::lab::{LiveLab, live};
use super::lock::Locks;
use super::setting::{Said, Setting, Source, Value};
use super::table::SHARED;
use super::{Env, Global};
use crate::error::Result;

/// All sources.
pub(super) struct Sources<'a> {
    pub(super) files: &'a Files,
    pub(super) locks: Locks,
    words: Words<'a>,
}

/// The options and variables.
pub(super) struct Words<'a> {
    global: &'a Global,
    env: &'a Env,
    lab: Option<LiveLab>,
}

impl<'a> Words<'a> {
    pub(super) fn new(global: &'a Global, env: &'a Env) -> Self {
        Self { global, env, lab: live(env) }
    }

    /// What the option says, if it was given.
    pub(super) fn of_flag(&self, setting: &Setting) -> Option<(&'static str, OsString)> {
        let flag = setting.flag?;
        Some((flag.name, (flag.said)(self.global)?))
    }

    fn of_variable(&self, variable: &str) -> Option<OsString> {
        match variable {
            "CLAUDE_VAULT_DEV" => self.lab.as_ref().map(|lab| lab.address.clone().into()),
            variable => self.env.path(variable).map(OsString::from),
        }
    }

    fn of_variables(&self, setting: &Setting) -> impl Iterator<Item = (&'static str, OsString)> + use<'_, 'a> {
        setting.variables.iter().filter_map(|variable| Some((*variable, self.of_variable(variable)?)))
    }

    /// The variables that a lock holds against what it fixes: those that no other program reads.
    pub(super) fn of_own_variables(&self, setting: &Setting) -> impl Iterator<Item = (&'static str, OsString)> + use<'_, 'a> {
        self.of_variables(setting).filter(|(variable, _)| !SHARED.contains(variable))
    }
}

impl<'a> Sources<'a> {
    /// # Errors
    /// As [`Locks::of`].
    pub(super) fn new(files: &'a Files, global: &'a Global, env: &'a Env) -> Result<Self> {
        let words = Words::new(global, env);
        let locks = Locks::of(files, &words, env)?;
        Ok(Self { files, locks, words })
    }

    /// The lab that runs, where the address is not locked.
    pub(super) fn lab(&self) -> Option<&LiveLab> {
        self.words.lab.as_ref().filter(|_| !self.locks.words().contains("address"))
    }

    /// What is said of a setting.
    pub(super) fn of(&self, setting: &Setting) -> Said<'a> {
        let mut all = Vec::new();
        let locked = self.locks.hold(setting);
        if !locked {
            all.extend(self.words.of_flag(setting).map(|(flag, said)| (Source::Flag(flag), Value::Word(said))));
            let variables = self.words.of_variables(setting);
            all.extend(variables.map(|(variable, said)| (Source::Variable(variable), Value::Word(said))));
        }
        let mut file = |layer: &'a Option<Layer>, source| {
            let said = layer.as_ref().filter(|_| setting.in_file).and_then(|layer| layer.said.get(setting.name));
            all.extend(said.map(|value| (source, Value::File(value))));
        };
        file(&self.files.system, Source::System);
        if !locked {
            file(&self.files.user, Source::User);
        }
        Said(all)
    }
}
