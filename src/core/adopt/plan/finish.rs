//! Finishes a plan: the project's own files, the warnings, and the adoption to approve.

use std::path::{Path, PathBuf};

use super::super::draft::CONFIG;
use super::super::empty_part;
use super::super::ignore::{self, Ignore};
use super::super::report::AdoptReply;
use super::Planner;
use crate::core::plan::{Adoption, AdoptionPart, Direction};
use crate::error::Result;
use crate::files::Root;
use crate::names::printable;

impl Planner<'_> {
    /// The adoption to approve, and the reply that describes it.
    pub(super) fn finish(mut self, root: &Root) -> Result<(Adoption, AdoptReply)> {
        let ignore = self.ignore(root);
        self.report_git(&ignore);
        let project = self.project_part(ignore)?;
        let mut parts: Vec<AdoptionPart> = project.into_iter().collect();
        parts.append(&mut self.parts);
        let mut adoption = Adoption::new(self.core, Direction::In, parts);
        self.reply
            .warnings
            .extend(adoption.warnings.iter().cloned());
        adoption.warnings.clone_from(&self.reply.warnings);
        let stays = self
            .reply
            .services
            .iter()
            .flat_map(|service| &service.stays)
            .filter(|stay| stay.secret);
        adoption.warnings.extend(stays.map(|stay| {
            let key = stay.key.as_deref().unwrap_or("a secret");
            format!(
                "{key} stays in {}: {}",
                printable(&stay.file.to_string_lossy(), false),
                stay.reason
            )
        }));
        adoption.previews = self.previews;
        Ok((adoption, self.reply))
    }

    /// Marks the files that git tracks, and warns of them and of repositories where git failed.
    fn report_git(&mut self, ignore: &Ignore) {
        for service in &mut self.reply.services {
            for file in &mut service.files {
                file.tracked = file.kind != "example" && ignore.tracked.contains(&file.file);
            }
        }
        let tracked: Vec<String> = ignore
            .tracked
            .iter()
            .map(|file| printable(&file.to_string_lossy(), false))
            .collect();
        if !tracked.is_empty() {
            let names = tracked.join(", ");
            self.reply.warnings.push(format!(
                "git tracks {names}: the secrets are in its history, so rotate them"
            ));
        }
        for top in &ignore.unknown {
            let top = printable(&top.to_string_lossy(), false);
            self.reply.warnings.push(format!(
                "git failed in {top}: make sure that it ignores the files and their backups"
            ));
        }
    }

    fn ignore(&self, root: &Root) -> Ignore {
        let changed = |kinds: &'static [&'static str]| -> Vec<PathBuf> {
            let files = self
                .reply
                .services
                .iter()
                .flat_map(|service| &service.files);
            files
                .filter(|file| kinds.contains(&file.kind))
                .map(|file| file.file.clone())
                .collect()
        };
        let log = self
            .core
            .audit
            .path()
            .strip_prefix(root.path())
            .ok()
            .map(Path::to_owned);
        ignore::check(
            root,
            &changed(&["env", "yaml"]),
            &changed(&["compose"]),
            log.as_deref(),
        )
    }

    /// The new lines of `.gitignore` and `.claude-vault.toml`. They are written first, so git
    /// already ignores the backups when they are made.
    fn project_part(&mut self, ignore: Ignore) -> Result<Option<AdoptionPart>> {
        let mut files = Vec::new();
        for (file, lines) in ignore.lines {
            let lines = lines.join("\n") + "\n";
            files.push(self.appended(
                &file,
                "ignore",
                &lines,
                "These lines keep the secrets and their backups out of git.",
            )?);
        }
        if !self.toml.is_empty() {
            let tables = self.toml.concat();
            files.push(self.appended(
                Path::new(CONFIG),
                "project",
                &tables,
                "These lines list the files of the services.",
            )?);
        }
        let mut part = empty_part(None);
        part.files = files;
        Ok(Some(part).filter(|part| !part.files.is_empty()))
    }
}
