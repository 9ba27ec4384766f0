//! The `receive` command.

use std::path::Path;

use serde_json::value::RawValue;

use super::{Context, values};
use crate::core::receive::{ReceiveReply, receive};
use crate::core::set::from::read_text;
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;

#[derive(clap::Args)]
#[command(after_help = "\
One key prints its value, several print KEY=value lines; --json keeps the types.
To store them:  claude-vault receive --json | claude-vault set SERVICE --from -")]
pub(super) struct Receive {
    /// The token from share; - reads standard input; omit it for a hidden prompt
    token: Option<String>,
    /// No line break after a single value
    #[arg(short = 'n')]
    no_newline: bool,
}

impl Receive {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let core = &context.core;
        if core.settings.agent.is_some() {
            return Err(Error::UnderAgent { what: "receive" });
        }
        core.settings.address()?; // fail before asking for the token
        let token = match self.token {
            None => ask().await?,
            Some(text) if text == "-" => trimmed(&read_text(
                std::io::stdin().lock(),
                Path::new("standard input"),
            )?),
            Some(text) => trimmed(&zeroize::Zeroizing::new(text)),
        };
        let reply = context.waiting(receive(core, token)).await?;
        reply
            .warnings
            .iter()
            .for_each(|warning| context.ui.warn(warning));
        print(context, &reply, self.no_newline)
    }
}

fn print(context: &Context<'_>, reply: &ReceiveReply, no_newline: bool) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        return json(context, reply);
    }
    if ui.stderr_is_terminal() {
        let names: Vec<&str> = reply.secrets.keys().map(String::as_str).collect();
        let shared = reply
            .shared
            .parse::<jiff::Timestamp>()
            .map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
        ui.note(&format!(
            "received {}, shared {}",
            names.join(", "),
            shared.as_deref().unwrap_or(&reply.shared)
        ));
    }
    match reply.secrets.values().next() {
        Some(value) if reply.secrets.len() == 1 => values::one(context, value, no_newline),
        _ => match values::lines(context, &reply.secrets, "claude-vault receive") {
            // The token is spent, so values that KEY=value lines cannot hold are printed as JSON
            // instead of lost.
            Err(Error::Invalid { message, .. }) => {
                ui.warn(&format!("printed as JSON: {message}"));
                json(context, reply)
            }
            done => done,
        },
    }
}

fn json(context: &Context<'_>, reply: &ReceiveReply) -> Result<u8> {
    let value = |value: &crate::secret::Value| {
        RawValue::from_string(value.json(WayOut::Stdout)?.to_string())
    };
    let values = reply
        .secrets
        .iter()
        .map(|(key, held)| Ok((key, value(held)?)));
    let values = values.collect::<serde_json::Result<std::collections::BTreeMap<_, _>>>();
    let values = values.map_err(|_| {
        Error::invalid(
            "a value cannot be written as JSON",
            "ask for it to be shared again",
        )
    })?;
    let keys: Vec<&String> = reply.secrets.keys().collect();
    #[derive(serde::Serialize)]
    struct Shown<'a> {
        shared: &'a str,
        keys: Vec<&'a String>,
        values: std::collections::BTreeMap<&'a String, Box<RawValue>>,
    }
    context
        .ui
        .data_json(&Shown {
            shared: &reply.shared,
            keys,
            values,
        })
        .map(|()| 0)
}

fn trimmed(text: &str) -> Secret {
    Secret::from(text.trim().to_owned())
}

async fn ask() -> Result<Secret> {
    let mut terminal = Terminal::open().ok_or(Error::NoPerson {
        question: "what is the token?",
        hint: "run it in a terminal, or: claude-vault receive -   (reads standard input)",
    })?;
    let token = terminal.ask_hidden("Token (hidden): ").await?;
    Ok(trimmed(token.expose(WayOut::Inspection)))
}
