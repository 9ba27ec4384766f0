//! The `approve address` command: the person confirms that Vault has moved, before they sign in for
//! writing at the new address.

use super::Context;
use crate::audit::Action;
use crate::core::step_up::{destination, last_destination, record_destination};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::terminal::Terminal;

pub(super) async fn run(context: &Context<'_>) -> Result<u8> {
    let Context { ui, core, .. } = context;
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent {
            what: "approve address",
        });
    }
    let now = destination(&core.settings)?;
    let last = last_destination(&core.settings)?;
    if core.settings.is_lab || last.as_ref() == Some(&now) {
        ui.note(&format!(
            "nothing to approve: step-up goes to {}",
            now.address
        ));
        return Ok(0);
    }
    let mut terminal = Terminal::open().ok_or(Error::NoPerson {
        question: "may step-up go to this address?",
        hint: "run it in a terminal of your own",
    })?;
    let before = last
        .as_ref()
        .map_or_else(|| "none yet".into(), |last| printable(&last.address, false));
    terminal.write_line(&format!("last step-up  {before}"));
    terminal.write_line(&format!("now           {}", printable(&now.address, false)));
    if last.is_some_and(|last| last.trust != now.trust) {
        terminal.write_line(
            "The trusted certificate authorities have changed. To see ca_cert and ca_path: \
                claude-vault config",
        );
    }
    terminal
        .write_line("The server at this address gets the token of your next sign-in for writing.");
    if !terminal
        .ask_yes_or_no("Type yes if that is your Vault: ")
        .await?
    {
        return Err(Error::Declined);
    }
    let address = &now.address;
    core.audit
        .record(
            Action::Confirmed,
            "",
            &format!("step-up address {address}; typed at the terminal"),
        )
        .await?;
    record_destination(&core.settings, &now)?;
    ui.note(&format!("step-up goes to {address} from now on"));
    Ok(0)
}
