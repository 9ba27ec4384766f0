//! The tools: names, schemas, hints, and what each does with its arguments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{check, parsed, required, text};
use super::state::{State, Waited, asked_by, until};
use crate::config::Mode;
use crate::core::inject::{Format, inject};
use crate::core::login::Ended;
use crate::core::{example, get, inject as injecting, list, scan, set, status};
use crate::error::{Error, Result};
use crate::names::{Key, Service};
use crate::secret::Secret;

/// A tool as it is listed.
struct Listed {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: fn() -> Value,
    output: fn() -> schemars::Schema,
    /// Read-only, destructive, idempotent.
    hints: (bool, bool, bool),
}

const SERVICE: &str = "The service: one secret of KV version 2, such as jellyfin";

fn nothing() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

const TOOLS: [Listed; 10] = [
    Listed {
        name: "vault_login",
        title: "Log in to Vault",
        description: "Start a HashiCorp Vault or OpenBao login: opens the browser on the user's machine, where they sign in. \
                      The token stays in this server. Gives pending until the user is done; call again to wait. Needed when \
                      another tool says login_required.",
        input: nothing,
        output: || schemars::schema_for!(LoginReply),
        hints: (false, false, true),
    },
    Listed {
        name: "vault_status",
        title: "Vault session status",
        description: "Show whether there is a Vault session, whose it is, its policies, the seconds left, and what this server shows \
                      of secret values.",
        input: nothing,
        output: || schemars::schema_for!(StatusReply),
        hints: (true, false, true),
    },
    Listed {
        name: "vault_logout",
        title: "Log out of Vault",
        description: "Revoke the Vault token and forget it, with all handles.",
        input: nothing,
        output: || schemars::schema_for!(LogoutReply),
        hints: (false, false, true),
    },
    Listed {
        name: "vault_list",
        title: "List secrets in Vault",
        description: "List the services that have secrets in Vault, or the key names of one service. Never values.",
        input: || {
            json!({ "type": "object", "properties": { "service": { "type": "string", "description": SERVICE } },
                          "additionalProperties": false })
        },
        output: || schemars::schema_for!(list::Reply),
        hints: (true, false, true),
    },
    Listed {
        name: "vault_get",
        title: "Get a service's secrets as handles",
        description: "Get a service's secrets. Values are not shown: each is a handle (@token-…) that vault_set takes in place of \
                      the value. To give them to a program, use vault_inject.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "key": { "type": "string", "description": "One key, instead of all" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: || schemars::schema_for!(get::Shown),
        hints: (true, false, true),
    },
    Listed {
        name: "vault_set",
        title: "Set secrets in Vault",
        description: "Add or change keys of a service in Vault; other keys stay. A person must approve each change in a terminal of \
                      their own; until then it gives approval_pending with an approval_token to call again with, and the same \
                      arguments. Values can be text, handles, or generated so that nobody sees them. dry_run shows the plan.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "secrets": { "type": "object", "additionalProperties": { "type": "string" },
                                         "description": "Values by key: text, or a handle" },
                            "generate": { "type": "object", "additionalProperties": { "type": "integer", "minimum": 8, "maximum": 1024 },
                                          "description": "Keys to make a random value for, with its length" },
                            "from_file": { "type": "string", "description": "A .env or YAML file below the project's root: all its keys, unseen" },
                            "dry_run": { "type": "boolean", "description": "Show what would change, and write nothing" },
                            "approval_token": { "type": "string", "description": "From approval_pending, to wait for that approval" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: || schemars::schema_for!(set::Reply),
        hints: (false, true, false),
    },
    Listed {
        name: "vault_inject",
        title: "Write a service's .env or secrets.yaml",
        description: "Write a service's secrets from Vault into its .env or secrets.yaml, from the example file there, so that its \
                      program reads every value exactly. The values are not shown. The old file is kept as a backup.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "format": { "type": "string", "enum": ["env", "yaml"], "description": "Instead of the one found" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: || schemars::schema_for!(injecting::Reply),
        hints: (false, true, true),
    },
    Listed {
        name: "vault_scan_env",
        title: "Find secrets in a .env file",
        description: "Find what is a secret in a service's .env file: keys with lines, kinds and handles, never values. vault_set takes \
                      the handles, so that a service can be moved into Vault without its secrets being seen.",
        input: scan_input,
        output: || schemars::schema_for!(scan::EnvFile),
        hints: (true, false, true),
    },
    Listed {
        name: "vault_scan_compose",
        title: "Find secrets in a docker compose file",
        description: "Find what is a secret in a docker compose file, for each of its services: keys with lines, kinds and handles, \
                      never values; and the env_file and secrets files that it names.",
        input: scan_input,
        output: || schemars::schema_for!(scan::ComposeFile),
        hints: (true, false, true),
    },
    Listed {
        name: "vault_generate_example",
        title: "Write a .env.example or docker-compose.example.yml",
        description: "Write a template that can be committed: the .env or compose file with its comments and order, and every secret \
                      taken out. vault_inject fills a .env.example with the values from Vault.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "file_path": { "type": "string", "description": "The file, below the project's root, instead of the one found" },
                            "format": { "type": "string", "enum": ["env", "compose"], "description": "What the file is [default: env]" },
                            "output_path": { "type": "string", "description": "Where to write, below the project's root" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: || schemars::schema_for!(example::Reply),
        hints: (false, false, true),
    },
];

fn scan_input() -> Value {
    json!({ "type": "object", "properties": {
              "service": { "type": "string", "description": SERVICE },
              "file_path": { "type": "string", "description": "The file, below the project's root, instead of the one found" } },
            "required": ["service"], "additionalProperties": false })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LoginState {
    /// The user has not finished in the browser.
    Pending,
    /// There is a session.
    LoggedIn,
}

/// How a login stands.
#[derive(Serialize, JsonSchema)]
struct LoginReply {
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
struct StatusReply {
    /// Whether there is a session.
    logged_in: bool,
    /// What the session is.
    session: Option<status::Reply>,
    /// What is shown of values.
    mode: Mode,
    /// How a change is approved.
    approval: &'static str,
    /// What to do.
    next: Option<String>,
}

/// How a logout went.
#[derive(Serialize, JsonSchema)]
struct LogoutReply {
    /// Whether Vault revoked a token.
    revoked: bool,
    /// What to know.
    warnings: Vec<String>,
}

fn schema(mut value: Value) -> Arc<JsonObject> {
    without_rust_formats(&mut value);
    let Value::Object(mut object) = value else { return Arc::default() };
    object.insert("type".into(), "object".into());
    Arc::new(object)
}

/// `uint64` and the like are no formats of JSON Schema: clients warn of them.
fn without_rust_formats(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.trim_start_matches('u').starts_with("int"))
            {
                object.remove("format");
            }
            object.values_mut().for_each(without_rust_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rust_formats),
        _ => {}
    }
}

/// All tools, in their order.
pub(super) fn all() -> Vec<Tool> {
    TOOLS.iter().map(listed).collect()
}

fn listed(tool: &Listed) -> Tool {
    let (read_only, destructive, idempotent) = tool.hints;
    let annotations = ToolAnnotations::with_title(tool.title)
        .read_only(read_only)
        .destructive(destructive)
        .idempotent(idempotent)
        .open_world(true);
    let mut listed = Tool::new(tool.name, tool.description, schema((tool.input)())).with_annotations(annotations);
    listed.title = Some(tool.title.to_owned());
    listed.output_schema = Some(schema((tool.output)().to_value()));
    listed
}

/// Whether there is such a tool.
pub(super) fn exists(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name)
}

