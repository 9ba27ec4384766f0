//! Completion candidates from Vault and the config: one request, with a short timeout.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, FromArgMatches};

use super::walk::{Position, takes_context, takes_key, takes_service, takes_version};
use crate::config::{Env, Global, Settings, contexts};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::vault::Client;

/// The timeout for a look-up: a person who is typing does not wait longer.
const PATIENCE: Duration = Duration::from_millis(300);

/// The kind of names to look up.
pub(super) enum Live {
    Services,
    Keys(Service),
    Versions(Service),
    Contexts,
}

impl Live {
    /// The kind of names that the argument takes. `None` if they cannot be looked up.
    pub(super) fn of(walked: &Position<'_>, argument: &clap::Arg) -> Option<Self> {
        if takes_service(argument) {
            Some(Self::Services)
        } else if takes_key(argument) {
            walked.service().map(Self::Keys)
        } else if takes_version(argument) {
            walked.service().map(Self::Versions)
        } else if takes_context(argument) {
            Some(Self::Contexts)
        } else {
            None
        }
    }

    /// The names; none after an error or a timeout.
    pub(super) fn names(self, walked: &Position<'_>, typed: &str) -> Vec<String> {
        let look = async {
            tokio::time::timeout(PATIENCE, self.look(walked, typed))
                .await
                .unwrap_or(Err(Error::Interrupted))
        };
        // A name such as `--reveal` would be read as an option on the command line.
        let is_excluded = |name: &String| {
            name.starts_with('-') || walked.given.iter().any(|(_, given)| given == name)
        };
        crate::cli::block_on(look)
            .unwrap_or_default()
            .into_iter()
            .filter(|name| !is_excluded(name))
            .collect()
    }

    async fn look(self, walked: &Position<'_>, typed: &str) -> Result<Vec<String>> {
        let env = Env::of_process();
        let global = global_of(walked)?;
        match self {
            Self::Services => services(&*vault_of(&global, &env)?, typed).await,
            Self::Keys(service) => keys(&*vault_of(&global, &env)?, &service).await,
            Self::Versions(service) => versions(&*vault_of(&global, &env)?, &service).await,
            Self::Contexts => {
                let plain = |name: &String| Key::is_valid(name);
                Ok(contexts(&global, &env)?
                    .contexts
                    .into_iter()
                    .map(|context| context.name)
                    .filter(plain)
                    .collect())
            }
        }
    }
}

/// The Vault to ask. Refuses an address from the typed line unless a login of this program created
/// the token: other tokens are bound to no address, and a half-typed address must not get one.
fn vault_of(global: &Global, env: &Env) -> Result<Arc<Client>> {
    let core = Core::new(Settings::load(global, env)?, env);
    let session = core.session()?.alive()?;
    if global.address.is_some() && session.provenance.is_none() {
        return Err(Error::NoSession);
    }
    core.vault()
}

/// The services and folders in the folder that is typed. As with files, one folder is completed at
/// a time, so one request is enough for any number of services.
async fn services(vault: &Client, typed: &str) -> Result<Vec<String>> {
    let folder = typed
        .rsplit_once('/')
        .map(|(folder, _)| folder.parse::<Service>())
        .transpose()?;
    let Some(listed) = vault.walk(folder, |_| false).next().await else {
        return Ok(Vec::new());
    };
    let (_, listed) = listed?;
    let folders = listed.folders.iter().map(|folder| format!("{folder}/"));
    Ok(listed
        .services
        .iter()
        .map(ToString::to_string)
        .chain(folders)
        .collect())
}

/// The keys of a service, except names that this program would not write: another program may have
/// written a key with any name.
pub(in crate::cli) async fn keys(vault: &Client, service: &Service) -> Result<Vec<String>> {
    let keys = vault
        .read_summary(service)
        .await?
        .and_then(|look| look.keys)
        .unwrap_or_default();
    Ok(keys
        .into_iter()
        .filter(|key| key.parse::<Key>().is_ok())
        .collect())
}

/// The newest twenty versions of a service.
async fn versions(vault: &Client, service: &Service) -> Result<Vec<String>> {
    let newest = vault
        .read_metadata(service)
        .await?
        .map_or(0, |metadata| metadata.current_version);
    Ok((newest.saturating_sub(19).max(1)..=newest)
        .rev()
        .map(|version| version.to_string())
        .collect())
}

/// Parses the global options on the command line.
pub(in crate::cli) fn global_of(walked: &Position<'_>) -> Result<Global> {
    let command = Global::augment_args(
        clap::Command::default()
            .ignore_errors(true)
            .disable_help_flag(true),
    );
    let words = std::iter::once("claude-vault".to_owned()).chain(walked.global.iter().cloned());
    let wrong = || Error::invalid("a global option is not valid", "claude-vault help options");
    let matches = command.try_get_matches_from(words).map_err(|_| wrong())?;
    Global::from_arg_matches(&matches).map_err(|_| wrong())
}
