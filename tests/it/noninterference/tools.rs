//! The tools as the server lists them. Each tool that is tested has a row here; a listed tool
//! without a row fails the test.

use serde_json::{Map, Value};

/// A tool and how often it is called.
pub struct Row {
    pub tool: &'static str,
    /// How often it is called at random, in addition to the calls in the generator's chains. A tool
    /// that seldom succeeds needs more: at least 5 of 100 calls must succeed (`Figures::idle`).
    pub weight: usize,
}

const fn row(tool: &'static str, weight: usize) -> Row {
    Row { tool, weight }
}

pub const ROWS: &[Row] = &[
    row("vault_login", 4),
    row("vault_status", 5),
    row("vault_logout", 7),
    row("vault_list", 8),
    row("vault_get", 8),
    row("vault_set", 14),
    row("vault_inject", 14),
    row("vault_scan_env", 8),
    row("vault_scan_compose", 8),
    row("vault_generate_example", 14),
    row("vault_adopt", 12),
    row("vault_history", 8),
    row("vault_find", 8),
    row("vault_delete", 14),
    row("vault_rollback", 12),
];

/// The purpose of an argument, derived from its name and its schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    Service,
    Template,
    Approval,
    Path,
    Key,
    Choice,
    Text,
    Flag,
    Number,
    Map,
    List,
}

#[derive(Clone, Debug)]
pub struct Tool {
    pub name: String,
    pub reads_only: bool,
    pub weight: usize,
    pub properties: Map<String, Value>,
    pub required: Vec<String>,
}

impl Tool {
    /// The tools in `tools/list`, each with its row.
    pub fn all(listed: &[Value]) -> Vec<Self> {
        listed
            .iter()
            .map(|tool| {
                let name = tool["name"].as_str().unwrap().to_owned();
                let row = ROWS.iter().find(|row| row.tool == name);
                let row = row.unwrap_or_else(|| {
                    panic!("{name} is listed: give it a row in noninterference/tools.rs")
                });
                let schema = &tool["inputSchema"];
                Self {
                    reads_only: tool["annotations"]["readOnlyHint"] == true,
                    weight: row.weight,
                    properties: schema["properties"]
                        .as_object()
                        .cloned()
                        .unwrap_or_default(),
                    required: serde_json::from_value(schema["required"].clone())
                        .unwrap_or_default(),
                    name,
                }
            })
            .collect()
    }

    pub fn takes(&self, use_of: Use) -> Option<String> {
        self.properties
            .iter()
            .find(|(name, schema)| use_of == used(name, schema))
            .map(|(name, _)| name.clone())
    }

    /// All arguments with this purpose.
    pub fn all_of(&self, use_of: Use) -> Vec<String> {
        let of_kind = self
            .properties
            .iter()
            .filter(|(name, schema)| use_of == used(name, schema));
        of_kind.map(|(name, _)| name.clone()).collect()
    }
}

/// The first type in a schema other than null.
pub fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("string"),
        _ => "string",
    }
}

pub fn used(name: &str, schema: &Value) -> Use {
    match kind(schema) {
        "boolean" => return Use::Flag,
        "integer" | "number" => return Use::Number,
        "object" => return Use::Map,
        "array" => return Use::List,
        _ => {}
    }
    match name {
        _ if schema["enum"].is_array() => Use::Choice,
        "service" => Use::Service,
        "template" => Use::Template,
        "approval_token" => Use::Approval,
        "key" | "pattern" => Use::Key,
        name if name.contains("file") || name.contains("path") => Use::Path,
        _ => Use::Text,
    }
}

#[test]
fn the_purpose_of_an_argument_follows_from_its_name_and_its_schema() {
    let text = serde_json::json!({"type": ["string", "null"]});
    for (name, wanted) in [
        ("file_path", Use::Path),
        ("from_file", Use::Path),
        ("service", Use::Service),
        ("new_thing", Use::Text),
    ] {
        assert_eq!(used(name, &text), wanted);
    }
    assert_eq!(
        used(
            "format",
            &serde_json::json!({"type": "string", "enum": ["env"]})
        ),
        Use::Choice
    );
    assert_eq!(
        used("file", &serde_json::json!({"type": "object"})),
        Use::Map
    );
}

#[test]
#[should_panic(expected = "vault_new is listed: give it a row")]
fn a_listed_tool_without_a_row_fails() {
    Tool::all(&[serde_json::json!({"name": "vault_new", "inputSchema": {}})]);
}