/// Runs a tool. `client` is the name that the client gives itself.
pub(super) async fn call(state: &Arc<State>, name: &str, arguments: &JsonObject, client: Option<&str>) -> Result<Value> {
    if let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) {
        check(&schema((tool.input)()), arguments)?;
    }
    state.keep_alive().await;
    match name {
        "vault_login" => log_in(state).await,
        "vault_status" => status_of(state).await,
        "vault_logout" => log_out(state).await,
        "vault_list" => object(&list::list(&state.core(), &list::Request { service: parsed(arguments, "service")? }).await?),
        "vault_get" => get_as_handles(state, arguments).await,
        "vault_set" => set_once_approved(state, arguments, asked_by(client, name)).await,
        "vault_inject" => inject_file(state, arguments).await,
        "vault_scan_env" => scan_env(state, arguments),
        "vault_scan_compose" => scan_compose(state, arguments),
        _ => make_example(state, arguments),
    }
}

/// Gives each value found a handle, where there are handles.
fn with_handles(state: &Arc<State>, origin: &str, keys: &mut [scan::Found]) -> Result<()> {
    if state.settings.mode == Mode::Redacted {
        return Ok(());
    }
    for found in keys {
        if let Some(secret) = &found.value {
            found.handle = Some(state.handle(origin, &found.key, secret)?);
        }
    }
    Ok(())
}

