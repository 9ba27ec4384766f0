//! `adopt`.

use std::path::Path;
use std::sync::Arc;

use super::Context;
use super::approve::on_the_page;
use super::at_terminal::AtTerminal;
use super::set::for_a_while;
use crate::approval::{Approval, Approver, Outcome, Question, listen};
use crate::config::Strength;
use crate::core::adopt::{Adopted, FileReply, Reply, Request, ServiceReply, adopt};
use crate::core::approve::{Approvals, strength};
use crate::error::{Error, Result};
use crate::names::{Service, printable};
use crate::terminal::Terminal;
use crate::ui::Ui;

#[derive(clap::Args)]
#[command(after_help = "\
claude-vault adopt --all --dry-run    what would be done, for every folder
claude-vault adopt jellyfin           one service: plan, question, done
claude-vault adopt jellyfin --undo    everything as it was
claude-vault adopt --all --done       remove the backups, once all works")]
pub(super) struct Adopt {
    #[command(flatten)]
    request: Request,
    /// Write without asking, for scripts
    #[arg(long)]
    no_confirm: bool,
    /// Show the new values in the plan
    #[arg(long)]
    reveal: bool,
}

impl Adopt {
    pub(super) async fn run(mut self, context: &Context<'_>) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let agent = core.settings.agent.is_some();
        for (given, what) in [(self.reveal, "--reveal"), (self.no_confirm, "--no-confirm")] {
            if given && agent {
                return Err(Error::UnderAgent { what });
            }
        }
        self.choose(&core.settings.root)?;
        let asks = !self.request.dry_run && !self.no_confirm;
        let proof = if self.request.dry_run { Strength::Typed } else { strength(core)? };
        if self.no_confirm && proof > Strength::Typed {
            let message = format!("--no-confirm is no approval here: changes are approved by {}", proof.word());
            return Err(Error::invalid(message, "leave it out, and approve it on the page"));
        }
        let at_terminal = AtTerminal { ui, reveal: self.reveal, no_confirm: self.no_confirm, agent };
        let shows_files = !agent && !self.request.all;
        let person = AtTerminalWithFiles { inner: at_terminal, shows_files };
        let request = &self.request;
        let show = |question: &Question<'_>, reply: &Reply| {
            if ui.json() {
                return Ok(());
            }
            tell_plan(ui, reply);
            person.inner.show(question)?;
            if shows_files {
                files(question).iter().for_each(|line| ui.note(line));
            }
            Ok(())
        };
        let adopted = if asks && (agent || proof > Strength::Typed) {
            let approvals = Approvals::open(core, Arc::default()).await?;
            let _socket = listen(&core.settings.state, approvals.pending.clone())?;
            let page = on_the_page(context, &approvals, "adopt", for_a_while(context))?;
            let adopted = adopt(core, request, &page, show).await;
            approvals.pending.farewell().await;
            adopted?
        } else {
            adopt(core, request, &person, show).await?
        };
        self.report(ui, adopted)
    }

    /// Without a service, the one whose folder this is.
    fn choose(&mut self, root: &Path) -> Result<()> {
        if self.request.service.is_some() || self.request.all {
            return Ok(());
        }
        if self.request.undo || self.request.done {
            self.request.all = true;
            return Ok(());
        }
        let here = std::env::current_dir().map_err(Error::io("find", "the working directory"))?;
        let root = std::fs::canonicalize(root).map_err(Error::io("find", root))?;
        let below = here.strip_prefix(&root).ok().and_then(Path::to_str).filter(|below| !below.is_empty());
        let service = below.and_then(|below| {
            let folders = Path::new(below).ancestors().filter_map(Path::to_str).filter(|path| !path.is_empty());
            folders.last().and_then(|first| first.parse::<Service>().ok())
        });
        if service.is_none() {
            return Err(Error::invalid("adopt which service?", "claude-vault adopt SERVICE   (or --all: every folder here)"));
        }
        self.request.service = service;
        Ok(())
    }

    fn report(&self, ui: &Ui, adopted: Adopted) -> Result<u8> {
        let Adopted { reply, stopped } = adopted;
        if ui.json() {
            ui.data_json(&reply)?;
        } else if !self.request.dry_run {
            self.tell(ui, &reply);
        } else {
            ui.note("dry run: nothing was written");
        }
        stopped.map_or(Ok(0), Err)
    }

    fn tell(&self, ui: &Ui, reply: &Reply) {
        for file in &reply.project_files {
            tell_file(ui, "", file);
        }
        for service in &reply.services {
            let left = reply.stopped.as_ref().is_some_and(|stopped| stopped.left.contains(&service.service));
            if left {
                ui.note(&format!("{}: not done", service.service));
                continue;
            }
            ui.note(&summary(service, self.request.undo));
            service.files.iter().filter(|file| file.state != "unchanged").for_each(|file| tell_file(ui, "  ", file));
            tell_rest(ui, service);
        }
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        match &reply.stopped {
            Some(stopped) => {
                let about = stopped.service.as_ref().map_or("the project's files".to_owned(), ToString::to_string);
                ui.note(&format!("stopped at {about}; the same command continues"));
            }
            None if self.request.undo || self.request.done => {}
            None => {
                ui.note("the old files are beside the new ones; when all works, remove them: claude-vault adopt --all --done");
                ui.note("to have everything as it was: claude-vault adopt --all --undo");
            }
        }
    }
}

