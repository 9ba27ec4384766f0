//! Writes files. The bytes are rendered before the question, so exactly the approved bytes are
//! written.

use std::sync::Arc;

use super::{Consent, Operation, Permit, Report};
use crate::approval::{Asked, FilePreview, Outcome, Question};
use crate::audit::Action;
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::record::{RecordKind, Records};
use crate::files::{FileChange, Root, Written, write};
use crate::names::printable;

/// A plan to write a file for a service.
pub struct FileWrite {
    /// The file and its new content.
    pub change: Arc<FileChange>,
    /// Whether the file may be written for a model without asking a person.
    pub unasked: bool,
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    /// Where values come from, other than the service itself; for the audit log.
    pub sources: Vec<String>,
    /// The file as the approval page shows it. Required if a person is asked.
    pub preview: Vec<FilePreview>,
    /// Why the file cannot be written, if so.
    pub obstacle: Option<String>,
    /// The action that the audit log records.
    pub action: Action,
    path: String,
}

impl FileWrite {
    /// Makes a plan without warnings or a preview. A model must ask a person for it.
    #[must_use]
    pub fn new(action: Action, change: FileChange) -> Self {
        Self {
            path: printable(&change.file.to_string_lossy(), false),
            change: Arc::new(change),
            unasked: false,
            warnings: Vec::new(),
            sources: Vec::new(),
            preview: Vec::new(),
            obstacle: None,
            action,
        }
    }
}

impl Operation for FileWrite {
    type Done = Written;

    fn consent(&self, core: &Core) -> Consent {
        match core.audience {
            Audience::Person => Consent::NotNeeded,
            Audience::Model if self.unasked => Consent::NotNeeded,
            Audience::Model => Consent::Needed,
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            asked: Asked::Inject,
            service: self.change.service.as_deref().unwrap_or_default(),
            path: &self.path,
            base: 0,
            keys: Vec::new(),
            untouched: 0,
            metadata: &[],
            warnings: &self.warnings,
            files: &self.preview,
            obstacle: self.obstacle.as_deref(),
        }
    }

    fn audit_details(&self) -> String {
        // The keys of an example are found in a text with values, so the log leaves out their
        // number.
        let mut details = match self.change.kind {
            RecordKind::Secrets => format!("{} with {} keys", self.path, self.change.keys.len()),
            RecordKind::Example => self.path.clone(),
        };
        if !self.sources.is_empty() {
            details = format!("{details}; from: {}", self.sources.join(", "));
        }
        details
    }

    /// Runs on a blocking thread, so that waiting for the disk does not hold up other work.
    async fn carry_out(&self, core: &Core, _: &Permit<'_>) -> Result<Written> {
        let change = self.change.clone();
        let (root, state) = (core.settings.root.clone(), core.settings.state.clone());
        let work = move || write(&Root::open(&root)?, &Records::new(&state), &change);
        let stopped = |_| Error::io("write", &self.change.file)(std::io::ErrorKind::Other.into());
        tokio::task::spawn_blocking(work).await.map_err(stopped)?
    }

    fn report(&self, done: &Written) -> Report {
        let details = match done {
            Written::Unchanged => "unchanged",
            Written::Created => "created",
            Written::Replaced { .. } => "updated",
        };
        // If a model could have chosen the content, the log must not show whether the file already
        // had it.
        let details = if self.change.skip_if_same {
            details
        } else {
            ""
        };
        Report {
            outcome: Outcome::Done(0),
            action: self.action,
            details: details.to_owned(),
        }
    }
}
