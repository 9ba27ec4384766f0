//! `vault_set`: sets keys of a service, once a person has approved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::unresolved;
use crate::approval::NoApprover;
use crate::core::change::{ChangeOutcome, ChangeReply};
use crate::core::entries::{FileKind, HiddenValue, VisibleFile, inspect};
use crate::core::plan::{Given, Notes};
use crate::core::rotation::Upkeep;
use crate::core::set;
use crate::error::Error;
use crate::mcp::public::{Name, Setting, public_reply, public_words};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::ServerState;
use crate::mcp::tools::{Context, Hints, Outcome, Tool};
use crate::names::{Key, Service};
use crate::secret::{Secret, Value};

/// Arguments of `vault_set`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct SetArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// Values by key: text, or a handle
    secrets: Option<BTreeMap<Key, Secret>>,
    /// Keys that get a random value, each with the length of the value
    generate: Option<BTreeMap<Key, GenerateLength>>,
    /// Keys whose values the person types on the approval page
    prompt: Option<Vec<Key>>,
    /// A .env or secrets.yaml file below the project's root, whose keys are all set without showing
    /// their values
    from_file: Option<String>,
    /// Show what would change, and write nothing
    dry_run: Option<bool>,
    /// The token from approval_pending, to wait for that approval
    #[allow(dead_code, reason = "with_person reads it from the sent arguments")]
    approval_token: Option<String>,
}

/// How many characters a generated value has: 8 to 1024.
#[derive(Deserialize)]
#[serde(try_from = "u64")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::mcp) struct GenerateLength(
    #[cfg_attr(test, schemars(range(min = 8, max = 1024)))] u64,
);

impl TryFrom<u64> for GenerateLength {
    type Error = &'static str;
    fn try_from(length: u64) -> Result<Self, Self::Error> {
        if (8..=1024).contains(&length) {
            Ok(Self(length))
        } else {
            Err("8 to 1024")
        }
    }
}

public_words! {
    /// The outcome of a change.
    pub(in crate::mcp) enum SetOutcome {
        /// The service is new.
        Created,
        /// The service has a new version.
        Updated,
        /// It was a dry run, which writes nothing.
        DryRun,
    }
}

public_reply! {
    /// A change. Names only: whether a value differs from the old value is for the person only.
    pub(in crate::mcp) struct SetReply {
        /// The service
        service: Service,
        /// Its path in Vault: MOUNT/PREFIX/SERVICE
        path: Setting,
        /// The outcome
        outcome: SetOutcome,
        /// The current version
        version: u64,
        /// Keys that are new
        added: Vec<Name>,
        /// Keys that were set and existed before
        kept: Vec<Name>,
        /// True if the audit log could not be written afterwards
        unlogged: Option<bool>,
    }
}

/// `vault_set`
pub(in crate::mcp) struct Set;

impl Tool for Set {
    const TITLE: &'static str = "Set secrets in Vault";
    const DESCRIPTION: &'static str = "Add or change keys of a service in Vault; other keys stay. A person must approve each change on a \
        page in their browser. Until then the tool returns approval_pending with an approval_token: call again with it and the same \
        arguments. Values can be text, handles, generated so that nobody sees them, or typed by the person on that page (prompt). \
        dry_run shows the plan.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    type Arguments = SetArguments;
    type Reply = SetReply;

    async fn run(
        context: Context<'_>,
        arguments: SetArguments,
    ) -> Result<Outcome<SetReply>, Refusal> {
        let core = context.state.core();
        let (service, is_dry_run) = (
            arguments.service.clone(),
            arguments.dry_run.unwrap_or(false),
        );
        let request = request(context.state, arguments).await?;
        let names: BTreeSet<Key> = request
            .values
            .keys()
            .chain(request.generate.keys())
            .chain(&request.prompt)
            .cloned()
            .collect();
        let replied = move |reply: ChangeReply| set_reply(&service, &names, reply);
        if is_dry_run {
            return Ok(Outcome::Done(replied(
                set::set(&core, request, &NoApprover, |_| Ok(())).await?,
            )));
        }
        let work = move |person| async move {
            Ok(replied(
                set::set(&core, request, &person, |_| Ok(())).await?,
            ))
        };
        context.with_person(work).await
    }
}

fn set_reply(service: &Service, names: &BTreeSet<Key>, reply: ChangeReply) -> SetReply {
    let is_added = |key: &&Key| reply.added.iter().any(|added| added == key.as_str());
    SetReply {
        service: service.clone(),
        path: Setting::new(&reply.path),
        outcome: match reply.outcome {
            ChangeOutcome::DryRun => SetOutcome::DryRun,
            ChangeOutcome::Created => SetOutcome::Created,
            ChangeOutcome::Updated | ChangeOutcome::Unchanged => SetOutcome::Updated,
        },
        version: reply.version,
        added: names.iter().filter(is_added).map(Name::from).collect(),
        kept: names
            .iter()
            .filter(|key| !is_added(key))
            .map(Name::from)
            .collect(),
        unlogged: reply.unlogged.map(|_| true),
    }
}

/// How many keys one change may set.
const MAX_KEYS: usize = 200;

