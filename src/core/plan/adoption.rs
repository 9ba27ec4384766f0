//! Moves secrets from files into Vault and back: several services and their files, with one
//! approval.
//!
//! A part is one service: its new version in Vault and its files. When moving in, Vault is written
//! first, so that no value leaves a file before Vault has it. When moving back, the files are
//! written first. The first failure stops the operation. The journal keeps what is done, so that
//! the same command continues.

mod steps;

use std::path::PathBuf;
use std::sync::Arc;

use super::{Consent, Operation, Permit, Report, VersionChange};
use crate::approval::{Asked, Change, FilePreview, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::files::adopted::FileStep;
use crate::files::journal::ChangeKind;
use crate::names::{Service, printable};
use crate::secret::Value;

/// The direction of a move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From files into Vault.
    In,
    /// Back into the files. Also used to delete the backups, which moves nothing.
    Back,
}

/// One service with its files, or files of the whole project.
pub struct AdoptionPart {
    /// The service; none for files of the whole project.
    pub service: Option<Service>,
    /// The service of the folder that contains the files. It differs from `service` if the two
    /// could not share files.
    pub unit: Option<Service>,
    /// The new version to write to Vault, if any.
    pub change: Option<VersionChange>,
    /// The files, in order, each with the way to restore its old content.
    pub files: Vec<(Arc<FileStep>, ChangeKind)>,
    /// Plaintext backups to remove: for each, the original file and the digest of the backup.
    pub stale: Vec<(PathBuf, String)>,
}

/// A plan to move several services.
pub struct Adoption {
    /// The direction of the move.
    pub direction: Direction,
    /// The parts, in order.
    pub parts: Vec<AdoptionPart>,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    /// The files as the approval page shows them.
    pub previews: Vec<FilePreview>,
    /// Why the move cannot be made, if so.
    pub obstacle: Option<String>,
    /// The audit log's details, if they must not depend on the parts.
    pub audited: Option<String>,
    /// Whether to write even files that already have their new content, so that the result does not
    /// reveal which files these are.
    pub writes_all: bool,
    /// The keys as the approval page shows them: `KEY`, or `SERVICE/KEY` for several services.
    keys: Vec<(String, Change, Option<Value>)>,
    untouched: usize,
    path: String,
    first: String,
    base: u64,
}

/// The outcome for one service.
pub struct AdoptionPartDone {
    /// The service; none for files of the whole project.
    pub service: Option<Service>,
    /// The new version, if one was written.
    pub version: Option<u64>,
    /// Each file that was changed, with the name of its backup.
    pub files: Vec<(PathBuf, Option<String>)>,
}

/// The outcome of all parts.
pub struct AdoptionOutcome {
    /// The outcome of each part, in order. The last one may be incomplete.
    pub done: Vec<AdoptionPartDone>,
    /// The error that stopped the operation, and its service.
    pub stopped: Option<(Option<Service>, Error)>,
}

impl Adoption {
    /// Makes a plan from parts. Questions, warnings and obstacles come from their changes.
    #[must_use]
    pub fn new(core: &Core, direction: Direction, parts: Vec<AdoptionPart>) -> Self {
        let services: Vec<&Service> = parts
            .iter()
            .filter_map(|part| part.service.as_ref())
            .collect();
        let first = services
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        let path = match services.as_slice() {
            [only] => core.settings.display_path(only),
            all => format!("{} services in {}", all.len(), core.services_path()),
        };
        let (mut keys, mut untouched) = (Vec::new(), 0);
        for part in &parts {
            let (Some(service), Some(change)) = (&part.service, &part.change) else {
                continue;
            };
            let question = change.question();
            untouched += question.untouched;
            for (key, change, value) in question.keys {
                let name = if services.len() == 1 {
                    key.to_owned()
                } else {
                    format!("{service}/{key}")
                };
                keys.push((name, change, value.cloned()));
            }
        }
        let changes = || parts.iter().filter_map(|part| part.change.as_ref());
        let warnings = changes()
            .flat_map(|change| change.warnings().to_vec())
            .collect();
        let obstacle = changes().find_map(|change| change.question().obstacle.map(str::to_owned));
        let base = if services.len() == 1 {
            changes().map(VersionChange::base).next().unwrap_or(0)
        } else {
            0
        };
        Self {
            direction,
            parts,
            warnings,
            previews: Vec::new(),
            obstacle,
            audited: None,
            writes_all: false,
            keys,
            untouched,
            path,
            first,
            base,
        }
    }

    /// Whether everything is already as planned.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.parts.iter().all(|part| {
            part.change
                .as_ref()
                .is_none_or(VersionChange::changes_nothing)
                && part.files.iter().all(|(step, _)| step.changes_nothing())
                && part.stale.is_empty()
        })
    }
}

impl Operation for Adoption {
    type Done = AdoptionOutcome;

    fn consent(&self, _: &Core) -> Consent {
        Consent::Needed
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: Asked::Write,
            service: &self.first,
            path: &self.path,
            base: self.base,
            keys: self
                .keys
                .iter()
                .map(|(key, change, value)| (key.as_str(), *change, value.as_ref()))
                .collect(),
            untouched: self.untouched,
            metadata: &[],
            warnings: &self.warnings,
            files: &self.previews,
            obstacle: self.obstacle.as_deref(),
        }
    }

    fn audit_details(&self) -> String {
        if let Some(audited) = &self.audited {
            return audited.clone();
        }
        let verb = match self.direction {
            Direction::In => "adopt",
            Direction::Back => "undo adopt",
        };
        let keys: Vec<&str> = self.keys.iter().map(|(key, ..)| key.as_str()).collect();
        let files = self
            .parts
            .iter()
            .flat_map(|part| &part.files)
            .filter(|(step, _)| !step.changes_nothing());
        let files: Vec<String> = files
            .map(|(step, _)| printable(&step.file.to_string_lossy(), false))
            .collect();
        format!(
            "{verb} {}; keys: {}; files: {}",
            self.path,
            keys.join(", "),
            files.join(", ")
        )
    }

    async fn carry_out(&self, core: &Core, permit: &Permit<'_>) -> Result<AdoptionOutcome> {
        let mut moved = AdoptionOutcome {
            done: Vec::new(),
            stopped: None,
        };
        for part in &self.parts {
            let mut done = AdoptionPartDone {
                service: part.service.clone(),
                version: None,
                files: Vec::new(),
            };
            let outcome = self.carry_out_part(core, permit, part, &mut done).await;
            moved.done.push(done);
            if let Err(error) = outcome {
                moved.stopped = Some((part.service.clone(), error));
                break;
            }
        }
        Ok(moved)
    }

    fn report(&self, moved: &AdoptionOutcome) -> Report {
        match &moved.stopped {
            None => Report {
                outcome: Outcome::Done(0),
                action: Action::Success,
                details: String::new(),
            },
            Some((service, error)) => {
                let about = service
                    .as_ref()
                    .map_or("the project's files", Service::as_str);
                Report {
                    outcome: Outcome::Failed(format!("stopped at {about}: {error}")),
                    action: Action::Failed,
                    details: format!("stopped at {about}: {}", error.code()),
                }
            }
        }
    }
}
