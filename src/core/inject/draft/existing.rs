//! What exists before a file is planned: the file, its template, its record, and the keys that came
//! from Vault.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::core::inject::header::{self, HeaderOrigin};
use crate::core::inject::request::InjectRequest;
use crate::core::inject::target::FileTarget;
use crate::core::inject::text;
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::record::{Record, RecordComparison, Records, compare};
use crate::files::{Content, Root};
use crate::names::printable;

/// The files and the record that exist before the plan.
pub(super) struct ExistingFiles {
    pub(super) before: Option<Content>,
    /// The template on disk, unless the request brings its own.
    pub(super) example: Option<Content>,
    pub(super) record: Option<Record>,
    pub(super) comparison: RecordComparison,
}

/// The existing file's text, if there is a file.
pub(super) type OldText = Result<Option<Zeroizing<String>>>;

impl ExistingFiles {
    pub(super) fn read(core: &Core, request: &InjectRequest, target: &FileTarget) -> Result<Self> {
        let root = Root::open(&core.settings.root)?;
        let before = root.read(&target.file)?;
        let example = if request.template.is_some() {
            None
        } else {
            root.read(&target.example)?
        };
        let record = Records::new(&core.settings.state).find(root.path(), &target.file)?;
        let comparison = compare(record.as_ref(), before.as_ref());
        Ok(Self {
            before,
            example,
            record,
            comparison,
        })
    }

    /// The file's text. A person gets an error at once. For a model, an error goes into the draft,
    /// because rendering it decides what the model may learn.
    pub(super) fn text(&self, core: &Core, target: &FileTarget) -> Result<OldText> {
        let old = text(&target.file, self.before.as_ref())
            .map(|old| old.map(str::to_owned).map(Zeroizing::new));
        Ok(match core.audience {
            Audience::Person => Ok(old?),
            Audience::Model => old,
        })
    }
}

/// The text of an existing file; empty if there is none, or if it cannot be read.
pub(super) fn own_text(old: &OldText) -> &str {
    old.as_ref()
        .ok()
        .and_then(Option::as_ref)
        .map_or("", |old| old.as_str())
}

/// Refuses to replace a file that was written for another service, unless the request names the
/// file.
pub(super) fn refuse_file_of_another(
    target: &FileTarget,
    old: &str,
    origin: &HeaderOrigin,
) -> Result<()> {
    let Some(owner) = header::owner(old).filter(|owner| *owner != target.service.as_str()) else {
        return Ok(());
    };
    if header::keys_listed_for(old, origin).is_some() {
        return Ok(());
    }
    let file = printable(&target.file.to_string_lossy(), false);
    Err(Error::invalid(
        format!(
            "{}: {file} was written for {}",
            target.service,
            printable(owner, false)
        ),
        format!(
            "give each service a file of its own in .claude-vault.toml, or: claude-vault inject \
             {} --file {file}",
            target.service
        ),
    ))
}

/// The keys that came from Vault when the file was last written, according to its header and to
/// this user's record.
pub(super) fn from_vault(
    old: &str,
    origin: &HeaderOrigin,
    record: Option<&Record>,
) -> BTreeSet<String> {
    let mut keys = header::keys_listed_for(old, origin).unwrap_or_default();
    if let Some(record) = record.filter(|record| record.origin.as_deref() == Some(&*origin.mark()))
    {
        keys.extend(record.keys.iter().cloned());
    }
    keys
}
