//! `copy` and `rename`.

use std::sync::Arc;

use super::Context;
use super::approve::on_the_page;
use super::at_terminal::{AtTerminal, proof_needed};
use super::set::for_a_while;
use crate::approval::listen;
use crate::config::Strength;
use crate::core::approve::Approvals;
use crate::core::copy::{CopyOutcome, CopyReply, CopyRequest, copy, destination};
use crate::error::Result;

#[derive(clap::Args)]
pub(super) struct Copy {
    #[command(flatten)]
    request: CopyRequest,
    /// Do it without asking, for scripts
    #[arg(long)]
    no_confirm: bool,
    /// Show the values in the plan
    #[arg(long)]
    reveal: bool,
}

impl Copy {
    pub(super) async fn run(self, context: &Context<'_>, is_rename: bool) -> Result<u8> {
        let Context { ui, core, .. } = context;
        let Self { request, no_confirm, reveal } = self;
        let agent = core.settings.agent.is_some();
        let proof = proof_needed(core, request.dry_run, no_confirm, reveal)?;
        let there = destination(core, &request)?;
        let at_terminal = AtTerminal { ui, reveal, no_confirm, agent };
        let reply = if !request.dry_run && !no_confirm && (agent || proof > Strength::Typed) {
            // A step-up is for the service that is written.
            let approvals = Approvals::open(&there, Arc::default()).await?;
            let _socket = listen(&core.settings.state, approvals.pending.clone())?;
            let wanted = for_a_while(context);
            let person = on_the_page(context, &approvals, if is_rename { "rename" } else { "copy" }, wanted)?;
            let reply = copy(core, &there, &request, is_rename, &person, |question| at_terminal.show(question)).await;
            approvals.pending.farewell().await;
            reply?
        } else {
            copy(core, &there, &request, is_rename, &at_terminal, |question| at_terminal.show(question)).await?
        };
        report(context, reply, is_rename)
    }
}

fn report(context: &Context<'_>, reply: CopyReply, is_rename: bool) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(&reply)?;
        return reply.stopped.map_or(Ok(0), Err);
    }
    let CopyReply { from, from_version, to, version, .. } = &reply;
    ui.note(&match reply.outcome {
        CopyOutcome::DryRun => "dry run: nothing was written".into(),
        CopyOutcome::Unchanged => format!("nothing to change: {to} has these values already"),
        CopyOutcome::Stopped => format!("{to} is written (version {version}), and {from} stays"),
        CopyOutcome::Done if is_rename => {
            format!("renamed {from} to {to} (version {version}); version {from_version} of the old one is deleted")
        }
        CopyOutcome::Done => format!("copied {from} (version {from_version}) to {to} (version {version})"),
    });
    if !reply.metadata.is_empty() && reply.outcome == CopyOutcome::Done {
        ui.note(&format!("with it: {}", reply.metadata.join(", ")));
    }
    reply.advice.iter().for_each(|advice| ui.note(advice));
    reply.late.iter().for_each(|warning| ui.warn(warning));
    reply.stopped.map_or(Ok(0), Err)
}
