//! The `inject` command.

use std::path::PathBuf;

use super::{Context, pick};
use crate::approval::NoApprover;
use crate::core::inject::{
    FileOutcome, FileReply, InjectReply, InjectRequest, inject, service_here,
};
use crate::error::{Error, Result};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Key, Service, printable};
use crate::secret::{Secret, WayOut};
use crate::terminal::Terminal;
use crate::ui::Ui;

#[derive(clap::Args)]
#[command(
    after_help = "DIALECT is a program that reads the file, such as compose or shell:  \
        claude-vault help dialects",
    after_long_help = "\
DIALECT is the program that reads the .env file; you can name several:
  portable       what most programs read alike (if nothing shows which one reads it)
  shell          set -a; . ./.env; set +a
  systemd        EnvironmentFile= of a unit
  compose        docker compose
  compose-1      docker-compose 1, end of life since 2023
  compose-raw    docker compose's env_file with format: raw
  docker         docker run --env-file
  node           npm dotenv
  node-env-file  node --env-file
  vite           Vite, Next.js and others with dotenv-expand
  python         python-dotenv
  ruby           dotenv for Ruby
  php            phpdotenv, Laravel
  rust           dotenvy, mise, just
  go             godotenv"
)]
pub(super) struct Inject {
    #[command(flatten)]
    request: InjectRequest,
    /// With --diff: show the values too, on this terminal only
    #[arg(long, requires = "diff")]
    reveal: bool,
    /// Print only failures
    #[arg(long)]
    quiet: bool,
}

impl Inject {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        // A path on the command line is relative to the current folder; in the core, to the root.
        self.request.file = self
            .request
            .file
            .map(|file| std::path::absolute(&file).map_err(Error::io("find", file)))
            .transpose()?;
        let terminal = if self.reveal {
            Some(terminal_to_reveal_on(context)?)
        } else {
            None
        };
        let InjectRequest {
            diff,
            check,
            dry_run,
            all,
            ..
        } = self.request;
        let is_watched = context.ui.stderr_is_terminal();
        let mut reporter = Reporter {
            diff,
            check,
            dry_run,
            all,
            quiet: self.quiet,
            is_watched,
            terminal,
        };
        if !all && self.request.services.is_empty() && pick::can_ask_person(context) {
            let here = context.waiting(service_here(&context.core)).await?;
            let service = match here {
                Some(service) => Some(service),
                None => pick::service(context).await?,
            };
            self.request.services.extend(service);
        }
        let outcomes = context
            .waiting(inject(&context.core, self.request, &NoApprover))
            .await?;
        reporter.report(context.ui, outcomes)
    }
}

/// Opens the person's terminal for `--reveal`, unless an AI agent reads the output.
fn terminal_to_reveal_on(context: &Context<'_>) -> Result<Terminal> {
    if context.env.agent().is_some() {
        return Err(Error::UnderAgent { what: "--reveal" });
    }
    Terminal::open().ok_or(Error::NoPerson {
        question: "show the values?",
        hint: "run it in a terminal, or without --reveal",
    })
}

/// Prints the outcome, as much of it as the options ask for.
struct Reporter {
    diff: bool,
    check: bool,
    dry_run: bool,
    all: bool,
    quiet: bool,
    /// Whether stderr is a terminal. If it is not, only changes and failures are reported.
    is_watched: bool,
    terminal: Option<Terminal>,
}

impl Reporter {
    fn only_looks(&self) -> bool {
        self.diff || self.check || self.dry_run
    }

