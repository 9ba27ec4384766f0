//! Files of services: written from Vault, searched for entries, and made into examples.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool, template};
use crate::audit::Action;
use crate::core::entries::{FileEntry, FileKind, Refused, Section, Seen, first_of, look};
use crate::core::{Core, example, inject, scan};
use crate::error::Error;
use crate::mcp::handles::{Origin, Place};
use crate::mcp::public::{Entry, Name, PublicPath, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::State;
use crate::names::{Outside, PublicName, Service};

/// Arguments of `vault_inject`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct InjectArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// The format, instead of the one found
    format: Option<Format>,
    /// The .env or secrets.yaml to write, below the project's root, instead of the usual one; the
    /// user is asked
    file: Option<String>,
    /// Instead of the template on disk and all keys from Vault: lines KEY=VALUE (key: value for
    /// YAML), where a value is a handle or plain text, comment lines and blank lines; the user is
    /// asked
    template: Option<String>,
}

/// The format of a file.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::mcp) enum Format {
    Env,
    Yaml,
}

public_words! {
    /// What happened to a file.
    pub(in crate::mcp) enum FileState {
        /// It is new.
        Created,
        /// It replaced another, which is kept as a backup.
        Updated,
    }
}

public_reply! {
    /// A file that was written.
    pub(in crate::mcp) struct InjectReply {
        /// The service
        service: Service,
        /// The file, below the root; absent where its name is unusual
        file: Option<PublicPath>,
        /// What happened to it
        state: FileState,
        /// How many keys were written
        keys: u64,
        /// Whether git would take the file or its backups into a commit: tell the user
        git_would_commit_it: bool,
    }
}

/// `vault_inject`
pub(in crate::mcp) struct Inject;

impl Tool for Inject {
    const TITLE: &'static str = "Write a service's .env or secrets.yaml";
    const DESCRIPTION: &'static str = "Write a service's secrets from Vault into its .env or secrets.yaml, from the template on disk, so \
        that its program reads every value exactly. The values are not shown. The old file is kept as a backup. The user is asked \
        where the file has lines of their own, where no template is on disk, and for a template or a place of yours.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: true,
    };
    type Arguments = InjectArguments;
    type Reply = InjectReply;

    async fn run(
        context: Context<'_>,
        arguments: InjectArguments,
    ) -> Result<Outcome<InjectReply>, Refusal> {
        let core = context.state.core();
        let request = injection(context.state, arguments)?;
        let work = move |person| async move {
            let injected = inject::inject(&core, request, &person).await?;
            let git_would_commit_it = !injected.warnings.is_empty();
            let (service, outcome) = injected
                .services
                .into_iter()
                .next()
                .ok_or(Error::Interrupted)?;
            let reply = outcome?;
            let state = match reply.state {
                inject::State::Created => FileState::Created,
                inject::State::Updated | inject::State::Unchanged => FileState::Updated,
            };
            let file = PublicPath::new(&reply.file);
            Ok(InjectReply {
                service,
                file,
                state,
                keys: reply.keys as u64,
                git_would_commit_it,
            })
        };
        context.with_person(work).await
    }
}

fn injection(state: &State, arguments: InjectArguments) -> Result<inject::Request, Refusal> {
    let format = arguments.format.map(|format| match format {
        Format::Env => inject::Format::Env,
        Format::Yaml => inject::Format::Yaml,
    });
    let file = arguments.file.map(PathBuf::from);
    // The file's name tells how it will be read, so it must be written that way.
    let by_name = match file.as_deref().map(FileKind::of) {
        None => None,
        Some(Some(FileKind::Env)) => Some(inject::Format::Env),
        Some(Some(FileKind::Yaml)) => Some(inject::Format::Yaml),
        Some(Some(FileKind::Compose) | None) => return Err(Refused::OtherKind.into()),
    };
    let wanted = by_name.or(format);
    if format.is_some() && wanted != format {
        return Err(Refusal::argument(
            "format and file do not fit together",
            &[],
            "leave format out",
        ));
    }
    let template = arguments
        .template
        .map(|text| template::parse(state, &text, wanted))
        .transpose()?;
    let (template, format) = match template {
        Some((template, format)) => (Some(template), Some(format)),
        None => (None, wanted),
    };
    Ok(inject::Request {
        services: vec![arguments.service],
        format,
        file,
        template,
        ..inject::Request::default()
    })
}

/// Arguments of the scans.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ScanArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// The file, below the project's root, instead of the one found
    file_path: Option<String>,
}

