//! Approval at the terminal: shows the plan and reads a typed `yes`.

use anstyle::AnsiColor;

use crate::approval::{Approval, Approver, Asked, Change, Proof, Question};
use crate::config::Strength;
use crate::core::Core;
use crate::core::approve::strength;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::secret::WayOut;
use crate::terminal::Terminal;
use crate::ui::Ui;

/// Asks on the terminal itself, never on stdin.
pub(super) struct AtTerminal<'a> {
    /// Shows plans that need no answer.
    pub ui: &'a Ui,
    /// Show the values too, but only on the terminal itself.
    pub reveal: bool,
    /// `--no-confirm`: show the plan and do not ask.
    pub no_confirm: bool,
    /// An AI agent reads the output, so nothing can be approved here.
    pub agent: bool,
}

/// Returns how strong the proof of approval must be for a command with these options.
///
/// # Errors
/// [`Error::UnderAgent`] for an option that an AI agent must not use, [`Error::Invalid`] for
/// `--no-confirm` if a typed yes is not enough.
pub(super) fn proof_needed(
    core: &Core,
    dry_run: bool,
    no_confirm: bool,
    reveal: bool,
) -> Result<Strength> {
    for (given, what) in [(reveal, "--reveal"), (no_confirm, "--no-confirm")] {
        if given && core.settings.agent.is_some() {
            return Err(Error::UnderAgent { what });
        }
    }
    let proof = if dry_run {
        Strength::Typed
    } else {
        strength(core)?
    };
    if no_confirm && proof > Strength::Typed {
        let message = format!(
            "--no-confirm is not enough here: changes are approved by {}",
            proof.word()
        );
        return Err(Error::invalid(
            message,
            "omit it and approve the change on the page",
        ));
    }
    Ok(proof)
}

impl AtTerminal<'_> {
    /// Shows a plan without asking.
    ///
    /// # Errors
    /// [`Error::NoPerson`] if `reveal` is set and there is no terminal.
    pub(super) fn show(&self, question: &Question<'_>) -> Result<()> {
        if self.reveal {
            self.show_at(
                &mut terminal(
                    "show the values?",
                    "run it in a terminal, or without --reveal",
                )?,
                question,
            );
            return Ok(());
        }
        for (text, color) in self.lines(question) {
            self.ui.note_colored(&text, color);
        }
        question
            .warnings
            .iter()
            .for_each(|warning| self.ui.warn(warning));
        Ok(())
    }

    /// Shows on the terminal itself all that the person must judge, even if stderr is redirected.
    fn show_at(&self, terminal: &mut Terminal, question: &Question<'_>) {
        for (text, color) in self.lines(question) {
            terminal.write_line(&self.ui.paint(&text, color));
        }
        for warning in question.warnings {
            terminal.write_line(&format!(
                "{} {}",
                self.ui.paint("warning:", AnsiColor::Yellow),
                printable(warning, false)
            ));
        }
    }

    fn lines(&self, question: &Question<'_>) -> Vec<(String, AnsiColor)> {
        let verb = question.asked.verb(question.base);
        let version = if question.base == 0 {
            String::new()
        } else {
            format!(" (version {})", question.base)
        };
        let mut lines = vec![(
            format!("{verb} {}{version}", question.path),
            AnsiColor::White,
        )];
        let width = question
            .keys
            .iter()
            .map(|(key, ..)| key.len())
            .max()
            .unwrap_or(0)
            .min(40);
        for (key, change, value) in &question.keys {
            let (sign, word, color) = match change {
                Change::Added => ("+", "new", AnsiColor::Green),
                Change::Changed => ("~", "changed", AnsiColor::Yellow),
                Change::Unchanged => ("=", "unchanged", AnsiColor::White),
                Change::Removed => ("-", "removed", AnsiColor::Red),
            };
            let shown = match value {
                None if *change == Change::Removed => String::new(),
                None => "(asked for)".into(),
                Some(value) if value.secret().expose(WayOut::Inspection).is_empty() => {
                    "(empty)".into()
                }
                Some(value) if self.reveal => {
                    printable(value.secret().expose(WayOut::RevealedPlan), false)
                }
                Some(_) => "********".into(),
            };
            lines.push((format!("  {sign} {key:width$}  {shown}  {word}"), color));
        }
        let metadata = question.metadata.iter().map(|words| {
            (
                format!("  ~ metadata: {}", printable(words, false)),
                AnsiColor::Yellow,
            )
        });
        lines.extend(metadata);
        match question.untouched {
            0 => {}
            1 => lines.push(("  1 other key stays as it is".into(), AnsiColor::White)),
            many => lines.push((
                format!("  {many} other keys stay as they are"),
                AnsiColor::White,
            )),
        }
        lines
    }
}

fn terminal(question: &'static str, hint: &'static str) -> Result<Terminal> {
    Terminal::open().ok_or(Error::NoPerson { question, hint })
}

/// Asks the person to type the name of the service to destroy, and repeats the question after any
/// other word. An empty line, `n`, `no` or end of input means no.
pub(super) async fn ask_service_name(terminal: &mut Terminal, service: &str) -> Result<bool> {
    loop {
        let answer = terminal
            .ask("Type the service's name to destroy it, or no: ")
            .await?;
        match answer.trim() {
            name if name == service => return Ok(true),
            "" | "no" | "n" => return Ok(false),
            _ => terminal.write_line("That is not the service's name."),
        }
    }
}

impl Approver for AtTerminal<'_> {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        if self.agent {
            return Err(Error::UnderAgent {
                what: "approving a write",
            });
        }
        if self.no_confirm {
            self.show(question)?;
            return Ok(Proof::NoConfirm.into());
        }
        let mut terminal = terminal(
            "write the change?",
            "run it in a terminal, or add --no-confirm in your script",
        )?;
        self.show_at(&mut terminal, question);
        let is_yes = match question.asked {
            Asked::Destroy => ask_service_name(&mut terminal, question.service).await?,
            Asked::Delete => terminal.ask_yes_or_no("Type yes to delete it: ").await?,
            Asked::Undelete => terminal.ask_yes_or_no("Type yes to restore it: ").await?,
            Asked::Write | Asked::Inject | Asked::Show | Asked::Copy | Asked::Rename => {
                terminal.ask_yes_or_no("Type yes to write it: ").await?
            }
        };
        if is_yes {
            Ok(Proof::Typed.into())
        } else {
            Err(Error::Declined)
        }
    }
}
