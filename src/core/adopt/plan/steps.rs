//! The steps of a plan: the new text of each file, its preview and its entry in the reply.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::draft::FileDraft;
use super::super::intake::IntakeFormat;
use super::super::report::{FileReply, Harmless};
use super::super::request::Prefer;
use super::super::{preview, written};
use super::Planner;
use crate::approval::FilePreview;
use crate::core::Audience;
use crate::core::inject::header::HeaderOrigin;
use crate::core::plan::AdoptionPart;
use crate::error::Result;
use crate::files::adopted::{FileStep, OPEN, Recorded};
use crate::files::journal::ChangeKind;
use crate::files::record::RecordKind;
use crate::files::{Access, Content};
use crate::names::{Service, printable};
use crate::vault::Secrets;

/// The results of planning one service, to which each step adds.
pub(super) struct ServiceSteps {
    pub(super) service: Service,
    pub(super) part: AdoptionPart,
    pub(super) replies: Vec<FileReply>,
}

impl ServiceSteps {
    fn add(&mut self, step: FileStep, way: ChangeKind) {
        self.part.files.push((Arc::new(step), way));
    }
}

impl Planner<'_> {
    /// Adds the steps for a file with values and for its template. Returns the file's harmless
    /// values that the template lacks.
    pub(super) fn values_file(
        &mut self,
        steps: &mut ServiceSteps,
        file: &FileDraft,
        own: &Secrets,
        old: &str,
    ) -> Result<Option<Harmless>> {
        if own.is_empty() {
            return Ok(None);
        }
        let before = self.texts.content(&file.file);
        let template = written::template(self.core, self.texts, file, old, own)?;
        let text = written::with_values(self.core, &steps.service, file, own, old, &template)?;
        if self.request.prefer == Some(Prefer::Vault) {
            self.expected.insert(file.file.clone());
        }
        let only_here = template.only_here(file, old);
        self.example(steps, file, &template);
        self.show_values(steps, file, own.len(), before.as_ref(), &text);
        self.overlay.insert(file.file.clone(), text.clone());
        let way = if before.is_some() {
            ChangeKind::Replaced
        } else {
            ChangeKind::Created
        };
        let step = FileStep {
            file: file.file.clone(),
            content: Some(text),
            keeps_backup: before.is_some(),
            before,
            access: self.access(),
            record: Some(Recorded {
                kind: RecordKind::Secrets,
                service: steps.service.to_string(),
                origin: Some(HeaderOrigin::of(&self.core.settings, &steps.service).mark()),
                keys: own.keys().cloned().collect(),
            }),
            drops_backups: false,
        };
        steps.add(step, way);
        Ok((!only_here.is_empty()).then(|| Harmless {
            file: file.file.clone(),
            only_here,
        }))
    }

    /// Adds the preview of a file with values, and its entry in the reply.
    fn show_values(
        &mut self,
        steps: &mut ServiceSteps,
        file: &FileDraft,
        keys: usize,
        before: Option<&Content>,
        text: &str,
    ) {
        let is_changed = before.is_none_or(|before| *before.bytes != *text.as_bytes());
        self.show(
            &file.file,
            preview::masked(text, file.format, file.reader),
            note(before, is_changed),
        );
        let kind = match file.format {
            IntakeFormat::Env => "env",
            IntakeFormat::Yaml => "yaml",
        };
        steps.replies.push(FileReply {
            keys,
            narrowed: before.is_some_and(|before| before.is_wider_than(self.access())),
            ..FileReply::of(&file.file, kind, state(before, is_changed))
        });
    }

    /// The permissions of files with values.
    fn access(&self) -> Access {
        Access {
            mode: self.core.settings.file_mode,
            group: self.core.settings.file_group,
        }
    }

    fn example(
        &mut self,
        steps: &mut ServiceSteps,
        file: &FileDraft,
        template: &written::Template,
    ) {
        let before = self.texts.content(&template.file);
        let is_changed = before
            .as_ref()
            .is_none_or(|before| *before.bytes != *template.text.as_bytes());
        steps.replies.push(FileReply {
            keys: template.gained,
            ..FileReply::of(
                &template.file,
                "example",
                state(before.as_ref(), is_changed),
            )
        });
        if !is_changed && self.core.audience == Audience::Person {
            return;
        }
        let note = match &before {
            Some(_) => "This template gains lines for its missing keys.",
            None => "This is a template to commit. It must not contain a secret.",
        };
        self.show(&template.file, template.text.to_string(), note.to_owned());
        let way = before.as_ref().map_or(ChangeKind::Created, |before| {
            ChangeKind::Appended(before.bytes.len())
        });
        let keys = file
            .secrets
            .iter()
            .map(|entry| entry.key.to_string())
            .collect();
        let step = FileStep {
            file: template.file.clone(),
            content: Some(template.text.clone()),
            access: before.as_ref().map_or(OPEN, Content::access),
            before,
            record: Some(Recorded {
                kind: RecordKind::Example,
                service: steps.service.to_string(),
                origin: None,
                keys,
            }),
            keeps_backup: false,
            drops_backups: false,
        };
        steps.add(step, way);
    }

    pub(super) fn compose_file(
        &mut self,
        steps: &mut ServiceSteps,
        file: &Path,
        text: &Zeroizing<String>,
    ) {
        let Some(before) = self.texts.content(file) else {
            return;
        };
        let old = self.texts.text(file).unwrap_or_default();
        self.show(
            file,
            preview::changed_lines(&old, text),
            "These lines change. The old file is kept as a backup.".into(),
        );
        steps
            .replies
            .push(FileReply::of(file, "compose", "updated"));
        self.overlay.insert(file.to_owned(), text.clone());
        let step = FileStep {
            file: file.to_owned(),
            content: Some(text.clone()),
            access: before.access(),
            before: Some(before),
            record: None,
            keeps_backup: true,
            drops_backups: false,
        };
        steps.add(step, ChangeKind::Replaced);
    }

    fn show(&mut self, file: &Path, masked_text: String, note: String) {
        self.previews.push(FilePreview {
            path: printable(&file.to_string_lossy(), false),
            masked_text,
            note,
        });
    }

    pub(super) fn appended(
        &mut self,
        file: &Path,
        kind: &'static str,
        lines: &str,
        note: &str,
    ) -> Result<(Arc<FileStep>, ChangeKind)> {
        let before = self.texts.content(file);
        let mut text = self.texts.text_to_extend(file)?.unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        // `lines` may start with a blank line, to separate it from the existing text.
        let lines = if text.is_empty() {
            lines.trim_start_matches('\n')
        } else {
            lines
        };
        text.push_str(lines);
        self.show(file, lines.to_owned(), note.to_owned());
        self.reply
            .project_files
            .push(FileReply::of(file, kind, state(before.as_ref(), true)));
        let way = before.as_ref().map_or(ChangeKind::Created, |before| {
            ChangeKind::Appended(before.bytes.len())
        });
        let step = FileStep {
            file: file.to_owned(),
            content: Some(text),
            access: before.as_ref().map_or(OPEN, Content::access),
            before,
            record: None,
            keeps_backup: false,
            drops_backups: false,
        };
        Ok((Arc::new(step), way))
    }
}

fn state(before: Option<&Content>, is_changed: bool) -> &'static str {
    match before {
        None => "created",
        Some(_) if is_changed => "updated",
        Some(_) => "unchanged",
    }
}

fn note(before: Option<&Content>, is_changed: bool) -> String {
    match before {
        None => "This is a new file.",
        Some(_) if is_changed => {
            "From now on, its values come from Vault. The old file is kept as a backup."
        }
        Some(_) => "This file does not change.",
    }
    .to_owned()
}

impl written::Template {
    /// Names of harmless values in the file that the template lacks or has with another value.
    fn only_here(&self, file: &FileDraft, old: &str) -> Vec<String> {
        let values =
            |text: &str| -> BTreeMap<String, Zeroizing<String>> { written::values(file, text) };
        let (own, known) = (values(old), values(&self.text));
        let names = file.harmless.iter().filter(|name| {
            own.get(*name)
                .is_some_and(|value| known.get(*name) != Some(value))
        });
        names.map(|name| printable(name, false)).collect()
    }
}
