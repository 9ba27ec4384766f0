//! Renders the text of each export format, and decides which keys a format cannot represent.

mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use zeroize::Zeroizing;

use self::typed::{json_text, yaml_text};
use super::{ExportFormat, ExportRequest, Source, named};
use crate::core::exec::steering;
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect, MAX_VARIABLE};
use crate::format::{kubernetes, shell};
use crate::names::{Key, Service, is_variable, printable};
use crate::secret::{Value, WayOut};

/// The rendered output: a single text, or a file for each key.
pub(super) struct RenderedExport {
    /// The texts. If there is a file for each key, each text has its path below the output folder.
    pub(super) files: Vec<(Option<PathBuf>, Zeroizing<String>)>,
    pub(super) left_out: Vec<String>,
    skipped: BTreeSet<(Service, String)>,
}

impl RenderedExport {
    pub(super) fn is_left_out(&self, service: &Service, key: &str) -> bool {
        self.skipped.contains(&(service.clone(), key.to_owned()))
    }
}

/// A key in the output.
struct Item<'a> {
    key: &'a str,
    value: &'a Value,
}

impl Item<'_> {
    fn text(&self) -> &str {
        self.value.secret().expose(WayOut::Export)
    }
}

/// A service with the keys that the format can represent.
struct Part<'a> {
    service: &'a Service,
    items: Vec<Item<'a>>,
}

/// Renders the services.
///
/// # Errors
/// [`Error::Unwritable`] for a value that the format cannot represent, and with `strict` also for a
/// name that it cannot represent; [`Error::Invalid`] if two services would overwrite each other.
pub(super) fn render(
    sources: &[Source],
    request: &ExportRequest,
    as_json: bool,
) -> Result<RenderedExport> {
    let is_alone = sources.len() == 1;
    let mut rendered = RenderedExport {
        files: Vec::new(),
        left_out: Vec::new(),
        skipped: BTreeSet::new(),
    };
    let mut parts = Vec::new();
    for source in sources {
        let mut part = Part {
            service: &source.service,
            items: Vec::new(),
        };
        for (key, value) in &source.secrets {
            match unfit(request, key) {
                None => part.items.push(Item { key, value }),
                Some(reason) => {
                    rendered.left_out.push(format!(
                        "{} ({reason})",
                        named(&source.service, key, is_alone)
                    ));
                    rendered
                        .skipped
                        .insert((source.service.clone(), key.clone()));
                }
            }
        }
        parts.push(part);
    }
    if let Some(first) = rendered.left_out.first().filter(|_| request.strict) {
        return Err(Error::Unwritable {
            file: request.format.word().into(),
            keys: first.clone(),
            reader: "its readers".into(),
            reason: "the format cannot represent the name".into(),
            hint: "omit --strict to leave the key out, or use --format json or yaml".into(),
        });
    }
    rendered.files = match request.format {
        ExportFormat::Json => vec![(None, json_text(&parts)?)],
        ExportFormat::Yaml => vec![(None, yaml_text(&parts))],
        ExportFormat::Env => vec![(None, lines(&parts, |item| env_line(item, request))?)],
        ExportFormat::Shell => vec![(None, lines(&parts, shell_line)?)],
        ExportFormat::K8sSecret => vec![(None, kubernetes_text(&parts, as_json)?)],
        ExportFormat::DockerSecrets => secret_files(&parts)?,
    };
    Ok(rendered)
}

/// The reason why a key of this name is left out, if it is.
fn unfit(request: &ExportRequest, key: &str) -> Option<&'static str> {
    const NO_VARIABLE: &str =
        "a variable name may contain only A-Z a-z 0-9 _ and must not start with a digit";
    match request.format {
        ExportFormat::Json | ExportFormat::Yaml => None,
        ExportFormat::Env | ExportFormat::Shell if !is_variable(key) => Some(NO_VARIABLE),
        ExportFormat::Env if !is_for_shells(request) => None,
        ExportFormat::Env | ExportFormat::Shell if dotenv::is_special_to_shells(key) => {
            Some("shells keep a variable of that name for themselves")
        }
        // Without this check, anyone who may write the service could run code in a shell that reads
        // the output.
        ExportFormat::Env | ExportFormat::Shell => {
            steering::refusal_reason(key).filter(|_| !request.only.iter().any(|only| only == key))
        }
        ExportFormat::K8sSecret => (!kubernetes::is_key(key))
            .then_some("a key of a Secret may contain only A-Z a-z 0-9 - _ ."),
        ExportFormat::DockerSecrets => (!Key::is_valid(key) || key.starts_with(['-', '.']))
            .then_some(
                "a secret's file name may contain only A-Z a-z 0-9 - _ . and must not \
                start with - or .",
            ),
    }
}

/// Whether a shell may read the lines, which is assumed if no dialect is given.
fn is_for_shells(request: &ExportRequest) -> bool {
    request.dialect.is_empty()
        || request
            .dialect
            .iter()
            .any(|one| matches!(one, Dialect::Portable | Dialect::Shell))
}

