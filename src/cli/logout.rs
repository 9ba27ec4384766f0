//! The `logout` command.

use super::Context;
use crate::core::login::{Ended, Revoke, end};
use crate::error::{Error, Result};
use crate::session::VARIABLES;
use crate::shell::Shell;
use crate::ui::Ui;

#[derive(clap::Args)]
pub(super) struct Logout {
    /// Also revoke a token that claude-vault did not obtain
    #[arg(long)]
    revoke: bool,
    /// The syntax to print, for: eval "$(claude-vault logout)"
    #[arg(long, value_enum, default_value = "sh")]
    shell: Shell,
}

impl Logout {
    /// Removes the token from the shell even if the settings are invalid.
    pub(super) fn without_settings(
        &self,
        ui: &Ui,
        sourced: Option<Shell>,
        error: &Error,
    ) -> Result<u8> {
        ui.error(error);
        self.forget(ui, sourced)?;
        ui.warn("the token could not be revoked and lives until it expires");
        Ok(error.exit())
    }

    /// Prints the lines that unset the session, if a shell can evaluate them.
    fn forget(&self, ui: &Ui, sourced: Option<Shell>) -> Result<()> {
        if sourced.is_none() && ui.stdout_is_terminal() {
            return Ok(());
        }
        ui.data(&sourced.unwrap_or(self.shell).unset(&VARIABLES))
    }

    pub(super) async fn run(self, context: &Context<'_>, sourced: Option<Shell>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let ended = end(
            core,
            if self.revoke {
                Revoke::Anything
            } else {
                Revoke::Ours
            },
        )
        .await?;
        self.forget(ui, sourced)?;
        let held = ended != Ended::None;
        let mut status = 0;
        match ended {
            Ended::Revoked => ui.note("signed out: the token is revoked"),
            Ended::AlreadyEnded => ui.note("signed out: the session had already ended"),
            Ended::None => ui.note("no session: nothing to do"),
            Ended::Forgotten => ui.note(
                "signed out here: claude-vault did not obtain this token, so it was not revoked \
                 (logout --revoke does that)",
            ),
            Ended::Root => {
                ui.error(&Error::invalid(
                    "a root token is not revoked; it is only removed from this shell",
                    "vault token revoke -self   (with that token, to revoke it anyway)",
                ));
                status = 2;
            }
            Ended::NotRevoked(why) => ui.warn(&format!(
                "the token could not be revoked and lives until it expires: {why}"
            )),
        }
        if held && sourced.is_none() && ui.stdout_is_terminal() {
            ui.note(&ui.shell().translate(
                "this shell still holds the token: unset VAULT_TOKEN   (or: unset BAO_TOKEN)",
            ));
        }
        Ok(status)
    }
}
