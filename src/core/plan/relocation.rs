//! Copies a service to another path; a rename then deletes the old service. The new service is
//! written and read back before the old one is deleted, so that a failure in between loses nothing.

use std::sync::Arc;

use super::deletion::{NewState, VersionTarget, apply};
use super::version::write_metadata;
use super::{Commit, Consent, Operation, Permit, Report, VersionChange};
use crate::approval::{Asked, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, CustomMetadata, Stored};

/// The service to copy.
pub struct CopySource {
    /// Its name.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// Its newest version, the one to copy.
    pub version: u64,
    /// When that version was written, RFC 3339. It distinguishes the service from one that was
    /// removed and created again with the same version numbers.
    pub created: String,
    /// A client of the active node, with the mount and prefix of this service.
    pub vault: Arc<Client>,
}

/// A plan to copy or rename a service.
pub struct Relocation {
    /// Whether the old service is deleted afterwards.
    pub is_rename: bool,
    /// The old service.
    pub origin: CopySource,
    /// The new service.
    pub service: Service,
    /// The new version of the new service.
    pub change: VersionChange,
    /// Whether the new service already has this content.
    pub is_there: bool,
    /// Custom metadata to copy.
    pub custom: CustomMetadata,
    /// A description of the custom metadata, for the question.
    metadata: Vec<String>,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    vault: Arc<Client>,
    path: String,
}

/// The outcome of a relocation.
pub enum Relocated {
    /// Somebody else wrote the new service first. Nothing was changed.
    Conflict,
    /// The new service is written.
    Done {
        /// The version of the new service.
        version: u64,
        /// Why the custom metadata was not copied, if it was not.
        unmarked: Option<Box<Error>>,
        /// Why the old service was not deleted, if it was not.
        stopped: Option<Box<Error>>,
    },
}

impl Relocation {
    /// Makes a plan. `vault` is a client of the active node, with the mount and prefix of the new
    /// service.
    #[must_use]
    pub fn new(
        is_rename: bool,
        origin: CopySource,
        service: Service,
        change: VersionChange,
        is_there: bool,
        custom: CustomMetadata,
        vault: Arc<Client>,
    ) -> Self {
        let path = format!("{} → {}", origin.path, change.path());
        let mut warnings = change.warnings().to_vec();
        if is_rename {
            let CopySource { path, version, .. } = &origin;
            warnings.push(format!(
                "{path} (version {version}) is deleted afterwards, and can be undeleted"
            ));
        }
        let names: Vec<&str> = custom.keys().map(String::as_str).collect();
        let metadata = if names.is_empty() {
            vec![]
        } else {
            vec![format!("{} as in {}", names.join(", "), origin.service)]
        };
        Self {
            is_rename,
            origin,
            service,
            change,
            is_there,
            custom,
            metadata,
            warnings,
            vault,
            path,
        }
    }

    /// Writes the new service and reads it back. Returns its version, or `None` after a conflict.
    async fn write(&self, core: &Core, permit: &Permit<'_>) -> Result<Option<u64>> {
        let mut version = self.change.base();
        // A standby may still return a version that has since been deleted. Before a rename, only a
        // write makes sure that the new service exists.
        if !self.is_there || (self.is_rename && !self.vault.is_active().await) {
            match self.change.carry_out(core, permit).await? {
                Commit::Written(written) => version = written,
                Commit::Conflict => return Ok(None),
            }
        }
        self.verify(version).await.map(|()| Some(version))
    }

