//! `--undo` restores the original files and removes from Vault what adoption added. `--done`
//! deletes the backups.
//!
//! `--undo` checks everything first. It refuses to run if any file, or any version in Vault, has
//! changed since the adoption.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::empty_part;
use super::report::{AdoptReply, FileReply, KeyReply, ServiceReply};
use super::request::AdoptRequest;
use crate::core::Core;
use crate::core::plan::{Adoption, Current, Direction, Notes, VersionChange};
use crate::error::{Error, Result};
use crate::files::adopted::{FileStep, backups};
use crate::files::journal::{ChangeKind, FileEntry, Journal, Journals, ServiceEntry};
use crate::files::{Access, Content, Root};
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

/// The journal, and its entries for the requested services. The project's own entry comes last.
fn chosen(core: &Core, request: &AdoptRequest) -> Result<(Journal, Vec<(String, ServiceEntry)>)> {
    let mut journal = Journals::new(&core.settings.state).load(&core.settings.root)?;
    let mut entries: Vec<(String, ServiceEntry)> =
        std::mem::take(&mut journal.services).into_iter().collect();
    if let Some(service) = &request.service {
        let is_of = |(name, entry): &(String, ServiceEntry)| {
            name == service.as_str() || entry.unit == service.as_str()
        };
        let others = entries
            .iter()
            .any(|entry| !entry.0.is_empty() && !is_of(entry));
        // The project's own lines stay as long as another adopted service needs them.
        entries.retain(|entry| is_of(entry) || entry.0.is_empty() && !others);
    }
    if entries.iter().all(|(name, _)| name.is_empty()) {
        let what = request
            .service
            .as_ref()
            .map_or("an adopted service".to_owned(), |service| {
                format!("an adopted service named {service}")
            });
        return Err(Error::NotFound {
            missing: None,
            what: format!("{what} below this root"),
            hint: "claude-vault adopt --all --dry-run   (shows what can be adopted)".into(),
        });
    }
    entries.sort_by_key(|(name, _)| name.is_empty());
    Ok((journal, entries))
}

/// The plan to undo.
pub(super) async fn plan(
    core: &Core,
    request: &AdoptRequest,
    vault: Arc<Client>,
) -> Result<(Adoption, AdoptReply)> {
    let (journal, entries) = chosen(core, request)?;
    let root = Root::open(&core.settings.root)?;
    let mut reply = AdoptReply::to(request);
    let mut parts = Vec::new();
    for (name, entry) in entries {
        let mut part = empty_part(name.parse().ok());
        let mut files = Vec::new();
        for (file, was) in entry.files.iter().rev() {
            if let Some((step, reply)) = restored(&root, &journal, Path::new(file), was)? {
                part.files.push((Arc::new(step), was.way));
                files.push(reply);
            }
        }
        match part.service.clone() {
            Some(service) => {
                let (change, keys) = taken_back(core, &service, &entry, &vault).await?;
                reply.services.push(ServiceReply {
                    service,
                    path: entry.path,
                    version: entry.written.unwrap_or(entry.base),
                    keys,
                    files,
                    stays: Vec::new(),
                    harmless: Vec::new(),
                });
                part.change = change;
            }
            None => reply.project_files.extend(files),
        }
        parts.push(part);
    }
    Ok((Adoption::new(core, Direction::Back, parts), reply))
}

fn changed_since(what: &str) -> Error {
    Error::Conflict {
        service: printable(what, false),
    }
}

/// The step that restores the old content of a file; `None` if the file already has it.
fn restored(
    root: &Root,
    journal: &Journal,
    file: &Path,
    was: &FileEntry,
) -> Result<Option<(FileStep, FileReply)>> {
    let now = root.read(file)?;
    let digest = now.as_ref().map(|now| journal.digest(&now.bytes));
    if digest == was.before {
        return Ok(None);
    }
    let name = file.to_string_lossy();
    if digest.as_ref() != Some(&was.after) {
        return Err(changed_since(&name));
    }
    let content = old_content(root, journal, file, was, now.as_ref())?;
    let step = FileStep {
        file: file.to_owned(),
        content,
        before: now,
        access: Access {
            mode: was.mode,
            group: was.group,
        },
        record: None,
        keeps_backup: false,
        drops_backups: was.way == ChangeKind::Replaced,
    };
    let reply = FileReply::of(
        file,
        "restored",
        if was.way == ChangeKind::Created {
            "removed"
        } else {
            "restored"
        },
    );
    Ok(Some((step, reply)))
}

