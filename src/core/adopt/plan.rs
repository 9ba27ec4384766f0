//! Plans an adoption: every byte of every file, and every key, before anyone is asked to approve.

mod finish;
mod service;
mod steps;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::draft::{self, Config, FileDraft, ServiceDraft};
use super::intake::{IntakeEntry, IntakeFormat};
use super::naming::{MovedSecrets, Naming};
use super::project::Facts;
use super::report::AdoptReply;
use super::request::{AdoptRequest, Prefer};
use super::survey::{Survey, Unit, survey};
use super::texts::{FileTexts, Overlay};
use super::written;
use crate::approval::FilePreview;
use crate::core::Core;
use crate::core::plan::{Adoption, AdoptionPart, Current};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::dotenv::{Dialect, readers_beside};
use crate::names::Service;
use crate::secret::Value;

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
            missing: None,
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
        missing: None,
        what: format!(
            "a folder {service} with .env, compose or secrets.yaml files in {}",
            core.settings.root.display()
        ),
        hint: "claude-vault adopt --all --dry-run   (shows every folder that has such files)"
            .into(),
    })
}

/// The plan for one service, from a draft that [`super::for_model`] made.
pub(super) fn of_draft(core: &Core, draft: ServiceDraft, current: Current) -> Result<Adoption> {
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
                not_looked_into: survey.mounted.clone(),
                ..AdoptReply::to(request)
            },
        }
    }

    fn unit(&mut self, unit: &Unit, mut drafts: Vec<ServiceDraft>, config: &Config) -> Result<()> {
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
    fn out_of_compose(&self, unit: &Unit, drafts: &[ServiceDraft]) -> MovedSecrets {
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
            let readers = readers_beside(names.iter().map(String::as_str), |name| {
                let content = self.texts.content(&folder.join(name));
                content.map(|content| content.bytes)
            });
            readers
                .iter()
                .any(|(dialect, _)| *dialect != Dialect::Compose)
        };
        folders
            .into_iter()
            .filter(has_others)
            .map(|folder| folder.join(".env"))
            .collect()
    }

    /// Whether a file with secrets is where `inject` does not look: deeper in the folder, and not
    /// named in a compose file.
    fn lies_elsewhere(&self, unit: &Unit, draft: &ServiceDraft) -> bool {
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
    fn list_in_config(&mut self, draft: &ServiceDraft, is_listed: bool, config: &Config) {
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
}

/// Adds a secret that was moved out of a compose file to the draft that contains its new `.env`.
fn add_moved(drafts: &mut [ServiceDraft], env_file: PathBuf, entry: IntakeEntry) {
    let place = |draft: &ServiceDraft| draft.files.iter().position(|file| file.file == env_file);
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
