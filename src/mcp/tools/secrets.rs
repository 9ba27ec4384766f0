//! Tools for secrets in Vault: list them, get them as handles, and set them once a person has
//! approved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::{Context, Hints, Outcome, Tool};
use crate::approval::{Approver, NoApprover};
use crate::config::Mode;
use crate::core::change::{ChangeOutcome, ChangeReply};
use crate::core::entries::{FileKind, HeldValue, Seen, look};
use crate::core::plan::{Disclosure, Given, Notes, Plan};
use crate::core::rotation::Upkeep;
use crate::core::{Core, get as getting, list, set};
use crate::error::Error;
use crate::mcp::handles::{HandleOrigin, HandlePlace};
use crate::mcp::public::{
    ClearValue, Name, PublicEntry, Setting, Time, public_reply, public_words,
};
use crate::mcp::refusal::Refusal;
use crate::mcp::state::{ServerState, Unresolved};
use crate::names::{Key, Service};
use crate::secret::{Secret, Value};

/// Arguments of `vault_list`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ListArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Option<Service>,
}

public_reply! {
    /// Services, or the keys of one service.
    pub(in crate::mcp) struct ListReply {
        /// The path of the services: MOUNT/PREFIX
        path: Option<Setting>,
        /// The services, sorted
        services: Option<Vec<Service>>,
        /// How many other names are in that path, which no service can have
        others: Option<u64>,
        /// The service
        service: Option<Service>,
        /// Its current version
        version: Option<u64>,
        /// When its first version was written, RFC 3339
        created: Option<Time>,
        /// When this version was written, RFC 3339
        updated: Option<Time>,
        /// Its keys, sorted
        keys: Option<Vec<PublicEntry>>,
    }
}

/// `vault_list`
pub(in crate::mcp) struct List;

impl Tool for List {
    const TITLE: &'static str = "List secrets in Vault";
    const DESCRIPTION: &'static str = "List the services that have secrets in Vault, or the key \
        names of one service. Never values.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = ListArguments;
    type Reply = ListReply;

    async fn run(
        context: Context<'_>,
        arguments: ListArguments,
    ) -> Result<Outcome<ListReply>, Refusal> {
        Ok(Outcome::Done(
            listed(context.state, arguments.service).await?,
        ))
    }
}

/// Services, or the keys of one service: for `vault_list` and for resources.
pub(in crate::mcp) async fn listed(
    state: &ServerState,
    service: Option<Service>,
) -> Result<ListReply, Refusal> {
    let core = state.core();
    let nothing = ListReply {
        path: None,
        services: None,
        others: None,
        service: None,
        version: None,
        created: None,
        updated: None,
        keys: None,
    };
    let request = list::ListRequest {
        what: service.map(list::Selection::Service),
        ..list::ListRequest::default()
    };
    Ok(match list::list(&core, &request).await? {
        list::ListReply::Services {
            path,
            services,
            others,
            ..
        } => ListReply {
            path: Some(Setting::new(&path)),
            services: Some(services),
            others: Some(others as u64),
            ..nothing
        },
        list::ListReply::Keys {
            service,
            version,
            created,
            updated,
            keys,
            ..
        } => {
            let keys = state.in_order(&service, version, keys.iter());
            ListReply {
                keys: Some(
                    keys.into_iter()
                        .enumerate()
                        .map(|(at, (name, _))| named(at + 1, name))
                        .collect(),
                ),
                service: Some(service),
                version: Some(version),
                created: Time::parse(&created),
                updated: Time::parse(&updated),
                ..nothing
            }
        }
    })
}

/// The entry for a key in Vault: with its name, or with its number if this program would not write
/// a key of that name.
pub(super) fn named(number: usize, name: Option<Name>) -> PublicEntry {
    PublicEntry {
        entry: name.is_none().then_some(number as u64),
        name,
        handle: None,
        value: None,
    }
}

/// Arguments of `vault_get`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct GetArguments {
    /// The service: one secret of KV version 2, such as jellyfin or media/jellyfin
    service: Service,
    /// One key, instead of all
    key: Option<Key>,
    /// The number of one entry whose name is not shown, instead of all; needs version
    entry: Option<u64>,
    /// An older version of the service
    version: Option<u64>,
}

