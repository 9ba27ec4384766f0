//! The `doctor` command.

use anstyle::AnsiColor;

use super::Context;
use crate::core::doctor::{CheckState, doctor};
use crate::error::Result;
use crate::ui::{Cell, Piped, Table};

pub(super) async fn run(context: &Context<'_>) -> Result<u8> {
    let ui = context.ui;
    let reply = context.waiting(doctor(&context.core, &context.env)).await;
    let status = u8::from(reply.failed());
    if ui.json() {
        ui.data_json(&reply)?;
        return Ok(status);
    }
    let mut table = Table::new(&[], Piped::Aligned);
    for check in &reply.checks {
        let mark = match check.state {
            CheckState::Ok => Cell::colored("ok", AnsiColor::Green),
            CheckState::Warning => Cell::colored("warning", AnsiColor::Yellow),
            CheckState::Failed => Cell::colored("failed", AnsiColor::Red),
            CheckState::Skipped => "-".into(),
        };
        table.row([mark, check.name.into(), check.saw.as_str().into()]);
        if !check.why.is_empty() {
            table.row(["".into(), "".into(), format!("why: {}", check.why).into()]);
        }
        if !check.fix.is_empty() {
            table.row([
                "".into(),
                "".into(),
                format!("fix: {}", ui.shell().hint(&check.fix)).into(),
            ]);
        }
    }
    ui.data(&table.text(ui))?;
    Ok(status)
}
