//! The `approve address` command: the person confirms that Vault has moved, before they sign in for
//! writing at the new address.

use super::Context;
use crate::audit::Action;
use crate::core::step_up::{last_way, record_way, way};
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
    let now = way(&core.settings)?;
    let last = last_way(&core.settings)?;
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
    terminal.say(&format!("last step-up  {before}"));
    terminal.say(&format!("now           {}", printable(&now.address, false)));
    if last.is_some_and(|last| last.trust != now.trust) {
        terminal.say(
            "The trusted certificate authorities have changed. To see ca_cert and ca_path: \
                claude-vault config",
        );
    }
    terminal.say("The server at this address gets the token of your next sign-in for writing.");
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
    record_way(&core.settings, &now)?;
    ui.note(&format!("step-up goes to {address} from now on"));
    Ok(0)
}
