//! `scan`: what looks like a secret in plain files. Names and places, never a value.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Context, below_here};
use crate::core::scan::{self, Found, Kind};
use crate::error::Result;
use crate::names::printable;

#[derive(clap::Args)]
pub(super) struct Scan {
    /// .env and compose files [default: those in the root and in its folders]
    files: Vec<PathBuf>,
    /// Show what is taken for no secret too
    #[arg(long)]
    all: bool,
}

impl Scan {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let (core, ui) = (&context.core, context.ui);
        let files = if self.files.is_empty() {
            scan::usual_files(core)?
        } else {
            self.files.iter().map(|file| below_here(file)).collect::<Result<_>>()?
        };
        let mut replies = Vec::new();
        let (mut secrets, mut lines) = (0, String::new());
        for file in &files {
            let (name, found, reply) = match look(core, file).await {
                Ok(seen) => seen,
                // One that cannot be read is no reason to keep quiet about the others.
                Err(error) if self.files.is_empty() => {
                    ui.warn(&error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            secrets += found.iter().filter(|one| one.secret).count();
            let shown = found.iter().filter(|one| self.all || one.secret);
            lines.extend(shown.map(|one| format!("{name}:{}\t{}\t{}\t{}\n", one.line, one.key, word(one.kind), one.why)));
            replies.push(reply);
        }
        if ui.json() {
            ui.data_json(&json!({ "files": replies }))?;
            return Ok(0);
        }
        ui.data(&lines)?;
        match (files.len(), secrets) {
            (0, _) => ui.note("no .env or compose file here; name one: claude-vault scan FILE"),
            (_, 0) => ui.note("no secrets found"),
            _ => ui.note("into Vault: claude-vault set SERVICE --from FILE   a template to commit: claude-vault example FILE"),
        }
        Ok(0)
    }
}

async fn look(core: &crate::core::Core, file: &Path) -> Result<(String, Vec<Found>, serde_json::Value)> {
    let shown = |file: &Path| printable(&file.to_string_lossy(), false);
    if scan::is_compose(file) {
        let reply = scan::compose(core, None, Some(file)).await?;
        let value = json!(reply);
        return Ok((shown(&reply.file), reply.services.into_iter().flat_map(|service| service.keys).collect(), value));
    }
    let reply = scan::env(core, None, Some(file)).await?;
    let value = json!(reply);
    Ok((shown(&reply.file), reply.keys, value))
}

/// The kind as `--json` spells it.
fn word(kind: Kind) -> String {
    json!(kind).as_str().unwrap_or_default().replace('_', " ")
}
