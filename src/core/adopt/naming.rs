//! Chooses a variable name and a `.env` file for each secret in the compose files, so that docker
//! compose resolves every value as before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::edit::{self, Candidate, Edit, Literal};
use super::intake::IntakeEntry;
use super::project::{Facts, Project, Use, View};
use super::report::Stay;
use super::texts::{FileTexts, Overlay};
use crate::format::dotenv::{self, Dialect};
use crate::names::Key;
use crate::secret::{Secret, Value, WayOut};

/// Names with a special meaning to shells or docker compose.
const SPECIAL: [&str; 12] = [
    "PATH", "HOME", "USER", "SHELL", "PWD", "HOSTNAME", "LANG", "TERM", "UID", "GID", "TZ",
    "TMPDIR",
];

/// The result of moving secrets out of the compose files.
#[derive(Default)]
pub(super) struct MovedSecrets {
    /// The new texts of the compose files and of each `.env` that gains lines.
    pub(super) overlay: Overlay,
    /// The moved secrets, each with its new `.env`.
    pub(super) secrets: Vec<(PathBuf, IntakeEntry)>,
    /// Secrets that stay in the compose files, with the reason.
    pub(super) stays: Vec<Stay>,
}

/// The inputs for choosing names.
pub(super) struct Naming<'a> {
    pub(super) texts: &'a FileTexts<'a>,
    pub(super) projects: &'a [Project],
    /// Env files that programs other than docker compose read too.
    pub(super) shared: &'a BTreeSet<PathBuf>,
    /// The folder of the service.
    pub(super) folder: &'a Path,
    /// Names already in use, with their values: keys in Vault and entries of the service's other
    /// files.
    pub(super) known: &'a BTreeMap<String, Value>,
}

/// A project and its state before any edit.
struct Before<'a> {
    project: &'a Project,
    uses: Vec<Use>,
    view: View,
    facts: Facts,
}

/// Occurrences of one secret value, which share one name.
struct Group {
    env_file: PathBuf,
    name: String,
    value: Zeroizing<String>,
    /// Whether the `.env` already defines the name with this value.
    is_defined: bool,
    members: Vec<(PathBuf, Edit, usize)>,
    why: &'static str,
}

