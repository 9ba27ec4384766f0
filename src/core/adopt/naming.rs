//! Chooses a variable name and a `.env` file for each secret in the compose files, so that docker
//! compose resolves every value as before.

mod safe;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::edit::{self, Candidate, Edit, Literal};
use super::intake::IntakeEntry;
use super::project::{Facts, Project, ProjectFile, View};
use super::report::Stay;
use super::texts::{FileTexts, Overlay};
use crate::names::Key;
use crate::secret::{Value, WayOut};

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
    files: Vec<ProjectFile>,
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
                    files: project.all_files(self.texts, &overlay),
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
        let readers: Vec<(&Before<'_>, &ProjectFile)> = before
            .iter()
            .flat_map(|one| one.files.iter().map(move |file| (one, file)))
            .filter(|(_, file)| file.file == candidate.file)
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
    fn env_file(&self, readers: &[(&Before<'_>, &ProjectFile)]) -> Result<PathBuf, String> {
        let (_, first) = readers
            .first()
            .ok_or("no docker compose project reads the file")?;
        let in_all = |env: &&PathBuf| readers.iter().all(|(_, file)| file.env_files.contains(env));
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
            .flat_map(|(_, file)| &file.env_files)
            .find(|env| self.texts.is_not_text(env))
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
        readers: &[(&Before<'_>, &ProjectFile)],
        groups: &[Group],
        candidate: &Candidate,
        literal: &Literal,
        env_file: &Path,
    ) -> Result<(String, bool), String> {
        for name in candidate.names.iter().filter(|name| !is_special(name)) {
            let defined: Vec<_> = readers
                .iter()
                .filter_map(|(_, file)| file.env.get(name))
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
