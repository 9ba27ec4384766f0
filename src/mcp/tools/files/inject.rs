//! `vault_inject`: writes a file of a service from Vault.

use std::path::PathBuf;

use serde::Deserialize;

use crate::core::entries::{FileKind, Refused};
use crate::core::inject;
use crate::error::Error;
use crate::mcp::public::{PublicPath, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::mcp::tools::{Context, Hints, Outcome, Tool, template};
use crate::names::Service;

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