/// The plan, before the question.
fn tell_plan(ui: &Ui, reply: &Reply) {
    for service in &reply.services {
        ui.note(&summary(service, false));
        for key in &service.keys {
            let from = if key.line == 0 { String::new() } else { format!("  {}:{}", shown(&key.file), key.line) };
            let expanded = match key.expanded_from.as_slice() {
                [] => String::new(),
                names => format!("; expanded from {}, which it does not follow any more", names.join(", ")),
            };
            ui.note(&format!("  {}{from}  {}  {}{expanded}", key.key, key.change, key.why));
        }
        service.files.iter().for_each(|file| ui.note(&format!("  {} {}", shown(&file.file), file.state)));
        tell_rest(ui, service);
    }
    for file in &reply.project_files {
        ui.note(&format!("{} {}", shown(&file.file), file.state));
    }
    if !reply.not_looked_into.is_empty() {
        let folders: Vec<String> = reply.not_looked_into.iter().map(|folder| shown(folder)).collect();
        ui.note(&format!("not looked into, since containers mount them: {}", folders.join(", ")));
    }
}

fn summary(service: &ServiceReply, is_undo: bool) -> String {
    let count = service.keys.iter().filter(|key| key.change != "skipped").count();
    let keys = if count == 1 { "1 key".to_owned() } else { format!("{count} keys") };
    let verb = if is_undo { "out of" } else { "in" };
    format!("{}: {keys} {verb} {} (version {})", service.service, service.path, service.version)
}

fn tell_file(ui: &Ui, indent: &str, file: &FileReply) {
    let backup = file.backup.as_ref().map(|name| format!("; the old one is {}", printable(name, false))).unwrap_or_default();
    let narrowed = if file.narrowed { "; only you can read it now (mode 0600)" } else { "" };
    ui.note(&format!("{indent}{} {}{backup}{narrowed}", shown(&file.file), file.state));
}

/// What stays, and why.
fn tell_rest(ui: &Ui, service: &ServiceReply) {
    for stay in &service.stays {
        let key = stay.key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
        let line = if stay.line == 0 { String::new() } else { format!(":{}", stay.line) };
        let text = format!("{}{line}{key} stays: {}", shown(&stay.file), stay.reason);
        if stay.secret { ui.warn(&text) } else { ui.note(&format!("  {text}")) }
    }
    for harmless in &service.harmless {
        let names = harmless.only_here.join(", ");
        ui.note(&format!("  only in {}, since it is no secret: {names} (--all-keys stores it too)", shown(&harmless.file)));
    }
}

fn shown(file: &Path) -> String {
    printable(&file.to_string_lossy(), false)
}

/// The files of a plan, framed, so that it shows where a file's text ends and our own goes on.
fn files(question: &Question<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for file in question.files {
        lines.push(format!("file {}: {}", printable(&file.path, false), printable(&file.note, false)));
        lines.extend(printable(&file.masked_text, true).lines().map(|line| format!("  | {line}")));
    }
    lines
}

/// Shows the files too, before the question.
struct AtTerminalWithFiles<'a> {
    inner: AtTerminal<'a>,
    shows_files: bool,
}

impl Approver for AtTerminalWithFiles<'_> {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        if self.shows_files
            && !self.inner.no_confirm
            && let Some(mut terminal) = Terminal::open()
        {
            files(question).iter().for_each(|line| terminal.say(line));
        }
        self.inner.ask(question).await
    }

    fn ended(&self, outcome: &Outcome) {
        self.inner.ended(outcome);
    }
}
