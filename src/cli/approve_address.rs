//! `approve address`: the person says that Vault moved, before they sign in for writing at another place.

use super::Context;
use crate::audit::Action;
use crate::core::step_up::{last_address, record_address, shown};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::terminal::Terminal;

pub(super) async fn run(context: &Context<'_>) -> Result<u8> {
    let Context { ui, core, .. } = context;
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "approve address" });
    }
    let address = core.settings.address()?;
    let now = shown(address);
    let last = last_address(&core.settings)?;
    if core.settings.is_lab || last.as_ref() == Some(&now) {
        ui.note(&format!("nothing to approve: step-up goes to {now}"));
        return Ok(0);
    }
    let mut terminal = Terminal::open()
        .ok_or(Error::NoPerson { question: "may step-up go to this address?", hint: "run it in a terminal of your own" })?;
    terminal.say(&format!("last step-up  {}", last.as_deref().map_or_else(|| "none yet".into(), |last| printable(last, false))));
    terminal.say(&format!("now           {}", printable(&now, false)));
    terminal.say("Whoever answers there gets the token of your next sign-in for writing.");
    if terminal.ask("Type yes if that is your Vault: ").await?.trim() != "yes" {
        return Err(Error::Declined);
    }
    core.audit.record(Action::Confirmed, "", &format!("step-up address {now}; typed at the terminal"))?;
    record_address(&core.settings, address)?;
    ui.note(&format!("step-up goes to {now} from now on"));
    Ok(0)
}
