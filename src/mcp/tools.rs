//! What each tool does with its arguments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::arguments::{check, parsed, required, text};
use super::asking::{Asker, Caller};
use super::handles::{MARK, handles_in};
use super::listed::input_of;
use super::state::{State, Waited, until};
use crate::approval::{Approver, Asked, Change, Nobody, Outcome, Question};
use crate::config::{AskBefore, Mode};
use crate::core::Core;
use crate::core::approve::{permit, strength};
use crate::core::inject::{Format, inject};
use crate::core::login::Ended;
use crate::core::{example, get, inject as injecting, list, scan, set, status};
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::secret::Secret;

/// The longest template, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LoginState {
    /// The user has not finished in the browser.
    Pending,
    /// There is a session.
    LoggedIn,
}

/// How a login stands.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoginReply {
    /// Whether there is a session.
    state: LoginState,
    /// Whose.
    user: Option<String>,
    /// Its policies.
    policies: Vec<String>,
    /// Seconds until it ends.
    seconds_left: Option<u64>,
    /// What to do.
    next: Option<String>,
    /// What to know.
    warnings: Vec<String>,
}

/// The session, and what this server shows.
#[derive(Serialize, JsonSchema)]
pub(super) struct StatusReply {
    /// Whether there is a session.
    logged_in: bool,
    /// What the session is.
    session: Option<status::Reply>,
    /// What is shown of values.
    mode: Mode,
    /// How a person approves a change on the page: typed, passkey or step-up.
    approval: String,
    /// What to do.
    next: Option<String>,
}

/// How a logout went.
#[derive(Serialize, JsonSchema)]
pub(super) struct LogoutReply {
    /// Whether Vault revoked a token.
    revoked: bool,
    /// What to know.
    warnings: Vec<String>,
}

/// What a call comes to.
pub(super) enum Reply {
    /// This object.
    Done(Value),
    /// The client must bring the person to a page, and call again with this state.
    Look { url: String, request_state: String },
}

/// Runs a tool.
pub(super) async fn call(state: &Arc<State>, name: &str, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    if let Some(schema) = input_of(name) {
        check(&schema, arguments)?;
    }
    state.keep_alive().await;
    let asks = match name {
        "vault_set" => true,
        "vault_inject" => state.settings.ask_before.contains(&AskBefore::Inject),
        "vault_get" => state.settings.ask_before.contains(&AskBefore::Get) && state.settings.mode == Mode::Plaintext,
        _ => false,
    };
    if caller.request_state.is_some() && !asks {
        return Err(state.not_of_this_call(name));
    }
    let reply = match name {
        "vault_login" => log_in(state).await,
        "vault_status" => status_of(state).await,
        "vault_logout" => log_out(state).await,
        "vault_list" => object(&list::list(&state.core(), &list::Request { service: parsed(arguments, "service")? }).await?),
        "vault_get" if asks => return get_once_approved(state, arguments, caller).await,
        "vault_get" => get_as_handles(state, arguments).await,
        "vault_set" => return set_once_approved(state, arguments, caller).await,
        "vault_inject" if asks => return inject_once_approved(state, arguments, caller).await,
        "vault_inject" => inject_file(&state.core(), injection(state, arguments)?).await,
        "vault_scan_env" => scan_env(state, arguments),
        "vault_scan_compose" => scan_compose(state, arguments),
        _ => make_example(state, arguments),
    };
    reply.map(Reply::Done)
}