public_reply! {
    /// A version of a service.
    pub(in crate::mcp) struct GetReply {
        /// The service
        service: Service,
        /// Its version
        version: u64,
        /// When the version was written, RFC 3339
        created: Option<Time>,
        /// Its keys, sorted, each with a handle for its value
        keys: Vec<PublicEntry>,
    }
}

/// `vault_get`
pub(in crate::mcp) struct Get;

impl Tool for Get {
    const TITLE: &'static str = "Get a service's secrets as handles";
    const DESCRIPTION: &'static str = "Get a service's secrets. Values are not shown: each value is replaced by a handle (@token-…), which \
        vault_set and a template of vault_inject accept in place of the value. To pass values to a program, use vault_inject.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
    };
    type Arguments = GetArguments;
    type Reply = GetReply;

    async fn run(
        context: Context<'_>,
        arguments: GetArguments,
    ) -> Result<Outcome<GetReply>, Refusal> {
        if arguments.entry.is_some() && (arguments.version.is_none() || arguments.key.is_some()) {
            return Err(Refusal::argument(
                "entry needs version, and cannot be combined with key",
                &[],
                "for example entry 3 with version 2",
            ));
        }
        let (state, core) = (context.state.clone(), context.state.core());
        context
            .with_person(move |person| async move { get(&state, &core, &arguments, &person).await })
            .await
    }
}

