//! `inject`: a service's values as the `.env` or `secrets.yaml` that its program reads.

mod git;
mod place;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::place::{Places, Source, Target};
pub use self::render::Changes;
use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::{Content, Root, Written};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Service, printable};
use crate::vault::{Client, Stored};

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
    /// Who reads the .env file, instead of guessing by the files beside it
    #[arg(long, value_enum, value_delimiter = ',', hide_possible_values = true)]
    #[serde(default)]
    pub dialect: Vec<Dialect>,
    /// Add the file and its backups to .gitignore when git would track them
    #[arg(long)]
    #[serde(default)]
    pub gitignore: bool,
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
#[derive(Serialize, JsonSchema)]
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
    let find = |service: &Service| (service.clone(), places.find(&request, service));
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
    let header = header(&target, request, service, example.is_some());
    let (path, template) = match text(&target.example, example.as_ref())? {
        Some(template) => (&target.example, template),
        None => (&target.file, text(&target.file, before.as_ref())?.unwrap_or_default()),
    };
    let rendered = render::render(service, &target, &secrets, path, template, &header)?;
    let old = text(&target.file, before.as_ref())?.unwrap_or_default();
    let mut reply = Reply {
        service: service.clone(),
        file: target.file.clone(),
        format: target.format,
        dialects: target.dialects.clone(),
        guessed_from: match &target.source {
            Source::Guessed(signs) => signs.iter().map(|name| printable(name, false)).collect(),
            Source::Told | Source::Nothing => Vec::new(),
        },
        state: match &before {
            None => State::Created,
            Some(before) if before.bytes.as_slice() == rendered.text.as_bytes() => State::Unchanged,
            Some(_) => State::Updated,
        },
        keys: secrets.len(),
        changes: render::changes(&target, old, &rendered.text),
        defaults: rendered.defaults,
        backup: None,
        warnings: rendered.warnings,
    };
    if !request.only_looks() {
        write(root, &target, rendered.text, before, request.gitignore, &mut reply).await?;
    }
    Ok(reply)
}

/// Writes on a thread of its own: waiting for the disk, and for git, must not hold up the other
/// services.
async fn write(
    root: Root,
    target: &Target,
    content: Zeroizing<String>,
    before: Option<Content>,
    ignore: bool,
    reply: &mut Reply,
) -> Result<()> {
    let file = target.file.clone();
    let work = move || {
        // Before the secrets lie there.
        let tracked = git::keep_out(&root, &file, ignore)?;
        let written = root.write(&file, content.as_bytes(), before.as_ref())?;
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

/// A file's text; what is not UTF-8 is refused.
pub(super) fn text<'a>(path: &Path, content: Option<&'a Content>) -> Result<Option<&'a str>> {
    let Some(content) = content else { return Ok(None) };
    std::str::from_utf8(&content.bytes)
        .map(Some)
        .map_err(|_| Error::Confined { path: path.to_owned(), reason: "it is not UTF-8 text" })
}

fn header(target: &Target, request: &Request, service: &Service, from_example: bool) -> Vec<String> {
    let name = target.example.file_name().unwrap_or_default().to_string_lossy();
    let source = if from_example { format!(" and {}", printable(&name, false)) } else { String::new() };
    let format = match request.format {
        Some(Format::Env) => " --format env",
        Some(Format::Yaml) => " --format yaml",
        None => "",
    };
    let dialects: Vec<&str> = request.dialect.iter().map(|dialect| dialect.name()).collect();
    let dialect = if dialects.is_empty() { String::new() } else { format!(" --dialect {}", dialects.join(",")) };
    let file = request
        .file
        .as_ref()
        .map(|_| format!(" --file {}", printable(&quoted_word(&target.file.to_string_lossy()), false)))
        .unwrap_or_default();
    vec![
        format!("{} from Vault ({service}){source}.", render::HEADER_MARK),
        format!("# Make it again: claude-vault inject {service}{format}{dialect}{file}"),
        "# It holds secrets: do not commit it.".into(),
        "#".into(),
    ]
}

/// A word for a shell, quoted only where it must be.
fn quoted_word(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    if plain { text.to_owned() } else { shell::quote(text) }
}
