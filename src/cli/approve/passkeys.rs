//! The person's passkeys: adds, lists and removes them.

use std::time::Duration;

use super::{a_terminal, ports, reach};
use crate::approval::Passkey;
use crate::approval::page::Enrolment;
use crate::audit::Action;
use crate::cli::Context;
use crate::cli::login::browser_failed;
use crate::config::Strength;
use crate::core::approve::passkeys;
use crate::error::{Error, Result};
use crate::login::open_browser;
use crate::names::printable;

/// How long to wait for the person to create a passkey in the browser.
const ENROLMENT_WAIT: Duration = Duration::from_secs(300);

/// Adds a passkey, once the person has typed the code that its page shows.
pub(super) async fn enroll(context: &Context<'_>, name: &str) -> Result<u8> {
    let Context { ui, core, .. } = context;
    if name.is_empty() || name.len() > 40 || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "a passkey's name must be 1 to 40 bytes without control characters",
            "claude-vault approve enroll yubikey",
        ));
    }
    let store = passkeys(core);
    let known = store.load()?;
    if known.iter().any(|passkey| passkey.name == name) {
        return Err(Error::invalid(
            format!("there is already a passkey named {name}"),
            "choose another name",
        ));
    }
    let passkey = create(context, name, known).await?;
    // Other passkeys may have been added, used or removed in the meantime.
    let mut all: Vec<Passkey> = store.load()?;
    if all
        .iter()
        .any(|other| other.id == passkey.id || other.name == passkey.name)
    {
        return Err(Error::invalid(
            "that passkey is enrolled already",
            "claude-vault approve list",
        ));
    }
    all.push(passkey);
    core.audit
        .record(Action::PasskeyAdded, "", &format!("passkey {name}"))
        .await?;
    store.save(&all)?;
    ui.note(&format!(
        "added the passkey {name}: from now on changes are approved with a passkey"
    ));
    Ok(0)
}

/// Lets the person create a passkey on the enrolment page and confirm it at the terminal.
async fn create(context: &Context<'_>, name: &str, known: Vec<Passkey>) -> Result<Passkey> {
    let Context { ui, core, .. } = context;
    let mut terminal = a_terminal("is the passkey to be added?")?;
    let page = Enrolment::open(name, known).await?;
    let opened = open_browser(&page.url, core.settings.browser.as_deref(), browser_failed);
    ui.note(&format!(
        "{} {}",
        if opened {
            "opened in your browser:"
        } else {
            "open in your browser:"
        },
        page.url
    ));
    reach(context, &ports(context, &page.url, Strength::Passkey));
    ui.note("Waiting for the passkey. Ctrl-C gives up.");
    tokio::select! {
        () = page.arrival() => {}
        () = crate::signals::stopped() => return Err(Error::Interrupted),
        () = tokio::time::sleep(ENROLMENT_WAIT) => {
            return Err(Error::LoginTimeout { seconds: ENROLMENT_WAIT.as_secs() });
        }
    }
    let code = terminal.ask("Type the code that the page shows: ").await?;
    page.take(code.trim()).ok_or_else(|| {
        Error::invalid(
            "no page showed that code: nothing was added",
            "start over: claude-vault approve enroll NAME",
        )
    })
}

pub(super) fn list(context: &Context<'_>) -> Result<u8> {
    let all = passkeys(&context.core).load()?;
    if context.ui.json() {
        let shown: Vec<_> = all
            .iter()
            .map(|one| serde_json::json!({ "name": one.name, "created": one.created }))
            .collect();
        context
            .ui
            .data_json(&serde_json::json!({ "passkeys": shown }))?;
        return Ok(0);
    }
    let lines: String = all
        .iter()
        .map(|passkey| format!("{}\n", printable(&passkey.name, false)))
        .collect();
    context.ui.data(&lines)?;
    if all.is_empty() {
        context
            .ui
            .note("no passkey; add one: claude-vault approve enroll NAME");
    }
    Ok(0)
}

pub(super) async fn remove(context: &Context<'_>, name: Option<String>, all: bool) -> Result<u8> {
    let Context { ui, core, .. } = context;
    let store = passkeys(core);
    if !all
        && !store
            .load()?
            .iter()
            .any(|passkey| Some(&passkey.name) == name.as_ref())
    {
        return Err(Error::NotFound {
            missing: None,
            what: "a passkey with that name".into(),
            hint: "claude-vault approve list".into(),
        });
    }
    let what = name.clone().unwrap_or_else(|| "all passkeys".into());
    let mut terminal = a_terminal("is the passkey to be removed?")?;
    if !terminal
        .ask_yes_or_no(&format!("Type yes to remove {}: ", printable(&what, false)))
        .await?
    {
        return Err(Error::Declined);
    }
    core.audit.record(Action::PasskeyRemoved, "", &what).await?;
    let mut kept = if all { Vec::new() } else { store.load()? };
    kept.retain(|passkey| Some(&passkey.name) != name.as_ref());
    if kept.is_empty() {
        store.clear()?;
    } else {
        store.save(&kept)?;
    }
    ui.note(&format!("removed {}", printable(&what, false)));
    Ok(0)
}
