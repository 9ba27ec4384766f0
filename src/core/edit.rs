//! `edit`: opens a service as YAML in the person's editor and turns the changes into a plan.
//!
//! The changes are the difference between the text shown and the text saved. They are applied to
//! the newest version, so keys that someone else changed in the meantime keep their values.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::Core;
use super::change::{ChangeReply, change};
use super::plan::{Current, Notes, VersionChange};
use super::set::value_of;
use crate::approval::{Approver, Question};
use crate::audit::Action;
use crate::error::Result;
use crate::format::json::{Typed, canonical};
use crate::format::source::Unreadable;
use crate::format::yaml::editor_text;
use crate::names::{Key, MAX_VALUE_BYTES, Service, printable};
use crate::secret::{Value, WayOut};
use crate::vault::Secrets;

/// The editor text for a new service.
const TEMPLATE: &str = "\
# This service has no keys yet. Example entries:
#
# API_KEY: \"a text\"
# PORT: 8096
# CERTIFICATE: |
#   several
#   lines

";

/// The arguments of `edit`.
#[derive(clap::Args)]
pub struct EditRequest {
    /// The service; it is created if it does not exist
    pub service: Service,
    /// Show what would change and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// A service as it is shown in the editor.
pub struct EditDraft {
    service: Service,
    /// The content of the service when it was shown.
    base: Secrets,
    /// The values in the text, in the form in which they are read back if left unchanged.
    shown: BTreeMap<String, Typed>,
    text: Zeroizing<String>,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The changes that the person made in the editor.
#[derive(Default)]
pub struct Edits {
    set: BTreeMap<String, Value>,
    removed: BTreeSet<String>,
    remarks: Vec<String>,
}

impl EditDraft {
    /// Reads the service and formats it for the editor. A service that has no keys, does not exist,
    /// or whose newest version is deleted starts with a template.
    ///
    /// # Errors
    /// Errors from reading the service.
    pub async fn open(core: &Core, service: &Service) -> Result<Self> {
        let (current, unlogged) = core
            .audited(
                Action::Get,
                Some(service),
                read(core, service).await,
                |_| "all keys, to edit".to_owned(),
            )
            .await?;
        let mut draft = Self::of(&core.settings.display_path(service), service, &current);
        draft.warnings.extend(unlogged);
        Ok(draft)
    }

    fn of(path: &str, service: &Service, current: &Current) -> Self {
        let base = current.secrets().clone();
        let (mut shown, mut entries, mut hidden) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, value) in &base {
            let typed = typed(value);
            match editor_text::entry(name, &typed) {
                Some(entry) => {
                    entries.push(entry);
                    shown.insert(name.clone(), read_back(typed));
                }
                None => hidden.push(printable(name, false)),
            }
        }
        let size: usize = entries.iter().map(|entry| entry.len()).sum();
        let mut text = Zeroizing::new(String::with_capacity(size + 4096));
        let version = if current.version() == 0 {
            String::new()
        } else {
            format!(" (version {})", current.version())
        };
        text.push_str(&format!(
            "# {path}{version}. Save and quit to see what would change. Nothing is written before you confirm.\n\
             # Without quotes, 42 is a number and true a boolean. Removing an entry deletes its key.\n"
        ));
        if !hidden.is_empty() {
            text.push_str(&format!(
                "# YAML cannot represent these keys exactly, so they are not shown and do not change: {}\n",
                hidden.join(", ")
            ));
        }
        text.push('\n');
        if base.is_empty() {
            text.push_str(TEMPLATE);
        }
        entries.iter().for_each(|entry| text.push_str(entry));
        Self {
            service: service.clone(),
            base,
            shown,
            text,
            warnings: Vec::new(),
        }
    }

