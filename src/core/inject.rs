//! `inject`: a service's values as the `.env` or `secrets.yaml` that its program reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{Places, Target};
use super::{Core, git, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::{Content, Root, Written};
use crate::format::dotenv::{self, Portable};
use crate::format::edit::{Document, Edited, Entry, Style};
use crate::format::{shell, yaml};
use crate::names::{Service, is_variable, printable};
use crate::secret::{Value, WayOut};
use crate::vault::{Client, Secrets, Stored};

/// The format of an injected file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `KEY=value` lines
    Env,
    /// A flat `secrets.yaml`
    Yaml,
}

/// What to inject.
#[derive(clap::Args, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The services; a last word `env` or `yaml` is taken as the format
    #[arg(value_name = "SERVICE", required_unless_present = "all", conflicts_with = "all")]
    #[serde(default)]
    pub services: Vec<Service>,
    /// Every service that has a folder here
    #[arg(long)]
    #[serde(default)]
    pub all: bool,
    /// The format, instead of the one found
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The file, instead of the one found
    #[arg(long, conflicts_with = "all")]
    pub file: Option<PathBuf>,
    /// Show which keys would change, and write nothing
    #[arg(long)]
    #[serde(default)]
    pub diff: bool,
    /// Write nothing, and exit with 1 when something would change
    #[arg(long)]
    #[serde(default)]
    pub check: bool,
}

impl Request {
    /// Whether it only looks.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        self.diff || self.check
    }

    /// The old scripts took `inject SERVICE env`.
    fn take_old_format(&mut self) {
        if self.services.len() < 2 || self.format.is_some() {
            return;
        }
        self.format = match self.services.last().map(Service::as_str) {
            Some("env") => Some(Format::Env),
            Some("yaml") => Some(Format::Yaml),
            _ => return,
        };
        self.services.pop();
    }
}

/// How many services are worked on at the same time.
const AT_ONCE: usize = 16;

/// What happened to the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is new, or would be.
    Created,
    /// It has another content, or would have.
    Updated,
    /// It was right already.
    Unchanged,
}

/// What was injected.
#[derive(Serialize, JsonSchema, Debug)]
pub struct Reply {
    /// The service.
    pub service: Service,
    /// The file, below the root.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    /// What happened, or would happen, to it.
    pub state: State,
    /// How many keys it has from Vault.
    pub keys: usize,
    /// Keys that are new in the file.
    pub added: Vec<String>,
    /// Keys whose text is another.
    pub changed: Vec<String>,
    /// Keys that the file loses.
    pub removed: Vec<String>,
    /// Keys that Vault lacks: they keep the template's default.
    pub defaults: Vec<String>,
    /// The old content, in the same folder.
    pub backup: Option<String>,
    /// What to know.
    pub warnings: Vec<String>,
}

