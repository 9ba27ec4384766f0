//! Moves secrets from files into Vault and back: several services and their files, with one
//! approval.
//!
//! A part is one service: its new version in Vault and its files. When moving in, Vault is written
//! first, so that no value leaves a file before Vault has it. When moving back, the files are
//! written first. The first failure stops the operation. The journal keeps what is done, so that
//! the same command continues.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Commit, Consent, Operation, Permit, Report, VersionChange};
use crate::approval::{Asked, Change, FilePreview, Outcome, Question};
use crate::audit::Action;
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::adopted::{FileStep, remove_backups};
use crate::files::journal::{ChangeKind, FileEntry, Journal, Journals, ServiceEntry};
use crate::files::record::Records;
use crate::files::{Content, Root};
use crate::names::{Service, printable};
use crate::secret::Value;

/// The direction of a move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From files into Vault.
    In,
    /// Back into the files.
    Back,
}

/// One service with its files, or files of the whole project.
pub struct AdoptionPart {
    /// The service; none for files of the whole project.
    pub service: Option<Service>,
    /// The service of the folder where its files were found.
    pub unit: Option<Service>,
    /// The new version to write to Vault, if any.
    pub change: Option<VersionChange>,
    /// The files, in order, each with the way to restore its old content.
    pub files: Vec<(Arc<FileStep>, ChangeKind)>,
    /// Plaintext backups to remove: the original file, and the digest of a backup's content.
    pub stale: Vec<(PathBuf, String)>,
}

/// A plan to move several services.
pub struct Adoption {
    /// Which way.
    pub direction: Direction,
    /// The parts, in order.
    pub parts: Vec<AdoptionPart>,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    /// The files as the approval page shows them.
    pub previews: Vec<FilePreview>,
    /// Why it cannot be done, if so.
    pub obstacle: Option<String>,
    /// The audit log's details, if they must not depend on the parts.
    pub audited: Option<String>,
    /// Whether to write files that already have their new content too, so that nobody learns which
    /// ones these are.
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
pub struct MovedFile {
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

    async fn carry_out_part(
        &self,
        core: &Core,
        permit: &Permit<'_>,
        part: &AdoptionPart,
        done: &mut AdoptionPartDone,
    ) -> Result<()> {
        match self.direction {
            Direction::In => {
                self.note_beginning(core, part)?;
                self.write_version(core, permit, part, done).await?;
                self.write_files(core, part, done).await
            }
            Direction::Back => {
                self.write_files(core, part, done).await?;
                self.write_version(core, permit, part, done).await?;
                forget(core, part)
            }
        }
    }

    async fn write_version(
        &self,
        core: &Core,
        permit: &Permit<'_>,
        part: &AdoptionPart,
        done: &mut AdoptionPartDone,
    ) -> Result<()> {
        let (Some(service), Some(change)) = (&part.service, &part.change) else {
            return Ok(());
        };
        let version = match change.carry_out(core, permit).await? {
            Commit::Written(version) => version,
            // For a model, the outcome must not depend on what Vault holds: it would reveal whether
            // two values are equal.
            Commit::Conflict if core.audience == Audience::Model => {
                return Err(Error::Conflict {
                    service: service.to_string(),
                });
            }
            Commit::Conflict => {
                change
                    .version_with_result()
                    .await?
                    .ok_or_else(|| Error::Conflict {
                        service: service.to_string(),
                    })?
            }
        };
        done.version = Some(version);
        if self.direction == Direction::In {
            edit(core, |journal| {
                journal
                    .services
                    .entry(service.to_string())
                    .or_default()
                    .written = Some(version);
            })?;
        }
        Ok(())
    }

