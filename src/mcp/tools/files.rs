//! Tools for the files of a service: write them from Vault, list their entries, and make examples
//! of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool, template};
use crate::audit::Action;
use crate::core::entries::{FileEntry, FileKind, Refused, Section, Seen, first_of, look};
use crate::core::{Core, example, inject, scan};
use crate::error::Error;
use crate::mcp::handles::{HandleOrigin, HandlePlace};
use crate::mcp::public::{Name, PublicEntry, PublicPath, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::names::{ForeignName, PublicName, Service};

/// Arguments of `vault_inject`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct InjectArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// The format, instead of the detected one
    format: Option<Format>,
    /// The .env or secrets.yaml to write, below the project's root, instead of the usual file; the
    /// user must approve it
    file: Option<String>,
    /// A template, instead of the template on disk and all keys from Vault: KEY=VALUE lines (key:
    /// value for YAML), where a value is a handle or plain text, comment lines and blank lines; the
    /// user must approve it
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
        /// The file is new.
        Created,
        /// It replaced an older file, which is kept as a backup.
        Updated,
    }
}

public_reply! {
    /// A file that was written.
    pub(in crate::mcp) struct InjectReply {
        /// The service
        service: Service,
        /// The file, below the root; absent if its name has unusual characters
        file: Option<PublicPath>,
        /// What happened to it
        state: FileState,
        /// How many keys were written
        keys: u64,
        /// Whether git would commit the file or its backups; if so, tell the user
        git_would_commit_it: bool,
    }
}

/// `vault_inject`
pub(in crate::mcp) struct Inject;

impl Tool for Inject {
    const TITLE: &'static str = "Write a service's .env or secrets.yaml";
    const DESCRIPTION: &'static str = "Write a service's secrets from Vault into its .env or secrets.yaml, based on the template on disk, so \
        that the program reads every value exactly. The values are not shown to you. The old file is kept as a backup. The user must \
        approve it if the file has lines of their own, if there is no template on disk, or if you give a template or a file.";
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
                inject::FileOutcome::Created => FileState::Created,
                inject::FileOutcome::Updated | inject::FileOutcome::Unchanged => FileState::Updated,
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

fn injection(
    state: &ServerState,
    arguments: InjectArguments,
) -> Result<inject::InjectRequest, Refusal> {
    let format = arguments.format.map(|format| match format {
        Format::Env => inject::FileFormat::Env,
        Format::Yaml => inject::FileFormat::Yaml,
    });
    let file = arguments.file.map(PathBuf::from);
    // Programs choose the format by the file's name, so the file must be written in that format.
    let by_name = match file.as_deref().map(FileKind::of) {
        None => None,
        Some(Some(FileKind::Env)) => Some(inject::FileFormat::Env),
        Some(Some(FileKind::Yaml)) => Some(inject::FileFormat::Yaml),
        Some(Some(FileKind::Compose) | None) => return Err(Refused::OtherKind.into()),
    };
    let wanted = by_name.or(format);
    if format.is_some() && wanted != format {
        return Err(Refusal::argument(
            "format does not match the name of file",
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
    Ok(inject::InjectRequest {
        services: vec![arguments.service],
        format,
        file,
        template,
        ..inject::InjectRequest::default()
    })
}

/// Arguments of `vault_scan_env` and `vault_scan_compose`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ScanArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// The file, below the project's root, instead of the usual file
    file_path: Option<String>,
}

public_reply! {
    /// A `.env` file.
    pub(in crate::mcp) struct EnvReply {
        /// The service that the file belongs to
        service: Service,
        /// The file, below the root
        file: PublicPath,
        /// True if claude-vault wrote the file; then the entries are the keys that it wrote,
        /// without handles
        written_by_claude_vault: Option<bool>,
        /// Whether something else has changed the file since
        changed_since: Option<bool>,
        /// Its entries, in order. An entry whose name may be part of a secret has a number instead
        entries: Vec<PublicEntry>,
    }

    /// A service of a compose file.
    pub(in crate::mcp) struct ComposeService {
        /// Its name in the compose file
        name: Option<Name>,
        /// Its number, from 1, if the name is not shown
        number: Option<u64>,
        /// The entries of its environment, in order
        entries: Vec<PublicEntry>,
    }

    /// A compose file.
    pub(in crate::mcp) struct ComposeReply {
        /// The service that the file belongs to
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
        values. vault_set accepts the handles, so a service can be moved into Vault without showing its secrets.";
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
    const DESCRIPTION: &'static str = "Find the environment variables of each service in a docker compose file: names in order, each with a \
        handle for its value, never values.";
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
            let name = section.name.as_ref().and_then(ForeignName::public);
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

/// Reads the named file, or the first of the usual files that exists. Reading may block on the
/// disk, so it runs on its own thread.
async fn scanned(
    state: &ServerState,
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
    let rule = "use a path of letters, digits, spaces and . _ - @ + only";
    PublicPath::new(file)
        .ok_or_else(|| Refusal::argument("that path has unusual characters", &[], rule))
}

/// The entries as the model sees them, each with a new handle.
fn with_handles(
    state: &ServerState,
    file: &Path,
    within: &str,
    entries: &[FileEntry],
) -> Result<Vec<PublicEntry>, Refusal> {
    let each = entries.iter().enumerate().map(|(at, entry)| {
        let name = entry.name.public();
        let key = name.as_ref().map_or_else(
            || format!("entry {}", at + 1),
            |name| name.as_str().to_owned(),
        );
        let origin = HandleOrigin {
            place: HandlePlace::File(format!("{}{within}", file.display())),
            key,
        };
        state
            .entry(at + 1, name.as_ref().map(Name::from), origin, &entry.value)
            .map_err(Refusal::from)
    });
    each.collect()
}

/// The entry for a key that this program wrote into a file.
fn recorded(number: usize, key: &str) -> PublicEntry {
    let name = PublicName::of_stored_key(key).as_ref().map(Name::from);
    PublicEntry {
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
    /// The .env or compose file, below the project's root, instead of the usual file
    file_path: Option<String>,
    /// The kind of the file [default: env]
    format: Option<ExampleFormat>,
}

/// The kind of file that an example is made from.
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
        /// The file that the example was made from
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
    const DESCRIPTION: &'static str = "Write a template that can be committed: the .env or compose file with its comments and order, but \
        without any secret. vault_inject fills a .env.example with the values from Vault. The user must approve it if the example has \
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
                example::ExampleFormat::Env,
                FileKind::Env,
                vec![folder.join(".env")],
            ),
            ExampleFormat::Compose => {
                let usual = scan::COMPOSE_NAMES
                    .iter()
                    .map(|name| folder.join(name))
                    .collect();
                (example::ExampleFormat::Compose, FileKind::Compose, usual)
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
                    "claude-vault wrote that file, so no example is made from it",
                    "use the template that the file was written from",
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