/// Injects, several services at the same time; gives the outcome of each, in their order.
///
/// # Errors
/// For all: no session, or nothing to inject. For each: [`Error::Unwritable`] for a value that
/// its readers would not read back, [`Error::Confined`] for a path that leaves the root,
/// [`Error::Invalid`] where place or format cannot be found, and Vault's refusals; its old file
/// is then untouched.
pub async fn inject(core: &Core, mut request: Request) -> Result<Vec<(Service, Result<Reply>)>> {
    request.take_old_format();
    if request.file.is_some() && request.services.len() > 1 {
        return Err(Error::invalid("--file is for one service", "inject them one by one"));
    }
    let vault = core.vault()?;
    let places = Places::open(core)?;
    if request.all {
        request.services = places.with_a_place(vault.list_services().await?.services)?;
    }
    let mut seen = BTreeSet::new();
    request.services.retain(|service| seen.insert(service.clone()));
    let find = |service: &Service| (service.clone(), places.find(request.format, request.file.as_deref(), service));
    let targets: Vec<(Service, Result<Target>)> = request.services.iter().map(find).collect();
    one_service_a_file(&targets)?;
    let (vault, request) = (&vault, &request);
    let each = stream::iter(targets).map(|(service, target)| async move {
        let outcome = one(core, vault, request, &service, target).await;
        (service, outcome)
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

fn one_service_a_file(targets: &[(Service, Result<Target>)]) -> Result<()> {
    let mut owners: BTreeMap<&Path, &Service> = BTreeMap::new();
    // A service without a place gets its own error when its turn comes.
    for (service, target) in targets.iter().filter_map(|(service, target)| Some((service, target.as_ref().ok()?))) {
        if let Some(other) = owners.insert(&target.file, service) {
            return Err(Error::invalid(
                format!("{other} and {service} would both be written to {}", printable(&target.file.to_string_lossy(), false)),
                "give each a file of its own in .claude-vault.toml",
            ));
        }
    }
    Ok(())
}

async fn one(core: &Core, vault: &Client, request: &Request, service: &Service, target: Result<Target>) -> Result<Reply> {
    let outcome = match target {
        Ok(target) => work(core, vault, request, service, target).await,
        Err(error) => Err(error),
    };
    let details = |reply: &Reply| format!("{:?} {} with {} keys", reply.state, reply.file.display(), reply.keys);
    let action = if request.only_looks() { Action::DryRun } else { Action::Inject };
    let (mut reply, unlogged) = core.audited(action, Some(service), outcome, details)?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn work(core: &Core, vault: &Client, request: &Request, service: &Service, target: Target) -> Result<Reply> {
    let secrets = match vault.read_service(service, None).await? {
        Stored::Present { secrets, .. } => secrets,
        Stored::Deleted { .. } | Stored::Absent => return Err(no_service(service)),
    };
    let root = Root::open(&core.settings.root)?;
    let before = root.read(&target.file)?;
    let example = root.read(&target.example)?;
    let mut warnings = Vec::new();
    let values = values(&target, &secrets, &mut warnings)?;
    let header = header(&target, request, service, example.is_some());
    let (path, template) = match text(&target.example, example.as_ref())? {
        Some(template) => (&target.example, template),
        None => (&target.file, text(&target.file, before.as_ref())?.unwrap_or_default()),
    };
    let refuse = |reason| Error::Confined { path: path.clone(), reason };
    let edited = filled(target.format, template, &values, &header).map_err(refuse)?;
    warnings.extend(warnings_of(target.format, &edited));
    let content = zeroize::Zeroizing::new(edited.text);

    let old = text(&target.file, before.as_ref())?.unwrap_or_default();
    let mut reply = difference(&target, service, old, &content, warnings);
    reply.keys = values.len();
    reply.defaults = edited.defaults.iter().map(|key| printable(key, false)).collect();
    reply.state = match &before {
        None => State::Created,
        Some(content_before) if content_before.bytes.as_slice() == content.as_bytes() => State::Unchanged,
        Some(_) => State::Updated,
    };
    if !request.only_looks() {
        write(root, &target, content, before, &mut reply).await?;
    }
    Ok(reply)
}

/// Puts the values into the template, and reads the outcome again: each value must stand there,
/// as it was meant, or the reason why it does not is given.
fn filled(
    format: Format,
    template: &str,
    values: &BTreeMap<String, String>,
    header: &[String],
) -> std::result::Result<Edited, &'static str> {
    let document = parse(format, template)?;
    let is_anchor = |entry: &Entry| values.contains_key(&entry.key) && template[entry.value.clone()].starts_with('&');
    if format == Format::Yaml && document.entries.iter().any(is_anchor) {
        return Err("a value that Vault sets has an anchor (&…) that other lines may refer to");
    }
    let edited = document.fill(template, values, &style(format, header));
    let again = parse(format, &edited.text)?;
    let stands = again.raw(&edited.text);
    if values.iter().any(|(key, text)| stands.get(key) != Some(&text.as_str())) {
        return Err("a value in it is written in a way that cannot be replaced safely");
    }
    Ok(edited)
}

fn warnings_of(format: Format, edited: &Edited) -> Vec<String> {
    let mut warnings = Vec::new();
    if !edited.repeated.is_empty() {
        warnings.push(format!("{} stands more than once in the template: each was set", list(&edited.repeated)));
    }
    if format == Format::Env && !edited.commented.is_empty() {
        let keys = list(&edited.commented);
        warnings.push(format!(
            "systemd and docker run --env-file read the comment behind {keys} as part of the value: give it a line of its own"
        ));
    }
    warnings
}

/// Writes on a thread of its own: waiting for the disk, and for git, must not hold up the other
/// services.
async fn write(
    root: Root,
    target: &Target,
    content: zeroize::Zeroizing<String>,
    before: Option<Content>,
    reply: &mut Reply,
) -> Result<()> {
    let file = target.file.clone();
    let work = move || {
        let written = root.write(&file, content.as_bytes(), before.as_ref())?;
        let backup =
            file.with_file_name(format!("{}.backup.00000000_000000", file.file_name().unwrap_or_default().to_string_lossy()));
        let tracked = (git::would_track(root.path(), &file) || git::would_track(root.path(), &backup))
            .then(|| untracked_hint(&root, &file));
        Ok((written, tracked))
    };
    let stopped = |_| Error::io("write", &target.file)(std::io::ErrorKind::Other.into());
    let (written, tracked) = tokio::task::spawn_blocking(work).await.map_err(stopped)??;
    if let Written::Replaced { backup } = written {
        reply.backup = Some(backup);
    }
    reply.warnings.extend(tracked);
    Ok(())
}

/// What to paste. The name may come from a cloned repository: it is quoted.
fn untracked_hint(root: &Root, file: &Path) -> String {
    let name = file.to_string_lossy();
    let (line, backups) = (shell::quote(&format!("/{name}")), shell::quote(&format!("/{name}.backup.*")));
    format!(
        "git would track {name} or its backups: printf '%s\\n' {line} {backups} >> .gitignore   (in {})",
        root.path().display()
    )
}

/// A file's text; what is not UTF-8 is refused.
pub(super) fn text<'a>(path: &Path, content: Option<&'a Content>) -> Result<Option<&'a str>> {
    let Some(content) = content else { return Ok(None) };
    std::str::from_utf8(&content.bytes)
        .map(Some)
        .map_err(|_| Error::Confined { path: path.to_owned(), reason: "it is not UTF-8 text" })
}

fn parse(format: Format, text: &str) -> std::result::Result<Document, &'static str> {
    match format {
        Format::Env => Ok(dotenv::parse(text)),
        Format::Yaml => yaml::parse(text),
    }
}