    /// Reads the new service back. An OpenBao standby may lag behind for a moment. The approval was
    /// for what was written, so a newer version or different content is somebody else's change.
    async fn verify(&self, version: u64) -> Result<()> {
        let mut attempt = 0;
        loop {
            match self.vault.read_service(&self.service, None).await {
                Ok(Stored::Present {
                    secrets,
                    version: newest,
                    ..
                }) if newest == version => {
                    let is_it = self.change.is_result(&secrets);
                    return if is_it {
                        Ok(())
                    } else {
                        Err(Error::Conflict {
                            service: self.service.to_string(),
                        })
                    };
                }
                Ok(
                    Stored::Present {
                        version: newest, ..
                    }
                    | Stored::Deleted {
                        version: newest, ..
                    },
                ) if newest >= version => {
                    return Err(Error::Conflict {
                        service: self.service.to_string(),
                    });
                }
                Ok(Stored::Present { .. } | Stored::Deleted { .. } | Stored::Absent) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            if !self.vault.back_off(attempt).await {
                return Err(Error::OutcomeUnknown {
                    service: self.service.to_string(),
                });
            }
            attempt += 1;
        }
    }

    /// Merges the custom metadata into that of the new service, which is read again first, because
    /// writing the version may have changed it.
    async fn annotate(&self, permit: &Permit<'_>) -> Result<()> {
        if self.custom.is_empty() {
            return Ok(());
        }
        let entries = self
            .custom
            .iter()
            .map(|(name, text)| (name.clone(), Some(text.clone())))
            .collect();
        let writer = permit.writer(&self.vault);
        let writer = writer.as_ref().unwrap_or(&self.vault);
        write_metadata(&self.service, writer, &self.vault, &entries).await
    }

    /// Fails if the approved version is no longer the newest one.
    async fn require_newest(&self) -> Result<()> {
        let CopySource {
            service,
            version,
            created,
            vault,
            ..
        } = &self.origin;
        match vault.read_service(service, None).await? {
            Stored::Present {
                version: newest,
                created: now,
                ..
            } if newest == *version && now == *created => Ok(()),
            Stored::Present { .. } | Stored::Deleted { .. } | Stored::Absent => {
                Err(Error::Conflict {
                    service: service.to_string(),
                })
            }
        }
    }

    async fn delete_origin(&self, permit: &Permit<'_>) -> Result<()> {
        let CopySource {
            service,
            version,
            created,
            vault,
            ..
        } = &self.origin;
        let writer = permit.writer(vault);
        let target = VersionTarget {
            service,
            version: *version,
            newest: *version,
            created: Some(created),
        };
        let deleted = apply(
            writer.as_ref().unwrap_or(vault),
            vault,
            &target,
            NewState::Deleted,
        )
        .await;
        deleted.map_err(|error| match error {
            Error::Conflict { .. } => Error::Blocked {
                message: format!(
                    "{service} was changed meanwhile, so it was not deleted; {} has its version \
                     {version}",
                    self.service
                ),
                hint: format!(
                    "to move the newer version: claude-vault rename {service} {} --replace",
                    self.service
                ),
            },
            // A token without any uses left looks like an expired one.
            Error::SessionExpired if writer.is_some() => Error::Blocked {
                message: format!(
                    "the approving sign-in was used up before {service} was deleted: \
                    both services exist"
                ),
                hint: "run the command again to finish, and set token_num_uses=8 on the write role"
                    .into(),
            },
            error => error,
        })
    }
}

impl Operation for Relocation {
    type Done = Relocated;

    fn consent(&self, _: &Core) -> Consent {
        Consent::Needed
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: if self.is_rename {
                Asked::Rename
            } else {
                Asked::Copy
            },
            service: self.service.as_str(),
            path: &self.path,
            base: 0,
            metadata: &self.metadata,
            warnings: &self.warnings,
            ..self.change.question()
        }
    }

    fn audit_details(&self) -> String {
        let CopySource { path, version, .. } = &self.origin;
        let what = if self.is_rename { "rename" } else { "copy" };
        format!(
            "{what} {path} (version {version}) to {}; {}",
            self.change.path(),
            self.change.audit_details()
        )
    }

    async fn carry_out(&self, core: &Core, permit: &Permit<'_>) -> Result<Relocated> {
        if self.is_rename {
            self.require_newest().await?;
        }
        let Some(version) = self.write(core, permit).await? else {
            return Ok(Relocated::Conflict);
        };
        let unmarked = self.annotate(permit).await.err().map(Box::new);
        if !self.is_rename {
            return Ok(Relocated::Done {
                version,
                unmarked,
                stopped: None,
            });
        }
        // If the role may not write metadata, the rename continues without it. After any other
        // failure the old service stays, and the same command tries again.
        let (unmarked, stopped) = match unmarked {
            Some(error) if !matches!(*error, Error::Forbidden { .. }) => (None, Some(error)),
            unmarked => (
                unmarked,
                self.delete_origin(permit).await.err().map(Box::new),
            ),
        };
        Ok(Relocated::Done {
            version,
            unmarked,
            stopped,
        })
    }

    fn report(&self, done: &Relocated) -> Report {
        match done {
            Relocated::Conflict => Report {
                outcome: Outcome::Conflict,
                action: Action::Failed,
                details: "conflict with another change".into(),
            },
            Relocated::Done {
                version,
                stopped: None,
                ..
            } => Report {
                outcome: Outcome::Done(*version),
                action: Action::Success,
                details: if *version == self.change.base() {
                    format!("version {version} was there already")
                } else {
                    format!("wrote version {version}")
                },
            },
            Relocated::Done {
                version,
                stopped: Some(error),
                ..
            } => Report {
                outcome: Outcome::Failed(format!(
                    "the new service has version {version}, but the old one stays: {error}"
                )),
                action: Action::Failed,
                details: format!("version {version}; the old one stays: {}", error.code()),
            },
        }
    }
}
