//! Plans an adoption: every byte of every file, and every key, before anyone is asked to approve.

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::draft::{self, CONFIG, Config, Draft, FileDraft};
use super::ignore::{self, Ignore};
use super::intake::{IntakeEntry, IntakeFormat};
use super::naming::{MovedSecrets, Naming};
use super::project::{Facts, lines_of};
use super::report::{AdoptReply, KeyReply, ServiceReply, Stay};
use super::request::{AdoptRequest, Prefer};
use super::survey::{Survey, Unit, survey};
use super::texts::{FileTexts, Overlay};
use super::written;
use crate::approval::FilePreview;
use crate::core::plan::{Adoption, AdoptionPart, Current, Direction, Notes, VersionChange};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::Dialect;
use crate::names::{Key, Service, printable};
use crate::secret::Value;
use crate::vault::Secrets;

/// The current content of each service in Vault.
pub(super) type Currents = BTreeMap<Service, Current>;

/// The services that the plan involves. The caller must read them from Vault.
pub(super) fn services(core: &Core, request: &AdoptRequest) -> Result<Vec<Service>> {
    let root = Root::open(&core.settings.root)?;
    let texts = FileTexts::new(&root);
    let survey = survey(&root, &texts, request.name.as_ref())?;
    let config = Config::read(&root)?;
    let facts = facts_of(&texts, &survey);
    let units = chosen(core, &survey, request)?;
    let drafts = units
        .iter()
        .flat_map(|unit| draft::drafts(core, &texts, unit, &facts, &config, request.all_keys));
    Ok(drafts.map(|draft| draft.service).collect())
}

/// The plan to approve, and the reply that describes it.
pub(super) fn plan(
    core: &Core,
    request: &AdoptRequest,
    currents: Currents,
) -> Result<(Adoption, AdoptReply)> {
    let root = Root::open(&core.settings.root)?;
    let texts = FileTexts::new(&root);
    let survey = survey(&root, &texts, request.name.as_ref())?;
    let facts = facts_of(&texts, &survey);
    let config = Config::read(&root)?;
    let mut planner = Planner::new(core, request, &texts, &survey, &facts, currents);
    for unit in chosen(core, &survey, request)? {
        let drafts = draft::drafts(core, &texts, unit, &facts, &config, request.all_keys);
        planner.unit(unit, drafts, &config)?;
    }
    planner.verify()?;
    planner.finish(&root)
}

fn facts_of(texts: &FileTexts<'_>, survey: &Survey) -> Vec<Facts> {
    survey
        .projects
        .iter()
        .map(|project| project.view(texts, &Overlay::new()).1)
        .collect()
}

/// The requested units.
fn chosen<'a>(core: &Core, survey: &'a Survey, request: &AdoptRequest) -> Result<Vec<&'a Unit>> {
    let Some(service) = &request.service else {
        let hint = "change to the folder that contains the services, or name it: --root DIR";
        let nothing = || Error::NotFound {
            what: "a folder with .env, compose or secrets.yaml files".into(),
            hint: hint.into(),
        };
        return if survey.units.is_empty() {
            Err(nothing())
        } else {
            Ok(survey.units.iter().collect())
        };
    };
    let found = survey.units.iter().find(|unit| unit.service == *service);
    found.map(|unit| vec![unit]).ok_or_else(|| Error::NotFound {
        what: format!(
            "a folder {service} with .env, compose or secrets.yaml files in {}",
            core.settings.root.display()
        ),
        hint: "claude-vault adopt --all --dry-run   (shows every folder that has such files)"
            .into(),
    })
}

/// The plan for one service, from a draft that [`super::for_model`] made.
pub(super) fn of_draft(core: &Core, draft: Draft, current: Current) -> Result<Adoption> {
    let root = Root::open(&core.settings.root)?;
    let texts = FileTexts::new(&root);
    let survey = Survey::default();
    let request = AdoptRequest {
        prefer: Some(Prefer::File),
        ..AdoptRequest::default()
    };
    let currents = Currents::from([(draft.service.clone(), current)]);
    let mut planner = Planner::new(core, &request, &texts, &survey, &[], currents);
    let unit = draft.service.clone();
    planner.service(&unit, draft, &Overlay::new(), &[])?;
    planner.verify()?;
    planner.finish(&root).map(|(adoption, _)| adoption)
}

