//! The person at the terminal: sees the plan, types `yes`.

use anstyle::AnsiColor;

use super::{Approver, Change, Proof, Question};
use crate::error::{Error, Result};
use crate::secret::WayOut;
use crate::ui::{Terminal, Ui};

/// Asks at the terminal itself, never on stdin.
pub struct AtTerminal<'a> {
    /// Where the plan is shown.
    pub ui: &'a Ui,
    /// Show the values too.
    pub reveal: bool,
    /// `--no-confirm`: show the plan and take the yes as given.
    pub no_confirm: bool,
    /// An AI agent reads along: nothing is approved here.
    pub agent: bool,
}

impl AtTerminal<'_> {
    /// Shows a plan without asking anything.
    pub fn show(&self, question: &Question<'_>) {
        let ui = self.ui;
        let verb = if question.base == 0 { "create" } else { "update" };
        let versions = if question.base == 0 { String::new() } else { format!(" (version {})", question.base) };
        ui.note(&format!("{verb} {}{versions}", question.path));
        let width = question.keys.iter().map(|(key, ..)| key.len()).max().unwrap_or(0).min(40);
        for (key, change, value) in &question.keys {
            let (sign, word, color) = match change {
                Change::Added => ("+", "new", AnsiColor::Green),
                Change::Changed => ("~", "changed", AnsiColor::Yellow),
                Change::Unchanged => ("=", "unchanged", AnsiColor::White),
            };
            let shown = if self.reveal {
                // The one place where a person asked to see: made printable by note().
                crate::names::printable(value.secret().expose(WayOut::RevealedPlan), false)
            } else {
                "********".into()
            };
            ui.note_colored(&format!("  {sign} {key:width$}  {shown}  {word}"), color);
        }
        match question.untouched {
            0 => {}
            1 => ui.note("  1 other key stays as it is"),
            many => ui.note(&format!("  {many} other keys stay as they are")),
        }
        for warning in question.warnings {
            ui.warn(warning);
        }
    }
}

impl Approver for AtTerminal<'_> {
    async fn ask(&self, question: &Question<'_>) -> Result<Proof> {
        if self.agent {
            return Err(Error::UnderAgent { what: "approving a write" });
        }
        self.show(question);
        if self.no_confirm {
            return Ok(Proof::NoConfirm);
        }
        let mut terminal = Terminal::open().ok_or(Error::NoPerson {
            question: "is the change to be written?",
            hint: "run it in a terminal, or give --no-confirm in a script of yours",
        })?;
        let answer = terminal.ask("Type yes to write it: ")?;
        if answer.trim() == "yes" { Ok(Proof::Typed) } else { Err(Error::Declined) }
    }
}
