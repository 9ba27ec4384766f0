//! The `renew` command: extends the session of this shell.

use super::Context;
use crate::core::renew::{Renewed, renew};
use crate::error::{Error, Result};
use crate::session::format_duration;
use crate::shell::Shell;

#[derive(clap::Args)]
pub(super) struct Renew {
    /// Also renew a token that claude-vault did not obtain, as far as Vault allows
    #[arg(long)]
    foreign: bool,
    /// The syntax to print, for: eval "$(claude-vault renew)"
    #[arg(long, value_enum, default_value = "sh")]
    shell: Shell,
}

impl Renew {
    pub(super) async fn run(self, context: &Context<'_>, sourced: Option<Shell>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        if sourced.is_none() && ui.stdout_is_terminal() {
            return Err(Error::invalid(
                "renew sets variables in this shell, so it must be sourced",
                ui.shell().renew_with_setup(),
            ));
        }
        if core.settings.agent.is_some() {
            return Err(Error::UnderAgent {
                what: "renewing a session",
            });
        }
        let renewed = context.waiting(renew(core, self.foreign)).await?;
        let expiry = renewed.expiry.to_string();
        ui.data(
            &sourced
                .unwrap_or(self.shell)
                .set(&[("VAULT_TOKEN_EXPIRY", &expiry)]),
        )?;
        let Renewed { seconds, end, .. } = renewed;
        ui.note(&format!(
            "the session of {} now ends in {}",
            renewed.user,
            format_duration(seconds)
        ));
        if let Some(why) = end {
            ui.note(&ui.shell().hint(&format!(
                "{why}; then sign in again: source claude-vault login"
            )));
        }
        Ok(0)
    }
}