    /// Writes the files on a blocking thread, so that waiting for the disk does not hold up other
    /// work.
    async fn write_files(
        &self,
        core: &Core,
        part: &AdoptionPart,
        done: &mut AdoptionPartDone,
    ) -> Result<()> {
        let name = part
            .service
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        for (step, way) in part
            .files
            .iter()
            .filter(|(step, _)| self.writes_all || !step.changes_nothing())
        {
            if self.direction == Direction::In {
                edit(core, |journal| {
                    let entry = entry_of(journal, step, *way);
                    journal.note_file(&name, &step.file.to_string_lossy(), entry);
                })?;
            }
            let (root, state, work) = (
                core.settings.root.clone(),
                core.settings.state.clone(),
                step.clone(),
            );
            let taken = tokio::task::spawn_blocking(move || {
                work.write_step(&Root::open(&root)?, &Records::new(&state))
            })
            .await;
            let stopped = |_| Error::io("write", &step.file)(std::io::ErrorKind::Other.into());
            done.files
                .push((step.file.clone(), taken.map_err(stopped)??));
        }
        remove_stale(core, part)
    }

    /// Records a service in the journal before anything is changed: what an undo needs to know
    /// about Vault.
    fn note_beginning(&self, core: &Core, part: &AdoptionPart) -> Result<()> {
        let Some(service) = &part.service else {
            return Ok(());
        };
        if part.change.is_none() && part.files.iter().all(|(step, _)| step.changes_nothing()) {
            return Ok(());
        }
        edit(core, |journal| {
            let entry = journal.services.entry(service.to_string()).or_default();
            entry.address = core
                .settings
                .address
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            entry.path = core.settings.display_path(service);
            entry.unit = part
                .unit
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            if let Some(change) = &part.change {
                note_change(entry, change);
            }
        })
    }
}

fn note_change(entry: &mut ServiceEntry, change: &VersionChange) {
    entry.is_mixed |= entry
        .written
        .is_some_and(|written| written != change.base());
    if entry.written.is_none() {
        entry.base = change.base();
        // An earlier attempt recorded keys but wrote no version, so they do not count.
        (entry.added, entry.changed) = (Vec::new(), Vec::new());
    }
    let new = |names: Vec<String>, known: &[String]| -> Vec<String> {
        names
            .into_iter()
            .filter(|name| !known.contains(name))
            .collect()
    };
    let added = new(change.keys(Change::Added), &entry.added);
    let changed = new(
        change.keys(Change::Changed),
        &[entry.added.clone(), entry.changed.clone()].concat(),
    );
    entry.added.extend(added);
    entry.changed.extend(changed);
}

fn entry_of(journal: &Journal, step: &FileStep, way: ChangeKind) -> FileEntry {
    let access = step.before.as_ref().map_or(step.access, Content::access);
    FileEntry {
        way,
        mode: access.mode,
        group: access.group,
        before: step
            .before
            .as_ref()
            .map(|before| journal.digest(&before.bytes)),
        after: journal.digest(
            step.content
                .as_ref()
                .map_or(b"", |content| content.as_bytes()),
        ),
    }
}

fn edit(core: &Core, change: impl FnOnce(&mut Journal)) -> Result<()> {
    Journals::new(&core.settings.state).edit(&core.settings.root, change)
}

/// Removes a service from the journal once its secrets are back in its files.
fn forget(core: &Core, part: &AdoptionPart) -> Result<()> {
    let name = part
        .service
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    edit(core, |journal| drop(journal.services.remove(&name)))
}

fn remove_stale(core: &Core, part: &AdoptionPart) -> Result<()> {
    if part.stale.is_empty() {
        return Ok(());
    }
    let root = Root::open(&core.settings.root)?;
    let journal = Journals::new(&core.settings.state).load(&core.settings.root)?;
    for (file, digest) in &part.stale {
        remove_backups(&root, file, |bytes| journal.digest(bytes) == *digest);
    }
    Ok(())
}

impl Operation for Adoption {
    type Done = MovedFile;

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

    async fn carry_out(&self, core: &Core, permit: &Permit<'_>) -> Result<MovedFile> {
        let mut moved = MovedFile {
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

    fn report(&self, moved: &MovedFile) -> Report {
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
