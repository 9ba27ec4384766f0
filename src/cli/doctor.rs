//! `doctor`.

use anstyle::AnsiColor;

use super::Context;
use crate::core::doctor::{State, doctor};
use crate::error::Result;
use crate::names::printable;

pub(super) async fn run(context: &Context<'_>) -> Result<u8> {
    let ui = context.ui;
    let reply = context.waiting(doctor(&context.core, &context.env)).await;
    let status = u8::from(reply.failed());
    if ui.json() {
        ui.data_json(&reply)?;
        return Ok(status);
    }
    let mut text = String::new();
    for check in &reply.checks {
        let (mark, color) = match check.state {
            State::Ok => ("ok", AnsiColor::Green),
            State::Warning => ("warning", AnsiColor::Yellow),
            State::Failed => ("failed", AnsiColor::Red),
            State::Skipped => ("-", AnsiColor::White),
        };
        let mark = format!("{mark:<8}");
        let mark = if ui.stdout_is_terminal() { ui.paint(&mark, color) } else { mark };
        text += &format!("{mark} {:<10} {}\n", check.name, printable(&check.saw, false));
        if !check.why.is_empty() {
            text += &format!("{:20}since {}\n", "", check.why);
        }
        if !check.mend.is_empty() {
            text += &format!("{:20}mend: {}\n", "", printable(&ui.shell().hint(&check.mend), false));
        }
    }
    ui.data(&text)?;
    Ok(status)
}
