//! The sources of settings: options, variables and config files. For a locked setting only the
//! system config counts.

use std::ffi::OsString;

use super::context::{ContextInUse, KnownVault, SelectedContext, find, names, select};
use super::file::{Files, Layer};
use super::lab::{LiveLab, live};
use super::lock::Locks;
use super::setting::{InContext, Setting, SettingValue, SettingValues, ValueSource};
use super::table::{SETTINGS, SHARED};
use super::{Env, Global, Settings};
use crate::error::Result;

/// All sources of settings.
pub(super) struct Sources<'a> {
    pub(super) files: &'a Files,
    pub(super) locks: Locks,
    invocation: Invocation<'a>,
    context: Option<SelectedContext<'a>>,
}

/// The options and variables that the program was started with.
pub(super) struct Invocation<'a> {
    global: &'a Global,
    env: &'a Env,
    lab: Option<LiveLab>,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(global: &'a Global, env: &'a Env) -> Self {
        Self {
            global,
            env,
            lab: live(env),
        }
    }

    /// The option that sets this setting and its value, if it was given.
    pub(super) fn option_for(&self, setting: &Setting) -> Option<(&'static str, OsString)> {
        let flag = setting.flag?;
        Some((flag.name, (flag.value)(self.global)?))
    }

    fn variable(&self, variable: &str) -> Option<OsString> {
        match variable {
            "CLAUDE_VAULT_DEV" => self.lab.as_ref().map(|lab| lab.address.clone().into()),
            variable => self.env.path(variable).map(OsString::from),
        }
    }

    fn variables_for(
        &self,
        setting: &Setting,
    ) -> impl Iterator<Item = (&'static str, OsString)> + use<'_, 'a> {
        setting
            .variables
            .iter()
            .filter_map(|variable| Some((*variable, self.variable(variable)?)))
    }

    /// The variables that must not contradict a lock: those that only Vault's tools and this
    /// program read.
    pub(super) fn own_variables_for(
        &self,
        setting: &Setting,
    ) -> impl Iterator<Item = (&'static str, OsString)> + use<'_, 'a> {
        self.variables_for(setting)
            .filter(|(variable, _)| !SHARED.contains(variable))
    }
}

