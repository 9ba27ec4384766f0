//! The tools as they are listed: names, schemas and hints, written for a model that searches for them
//! and for a person who reads the list.

use std::sync::{Arc, OnceLock};

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::tools::{LoginReply, LogoutReply, StatusReply};
use crate::core::{example, get, inject, list, scan, set};

/// A tool as it is listed.
struct Listed {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: fn() -> Value,
    output: fn() -> Value,
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
        output: reply::<LoginReply>,
        hints: (false, false, true),
    },
    Listed {
        name: "vault_status",
        title: "Vault session status",
        description: "Show whether there is a Vault session, whose it is, its policies, the seconds left, what this server shows of \
                      secret values, and how a person approves a write.",
        input: nothing,
        output: reply::<StatusReply>,
        hints: (true, false, true),
    },
    Listed {
        name: "vault_logout",
        title: "Log out of Vault",
        description: "Revoke the Vault token and forget it, with all handles.",
        input: nothing,
        output: reply::<LogoutReply>,
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
        output: reply::<list::Reply>,
        hints: (true, false, true),
    },
    Listed {
        name: "vault_get",
        title: "Get a service's secrets as handles",
        description: "Get a service's secrets. Values are not shown: each is a handle (@token-…) that vault_set and a template of \
                      vault_inject take in place of the value. To give them to a program, use vault_inject.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "key": { "type": "string", "description": "One key, instead of all" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: reply::<get::Shown>,
        hints: (true, false, true),
    },
    Listed {
        name: "vault_set",
        title: "Set secrets in Vault",
        description: "Add or change keys of a service in Vault; other keys stay. A person must approve each change on a page in \
                      their browser; until then it gives approval_pending with an approval_token to call again with, and the same \
                      arguments. Values can be text, handles, generated so that nobody sees them, or typed by the person on that \
                      page (prompt). dry_run shows the plan.",
        input: || {
            json!({ "type": "object", "properties": {
                            "service": { "type": "string", "description": SERVICE },
                            "secrets": { "type": "object", "additionalProperties": { "type": "string" },
                                         "description": "Values by key: text, or a handle" },
                            "generate": { "type": "object", "additionalProperties": { "type": "integer", "minimum": 8, "maximum": 1024 },
                                          "description": "Keys to make a random value for, with its length" },
                            "prompt": { "type": "array", "items": { "type": "string" },
                                        "description": "Keys whose values the person types on the approval page" },
                            "from_file": { "type": "string", "description": "A .env or YAML file below the project's root: all its keys, unseen" },
                            "dry_run": { "type": "boolean", "description": "Show what would change, and write nothing" },
                            "approval_token": { "type": "string", "description": "From approval_pending, to wait for that approval" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: reply::<set::Reply>,
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
                            "format": { "type": "string", "enum": ["env", "yaml"], "description": "Instead of the one found" },
                            "template": { "type": "string", "description": "The file's whole text, with a handle in place of each secret value, \
                                          instead of the example and all keys from Vault" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: reply::<inject::Reply>,
        hints: (false, true, true),
    },
    Listed {
        name: "vault_scan_env",
        title: "Find secrets in a .env file",
        description: "Find what is a secret in a service's .env file: keys with lines, kinds and handles, never values. vault_set takes \
                      the handles, so that a service can be moved into Vault without its secrets being seen.",
        input: scan_input,
        output: reply::<scan::EnvFile>,
        hints: (true, false, true),
    },
    Listed {
        name: "vault_scan_compose",
        title: "Find secrets in a docker compose file",
        description: "Find what is a secret in a docker compose file, for each of its services: keys with lines, kinds and handles, \
                      never values; and the env_file and secrets files that it names.",
        input: scan_input,
        output: reply::<scan::ComposeFile>,
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
                            "output_path": { "type": "string", "description": "Where to write, below the project's root: a name with example, sample or template in it" } },
                          "required": ["service"], "additionalProperties": false })
        },
        output: reply::<example::Reply>,
        hints: (false, false, true),
    },
];

fn scan_input() -> Value {
    json!({ "type": "object", "properties": {
              "service": { "type": "string", "description": SERVICE },
              "file_path": { "type": "string", "description": "The file, below the project's root, instead of the one found" } },
            "required": ["service"], "additionalProperties": false })
}

fn schema(mut value: Value) -> Arc<JsonObject> {
    tidy(&mut value);
    let Value::Object(mut object) = value else { return Arc::default() };
    object.insert("type".into(), "object".into());
    Arc::new(object)
}

/// The schema of a reply, as it is serialised.
fn reply<T: schemars::JsonSchema>() -> Value {
    schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// Makes a schema what all clients take: `uint64` and the like are no formats of JSON Schema, and a
/// list of types is beyond some. What may be null is left out of a reply (`tools::object`) instead.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.trim_start_matches('u').starts_with("int"))
            {
                object.remove("format");
            }
            let nullable: Vec<String> =
                object.get_mut("properties").and_then(Value::as_object_mut).map_or_else(Vec::new, |all| {
                    all.iter_mut().filter_map(|(name, property)| without_null(property).then(|| name.clone())).collect()
                });
            if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|name| name.as_str().is_none_or(|name| !nullable.iter().any(|one| one == name)));
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Takes `null` out of a property's schema; whether it was there.
fn without_null(property: &mut Value) -> bool {
    let Some(object) = property.as_object_mut() else { return false };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        let before = types.len();
        types.retain(|one| one != "null");
        let had = types.len() < before;
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
        return had;
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return false };
    let before = choices.len();
    choices.retain(|one| one["type"] != "null");
    let had = choices.len() < before;
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        object.extend(only);
    }
    had
}

/// All tools, in their order.
pub(super) fn all() -> &'static [Tool] {
    static ALL: OnceLock<Vec<Tool>> = OnceLock::new();
    ALL.get_or_init(|| TOOLS.iter().map(listed).collect())
}

/// One of them, made alone: a call needs no other's schemas.
pub(super) fn one(name: &str) -> Option<Tool> {
    TOOLS.iter().find(|tool| tool.name == name).map(listed)
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
    listed.output_schema = Some(schema((tool.output)()));
    listed
}

/// What a tool takes; `None` when there is no such tool.
pub(super) fn input_of(name: &str) -> Option<Arc<JsonObject>> {
    TOOLS.iter().find(|tool| tool.name == name).map(|tool| schema((tool.input)()))
}
