//! Changes the state of existing versions: deletes, undeletes or destroys one, or destroys a whole
//! service.
//!
//! A plan names the version that the person approved. If a newer version exists when the plan is
//! carried out, the operation ends as a conflict, except for an undelete. Vault reports success
//! even if it did nothing, so each change is read back from the active node.

use std::sync::Arc;

use super::{Consent, Operation, Permit, Report, logged_name};
use crate::approval::{Asked, Change, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, SentChange, Stored, VersionState};

/// The new state of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewState {
    /// The version is marked as deleted, and can be undeleted.
    Deleted,
    /// The version is readable again.
    Live,
    /// The version's values are permanently destroyed.
    Destroyed,
    /// All versions and all metadata of the service are permanently destroyed.
    AllGone,
}

/// A plan to change the state of a version.
pub struct StateChange {
    /// The service.
    pub service: Service,
    /// The new state.
    pub fate: NewState,
    /// The version.
    pub version: u64,
    /// The newest version at the time of the plan.
    pub newest: u64,
    /// When the version was written, RFC 3339, if it can be read. It distinguishes a service from
    /// one that was removed and created again with the same version numbers.
    pub created: Option<String>,
    /// The keys that are lost, if they can be read.
    pub keys: Vec<String>,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    path: String,
    vault: Arc<Client>,
}

impl StateChange {
    /// Makes a plan. The caller may add `created`, `keys` and `warnings`. `vault` is a client of
    /// the active node.
    #[must_use]
    pub fn new(
        core: &Core,
        vault: Arc<Client>,
        service: &Service,
        fate: NewState,
        version: u64,
        newest: u64,
    ) -> Self {
        let path = core.settings.display_path(service);
        Self {
            service: service.clone(),
            fate,
            version,
            newest,
            created: None,
            keys: Vec::new(),
            warnings: Vec::new(),
            path,
            vault,
        }
    }
}

impl Operation for StateChange {
    type Done = ();

    fn consent(&self, _: &Core) -> Consent {
        Consent::Needed
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: match self.fate {
                NewState::Deleted => Asked::Delete,
                NewState::Live => Asked::Undelete,
                NewState::Destroyed | NewState::AllGone => Asked::Destroy,
            },
            service: self.service.as_str(),
            path: &self.path,
            base: self.version,
            keys: self
                .keys
                .iter()
                .map(|key| (key.as_str(), Change::Removed, None))
                .collect(),
            untouched: 0,
            metadata: &[],
            warnings: &self.warnings,
            files: &[],
            obstacle: None,
        }
    }

    fn audit_details(&self) -> String {
        let what = match self.fate {
            NewState::Deleted => format!("delete version {}", self.version),
            NewState::Live => format!("undelete version {}", self.version),
            NewState::Destroyed => format!("destroy version {}", self.version),
            NewState::AllGone => "destroy all versions".to_owned(),
        };
        let keys: Vec<String> = self.keys.iter().map(|key| logged_name(key)).collect();
        if keys.is_empty() {
            what
        } else {
            format!("{what}; keys: {}", keys.join(", "))
        }
    }

    async fn carry_out(&self, _: &Core, permit: &Permit<'_>) -> Result<()> {
        let writer = permit.writer(&self.vault);
        let target = VersionTarget {
            service: &self.service,
            version: self.version,
            newest: self.newest,
            created: self.created.as_deref(),
        };
        apply(
            writer.as_ref().unwrap_or(&self.vault),
            &self.vault,
            &target,
            self.fate,
        )
        .await
    }

    fn report(&self, (): &()) -> Report {
        Report {
            outcome: Outcome::Done(0),
            action: Action::Success,
            details: String::new(),
        }
    }
}

/// The version to change.
pub(super) struct VersionTarget<'a> {
    pub(super) service: &'a Service,
    pub(super) version: u64,
    /// The newest version at the time of the plan.
    pub(super) newest: u64,
    /// When the version was written, if known.
    pub(super) created: Option<&'a str>,
}