struct Planner<'a> {
    core: &'a Core,
    request: &'a AdoptRequest,
    texts: &'a FileTexts<'a>,
    survey: &'a Survey,
    facts: &'a [Facts],
    currents: Currents,
    /// The new texts of all files.
    overlay: Overlay,
    /// Files that get Vault's values because the person passed `--prefer vault`. Their content is
    /// expected to change.
    expected: BTreeSet<PathBuf>,
    parts: Vec<AdoptionPart>,
    previews: Vec<FilePreview>,
    /// Tables to append to `.claude-vault.toml`.
    toml: Vec<String>,
    reply: AdoptReply,
}

/// A secret entry, its file, and the effect on the key in Vault.
struct MovedKey {
    entry: IntakeEntry,
    file: PathBuf,
    change: &'static str,
}

impl<'a> Planner<'a> {
    fn new(
        core: &'a Core,
        request: &'a AdoptRequest,
        texts: &'a FileTexts<'a>,
        survey: &'a Survey,
        facts: &'a [Facts],
        currents: Currents,
    ) -> Self {
        Self {
            core,
            request,
            texts,
            survey,
            facts,
            currents,
            overlay: Overlay::new(),
            expected: BTreeSet::new(),
            parts: Vec::new(),
            previews: Vec::new(),
            toml: Vec::new(),
            reply: AdoptReply {
                dry_run: request.dry_run,
                not_looked_into: survey.mounted.clone(),
                ..AdoptReply::default()
            },
        }
    }

    fn unit(&mut self, unit: &Unit, mut drafts: Vec<Draft>, config: &Config) -> Result<()> {
        let moved = self.out_of_compose(unit, &drafts);
        drafts[0].stays.extend(moved.stays);
        for (env_file, entry) in moved.secrets {
            add_moved(&mut drafts, env_file, entry);
        }
        let is_split = drafts.len() > 1;
        let compose: Vec<&PathBuf> = unit
            .compose
            .iter()
            .filter(|file| moved.overlay.contains_key(*file))
            .collect();
        for (number, draft) in drafts.into_iter().enumerate() {
            let compose = if number == 0 {
                compose.clone()
            } else {
                Vec::new()
            };
            let is_listed = is_split || draft.is_mapped || self.lies_elsewhere(unit, &draft);
            self.list_in_config(&draft, is_listed, config);
            self.service(&unit.service, draft, &moved.overlay, &compose)?;
        }
        Ok(())
    }

