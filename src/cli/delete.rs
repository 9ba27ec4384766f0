//! The `delete` and `undelete` commands.

use super::Context;
use super::asking::{AskOptions, CommandApprover, print_change};
use crate::core::delete::{
    DeleteReply, DeleteRequest, UndeleteRequest, VersionOutcome, VersionReply, delete, undelete,
};
use crate::error::{Error, Result};
use crate::names::Service;

#[derive(clap::Args)]
#[command(after_help = "\
With keys, delete writes a new version without them; older versions still hold them.
Without keys, it marks the newest version as deleted, and undelete restores it.
--destroy and --all-versions ask for the service's name and cannot be undone.")]
pub(super) struct Delete {
    #[command(flatten)]
    request: DeleteRequest,
    /// Destroy without asking: repeat the service's name
    #[arg(long, value_name = "SERVICE")]
    confirm: Option<Service>,
    #[command(flatten)]
    options: AskOptions,
}

#[derive(clap::Args)]
pub(super) struct Undelete {
    #[command(flatten)]
    request: UndeleteRequest,
    #[command(flatten)]
    options: AskOptions,
}

impl Delete {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let options = self.options()?;
        let Self { request, .. } = self;
        let Context { core, .. } = context;
        core.session()?.alive()?;
        let asking = CommandApprover::open(context, "delete", request.dry_run, options).await?;
        let reply = delete(core, &request, &asking, |question| asking.show(question)).await;
        asking.end().await;
        match reply? {
            DeleteReply::Keys(reply) => print_change(
                context.ui,
                &reply,
                &format!("without {}", count(reply.removed.len())),
            ),
            DeleteReply::Service(reply) => say_fate(context, &reply),
        }
    }

    /// Checks `--confirm`: to destroy without asking takes more than `--no-confirm`.
    fn options(&self) -> Result<AskOptions> {
        let Self {
            request,
            confirm,
            options,
        } = self;
        if confirm.is_some() && !request.destroys() {
            return Err(Error::invalid(
                "--confirm is for --destroy and --all-versions",
                "use --no-confirm instead",
            ));
        }
        if !request.destroys() || request.dry_run {
            return Ok(*options);
        }
        let how = if request.all_versions {
            "--all-versions"
        } else {
            "--destroy"
        };
        let once_more = || {
            format!(
                "claude-vault delete {} {how} --confirm {}",
                request.service, request.service
            )
        };
        match confirm {
            Some(name) if *name == request.service => Ok(AskOptions {
                no_confirm: true,
                ..*options
            }),
            Some(_) => Err(Error::invalid(
                "--confirm names another service",
                once_more(),
            )),
            None if options.no_confirm => Err(Error::invalid(
                "--no-confirm is not enough to destroy: repeat the service's name",
                once_more(),
            )),
            None => Ok(*options),
        }
    }
}

fn count(keys: usize) -> String {
    if keys == 1 {
        "1 key".to_owned()
    } else {
        format!("{keys} keys")
    }
}

impl Undelete {
    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let Context { core, .. } = context;
        core.session()?.alive()?;
        let asking =
            CommandApprover::open(context, "undelete", self.request.dry_run, self.options).await?;
        let reply = undelete(core, &self.request, &asking, |question| {
            asking.show(question)
        })
        .await;
        asking.end().await;
        say_fate(context, &reply?)
    }
}

fn say_fate(context: &Context<'_>, reply: &VersionReply) -> Result<u8> {
    let ui = context.ui;
    if ui.json() {
        ui.data_json(reply)?;
        return Ok(0);
    }
    reply.unlogged.iter().for_each(|warning| ui.warn(warning));
    let VersionReply {
        service,
        path,
        version,
        ..
    } = reply;
    ui.note(&match reply.outcome {
        VersionOutcome::Deleted => format!(
            "deleted {path} (version {version}); to restore it: claude-vault undelete {service}"
        ),
        VersionOutcome::Undeleted => format!("restored version {version} of {path}"),
        VersionOutcome::Destroyed => format!("destroyed {path} (version {version})"),
        VersionOutcome::AllDestroyed => format!("destroyed all versions of {path}"),
        VersionOutcome::DryRun => "dry run: nothing was done".into(),
    });
    Ok(0)
}
