//! Where a change is approved: at this terminal, or on the approval page if an AI agent runs the
//! command or a typed yes is not enough.

use std::sync::Arc;

use tokio::sync::watch;

use super::Context;
use super::approve::page_approver;
use super::at_terminal::{AtTerminal, proof_needed};
use crate::approval::pending::{LIFE, Person};
use crate::approval::{Approval, Approver, Outcome, Question, Socket, listen};
use crate::config::Strength;
use crate::core::Core;
use crate::core::approve::Approvals;
use crate::core::change::{ChangeOutcome, ChangeReply};
use crate::error::Result;
use crate::ui::Ui;

/// The options, besides `--dry-run`, of every command that changes Vault.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct AskOptions {
    /// Do not ask for confirmation, for scripts
    #[arg(long)]
    pub(super) no_confirm: bool,
    /// Show values in the plan
    #[arg(long)]
    pub(super) reveal: bool,
}

type SendToPage<'a> = Box<dyn Fn(&str, &str) + 'a>;

/// The approver for one command.
pub(super) struct CommandApprover<'a> {
    at_terminal: AtTerminal<'a>,
    page: Option<OnPage<'a>>,
}

struct OnPage<'a> {
    person: Person<SendToPage<'a>>,
    approvals: Approvals,
    _socket: Socket,
}

impl<'a> CommandApprover<'a> {
    /// Decides where to ask, and opens the approval page if it is needed.
    ///
    /// # Errors
    /// As [`proof_needed`], and errors that keep the page from opening.
    pub(super) async fn open(
        context: &'a Context<'_>,
        command: &str,
        dry_run: bool,
        options: AskOptions,
    ) -> Result<Self> {
        Self::open_for(context, &context.core, command, dry_run, options).await
    }

    /// As [`CommandApprover::open`], for a change written through `written`. A step-up is for the
    /// mount and prefix of `written`.
    ///
    /// # Errors
    /// As [`CommandApprover::open`].
    pub(super) async fn open_for(
        context: &'a Context<'_>,
        written: &Core,
        command: &str,
        dry_run: bool,
        options: AskOptions,
    ) -> Result<Self> {
        let Context { ui, core, .. } = context;
        let AskOptions { no_confirm, reveal } = options;
        let agent = core.settings.agent.is_some();
        let proof = proof_needed(core, dry_run, no_confirm, reveal)?;
        let at_terminal = AtTerminal {
            ui,
            reveal,
            no_confirm,
            agent,
        };
        if dry_run || no_confirm || !(agent || proof > Strength::Typed) {
            return Ok(Self {
                at_terminal,
                page: None,
            });
        }
        let approvals = Approvals::open(written, Arc::default()).await?;
        let _socket = listen(&core.settings.state, approvals.pending.clone())?;
        let Person {
            pending,
            asked_by,
            proof,
            send_to_page,
            wanted,
            asked,
        } = page_approver(context, &approvals, command, for_a_while(context))?;
        let person = Person {
            pending,
            asked_by,
            proof,
            send_to_page: Box::new(send_to_page) as SendToPage<'a>,
            wanted,
            asked,
        };
        Ok(Self {
            at_terminal,
            page: Some(OnPage {
                person,
                approvals,
                _socket,
            }),
        })
    }

    /// Whether the approval page asks, instead of this terminal.
    pub(super) fn is_on_page(&self) -> bool {
        self.page.is_some()
    }

    /// Shows a plan without asking for approval.
    ///
    /// # Errors
    /// As [`AtTerminal::show`].
    pub(super) fn show(&self, question: &Question<'_>) -> Result<()> {
        self.at_terminal.show(question)
    }

    /// Shows the outcome on the page, then closes it.
    pub(super) async fn end(self) {
        if let Some(page) = &self.page {
            page.approvals.pending.wait_for_outcomes_shown().await;
        }
    }
}

impl Approver for CommandApprover<'_> {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        match &self.page {
            Some(page) => page.person.ask(question).await,
            None => self.at_terminal.ask(question).await,
        }
    }

    fn finished(&self, outcome: &Outcome) {
        if let Some(page) = &self.page {
            page.person.finished(outcome);
        }
    }
}

/// Prints the outcome of a change. A non-empty `how` is added to the sentence.
pub(super) fn print_change(ui: &Ui, reply: &ChangeReply, how: &str) -> Result<u8> {
    if ui.json() {
        ui.data_json(reply)?;
        return Ok(0);
    }
    reply.unlogged.iter().for_each(|warning| ui.warn(warning));
    let ChangeReply {
        service,
        path,
        version,
        ..
    } = reply;
    let undo = reply.previous.filter(|previous| previous != version);
    let undo = undo.map_or_else(String::new, |previous| {
        format!("; to undo: claude-vault rollback {service} {previous}")
    });
    let blank = if how.is_empty() { "" } else { " " };
    ui.note(&match reply.outcome {
        ChangeOutcome::Created => format!("created {path} (version {version}){blank}{how}"),
        ChangeOutcome::Updated => format!("updated {path} (version {version}){blank}{how}{undo}"),
        ChangeOutcome::Unchanged => format!("nothing to change: {path} has these values already"),
        ChangeOutcome::DryRun => "dry run: nothing was written".into(),
    });
    Ok(0)
}

/// Returns a channel that closes when the page must stop waiting for the person: after
/// `CLAUDE_VAULT_APPROVAL_WAIT` seconds, and after [`LIFE`] at the latest.
fn for_a_while(context: &Context<'_>) -> watch::Receiver<()> {
    let (sender, wanted) = watch::channel(());
    let seconds = context.core.settings.approval_wait;
    tokio::spawn(async move {
        tokio::time::sleep(seconds.min(LIFE)).await;
        drop(sender);
    });
    wanted
}
