//! `inject`: a service's values as the `.env` or `secrets.yaml` that its program reads.

pub(in crate::core) mod git;
mod place;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(in crate::core) use self::git::tracked as tracked_by_git;
use self::place::{Places, Target};
pub(super) use self::place::{Readers, reader_beside, readers_of};
pub use self::render::Changes;
pub(in crate::core) use self::render::HEADER_START;
use super::plan::{FileWrite, Plan};
use super::{Audience, Core, no_service};
use crate::approval::{Approver, FilePreview};
use crate::audit::Action;
use crate::config::AskBefore;
use crate::error::{Error, Result};
use crate::files::record::{Kind, Record, Records, Standing, standing};
use crate::files::{Content, FileChange, Root, Written};
use crate::format::dotenv::Dialect;
use crate::format::shell;
use crate::names::{Key, Service, printable};
use crate::secret::Value;
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
    /// A template, instead of an example and all of Vault's keys
    #[arg(skip)]
    pub template: Option<Template>,
}

/// A template that a model sent: entries, comments and blank lines, each known by itself, so that
/// no text of the model surrounds a value.
#[derive(Clone, Default)]
pub struct Template {
    /// Its lines, in order.
    pub lines: Vec<TemplateLine>,
    /// Where values come from other than the service itself.
    pub sources: Vec<String>,
    /// Why a value cannot be written.
    pub obstacle: Option<String>,
}

/// A line of a template.
#[derive(Clone)]
pub enum TemplateLine {
    /// Nothing.
    Blank,
    /// A comment, without the `#`.
    Comment(String),
    /// A key with its value.
    Entry {
        /// The key.
        key: Key,
        /// The value.
        value: Value,
        /// Whether the value is the model's own text, which the person may see.
        is_literal: bool,
    },
}

impl Template {
    /// The lines without values.
    fn skeleton(&self, format: Format) -> String {
        self.lines.iter().fold(String::new(), |text, line| match (line, format) {
            (TemplateLine::Blank, _) => text + "\n",
            (TemplateLine::Comment(comment), _) => text + "#" + comment + "\n",
            (TemplateLine::Entry { key, .. }, Format::Env) => text + key.as_str() + "=\n",
            (TemplateLine::Entry { key, .. }, Format::Yaml) => text + key.as_str() + ":\n",
        })
    }

    fn secrets(&self) -> Secrets {
        let entry = |line: &TemplateLine| match line {
            TemplateLine::Entry { key, value, .. } => Some((key.to_string(), value.clone())),
            TemplateLine::Blank | TemplateLine::Comment(_) => None,
        };
        self.lines.iter().filter_map(entry).collect()
    }

