//! Moves a service's files into Vault without showing their values to the model.

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::core::adopt::{FileForModel, NotAdopted, adopt_for_model};
use crate::mcp::public::{Name, PublicEntry, PublicPath, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::names::Service;

/// Arguments of `vault_adopt`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct AdoptArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin, with a folder
    /// of that name below the project's root
    service: Service,
    /// The token from approval_pending, to wait for that approval
    #[allow(dead_code, reason = "with_person reads it from the sent arguments")]
    approval_token: Option<String>,
}

public_words! {
    /// The outcome of an adoption.
    pub(in crate::mcp) enum AdoptOutcome {
        /// Vault has the secrets. The files were rewritten from Vault, with templates and backups
        /// beside them.
        Adopted,
    }
}

public_reply! {
    /// A file that was adopted.
    pub(in crate::mcp) struct AdoptedFile {
        /// The file, below the root; absent if its name has unusual characters
        file: Option<PublicPath>,
        /// Its entries, in order. An entry whose name may be part of a secret has a number instead
        entries: Vec<PublicEntry>,
    }

    /// A service that was adopted.
    pub(in crate::mcp) struct AdoptReply {
        /// The service
        service: Service,
        /// The outcome
        outcome: AdoptOutcome,
        /// Its files
        files: Vec<AdoptedFile>,
    }
}

/// `vault_adopt`
pub(in crate::mcp) struct Adopt;

impl Tool for Adopt {
    const TITLE: &'static str = "Move a service's files into Vault";
    const DESCRIPTION: &'static str = "Move the .env files and the secrets.yaml of a service into Vault without seeing a value: store their \
        secrets, write a template to commit beside each file, and rewrite the files from Vault. The user sees the whole plan and \
        approves it on a page in their browser. Until then the tool returns approval_pending with an approval_token: call again with \
        it and the same arguments. Running programs read the same values as before, and the old files stay as backups. If two files \
        share an entry name, only the first is moved. To move secrets inside compose files, the user runs in a terminal: \
        claude-vault adopt SERVICE.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    type Arguments = AdoptArguments;
    type Reply = AdoptReply;

    async fn run(
        context: Context<'_>,
        arguments: AdoptArguments,
    ) -> Result<Outcome<AdoptReply>, Refusal> {
        let (core, service) = (context.state.core(), arguments.service);
        let work = move |person| async move {
            let files = adopt_for_model(&core, &service, &person)
                .await
                .map_err(refused)?;
            Ok(AdoptReply {
                service,
                outcome: AdoptOutcome::Adopted,
                files: files.iter().map(adopted_file).collect(),
            })
        };
        context.with_person(work).await
    }
}

fn refused(not: NotAdopted) -> Refusal {
    match not {
        NotAdopted::Refused(refused) => refused.into(),
        NotAdopted::Nothing => Refusal::not_allowed(
            "the service's folder has no .env or secrets.yaml with secrets, except files that \
             claude-vault wrote",
            "scan it to see its entries; Vault already has the values that claude-vault wrote",
        ),
        NotAdopted::Failed(error) => error.into(),
    }
}

fn adopted_file(file: &FileForModel) -> AdoptedFile {
    let entries = file.entries.iter().enumerate().map(|(at, name)| {
        let name = name.public().as_ref().map(Name::from);
        PublicEntry {
            entry: name.is_none().then_some(at as u64 + 1),
            name,
            handle: None,
            value: None,
        }
    });
    AdoptedFile {
        file: PublicPath::new(&file.file),
        entries: entries.collect(),
    }
}
