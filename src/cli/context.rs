//! The `context` command: lists the contexts in the config and marks the one in use.

use crate::config::{ContextReport, Contexts, Env, Global, contexts};
use crate::error::Result;
use crate::ui::{Piped, Table, Ui};

#[derive(clap::Args)]
pub(super) struct List {}

impl List {
    pub(super) fn run(&self, ui: &Ui, global: &Global, env: &Env) -> Result<u8> {
        let report = contexts(global, env)?;
        if ui.json() {
            ui.data_json(&report)?;
            return Ok(0);
        }
        ui.data(&table(ui, &report))?;
        match (&report.in_use, &report.selected_by, &report.replaced_by) {
            _ if report.contexts.is_empty() => {
                ui.note(
                    "no contexts: claude-vault config edit   (and add [contexts.NAME] with \
                    address = \"https://…\")",
                );
            }
            (Some(name), Some(by), None) => ui.note(&format!("{name} is in use, chosen by {by}")),
            (Some(name), Some(by), Some(replaced)) => {
                ui.note(&format!(
                    "{name} is in use, chosen by {by}, but its address is replaced by {replaced}"
                ));
            }
            _ => {
                ui.note(
                    "no context is in use: --context NAME, or export CLAUDE_VAULT_CONTEXT=NAME",
                );
            }
        }
        Ok(0)
    }
}

fn table(ui: &Ui, report: &Contexts) -> String {
    let mut table = Table::new(&["  CONTEXT", "ADDRESS", "NAMESPACE"], Piped::Aligned);
    for ContextReport {
        name,
        address,
        namespace,
        in_use,
        ..
    } in &report.contexts
    {
        let mark = if *in_use { '*' } else { ' ' };
        let namespace = namespace.clone().unwrap_or_default();
        table.row([
            format!("{mark} {name}").into(),
            address.clone().into(),
            namespace.into(),
        ]);
    }
    table.text(ui)
}
