//! `inject`: a service's values as the `.env` or `secrets.yaml` that its program reads.

mod git;
mod place;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(super) use self::place::reader_beside;
use self::place::{Places, Target};
pub use self::render::Changes;
use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::{Content, Root, Written};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Service, printable};
use crate::secret::{Secret, Value};
use crate::vault::{Client, Secrets, Stored};

/// The format of an injected file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `KEY=value` lines
    Env,
    /// A flat `secrets.yaml`
    Yaml,
}

/// What to inject.
#[derive(clap::Args, Default)]
pub struct Request {
    /// The services; a last word `env` or `yaml` is taken as the format
    #[arg(value_name = "SERVICE", required_unless_present = "all", conflicts_with = "all", value_parser = Service::from_folder)]
    pub services: Vec<Service>,
    /// Every service that has a folder here
    #[arg(long)]
    pub all: bool,
    /// The format, instead of the one found
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The file, instead of the one found; FILE.example is its template
    #[arg(long, conflicts_with = "all")]
    pub file: Option<PathBuf>,
    /// Who reads the .env file, instead of guessing by the files beside it: one or several, as in compose,shell
    #[arg(long, value_enum, value_delimiter = ',', hide_possible_values = true)]
    pub dialect: Vec<Dialect>,
    /// Add the file and its backups to .gitignore where git would take them
    #[arg(long)]
    pub gitignore: bool,
    /// Show which keys would change, and write nothing
    #[arg(long)]
    pub diff: bool,
    /// Write nothing, and exit with 1 when something would change
    #[arg(long)]
    pub check: bool,
    /// The file's whole text, instead of an example and Vault's keys
    #[arg(skip)]
    pub given: Option<Given>,
    /// Tell nothing that depends on values: whoever asks could guess at them
    #[arg(skip)]
    pub discreet: bool,
}

/// A text to write with values in it: an entry whose value is a stand-in gets the secret.
#[derive(Clone)]
pub struct Given {
    /// The text.
    pub text: String,
    /// What stands for a value in it.
    pub stand_ins: BTreeMap<String, Secret>,
}

