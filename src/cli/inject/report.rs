//! Prints the outcome of `inject`.

use super::words::{audience, misread, not_named, steps};
use crate::core::inject::{FileOutcome, FileReply, InjectReply};
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;
use crate::ui::Ui;

/// Prints as much of the outcome as the options ask for.
pub(super) struct Reporter {
    pub(super) diff: bool,
    pub(super) check: bool,
    pub(super) dry_run: bool,
    pub(super) all: bool,
    pub(super) quiet: bool,
    /// Whether stderr is a terminal. If it is not, only changes and failures are reported.
    pub(super) is_watched: bool,
    pub(super) terminal: Option<Terminal>,
}

impl Reporter {
    fn only_looks(&self) -> bool {
        self.diff || self.check || self.dry_run
    }

    pub(super) fn report(&mut self, ui: &Ui, injected: InjectReply) -> Result<u8> {
        let Sorted {
            total,
            replies,
            failed,
            exit,
        } = sort(ui, injected.services)?;
        let InjectReply {
            left_out,
            deleted,
            unnamed,
            unwritten,
            warnings,
            notes,
            ..
        } = injected;
        if ui.json() {
            let missing: serde_json::Map<String, serde_json::Value> = unnamed
                .iter()
                .map(|(service, keys, _)| (service.to_string(), keys.clone().into()))
                .collect();
            ui.data_json(&serde_json::json!({
                "services": replies, "failed": failed, "left_out": left_out, "deleted": deleted,
                "unnamed": missing, "unwritten": unwritten
            }))?;
        }
        for reply in &replies {
            if !ui.json() && !self.quiet {
                self.report_one(ui, reply)?;
            }
            self.reveal(reply);
        }
        if !self.quiet {
            deleted.iter().for_each(|service| {
                ui.warn(&format!(
                    "{service} is deleted in Vault: its files stay as they are"
                ));
            });
            unnamed
                .iter()
                .for_each(|unnamed| ui.warn(&not_named(unnamed)));
            warnings.iter().for_each(|warning| ui.warn(warning));
            unwritten
                .iter()
                .chain(&notes)
                .for_each(|note| ui.note(note));
            self.sum_up(ui, &replies, &left_out);
        }
        self.status(&replies, failed.len(), total, exit)
    }

    /// The exit status: an error if a service failed or, with `--check`, a file differs.
    fn status(&self, replies: &[FileReply], failed: usize, total: usize, exit: u8) -> Result<u8> {
        let drifted: Vec<&FileReply> = replies
            .iter()
            .filter(|reply| self.check && reply.state != FileOutcome::Unchanged)
            .collect();
        match (failed, drifted.first()) {
            (0, None) => Ok(0),
            (0, Some(first)) => Err(Error::Drift {
                service: first.service.to_string(),
                count: drifted.len(),
                total,
            }),
            (failed, _) => Err(Error::Several {
                failed,
                total,
                differ: drifted.len(),
                exit,
            }),
        }
    }

    fn report_one(&self, ui: &Ui, reply: &FileReply) -> Result<()> {
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        let is_asked_for = (self.is_watched && !self.all && !self.check) || self.dry_run;
        let file = printable(&reply.file.to_string_lossy(), false);
        if let Some(narrowed) = reply.narrowed.as_ref().filter(|_| !self.only_looks()) {
            let hint = "to let a group read it: mode and group in your config";
            ui.note(&format!(
                "{file}: fewer users may read it now ({narrowed}); {hint}"
            ));
        }
        if reply.state == FileOutcome::Unchanged && !is_asked_for {
            return Ok(());
        }
        self.say_what(ui, reply, &file);
        if reply.state == FileOutcome::Unchanged {
            return Ok(());
        }
        steps(reply, self.only_looks())
            .iter()
            .for_each(|step| ui.note(&format!("  {step}")));
        reply.remarks.iter().for_each(|remark| ui.warn(remark));
        if let Some(misread) = misread(reply) {
            ui.warn(&misread);
        }
        if self.diff {
            self.show_keys(ui, reply)?;
        }
        Ok(())
    }