public_reply! {
    /// A `.env` file.
    pub(in crate::mcp) struct EnvReply {
        /// The service whose file it is
        service: Service,
        /// The file, below the root
        file: PublicPath,
        /// Whether claude-vault wrote it; then the entries are those that it wrote, without handles
        written_by_claude_vault: Option<bool>,
        /// Whether something else changed it since
        changed_since: Option<bool>,
        /// Its entries, in order. One whose name may be a part of a secret has a number instead
        entries: Vec<Entry>,
    }

    /// A service of a compose file.
    pub(in crate::mcp) struct ComposeService {
        /// Its name there
        name: Option<Name>,
        /// Its number, from 1, where the name is not shown
        number: Option<u64>,
        /// Its environment, in order
        entries: Vec<Entry>,
    }

    /// A compose file.
    pub(in crate::mcp) struct ComposeReply {
        /// The service whose file it is
        service: Service,
        /// The file, below the root
        file: PublicPath,
        /// Its services
        services: Vec<ComposeService>,
    }
}

/// `vault_scan_env`
pub(in crate::mcp) struct ScanEnv;

impl Tool for ScanEnv {
    const TITLE: &'static str = "Find the entries of a .env file";
    const DESCRIPTION: &'static str = "Find the entries of a service's .env file: names in order, each with a handle for its value, never \
        values. vault_set takes the handles, so that a service can be moved into Vault without its secrets being seen.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = ScanArguments;
    type Reply = EnvReply;

    async fn run(
        context: Context<'_>,
        arguments: ScanArguments,
    ) -> Result<Outcome<EnvReply>, Refusal> {
        let (state, service) = (context.state, arguments.service);
        let usual = vec![Path::new(service.as_str()).join(".env")];
        let (file, seen) =
            scanned(state, &service, arguments.file_path, usual, FileKind::Env).await?;
        let place = public(&file)?;
        Ok(Outcome::Done(match seen {
            Seen::Ours { record, is_changed } => EnvReply {
                service,
                file: place,
                written_by_claude_vault: Some(true),
                changed_since: Some(is_changed),
                entries: record
                    .keys
                    .iter()
                    .enumerate()
                    .map(|(at, key)| recorded(at + 1, key))
                    .collect(),
            },
            Seen::Sections(sections) => {
                let entries: Vec<FileEntry> = sections
                    .into_iter()
                    .flat_map(|section| section.entries)
                    .collect();
                let entries = with_handles(state, &file, "", &entries)?;
                EnvReply {
                    service,
                    file: place,
                    written_by_claude_vault: None,
                    changed_since: None,
                    entries,
                }
            }
        }))
    }
}

/// `vault_scan_compose`
pub(in crate::mcp) struct ScanCompose;

impl Tool for ScanCompose {
    const TITLE: &'static str = "Find the environment in a docker compose file";
    const DESCRIPTION: &'static str = "Find the environment variables that a docker compose file gives to each of its services: names in \
        order, each with a handle for its value, never values.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = ScanArguments;
    type Reply = ComposeReply;

    async fn run(
        context: Context<'_>,
        arguments: ScanArguments,
    ) -> Result<Outcome<ComposeReply>, Refusal> {
        let (state, service) = (context.state, arguments.service);
        let folder = Path::new(service.as_str());
        let usual = scan::COMPOSE_NAMES
            .iter()
            .map(|name| folder.join(name))
            .collect();
        let (file, seen) = scanned(
            state,
            &service,
            arguments.file_path,
            usual,
            FileKind::Compose,
        )
        .await?;
        let place = public(&file)?;
        let sections = match seen {
            Seen::Sections(sections) => sections,
            Seen::Ours { .. } => return Err(Refused::Unreadable.into()),
        };
        let each = sections.iter().enumerate().map(|(at, section)| {
            let name = section.name.as_ref().and_then(Outside::public);
            let number = name.is_none().then_some(at as u64 + 1);
            let within = name.as_ref().map_or_else(
                || format!(" service {}", at + 1),
                |name| format!(" {}", name.as_str()),
            );
            let entries = with_handles(state, &file, &within, &section.entries)?;
            Ok(ComposeService {
                name: name.as_ref().map(Name::from),
                number,
                entries,
            })
        });
        let services = each.collect::<Result<_, Refusal>>()?;
        Ok(Outcome::Done(ComposeReply {
            service,
            file: place,
            services,
        }))
    }
}

/// Looks at the file that was named, or at the first of the usual ones. Reading may wait for a
/// disk, so it is done on a thread of its own.
async fn scanned(
    state: &State,
    service: &Service,
    named: Option<String>,
    usual: Vec<PathBuf>,
    kind: FileKind,
) -> Result<(PathBuf, Seen), Refusal> {
    let core = state.core();
    let work = move || found(&core, named, &usual, kind);
    let _turn = state.turn().await;
    let looked = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Interrupted)?;
    let outcome = match &looked {
        Ok((file, _)) => file.display().to_string(),
        Err(_) => "failed".to_owned(),
    };
    let _ = state
        .core()
        .audit
        .record(Action::Scan, service.as_str(), &outcome)
        .await;
    Ok(looked?)
}