    /// The keys whose values are the model's own text.
    fn literals(&self) -> BTreeSet<String> {
        let literal = |line: &TemplateLine| match line {
            TemplateLine::Entry { key, is_literal: true, .. } => Some(key.to_string()),
            TemplateLine::Entry { .. } | TemplateLine::Blank | TemplateLine::Comment(_) => None,
        };
        self.lines.iter().filter_map(literal).collect()
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

/// How often a file that changed in the meantime is worked out again.
const MAX_ATTEMPTS: usize = 50;
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

/// Injects, several services at the same time. `approver` is asked where a person must approve.
///
/// # Errors
/// For all: no session, or nothing to inject. For each: [`Error::Unwritable`] for a value that
/// its readers would not read back, [`Error::Confined`] for a path that leaves the root,
/// [`Error::Invalid`] where place or format cannot be found, and Vault's refusals; its old file
/// is then untouched.
pub async fn inject(core: &Core, mut request: Request, approver: &impl Approver) -> Result<Injected> {
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
        let outcome = one(core, vault, request, &service, target, approver).await;
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

async fn one(
    core: &Core,
    vault: &Client,
    request: &Request,
    service: &Service,
    target: Result<Target>,
    approver: &impl Approver,
) -> Result<Reply> {
    let target = match target {
        Ok(target) => target,
        Err(error) => return Err(note_failure(core, service, error).await),
    };
    // Another of us may write the same file at the same time: then it is worked out again, unless a
    // person looked at it.
    for _ in 0..MAX_ATTEMPTS {
        match attempt(core, vault, request, service, &target, approver).await {
            Err(Error::Conflict { .. }) if core.audience == Audience::Person => {}
            outcome => return outcome,
        }
    }
    Err(Error::Conflict { service: service.to_string() })
}

/// Notes an injection that could not even be planned.
async fn note_failure(core: &Core, service: &Service, error: Error) -> Error {
    let failed: Result<()> = Err(error);
    let failed = core.audited(Action::Inject, Some(service), failed, |()| String::new()).await;
    failed.err().unwrap_or(Error::Declined)
}

async fn attempt(
    core: &Core,
    vault: &Client,
    request: &Request,
    service: &Service,
    target: &Target,
    approver: &impl Approver,
) -> Result<Reply> {
    let planned = plan(core, vault, request, service, target).await;
    if request.only_looks() {
        let details = |(reply, _): &(Reply, FileWrite)| format!("{:?} {}", reply.state, reply.file.display());
        let ((mut reply, _), unlogged) = core.audited(Action::DryRun, Some(service), planned, details).await?;
        reply.warnings.extend(unlogged);
        return Ok(reply);
    }
    let (mut reply, write) = match planned {
        Ok(planned) => planned,
        Err(error) => return Err(note_failure(core, service, error).await),
    };
    let committed = Plan::new(write).approve(core, approver).await?.commit(core, approver).await?;
    if let Written::Replaced { backup } = committed.done {
        reply.backup = Some(backup);
    }
    reply.warnings.extend(committed.unlogged);
    Ok(reply)
}

/// Works out what the file would be: all of its bytes, before anybody is asked.
async fn plan(core: &Core, vault: &Client, request: &Request, service: &Service, target: &Target) -> Result<(Reply, FileWrite)> {
    let root = Root::open(&core.settings.root)?;
    let before = root.read(&target.file)?;
    let example = if request.template.is_some() { None } else { root.read(&target.example)? };
    let record = Records::new(&core.settings.state).of(root.path(), &target.file)?;
    let standing = standing(record.as_ref(), before.as_ref());
    let known = Known { standing, record: record.as_ref(), has_example: example.is_some() };
    let is_person = core.audience == Audience::Person;
    let secrets = match &request.template {
        Some(template) => template.secrets(),
        None => match vault.read_service(service, None).await? {
            Stored::Present { secrets, .. } => secrets,
            Stored::Deleted { .. } | Stored::Absent => return Err(no_service(service)),
        },
    };
    let old = text(&target.file, before.as_ref()).map(Option::unwrap_or_default);
    let skeleton = request.template.as_ref().map(|template| template.skeleton(target.format));
    let (path, template) = match (skeleton, text(&target.example, example.as_ref())?) {
        (Some(skeleton), _) => (&target.file, Some(skeleton)),
        (None, Some(template)) => (&target.example, Some(template.to_owned())),
        (None, None) => (&target.file, old.as_ref().ok().map(|old| (*old).to_owned())),
    };
    // Where the old file is no template, a model's call does not depend on its bytes.
    let old = if is_person { old? } else { old.unwrap_or_default() };
    let keys: Vec<String> = secrets.keys().cloned().collect();
    let draft = Draft {
        target: target.clone(),
        path: path.clone(),
        template: Zeroizing::new(template.clone().unwrap_or_default()),
        header: header(target, request, service, example.is_some()),
        has_example: example.is_some(),
        secrets,
        literals: request.template.as_ref().map(Template::literals).unwrap_or_default(),
        may_be_unasked: is_unasked(core, request, service, target, &known),
        is_person,
    };
    let Drawing { rendered, unasked, masked_text } = draft.draw().await?;
    let rendered = template.ok_or_else(|| not_utf8(path)).and(rendered);
    let (rendered, obstacle) = match rendered {
        Ok(rendered) => (rendered, None),
        // A model that asks a person learns of this what it learns of a no.
        Err(error) if !is_person && !unasked => (render::Rendered::default(), Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let obstacle = request.template.as_ref().and_then(|template| template.obstacle.clone()).or(obstacle);
    // Another header alone is no reason to write the file, and to keep a backup.
    let same = before.is_some() && is_person && render::same_but_header(old, &rendered.text);
    let preview = masked_text.map(|masked_text| FilePreview {
        path: printable(&target.file.to_string_lossy(), false),
        masked_text,
        note: note(standing),
    });
    let content = if same { Zeroizing::new(old.to_owned()) } else { rendered.text };
    let reply = Reply {
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
        keys: keys.len(),
        changes: if is_person { render::changes(target, old, &content) } else { Changes::default() },
        from_example: example.is_some(),
        defaults: rendered.defaults,
        misread: rendered.misread,
        backup: None,
        remarks: rendered.remarks,
        warnings: Vec::new(),
    };
    let change = FileChange {
        file: target.file.clone(),
        kind: Kind::Secrets,
        service: Some(service.to_string()),
        keys,
        content,
        before,
        skip_if_same: is_person,
    };
    let mut write = FileWrite::new(Action::Inject, change);
    write.unasked = unasked;
    write.preview = preview.into_iter().collect();
    write.obstacle = obstacle;
    if let Some(template) = &request.template {
        write.warnings = template.sources.iter().map(|source| format!("a value comes from {source}")).collect();
        write.sources.clone_from(&template.sources);
    }
    Ok((reply, write))
}

fn not_utf8(path: &Path) -> Error {
    Error::Confined { path: path.to_owned(), reason: "it is not UTF-8 text" }
}

/// The largest file that a model may have written, in bytes. Far below the largest that is read, so
/// that no size of a value makes a file of ours unreadable.
const MAX_DRAWN: usize = 1024 * 1024;
/// The longest template on disk that is filled in for a model, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

/// All that a file is made from.
struct Draft {
    target: Target,
    path: PathBuf,
    template: Zeroizing<String>,
    header: Vec<String>,
    has_example: bool,
    secrets: Secrets,
    literals: BTreeSet<String>,
    may_be_unasked: bool,
    is_person: bool,
}

/// What a draft comes to.
struct Drawing {
    rendered: Result<render::Rendered>,
    /// Whether it may be written without asking.
    unasked: bool,
    /// The text as a person sees it, where one is asked.
    masked_text: Option<String>,
}

impl Draft {
    /// Renders the file. For a model this is done on a thread of its own: its calls must not hold up
    /// the server, whatever they ask for.
    async fn draw(self) -> Result<Drawing> {
        if self.is_person {
            return Ok(self.draw_now());
        }
        let file = self.target.file.clone();
        let stopped = |_| Error::io("write", file)(std::io::ErrorKind::Other.into());
        tokio::task::spawn_blocking(move || self.draw_now()).await.map_err(stopped)
    }

    fn draw_now(self) -> Drawing {
        let Self { target, secrets, literals, .. } = &self;
        let source =
            render::Source { path: &self.path, template: &self.template, header: &self.header, has_example: self.has_example };
        if self.is_person {
            return Drawing { rendered: render::render(target, secrets, &source), unasked: true, masked_text: None };
        }
        let is_small = self.template.len() <= MAX_TEMPLATE;
        let unasked = self.may_be_unasked && is_small && render::is_plain(target, secrets, &source);
        let rendered = if is_small { render::render(target, secrets, &source) } else { Err(self.too_large()) };
        let rendered = match rendered {
            Ok(rendered) if rendered.text.len() > MAX_DRAWN => Err(self.too_large()),
            outcome => outcome,
        };
        let masked = |tidy| if is_small { render::masked(target, secrets, literals, &source, tidy) } else { String::new() };
        let masked_text = (!unasked).then(|| masked(rendered.as_ref().is_ok_and(|rendered| rendered.tidy)));
        Drawing { rendered, unasked, masked_text }
    }

    fn too_large(&self) -> Error {
        Error::Unwritable {
            file: printable(&self.target.file.to_string_lossy(), false),
            keys: "all keys".into(),
            reader: "an assistant's tool".into(),
            reason: "the template is larger than 256 KiB, or the file than 1 MiB".into(),
            hint: format!("claude-vault inject {}", self.target.service),
        }
    }
}

/// What is known of the file that would be written.
struct Known<'a> {
    standing: Standing,
    record: Option<&'a Record>,
    has_example: bool,
}

/// Whether a model may have the file written without asking: the service's own file, in its usual
/// place, from a template on disk, and nobody but this program wrote what is there. A place that
/// `.claude-vault.toml` names is asked about once. Nothing here depends on a value.
fn is_unasked(core: &Core, request: &Request, service: &Service, target: &Target, known: &Known<'_>) -> bool {
    let is_written_for_this_service =
        known.record.is_some_and(|record| record.kind == Kind::Secrets && record.service.as_deref() == Some(service.as_str()));
    let is_ours = match known.standing {
        Standing::New => known.record.is_none() || is_written_for_this_service,
        Standing::Unchanged => is_written_for_this_service,
        Standing::Changed | Standing::Foreign => false,
    };
    let place_is_known = match target.place {
        place::Place::Usual => known.has_example || is_written_for_this_service,
        place::Place::Project => is_written_for_this_service,
        place::Place::Request => false,
    };
    !core.settings.ask_before.contains(&AskBefore::Inject) && request.template.is_none() && is_ours && place_is_known
}

/// What the person is told about the file that is there.
fn note(standing: Standing) -> String {
    match standing {
        Standing::New => "This is a new file.",
        Standing::Unchanged => "It replaces the file that claude-vault wrote there.",
        Standing::Changed => {
            "It replaces a file that was edited since claude-vault wrote it. The edited file is kept as a backup."
        }
        Standing::Foreign => "It replaces a file that claude-vault did not write. That file is kept as a backup.",
    }
    .to_owned()
}

/// A file's text; what is not UTF-8 is refused.
pub(super) fn text<'a>(path: &Path, content: Option<&'a Content>) -> Result<Option<&'a str>> {
    let Some(content) = content else { return Ok(None) };
    std::str::from_utf8(&content.bytes)
        .map(Some)
        .map_err(|_| Error::Confined { path: path.to_owned(), reason: "it is not UTF-8 text" })
}

fn header(target: &Target, request: &Request, service: &Service, from_example: bool) -> Vec<String> {
    if request.template.is_some() {
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
