//! The tools as they are listed: names, schemas and hints, written for a model that searches for them
//! and for a person who reads the list.

use std::sync::Arc;

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
        output: || schemars::schema_for!(inject::Reply),
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

/// What a tool takes; `None` when there is no such tool.
pub(super) fn input_of(name: &str) -> Option<Arc<JsonObject>> {
    TOOLS.iter().find(|tool| tool.name == name).map(|tool| schema((tool.input)()))
}
