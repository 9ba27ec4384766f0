//! Adoption requested by a model. The person sees the plan. The model learns only the files and the
//! names of their entries, which a scan shows it too.
//!
//! Only the name of an entry decides whether it goes to Vault, because the model can list the keys
//! in Vault afterwards. For the same reason, compose files are not changed: the new keys would
//! reveal whether a compose file contained a secret in plain text. Any other condition that depends
//! on a value makes the plan impossible to approve, and only the person sees the reason.

use std::path::{Path, PathBuf};

use super::draft::{FileDraft, ServiceDraft};
use super::intake::{IntakeEntry, IntakeFormat};
use super::{empty_part, judge, plan, survey};
use crate::approval::Approver;
use crate::core::Core;
use crate::core::entries::{FileEntry, FileKind, Refused, VisibleFile, inspect, own_reader};
use crate::core::plan::{Adoption, Current, Direction, Plan};
use crate::error::Error;
use crate::files::Root;
use crate::format::dotenv::{self, Dialect};
use crate::format::places::Role;
use crate::names::{ForeignName, Key, Service, is_variable, printable};
use crate::secret::{Secret, Value, WayOut};

/// The information that the model gets about an adopted file.
pub struct FileForModel {
    /// The file, below the root.
    pub file: PathBuf,
    /// The names of its entries, in file order.
    pub entries: Vec<ForeignName>,
}

/// Why nothing, or not everything, was adopted. The reason never depends on a value.
pub enum NotAdopted {
    /// A file may not be shown to a model.
    Refused(Refused),
    /// No file in the service's folder has an entry to adopt. Files that this program wrote do not
    /// count.
    Nothing,
    /// Any other error, including a refused approval.
    Failed(Error),
}

impl From<Error> for NotAdopted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Stands in for the real value when only the name may decide. Its form matches no secret format.
const UNSEEN: &str = "Kq7Zt2Wm9Lx4Rb6Vn3Hc8Jp5";

/// Moves the `.env` files and the `secrets.yaml` of a service into Vault once the person approves.
/// If two files share an entry name, only the first is adopted.
///
/// # Errors
/// [`NotAdopted`].
pub async fn adopt_for_model(
    core: &Core,
    service: &Service,
    approver: &impl Approver,
) -> std::result::Result<Vec<FileForModel>, NotAdopted> {
    let vault = core.active_vault()?;
    let current = Current::read(vault, service).await?;
    let (draft, shown, obstacle) = found(core, service)?;
    let audited = audited(core, &draft);
    let mut adoption = match obstacle.map_or_else(
        || plan::of_draft(core, draft, current),
        |reason| Err(Error::invalid(reason, "")),
    ) {
        Ok(adoption) => adoption,
        Err(error) => view_only(core, service, &error),
    };
    adoption.writes_all = true;
    adoption.audited = Some(audited);
    let done = Plan::new(adoption)
        .approve(core, approver)
        .await?
        .commit(core, approver)
        .await?
        .done;
    match done.stopped {
        Some((_, error)) => Err(error.into()),
        None => Ok(shown),
    }
}

/// A plan that the person can view but not approve.
fn view_only(core: &Core, service: &Service, error: &Error) -> Adoption {
    let part = empty_part(Some(service.clone()));
    let mut adoption = Adoption::new(core, Direction::In, vec![part]);
    adoption.obstacle = Some(error.to_string());
    adoption
}

type Found = (ServiceDraft, Vec<FileForModel>, Option<String>);

/// The adoptable files in the service's folder. Files that this program wrote are skipped.
fn found(core: &Core, service: &Service) -> std::result::Result<Found, NotAdopted> {
    let root = Root::open(&core.settings.root)?;
    let mut draft = ServiceDraft {
        service: service.clone(),
        is_mapped: false,
        files: Vec::new(),
        stays: Vec::new(),
    };
    let (mut shown, mut obstacle) = (Vec::new(), None);
    for (file, kind) in usual_files(&root, Path::new(service.as_str())) {
        let entries: Vec<FileEntry> = match inspect(core, &file, kind) {
            Ok((_, VisibleFile::Sections(sections))) => sections
                .into_iter()
                .flat_map(|section| section.entries)
                .collect(),
            Ok((_, VisibleFile::Ours { .. })) | Err(Refused::Missing) => continue,
            Err(refused) => return Err(NotAdopted::Refused(refused)),
        };
        let taken = of_file(core, &root, &file, kind, &entries);
        // The model must not learn whether two files agree on a value, so a file that shares a name
        // with an earlier one is skipped.
        if shares_a_name(&draft, &taken.0) {
            continue;
        }
        obstacle = obstacle.or(taken.1);
        draft.files.push(taken.0);
        shown.push(FileForModel {
            file,
            entries: entries.into_iter().map(|entry| entry.name).collect(),
        });
    }
    if draft.files.iter().all(|file| file.secrets.is_empty()) && obstacle.is_none() {
        return Err(NotAdopted::Nothing);
    }
    Ok((draft, shown, obstacle))
}

