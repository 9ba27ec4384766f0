//! `context`: the contexts that there are, and the one in use.

use crate::config::{Contexts, Env, Global, contexts};
use crate::error::Result;
use crate::ui::Ui;

#[derive(clap::Args)]
pub(super) struct List {}

impl List {
    pub(super) fn run(&self, ui: &Ui, global: &Global, env: &Env) -> Result<u8> {
        let report = contexts(global, env)?;
        if ui.json() {
            ui.data_json(&report)?;
            return Ok(0);
        }
        ui.data(&table(&report))?;
        match (&report.in_use, &report.chosen_by, &report.replaced_by) {
            _ if report.contexts.is_empty() => {
                ui.note("no contexts: claude-vault config edit   (and add [contexts.NAME] with address = \"https://…\")");
            }
            (Some(name), Some(by), None) => ui.note(&format!("{name} is in use, chosen by {by}")),
            (Some(name), Some(by), Some(replaced)) => {
                ui.note(&format!("{name} is in use, chosen by {by}, but its address is replaced by {replaced}"));
            }
            _ => ui.note("none is in use: --context NAME, or export CLAUDE_VAULT_CONTEXT=NAME"),
        }
        Ok(0)
    }
}

fn table(report: &Contexts) -> String {
    let width = |of: fn(&crate::config::ContextShown) -> &str| report.contexts.iter().map(|one| of(one).len()).max().unwrap_or(0);
    let (names, addresses) = (width(|one| &one.name), width(|one| &one.address));
    let row = |one: &crate::config::ContextShown| {
        let mark = if one.in_use { '*' } else { ' ' };
        let namespace = one.namespace.as_deref().unwrap_or_default();
        let row = format!("{mark} {:<names$}  {:<addresses$}  {namespace}", one.name, one.address);
        row.trim_end().to_owned() + "\n"
    };
    report.contexts.iter().map(row).collect()
}