impl Given {
    /// The keys that get a secret.
    fn secrets(&self, target: &Target) -> Result<Secrets> {
        let found: Vec<(String, &Secret)> = render::values_in(target, &self.text)?
            .into_iter()
            .filter_map(|(key, value)| Some((key, self.stand_ins.get(&value)?)))
            .collect();
        let secrets: Secrets = found.iter().map(|(key, secret)| (key.clone(), Value::Text((*secret).clone()))).collect();
        let uses: usize = self.stand_ins.keys().map(|stand_in| self.text.matches(stand_in.as_str()).count()).sum();
        // In a comment, inside a longer text, or on a key that stands twice: it would be written out.
        if secrets.len() != uses {
            return Err(Error::invalid(
                "a handle in the template is not the whole value of one key",
                "each handle stands alone: KEY=@token-…   (or KEY: @token-… in YAML)",
            ));
        }
        Ok(secrets)
    }
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reply {
    /// The service.
    pub service: Service,
    /// The file, below the root.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    /// Who reads it, for a `.env` file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dialects: Vec<Dialect>,
    /// The files beside it that tell so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guessed_from: Vec<String>,
    /// What happened, or would happen, to it.
    pub state: State,
    /// How many keys it has from Vault.
    pub keys: usize,
    /// Which keys differ from the file as it was.
    #[serde(flatten)]
    pub changes: Changes,
    /// Whether an example was the template; without one, the file itself is.
    pub from_example: bool,
    /// Keys that Vault lacks: they keep the template's default.
    pub defaults: Vec<String>,
    /// Other readers that would misread the file: which keys, or where they stop.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub misread: BTreeMap<String, Vec<Dialect>>,
    /// The old content, in the same folder.
    pub backup: Option<String>,
    /// What to know of the text.
    pub remarks: Vec<String>,
    /// What to know.
    pub warnings: Vec<String>,
}

/// What became of each service, in their order, and what concerns them all.
pub struct Injected {
    /// The outcomes.
    pub services: Vec<(Service, Result<Reply>)>,
    /// Services that `all` left out: nothing in their folders tells which file they want.
    pub left_out: Vec<Service>,
    /// What to know.
    pub warnings: Vec<String>,
    /// What else was done.
    pub notes: Vec<String>,
}

/// Injects, several services at the same time.
///
/// # Errors
/// For all: no session, or nothing to inject. For each: [`Error::Unwritable`] for a value that
/// its readers would not read back, [`Error::Confined`] for a path that leaves the root,
/// [`Error::Invalid`] where place or format cannot be found, and Vault's refusals; its old file
/// is then untouched.
pub async fn inject(core: &Core, mut request: Request) -> Result<Injected> {
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
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for service in &request.services {
        match places.find(&request, service) {
            Ok(None) => left_out.push(service.clone()),
            Ok(Some(target)) => targets.push((service.clone(), Ok(target))),
            Err(error) => targets.push((service.clone(), Err(error))),
        }
    }
    one_service_a_file(&targets)?;
    let (vault, request) = (&vault, &request);
    let each = stream::iter(targets).map(|(service, target)| async move {
        let outcome = one(core, vault, request, &service, target).await;
        (service, outcome)
    });
    let services: Vec<(Service, Result<Reply>)> = each.buffered(AT_ONCE).collect().await;
    let advice = if request.only_looks() { git::Advice::default() } else { advice(core, request, &services).await };
    Ok(Injected { services, left_out, warnings: advice.warnings, notes: advice.notes })
}

/// Waiting for git must not hold up a server that does other things meanwhile.
async fn advice(core: &Core, request: &Request, services: &[(Service, Result<Reply>)]) -> git::Advice {
    let Ok(root) = Root::open(&core.settings.root) else { return git::Advice::default() };
    let files: Vec<PathBuf> = services.iter().filter_map(|(_, outcome)| Some(outcome.as_ref().ok()?.file.clone())).collect();
    let log = core.audit.path().strip_prefix(root.path()).ok().map(Path::to_owned);
    let ignore = request.gitignore;
    let work = move || git::keep_out(&root, &files, log.as_deref(), ignore);
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
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
    let (mut reply, unlogged) = core.audited(action, Some(service), outcome, details).await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn work(core: &Core, vault: &Client, request: &Request, service: &Service, target: Target) -> Result<Reply> {
    let root = Root::open(&core.settings.root)?;
    let before = root.read(&target.file)?;
    let example = if request.given.is_some() { None } else { root.read(&target.example)? };
    let secrets = match &request.given {
        Some(given) => given.secrets(&target)?,
        None => match vault.read_service(service, None).await? {
            Stored::Present { secrets, .. } => secrets,
            Stored::Deleted { .. } | Stored::Absent => return Err(no_service(service)),
        },
    };
    let header = header(&target, request, service, example.is_some());
    let old = text(&target.file, before.as_ref())?.unwrap_or_default();
    let (path, template) = match (&request.given, text(&target.example, example.as_ref())?) {
        (Some(given), _) => (&target.file, given.text.as_str()),
        (None, Some(template)) => (&target.example, template),
        (None, None) => (&target.file, old),
    };
    let source = render::Source { path, template, header: &header, has_example: example.is_some() };
    let rendered = render::render(&target, &secrets, &source)?;
    // Another header alone is no reason to write the file, and to keep a backup.
    let same = before.is_some() && !request.discreet && render::same_but_header(old, &rendered.text);
    let content = if same { Zeroizing::new(old.to_owned()) } else { rendered.text };
    let mut reply = Reply {
        service: service.clone(),
        file: target.file.clone(),
        format: target.format,
        dialects: target.dialects.clone(),
        guessed_from: match &target.source {
            place::Source::Guessed(signs) => signs.iter().map(|name| printable(name, false)).collect(),
            place::Source::Told | place::Source::Nothing => Vec::new(),
        },
        state: match &before {
            None => State::Created,
            Some(_) if same => State::Unchanged,
            Some(_) => State::Updated,
        },
        keys: secrets.len(),
        changes: render::changes(&target, old, &content),
        from_example: example.is_some(),
        defaults: rendered.defaults,
        misread: rendered.misread,
        backup: None,
        remarks: rendered.remarks,
        warnings: Vec::new(),
    };
    if !request.only_looks() {
        write(root, &target, content, before, request.discreet, &mut reply).await?;
    }
    if request.discreet && !request.only_looks() {
        // Which keys differ from the file before, and what in the values which reader would stumble over.
        (reply.changes, reply.misread) = Default::default();
    }
    Ok(reply)
}

/// Writes on a thread of its own: waiting for the disk must not hold up the other services.
async fn write(
    root: Root,
    target: &Target,
    content: Zeroizing<String>,
    before: Option<Content>,
    discreet: bool,
    reply: &mut Reply,
) -> Result<()> {
    let file = target.file.clone();
    let work = move || {
        // Whether there is a backup would tell whether the content is what it was.
        if discreet {
            root.replace(&file, content.as_bytes(), before.as_ref())
        } else {
            root.write(&file, content.as_bytes(), before.as_ref())
        }
    };
    let stopped = |_| Error::io("write", &target.file)(std::io::ErrorKind::Other.into());
    if let Written::Replaced { backup } = tokio::task::spawn_blocking(work).await.map_err(stopped)?? {
        reply.backup = Some(backup);
    }
    Ok(())
}

/// A file's text; what is not UTF-8 is refused.
pub(super) fn text<'a>(path: &Path, content: Option<&'a Content>) -> Result<Option<&'a str>> {
    let Some(content) = content else { return Ok(None) };
    std::str::from_utf8(&content.bytes)
        .map(Some)
        .map_err(|_| Error::Confined { path: path.to_owned(), reason: "it is not UTF-8 text" })
}

fn header(target: &Target, request: &Request, service: &Service, from_example: bool) -> Vec<String> {
    if request.given.is_some() {
        return vec![
            format!("{}{service}) and a template.", render::HEADER_MARKS[0]),
            render::HEADER_MARKS[2].into(),
            "#".into(),
        ];
    }
    let name = target.example.file_name().unwrap_or_default().to_string_lossy();
    let source = if from_example { format!(" and {}", printable(&name, false)) } else { String::new() };
    let dialects: Vec<&str> = request.dialect.iter().map(|dialect| dialect.name()).collect();
    let dialect = if dialects.is_empty() { String::new() } else { format!(" --dialect {}", dialects.join(",")) };
    vec![
        format!("{}{service}){source}.", render::HEADER_MARKS[0]),
        format!("# Make it again: {}{dialect}", target.command),
        "# It holds secrets: do not commit it.".into(),
        "#".into(),
    ]
}

/// The command that finds the same file again, without its dialect.
fn command(request: &Request, service: &Service, file: &Path) -> String {
    let format = match request.format {
        Some(Format::Env) => " --format env",
        Some(Format::Yaml) => " --format yaml",
        None => "",
    };
    let told = request.file.as_ref().map(|_| format!(" --file {}", printable(&quoted_word(&file.to_string_lossy()), false)));
    format!("claude-vault inject {service}{format}{}", told.unwrap_or_default())
}

/// A word for a shell, quoted only where it must be.
fn quoted_word(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    if plain { text.to_owned() } else { shell::quote(text) }
}
