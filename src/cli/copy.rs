//! The `copy` and `rename` commands.

use super::Context;
use super::asking::{AskOptions, CommandApprover};
use crate::core::copy::{CopyOutcome, CopyReply, CopyRequest, copy, destination};
use crate::error::Result;

#[derive(clap::Args)]
pub(super) struct Copy {
    #[command(flatten)]
    request: CopyRequest,
    #[command(flatten)]
    options: AskOptions,
}

impl Copy {
    pub(super) async fn run(self, context: &Context<'_>, is_rename: bool) -> Result<u8> {
        let Self { request, options } = self;
        let there = destination(&context.core, &request)?;
        let command = if is_rename { "rename" } else { "copy" };
        let asking =
            CommandApprover::open_for(context, &there, command, request.dry_run, options).await?;
        let reply = copy(
            &context.core,
            &there,
            &request,
            is_rename,
            &asking,
            |question| asking.show(question),
        )
        .await;
        asking.end().await;
        report(context, reply?, is_rename)
    }
}

fn report(context: &Context<'_>, reply: CopyReply, is_rename: bool) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(&reply)?;
        return reply.stopped.map_or(Ok(0), Err);
    }
    let CopyReply {
        from,
        from_version,
        to,
        version,
        ..
    } = &reply;
    let undo = reply
        .undo
        .as_ref()
        .map_or_else(String::new, |command| format!("; to undo: {command}"));
    ui.note(&match reply.outcome {
        CopyOutcome::DryRun => "dry run: nothing was written".into(),
        CopyOutcome::Unchanged => format!("nothing to change: {to} has these values already"),
        CopyOutcome::Stopped => {
            format!("{to} was written (version {version}); {from} was not deleted")
        }
        CopyOutcome::Done if is_rename => {
            format!(
                "renamed {from} to {to} (version {version}); version {from_version} of the \
                old one is deleted{undo}"
            )
        }
        CopyOutcome::Done => {
            format!("copied {from} (version {from_version}) to {to} (version {version}){undo}")
        }
    });
    if !reply.metadata.is_empty() && reply.outcome == CopyOutcome::Done {
        ui.note(&format!("also copied: {}", reply.metadata.join(", ")));
    }
    reply.advice.iter().for_each(|advice| ui.note(advice));
    reply
        .late_warnings
        .iter()
        .for_each(|warning| ui.warn(warning));
    reply.stopped.map_or(Ok(0), Err)
}