    /// The secrets to move out of the compose files.
    fn out_of_compose(&self, unit: &Unit, drafts: &[Draft]) -> MovedSecrets {
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        if let Some(current) = self
            .currents
            .get(&unit.service)
            .filter(|_| self.request.prefer != Some(Prefer::File))
        {
            known.extend(
                current
                    .secrets()
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        let entries = drafts
            .iter()
            .flat_map(|draft| &draft.files)
            .flat_map(|file| &file.secrets);
        known.extend(entries.map(|entry| (entry.key.to_string(), entry.value.clone())));
        let shared = self.shared_with_others(unit);
        let naming = Naming {
            texts: self.texts,
            projects: &self.survey.projects,
            shared: &shared,
            folder: &unit.folder,
            known: &known,
        };
        naming.run(&unit.compose)
    }

    /// Each `.env` in a folder that also contains files of another program that reads `.env`.
    fn shared_with_others(&self, unit: &Unit) -> BTreeSet<PathBuf> {
        let folders: BTreeSet<&Path> = unit
            .compose
            .iter()
            .filter_map(|file| file.parent())
            .collect();
        let has_others = |folder: &&Path| {
            let names = self.texts.names(folder);
            names
                .iter()
                .filter_map(|name| Dialect::of_neighbour(name))
                .any(|dialect| dialect != Dialect::Compose)
        };
        folders
            .into_iter()
            .filter(has_others)
            .map(|folder| folder.join(".env"))
            .collect()
    }

    /// Whether a file with secrets is where `inject` does not look: deeper in the folder, and not
    /// named in a compose file.
    fn lies_elsewhere(&self, unit: &Unit, draft: &Draft) -> bool {
        let usual = [unit.folder.clone(), unit.folder.join("config")];
        let is_usual = |file: &Path| {
            usual
                .iter()
                .any(|folder| file.parent() == Some(folder.as_path()))
        };
        let is_named = |file: &Path| {
            self.facts
                .iter()
                .any(|facts| facts.container_files.contains_key(file))
        };
        draft
            .files
            .iter()
            .any(|file| !file.secrets.is_empty() && !is_usual(&file.file) && !is_named(&file.file))
    }

    /// Lists the files of a service in `.claude-vault.toml` if `inject` cannot find them by their
    /// folder.
    fn list_in_config(&mut self, draft: &Draft, is_listed: bool, config: &Config) {
        if !is_listed
            || config
                .services
                .iter()
                .any(|name| name == draft.service.as_str())
        {
            return;
        }
        let files: Vec<&FileDraft> = draft
            .files
            .iter()
            .filter(|file| !file.secrets.is_empty())
            .collect();
        if !files.is_empty() {
            self.toml.push(written::table(&draft.service, &files));
        }
    }

    fn service(
        &mut self,
        unit: &Service,
        draft: Draft,
        overlay: &Overlay,
        compose: &[&PathBuf],
    ) -> Result<()> {
        let Draft {
            service,
            files,
            mut stays,
            ..
        } = draft;
        let current = self
            .currents
            .remove(&service)
            .ok_or_else(|| Error::Conflict {
                service: service.to_string(),
            })?;
        let (version, before) = (current.version(), current.secrets().clone());
        let mut result = before.clone();
        let keys = self.keys(&files, &before, &mut result, &mut stays);
        let touched: Vec<&Key> = keys
            .iter()
            .filter(|key| key.change != "skipped")
            .map(|key| &key.entry.key)
            .collect();
        let change = VersionChange::between(
            self.core,
            &service,
            current,
            result.clone(),
            &touched,
            &[],
            Notes::default(),
        );
        let path = change.path().to_owned();
        let mut part = AdoptionPart {
            service: Some(service.clone()),
            unit: Some(unit.clone()),
            change: None,
            files: Vec::new(),
            stale: Vec::new(),
        };
        if self.core.audience == Audience::Model || !change.changes_nothing() {
            part.change = Some(change);
        }
        let (mut replies, mut harmless) = (Vec::new(), Vec::new());
        for file in &files {
            let own: Secrets = keys
                .iter()
                .filter(|key| key.file == file.file && key.change != "skipped")
                .filter_map(|key| {
                    Some((
                        key.entry.key.to_string(),
                        result.get(key.entry.key.as_str())?.clone(),
                    ))
                })
                .collect();
            let old = overlay
                .get(&file.file)
                .cloned()
                .or_else(|| self.texts.text(&file.file))
                .unwrap_or_default();
            harmless.extend(self.values_file(
                &service,
                file,
                &own,
                &old,
                &mut part,
                &mut replies,
            )?);
        }
        for file in compose {
            let Some(text) = overlay.get(*file) else {
                continue;
            };
            self.compose_file(file, text, &mut part, &mut replies);
        }
        self.parts.push(part);
        self.reply.services.push(ServiceReply {
            service,
            path,
            version,
            keys: keys.iter().map(key_reply).collect(),
            files: replies,
            stays,
            harmless,
        });
        Ok(())
    }

    /// Adds the secrets of the files to `result`, the service's new keys, and returns the effect of
    /// each.
    fn keys(
        &self,
        files: &[FileDraft],
        before: &Secrets,
        result: &mut Secrets,
        stays: &mut Vec<Stay>,
    ) -> Vec<MovedKey> {
        let mut keys = Vec::new();
        for (file, entry) in files
            .iter()
            .flat_map(|file| file.secrets.iter().map(move |entry| (file, entry)))
        {
            let name = entry.key.as_str();
            let held = before.get(name);
            let change = match (held, self.request.prefer) {
                (None, _) => "new",
                (Some(held), _) if is_same(held, &entry.value, file.format) => "unchanged",
                (Some(_), Some(Prefer::File)) => "changed",
                (Some(_), Some(Prefer::Vault)) => "unchanged",
                (Some(_), None) => "skipped",
            };
            match change {
                "new" | "changed" => drop(result.insert(name.to_owned(), entry.value.clone())),
                "skipped" => stays.push(Stay {
                    file: entry.file.clone(),
                    line: entry.line,
                    key: Some(printable(name, false)),
                    secret: true,
                    reason: "Vault has a different value for this key: choose one with \
                        --prefer file or --prefer vault"
                        .into(),
                }),
                _ => {}
            }
            keys.push(MovedKey {
                entry: entry.clone(),
                file: file.file.clone(),
                change,
            });
        }
        keys
    }

    /// Checks that every program would read the same values as before.
    fn verify(&self) -> Result<()> {
        for project in &self.survey.projects {
            let before = project.view(self.texts, &Overlay::new()).0;
            let (after, facts) = project.view(self.texts, &self.overlay);
            let fills = project
                .uses(self.texts, &self.overlay)
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
            let Some(old) = self.texts.text(file) else {
                continue;
            };
            if is_yaml(file) {
                if !written::is_same_yaml(&old, new) {
                    return Err(changed_view(file, "its reader"));
                }
                continue;
            }
            let reader = draft::reader_of(self.core, self.facts, file);
            let after = lines_of(reader, new, &|_| None);
            if !lines_of(reader, &old, &|_| None)
                .iter()
                .all(|line| after.contains(line))
            {
                return Err(changed_view(file, reader.reader()));
            }
        }
        Ok(())
    }

    fn finish(mut self, root: &Root) -> Result<(Adoption, AdoptReply)> {
        let ignore = self.ignore(root);
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
        ignore::look(
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
        let part = AdoptionPart {
            service: None,
            unit: None,
            change: None,
            files,
            stale: Vec::new(),
        };
        Ok(Some(part).filter(|part| !part.files.is_empty()))
    }
}

/// Adds a secret that was moved out of a compose file to the draft that contains its new `.env`.
fn add_moved(drafts: &mut [Draft], env_file: PathBuf, entry: IntakeEntry) {
    let place = |draft: &Draft| draft.files.iter().position(|file| file.file == env_file);
    let found = drafts
        .iter()
        .enumerate()
        .find_map(|(number, draft)| Some((number, place(draft)?)));
    if let Some((draft, file)) = found {
        let known = &mut drafts[draft].files[file].secrets;
        if !known.iter().any(|other| other.key == entry.key) {
            known.push(entry);
        }
        return;
    }
    let file = FileDraft {
        file: env_file,
        format: IntakeFormat::Env,
        reader: Dialect::Compose,
        secrets: vec![entry],
        harmless: Vec::new(),
    };
    drafts[0].files.push(file);
}

fn is_same(held: &Value, value: &Value, format: IntakeFormat) -> bool {
    match format {
        // Values in env files have no types.
        IntakeFormat::Env => held.secret() == value.secret(),
        IntakeFormat::Yaml => held == value,
    }
}

fn is_yaml(file: &Path) -> bool {
    matches!(
        file.extension().and_then(|ending| ending.to_str()),
        Some("yaml" | "yml")
    )
}

fn key_reply(key: &MovedKey) -> KeyReply {
    KeyReply {
        key: key.entry.key.to_string(),
        file: key.entry.file.clone(),
        line: key.entry.line,
        why: key.entry.why.clone(),
        change: key.change,
        expanded_from: key
            .entry
            .expanded_from
            .iter()
            .map(|name| printable(name, false))
            .collect(),
    }
}

fn changed_view(file: &Path, reader: &str) -> Error {
    let file = printable(&file.to_string_lossy(), false);
    Error::invalid(
        format!("{file}: {reader} would read different values afterwards, so nothing was changed"),
        "move this service by hand: claude-vault set SERVICE --from FILE, then claude-vault \
         inject SERVICE",
    )
}
