//! Where a service's file lies and in which format: as told, as `.claude-vault.toml` says, else
//! by what is there. A cloned repository may say this much and nothing more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Core;
use super::inject::{Format, text};
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::{Service, printable};

/// Where a service's files lie: the only thing that `.claude-vault.toml` may say.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ProjectConfig {
    services: BTreeMap<String, ServiceFiles>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct ServiceFiles {
    file: Option<PathBuf>,
    format: Option<Format>,
}

/// The file to write and the example it is made from.
pub(super) struct Target {
    pub(super) file: PathBuf,
    pub(super) example: PathBuf,
    pub(super) format: Format,
}

/// The root and what its `.claude-vault.toml` says, read once for all services.
pub(super) struct Places {
    root: Root,
    configured: BTreeMap<String, ServiceFiles>,
}

impl Places {
    pub(super) fn open(core: &Core) -> Result<Self> {
        let root = Root::open(&core.settings.root)?;
        let configured = project_config(&root)?.services;
        Ok(Self { root, configured })
    }

    /// The services of `all` that have a folder below the root or a place in the file.
    pub(super) fn with_a_place(&self, all: Vec<Service>) -> Result<Vec<Service>> {
        let has = |service: &Service| {
            self.configured.contains_key(service.as_str()) || self.root.has_folder(Path::new(service.as_str()))
        };
        let found: Vec<Service> = all.into_iter().filter(has).collect();
        if found.is_empty() {
            let hint = "go where the services' folders lie, or name it: --root DIR";
            return Err(Error::NotFound { what: "a folder of any service".into(), hint: hint.into() });
        }
        Ok(found)
    }

    /// Finds file and format: as told, as the file says, else by what lies there.
    pub(super) fn find(&self, format: Option<Format>, file: Option<&Path>, service: &Service) -> Result<Target> {
        let Self { root, configured } = self;
        let configured = configured.get(service.as_str()).cloned().unwrap_or_default();
        let format = format.or(configured.format);
        if let Some(file) = file.map(Path::to_owned).or(configured.file) {
            let file = root.relative(&file)?;
            let by_name = match file.extension().and_then(|ending| ending.to_str()) {
                Some("yaml" | "yml") => Format::Yaml,
                _ => Format::Env,
            };
            return Ok(placed(file, format.unwrap_or(by_name)));
        }
        let folder = Path::new(service.as_str());
        if !root.has_folder(folder) {
            return Err(Error::NotFound {
                what: format!("the folder {} in {}", service, root.path().display()),
                hint: format!(
                    "go where the services' folders lie, or: claude-vault inject {service} --root DIR   (or --file FILE)"
                ),
            });
        }
        by_what_is_there(root, folder, service, format)
    }
}

fn project_config(root: &Root) -> Result<ProjectConfig> {
    let path = Path::new(".claude-vault.toml");
    let content = root.read(path)?;
    let Some(text) = text(path, content.as_ref())? else { return Ok(ProjectConfig::default()) };
    toml::from_str(text).map_err(|error| {
        let reason = printable(error.message().lines().next().unwrap_or_default(), false);
        Error::invalid(
            format!(".claude-vault.toml: {reason}"),
            "it may say only where files lie: [services.NAME] with file = \"…\" and format = \"env\" or \"yaml\"",
        )
    })
}

fn by_what_is_there(root: &Root, folder: &Path, service: &Service, format: Option<Format>) -> Result<Target> {
    let env = folder.join(".env");
    let (deep, flat) = (folder.join("config/secrets.yaml"), folder.join("secrets.yaml"));
    let has = |file: &Path| root.has(file);
    if format != Some(Format::Yaml) && (format.is_some() || has(&example_of(&env))?) {
        return Ok(placed(env, Format::Env));
    }
    for file in [&deep, &flat] {
        if has(&example_of(file))? {
            return Ok(placed(file.clone(), Format::Yaml));
        }
    }
    for file in [&deep, &flat] {
        if has(file)? {
            return Ok(placed(file.clone(), Format::Yaml));
        }
    }
    if format == Some(Format::Yaml) || service.as_str() == "esphome" {
        return Ok(placed(deep, Format::Yaml));
    }
    if has(&env)? {
        return Ok(placed(env, Format::Env));
    }
    Err(Error::invalid(
        format!("{service}: nothing in its folder tells whether it wants .env or secrets.yaml"),
        format!("claude-vault inject {service} --format env   (or --format yaml)"),
    ))
}

fn placed(file: PathBuf, format: Format) -> Target {
    Target { example: example_of(&file), file, format }
}

fn example_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".example");
    PathBuf::from(name)
}
