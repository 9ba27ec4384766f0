//! Copying a service to another path, and for a rename deleting it where it was: the new one first,
//! read back, then the old one, so that no failure in between loses anything.

use std::sync::Arc;
use std::time::Duration;

use super::deletion::{Fate, Target, decide};
use super::version::{RESOLVE_FOR, is_passing};
use super::{Commit, Consent, Operation, Permit, Report, VersionChange};
use crate::approval::{Asked, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, CustomMetadata, Stored};

/// What is copied.
pub struct Origin {
    /// The service.
    pub service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// Its newest version, which is copied.
    pub version: u64,
    /// When that was written, RFC 3339: a service that was removed and made again has the same
    /// numbers.
    pub created: String,
    /// A client of the active node, with the mount and prefix of the service.
    pub vault: Arc<Client>,
}

/// A plan to copy or rename a service.
pub struct Relocation {
    /// Whether the old one is deleted afterwards.
    pub is_rename: bool,
    /// What is copied.
    pub origin: Origin,
    /// The new one.
    pub service: Service,
    /// The new version of it.
    pub change: VersionChange,
    /// Whether the new one is there already, with this content.
    pub is_there: bool,
    /// Custom metadata that goes along.
    pub custom: CustomMetadata,
    /// The same in words.
    metadata: Vec<String>,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    vault: Arc<Client>,
    path: String,
}

/// How it ended.
pub enum Relocated {
    /// Somebody else wrote the new one first; nothing was done.
    Conflict,
    /// The new one is there.
    Done {
        /// Its version.
        version: u64,
        /// What kept the custom metadata from going along.
        unmarked: Option<Box<Error>>,
        /// What kept the old one from being deleted.
        stopped: Option<Box<Error>>,
    },
}

impl Relocation {
    /// Plans it. `vault` is a client of the active node, with the mount and prefix of the new one.
    #[must_use]
    pub fn new(
        is_rename: bool,
        origin: Origin,
        service: Service,
        change: VersionChange,
        is_there: bool,
        custom: CustomMetadata,
        vault: Arc<Client>,
    ) -> Self {
        let path = format!("{} → {}", origin.path, change.path());
        let mut warnings = change.warnings().to_vec();
        if is_rename {
            let Origin { path, version, .. } = &origin;
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

    /// Writes the new one and reads it back.
    async fn write(&self, core: &Core, permit: &Permit<'_>) -> Result<Option<u64>> {
        let mut version = self.change.base();
        // A standby may tell of a version that is deleted by now: then only a write makes sure that
        // there is one.
        if !self.is_there || (self.is_rename && !self.vault.is_active().await) {
            match self.change.carry_out(core, permit).await? {
                Commit::Written(written) => version = written,
                Commit::Conflict => return Ok(None),
            }
        }
        let unknown = || Error::OutcomeUnknown {
            service: self.service.to_string(),
        };
        let verified = tokio::time::timeout(RESOLVE_FOR, self.verify(version)).await;
        verified
            .unwrap_or_else(|_| Err(unknown()))
            .map(|()| Some(version))
    }

    /// Reads the new one back. A standby of OpenBao is behind for a moment. An approval was for
    /// what was written: a newer version, or other content, is somebody else's.
    async fn verify(&self, version: u64) -> Result<()> {
        let mut pause = Duration::from_millis(50);
        loop {
            let active = self.vault.active_node().await.unwrap_or(None);
            match active
                .as_ref()
                .unwrap_or(&self.vault)
                .read_service(&self.service, None)
                .await
            {
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
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Puts the custom metadata beside what is there. It is worked out anew, since writing may have
    /// changed it.
    async fn annotate(&self, permit: &Permit<'_>) -> Result<()> {
        if self.custom.is_empty() {
            return Ok(());
        }
        let history = self.vault.read_history(&self.service).await?;
        let mut custom = history
            .as_ref()
            .map(|history| history.custom.clone())
            .unwrap_or_default();
        let before = custom.clone();
        custom.extend(self.custom.clone());
        if custom == before {
            return Ok(());
        }
        let writer = permit.writer(&self.vault)?;
        let writer = writer.as_ref().unwrap_or(&self.vault);
        writer
            .write_custom_metadata(&self.service, history.as_ref(), &custom)
            .await
            .map(drop)
    }

    /// Whether the version that was approved is still the newest one.
    async fn require_newest(&self) -> Result<()> {
        let Origin {
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
        let Origin {
            service,
            version,
            created,
            vault,
            ..
        } = &self.origin;
        let writer = permit.writer(vault)?;
        let target = Target {
            service,
            version: *version,
            newest: *version,
            created: Some(created),
        };
        let deleted = decide(
            writer.as_ref().unwrap_or(vault),
            vault,
            &target,
            Fate::Deleted,
        )
        .await;
        deleted.map_err(|error| match error {
            Error::Conflict { .. } => Error::InTheWay {
                message: format!(
                    "{service} was changed meanwhile: its newer version stays, and {} has version \
                     {version}",
                    self.service
                ),
                hint: format!(
                    "to take the newer one: claude-vault rename {service} {} --replace",
                    self.service
                ),
            },
            // A token that was used up looks like one that has expired.
            Error::SessionExpired if writer.is_some() => Error::InTheWay {
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
        let Origin { path, version, .. } = &self.origin;
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
        // What the role may not write stays behind; what merely failed is tried again by the same
        // command.
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
                details: format!("wrote version {version}"),
            },
            Relocated::Done {
                version,
                stopped: Some(error),
                ..
            } => Report {
                outcome: Outcome::Failed(format!(
                    "the new one is version {version}, and the old one stays: {error}"
                )),
                action: Action::Failed,
                details: format!("version {version}; the old one stays: {}", error.code()),
            },
        }
    }
}