fn told(waited: Waited<Value>, takes_a_token: bool) -> Result<Reply> {
    match waited {
        Waited::Done(value) => Ok(Reply::Done(value)),
        Waited::Pending(token) => Err(Error::ApprovalPending { approval_token: Some(token).filter(|_| takes_a_token) }),
        Waited::Look { url, request_state } => Ok(Reply::Look { url, request_state }),
    }
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

fn scan_env(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let reply = scan::env(&state.core(), Some(&required(arguments, "service")?), file);
    let mut reply = unrepeated(arguments, &["file_path"], reply)?;
    with_handles(state, &reply.file.to_string_lossy(), &mut reply.keys)?;
    object(&reply)
}

fn scan_compose(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let reply = scan::compose(&state.core(), Some(&required(arguments, "service")?), file);
    let mut reply = unrepeated(arguments, &["file_path"], reply)?;
    for service in &mut reply.services {
        with_handles(state, &format!("{} {}", reply.file.to_string_lossy(), service.name), &mut service.keys)?;
    }
    object(&reply)
}

fn make_example(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
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
    let reply = example::example(&state.core(), Some(&service), format, path("file_path"), path("output_path"));
    object(&unrepeated(arguments, &["file_path", "output_path"], reply)?)
}

/// An error about a path that the model sent names the argument, and does not repeat it.
fn unrepeated<T>(arguments: &JsonObject, names: &[&'static str], outcome: Result<T>) -> Result<T> {
    let given: Vec<&str> = names.iter().copied().filter(|name| arguments.contains_key(*name)).collect();
    outcome.map_err(|error| match error {
        Error::Confined { reason, .. } if !given.is_empty() => {
            Error::invalid(format!("{}: {reason}", given.join(" or ")), "paths start at the project's root")
        }
        Error::NotFound { .. } if !given.is_empty() => {
            Error::NotFound { what: format!("the file of {}", given.join(" or ")), hint: String::new() }
        }
        // `FILE: what is wrong with it`
        Error::Invalid { message, .. } if !given.is_empty() => {
            let why = message.rsplit_once(": ").map_or("it cannot be used", |(_, why)| why);
            Error::invalid(format!("{}: {why}", given.join(" or ")), "paths start at the project's root")
        }
        Error::Io { .. } if !given.is_empty() => {
            Error::invalid(format!("{}: it cannot be opened", given.join(" or ")), "paths start at the project's root")
        }
        other => other,
    })
}

/// A reply as an object; what there is nothing to say about is left out.
fn object(reply: &impl Serialize) -> Result<Value> {
    let mut value =
        serde_json::to_value(reply).map_err(|_| Error::invalid("the reply cannot be written", "tell the maintainers"))?;
    leave_out_nulls(&mut value);
    Ok(value)
}

fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

async fn log_in(state: &Arc<State>) -> Result<Value> {
    if let Ok(reply) = status::status(&state.core()).await {
        return object(&LoginReply {
            state: LoginState::LoggedIn,
            user: Some(reply.user),
            policies: reply.policies,
            seconds_left: reply.seconds_left,
            next: None,
            warnings: reply.warnings,
        });
    }
    object(&match state.log_in().await? {
        Waited::Done(session) => LoginReply {
            state: LoginState::LoggedIn,
            user: Some(session.user),
            policies: session.policies,
            seconds_left: Some(until(session.expiry)),
            next: None,
            warnings: session.warnings,
        },
        Waited::Pending(_) | Waited::Look { .. } => LoginReply {
            state: LoginState::Pending,
            user: None,
            policies: Vec::new(),
            seconds_left: None,
            next: Some(
                "ask the user to sign in in the browser window that opened (or, where no browser is, to run in a terminal of their own: \
                 claude-vault approve pending), then call vault_login again"
                    .into(),
            ),
            warnings: Vec::new(),
        },
    })
}

async fn status_of(state: &Arc<State>) -> Result<Value> {
    let session = match status::status(&state.core()).await {
        Ok(reply) => Some(reply),
        Err(Error::NoSession | Error::SessionExpired) => None,
        Err(error) => return Err(error),
    };
    object(&StatusReply {
        logged_in: session.is_some(),
        next: session.is_none().then(|| "call vault_login: the user signs in in the browser".into()),
        session,
        mode: state.settings.mode,
        approval: strength(&state.core()).map_or_else(|error| error.to_string(), |proof| proof.word().to_owned()),
    })
}

async fn log_out(state: &Arc<State>) -> Result<Value> {
    let (revoked, warnings) = match state.log_out().await? {
        Ended::Revoked => (true, Vec::new()),
        Ended::WasOver | Ended::None => (false, Vec::new()),
        Ended::NotRevoked(why) => (false, vec![format!("the token could not be revoked and lives until it expires: {why}")]),
    };
    object(&LogoutReply { revoked, warnings })
}

async fn get_as_handles(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let request = get::Request { service: required(arguments, "service")?, key: parsed(arguments, "key")?, version: None };
    let reply = get::get(&state.core(), &request).await?;
    if state.settings.mode == Mode::Redacted {
        return object(&reply.names());
    }
    let mut values = BTreeMap::new();
    for (key, value) in &reply.secrets {
        // Of one version: the same handle says no more than the version does.
        let origin = format!("{}@{}", reply.service, reply.version);
        values.insert(key.clone(), state.shown(&origin, key, value)?);
    }
    object(&get::Shown { values: Some(values), ..reply.names() })
}

async fn set_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
    let service: Service = required(arguments, "service")?;
    let mut secrets: BTreeMap<Key, Secret> = BTreeMap::new();
    if let Some(file) = text(arguments, "from_file") {
        secrets.extend(unrepeated(arguments, &["from_file"], set::from_file(&state.settings.root, Path::new(file)))?);
    }
    for (name, value) in entries(arguments, "secrets") {
        let key: Key = name.parse().map_err(|error| super::arguments::named("secrets", &error))?;
        let secret = state.meant(&key, value.as_str().unwrap_or_default())?;
        secrets.insert(key, secret);
    }
    let mut generate = BTreeMap::new();
    for (name, value) in entries(arguments, "generate") {
        let key: Key = name.parse().map_err(|error| super::arguments::named("generate", &error))?;
        generate.insert(key, value.as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0));
    }
    let mut prompt = Vec::new();
    for name in arguments.get("prompt").and_then(Value::as_array).into_iter().flatten() {
        let key: Key = name.as_str().unwrap_or_default().parse().map_err(|error| super::arguments::named("prompt", &error))?;
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

/// Asks whether something may be done with values that are not to be written to Vault.
async fn permitted(
    core: &Core,
    person: &Asker,
    asked: Asked,
    service: &Service,
    path: &str,
    keys: Vec<(&str, Change)>,
    warnings: &[String],
) -> Result<()> {
    let keys = keys.into_iter().map(|(key, change)| (key, change, None)).collect();
    let question = Question { asked, service: service.as_str(), path, base: 0, keys, untouched: 0, warnings };
    permit(core, person, &question).await
}

/// Tells the person what became of what they permitted.
fn ended(person: &Asker, outcome: &Result<Value>) {
    person.ended(&match outcome {
        Ok(_) => Outcome::Done(0),
        Err(error) => Outcome::Failed(error.to_string()),
    });
}

async fn get_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
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
        let outcome = get_as_handles(&holder, &arguments).await;
        ended(&person, &outcome);
        outcome
    };
    told(state.with_person(caller, "vault_get", fingerprint, None, true, work).await?, false)
}