fn old_content(
    root: &Root,
    journal: &Journal,
    file: &Path,
    was: &FileEntry,
    now: Option<&Content>,
) -> Result<Option<Zeroizing<String>>> {
    let fits = |bytes: &[u8]| Some(journal.digest(bytes)) == was.before;
    let bytes: Vec<u8> = match was.way {
        ChangeKind::Created => return Ok(None),
        ChangeKind::Appended(length) => now
            .and_then(|now| now.bytes.get(..length))
            .unwrap_or_default()
            .to_vec(),
        ChangeKind::Replaced => {
            let kept = backups(root, file, fits).into_iter().next();
            kept.map(|(_, content)| content.bytes.to_vec())
                .unwrap_or_default()
        }
    };
    if !fits(&bytes) {
        let name = printable(&file.to_string_lossy(), false);
        return Err(Error::NotFound {
            missing: None,
            what: format!("the backup of {name}"),
            hint: "its old content is gone, so its adoption can no longer be undone".into(),
        });
    }
    String::from_utf8(bytes)
        .map(|text| Some(Zeroizing::new(text)))
        .map_err(|_| changed_since(&file.to_string_lossy()))
}

/// The change to Vault that removes the keys that adoption added, and restores the values that it
/// replaced.
async fn taken_back(
    core: &Core,
    service: &Service,
    entry: &ServiceEntry,
    vault: &Arc<Client>,
) -> Result<(Option<VersionChange>, Vec<KeyReply>)> {
    check_place(core, service, entry)?;
    let Some(written) = entry.written else {
        return Ok((None, Vec::new()));
    };
    let current = Current::read(vault.clone(), service).await?;
    if current.version() != written || entry.is_mixed {
        return Err(changed_since(service.as_str()));
    }
    let mut result = current.secrets().clone();
    result.retain(|key, _| !entry.added.contains(key));
    if !entry.changed.is_empty() {
        let Stored::Present { secrets: old, .. } =
            vault.read_service(service, Some(entry.base)).await?
        else {
            return Err(changed_since(service.as_str()));
        };
        let back = entry
            .changed
            .iter()
            .filter_map(|key| Some((key.clone(), old.get(key)?.clone())));
        result.extend(back);
    }
    let change = VersionChange::with_content(core, service, current, result, Notes::default());
    Ok((
        Some(change).filter(|change| !change.changes_nothing()),
        removed_keys(entry),
    ))
}

/// Checks that the settings still name the address and path that the service was adopted into.
fn check_place(core: &Core, service: &Service, entry: &ServiceEntry) -> Result<()> {
    let address = core
        .settings
        .address
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    if entry.address != address || entry.path != core.settings.display_path(service) {
        return Err(Error::invalid(
            format!(
                "{service} was adopted into {} at {}",
                entry.path, entry.address
            ),
            "set that address and path, then undo it there",
        ));
    }
    Ok(())
}

/// The reply for the keys that are removed or get their old values back.
fn removed_keys(entry: &ServiceEntry) -> Vec<KeyReply> {
    let reply = |key: &String, change| KeyReply {
        key: printable(key, false),
        file: PathBuf::new(),
        line: 0,
        why: String::new(),
        change,
        expanded_from: Vec::new(),
    };
    let added = entry.added.iter().map(|key| reply(key, "removed"));
    let changed = entry.changed.iter().map(|key| reply(key, "changed"));
    added.chain(changed).collect()
}

/// The plan to delete the backups.
pub(super) fn done(core: &Core, request: &AdoptRequest) -> Result<(Adoption, AdoptReply)> {
    let (journal, entries) = chosen(core, request)?;
    let root = Root::open(&core.settings.root)?;
    let mut reply = AdoptReply::to(request);
    let mut parts = Vec::new();
    for (name, entry) in entries {
        let mut part = empty_part(name.parse().ok());
        for (file, was) in entry.files {
            let Some(digest) = was.before else { continue };
            let file = PathBuf::from(file);
            for (backup, _) in backups(&root, &file, |bytes| journal.digest(bytes) == digest) {
                reply.project_files.push(FileReply::of(
                    &file.with_file_name(backup),
                    "backup",
                    "removed",
                ));
            }
            part.stale.push((file, digest));
        }
        parts.push(part);
    }
    Ok((Adoption::new(core, Direction::Back, parts), reply))
}