/// `KEY=value` lines of all services, grouped under comments with their names. A key that several
/// services share must have the same value in each and is written once.
fn lines(
    parts: &[Part<'_>],
    line: impl Fn(&Item<'_>) -> Result<Zeroizing<String>>,
) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let mut owners: BTreeMap<&str, (&Service, &Value)> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        if parts.len() > 1 {
            text.push_str(if at == 0 { "# " } else { "\n# " });
            text.push_str(part.service.as_str());
            text.push('\n');
        }
        for item in &part.items {
            match owners.insert(item.key, (part.service, item.value)) {
                None => text.push_str(&line(item)?),
                Some((_, value)) if value == item.value => {}
                Some((other, _)) => {
                    return Err(Error::invalid(
                        format!(
                            "{other} and {} both have {} with different values",
                            part.service, item.key
                        ),
                        "export the services one by one, choose keys with --only, or use \
                         --format json",
                    ));
                }
            }
        }
    }
    Ok(text)
}

fn env_line(item: &Item<'_>, request: &ExportRequest) -> Result<Zeroizing<String>> {
    let dialects = if request.dialect.is_empty() {
        &[Dialect::Portable][..]
    } else {
        &request.dialect
    };
    let unwritable = |reason: &str| {
        let readers: Vec<&str> = dialects.iter().map(|dialect| dialect.reader()).collect();
        Error::Unwritable {
            file: "env".into(),
            keys: printable(item.key, false),
            reader: readers.join(" and "),
            reason: reason.into(),
            hint: "name the program that reads it: --dialect compose (or another), or use \
                   --format json"
                .into(),
        }
    };
    let value = dotenv::write(dialects, item.text()).map_err(unwritable)?;
    Ok(Zeroizing::new(format!("{}={}\n", item.key, value.as_str())))
}

fn shell_line(item: &Item<'_>) -> Result<Zeroizing<String>> {
    let text = item.text();
    let reason = if text.contains('\0') {
        "an environment variable cannot contain a NUL byte"
    } else if text.len() > MAX_VARIABLE {
        "an environment variable cannot be larger than 127 KiB"
    } else {
        return Ok(Zeroizing::new(format!(
            "export {}={}\n",
            item.key,
            Zeroizing::new(shell::quote(text)).as_str()
        )));
    };
    Err(Error::Unwritable {
        file: "shell".into(),
        keys: printable(item.key, false),
        reader: "a shell".into(),
        reason: reason.into(),
        hint: "choose other keys with --only, or use --format json".into(),
    })
}

fn kubernetes_text(parts: &[Part<'_>], as_json: bool) -> Result<Zeroizing<String>> {
    let mut names: BTreeMap<String, &Service> = BTreeMap::new();
    let mut manifests = Vec::new();
    for part in parts {
        let service = part.service;
        let name = kubernetes::name_of(service.as_str()).ok_or_else(|| {
            Error::invalid(
                format!("{service} cannot be turned into a valid name of a Kubernetes Secret"),
                "copy it under another name first: claude-vault copy SERVICE OTHER",
            )
        })?;
        if let Some(other) = names.insert(name.clone(), service) {
            return Err(Error::invalid(
                format!("{other} and {service} would both be the Secret {name}"),
                "export the services one by one, and rename one of the Secrets",
            ));
        }
        let values: Vec<(&str, &str)> = part
            .items
            .iter()
            .map(|item| (item.key, item.text()))
            .collect();
        if values.iter().map(|(_, value)| value.len()).sum::<usize>() > kubernetes::MAX_SECRET {
            return Err(Error::Unwritable {
                file: "k8s-secret".into(),
                keys: format!("the keys of {service}"),
                reader: "Kubernetes".into(),
                reason: "a Secret holds at most 1 MiB".into(),
                hint: "choose some of the keys with --only".into(),
            });
        }
        manifests.push(if as_json {
            kubernetes::manifest_json(&name, &values)
        } else {
            kubernetes::manifest(&name, &values)
        });
    }
    let joined = |between: &str| {
        Zeroizing::new(
            manifests
                .iter()
                .map(|text| text.as_str())
                .collect::<Vec<_>>()
                .join(between),
        )
    };
    Ok(match (as_json, manifests.len()) {
        (false, _) => joined("---\n"),
        (true, 1) => joined(""),
        (true, _) => Zeroizing::new(format!(
            r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#,
            joined(", ").as_str()
        )),
    })
}

/// A file for each key, named `KEY`, or `SERVICE/KEY` if there are several services.
fn secret_files(parts: &[Part<'_>]) -> Result<Vec<(Option<PathBuf>, Zeroizing<String>)>> {
    let mut files: BTreeMap<PathBuf, Zeroizing<String>> = BTreeMap::new();
    for part in parts {
        let folder = if parts.len() == 1 {
            PathBuf::new()
        } else {
            PathBuf::from(part.service.as_str())
        };
        for item in &part.items {
            files.insert(
                folder.join(item.key),
                Zeroizing::new(item.text().to_owned()),
            );
        }
    }
    // This happens with a service a/b and a key b in the service a.
    let is_folder = |path: &PathBuf| {
        files
            .keys()
            .any(|other| other != path && other.starts_with(path))
    };
    if let Some(clash) = files.keys().find(|path| is_folder(path)) {
        return Err(Error::invalid(
            format!(
                "{} would have to be both a file and a folder",
                printable(&clash.to_string_lossy(), false)
            ),
            "export the services one by one, each into its own folder",
        ));
    }
    Ok(files
        .into_iter()
        .map(|(path, text)| (Some(path), text))
        .collect())
}
