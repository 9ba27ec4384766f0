//! The `adopt` command.

use std::path::Path;

use super::Context;
use super::asking::{AskOptions, CommandApprover};
use super::at_terminal::proof_needed;
use crate::approval::Question;
use crate::core::Core;
use crate::core::adopt::{
    AdoptReply, AdoptRequest, Adopted, FileReply, ServiceReply, adopt, service_of,
};
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::terminal::Terminal;
use crate::ui::Ui;

#[derive(clap::Args)]
#[command(after_help = "\
claude-vault adopt --all --dry-run    show the plan for every folder
claude-vault adopt jellyfin           show the plan for one service, confirm, write
claude-vault adopt jellyfin --undo    restore the files; remove from Vault what adopt added
claude-vault adopt --all --done       remove the backups once everything works")]
pub(super) struct Adopt {
    #[command(flatten)]
    request: AdoptRequest,
    #[command(flatten)]
    options: AskOptions,
}

impl Adopt {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let AskOptions { no_confirm, reveal } = self.options;
        proof_needed(core, self.request.dry_run, no_confirm, reveal)?;
        self.choose(core)?;
        let asking =
            CommandApprover::open(context, "adopt", self.request.dry_run, self.options).await?;
        let shows_files = core.settings.agent.is_none() && !self.request.all;
        let request = &self.request;
        let is_asked_here = !request.dry_run && !no_confirm && !asking.is_on_page();
        let show = |question: &Question<'_>, reply: &AdoptReply| {
            if ui.json() {
                return Ok(());
            }
            let mut lines = plan_lines(reply);
            if shows_files && (request.dry_run || is_asked_here) {
                lines.extend(files(question));
            }
            // If the terminal asks, it also shows the plan, even if stderr is redirected.
            match is_asked_here.then(Terminal::open).flatten() {
                Some(mut terminal) => lines.iter().for_each(|line| terminal.write_line(line)),
                None => lines.iter().for_each(|line| ui.note(line)),
            }
            if request.dry_run {
                asking.show(question)
            } else {
                Ok(())
            }
        };
        let adopted = adopt(core, request, &asking, show).await;
        asking.end().await;
        self.report(ui, adopted?)
    }

    /// If no service is named, chooses the current folder's service, or every folder for `--undo`
    /// and `--done`.
    fn choose(&mut self, core: &Core) -> Result<()> {
        if self.request.service.is_some() || self.request.all {
            return Ok(());
        }
        if self.request.undo || self.request.done {
            self.request.all = true;
            return Ok(());
        }
        let here = std::env::current_dir().map_err(Error::io("find", "the working directory"))?;
        let root = &core.settings.root;
        let root = std::fs::canonicalize(root).map_err(Error::io("find", root))?;
        let below = here.strip_prefix(&root).unwrap_or(Path::new(""));
        let by_files = if below.as_os_str().is_empty() {
            None
        } else {
            service_of(core, below)?
        };
        let service = by_files.or_else(|| Service::of_folders(below).into_iter().next());
        if service.is_none() {
            return Err(Error::invalid(
                "no service is named, and the current folder does not belong to one",
                "claude-vault adopt SERVICE   (or every folder: claude-vault adopt --all)",
            ));
        }
        self.request.service = service;
        Ok(())
    }

    fn report(&self, ui: &Ui, adopted: Adopted) -> Result<u8> {
        let Adopted { reply, stopped } = adopted;
        if ui.json() {
            ui.data_json(&reply)?;
        } else if !self.request.dry_run {
            self.print_outcome(ui, &reply);
        } else {
            ui.note("dry run: nothing was written");
        }
        stopped.map_or(Ok(0), Err)
    }

    fn print_outcome(&self, ui: &Ui, reply: &AdoptReply) {
        for file in &reply.project_files {
            print_file(ui, "", file);
        }
        let (idle, busy): (Vec<_>, Vec<_>) =
            reply.services.iter().partition(|service| is_idle(service));
        for service in busy {
            let left = reply
                .stopped
                .as_ref()
                .is_some_and(|stopped| stopped.left.contains(&service.service));
            if left {
                ui.note(&format!("{}: not done", service.service));
                continue;
            }
            ui.note(&summary(service, self.request.undo));
            service
                .files
                .iter()
                .filter(|file| file.state != "unchanged")
                .for_each(|file| print_file(ui, "  ", file));
            print_rest(ui, service);
        }
        if !idle.is_empty() {
            let names: Vec<&str> = idle
                .iter()
                .map(|service| service.service.as_str())
                .collect();
            ui.note(&format!("nothing to do: {}", names.join(", ")));
        }
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        match &reply.stopped {
            Some(stopped) => {
                let about = stopped
                    .service
                    .as_ref()
                    .map_or("the project's files".to_owned(), ToString::to_string);
                ui.note(&format!("stopped at {about}; the same command continues"));
            }
            None if self.request.undo || self.request.done => {}
            None => {
                ui.note(
                    "the old files are kept beside the new ones; once everything works, remove \
                    them: claude-vault adopt --all --done",
                );
                ui.note("to undo everything: claude-vault adopt --all --undo");
            }
        }
    }
}

