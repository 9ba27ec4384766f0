//! Applies the edits that leave every value unchanged, and writes their variables to the `.env`
//! files.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::super::edit::{self, Edit};
use super::super::intake::IntakeEntry;
use super::super::project::lines_of;
use super::super::report::Stay;
use super::super::texts::Overlay;
use super::{Before, Group, MovedSecrets, Naming};
use crate::format::dotenv::{self, Dialect};
use crate::names::Key;
use crate::secret::{Secret, Value};

impl Naming<'_> {
    /// Applies the edits of each group that leaves the view of every project unchanged.
    pub(super) fn take_safe_groups(
        &self,
        before: &[Before<'_>],
        groups: Vec<Group>,
        moved: &mut MovedSecrets,
    ) {
        let mut taken: Vec<Group> = Vec::new();
        for group in groups {
            taken.push(group);
            let overlay = self
                .texts_of(&taken)
                .filter(|overlay| self.is_same(before, overlay));
            match overlay {
                Some(overlay) => moved.overlay = overlay,
                None => {
                    let Some(group) = taken.pop() else { continue };
                    let reason = "docker compose would resolve a different value";
                    moved
                        .stays
                        .extend(group.members.iter().map(|(file, _, line)| Stay {
                            file: file.clone(),
                            line: *line,
                            key: Some(group.name.clone()),
                            secret: true,
                            reason: reason.to_owned(),
                        }));
                }
            }
        }
        for group in taken {
            let Ok(key) = group.name.parse::<Key>() else {
                continue;
            };
            let Some((file, _, line)) = group.members.first() else {
                continue;
            };
            let entry = IntakeEntry {
                key,
                value: Value::Text(Secret::from(group.value.to_string())),
                file: file.clone(),
                line: *line,
                why: group.why.to_owned(),
                expanded_from: Vec::new(),
            };
            moved.secrets.push((group.env_file, entry));
        }
    }

    /// The texts with the edits of these groups; `None` if an edit is impossible.
    fn texts_of(&self, groups: &[Group]) -> Option<Overlay> {
        let mut edits: BTreeMap<&Path, Vec<Edit>> = BTreeMap::new();
        let mut lines: BTreeMap<&Path, Vec<(&str, &str, &Path)>> = BTreeMap::new();
        for group in groups {
            for (file, edit, _) in &group.members {
                edits.entry(file).or_default().push(edit.clone());
            }
            let from = group.members.first().map(|(file, ..)| file.as_path())?;
            if !group.is_defined {
                lines
                    .entry(&group.env_file)
                    .or_default()
                    .push((&group.name, &group.value, from));
            }
        }
        let mut overlay = Overlay::new();
        for (file, edits) in edits {
            overlay.insert(
                file.to_owned(),
                edit::apply(&self.texts.text(file)?, &edits)?,
            );
        }
        for (file, lines) in lines {
            overlay.insert(file.to_owned(), with_lines(self.texts.text(file), &lines)?);
        }
        Some(overlay)
    }

    /// Whether the view of every project is unchanged, and each `.env` has only gained names.
    fn is_same(&self, before: &[Before<'_>], overlay: &Overlay) -> bool {
        let projects = before
            .iter()
            .all(|one| one.project.view(self.texts, overlay).0 == one.view);
        projects
            && overlay
                .keys()
                .all(|file| self.has_only_gained(file, overlay))
    }

    fn has_only_gained(&self, file: &Path, overlay: &Overlay) -> bool {
        if !is_env(file) {
            return true;
        }
        let names = |text: Option<Zeroizing<String>>| -> Vec<(String, Zeroizing<String>)> {
            text.map(|text| lines_of(Dialect::Compose, &text, &|_| None))
                .unwrap_or_default()
        };
        let after = names(overlay.get(file).cloned());
        names(self.texts.text(file))
            .iter()
            .all(|line| after.contains(line))
    }
}

fn is_env(file: &Path) -> bool {
    !matches!(
        file.extension().and_then(|ending| ending.to_str()),
        Some("yaml" | "yml")
    )
}

/// A `.env` with lines appended, grouped under comments that name the source file.
fn with_lines(
    old: Option<Zeroizing<String>>,
    lines: &[(&str, &str, &Path)],
) -> Option<Zeroizing<String>> {
    let mut text = old.unwrap_or_default();
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    let mut from: Option<&Path> = None;
    for (name, value, file) in lines {
        if from != Some(*file) {
            let blank = if text.is_empty() { "" } else { end };
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            text.push_str(&format!(
                "{blank}# Stood in {}:{end}",
                crate::names::printable(&name, false)
            ));
            from = Some(*file);
        }
        let written = dotenv::write(&[Dialect::Compose], value).ok()?;
        text.push_str(&format!("{name}={}{end}", written.as_str()));
    }
    Some(text)
}