async fn inject_once_approved(state: &Arc<State>, arguments: &JsonObject, caller: &Caller) -> Result<Reply> {
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
        let outcome = inject_file(&core, request).await;
        ended(&person, &outcome);
        outcome
    };
    told(state.with_person(caller, "vault_inject", fingerprint, None, true, work).await?, false)
}

fn entries<'a>(arguments: &'a JsonObject, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    arguments.get(name).and_then(Value::as_object).into_iter().flatten()
}

fn injection(state: &Arc<State>, arguments: &JsonObject) -> Result<injecting::Request> {
    Ok(injecting::Request {
        services: vec![required(arguments, "service")?],
        given: text(arguments, "template").map(|text| template(state, text)).transpose()?,
        discreet: state.settings.mode != Mode::Plaintext,
        format: match text(arguments, "format") {
            Some("env") => Some(Format::Env),
            Some("yaml") => Some(Format::Yaml),
            _ => None,
        },
        ..injecting::Request::default()
    })
}

async fn inject_one(core: &Core, request: injecting::Request) -> Result<injecting::Reply> {
    let injected = inject(core, request).await?;
    let (_, outcome) = injected.services.into_iter().next().ok_or(Error::NoSession)?;
    let mut reply = outcome?;
    reply.warnings.extend(injected.warnings);
    Ok(reply)
}

async fn inject_file(core: &Core, request: injecting::Request) -> Result<Value> {
    object(&inject_one(core, request).await?)
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
