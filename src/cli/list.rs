//! `list`.

use super::Context;
use crate::core::list::{Reply, Request, list};
use crate::error::Result;

pub(super) async fn run(context: &Context<'_>, request: &Request) -> Result<u8> {
    let ui = context.ui;
    let reply = context.waiting(list(&context.core, request)).await?;
    if ui.json() {
        ui.data_json(&reply)?;
        return Ok(0);
    }
    let lines = |names: &mut dyn Iterator<Item = &str>| names.fold(String::new(), |text, name| text + name + "\n");
    match reply {
        Reply::Services { path, services, others, warnings } => {
            ui.data(&lines(&mut services.iter().map(crate::names::Service::as_str)))?;
            if services.is_empty() {
                ui.note(&format!("no services in {path} yet; the first: claude-vault set SERVICE KEY"));
            }
            if others > 0 {
                let entries = if others == 1 {
                    "1 more entry there has a name"
                } else {
                    &format!("{others} more entries there have names")
                };
                ui.note(&format!("{entries} that no service can have"));
            }
            warnings.iter().for_each(|warning| ui.warn(warning));
        }
        Reply::Keys { service, version, created, updated, keys, warnings } => {
            let keys: Vec<String> = keys.iter().map(|key| crate::names::printable(key, false)).collect();
            ui.data(&lines(&mut keys.iter().map(String::as_str)))?;
            ui.note(&format!("{service}: version {version}, created {}, updated {}", minute(&created), minute(&updated)));
            warnings.iter().for_each(|warning| ui.warn(warning));
        }
    }
    Ok(0)
}

/// An RFC 3339 time to the minute, as it is in UTC; anything else as it came.
fn minute(time: &str) -> String {
    time.parse::<jiff::Timestamp>().map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
