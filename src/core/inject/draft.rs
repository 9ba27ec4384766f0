//! Plans a file: renders all of its bytes before anybody is asked.

mod existing;
mod rendering;

use std::borrow::Cow;
use std::collections::BTreeSet;

use zeroize::Zeroizing;

use self::existing::{ExistingFiles, OldText, from_vault, own_text, refuse_file_of_another};
use self::rendering::{Draft, RenderedDraft};
use super::changes::Changes;
use super::header::{self, HeaderOrigin};
use super::render::{self, RenderedFile};
use super::request::{InjectRequest, Template};
use super::share::Shares;
use super::target::{FilePlace, FileTarget, ReaderSource};
use super::{FileOutcome, FileReply, text};
use crate::approval::FilePreview;
use crate::audit::Action;
use crate::config::AskBefore;
use crate::core::plan::FileWrite;
use crate::core::{Audience, Core};
use crate::error::Result;
use crate::files::record::{RecordComparison, RecordKind};
use crate::files::{Access, FileChange};
use crate::names::printable;
use crate::vault::Secrets;

/// Plans the new content of one file. `stored` are the values to inject: those of the service in
/// Vault, or those of a model's template.
pub(super) async fn plan(
    core: &Core,
    request: &InjectRequest,
    target: &FileTarget,
    stored: &Secrets,
    shares: &Shares,
) -> Result<(FileReply, FileWrite)> {
    let existing = ExistingFiles::read(core, request, target)?;
    let secrets = shares.of(target, stored);
    let old = existing.text(core, target)?;
    let template = match &request.template {
        Some(template) => Some(template.skeleton(target.format)),
        None => text(&target.example, existing.example.as_ref())?.map(str::to_owned),
    };
    let keys = render::fitting_names(target, &secrets)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut planner = Planner {
        core,
        request,
        target,
        existing,
        origin: HeaderOrigin::of(&core.settings, &target.service),
        keys,
        from_vault: BTreeSet::new(),
    };
    planner.find_own_keys(&old)?;
    let draft = planner.draft(stored, secrets, old, template);
    planner.finish(draft.render_for_audience().await?)
}

/// The data that the steps of planning one file share.
struct Planner<'a> {
    core: &'a Core,
    request: &'a InjectRequest,
    target: &'a FileTarget,
    existing: ExistingFiles,
    origin: HeaderOrigin,
    /// The keys that the file gets from Vault.
    keys: Vec<String>,
    /// The keys that came from Vault when the file was last written.
    from_vault: BTreeSet<String>,
}