async fn get(
    state: &ServerState,
    core: &Core,
    arguments: &GetArguments,
    person: &impl Approver,
) -> Result<GetReply, Refusal> {
    let GetArguments {
        service,
        key,
        entry,
        version,
    } = arguments;
    let request = getting::GetRequest {
        service: service.clone(),
        keys: key.iter().map(Key::to_string).collect(),
        version: *version,
    };
    let reply = getting::get(core, &request).await?;
    let is_wanted = |number: usize| entry.is_none_or(|entry| entry == number as u64);
    let keys = state.in_order(service, reply.version, reply.secrets.keys());
    let numbered = keys
        .into_iter()
        .enumerate()
        .map(|(at, (name, key))| (at + 1, name, key));
    let wanted: Vec<(usize, Option<Name>, &String)> =
        numbered.filter(|(number, ..)| is_wanted(*number)).collect();
    if wanted.is_empty() && entry.is_some() {
        return Err(Refusal::new(
            "not_found",
            "that version has no such entry",
            "vault_get without entry shows all entries",
        ));
    }
    let may_show = |key: &str| {
        core.settings.mode == Mode::Plaintext || core.settings.is_plain_key(service.as_str(), key)
    };
    let to_show: BTreeMap<String, Value> = wanted
        .iter()
        .filter(|(_, _, key)| may_show(key))
        .filter_map(|(_, _, key)| Some(((*key).clone(), reply.secrets.get(*key)?.clone())))
        .collect();
    let shown = if to_show.is_empty() {
        to_show
    } else {
        Plan::new(Disclosure::new(core, service, to_show))
            .approve(core, person)
            .await?
            .commit(core, person)
            .await?
            .done
    };
    let mut keys = Vec::new();
    for (number, name, key) in wanted {
        let plain = named(number, name);
        keys.push(match (shown.get(key), reply.secrets.get(key)) {
            (Some(value), _) => PublicEntry {
                value: Some(ClearValue::allowed_by_config(value.secret())),
                ..plain
            },
            (None, Some(value)) => {
                let place = HandlePlace::Version {
                    service: service.to_string(),
                    version: reply.version,
                };
                let origin = HandleOrigin {
                    place,
                    key: key.clone(),
                };
                state.entry(number, plain.name, origin, &HeldValue::Value(value.clone()))?
            }
            (None, None) => plain,
        });
    }
    Ok(GetReply {
        service: service.clone(),
        version: reply.version,
        created: Time::parse(&reply.created),
        keys,
    })
}

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
        outcome: match (
            reply.outcome,
            reply.added.len() == names.len() && reply.version <= 1,
        ) {
            (ChangeOutcome::DryRun, _) => SetOutcome::DryRun,
            (ChangeOutcome::Created, _) => SetOutcome::Created,
            (ChangeOutcome::Updated | ChangeOutcome::Unchanged, _) => SetOutcome::Updated,
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
    let mut notes = Notes::default();
    let mut values = BTreeMap::new();
    let generate = arguments.generate.unwrap_or_default();
    let prompt = arguments.prompt.unwrap_or_default();
    for key in generate.keys().chain(&prompt) {
        refuse_plain_key(state, &service, key)?;
    }
    if let Some(file) = &arguments.from_file {
        for (key, held) in from_file(state, file).await? {
            refuse_plain_key(state, &service, &key)?;
            add(&mut values, &mut notes, key, held);
        }
        notes
            .warnings
            .push("values come from a file that the assistant named".to_owned());
        notes.sources.push("a file of the project".to_owned());
    }
    for (key, text) in arguments.secrets.unwrap_or_default() {
        let meant = state.resolve(text.expose(crate::secret::WayOut::Inspection));
        match meant.map_err(|not| not_meant(not, &key))? {
            None => drop(values.insert(key, Given::Untyped(text))),
            Some((held, origin)) => {
                refuse_plain_key(state, &service, &key)?;
                let words = origin.words();
                notes
                    .warnings
                    .push(format!("{key} gets the value of {words}"));
                notes.sources.push(words);
                add(&mut values, &mut notes, key, held);
            }
        }
    }
    let length = |GenerateLength(length)| usize::try_from(length).unwrap_or(set::DEFAULT_LENGTH);
    if values.len() + generate.len() + prompt.len() > MAX_KEYS {
        return Err(Refusal::argument(
            "one change can set at most 200 keys",
            &[],
            "set them in several calls",
        ));
    }
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

fn add(values: &mut BTreeMap<Key, Given>, notes: &mut Notes, key: Key, held: HeldValue) {
    let value = match held {
        HeldValue::Value(value) => value,
        HeldValue::Unusable(reason) => {
            notes.obstacle = Some(format!("the value for {key} cannot be taken: {reason}"));
            Value::Text(Secret::from(String::new()))
        }
    };
    values.insert(key, Given::Typed(value));
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

/// The refusal of a text that cannot stand for a value.
pub(super) fn not_meant(not: Unresolved, key: &Key) -> Refusal {
    match not {
        Unresolved::Unknown => Refusal::argument(
            "the handle for {} is unknown or has expired",
            &[key],
            "get a new one with vault_get or a scan",
        ),
        Unresolved::Inside => Refusal::argument(
            "the value of {} has a handle inside a longer text",
            &[key],
            "a handle must be the whole value",
        ),
    }
}

/// All entries of a file. Refuses a file in which the name of an entry cannot be a key.
async fn from_file(state: &ServerState, file: &str) -> Result<Vec<(Key, HeldValue)>, Refusal> {
    let (core, path) = (state.core(), Path::new(file).to_owned());
    let kind = match FileKind::of(&path) {
        Some(kind @ (FileKind::Env | FileKind::Yaml)) => kind,
        Some(FileKind::Compose) | None => {
            return Err(crate::core::entries::Refused::OtherKind.into());
        }
    };
    let _turn = state.turn().await;
    let looked = tokio::task::spawn_blocking(move || look(&core, &path, kind)).await;
    let (_, seen) = looked.map_err(|_| Refusal::from(Error::Interrupted))??;
    let sections = match seen {
        Seen::Sections(sections) => sections,
        Seen::Ours { .. } => {
            return Err(Refusal::not_allowed(
                "claude-vault wrote that file",
                "take the values from Vault: vault_get returns handles",
            ));
        }
    };
    let entries = sections.into_iter().flat_map(|section| section.entries);
    let as_keys =
        entries.map(|entry| Some((entry.name.public()?.as_str().parse().ok()?, entry.value)));
    let found: Option<Vec<(Key, HeldValue)>> = as_keys.collect();
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
