//! `rollback`.

use super::Context;
use super::asking::{AskOptions, Asking};
use crate::core::change::ChangeReply;
use crate::core::rollback::{RollbackRequest, rollback};
use crate::core::set::Outcome;
use crate::error::Result;

#[derive(clap::Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    request: RollbackRequest,
    #[command(flatten)]
    options: AskOptions,
}

impl Rollback {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let Context { core, .. } = context;
        core.session()?;
        let asking = Asking::open(context, "rollback", self.request.dry_run, self.options).await?;
        let reply = rollback(core, &self.request, &asking, |question| asking.show(question)).await;
        asking.end().await;
        say(context, &reply?, &format!("with the values of version {}", self.request.version))
    }
}

/// Says what became of a new version.
pub(super) fn say(context: &Context<'_>, reply: &ChangeReply, how: &str) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(reply)?;
        return Ok(0);
    }
    reply.unlogged.iter().for_each(|warning| ui.warn(warning));
    ui.note(&match reply.outcome {
        Outcome::Created | Outcome::Updated => format!("updated {} (version {}) {how}", reply.path, reply.version),
        Outcome::Unchanged => format!("nothing to change: {} has these values already", reply.path),
        Outcome::DryRun => "dry run: nothing was written".into(),
    });
    Ok(0)
}