/// The env and YAML files in the usual places, chosen by name alone. Templates are excluded.
fn usual_files(root: &Root, folder: &Path) -> Vec<(PathBuf, FileKind)> {
    let mut found = Vec::new();
    for (folder, kinds) in [
        (folder.to_owned(), &[FileKind::Env, FileKind::Yaml][..]),
        (folder.join("config"), &[FileKind::Yaml]),
    ] {
        let files = root
            .names(&folder)
            .into_iter()
            .map(|name| folder.join(name));
        let of_kind = files
            .filter(|file| !survey::is_template(file))
            .filter_map(|file| Some((FileKind::of(&file)?, file)));
        found.extend(
            of_kind
                .filter(|(kind, _)| kinds.contains(kind))
                .map(|(kind, file)| (file, kind)),
        );
    }
    found
}

/// The entries that look like secrets by name, with their values. The second part of the result is
/// the reason why an entry cannot be adopted, if there is one.
fn of_file(
    core: &Core,
    root: &Root,
    file: &Path,
    kind: FileKind,
    entries: &[FileEntry],
) -> (FileDraft, Option<String>) {
    let content = root.read(file).ok().flatten();
    let text = content
        .as_ref()
        .and_then(|content| std::str::from_utf8(&content.bytes).ok())
        .unwrap_or_default();
    let (format, reader) = match kind {
        FileKind::Yaml | FileKind::Compose => (IntakeFormat::Yaml, Dialect::Portable),
        FileKind::Env => (IntakeFormat::Env, own_reader(core, file)),
    };
    let values = values(format, reader, text);
    let mut draft = FileDraft {
        file: file.to_owned(),
        format,
        reader,
        secrets: Vec::new(),
        harmless: Vec::new(),
    };
    let mut obstacle = None;
    for entry in entries {
        let Some((name, key)) = key_of(entry, format) else {
            continue;
        };
        if draft.secrets.iter().any(|known| known.key == key) {
            continue;
        }
        let value = value_of(&name, &values, file);
        let (value, line) = match value {
            Ok(taken) => taken,
            Err(reason) => {
                obstacle.get_or_insert(reason);
                (Value::Text(Secret::from(String::new())), 0)
            }
        };
        if value.secret().expose(WayOut::Inspection).len() > crate::names::MAX_VALUE_BYTES {
            obstacle.get_or_insert(format!("the value of {name} is longer than 64 KiB"));
        }
        let why = "by its name".to_owned();
        draft.secrets.push(IntakeEntry {
            key,
            value,
            file: file.to_owned(),
            line,
            why,
            expanded_from: Vec::new(),
        });
    }
    (draft, obstacle)
}

/// The value of a name and its line, or the reason why the name has no single value.
fn value_of(
    name: &str,
    values: &[(String, Option<Value>, usize)],
    file: &Path,
) -> std::result::Result<(Value, usize), String> {
    let of_name: Vec<_> = values.iter().filter(|(other, ..)| other == name).collect();
    match of_name.as_slice() {
        [(_, Some(value), line)] => Ok((value.clone(), *line)),
        [] | [(_, None, _)] => Err(format!(
            "the value of {name} in {} cannot be read",
            file.display()
        )),
        _ => Err(format!(
            "{name} appears more than once in {}",
            file.display()
        )),
    }
}

/// The name and key of an entry that goes to Vault; `None` if its name does not suggest a secret.
fn key_of(entry: &FileEntry, format: IntakeFormat) -> Option<(String, Key)> {
    let name = entry.name.public()?.as_str().to_owned();
    let key = name.parse::<Key>().ok()?;
    let fits = format == IntakeFormat::Yaml || is_variable(&name);
    (fits && judge::secret(&name, UNSEEN, Role::Value).is_some()).then_some((name, key))
}

/// Each name with the value that the reader sees, if it can be read, and the line.
fn values(
    format: IntakeFormat,
    reader: Dialect,
    text: &str,
) -> Vec<(String, Option<Value>, usize)> {
    match format {
        IntakeFormat::Env => {
            let reading = dotenv::reading(reader, text, &|_| None);
            let value =
                |text: &zeroize::Zeroizing<String>| Value::Text(Secret::from(text.to_string()));
            reading
                .lines
                .iter()
                .map(|line| (line.name.clone(), line.value.as_ref().map(value), line.line))
                .collect()
        }
        IntakeFormat::Yaml => {
            let intake = super::intake::of_yaml(Path::new(""), text, true);
            intake
                .secrets
                .into_iter()
                .map(|entry| (entry.key.to_string(), Some(entry.value), entry.line))
                .collect()
        }
    }
}

fn shares_a_name(draft: &ServiceDraft, file: &FileDraft) -> bool {
    let known = |entry: &IntakeEntry| {
        draft
            .files
            .iter()
            .flat_map(|file| &file.secrets)
            .any(|other| other.key == entry.key)
    };
    file.secrets.iter().any(known)
}

/// The details for the audit log. They must not depend on the values.
fn audited(core: &Core, draft: &ServiceDraft) -> String {
    let keys = draft
        .files
        .iter()
        .flat_map(|file| &file.secrets)
        .map(|entry| entry.key.as_str());
    let files = draft
        .files
        .iter()
        .map(|file| printable(&file.file.to_string_lossy(), false));
    format!(
        "adopt {}; keys: {}; files: {}",
        core.settings.display_path(&draft.service),
        keys.collect::<Vec<_>>().join(", "),
        files.collect::<Vec<_>>().join(", ")
    )
}