/// Changes a version's state with `writer`, and reads it back with `vault` from the active node.
///
/// # Errors
/// [`Error::Conflict`] if a newer version was written meanwhile, which is kept;
/// [`Error::OutcomeUnknown`] if Vault does not show the outcome within the client's timeout; and
/// Vault's refusals.
pub(super) async fn apply(
    writer: &Client,
    vault: &Client,
    target: &VersionTarget<'_>,
    fate: NewState,
) -> Result<()> {
    let mut attempt = 0;
    let (mut is_sent, mut is_taken, mut has_paused) = (false, false, false);
    loop {
        let seen = match look(vault, target).await {
            Ok(seen) => seen,
            Err(error) if error.is_transient() => {
                if !vault.back_off(attempt).await {
                    return Err(if is_sent { unknown(target) } else { error });
                }
                attempt += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        // After Vault accepted the removal, something may have been created since. If the time of
        // creation cannot be compared, anything that is there counts as new.
        let is_comparable = target.created.is_some() && seen.created.is_some();
        let is_new = fate == NewState::AllGone && is_taken && seen.newest != 0 && !is_comparable;
        if is_new || is_conflict(&seen, target, fate, is_sent) {
            return Err(Error::Conflict {
                service: target.service.to_string(),
            });
        }
        if is_settled(&seen, fate) && (is_sent || fate != NewState::AllGone) {
            return Ok(());
        }
        // Nothing is sent again on a look from before a pause.
        if is_sent && !has_paused {
            if !vault.back_off(attempt).await {
                return Err(unknown(target));
            }
            (attempt, has_paused) = (attempt + 1, true);
            continue;
        }
        let sent = send(writer, target, fate).await?;
        (is_sent, is_taken, has_paused) = (true, sent == SentChange::Taken, false);
    }
}

fn unknown(target: &VersionTarget<'_>) -> Error {
    Error::OutcomeUnknown {
        service: target.service.to_string(),
    }
}

fn is_settled(seen: &Seen, fate: NewState) -> bool {
    match (fate, &seen.state) {
        (NewState::Deleted, Some(VersionState::Deleted { .. } | VersionState::Destroyed)) => true,
        (NewState::Live, Some(VersionState::Live)) => true,
        (NewState::Destroyed, Some(VersionState::Destroyed)) => true,
        (NewState::AllGone, None) => seen.newest == 0,
        (NewState::Deleted | NewState::Live | NewState::Destroyed | NewState::AllGone, _) => false,
    }
}

/// Sends the change once. A failing node may have applied it; the caller finds out by reading.
async fn send(writer: &Client, target: &VersionTarget<'_>, fate: NewState) -> Result<SentChange> {
    let versions = [target.version];
    match fate {
        NewState::Deleted => writer.delete_versions(target.service, &versions).await,
        NewState::Live => writer.undelete_versions(target.service, &versions).await,
        NewState::Destroyed => writer.destroy_versions(target.service, &versions).await,
        NewState::AllGone => writer.delete_everything(target.service).await,
    }
}

/// The state of a version on the active node.
struct Seen {
    newest: u64,
    state: Option<VersionState>,
    /// When the version was written, if it can be read.
    created: Option<String>,
}

/// Whether the service changed since the plan was made, so that the plan no longer applies.
fn is_conflict(seen: &Seen, target: &VersionTarget<'_>, fate: NewState, is_sent: bool) -> bool {
    let is_other = target
        .created
        .zip(seen.created.as_deref())
        .is_some_and(|(planned, now)| planned != now);
    let is_changed = match fate {
        // Undeleting an older version is valid even if a newer one was written.
        NewState::Live => !matches!(
            seen.state,
            Some(VersionState::Live | VersionState::Deleted { .. })
        ),
        NewState::Deleted | NewState::Destroyed => seen.newest != target.newest,
        NewState::AllGone => seen.newest != target.newest && !(is_sent && seen.newest == 0),
    };
    is_other || is_changed
}

/// Reads the state from the metadata, or from the versions themselves if the policy denies access
/// to the metadata.
async fn look(node: &Client, target: &VersionTarget<'_>) -> Result<Seen> {
    let gone = Seen {
        newest: 0,
        state: None,
        created: None,
    };
    match node.read_history(target.service).await {
        Ok(Some(history)) => {
            let info = history.versions.get(&target.version);
            let created = info.map(|info| info.created.clone());
            let state = match info.map(|info| info.state.clone()) {
                // This state depends on this machine's clock, which may be behind Vault's.
                Some(VersionState::Live) => state_of(node, target).await?.0,
                state => state,
            };
            return Ok(Seen {
                newest: history.current,
                state,
                created,
            });
        }
        Ok(None) => return Ok(gone),
        Err(Error::Forbidden { .. }) => {}
        Err(error) => return Err(error),
    }
    let newest = match node.read_service(target.service, None).await? {
        Stored::Present { version, .. } | Stored::Deleted { version, .. } => version,
        Stored::Absent => return Ok(gone),
    };
    let (state, created) = state_of(node, target).await?;
    Ok(Seen {
        newest,
        state,
        created,
    })
}

/// The state of a version, determined by reading it, and when it was written.
async fn state_of(
    node: &Client,
    target: &VersionTarget<'_>,
) -> Result<(Option<VersionState>, Option<String>)> {
    Ok(
        match node
            .read_service(target.service, Some(target.version))
            .await?
        {
            Stored::Present { created, .. } => (Some(VersionState::Live), Some(created)),
            Stored::Deleted {
                is_destroyed: true, ..
            } => (Some(VersionState::Destroyed), None),
            Stored::Deleted {
                is_destroyed: false,
                ..
            } => (
                Some(VersionState::Deleted {
                    at: String::new(),
                    by: None,
                }),
                None,
            ),
            Stored::Absent => (None, None),
        },
    )
}