/// Each value as it stands in the file. A key or value that cannot stand there is refused.
fn values(target: &Target, secrets: &Secrets, warnings: &mut Vec<String>) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    let mut quoted = Vec::new();
    for (key, value) in secrets {
        let secret = value.secret().expose(WayOut::InjectedFile);
        let text = match (target.format, value) {
            (Format::Yaml, Value::Text(_)) => yaml::quote(secret),
            (Format::Yaml, Value::Json(_)) => yaml::json(secret),
            (Format::Env, _) => {
                let portable = portable(target, key, secret)?;
                if !portable.misread.is_empty() {
                    warnings.push(format!("{key}: {}", portable.misread.join("; ")));
                }
                if portable.quoted {
                    quoted.push(key.as_str());
                }
                portable.text
            }
        };
        values.insert(key.clone(), text);
    }
    if !quoted.is_empty() {
        let keys = quoted.join(", ");
        warnings
            .push(format!("docker run --env-file takes the quotes around {keys} as part of the value; docker compose does not"));
    }
    Ok(values)
}

fn portable(target: &Target, key: &str, secret: &str) -> Result<Portable> {
    let refuse = |reason: &str| Error::Unwritable {
        file: target.file.display().to_string(),
        key: printable(key, false),
        reason: reason.into(),
    };
    if !is_variable(key) {
        return Err(refuse("the name is no variable's name, and six readers then read nothing of the whole file"));
    }
    dotenv::quote(secret).map_err(refuse)
}

fn header(target: &Target, request: &Request, service: &Service, from_example: bool) -> Vec<String> {
    let name = target.example.file_name().unwrap_or_default().to_string_lossy();
    let source = if from_example { format!(" and {}", printable(&name, false)) } else { String::new() };
    let format = match request.format {
        Some(Format::Env) => " --format env",
        Some(Format::Yaml) => " --format yaml",
        None => "",
    };
    let file = request
        .file
        .as_ref()
        .map(|_| format!(" --file {}", printable(&quoted_word(&target.file.to_string_lossy()), false)))
        .unwrap_or_default();
    vec![
        format!("{HEADER_MARK} from Vault ({service}){source}."),
        format!("# Make it again: claude-vault inject {service}{format}{file}"),
        "# It holds secrets: do not commit it.".into(),
        "#".into(),
    ]
}

/// A word for a shell, quoted only where it must be.
fn quoted_word(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    if plain { text.to_owned() } else { shell::quote(text) }
}

const HEADER_MARK: &str = "# Written by claude-vault";

fn style(format: Format, header: &[String]) -> Style<'_> {
    let (line, separator): (fn(&str, &str) -> String, _) = match format {
        Format::Env => (|key, value| format!("{key}={value}"), Some("=")),
        Format::Yaml => (|key, value| format!("{}: {value}", yaml::quote(key)), None),
    };
    Style { line, separator, header, header_mark: HEADER_MARK, block: "# Only in Vault, not in the template:" }
}

/// Which keys have another text than before.
fn difference(target: &Target, service: &Service, old: &str, new: &str, warnings: Vec<String>) -> Reply {
    let parsed = |text: &str| parse(target.format, text).unwrap_or_default();
    let (old_document, new_document) = (parsed(old), parsed(new));
    let (before, after) = (old_document.raw(old), new_document.raw(new));
    let names = |keys: Vec<&String>| keys.into_iter().map(|key| printable(key, false)).collect();
    Reply {
        service: service.clone(),
        file: target.file.clone(),
        format: target.format,
        state: State::Unchanged,
        keys: 0,
        added: names(after.keys().filter(|key| !before.contains_key(*key)).collect()),
        changed: names(
            after.iter().filter(|(key, value)| before.get(*key).is_some_and(|old| old != *value)).map(|(key, _)| key).collect(),
        ),
        removed: names(before.keys().filter(|key| !after.contains_key(*key)).collect()),
        defaults: Vec::new(),
        backup: None,
        warnings,
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| printable(name, false)).collect::<Vec<_>>().join(", ")
}