    fn report(&mut self, ui: &Ui, injected: InjectReply) -> Result<u8> {
        let InjectReply {
            services,
            left_out,
            deleted,
            unnamed,
            unwritten,
            warnings,
            notes,
        } = injected;
        let total = services.len();
        let mut failed = Vec::new();
        let mut exit = 0;
        let mut replies = Vec::new();
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
        let drifted: Vec<&FileReply> = replies
            .iter()
            .filter(|reply| self.check && reply.state != FileOutcome::Unchanged)
            .collect();
        match (failed.len(), drifted.first()) {
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

/// One line each for the keys that are updated, added, removed, reset and kept.
fn steps(reply: &FileReply, only_looks: bool) -> Vec<String> {
    let changes = &reply.changes;
    let without = |keys: &[String], others: &[String]| -> Vec<String> {
        keys.iter()
            .filter(|key| !others.contains(key))
            .cloned()
            .collect()
    };
    let template = reply.template.as_deref().unwrap_or("the template");
    let verb = |will: &'static str, done: &'static str| if only_looks { will } else { done };
    let own = without(&changes.kept, &changes.defaults);
    let steps = [
        (
            verb("update", "updated"),
            String::new(),
            without(&changes.changed, &changes.returned),
        ),
        (
            verb("add", "added"),
            String::new(),
            without(&changes.added, &changes.defaults),
        ),
        (
            verb("remove", "removed"),
            " (no longer in Vault)".to_owned(),
            changes.removed.clone(),
        ),
        (
            verb("reset", "reset"),
            format!(" to the default of {template} (no longer in Vault)"),
            changes.returned.clone(),
        ),
        (
            verb("keep", "kept"),
            format!(" as in {template}"),
            without(&changes.defaults, &changes.returned),
        ),
        (verb("keep", "kept"), " as in the file".to_owned(), own),
    ];
    let named = steps.into_iter().filter(|(_, _, keys)| !keys.is_empty());
    let mut lines: Vec<String> = named
        .map(|(verb, how, keys)| format!("{verb}{how}: {}", keys.join(", ")))
        .collect();
    if !changes.empty.is_empty() && changes.empty.iter().all(|key| Key::is_valid(key)) {
        let (all, keys) = (changes.empty.join(", "), changes.empty.join(" "));
        lines.push(format!(
            "empty, because Vault has no value: {all}; to set: claude-vault set {} {keys}",
            reply.service
        ));
    }
    if !reply.edited.is_empty() {
        lines.push(edited(reply));
    }
    lines
}

/// The keys that were edited in the file, and the command that stores those edits in Vault.
fn edited(reply: &FileReply) -> String {
    let edited_file = match &reply.backup {
        Some(backup) => reply.file.with_file_name(backup),
        None => reply.file.clone(),
    };
    let file = printable(&shell::word(&edited_file.to_string_lossy()), false);
    let keys = reply.edited.join(",");
    format!(
        "edited in the file since it was written: {}; to store that in Vault instead: claude-vault \
         set {} --from {file} --only {keys}",
        reply.edited.join(", "),
        reply.service
    )
}

/// The warning about keys that none of a service's files contain.
fn not_named((service, keys, file): &(Service, Vec<String>, PathBuf)) -> String {
    let file = printable(&shell::word(&file.to_string_lossy()), false);
    format!(
        "none of the files of {service} names {}: add it to a template, or: claude-vault inject \
         {service} --file {file}",
        keys.join(", ")
    )
}

/// The programs that the file is written for, and the files that show it.
fn audience(reply: &FileReply) -> String {
    if reply.dialects.is_empty() || reply.dialects == [Dialect::Portable] {
        return String::new();
    }
    let readers: Vec<&str> = reply
        .dialects
        .iter()
        .map(|dialect| dialect.reader())
        .collect();
    let seen = if reply.guessed_from.is_empty() {
        String::new()
    } else {
        format!(" ({} beside it)", reply.guessed_from.join(", "))
    };
    format!(" for {}{seen}", readers.join(" and "))
}

/// The warning about a portable file, for which no reader was named: it lists the readers that
/// would misread the file.
fn misread(reply: &FileReply) -> Option<String> {
    if reply.dialects != [Dialect::Portable] || reply.misread.is_empty() {
        return None;
    }
    let names = |readers: &[Dialect]| {
        readers
            .iter()
            .map(|reader| reader.reader())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let each: Vec<String> = reply
        .misread
        .iter()
        .map(|(what, readers)| format!("{} ({what})", names(readers)))
        .collect();
    Some(format!(
        "some readers would misread it: {}; if one of them is yours, name it with --dialect",
        each.join("; ")
    ))
}
