//! Names from Vault and from the config, for completion: one request, and nobody waits long for it.

use std::time::Duration;

use clap::{Args, FromArgMatches};

use super::walk::{Walked, takes_context, takes_key, takes_service, takes_version};
use crate::config::{Env, Global, Settings, contexts};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::{Key, Service};

/// A person who types does not wait longer.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is looked up.
pub(super) enum Live {
    Services,
    Keys(Service),
    Versions(Service),
    Contexts,
}

impl Live {
    /// What the argument names, if it is known where that is.
    pub(super) fn of(walked: &Walked<'_>, argument: &clap::Arg) -> Option<Self> {
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

    /// The names, sorted; none where anything is wrong or slow.
    pub(super) fn names(self, walked: &Walked<'_>, typed: &str) -> Vec<String> {
        let look = async {
            tokio::time::timeout(PATIENCE, self.look(walked, typed))
                .await
                .unwrap_or(Err(Error::Interrupted))
        };
        // A name like `--reveal` would be an option on the line.
        let is_out = |name: &String| {
            name.starts_with('-') || walked.given.iter().any(|(_, given)| given == name)
        };
        crate::cli::block_on(look)
            .unwrap_or_default()
            .into_iter()
            .filter(|name| !is_out(name))
            .collect()
    }

    async fn look(self, walked: &Walked<'_>, typed: &str) -> Result<Vec<String>> {
        let env = Env::of_process();
        let global = global_of(walked)?;
        if let Self::Contexts = self {
            let plain = |name: &String| Key::is_valid(name);
            return Ok(contexts(&global, &env)?
                .contexts
                .into_iter()
                .map(|context| context.name)
                .filter(plain)
                .collect());
        }
        let core = Core::new(Settings::load(&global, &env)?, &env);
        let session = core.session()?.alive()?;
        if global.address.is_some() && session.ours.is_none() {
            return Ok(Vec::new()); // an address that is half typed would get a token from elsewhere
        }
        let vault = core.vault()?;
        match self {
            Self::Services => {
                // Folder by folder, as with files: one request however many there are.
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
            Self::Keys(service) => {
                let keys = vault
                    .look_at(&service)
                    .await?
                    .and_then(|look| look.keys)
                    .unwrap_or_default();
                // A key that somebody else's program made may have any name: only ours go to a
                // shell.
                Ok(keys
                    .into_iter()
                    .filter(|key| key.parse::<Key>().is_ok())
                    .collect())
            }
            Self::Versions(service) => {
                let newest = vault
                    .read_metadata(&service)
                    .await?
                    .map_or(0, |metadata| metadata.current_version);
                Ok((newest.saturating_sub(19).max(1)..=newest)
                    .rev()
                    .map(|version| version.to_string())
                    .collect())
            }
            Self::Contexts => Ok(Vec::new()),
        }
    }
}

/// The global options that are typed on the line.
pub(in crate::cli) fn global_of(walked: &Walked<'_>) -> Result<Global> {
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
