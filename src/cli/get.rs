//! `get`.

use serde_json::value::RawValue;

use super::Context;
use crate::core::get::{Reply, Request, get};
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect};
use crate::format::shell;
use crate::names::{is_variable, printable};
use crate::secret::WayOut;

#[derive(clap::Args)]
#[command(after_help = "\
One key: its value. Several, or all: KEY=value lines, which a shell and a .env reader read back.
A number, boolean, list or object is its JSON text; --json keeps the types.")]
pub(super) struct Get {
    #[command(flatten)]
    request: Request,
    /// No line break after the value
    #[arg(short = 'n', requires = "keys")]
    no_newline: bool,
}

impl Get {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        if self.no_newline && self.request.keys.len() > 1 {
            return Err(Error::invalid("-n goes with one key", "claude-vault get SERVICE KEY -n"));
        }
        let reply = context.waiting(get(&context.core, &self.request)).await?;
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        if context.core.settings.agent.is_some() {
            return names_only(context, &reply);
        }
        if ui.json() {
            let shown = reply.disclosed(|value| RawValue::from_string(value.json(WayOut::Stdout)?.to_string()));
            ui.data_json(&shown.map_err(|_| Error::invalid("a value has no JSON form", "claude-vault get SERVICE KEY"))?)?;
            return Ok(0);
        }
        if self.request.keys.len() == 1 {
            return one(context, &reply, self.no_newline);
        }
        let lines = if ui.stdout_is_terminal() { for_eyes(&reply) } else { for_readers(&reply)? };
        ui.data(&lines)?;
        Ok(0)
    }
}

/// Under an AI agent a model reads what is printed.
fn names_only(context: &Context<'_>, reply: &Reply) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(&reply.names())?;
    } else {
        ui.data(&reply.secrets.keys().fold(String::new(), |text, key| text + &printable(key, false) + "\n"))?;
    }
    ui.note("an AI agent reads this, so only names are shown; a value reaches its program with: claude-vault inject");
    Ok(0)
}

fn one(context: &Context<'_>, reply: &Reply, no_newline: bool) -> Result<u8> {
    let Some(value) = reply.secrets.values().next() else { return Ok(0) };
    let text = value.secret().expose(WayOut::Stdout);
    let end = if no_newline { "" } else { "\n" };
    if !context.ui.stdout_is_terminal() {
        return context.ui.data(&format!("{text}{end}")).map(|()| 0);
    }
    let shown = printable(text, true);
    if shown != text {
        context.ui.note("the value holds control characters, shown as \\r or \\u{…}; in a pipe or file it comes as it is");
    }
    context.ui.data(&format!("{shown}{end}")).map(|()| 0)
}

/// On a terminal: readable, and harmless to it.
fn for_eyes(reply: &Reply) -> String {
    reply.secrets.iter().fold(String::new(), |text, (key, value)| {
        let value = value.secret().expose(WayOut::Stdout);
        let quoted = dotenv::write(&[Dialect::Portable], value).unwrap_or_else(|_| shell::quote(value).into());
        text + &printable(key, false) + "=" + &printable(&quoted, true) + "\n"
    })
}

/// In a pipe: lines that a shell and a `.env` reader read back exactly, or an error.
fn for_readers(reply: &Reply) -> Result<String> {
    let service = &reply.service;
    let mut text = String::new();
    for (key, value) in &reply.secrets {
        if !is_variable(key) {
            let key = printable(key, false);
            return Err(Error::invalid(
                format!("{key} is no variable's name: no shell and no .env reader could read it"),
                format!("claude-vault get {service} --json   (or one key: claude-vault get {service} {})", shell::quote(&key)),
            ));
        }
        let quoted = dotenv::write(&[Dialect::Portable], value.secret().expose(WayOut::Stdout)).map_err(|reason| {
            Error::invalid(
                format!("the value of {key} cannot be written so that shells and .env readers read it alike: {reason}"),
                format!("claude-vault get {service} --json   (or one key: claude-vault get {service} {key})"),
            )
        })?;
        text = text + key + "=" + &quoted + "\n";
    }
    Ok(text)
}