/// The plan as shown before the question.
fn plan_lines(reply: &AdoptReply) -> Vec<String> {
    let mut lines = Vec::new();
    for service in &reply.services {
        lines.push(format!("{}:", service.service));
        for key in &service.keys {
            let from = if key.line == 0 {
                String::new()
            } else {
                format!("  {}:{}", shown(&key.file), key.line)
            };
            let expanded = match key.expanded_from.as_slice() {
                [] => String::new(),
                names => format!(
                    "; expanded from {}; it will not follow later changes",
                    names.join(", ")
                ),
            };
            let why = if key.why.is_empty() {
                String::new()
            } else {
                format!(": {}", key.why)
            };
            lines.push(format!(
                "  {}  {}{from}{why}{expanded}",
                key.key, key.change
            ));
        }
        lines.extend(
            service
                .files
                .iter()
                .map(|file| format!("  {} {}", shown(&file.file), would(file.state))),
        );
        lines.extend(rest_lines(service).into_iter().map(|(text, _)| text));
    }
    lines.extend(
        reply
            .project_files
            .iter()
            .map(|file| format!("{} {}", shown(&file.file), would(file.state))),
    );
    if !reply.not_looked_into.is_empty() {
        let folders: Vec<String> = reply
            .not_looked_into
            .iter()
            .map(|folder| shown(folder))
            .collect();
        lines.push(format!(
            "skipped, because containers mount them: {}",
            folders.join(", ")
        ));
    }
    lines
}

fn would(state: &str) -> String {
    if state == "unchanged" {
        "stays as it is".to_owned()
    } else {
        format!("will be {state}")
    }
}

/// Whether a service has nothing to move, write or report.
fn is_idle(service: &ServiceReply) -> bool {
    let ServiceReply {
        keys,
        files,
        stays,
        harmless,
        ..
    } = service;
    keys.iter().all(|key| key.change == "skipped")
        && files.iter().all(|file| file.state == "unchanged")
        && stays.is_empty()
        && harmless.is_empty()
}

fn summary(service: &ServiceReply, is_undo: bool) -> String {
    let count = service
        .keys
        .iter()
        .filter(|key| key.change != "skipped")
        .count();
    let keys = if count == 1 {
        "1 key".to_owned()
    } else {
        format!("{count} keys")
    };
    let verb = if is_undo { "out of" } else { "in" };
    format!(
        "{}: {keys} {verb} {} (version {})",
        service.service, service.path, service.version
    )
}

fn print_file(ui: &Ui, indent: &str, file: &FileReply) {
    let backup = file
        .backup
        .as_ref()
        .map(|name| format!("; the old one is {}", printable(name, false)))
        .unwrap_or_default();
    let narrowed = if file.narrowed {
        "; fewer users may read it now"
    } else {
        ""
    };
    ui.note(&format!(
        "{indent}{} {}{backup}{narrowed}",
        shown(&file.file),
        file.state
    ));
}

/// The entries that stay in the files and why, each with a flag that marks secrets.
fn rest_lines(service: &ServiceReply) -> Vec<(String, bool)> {
    let mut lines = Vec::new();
    for stay in &service.stays {
        let key = stay
            .key
            .as_ref()
            .map(|key| format!(" {key}"))
            .unwrap_or_default();
        let line = if stay.line == 0 {
            String::new()
        } else {
            format!(":{}", stay.line)
        };
        lines.push((
            format!("  {}{line}{key} stays: {}", shown(&stay.file), stay.reason),
            stay.secret,
        ));
    }
    for harmless in &service.harmless {
        let names = harmless.only_here.join(", ");
        let text = format!(
            "  not secret, so only in {}: {names} (--all-keys stores them too)",
            shown(&harmless.file)
        );
        lines.push((text, false));
    }
    lines
}

/// Reports the entries that stay in the files, after the move.
fn print_rest(ui: &Ui, service: &ServiceReply) {
    for (text, is_secret) in rest_lines(service) {
        if is_secret {
            ui.warn(text.trim_start());
        } else {
            ui.note(&text);
        }
    }
}

fn shown(file: &Path) -> String {
    printable(&file.to_string_lossy(), false)
}

/// The files of a plan. A `|` before each line separates a file's text from our own output.
fn files(question: &Question<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for file in question.files {
        lines.push(format!(
            "file {}: {}",
            printable(&file.path, false),
            printable(&file.note, false)
        ));
        lines.extend(
            printable(&file.masked_text, true)
                .lines()
                .map(|line| format!("  | {line}")),
        );
    }
    lines
}