impl Naming<'_> {
    /// Moves secrets out of the compose files, except where that would change a resolved value.
    pub(super) fn run(&self, files: &[PathBuf]) -> MovedSecrets {
        let overlay = Overlay::new();
        let before: Vec<Before<'_>> = self
            .projects
            .iter()
            .map(|project| {
                let (view, facts) = project.view(self.texts, &overlay);
                Before {
                    project,
                    uses: project.uses(self.texts, &overlay),
                    view,
                    facts,
                }
            })
            .collect();
        let mut moved = MovedSecrets::default();
        let mut groups: Vec<Group> = Vec::new();
        for file in files {
            let Some(text) = self.texts.text(file) else {
                continue;
            };
            for candidate in edit::candidates(file, &text) {
                match self.assign(&before, &mut groups, &candidate) {
                    Ok(()) => {}
                    Err(reason) => moved.stays.push(stay(&candidate, reason)),
                }
            }
        }
        self.take_safe_groups(&before, groups, &mut moved);
        moved
    }

    /// Chooses the `.env` and the name for a secret, and adds it to a group.
    fn assign(
        &self,
        before: &[Before<'_>],
        groups: &mut Vec<Group>,
        candidate: &Candidate,
    ) -> Result<(), String> {
        let literal = candidate
            .way
            .as_ref()
            .map_err(|reason| (*reason).to_owned())?;
        let readers: Vec<(&Before<'_>, &Use)> = before
            .iter()
            .flat_map(|one| one.uses.iter().map(move |using| (one, using)))
            .filter(|(_, using)| using.file == candidate.file)
            .collect();
        let env_file = self.env_file(&readers)?;
        let file = candidate.file.clone();
        // Every occurrence of the same secret gets the same name.
        let same = |group: &&mut Group| {
            group.env_file == env_file && group.value == literal.value && literal.value.len() >= 8
        };
        if let Some(group) = groups
            .iter_mut()
            .find(same)
            .filter(|_| !literal.is_default())
        {
            group
                .members
                .push((file, literal.edit(&group.name), candidate.line));
            return Ok(());
        }
        let (name, is_defined) = self.name(&readers, groups, candidate, literal, &env_file)?;
        let members = vec![(file, literal.edit(&name), candidate.line)];
        groups.push(Group {
            env_file,
            name,
            value: literal.value.clone(),
            is_defined,
            members,
            why: candidate.why,
        });
        Ok(())
    }

    /// The `.env` that supplies variables to the file in every project that reads it.
    fn env_file(&self, readers: &[(&Before<'_>, &Use)]) -> Result<PathBuf, String> {
        let (_, first) = readers
            .first()
            .ok_or("no docker compose project reads the file")?;
        let in_all = |env: &&PathBuf| {
            readers
                .iter()
                .all(|(_, using)| using.env_files.contains(env))
        };
        let file = first
            .env_files
            .iter()
            .rev()
            .find(in_all)
            .ok_or("projects with different .env files read the file")?
            .clone();
        let shown = file.display();
        if let Some(odd) = readers
            .iter()
            .flat_map(|(_, using)| &using.env_files)
            .find(|env| self.texts.is_odd(env))
        {
            return Err(format!(
                "{} is a link or not a text file, so its content is unknown",
                odd.display()
            ));
        }
        if !file.starts_with(self.folder) {
            return Err(format!(
                "its variables come from {shown}, outside the service's folder"
            ));
        }
        if readers
            .iter()
            .any(|(before, _)| before.facts.container_files.contains_key(&file))
        {
            return Err(format!(
                "{shown} is also the env_file of a container, which would get the new variable"
            ));
        }
        if readers
            .iter()
            .any(|(before, _)| before.facts.mounts.contains(&file))
            || self.shared.contains(&file)
        {
            return Err(format!(
                "other programs read {shown} too and would get the new variable"
            ));
        }
        Ok(file)
    }

    /// The first suitable name, and whether the `.env` already defines it with this value.
    fn name(
        &self,
        readers: &[(&Before<'_>, &Use)],
        groups: &[Group],
        candidate: &Candidate,
        literal: &Literal,
        env_file: &Path,
    ) -> Result<(String, bool), String> {
        for name in candidate.names.iter().filter(|name| !is_special(name)) {
            let defined: Vec<_> = readers
                .iter()
                .filter_map(|(_, using)| using.env.get(name))
                .collect();
            let has_value = |value: &&Option<Zeroizing<String>>| {
                value.as_ref().is_some_and(|value| *value == literal.value)
            };
            if !defined.is_empty() {
                if defined.len() == readers.len()
                    && defined.iter().all(has_value)
                    && !literal.is_default()
                {
                    return Ok((name.clone(), true));
                }
                if literal.is_default() {
                    continue;
                }
                return Err(format!(
                    "{name} already has a different value in {}",
                    env_file.display()
                ));
            }
            let is_used = readers
                .iter()
                .any(|(before, _)| before.facts.used.contains(name));
            if is_used && !literal.is_default_of(name) {
                return Err(format!(
                    "a compose file already uses {name}, which has no value"
                ));
            }
            let differs =
                |known: &Value| known.secret().expose(WayOut::Inspection) != literal.value.as_str();
            let is_other = groups
                .iter()
                .any(|group| group.name == *name && group.value != literal.value);
            if is_other || self.known.get(name).is_some_and(differs) || name.parse::<Key>().is_err()
            {
                continue;
            }
            return Ok((name.clone(), false));
        }
        Err("every suitable name already has a different value".to_owned())
    }

    /// Applies the edits of each group that leaves the view of every project unchanged.
    fn take_safe_groups(
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
            text.map(|text| super::project::lines_of(Dialect::Compose, &text, &|_| None))
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

fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
        || ["COMPOSE_", "DOCKER_", "LC_", "XDG_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn stay(candidate: &Candidate, reason: String) -> Stay {
    Stay {
        file: candidate.file.clone(),
        line: candidate.line,
        key: candidate.key.clone(),
        secret: true,
        reason,
    }
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