    /// Prints how the file changed, and which keys were left out of it.
    fn say_what(&self, ui: &Ui, reply: &FileReply, file: &str) {
        let what = match (reply.state, self.only_looks()) {
            (FileOutcome::Unchanged, _) => "is up to date",
            (FileOutcome::Created, false) => "written",
            (FileOutcome::Updated, false) => "updated",
            (FileOutcome::Created, true) => "would be written",
            (FileOutcome::Updated, true) => "would be updated",
        };
        let keys = if reply.keys == 1 {
            "1 key".to_owned()
        } else {
            format!("{} keys", reply.keys)
        };
        let backup = reply
            .backup
            .as_ref()
            .map(|name| format!("; the old one is {name}"))
            .unwrap_or_default();
        ui.note(&format!(
            "{file} {what}{}: {keys} from Vault{backup}",
            audience(reply)
        ));
        if !reply.left_out.is_empty() {
            ui.warn(&format!(
                "{} left out of {file}: a variable's name has only A-Z a-z 0-9 _ and does not \
                 start with a digit",
                reply.left_out.join(", ")
            ));
        }
    }

    fn show_keys(&self, ui: &Ui, reply: &FileReply) -> Result<()> {
        let signed = |sign: &'static str, keys: &[String]| {
            keys.iter()
                .map(move |key| format!("  {sign} {key}\n"))
                .collect::<String>()
        };
        let changes = &reply.changes;
        let keys = signed("+", &changes.added)
            + &signed("~", &changes.changed)
            + &signed("-", &changes.removed);
        ui.data(&format!(
            "{}\n{keys}",
            printable(&reply.file.to_string_lossy(), false)
        ))
    }

    /// Prints a summary line after a run over many services.
    fn sum_up(&self, ui: &Ui, replies: &[FileReply], left_out: &[Service]) {
        if !left_out.is_empty() {
            let names = left_out
                .iter()
                .map(Service::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            ui.note(&format!(
                "skipped, because their folders show no .env or secrets.yaml to write: {names}"
            ));
        }
        let count = |state| replies.iter().filter(|reply| reply.state == state).count();
        let nothing_changed = !self.is_watched && count(FileOutcome::Unchanged) == replies.len();
        if !self.all || replies.is_empty() || nothing_changed {
            return;
        }
        let would = if self.only_looks() { "to be " } else { "" };
        ui.note(&format!(
            "{} {}: {} {would}written, {} {would}updated, {} up to date",
            replies.len(),
            if replies.len() == 1 { "file" } else { "files" },
            count(FileOutcome::Created),
            count(FileOutcome::Updated),
            count(FileOutcome::Unchanged)
        ));
    }

    /// Shows the values before and after on the terminal itself, even if stdout and stderr are
    /// redirected.
    fn reveal(&mut self, reply: &FileReply) {
        let Some(terminal) = &mut self.terminal else {
            return;
        };
        let shown = |secret: &Option<Secret>| {
            secret.as_ref().map(|text| {
                printable(
                    &text.expose(WayOut::RevealedPlan).replace('\n', "\\n"),
                    false,
                )
            })
        };
        for (key, (old, new)) in &reply.changes.texts {
            for (sign, text) in [("-", shown(old)), ("+", shown(new))] {
                if let Some(text) = text {
                    terminal.write_line(&format!("  {sign} {key}={text}"));
                }
            }
        }
    }
}

/// The outcomes of the services, with successes and failures apart.
struct Sorted {
    total: usize,
    replies: Vec<FileReply>,
    /// The failures as `--json` prints them.
    failed: Vec<serde_json::Value>,
    /// The most serious exit status of the failures.
    exit: u8,
}

/// Prints the failures and sorts the outcomes. If there is only one service, its failure is
/// returned as the command's own error.
fn sort(ui: &Ui, services: Vec<(Service, Result<FileReply>)>) -> Result<Sorted> {
    let total = services.len();
    let (mut replies, mut failed, mut exit) = (Vec::new(), Vec::new(), 0);
    for (service, outcome) in services {
        match outcome {
            Ok(reply) => replies.push(reply),
            Err(error) if total == 1 => return Err(error),
            Err(error) => {
                exit = exit.max(error.exit());
                if !ui.json() {
                    ui.note(&format!("{service}:"));
                    ui.error(&error);
                }
                failed.push(serde_json::json!({
                    "service": service, "code": error.code(), "message": error.to_string(), "hint": error.hint()
                }));
            }
        }
    }
    Ok(Sorted {
        total,
        replies,
        failed,
        exit,
    })
}
