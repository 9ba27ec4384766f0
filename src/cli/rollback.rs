//! The `rollback` command.

use super::Context;
use super::asking::{AskOptions, CommandApprover, print_change};
use crate::core::rollback::{RollbackRequest, rollback};
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
        core.session()?.alive()?;
        let asking =
            CommandApprover::open(context, "rollback", self.request.dry_run, self.options).await?;
        let reply = rollback(core, &self.request, &asking, |question| {
            asking.show(question)
        })
        .await;
        asking.end().await;
        print_change(
            context.ui,
            &reply?,
            &format!("with the values of version {}", self.request.version),
        )
    }
}