fn found(
    core: &Core,
    named: Option<String>,
    usual: &[PathBuf],
    kind: FileKind,
) -> Result<(PathBuf, Seen), Refused> {
    let file = match named {
        Some(file) => PathBuf::from(file),
        None => first_of(core, usual).ok_or(Refused::Missing)?,
    };
    look(core, &file, kind)
}

fn public(file: &Path) -> Result<PublicPath, Refusal> {
    let rule = "a path has letters, digits, blanks and the signs . _ - @ +";
    PublicPath::new(file)
        .ok_or_else(|| Refusal::argument("that path has unusual characters", &[], rule))
}

/// The entries as the model sees them, each with a new handle.
fn with_handles(
    state: &State,
    file: &Path,
    within: &str,
    entries: &[FileEntry],
) -> Result<Vec<Entry>, Refusal> {
    let each = entries.iter().enumerate().map(|(at, entry)| {
        let name = entry.name.public();
        let key = name.as_ref().map_or_else(
            || format!("entry {}", at + 1),
            |name| name.as_str().to_owned(),
        );
        let origin = Origin {
            place: Place::File(format!("{}{within}", file.display())),
            key,
        };
        state
            .entry(at + 1, name.as_ref().map(Name::from), origin, &entry.value)
            .map_err(Refusal::from)
    });
    each.collect()
}

/// A key that this program wrote.
fn recorded(number: usize, key: &str) -> Entry {
    let name = PublicName::of_stored_key(key).as_ref().map(Name::from);
    Entry {
        entry: name.is_none().then_some(number as u64),
        name,
        handle: None,
        value: None,
    }
}

/// Arguments of `vault_generate_example`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ExampleArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// The .env or compose file, below the project's root, instead of the one found
    file_path: Option<String>,
    /// What the file is [default: env]
    format: Option<ExampleFormat>,
}

/// What an example is made of.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::mcp) enum ExampleFormat {
    Env,
    Compose,
}

public_reply! {
    /// An example that was written.
    pub(in crate::mcp) struct ExampleReply {
        /// The service
        service: Service,
        /// The file that it was made of
        source: PublicPath,
        /// The example, below the root
        file: Option<PublicPath>,
        /// How many entries the source has
        entries: u64,
    }
}

/// `vault_generate_example`
pub(in crate::mcp) struct GenerateExample;

impl Tool for GenerateExample {
    const TITLE: &'static str = "Write a .env.example or docker-compose.example.yml";
    const DESCRIPTION: &'static str = "Write a template that can be committed: the .env or compose file with its comments and order, and \
        every secret taken out. vault_inject fills a .env.example with the values from Vault. The user is asked where the example has \
        lines of their own, and for a compose file.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: true,
    };
    type Arguments = ExampleArguments;
    type Reply = ExampleReply;

    async fn run(
        context: Context<'_>,
        arguments: ExampleArguments,
    ) -> Result<Outcome<ExampleReply>, Refusal> {
        let (state, service) = (context.state, arguments.service);
        let folder = Path::new(service.as_str());
        let (format, kind, usual) = match arguments.format.unwrap_or(ExampleFormat::Env) {
            ExampleFormat::Env => (
                example::Format::Env,
                FileKind::Env,
                vec![folder.join(".env")],
            ),
            ExampleFormat::Compose => {
                let usual = scan::COMPOSE_NAMES
                    .iter()
                    .map(|name| folder.join(name))
                    .collect();
                (example::Format::Compose, FileKind::Compose, usual)
            }
        };
        let (file, seen) = scanned(state, &service, arguments.file_path, usual, kind).await?;
        let source = public(&file)?;
        let entries = match seen {
            Seen::Sections(sections) => sections
                .iter()
                .map(|section: &Section| section.entries.len() as u64)
                .sum(),
            Seen::Ours { .. } => {
                return Err(Refusal::not_allowed(
                    "claude-vault wrote that file, so it is no source for an example",
                    "the template that it was written from is the example",
                ));
            }
        };
        if file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("example"))
        {
            return Err(Refusal::argument(
                "that file is an example already",
                &[],
                "name the file with the values",
            ));
        }
        let core: Arc<Core> = state.core();
        let work = move |person| async move {
            let reply =
                example::example(&core, Some(&service), format, Some(&file), None, &person).await?;
            Ok(ExampleReply {
                service,
                source,
                file: PublicPath::new(&reply.file),
                entries,
            })
        };
        context.with_person(work).await
    }
}
