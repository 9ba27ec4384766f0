//! Plans as JSON for the page's script. Every text is made printable, and no value is included.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Shared, short};
use crate::approval::Asked;
use crate::approval::pending::{AskedBy, Plan, SETTLE, Stage};
use crate::audit::Action;
use crate::config::Strength;
use crate::names::{printable, short as short_name};

impl Shared {
    /// All plans that the page shows: those that wait, and those that ended recently.
    pub(super) fn shown(&self) -> Vec<Value> {
        let mut new = Vec::new();
        let shown = {
            let mut plans = self.context.pending.plans();
            let mut all: Vec<&mut Plan> = plans
                .values_mut()
                .filter(|plan| plan.waits() || plan.first_shown.is_some())
                .collect();
            all.sort_by_key(|plan| plan.made);
            new.extend(
                all.iter()
                    .filter(|plan| plan.first_shown.is_none())
                    .map(|plan| plan.shown.clone()),
            );
            all.into_iter()
                .map(|plan| show(plan, &self.context.vault))
                .collect()
        };
        for plan in new {
            self.context.audit.note(
                Action::ApprovalShown,
                &plan.service,
                &format!("plan {}", short(&plan.id)),
            );
        }
        shown
    }
}

fn show(plan: &mut Plan, vault: &str) -> Value {
    plan.first_shown.get_or_insert_with(Instant::now);
    plan.outcome_sent |= !matches!(plan.stage, Stage::Waiting | Stage::Approved);
    let mut shown = content(plan, vault);
    // Adds `stage`, and `detail` if there is one.
    if let (Value::Object(shown), Value::Object(stage)) = (&mut shown, json!(plan.stage)) {
        shown.extend(stage);
    }
    if let Some(Value::String(detail)) = shown.get_mut("detail") {
        *detail = printable(detail, false);
    }
    shown
}

fn content(plan: &Plan, vault: &str) -> Value {
    let shown = &plan.shown;
    let text = |text: &str| printable(text, false);
    let keys = shown.keys.iter().map(|(key, change)| {
        let change = if shown.asked == Asked::Show {
            ""
        } else {
            change.word()
        };
        json!({ "name": text(key), "change": change, "value": value_of(plan, key) })
    });
    let files = shown
        .files
        .iter()
        .map(|file| json!({ "path": text(&file.path), "text": printable(&file.masked_text, true), "note": text(&file.note) }));
    json!({
        "id": shown.id,
        "asked": shown.asked,
        "asked_by": asked_by(&shown.asked_by),
        "service": text(&shown.service),
        "path": text(&shown.path),
        "vault": text(vault),
        "base": shown.base,
        "keys": keys.collect::<Vec<_>>(),
        "untouched": shown.untouched,
        "metadata": shown.metadata.iter().map(|words| text(words)).collect::<Vec<_>>(),
        "warnings": shown.warnings.iter().map(|warning| text(warning)).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "obstacle": shown.obstacle.as_deref().map(text),
        "proof": shown.proof,
        "word": text(shown.word()),
        "seconds_left": plan.seconds_left(),
        "settle": SETTLE.as_millis(),
        "notice": text(&plan.notice),
    })
}

/// How the page handles the value of a key.
fn value_of(plan: &Plan, key: &String) -> &'static str {
    if plan.shown.prompt.contains(key) {
        "typed"
    } else if plan.shown.asked != Asked::Write || !plan.values.contains_key(key) {
        "none"
    } else {
        match plan.shown.proof {
            Strength::Typed => "covered",
            Strength::Passkey => "passkey",
            // A sign-in always approves, so it cannot be used only to uncover values.
            Strength::StepUp => "never",
        }
    }
}

fn asked_by(asked_by: &AskedBy) -> Value {
    match asked_by {
        AskedBy::Client { name, tool } => {
            json!({ "kind": "client", "name": short_name(name), "tool": short_name(tool) })
        }
        AskedBy::Shell { command } => json!({ "kind": "shell", "command": short_name(command) }),
        AskedBy::Agent { marker, command } => {
            json!({ "kind": "agent", "marker": short_name(marker), "command": short_name(command) })
        }
    }
}