impl<'a> Sources<'a> {
    /// # Errors
    /// As [`Locks::of`], and for an unknown context.
    pub(super) fn new(files: &'a Files, global: &'a Global, env: &'a Env) -> Result<Self> {
        let invocation = Invocation::new(global, env);
        // In a shell of `dev`, only the option selects a context.
        let is_in_lab = invocation.lab.is_some() && !files.locked()?.contains("address");
        let by_variable_or_file = || {
            let by_variable = env
                .get("CLAUDE_VAULT_CONTEXT")
                .map(|name| (ValueSource::Variable("CLAUDE_VAULT_CONTEXT"), name));
            let by_file = |layer: &'a Option<Layer>, source| {
                Some((source, layer.as_ref()?.values.get("context")?.as_str()?))
            };
            by_variable
                .or_else(|| by_file(&files.system, ValueSource::System))
                .or_else(|| by_file(&files.user, ValueSource::User))
        };
        let by_flag = global
            .context
            .as_deref()
            .map(|name| (ValueSource::Flag("--context"), name));
        let named = by_flag.or_else(|| {
            if is_in_lab {
                None
            } else {
                by_variable_or_file()
            }
        });
        let context = select(files, named)?;
        let locks = Locks::of(files, &invocation, context, env)?;
        Ok(Self {
            files,
            locks,
            invocation,
            context,
        })
    }

    /// The running lab, unless the address is locked.
    pub(super) fn lab(&self) -> Option<&LiveLab> {
        self.invocation
            .lab
            .as_ref()
            .filter(|_| !self.locks.words().contains("address"))
    }

    /// The selected context.
    pub(super) fn context(&self) -> Option<SelectedContext<'a>> {
        self.context
    }

    /// The selected context, for display.
    pub(super) fn context_in_use(&self) -> Option<ContextInUse> {
        self.context.map(|context| ContextInUse {
            name: context.name.to_owned(),
            selected_by: context.by.shown(),
        })
    }

    /// The values of a setting from the config files, without any context.
    pub(super) fn file_values_of(&self, setting: &Setting) -> SettingValues<'a> {
        SettingValues(
            self.values_without_options(setting, None)
                .into_iter()
                .filter(|(_, value)| matches!(value, SettingValue::File(_)))
                .collect(),
        )
    }

    /// The values of a setting from all sources.
    pub(super) fn values_of(&self, setting: &Setting) -> SettingValues<'a> {
        let flag = self
            .invocation
            .option_for(setting)
            .filter(|_| !self.locks.is_locked(setting));
        let mut all: Vec<_> = flag
            .map(|(flag, value)| (ValueSource::Flag(flag), SettingValue::Word(value)))
            .into_iter()
            .collect();
        all.extend(self.values_without_options(setting, self.context));
        SettingValues(all)
    }

    /// The values from all sources except options, with the given context.
    fn values_without_options(
        &self,
        setting: &Setting,
        context: Option<SelectedContext<'a>>,
    ) -> Vec<(ValueSource<'a>, SettingValue<'a>)> {
        let of_file = |layer: &'a Option<Layer>, source| {
            let value = layer
                .as_ref()
                .filter(|_| setting.in_file)
                .and_then(|layer| layer.values.get(setting.name));
            value.map(|value| (source, SettingValue::File(value)))
        };
        let system = of_file(&self.files.system, ValueSource::System);
        if self.locks.is_locked(setting) {
            return system.into_iter().collect();
        }
        let context = context.filter(|context| context.owns(setting));
        let of_context = context.and_then(|context| {
            Some((
                ValueSource::Context(context.name),
                SettingValue::File(context.values.get(setting.name)?),
            ))
        });
        if context.is_some_and(|context| context.is_above(setting)) {
            return of_context.into_iter().collect();
        }
        let variables = self.invocation.variables_for(setting);
        let variables = variables
            .map(|(variable, value)| (ValueSource::Variable(variable), SettingValue::Word(value)));
        let user = || of_file(&self.files.user, ValueSource::User);
        variables
            .chain(system)
            .chain(if context.is_some() {
                of_context
            } else {
                user()
            })
            .collect()
    }

    /// The Vault of each context and the one configured without a context; empty if no context is
    /// defined.
    pub(super) fn known_vaults(&self, env: &Env) -> Vec<KnownVault> {
        let named = names(self.files)
            .into_iter()
            .filter_map(|name| find(self.files, name));
        let contexts: Vec<SelectedContext<'_>> = named
            .map(|(name, values)| SelectedContext {
                name,
                values,
                by: ValueSource::Flag("--context"),
            })
            .collect();
        if contexts.is_empty() {
            return Vec::new();
        }
        let all = contexts.into_iter().map(Some).chain([None]);
        all.filter_map(|context| self.known_vault(context, env))
            .collect()
    }

    fn known_vault(&self, context: Option<SelectedContext<'a>>, env: &Env) -> Option<KnownVault> {
        let mut settings = Settings::defaults(env).ok()?;
        let of_a_vault = |setting: &&Setting| {
            matches!(
                setting.in_context,
                InContext::WithAddress | InContext::WithTls
            )
        };
        for setting in SETTINGS.iter().filter(of_a_vault) {
            let values = SettingValues(self.values_without_options(setting, context));
            if !values.0.is_empty() {
                (setting.apply)(&mut settings, &values).ok()?;
            }
        }
        let context = context.map(|context| context.name.to_owned());
        Some(KnownVault {
            context,
            address: settings.address?,
            namespace: settings.namespace,
            tls: settings.tls,
        })
    }
}