fn scan_env(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let mut reply = scan::env(&state.core(), &required(arguments, "service")?, file)?;
    with_handles(state, &reply.file.to_string_lossy(), &mut reply.keys)?;
    object(&reply)
}

fn scan_compose(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let file = text(arguments, "file_path").map(Path::new);
    let mut reply = scan::compose(&state.core(), &required(arguments, "service")?, file)?;
    for service in &mut reply.services {
        with_handles(state, &format!("{} {}", reply.file.to_string_lossy(), service.name), &mut service.keys)?;
    }
    object(&reply)
}

fn make_example(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let format = if text(arguments, "format") == Some("compose") { example::Format::Compose } else { example::Format::Env };
    let path = |name| text(arguments, name).map(Path::new);
    let service = required(arguments, "service")?;
    object(&example::example(&state.core(), &service, format, path("file_path"), path("output_path"))?)
}

fn object(reply: &impl Serialize) -> Result<Value> {
    serde_json::to_value(reply).map_err(|_| Error::invalid("the reply cannot be written", "tell the maintainers"))
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
        Waited::Pending(_) => LoginReply {
            state: LoginState::Pending,
            user: None,
            policies: Vec::new(),
            seconds_left: None,
            next: Some("ask the user to sign in in the browser window that opened, then call vault_login again".into()),
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
        approval: "a person runs in a terminal of their own: claude-vault approve pending",
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
        values.insert(key.clone(), state.shown(reply.service.as_str(), key, value)?);
    }
    object(&get::Shown { values: Some(values), ..reply.names() })
}

async fn set_once_approved(state: &Arc<State>, arguments: &JsonObject, asked_by: String) -> Result<Value> {
    let service: Service = required(arguments, "service")?;
    let mut secrets: BTreeMap<Key, Secret> = BTreeMap::new();
    if let Some(file) = text(arguments, "from_file") {
        secrets.extend(set::from_file(&state.settings.root, Path::new(file))?);
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
    let dry_run = arguments.get("dry_run").and_then(Value::as_bool).unwrap_or(false);
    let request = set::Request { service, secrets, generate, dry_run };
    match state.change(request, text(arguments, "approval_token"), asked_by).await? {
        Waited::Done(reply) => object(&reply),
        Waited::Pending(approval_token) => Err(Error::ApprovalPending { approval_token }),
    }
}

fn entries<'a>(arguments: &'a JsonObject, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    arguments.get(name).and_then(Value::as_object).into_iter().flatten()
}

async fn inject_file(state: &Arc<State>, arguments: &JsonObject) -> Result<Value> {
    let request = injecting::Request {
        services: vec![required(arguments, "service")?],
        format: match text(arguments, "format") {
            Some("env") => Some(Format::Env),
            Some("yaml") => Some(Format::Yaml),
            _ => None,
        },
        ..injecting::Request::default()
    };
    let injected = inject(&state.core(), request).await?;
    let (_, outcome) = injected.services.into_iter().next().ok_or(Error::NoSession)?;
    let mut reply = outcome?;
    reply.warnings.extend(injected.warnings);
    object(&reply)
}
