//! `rollback`: writes a new version with the content of an old one.

use super::change::{ChangeReply, change};
use super::history::read_version;
use super::plan::{Current, Notes, VersionChange};
use super::{Audience, Core};
use crate::approval::{Approver, Question};
use crate::error::{Error, Result};
use crate::names::Service;

/// The arguments of `rollback`.
#[derive(clap::Args)]
pub struct RollbackRequest {
    /// The service
    pub service: Service,
    /// The version whose content to restore
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub version: u64,
    /// Show what would change and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Restores the content of an old version as a new version. `show` is called with the plan of a dry
/// run.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::Deleted`] for a version that cannot be read, and the errors of
/// `core::change`.
pub async fn rollback(
    core: &Core,
    request: &RollbackRequest,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<ChangeReply> {
    let RollbackRequest {
        service,
        version: number,
        dry_run,
    } = request;
    let vault = core.active_vault()?;
    let (number, content) = read_version(&vault, service, Some(*number)).await?;
    let work_out = async |current: Current| {
        if core.audience == Audience::Person && current.version() == number {
            return Err(Error::invalid(
                format!("version {number} is the newest version of {service}"),
                format!("claude-vault history {service}"),
            ));
        }
        let notes = Notes {
            sources: vec![format!("version {number}")],
            ..Notes::default()
        };
        Ok(
            VersionChange::with_content(core, service, current, content.clone(), notes)
                .logging_all_keys(),
        )
    };
    change(core, service, *dry_run, approver, show, work_out).await
}
