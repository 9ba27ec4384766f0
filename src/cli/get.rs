//! The `get` command.

use serde_json::value::RawValue;

use super::clipboard::{self, Clip};
use super::{Context, values};
use crate::core::get::{GetReply, GetRequest, get};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::WayOut;

#[derive(clap::Args)]
#[command(after_help = "\
One key prints its value. Several keys, or all, print KEY=value lines that shells and
.env readers can read. Numbers, booleans, lists and objects are printed as JSON text;
--json keeps their types.")]
pub(super) struct Get {
    #[command(flatten)]
    request: GetRequest,
    /// No line break after the value
    #[arg(short = 'n', requires = "keys")]
    no_newline: bool,
    /// Put the value into the clipboard for 45 seconds, and print nothing
    #[arg(
        long,
        value_enum,
        value_name = "WAY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto",
        conflicts_with = "no_newline"
    )]
    clip: Option<Clip>,
}

impl Get {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        if self.clip.is_some() && context.core.settings.agent.is_some() {
            return Err(Error::UnderAgent { what: "get --clip" });
        }
        if self.clip.is_some() && self.request.keys.len() != 1 {
            return Err(Error::invalid(
                "--clip takes one key",
                "claude-vault get SERVICE KEY --clip",
            ));
        }
        if self.no_newline && self.request.keys.len() > 1 {
            return Err(Error::invalid(
                "-n takes one key",
                "claude-vault get SERVICE KEY -n",
            ));
        }
        let reply = context.waiting(get(&context.core, &self.request)).await?;
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        if context.core.settings.agent.is_some() {
            return names_only(context, &reply);
        }
        if let Some(way) = self.clip {
            return to_clipboard(context, &reply, way);
        }
        if ui.json() {
            let shown = reply
                .disclosed(|value| RawValue::from_string(value.json(WayOut::Stdout)?.to_string()));
            ui.data_json(&shown.map_err(|_| {
                Error::invalid(
                    "a value cannot be written as JSON",
                    "claude-vault get SERVICE KEY",
                )
            })?)?;
            return Ok(0);
        }
        match (self.request.keys.as_slice(), reply.secrets.values().next()) {
            ([_], Some(value)) => values::one(context, value, self.no_newline),
            _ => values::lines(
                context,
                &reply.secrets,
                &format!("claude-vault get {}", reply.service),
            ),
        }
    }
}

/// Prints only the names: under an AI agent, a model reads the output.
fn names_only(context: &Context<'_>, reply: &GetReply) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(&reply.names())?;
    } else {
        ui.data(&reply.secrets.keys().fold(String::new(), |text, key| {
            text + &printable(key, false) + "\n"
        }))?;
    }
    ui.note(
        "an AI agent reads this, so only names are shown; to give a program its values: \
        claude-vault inject",
    );
    Ok(0)
}

fn to_clipboard(context: &Context<'_>, reply: &GetReply, way: Clip) -> Result<u8> {
    let Some((key, value)) = reply.secrets.first_key_value() else {
        return Ok(0);
    };
    let done = clipboard::copy(way, value.secret(), &context.env)?;
    let is = if way == Clip::Auto { " is " } else { "" };
    context.ui.note(&format!(
        "{} of {}{is}{done}",
        printable(key, false),
        reply.service
    ));
    Ok(0)
}
