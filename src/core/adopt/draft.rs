//! Assigns the files and keys of a folder to services, before Vault is contacted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::intake::{self, IntakeEntry, IntakeFormat};
use super::project::Facts;
use super::report::Stay;
use super::survey::{Unit, plain};
use super::texts::FileTexts;
use crate::core::Core;
use crate::core::entries::own_reader;
use crate::error::Result;
use crate::files::Root;
use crate::format::compose::env_file_dialect;
use crate::format::dotenv::Dialect;
use crate::names::Service;

/// A service with the files and keys that adoption would give it.
pub(super) struct ServiceDraft {
    pub(super) service: Service,
    /// Whether `.claude-vault.toml` must list its files.
    pub(super) is_mapped: bool,
    pub(super) files: Vec<FileDraft>,
    pub(super) stays: Vec<Stay>,
}

/// An env file or a `secrets.yaml`, with its entries.
pub(super) struct FileDraft {
    pub(super) file: PathBuf,
    pub(super) format: IntakeFormat,
    /// The dialect of its reader, if it is an env file.
    pub(super) reader: Dialect,
    pub(super) secrets: Vec<IntakeEntry>,
    pub(super) harmless: Vec<String>,
}

/// The current content of `.claude-vault.toml`: the service of each listed file, and the names of
/// all configured services.
#[derive(Default)]
pub(super) struct Config {
    pub(super) owners: BTreeMap<PathBuf, Service>,
    pub(super) services: Vec<String>,
}

/// The project's config file, which lists the files of services.
pub(super) const CONFIG: &str = ".claude-vault.toml";

impl Config {
    pub(super) fn read(root: &Root) -> Result<Self> {
        let mut config = Self::default();
        let content = root.read_trusted(Path::new(CONFIG))?;
        let Some(content) = content else {
            return Ok(config);
        };
        let table: toml::Table = std::str::from_utf8(&content.bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let Some(services) = table.get("services").and_then(toml::Value::as_table) else {
            return Ok(config);
        };
        for (name, entry) in services {
            config.services.push(name.clone());
            let Ok(service) = name.parse::<Service>() else {
                continue;
            };
            let listed = entry
                .get("files")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten();
            let files = listed
                .filter_map(|one| one.get("file").or(Some(one)))
                .chain(entry.get("file"));
            let files = files.filter_map(toml::Value::as_str).map(PathBuf::from);
            config
                .owners
                .extend(files.map(|file| (file, service.clone())));
        }
        Ok(config)
    }
}

/// The services of a unit. The first is the service of the unit's folder.
pub(super) fn drafts(
    core: &Core,
    texts: &FileTexts<'_>,
    unit: &Unit,
    facts: &[Facts],
    config: &Config,
    all_keys: bool,
) -> Vec<ServiceDraft> {
    let main = ServiceDraft {
        service: unit.service.clone(),
        is_mapped: unit.is_mapped,
        files: Vec::new(),
        stays: Vec::new(),
    };
    let mut drafts = vec![main];
    let env = in_order(unit, facts)
        .into_iter()
        .map(|file| (file, IntakeFormat::Env));
    let yaml = unit.yaml.iter().map(|file| (file, IntakeFormat::Yaml));
    for (file, format) in env.chain(yaml) {
        let Some(text) = texts.text(file) else {
            stays_whole(&mut drafts[0], file, "it is not UTF-8 text");
            continue;
        };
        let (reader, intake) = match format {
            IntakeFormat::Env => {
                let reader = reader_of(core, facts, file);
                (reader, intake::of_env(file, &text, reader, all_keys))
            }
            IntakeFormat::Yaml => (Dialect::Portable, intake::of_yaml(file, &text, all_keys)),
        };
        let found = FileDraft {
            file: file.clone(),
            format,
            reader,
            secrets: intake.secrets,
            harmless: intake.harmless,
        };
        place(&mut drafts, unit, config, found, intake.stays);
    }
    for file in secret_files(texts, unit, facts) {
        stays_whole(
            &mut drafts[0],
            file,
            "the whole file is one secret, which docker compose mounts into a container",
        );
    }
    drafts
}

/// The files of a unit that docker compose mounts as secrets.
fn secret_files<'a>(
    texts: &FileTexts<'_>,
    unit: &Unit,
    facts: &'a [Facts],
) -> impl Iterator<Item = &'a PathBuf> {
    facts
        .iter()
        .flat_map(|one| &one.secret_files)
        .filter(move |file| file.starts_with(&unit.folder) && texts.content(file).is_some())
}

/// The env files of a unit in order of precedence: docker compose's own `.env`, then the order in
/// which the compose files name them. If two files cannot share a service, the first one keeps it.
fn in_order<'a>(unit: &'a Unit, facts: &[Facts]) -> Vec<&'a PathBuf> {
    let own = unit.folder.join(".env");
    let named: Vec<&PathBuf> = facts.iter().flat_map(|one| &one.container_order).collect();
    let rank = |file: &PathBuf| match named.iter().position(|other| *other == file) {
        _ if *file == own => (0, 0),
        Some(place) => (1, place),
        None => (2, 0),
    };
    let mut files: Vec<&PathBuf> = unit.env.iter().collect();
    files.sort_by_key(|file| rank(file));
    files
}

fn stays_whole(draft: &mut ServiceDraft, file: &Path, reason: &str) {
    draft.stays.push(Stay {
        file: file.to_owned(),
        line: 0,
        key: None,
        secret: true,
        reason: reason.to_owned(),
    });
}

/// The dialect of the program that reads an env file.
pub(super) fn reader_of(core: &Core, facts: &[Facts], file: &Path) -> Dialect {
    match facts.iter().find_map(|one| one.container_files.get(file)) {
        Some(is_raw) => env_file_dialect(*is_raw),
        None => own_reader(core, file),
    }
}

/// Adds a file to the service that the config names, or else to the folder's service. If the
/// folder's service has a different value for one of the file's keys, the file gets a service of
/// its own.
fn place(
    drafts: &mut Vec<ServiceDraft>,
    unit: &Unit,
    config: &Config,
    found: FileDraft,
    stays: Vec<Stay>,
) {
    let differs = |entry: &IntakeEntry| {
        let known = drafts[0]
            .files
            .iter()
            .flat_map(|file| &file.secrets)
            .find(|known| known.key == entry.key);
        known.is_some_and(|known| known.value != entry.value)
    };
    let configured = config
        .owners
        .get(&found.file)
        .filter(|service| **service != unit.service);
    let apart = match configured {
        Some(service) => Some(service.clone()),
        None => found
            .secrets
            .iter()
            .any(differs)
            .then(|| separate(&unit.service, &found.file))
            .flatten(),
    };
    match apart {
        None => {
            drafts[0].files.push(found);
            drafts[0].stays.extend(stays);
        }
        Some(service) => match drafts.iter_mut().find(|draft| draft.service == service) {
            Some(draft) => {
                draft.files.push(found);
                draft.stays.extend(stays);
            }
            None => drafts.push(ServiceDraft {
                service,
                is_mapped: true,
                files: vec![found],
                stays,
            }),
        },
    }
}

/// The separate service of a file that cannot share its folder's service.
fn separate(service: &Service, file: &Path) -> Option<Service> {
    let name = file.file_name()?.to_str()?;
    let stem = ["yaml", "yml", "env"]
        .iter()
        .find_map(|end| name.strip_suffix(end)?.strip_suffix('.'))
        .unwrap_or(name);
    let stem = plain(stem.trim_start_matches('.'));
    let nested = format!("{service}/{stem}").parse().ok();
    nested.or_else(|| format!("{service}-{stem}").parse().ok())
}