/// Builds the request. If a value cannot be set, only the person sees the reason: the model must
/// not learn what kind of value a handle stands for.
async fn request(state: &ServerState, arguments: SetArguments) -> Result<set::SetRequest, Refusal> {
    let service = arguments.service;
    let generate = arguments.generate.unwrap_or_default();
    let prompt = arguments.prompt.unwrap_or_default();
    for key in generate.keys().chain(&prompt) {
        refuse_plain_key(state, &service, key)?;
    }
    let mut given = GivenValues::default();
    if let Some(file) = &arguments.from_file {
        given.take_file(state, &service, file).await?;
    }
    for (key, text) in arguments.secrets.unwrap_or_default() {
        given.take(state, &service, key, text)?;
    }
    let GivenValues { values, notes } = given;
    if values.len() + generate.len() + prompt.len() > MAX_KEYS {
        return Err(Refusal::argument(
            "one change can set at most 200 keys",
            &[],
            "set them in several calls",
        ));
    }
    let length = |GenerateLength(length)| usize::try_from(length).unwrap_or(set::DEFAULT_LENGTH);
    Ok(set::SetRequest {
        service,
        values,
        generate: generate
            .into_iter()
            .map(|(key, of)| (key, length(of)))
            .collect(),
        prompt,
        dry_run: arguments.dry_run.unwrap_or(false),
        upkeep: Upkeep::default(),
        notes,
    })
}

/// The values that the model gave, and the notes that the person sees about them.
#[derive(Default)]
struct GivenValues {
    values: BTreeMap<Key, Given>,
    notes: Notes,
}

impl GivenValues {
    /// Takes all entries of a file.
    async fn take_file(
        &mut self,
        state: &ServerState,
        service: &Service,
        file: &str,
    ) -> Result<(), Refusal> {
        for (key, hidden) in from_file(state, file).await? {
            refuse_plain_key(state, service, &key)?;
            self.add(key, hidden);
        }
        self.notes
            .warnings
            .push("values come from a file that the assistant named".to_owned());
        self.notes.sources.push("a file of the project".to_owned());
        Ok(())
    }

    /// Takes a text: a value, or a handle that stands for one.
    fn take(
        &mut self,
        state: &ServerState,
        service: &Service,
        key: Key,
        text: Secret,
    ) -> Result<(), Refusal> {
        let resolved = state.resolve(text.expose(crate::secret::WayOut::Inspection));
        match resolved.map_err(|error| unresolved(error, &key))? {
            None => drop(self.values.insert(key, Given::Untyped(text))),
            Some((hidden, origin)) => {
                refuse_plain_key(state, service, &key)?;
                let words = origin.describe();
                self.notes
                    .warnings
                    .push(format!("{key} gets the value of {words}"));
                self.notes.sources.push(words);
                self.add(key, hidden);
            }
        }
        Ok(())
    }

    fn add(&mut self, key: Key, hidden: HiddenValue) {
        let value = match hidden {
            HiddenValue::Value(value) => value,
            HiddenValue::Unusable(reason) => {
                self.notes.obstacle =
                    Some(format!("the value for {key} cannot be taken: {reason}"));
                Value::Text(Secret::from(String::new()))
            }
        };
        self.values.insert(key, Given::Typed(value));
    }
}

/// Refuses to store an unseen value under a plain key, because the model is shown the values of
/// plain keys.
fn refuse_plain_key(state: &ServerState, service: &Service, key: &Key) -> Result<(), Refusal> {
    if !state.settings.is_plain_key(service.as_str(), key.as_str()) {
        return Ok(());
    }
    Err(Refusal::not_allowed(
        "a value that you have not seen cannot be stored under a key whose value is shown to you",
        "ask the user to set it in a terminal",
    ))
}

/// All entries of a file. Refuses a file in which the name of an entry cannot be a key.
async fn from_file(state: &ServerState, file: &str) -> Result<Vec<(Key, HiddenValue)>, Refusal> {
    let (core, path) = (state.core(), Path::new(file).to_owned());
    let kind = match FileKind::of(&path) {
        Some(kind @ (FileKind::Env | FileKind::Yaml)) => kind,
        Some(FileKind::Compose) | None => {
            return Err(crate::core::entries::Refused::OtherKind.into());
        }
    };
    let _turn = state.turn().await;
    let looked = tokio::task::spawn_blocking(move || inspect(&core, &path, kind)).await;
    let (_, seen) = looked.map_err(|_| Refusal::from(Error::Interrupted))??;
    let sections = match seen {
        VisibleFile::Sections(sections) => sections,
        VisibleFile::Ours { .. } => {
            return Err(Refusal::not_allowed(
                "claude-vault wrote that file",
                "take the values from Vault: vault_get returns handles",
            ));
        }
    };
    let entries = sections.into_iter().flat_map(|section| section.entries);
    let as_keys =
        entries.map(|entry| Some((entry.name.public()?.as_str().parse().ok()?, entry.value)));
    let found: Option<Vec<(Key, HiddenValue)>> = as_keys.collect();
    match found {
        Some(found) if !found.is_empty() => Ok(found),
        Some(_) => Err(Refusal::not_allowed(
            "the file has no entries",
            "name another file",
        )),
        None => Err(Refusal::not_allowed(
            "the file has entries whose names cannot be keys",
            "scan the file and set the entries that you need by their handles",
        )),
    }
}