    /// The text for the editor, including the values.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The changes in the saved `text`.
    ///
    /// # Errors
    /// The first line that cannot be accepted, with the reason, which never contains a value.
    pub fn edits(&self, text: &str) -> std::result::Result<Edits, Unreadable> {
        let mut edits = Edits::default();
        let mut names = BTreeSet::new();
        for entry in editor_text::read(text)? {
            let refuse = |reason: String| Unreadable {
                line: entry.line,
                reason,
            };
            let typed = entry.value.map_err(&refuse)?;
            let name = entry.name;
            names.insert(name.clone());
            if self.shown.get(&name) == Some(&typed) {
                continue;
            }
            let label = printable(&name, false);
            match (
                self.base.contains_key(&name),
                self.shown.contains_key(&name),
            ) {
                (true, false) => {
                    return Err(refuse(format!(
                        "{label} cannot be edited here: YAML cannot represent it exactly"
                    )));
                }
                (false, _) if !Key::is_valid(&name) => {
                    return Err(refuse(format!(
                        "{label}: a key's name is 1 to 128 of the characters A-Z a-z 0-9 _ . -"
                    )));
                }
                (true | false, _) => {}
            }
            let value = value_of(typed);
            if value.secret().expose(WayOut::Inspection).len() > MAX_VALUE_BYTES {
                return Err(refuse(format!(
                    "the value of {label} is longer than 64 KiB"
                )));
            }
            edits
                .remarks
                .extend(entry.remark.map(|remark| format!("{label} {remark}")));
            edits.set.insert(name, value);
        }
        edits.removed = self
            .shown
            .keys()
            .filter(|name| !names.contains(*name))
            .cloned()
            .collect();
        Ok(edits)
    }

    /// Warnings about concurrent changes to the service that these edits override.
    fn overlaps(&self, edits: &Edits, now: &Secrets) -> Vec<String> {
        if now.is_empty() && !self.base.is_empty() {
            return vec![
                "the service was deleted meanwhile: only your changes are written".to_owned(),
            ];
        }
        let differs = |name: &&String| self.base.get(*name) != now.get(*name);
        let set = edits
            .set
            .keys()
            .filter(differs)
            .map(|name| (name, "your value replaces that"));
        let removed = edits
            .removed
            .iter()
            .filter(differs)
            .map(|name| (name, "it is removed anyway"));
        set.chain(removed)
            .map(|(name, what)| format!("{} was changed meanwhile: {what}", printable(name, false)))
            .collect()
    }
}

impl Edits {
    /// Whether the person changed nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// Plans the edits, asks for approval and writes them. `show` is called with the plan of a dry run.
///
/// # Errors
/// The errors of `core::change`.
pub async fn write(
    core: &Core,
    draft: &EditDraft,
    edits: &Edits,
    dry_run: bool,
    approver: &impl Approver,
    show: impl Fn(&Question<'_>) -> Result<()>,
) -> Result<ChangeReply> {
    let service = &draft.service;
    let work_out = async |current: Current| {
        let mut result = current.secrets().clone();
        result.extend(
            edits
                .set
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        result.retain(|name, _| !edits.removed.contains(name));
        let mut warnings = draft.overlaps(edits, current.secrets());
        warnings.extend(edits.remarks.iter().cloned());
        let notes = Notes {
            warnings,
            ..Notes::default()
        };
        Ok(VersionChange::with_content(
            core, service, current, result, notes,
        ))
    };
    change(core, service, dry_run, approver, show, work_out).await
}

async fn read(core: &Core, service: &Service) -> Result<Current> {
    Current::read(core.active_vault()?, service).await
}

fn typed(value: &Value) -> Typed {
    let text = Zeroizing::new(value.secret().expose(WayOut::EditedText).to_owned());
    match value {
        Value::Text(_) => Typed::Text(text),
        Value::Json(_) => Typed::Json(text),
    }
}

/// A shown value in the form in which it is read back: a number in Vault's own spelling.
fn read_back(value: Typed) -> Typed {
    match value {
        Typed::Text(text) => Typed::Text(text),
        Typed::Json(text) => canonical(&text).unwrap_or(Typed::Json(text)),
    }
}