impl Planner<'_> {
    fn is_person(&self) -> bool {
        self.core.audience == Audience::Person
    }

    /// Finds the keys that came from Vault when the file was last written. Refuses a file of
    /// another service.
    fn find_own_keys(&mut self, old: &OldText) -> Result<()> {
        let own_text = own_text(old);
        if self.is_person() && self.target.place == FilePlace::Usual {
            refuse_file_of_another(self.target, own_text, &self.origin)?;
        }
        let record = self.existing.record.as_ref();
        let record = record.filter(|_| self.existing.comparison == RecordComparison::Unchanged);
        self.from_vault = from_vault(own_text, &self.origin, record);
        Ok(())
    }

    fn draft(
        &self,
        stored: &Secrets,
        secrets: Secrets,
        old: OldText,
        template: Option<String>,
    ) -> Draft {
        let given = self.request.template.as_ref();
        let header = match given {
            Some(_) => header::of_template(&self.target.service),
            None => self.heading().lines(own_text(&old)),
        };
        let gone = self
            .from_vault
            .iter()
            .filter(|key| !stored.contains_key(*key))
            .cloned()
            .collect();
        Draft {
            target: self.target.clone(),
            header,
            // A template from a model is the whole new file, so the old text does not matter.
            old: if given.is_some() { Ok(None) } else { old },
            template,
            gone,
            secrets,
            literals: given.map(Template::literals).unwrap_or_default(),
            may_be_unasked: self.may_be_unasked(),
            is_person: self.is_person(),
            is_strict: self.request.strict,
        }
    }

    fn finish(self, draft: RenderedDraft) -> Result<(FileReply, FileWrite)> {
        let RenderedDraft {
            rendered,
            unasked,
            masked_text,
        } = draft;
        let (mut rendered, obstacle) = self.or_obstacle(rendered, unasked)?;
        let preview = masked_text.map(|masked_text| FilePreview {
            path: printable(&self.target.file.to_string_lossy(), false),
            masked_text,
            note: note(self.existing.comparison),
        });
        let content = std::mem::take(&mut rendered.text);
        let reply = self.reply(rendered);
        let template = self.request.template.as_ref();
        let mut write = FileWrite::new(Action::Inject, self.change(content));
        write.unasked = unasked;
        write.preview = preview.into_iter().collect();
        write.obstacle = obstacle;
        if let Some(template) = template {
            write.warnings = template
                .sources
                .iter()
                .map(|source| format!("a value comes from {source}"))
                .collect();
            write.sources.clone_from(&template.sources);
        }
        Ok((reply, write))
    }

    /// The rendered file, and why it cannot be written, if so.
    fn or_obstacle(
        &self,
        rendered: Result<RenderedFile>,
        unasked: bool,
    ) -> Result<(RenderedFile, Option<String>)> {
        let (rendered, obstacle) = match rendered {
            Ok(rendered) => (rendered, None),
            // If a person will be asked, a model must not see the error: it would look different
            // from a plain refusal. The person sees the reason instead.
            Err(error) if !self.is_person() && !unasked => {
                (RenderedFile::default(), Some(error.to_string()))
            }
            Err(error) => return Err(error),
        };
        let template = self.request.template.as_ref();
        let first = template.and_then(|template| template.obstacle.clone());
        Ok((rendered, first.or(obstacle)))
    }

    fn reply(&self, mut rendered: RenderedFile) -> FileReply {
        let Self {
            target, existing, ..
        } = self;
        let changes = if self.is_person() {
            std::mem::take(&mut rendered.changes)
        } else {
            Changes::default()
        };
        let state = match &existing.before {
            None => FileOutcome::Created,
            Some(_) if self.is_person() && changes.is_empty() => FileOutcome::Unchanged,
            Some(_) => FileOutcome::Updated,
        };
        let guessed_from = match &target.source {
            ReaderSource::Guessed(neighbours) => neighbours
                .iter()
                .map(|name| printable(name, false))
                .collect(),
            ReaderSource::Named | ReaderSource::Unknown => Vec::new(),
        };
        FileReply {
            service: target.service.clone(),
            file: target.file.clone(),
            format: target.format,
            dialects: target.dialects.clone(),
            guessed_from,
            state,
            keys: self.keys.len(),
            edited: self.edited(&changes),
            changes,
            template: existing
                .example
                .is_some()
                .then(|| printable(&template_name(target), false)),
            left_out: rendered.left_out,
            narrowed: self.narrowed(),
            misread: rendered.misread,
            backup: None,
            remarks: rendered.remarks,
            warnings: Vec::new(),
        }
    }

    /// The keys whose values were edited in the file since it was last written.
    fn edited(&self, changes: &Changes) -> Vec<String> {
        match self.existing.comparison {
            RecordComparison::Changed => changes
                .changed
                .iter()
                .filter(|key| self.from_vault.contains(*key))
                .cloned()
                .collect(),
            RecordComparison::New | RecordComparison::Unchanged | RecordComparison::Foreign => {
                Vec::new()
            }
        }
    }

    fn access(&self) -> Access {
        Access {
            mode: self.core.settings.file_mode,
            group: self.core.settings.file_group,
        }
    }

    /// The old and new permissions, if fewer users can read the file now.
    fn narrowed(&self) -> Option<String> {
        let access = self.access();
        let before = self.existing.before.as_ref();
        let wider = before.filter(|before| self.is_person() && before.is_wider_than(access))?;
        Some(format!(
            "{:04o} → {:04o}",
            wider.mode() & 0o777,
            access.mode
        ))
    }

    fn change(self, content: Zeroizing<String>) -> FileChange {
        let access = self.access();
        let skip_if_same = self.is_person();
        FileChange {
            file: self.target.file.clone(),
            kind: RecordKind::Secrets,
            service: Some(self.target.service.to_string()),
            origin: self.request.template.is_none().then(|| self.origin.mark()),
            keys: self.keys,
            content,
            before: self.existing.before,
            access,
            skip_if_same,
        }
    }

    fn heading(&self) -> header::HeaderInfo<'_> {
        let dialects: Vec<&str> = self
            .request
            .dialect
            .iter()
            .map(|dialect| dialect.name())
            .collect();
        let dialect = if dialects.is_empty() {
            String::new()
        } else {
            format!(" --dialect {}", dialects.join(","))
        };
        header::HeaderInfo {
            origin: &self.origin,
            template: self
                .existing
                .example
                .is_some()
                .then(|| template_name(self.target).into_owned()),
            command: format!("{}{dialect}", self.target.command),
            keys: self.keys.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the file may be written for a model without asking a person. Only this program may
    /// have written the file so far. In addition, either this program already wrote it for this
    /// service, or it is in its usual place, in the service's own folder, with a template on disk.
    ///
    /// So a place that `.claude-vault.toml` names needs one approval. A folder below the service's
    /// own also needs one, because a compose file may name it and another service may own it. A
    /// file that the request names and a template from a model always need approval. Nothing here
    /// depends on a value.
    fn may_be_unasked(&self) -> bool {
        let Self {
            target, existing, ..
        } = self;
        let record = existing.record.as_ref();
        let is_written_for_this_service = record.is_some_and(|record| {
            record.kind == RecordKind::Secrets
                && record.service.as_deref() == Some(target.service.as_str())
        });
        let is_ours = match existing.comparison {
            RecordComparison::New => record.is_none() || is_written_for_this_service,
            RecordComparison::Unchanged => is_written_for_this_service,
            RecordComparison::Changed | RecordComparison::Foreign => false,
        };
        let place_is_known = match target.place {
            FilePlace::Usual => {
                existing.example.is_some() && target.is_in_own_folder()
                    || is_written_for_this_service
            }
            FilePlace::Project => is_written_for_this_service,
            FilePlace::Request => false,
        };
        !self.core.settings.ask_before.contains(&AskBefore::Inject)
            && self.request.template.is_none()
            && is_ours
            && place_is_known
    }
}

fn template_name(target: &FileTarget) -> Cow<'_, str> {
    target
        .example
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
}

/// What the approval page says about the existing file.
fn note(comparison: RecordComparison) -> String {
    match comparison {
        RecordComparison::New => "This is a new file.",
        RecordComparison::Unchanged => "It replaces the file that claude-vault wrote there.",
        RecordComparison::Changed => {
            "It replaces a file that was edited since claude-vault wrote it. The edited file is \
             kept as a backup."
        }
        RecordComparison::Foreign => {
            "It replaces a file that claude-vault did not write. That file is kept as a backup."
        }
    }
    .to_owned()
}
