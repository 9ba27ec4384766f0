//! `vault_generate_example`: writes an example of a file, without its secrets.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::{public, scanned, usual_compose_files};
use crate::core::entries::{FileKind, Section, VisibleFile};
use crate::core::{Core, example};
use crate::mcp::public::{PublicPath, public_reply};
use crate::mcp::refusal::Refusal;
use crate::mcp::tools::{Context, Hints, Outcome, Tool};
use crate::names::Service;

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
        let (format, kind, usual) = match arguments.format.unwrap_or(ExampleFormat::Env) {
            ExampleFormat::Env => (
                example::ExampleFormat::Env,
                FileKind::Env,
                vec![Path::new(service.as_str()).join(".env")],
            ),
            ExampleFormat::Compose => (
                example::ExampleFormat::Compose,
                FileKind::Compose,
                usual_compose_files(&service),
            ),
        };
        let (file, seen) = scanned(state, &service, arguments.file_path, usual, kind).await?;
        let source = public(&file)?;
        let entries = match seen {
            VisibleFile::Sections(sections) => sections
                .iter()
                .map(|section: &Section| section.entries.len() as u64)
                .sum(),
            VisibleFile::Ours { .. } => {
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
