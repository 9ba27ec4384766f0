//! `vault_scan_env` and `vault_scan_compose`: the entries of a file, with handles.

use std::path::Path;

use serde::Deserialize;

use super::{public, scanned, usual_compose_files};
use crate::core::entries::{FileEntry, FileKind, Refused, VisibleFile};
use crate::mcp::handles::{HandleOrigin, HandlePlace};
use crate::mcp::public::{Name, PublicEntry, PublicPath, public_reply};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::mcp::tools::secrets::named;
use crate::mcp::tools::{Context, Hints, Outcome, Tool};
use crate::names::{ForeignName, PublicName, Service};

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
            VisibleFile::Ours { record, is_changed } => EnvReply {
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
            VisibleFile::Sections(sections) => {
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
        let usual = usual_compose_files(&service);
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
            VisibleFile::Sections(sections) => sections,
            VisibleFile::Ours { .. } => return Err(Refused::Unreadable.into()),
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
    named(
        number,
        PublicName::of_stored_key(key).as_ref().map(Name::from),
    )
}
