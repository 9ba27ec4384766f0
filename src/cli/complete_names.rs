//! `complete-names`: what the completions ask for while a person types. Names only, of harmless
//! characters; silent and quick, whatever is wrong. Not in the audit log, which is for what is done.

use std::time::Duration;

use super::Context;
use crate::error::Result;
use crate::names::{Key, Service};
use crate::vault::Stored;

/// A person who types does not wait longer.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(clap::Args)]
pub(super) struct CompleteNames {
    /// The service whose keys are meant, instead of the services
    service: Option<String>,
}

impl CompleteNames {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        // No answer in time, no session, no such service: nothing to complete.
        let names = tokio::time::timeout(PATIENCE, self.names(context)).await;
        if let Ok(Ok(names)) = names {
            context.ui.data(&names.iter().fold(String::new(), |text, name| text + name + "\n"))?;
        }
        Ok(0)
    }

    async fn names(self, context: &Context<'_>) -> Result<Vec<String>> {
        context.core.session()?.alive()?;
        let vault = context.core.vault()?;
        let Some(service) = self.service else {
            return Ok(vault.list_services().await?.services.iter().map(ToString::to_string).collect());
        };
        let stored = vault.read_service(&service.parse::<Service>()?, None).await?;
        let Stored::Present { secrets, .. } = stored else { return Ok(Vec::new()) };
        // A key that somebody else's program made may have any name: only ours go to a shell.
        Ok(secrets.keys().filter(|key| key.parse::<Key>().is_ok()).cloned().collect())
    }
}
