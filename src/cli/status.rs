//! The `status` command.

use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use crate::core::rotation;
use crate::core::status::{SessionStatus, status};
use crate::error::Result;
use crate::names::printable;
use crate::session::format_duration;
use crate::ui::{Piped, Table};

/// The reply, with the config files in use.
#[derive(Serialize)]
struct WithConfig<'a> {
    #[serde(flatten)]
    reply: &'a SessionStatus,
    config_files: &'a [PathBuf],
}

#[derive(clap::Args)]
pub(super) struct Status {
    /// Only the keys due for rotation (exit 1 if there are any); see set --rotate-after
    #[arg(long)]
    due: bool,
}

impl Status {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        if self.due {
            due(context).await
        } else {
            run(context).await
        }
    }
}

async fn due(context: &Context<'_>) -> Result<u8> {
    let ui = context.ui;
    let reply = context.waiting(rotation::due(&context.core, None)).await?;
    if ui.json() {
        ui.data_json(&reply)?;
        return Ok(u8::from(!reply.due.is_empty()));
    }
    let lines = reply.due.iter().map(|key| {
        let owner = key
            .owner
            .as_ref()
            .map(|owner| format!(", owner {owner}"))
            .unwrap_or_default();
        let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
        let (changed, due) = (day(&key.changed), day(&key.due));
        format!(
            "{} {}  due {due}: every {}, changed {changed}{owner}\n",
            key.service,
            printable(&key.key, false),
            key.rotate_after
        )
    });
    ui.data(&lines.collect::<String>())?;
    reply.warnings.iter().for_each(|warning| ui.warn(warning));
    match reply.due.first() {
        None => ui.note(&format!(
            "no rotation is due in {} services",
            reply.services
        )),
        Some(key) => ui.note(&format!(
            "to change one: claude-vault set {} KEY",
            key.service
        )),
    }
    Ok(u8::from(!reply.due.is_empty()))
}

async fn run(context: &Context<'_>) -> Result<u8> {
    let ui = context.ui;
    let reply = context.waiting(status(&context.core)).await?;
    if ui.json() {
        ui.data_json(&WithConfig {
            reply: &reply,
            config_files: &context.core.settings.config_files,
        })?;
        return Ok(0);
    }
    let mut table = Table::new(&[], Piped::Aligned);
    rows(context, &reply)
        .into_iter()
        .for_each(|(name, value)| table.row([name.into(), value.into()]));
    ui.data(&table.text(ui))?;
    reply.warnings.iter().for_each(|warning| ui.warn(warning));
    Ok(0)
}

fn rows(context: &Context<'_>, reply: &SessionStatus) -> Vec<(&'static str, String)> {
    let settings = &context.core.settings;
    let by = settings
        .context
        .as_ref()
        .map(|used| used.selected_by.as_str())
        .unwrap_or_default();
    let services = match reply.services {
        Some(count) => format!("{count} in {}", reply.path),
        None => format!("no permission to list {}", reply.path),
    };
    let address = format!("{} (version {})", reply.address, reply.version);
    let mut rows = vec![("address", address)];
    rows.extend(
        reply
            .context
            .as_ref()
            .map(|name| ("context", format!("{name} ({by})"))),
    );
    rows.extend(
        reply
            .namespace
            .clone()
            .map(|namespace| ("namespace", namespace)),
    );
    rows.push(("user", reply.user.clone()));
    rows.extend(reply.entity.clone().map(|entity| ("entity", entity)));
    rows.push(("policies", reply.policies.join(", ")));
    rows.push((
        "time left",
        reply
            .seconds_left
            .map_or_else(|| "never expires".into(), format_duration),
    ));
    rows.push(("services", services));
    rows.push(("writes", writes(reply.write_access).to_owned()));
    rows.push(("approval", approval(&reply.approval).to_owned()));
    rows.extend(
        settings
            .config_files
            .iter()
            .map(|path| ("config", path.display().to_string())),
    );
    if !settings.locked.is_empty() {
        rows.push(("locked", settings.locked.join(", ")));
    }
    rows
}

/// The words for whether this session may write.
fn writes(access: Option<bool>) -> &'static str {
    match access {
        Some(true) => "by this session",
        Some(false) => "not by this session itself",
        None => "unknown: Vault does not say whether this session may write",
    }
}

/// How a change is approved, in words. Any text that is not a kind of proof is shown unchanged.
fn approval(kind: &str) -> &str {
    match kind {
        "typed" => "yes, typed at the terminal or on the page",
        "passkey" => "a passkey, on the page",
        "step-up" => "a fresh sign-in for the role that may write",
        why => why,
    }
}
