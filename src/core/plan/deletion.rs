//! What becomes of versions that exist: deleted, undeleted, destroyed, or everything of a service
//! gone.
//!
//! A plan names the version that the person approved. A newer one is never touched: then it ends as
//! a conflict. Vault answers yes also where it did nothing, so each change is read back on the
//! active node.

use std::sync::Arc;
use std::time::Duration;

use super::version::{RESOLVE_FOR, is_passing};
use super::{Consent, Operation, Permit, Report};
use crate::approval::{Asked, Change, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::{Key, Service, quoted};
use crate::vault::{Client, Sent, Stored, VersionState};

/// What is to become of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is marked as deleted, and can be undeleted.
    Deleted,
    /// It is live again.
    Live,
    /// Its values are destroyed for good.
    Destroyed,
    /// All versions and all metadata of the service are destroyed for good.
    AllGone,
}

/// A plan to give a version another fate.
pub struct VersionFate {
    /// The service.
    pub service: Service,
    /// What is to become of it.
    pub fate: Fate,
    /// The version.
    pub version: u64,
    /// The newest version when the plan was made.
    pub newest: u64,
    /// When the version was written, RFC 3339, where it can be read: a service that was removed and
    /// made again has the same numbers.
    pub created: Option<String>,
    /// The keys that go, where they can be read.
    pub keys: Vec<String>,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    path: String,
    vault: Arc<Client>,
}

impl VersionFate {
    /// Plans it; `keys` and `warnings` are for the person. `vault` is a client of the active node.
    #[must_use]
    pub fn new(
        core: &Core,
        vault: Arc<Client>,
        service: &Service,
        fate: Fate,
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

impl Operation for VersionFate {
    type Done = ();

    fn consent(&self, _: &Core) -> Consent {
        Consent::Needed
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: match self.fate {
                Fate::Deleted => Asked::Delete,
                Fate::Live => Asked::Undelete,
                Fate::Destroyed | Fate::AllGone => Asked::Destroy,
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
            Fate::Deleted => format!("delete version {}", self.version),
            Fate::Live => format!("undelete version {}", self.version),
            Fate::Destroyed => format!("destroy version {}", self.version),
            Fate::AllGone => "destroy all versions".to_owned(),
        };
        // A name of others in quotes: it may hold what reads like more of the line.
        let name = |key: &String| {
            if Key::is_valid(key) {
                key.clone()
            } else {
                quoted(key)
            }
        };
        let keys: Vec<String> = self.keys.iter().map(name).collect();
        if keys.is_empty() {
            what
        } else {
            format!("{what}; keys: {}", keys.join(", "))
        }
    }

    async fn carry_out(&self, _: &Core, permit: &Permit<'_>) -> Result<()> {
        let writer = permit.writer(&self.vault)?;
        let target = Target {
            service: &self.service,
            version: self.version,
            newest: self.newest,
            created: self.created.as_deref(),
        };
        decide(
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

/// The version that a change is about.
pub(super) struct Target<'a> {
    pub(super) service: &'a Service,
    pub(super) version: u64,
    /// The newest version when the plan was made.
    pub(super) newest: u64,
    /// When the version was written, where that is known.
    pub(super) created: Option<&'a str>,
}

/// Gives a version its fate with `writer`, and reads it back with `vault` on the active node.
///
/// # Errors
/// [`Error::Conflict`] where a newer version was written meanwhile, which stays;
/// [`Error::OutcomeUnknown`] where Vault cannot say within half a minute what came of it; and
/// Vault's refusals.
pub(super) async fn decide(
    writer: &Client,
    vault: &Client,
    target: &Target<'_>,
    fate: Fate,
) -> Result<()> {
    let unknown = || Error::OutcomeUnknown {
        service: target.service.to_string(),
    };
    tokio::time::timeout(RESOLVE_FOR, until_settled(writer, vault, target, fate))
        .await
        .unwrap_or_else(|_| Err(unknown()))
}

async fn until_settled(
    writer: &Client,
    vault: &Client,
    target: &Target<'_>,
    fate: Fate,
) -> Result<()> {
    let mut pause = Duration::from_millis(50);
    let (mut is_sent, mut is_taken) = (false, false);
    let conflict = || {
        Err(Error::Conflict {
            service: target.service.to_string(),
        })
    };
    loop {
        let active = vault.active_node().await.unwrap_or(None);
        let seen = match look(active.as_ref().unwrap_or(vault), target).await {
            Ok(seen) => seen,
            Err(error) if is_passing(&error) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_other = target
            .created
            .zip(seen.created.as_deref())
            .is_some_and(|(planned, now)| planned != now);
        // Anything present after Vault accepted the removal was created since.
        if is_other || fate == Fate::AllGone && is_taken && seen.newest != 0 {
            return conflict();
        }
        // Undeleting an older version is valid even if a newer one was written.
        if fate != Fate::Live
            && seen.newest != target.newest
            && !(fate == Fate::AllGone && is_sent && seen.newest == 0)
        {
            return conflict();
        }
        if fate == Fate::Live
            && !matches!(
                seen.state,
                Some(VersionState::Live | VersionState::Deleted { .. })
            )
        {
            return conflict();
        }
        if is_settled(&seen, fate) && (is_sent || fate != Fate::AllGone) {
            return Ok(());
        }
        if is_sent {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        let active_writer = writer.active_node().await.unwrap_or(None);
        let sent = send(active_writer.as_ref().unwrap_or(writer), target, fate).await?;
        (is_sent, is_taken) = (true, sent == Sent::Taken);
    }
}

fn is_settled(seen: &Seen, fate: Fate) -> bool {
    match (fate, &seen.state) {
        (Fate::Deleted, Some(VersionState::Deleted { .. } | VersionState::Destroyed)) => true,
        (Fate::Live, Some(VersionState::Live)) => true,
        (Fate::Destroyed, Some(VersionState::Destroyed)) => true,
        (Fate::AllGone, None) => seen.newest == 0,
        (Fate::Deleted | Fate::Live | Fate::Destroyed | Fate::AllGone, _) => false,
    }
}

/// A failing node may have done it: the read that follows tells.
async fn send(writer: &Client, target: &Target<'_>, fate: Fate) -> Result<Sent> {
    let versions = [target.version];
    let sent = match fate {
        Fate::Deleted => writer.delete_versions(target.service, &versions).await,
        Fate::Live => writer.undelete_versions(target.service, &versions).await,
        Fate::Destroyed => writer.destroy_versions(target.service, &versions).await,
        Fate::AllGone => writer.delete_everything(target.service).await,
    };
    match sent {
        Err(error) if is_passing(&error) => Ok(Sent::Unknown),
        sent => sent,
    }
}

/// What the active node knows of a version.
struct Seen {
    newest: u64,
    state: Option<VersionState>,
    /// When the version was written, where that can be read.
    created: Option<String>,
}

/// By the metadata; where the policy denies that, by the versions themselves, which tell the same.
async fn look(node: &Client, target: &Target<'_>) -> Result<Seen> {
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
                // By our clock, which may be behind Vault's.
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

/// What reading a version says of it.
async fn state_of(
    node: &Client,
    target: &Target<'_>,
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
