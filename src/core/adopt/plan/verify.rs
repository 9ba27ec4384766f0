//! Checks a finished plan: every program must read the same values as before.

use std::path::{Path, PathBuf};

use super::super::project::{Project, lines_of};
use super::super::texts::Overlay;
use super::super::{draft, written};
use super::Planner;
use crate::error::{Error, Result};
use crate::names::printable;

impl Planner<'_> {
    /// Checks that every program would read the same values as before.
    pub(super) fn verify(&self) -> Result<()> {
        for project in &self.survey.projects {
            self.verify_project(project)?;
        }
        // Compose files change on purpose. Their resolved values were compared above.
        let is_compose = |file: &PathBuf| {
            self.survey
                .units
                .iter()
                .any(|unit| unit.compose.contains(file))
        };
        for (file, new) in self
            .overlay
            .iter()
            .filter(|(file, _)| !self.expected.contains(*file) && !is_compose(file))
        {
            self.verify_file(file, new)?;
        }
        Ok(())
    }

    /// Checks that docker compose would resolve the same values in a project.
    fn verify_project(&self, project: &Project) -> Result<()> {
        let before = project.view(self.texts, &Overlay::new()).0;
        let (after, facts) = project.view(self.texts, &self.overlay);
        let fills = project
            .all_files(self.texts, &self.overlay)
            .into_iter()
            .flat_map(|one| one.env_files);
        let is_expected = fills
            .chain(facts.container_files.into_keys())
            .any(|file| self.expected.contains(&file));
        if before != after && !is_expected {
            return Err(changed_view(
                &project.folder().join("compose.yaml"),
                "docker compose",
            ));
        }
        Ok(())
    }

    /// Checks that the reader of a file would read the same values in the file's new text.
    fn verify_file(&self, file: &Path, new: &str) -> Result<()> {
        let Some(old) = self.texts.text(file) else {
            return Ok(());
        };
        if is_yaml(file) {
            return if written::is_same_yaml(&old, new) {
                Ok(())
            } else {
                Err(changed_view(file, "its reader"))
            };
        }
        let reader = draft::reader_of(self.core, self.facts, file);
        let after = lines_of(reader, new, &|_| None);
        let is_kept = lines_of(reader, &old, &|_| None)
            .iter()
            .all(|line| after.contains(line));
        if is_kept {
            Ok(())
        } else {
            Err(changed_view(file, reader.reader()))
        }
    }
}

fn is_yaml(file: &Path) -> bool {
    matches!(
        file.extension().and_then(|ending| ending.to_str()),
        Some("yaml" | "yml")
    )
}

fn changed_view(file: &Path, reader: &str) -> Error {
    let file = printable(&file.to_string_lossy(), false);
    Error::invalid(
        format!("{file}: {reader} would read different values afterwards, so nothing was changed"),
        "move this service by hand: claude-vault set SERVICE --from FILE, then claude-vault \
         inject SERVICE",
    )
}
