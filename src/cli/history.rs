//! The `history` and `diff` commands. Names go to stdout. With `--reveal`, values go to the
//! person's terminal only.

use super::Context;
use super::list::utc_minute;
use crate::core::history::{
    DiffRequest, HistoryRequest, Keys, VersionStatus, VersionSummary, diff, history,
};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::{Value, WayOut};
use crate::terminal::Terminal;
use crate::ui::{Cell, Piped, Table};
use crate::vault::Secrets;

#[derive(clap::Args)]
pub(super) struct History {
    #[command(flatten)]
    request: HistoryRequest,
    /// Show the values of the keys that changed, on the terminal
    #[arg(long)]
    reveal: bool,
}

#[derive(clap::Args)]
pub(super) struct Diff {
    #[command(flatten)]
    request: DiffRequest,
    /// Show both values of each key, on the terminal
    #[arg(long)]
    reveal: bool,
}

impl History {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        let mut terminal = revealed_at(context, self.reveal)?;
        let reply = context
            .waiting(history(&context.core, &self.request))
            .await?;
        if ui.json() {
            ui.data_json(&reply)?;
            return Ok(0);
        }
        let mut table = Table::new(
            &["VERSION", "WRITTEN", "STATE", "BY", "KEYS"],
            Piped::Aligned,
        );
        reply
            .versions
            .iter()
            .for_each(|version| table.row(row(version, reply.current)));
        ui.data(&table.text(ui))?;
        if let Some(terminal) = &mut terminal {
            reply
                .versions
                .iter()
                .for_each(|version| say_values(terminal, version));
        }
        if let Some(newest) = reply
            .versions
            .first()
            .filter(|newest| newest.state == VersionStatus::Deleted)
        {
            ui.note(&format!(
                "{} is deleted; to restore version {}: claude-vault undelete {}",
                reply.service, newest.version, reply.service
            ));
        }
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        Ok(0)
    }
}

/// The table row of one version.
fn row(version: &VersionSummary, current: u64) -> [Cell; 5] {
    let state = match version.state {
        VersionStatus::Live if version.version == current => "current",
        VersionStatus::Live => "-",
        VersionStatus::Deleted => "deleted",
        VersionStatus::Destroyed => "destroyed",
    };
    let by = version.by.as_deref().unwrap_or("unknown");
    let keys = version
        .keys
        .as_ref()
        .map_or_else(|| "(not known)".to_owned(), signs);
    let number = format!("{:>3}", version.version);
    [
        number.into(),
        utc_minute(&version.created).into(),
        state.into(),
        by.into(),
        keys.into(),
    ]
}

/// `+ADDED ~CHANGED -REMOVED`
fn signs(keys: &Keys) -> String {
    let signed = |sign: char, keys: &[String]| {
        keys.iter()
            .map(|key| format!("{sign}{}", printable(key, false)))
            .collect::<Vec<_>>()
    };
    let all = [
        signed('+', &keys.added),
        signed('~', &keys.changed),
        signed('-', &keys.removed),
    ]
    .concat();
    if all.is_empty() {
        "(the same values)".to_owned()
    } else {
        all.join(" ")
    }
}

fn say_values(terminal: &mut Terminal, version: &VersionSummary) {
    let (Some(keys), Some(secrets)) = (&version.keys, &version.secrets) else {
        return;
    };
    terminal.write_line(&format!("version {}:", version.version));
    for key in keys.added.iter().chain(&keys.changed) {
        terminal.write_line(&format!(
            "  {} = {}",
            printable(key, false),
            revealed(secrets.get(key))
        ));
    }
}

fn revealed(value: Option<&Value>) -> String {
    value.map_or_else(
        || "(none)".to_owned(),
        |value| printable(value.secret().expose(WayOut::RevealedPlan), false),
    )
}

/// Opens the person's terminal for `--reveal`. Returns `None` without that option.
fn revealed_at(context: &Context<'_>, reveal: bool) -> Result<Option<Terminal>> {
    if reveal && context.ui.json() {
        return Err(Error::invalid(
            "--reveal shows values on the terminal, but --json prints only names",
            "omit one of them",
        ));
    }
    if !reveal {
        return Ok(None);
    }
    if context.core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "--reveal" });
    }
    let no_terminal = Error::NoPerson {
        question: "show the values?",
        hint: "run it in a terminal, or without --reveal",
    };
    Terminal::open().ok_or(no_terminal).map(Some)
}

impl Diff {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        let mut terminal = revealed_at(context, self.reveal)?;
        let reply = context.waiting(diff(&context.core, &self.request)).await?;
        if ui.json() {
            ui.data_json(&reply)?;
            return Ok(0);
        }
        let Keys {
            added,
            changed,
            removed,
        } = &reply.keys;
        let lists = [('+', added), ('~', changed), ('-', removed)];
        let lines = lists.iter().flat_map(|(sign, keys)| {
            keys.iter()
                .map(move |key| format!("{sign} {}\n", printable(key, false)))
        });
        ui.data(&lines.collect::<String>())?;
        if let Some(terminal) = &mut terminal {
            let (before, after): (&Secrets, &Secrets) = (&reply.values.0, &reply.values.1);
            for key in added.iter().chain(changed).chain(removed) {
                let (old, new) = (revealed(before.get(key)), revealed(after.get(key)));
                terminal.write_line(&format!("{}: {old} → {new}", printable(key, false)));
            }
        }
        let same = match reply.same {
            1 => "1 key is the same".to_owned(),
            count => format!("{count} keys are the same"),
        };
        ui.note(&format!(
            "{}: version {} → version {}; {same}",
            reply.service, reply.from, reply.to
        ));
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        Ok(0)
    }
}
