//! The `audit` and `audit verify` commands.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Context;
use crate::audit::{Event, Followed};
use crate::error::{Error, Result};
use crate::names::printable;

/// How often `--follow` checks the log for new lines. It polls, because the log may be on a network
/// file system, whose changes on other machines raise no events.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(flatten)]
    filter: Filter,
    /// Keep printing new lines until Ctrl-C; with --json, one object per line
    #[arg(long, short)]
    follow: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Args)]
struct Filter {
    /// Only lines about this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Only this action, such as get, set or SUCCESS
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only events since this time: 30m, 12h, 7d, 2026-01-31 or 2026-01-31T10:35:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only users whose name contains this text
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check that no line was edited, removed or moved, and that no file is missing
    Verify(Verify),
}

#[derive(clap::Args)]
#[command(after_help = "\
The end of the log is recorded in $XDG_STATE_HOME/claude-vault. A program that can
write only the log cannot change it unnoticed. A program that can write both can
forge both; every program of your account can do that. If that matters to you, send
copies elsewhere or rely on Vault's own audit devices.")]
struct Verify {
    /// Accept the damage: keep the old files, start a new chain and record that
    #[arg(long)]
    accept: bool,
}

impl Filter {
    fn takes(&self, event: &Event) -> bool {
        let action = |wanted: &String| wanted.replace('-', "_").eq_ignore_ascii_case(&event.action);
        let user = |wanted: &String| event.user.to_lowercase().contains(&wanted.to_lowercase());
        self.service
            .as_ref()
            .is_none_or(|wanted| *wanted == event.service)
            && self.action.as_ref().is_none_or(action)
            && self.since.is_none_or(|since| event.time >= since)
            && self.user.as_ref().is_none_or(user)
    }

    /// Whether a line of the log passes the filter. Lines that are not events do not.
    fn takes_line(&self, line: &str) -> bool {
        Event::parse(line).is_some_and(|event| self.takes(&event))
    }
}

/// Parses a time, a day, or how long ago.
fn since(text: &str) -> Result<Timestamp> {
    let ago = |seconds: i64, count: &str| {
        let count: i64 = count.parse().ok()?;
        Timestamp::now()
            .checked_sub(SignedDuration::from_secs(count.checked_mul(seconds)?))
            .ok()
    };
    let units = [
        ('s', 1),
        ('m', 60),
        ('h', 3600),
        ('d', 86_400),
        ('w', 7 * 86_400),
    ];
    let by_unit = units
        .iter()
        .find_map(|(unit, seconds)| ago(*seconds, text.strip_suffix(*unit)?));
    let by_day = || {
        text.parse::<Date>()
            .ok()?
            .to_zoned(TimeZone::system())
            .ok()
            .map(|day| day.timestamp())
    };
    let found = by_unit.or_else(|| text.parse().ok()).or_else(by_day);
    found.ok_or_else(|| {
        Error::invalid(
            "not a valid time",
            "claude-vault audit --since 7d   (or 30m, 12h, 2026-01-31, 2026-01-31T10:35:00Z)",
        )
    })
}

impl Audit {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        match &self.what {
            Some(What::Verify(verify)) => verify.run(context),
            None => self.show(context).await,
        }
    }

    async fn show(&self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let mut followed = Followed::default();
        if self.follow {
            core.audit.new_lines(&mut followed)?; // lines appended from here on are new
        }
        let mut lines = core.audit.lines()?;
        lines.retain(|line| self.filter.takes_line(line));
        if !self.follow && ui.json() {
            let events: Vec<Event> = lines.iter().filter_map(|line| Event::parse(line)).collect();
            ui.data_json(
                &serde_json::json!({ "path": core.audit.path(), "events": events, "lines": lines }),
            )?;
            return Ok(0);
        }
        self.print_lines(context, &lines)?;
        if !self.follow {
            return Ok(0);
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = crate::signals::stopped() => return Err(Error::Interrupted),
            }
            let mut more = core.audit.new_lines(&mut followed)?;
            more.retain(|line| self.filter.takes_line(line));
            self.print_lines(context, &more)?;
        }
    }

    fn print_lines(&self, context: &Context<'_>, lines: &[String]) -> Result<()> {
        let ui = context.ui;
        if lines.is_empty() {
            return Ok(());
        }
        if !ui.json() {
            return ui.data(&lines.iter().fold(String::new(), |text, line| {
                text + &printable(line, false) + "\n"
            }));
        }
        let events = lines.iter().filter_map(|line| Event::parse(line));
        let text = events
            .filter_map(|event| serde_json::to_string(&event).ok())
            .fold(String::new(), |text, line| text + &line + "\n");
        ui.data(&text)
    }
}

impl Verify {
    fn run(&self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        if self.accept {
            return accept(context);
        }
        let verified = core.audit.verify()?;
        if ui.json() {
            ui.data_json(&verified)?;
            return Ok(0);
        }
        let files = if verified.files == 1 {
            String::new()
        } else {
            format!(" in {} files", verified.files)
        };
        ui.note(&format!(
            "{} is intact: {} lines{files}",
            verified.path.display(),
            verified.lines
        ));
        if verified.unchained > 0 {
            ui.note(&format!(
                "{} older lines without a chain precede them, unchanged since the chain began",
                verified.unchained
            ));
        }
        if !verified.is_end_known {
            ui.warn(
                "the state folder has no record of this log's end: lines removed from the end \
                would go unnoticed",
            );
        }
        Ok(0)
    }
}

fn accept(context: &Context<'_>) -> Result<u8> {
    let Context { ui, core, .. } = context;
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent {
            what: "audit verify --accept",
        });
    }
    let accepted = core.audit.accept()?;
    if ui.json() {
        ui.data_json(&serde_json::json!({ "path": core.audit.path(), "accepted": accepted }))?;
        return Ok(0);
    }
    ui.note(&match accepted {
        Some(wrong) => format!(
            "a new chain begins in {}; noted in its first line: {wrong}",
            core.audit.path().display()
        ),
        None => "the log is intact: there is nothing to accept".to_owned(),
    });
    Ok(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_span_a_day_or_a_moment() {
        let ago = Timestamp::now().as_second() - since("2h").unwrap().as_second();
        assert!((7199..=7201).contains(&ago));
        assert_eq!(
            since("2026-01-31T10:35:00Z").unwrap().to_string(),
            "2026-01-31T10:35:00Z"
        );
        assert!(since("2026-01-31").is_ok() && since("7d").is_ok());
        for wrong in ["", "d", "soon", "99999999999999999999d", "-"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
