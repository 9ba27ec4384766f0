//! Carries out one part of a move, and keeps the journal of what is done.

use super::{Adoption, AdoptionPart, AdoptionPartDone, Direction};
use crate::approval::Change;
use crate::core::plan::{Commit, Operation, Permit, VersionChange};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::adopted::{FileStep, remove_backups};
use crate::files::journal::{ChangeKind, FileEntry, Journal, Journals, ServiceEntry};
use crate::files::record::Records;
use crate::files::{Content, Root};

impl Adoption {
    pub(super) async fn carry_out_part(
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

    /// Records in the journal, before anything is changed, what an undo must know about the service
    /// in Vault.
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
        // The keys were recorded by an attempt that wrote no version, so they do not count.
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
