//! Files of services: written from Vault, searched for secrets, and made into examples.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Reply, ended, object, permitted, told, unrepeated};
use crate::approval::{Asked, Change};
use crate::config::Mode;
use crate::core::{Core, example, inject as injecting, scan};
use crate::error::{Error, Result};
use crate::mcp::arguments::{required, text};
use crate::mcp::asking::{Asker, Caller};
use crate::mcp::handles::{MARK, handles_in};
use crate::mcp::state::State;
use crate::names::Service;

/// The longest template, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

pub(super) async fn inject_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    let service: Service = required(arguments, "service")?;
    let sent = Zeroizing::new(Value::Object(arguments.clone()).to_string());
    let fingerprint = state.fingerprint(&[b"vault_inject", sent.as_bytes()]);
    let request = injection(state, arguments)?;
    let work = |core: Arc<Core>, person: Asker| async move {
        let looks = injecting::Request {
            diff: true,
            format: request.format,
            given: request.given.clone(),
            services: request.services.clone(),
            ..Default::default()
        };
        let would = inject_one(&core, looks).await?;
        let changes = [(&would.changes.added, Change::Added), (&would.changes.changed, Change::Changed)];
        let keys: Vec<(&str, Change)> =
            changes.iter().flat_map(|(keys, change)| keys.iter().map(|key| (key.as_str(), *change))).collect();
        permitted(&core, &person, Asked::Inject, &service, &would.file.to_string_lossy(), keys, &would.warnings).await?;
        let outcome = inject_one(&core, request).await.and_then(|reply| object(&reply));
        ended(&person, &outcome);
        outcome
    };
    told(state.with_person(caller, "vault_inject", fingerprint, None, true, work).await?, false)
}

fn injection(state: &Arc<State>, arguments: &JsonObject) -> Result<injecting::Request> {
    Ok(injecting::Request {
        services: vec![required(arguments, "service")?],
        given: text(arguments, "template").map(|text| template(state, text)).transpose()?,
        discreet: state.settings.mode != Mode::Plaintext,
        format: match text(arguments, "format") {
            Some("env") => Some(injecting::Format::Env),
            Some("yaml") => Some(injecting::Format::Yaml),
            _ => None,
        },
        ..injecting::Request::default()
    })
}

async fn inject_one(core: &Core, request: injecting::Request) -> Result<injecting::Reply> {
    let injected = injecting::inject(core, request).await?;
    let (_, outcome) = injected.services.into_iter().next().ok_or(Error::NoSession)?;
    let mut reply = outcome?;
    reply.warnings.extend(injected.warnings);
    Ok(reply)
}

pub(super) async fn inject(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    object(&inject_one(&state.core(), injection(state, arguments)?).await?)
}

/// A template and the values of its handles.
fn template(state: &Arc<State>, text: &str) -> Result<injecting::Given> {
    if text.len() > MAX_TEMPLATE {
        return Err(Error::invalid("the template is longer than 256 KiB", "use an example file"));
    }
    let mut stand_ins = BTreeMap::new();
    for handle in handles_in(text) {
        stand_ins.insert(handle.trim_start_matches('@').to_owned(), state.value_of(handle, "the template")?);
    }
    // No YAML text without quotes starts with @.
    Ok(injecting::Given { text: text.replace(MARK, MARK.trim_start_matches('@')), stand_ins })
}

/// Gives each value found a handle, where there are handles.
fn with_handles(state: &Arc<State>, origin: &str, keys: &mut [scan::Found]) -> Result<()> {
    if state.settings.mode == Mode::Redacted {
        return Ok(());
    }
    for found in keys {
        if let Some(secret) = &found.value {
            found.handle = Some(state.new_handle(origin, &found.key, secret)?);
        }
    }
    Ok(())
}

pub(super) async fn scan_env(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let reply = scan::env(&state.core(), Some(&required(arguments, "service")?), file).await;
    let mut reply = unrepeated(arguments, &["file_path"], reply)?;
    with_handles(state, &reply.file.to_string_lossy(), &mut reply.keys)?;
    object(&reply)
}

pub(super) async fn scan_compose(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let reply = scan::compose(&state.core(), Some(&required(arguments, "service")?), file).await;
    let mut reply = unrepeated(arguments, &["file_path"], reply)?;
    for service in &mut reply.services {
        with_handles(state, &format!("{} {}", reply.file.to_string_lossy(), service.name), &mut service.keys)?;
    }
    object(&reply)
}

pub(super) async fn make_example(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let format = if text(arguments, "format") == Some("compose") { example::Format::Compose } else { example::Format::Env };
    let path = |name| text(arguments, name).map(Path::new);
    let service = required(arguments, "service")?;
    // A model that could write a text of its choice to any name could make others run it.
    let looks_like_one = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        ["example", "sample", "template"].iter().any(|word| name.contains(word))
    };
    if path("output_path").is_some_and(|path| !looks_like_one(path)) {
        return Err(Error::invalid("output_path is no example's name", "use one with example, sample or template in it"));
    }
    let reply = example::example(&state.core(), Some(&service), format, path("file_path"), path("output_path")).await;
    object(&unrepeated(arguments, &["file_path", "output_path"], reply)?)
}
