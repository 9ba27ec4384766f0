//! The `find` command.

use std::io::Read;
use std::path::Path;

use super::Context;
use crate::core::find::{FindReply, FindRequest, Match, find};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;
use crate::vault::MAX_BODY;

#[derive(clap::Args)]
#[command(after_help = "\
A pattern without * matches any part of a name. Case is ignored; * matches any text,
including /. Each result is a service, or a service and a key, in the form that get takes.
Values are compared on this machine.")]
pub(super) struct Find {
    /// Part of a name, or a pattern with *; with --value, - reads the value from standard input
    #[arg(value_name = "PATTERN", required_unless_present = "value")]
    pattern: Option<String>,
    /// Prompt for a value (hidden) and show the keys that hold exactly that value
    #[arg(long)]
    value: bool,
}

impl Find {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let request = match (self.value, self.pattern) {
            (false, pattern) => FindRequest::Name(pattern.unwrap_or_default().parse()?),
            (true, place) => FindRequest::Value(wanted(context, place.as_deref()).await?),
        };
        let reply = context.waiting(find(&context.core, &request)).await?;
        let ui = context.ui;
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        match ui.json() {
            true => ui.data_json(&reply)?,
            false => ui.data(&reply.matches.iter().map(line).collect::<String>())?,
        }
        if reply.matches.is_empty() {
            let what = if self.value {
                "a key with that value"
            } else {
                "a service or key with that name"
            };
            let what = format!("{what} (in {} services)", reply.searched);
            return Err(Error::NotFound {
                missing: None,
                what,
                hint: "claude-vault list".into(),
            });
        }
        if !ui.json() {
            ui.note(&summary(&reply));
        }
        Ok(0)
    }
}

fn line(found: &Match) -> String {
    match &found.key {
        None => format!("{}\n", found.service),
        Some(key) => format!("{} {}\n", found.service, printable(key, false)),
    }
}

fn summary(reply: &FindReply) -> String {
    let count = |number: usize, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let deleted = match reply.deleted {
        0 => String::new(),
        number => format!("; {} deleted", count(number, "more is", "more are")),
    };
    let matches = count(reply.matches.len(), "match", "matches");
    format!(
        "{matches} in {}{deleted}",
        count(reply.searched, "service", "services")
    )
}

/// The values to look for: the input as it is, and without its last line break, which a program may
/// have added.
async fn wanted(context: &Context<'_>, place: Option<&str>) -> Result<Vec<Secret>> {
    if context.core.settings.agent.is_some() {
        return Err(Error::UnderAgent {
            what: "find --value",
        });
    }
    context.core.session()?.alive()?; // before asking for a value
    let value = match place {
        Some("-") => from_stdin()?,
        // Do not repeat the argument: it may be the value.
        Some(_) => {
            let why = "the value is not taken from the command line, because ps and the shell \
                history would show it";
            return Err(Error::invalid(
                why,
                "claude-vault find --value   (prompts for it; - reads standard input)",
            ));
        }
        None => {
            let nobody = || Error::NoPerson {
                question: "which value should be found?",
                hint: "run it in a terminal, or give the value on standard input: claude-vault \
                    find --value -",
            };
            Terminal::open()
                .ok_or_else(nobody)?
                .ask_hidden("Value to find (hidden): ")
                .await?
        }
    };
    let text = value.expose(WayOut::Inspection);
    let without = text
        .strip_suffix('\n')
        .map(|text| text.strip_suffix('\r').unwrap_or(text));
    if without.unwrap_or(text).is_empty() {
        return Err(Error::invalid(
            "the value is empty: type the value to find",
            "claude-vault find --value",
        ));
    }
    let shorter = without.map(|text| Secret::from(text.to_owned()));
    Ok([Some(value), shorter].into_iter().flatten().collect())
}

fn from_stdin() -> Result<Secret> {
    let name = Path::new("standard input");
    let mut bytes = Vec::with_capacity(64 * 1024);
    let limit = MAX_BODY as u64;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", name))?;
    Secret::from_utf8(bytes).ok_or_else(|| {
        Error::invalid(
            "standard input is not UTF-8 text, so no key holds it",
            "claude-vault find --value",
        )
    })
}
