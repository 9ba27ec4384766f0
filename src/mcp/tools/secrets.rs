//! Secrets in Vault: getting them as handles, and setting them once a person has approved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::Value;

use super::{Reply, ended, object, permitted, told, unrepeated};
use crate::approval::{Asked, Change, Nobody};
use crate::config::Mode;
use crate::core::{Core, get as getting, list, set};
use crate::error::Result;
use crate::mcp::arguments::{named, parsed, required, text};
use crate::mcp::asking::{Asker, Caller};
use crate::mcp::state::State;
use crate::names::{Key, Service};
use crate::secret::Secret;

pub(super) async fn get(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let request = getting::Request { service: required(arguments, "service")?, key: parsed(arguments, "key")?, version: None };
    let reply = getting::get(&state.core(), &request).await?;
    if state.settings.mode == Mode::Redacted {
        return object(&reply.names());
    }
    let mut values = BTreeMap::new();
    for (key, value) in &reply.secrets {
        // Of one version: the same handle says no more than the version does.
        let origin = format!("{}@{}", reply.service, reply.version);
        values.insert(key.clone(), state.shown(&origin, key, value)?);
    }
    object(&getting::Shown { values: Some(values), ..reply.names() })
}

pub(super) async fn set_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    let service: Service = required(arguments, "service")?;
    let mut secrets: BTreeMap<Key, Secret> = BTreeMap::new();
    if let Some(file) = text(arguments, "from_file") {
        secrets.extend(unrepeated(arguments, &["from_file"], set::from_file(&state.settings.root, Path::new(file)))?);
    }
    for (name, value) in entries(arguments, "secrets") {
        let key: Key = name.parse().map_err(|error| named("secrets", &error))?;
        let secret = state.meant(&key, value.as_str().unwrap_or_default())?;
        secrets.insert(key, secret);
    }
    let mut generate = BTreeMap::new();
    for (name, value) in entries(arguments, "generate") {
        let key: Key = name.parse().map_err(|error| named("generate", &error))?;
        generate.insert(key, value.as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0));
    }
    let mut prompt = Vec::new();
    for name in arguments.get("prompt").and_then(Value::as_array).into_iter().flatten() {
        let key: Key = name.as_str().unwrap_or_default().parse().map_err(|error| named("prompt", &error))?;
        prompt.push(key);
    }
    let dry_run = arguments.get("dry_run").and_then(Value::as_bool).unwrap_or(false);
    let discreet = state.settings.mode != Mode::Plaintext;
    let request = set::Request { service, secrets, generate, prompt, dry_run, discreet };
    if dry_run {
        return object(&set::set(&state.core(), request, &Nobody, |_| Ok(())).await?).map(Reply::Done);
    }
    let fingerprint = state.fingerprint_of(&request);
    let token = text(arguments, "approval_token");
    let work = |core: Arc<Core>, person: Asker| async move { object(&set::set(&core, request, &person, |_| Ok(())).await?) };
    told(state.with_person(caller, "vault_set", fingerprint, token, false, work).await?, true)
}

/// The names of a service's keys, for a question about all of them.
async fn keys_of(core: &Core, service: &Service) -> Result<Vec<String>> {
    match list::list(core, &list::Request { service: Some(service.clone()) }).await? {
        list::Reply::Keys { keys, .. } => Ok(keys),
        list::Reply::Services { .. } => Ok(Vec::new()),
    }
}

pub(super) async fn get_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    let service: Service = required(arguments, "service")?;
    let key: Option<Key> = parsed(arguments, "key")?;
    let wanted = key.as_ref().map_or("", |key| key.as_str());
    let fingerprint = state.fingerprint(&[b"vault_get", service.as_str().as_bytes(), wanted.as_bytes()]);
    let (holder, arguments) = (state.clone(), arguments.clone());
    let work = |core: Arc<Core>, person: Asker| async move {
        let keys = match key {
            Some(key) => vec![key.to_string()],
            None => keys_of(&core, &service).await?,
        };
        let keys = keys.iter().map(|key| (key.as_str(), Change::Unchanged)).collect();
        permitted(&core, &person, Asked::Show, &service, &core.settings.display_path(&service), keys, &[]).await?;
        let outcome = get(&holder, &arguments).await;
        ended(&person, &outcome);
        outcome
    };
    told(state.with_person(caller, "vault_get", fingerprint, None, true, work).await?, false)
}

fn entries<'a>(arguments: &'a JsonObject, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    arguments.get(name).and_then(Value::as_object).into_iter().flatten()
}
