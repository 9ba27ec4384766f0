//! Containment requirement 1: a canary value and a canary token go through every tool and argument,
//! on every success and failure path. Values that the model sends must not be repeated either.

use serde_json::{Value, json};

use super::Client;
use crate::support::{CANARY, Lab, files};

/// Values of every type that contain the canary, for every argument. None is a valid name, since
/// names may be repeated.
fn poisoned() -> Vec<Value> {
    let poison = format!("{CANARY} !");
    vec![
        json!(poison),
        json!([poison]),
        json!({poison.as_str(): poison}),
        json!({"A": poison}),
        json!({"A": [poison]}),
        json!({"A": {"B": poison}}),
        json!(format!("../{CANARY}")),
        json!(format!("/{CANARY}")),
        json!(format!("{CANARY}\u{0}\n{CANARY}")),
        json!(format!("@token-{CANARY}")),
        json!(format!("A={CANARY}\nB=@token-0123456789abcdef\n{CANARY}")),
        json!(CANARY.repeat(20_000)),
        json!(1e300),
        json!(-1),
        json!(true),
        Value::Null,
    ]
}

/// Calls every tool with every argument poisoned, alone and together with its required arguments.
fn attack(client: &mut Client, tools: &Value) {
    for tool in tools.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let known = tool["inputSchema"]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str);
        for argument in known.chain(["canary-4f1d-value !"]) {
            for value in poisoned() {
                let mut arguments = json!({"service": "plex"});
                if !tool["inputSchema"]["properties"]
                    .as_object()
                    .unwrap()
                    .contains_key("service")
                {
                    arguments = json!({});
                }
                arguments[argument] = value.clone();
                if name == "vault_set" && arguments.get("secrets").is_none() {
                    arguments["secrets"] = json!({"B": CANARY});
                }
                if name == "vault_set" && argument != "dry_run" && argument != "approval_token" {
                    arguments["dry_run"] = json!(true);
                }
                if name == "vault_login" && arguments == json!({}) {
                    continue;
                }
                let _ = client.call(name, arguments);
                let _ = client.call(name, json!({argument: value}));
            }
        }
    }
}

#[test]
fn no_value_comes_back_from_any_tool_argument_or_failure() {
    let mut lab = Lab::with(
        "plex",
        json!({"A": format!("{CANARY}\r'$(x)"), "J": {"deep": CANARY}}),
    );
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    lab.home.set("VAULT_MAX_RETRIES", "0");
    lab.home.set("RUST_BACKTRACE", "full");
    let injected = lab.home.file(
        "plex/.env",
        &format!("A='{CANARY}'\nB={CANARY}\n{CANARY}\n-----BEGIN {CANARY}\n"),
    );
    let compose = format!(
        "services:\n  plex:\n    environment: {{A: {CANARY}, B: \"${{X:-{CANARY}}}\"}}\n    command: {CANARY}\n"
    );
    let compose = lab.home.file("plex/compose.yaml", &compose);
    let dead = format!("hvs.dead-{CANARY}");
    let read_nothing = lab.bao.token(&["default"]);
    let worlds = [
        ("VAULT_TOKEN", lab.token.clone()),
        ("VAULT_TOKEN", read_nothing),
        ("VAULT_TOKEN", dead),
        ("VAULT_TOKEN", String::new()),
        ("VAULT_ADDR", "http://127.0.0.1:1".into()),
        ("VAULT_ADDR", format!("http://user:{CANARY}@127.0.0.1:1")),
        ("VAULT_SECURITY_MODE", "redacted".into()),
        ("VAULT_SECURITY_MODE", CANARY.into()),
        ("CLAUDE_VAULT_AUDIT_LOG", "/dev/full".into()),
    ];
    for (name, value) in worlds {
        let before = lab.home.variables.clone();
        lab.home.set(name, &value);
        let mut client = Client::start(&lab.home);
        let tools = client.request("tools/list", json!({}))["result"]["tools"].clone();
        attack(&mut client, &tools);
        // Also call the tools as intended, including successful calls.
        for (tool, arguments, _) in super::clients::calls() {
            if tool != "vault_login" && tool != "vault_logout" {
                let _ = client.call(tool, arguments);
            }
        }
        for (method, params) in [
            (
                "resources/read",
                json!({"uri": format!("vault://services/{CANARY}x y")}),
            ),
            ("resources/read", json!({"uri": [CANARY]})),
            (
                "prompts/get",
                json!({"name": "migrate-service", "arguments": {"service": format!("{CANARY} x")}}),
            ),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": CANARY}, "argument": {"name": "service", "value": CANARY}}),
            ),
            (
                "tools/call",
                json!({"name": "vault_get", "arguments": [CANARY]}),
            ),
            ("tools/call", json!({"name": [CANARY], "arguments": {}})),
        ] {
            client.request(method, params);
        }
        // An invalid request is ignored, and the next call is answered.
        client.ask("tools/call", json!(CANARY));
        let _ = client.call("vault_status", json!({}));
        let seen = client.seen.clone();
        let at = seen.find(CANARY).map_or(String::new(), |at| {
            seen[at.saturating_sub(300)..(at + 100).min(seen.len())].to_owned()
        });
        assert!(at.is_empty(), "{name}={value}: {at}");
        let token = lab
            .home
            .variables
            .iter()
            .find(|(name, _)| name == "VAULT_TOKEN")
            .map(|(_, token)| token.clone())
            .unwrap();
        assert!(token.is_empty() || !seen.contains(&token));
        let (_, stderr) = client.close();
        assert!(
            !stderr.contains(CANARY) && (token.is_empty() || !stderr.contains(&token)),
            "{stderr}"
        );
        lab.home.variables = before;
    }
    for (path, content) in files(lab.home.lab().parent().unwrap()) {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(&lab.token), "{}", path.display());
        let is_a_secrets_file =
            path == injected || path == compose || path.to_string_lossy().contains(".backup.");
        assert!(
            is_a_secrets_file || !text.contains(CANARY),
            "the value in {}",
            path.display()
        );
        assert!(
            !path.file_name().unwrap().to_string_lossy().contains(CANARY),
            "{}",
            path.display()
        );
    }
    lab.cv(["audit", "verify"]).exits(0);
}
