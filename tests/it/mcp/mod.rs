//! The MCP server, through its standard input and output.

mod attacks;
pub mod clients;
mod leaks;
mod load;
mod person;
mod undo;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::approval::page::config;
use crate::support::{CANARY, Home, Lab};

/// A client that exchanges lines with the server.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
    /// Everything that the server has sent.
    pub seen: String,
}

impl Client {
    pub fn start(home: &Home) -> Self {
        Self::start_as(home, "a test", json!({}))
    }

    /// Starts the server for a client with this name and these capabilities.
    pub fn start_as(home: &Home, name: &str, capabilities: Value) -> Self {
        let mut command = home.command(env!("CARGO_BIN_EXE_claude-vault"));
        command
            .arg("mcp")
            .env("RUST_LOG", "trace")
            .env("CLAUDECODE", "1");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self {
            child,
            stdin,
            stdout,
            next: 0,
            seen: String::new(),
        };
        client.request(
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": name, "version": "1"}}),
        );
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line unchanged.
    pub fn send_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Sends a request and returns its id.
    pub fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Reads the server's next message.
    pub fn next_message(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        self.seen.push_str(&line);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next_message();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    /// Calls a tool. Returns its structured content, or the text of its error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, String> {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        outcome(&answer)
    }

    /// Closes the server's input. Returns the exit status and stderr.
    pub fn close(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

/// The names of the tools in the committed list, in its order.
pub fn listed_tools() -> Vec<String> {
    let list: Vec<Value> =
        serde_json::from_str(include_str!("../../../src/mcp/tools.json")).unwrap();
    list.iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The handle of a key or entry in a reply.
pub fn handle(reply: &Value, name: &str) -> String {
    let lists = [&reply["keys"], &reply["entries"]];
    let mut entries = lists.iter().filter_map(|list| list.as_array()).flatten();
    let entry = entries
        .find(|entry| entry["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {reply}"));
    entry["handle"]
        .as_str()
        .unwrap_or_else(|| panic!("no handle in {entry}"))
        .to_owned()
}

/// Calls a tool that needs approval, approves at a terminal of the person's own, and returns the
/// outcome.
pub fn approved(
    client: &mut Client,
    lab: &Lab,
    tool: &str,
    arguments: Value,
) -> Result<Value, String> {
    let reply = client.call(tool, arguments.clone()).unwrap_err();
    assert!(reply.starts_with("approval_pending: "), "{reply}");
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_eof().unwrap();
    come_back(client, tool, arguments, &reply)
}

/// Repeats a call to get the outcome of a change that was answered.
pub fn come_back(
    client: &mut Client,
    tool: &str,
    mut arguments: Value,
    reply: &str,
) -> Result<Value, String> {
    if let Some(token) = reply.split("approval_token: ").nth(1) {
        arguments["approval_token"] = json!(token.split('.').next().unwrap());
    }
    crate::support::eventually("the outcome", || {
        Some(client.call(tool, arguments.clone())).filter(|outcome| {
            !outcome
                .as_ref()
                .is_err_and(|reply| reply.starts_with("approval_pending: "))
        })
    })
}

pub fn outcome(answer: &Value) -> Result<Value, String> {
    let result = &answer["result"];
    assert!(result.is_object(), "{answer}");
    if result["isError"] == true {
        assert!(
            result.get("structuredContent").is_none_or(Value::is_null),
            "{result}"
        );
        return Err(result["content"][0]["text"].as_str().unwrap().to_owned());
    }
    Ok(result["structuredContent"].clone())
}

#[test]
fn the_server_starts_without_session_vault_or_configuration_and_names_what_is_missing() {
    let home = Home::new();
    let mut client = Client::start(&home);
    let tools = client.request("tools/list", json!({}))["result"]["tools"].clone();
    let names: Vec<&str> = tools
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, listed_tools());
    for tool in tools.as_array().unwrap() {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean() && tool["title"].is_string());
    }
    for (tool, arguments) in [
        ("vault_list", json!({})),
        ("vault_get", json!({"service": "plex"})),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": "1"}}),
        ),
        ("vault_history", json!({"service": "plex"})),
        ("vault_delete", json!({"service": "plex"})),
        ("vault_rollback", json!({"service": "plex", "version": 1})),
    ] {
        let reply = client.call(tool, arguments).unwrap_err();
        assert!(
            reply.starts_with("login_required: ") && reply.contains(". Next: call vault_login"),
            "{reply}"
        );
    }
    assert_eq!(
        client.call("vault_status", json!({})).unwrap()["logged_in"],
        false
    );
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
}

#[test]
fn find_shows_exactly_the_names_that_list_shows() {
    let lab = Lab::with(
        "plex",
        json!({"API_KEY": CANARY, "sk-live 4eC39HqLyjWDarjt": "x", "key/odd": "y"}),
    );
    lab.store("media/sonarr", json!({"API_KEY": CANARY, "N": 1}));
    lab.store("gone", json!({"API_KEY": "1"}));
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/gone", "");
    let mut client = Client::start(&lab.home);
    let mut find = |pattern: &str| {
        client
            .call("vault_find", json!({ "pattern": pattern }))
            .unwrap()
    };
    let found = find("*key");
    let wanted = json!([{"service": "media/sonarr", "key": "API_KEY"}, {"service": "plex", "key": "API_KEY"}]);
    assert_eq!(
        (&found["matches"], &found["searched"], &found["deleted"]),
        (&wanted, &json!(2), &json!(1))
    );
    assert_eq!(
        find("media/*")["matches"],
        json!([{"service": "media/sonarr"}])
    );
    // A hidden name cannot be guessed letter by letter, and neither can a value.
    for pattern in ["sk-live", "sk-live*", "key/odd", "*odd", CANARY, "canary"] {
        assert_eq!(find(pattern)["matches"], json!([]), "{pattern}");
    }
    for pattern in [json!(""), json!("x".repeat(257)), json!(7)] {
        assert!(
            client
                .call("vault_find", json!({ "pattern": pattern }))
                .unwrap_err()
                .starts_with("invalid_arguments: ")
        );
    }
    let read = |uri: &str| json!({ "uri": uri });
    for uri in [
        "vault://services/media/sonarr",
        "vault://services/media%2Fsonarr",
    ] {
        let keys = client.request("resources/read", read(uri))["result"].to_string();
        assert!(keys.contains("API_KEY"), "{uri}: {keys}");
    }
    for uri in [
        "vault://services/media%2F..%2Fplex",
        "vault://services/%2Fplex",
        "vault://services/media%252Fsonarr",
    ] {
        assert!(
            client.request("resources/read", read(uri))["error"].is_object(),
            "{uri}"
        );
    }
    assert!(!client.seen.contains(CANARY));
}

#[test]
fn every_revision_of_the_protocol_is_supported() {
    let lab = Lab::with("plex", json!({"KEY": CANARY}));
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
        let mut child = command
            .arg("mcp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (
            child.stdin.take(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        let mut client = Client {
            child,
            stdin,
            stdout,
            next: 0,
            seen: String::new(),
        };
        let hello = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}});
        assert_eq!(
            client.request("initialize", hello)["result"]["protocolVersion"],
            revision
        );
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(
            client.request("tools/list", json!({}))["result"]["tools"]
                .as_array()
                .unwrap()
                .len(),
            15
        );
        let answer = client.request("tools/call", json!({"name": "vault_list", "arguments": {}}));
        // The text repeats the structured content, for clients that do not support the latter.
        assert!(
            answer["result"]["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("\"plex\""),
            "{revision}: {answer}"
        );
        assert_eq!(client.close().0, Some(0));
    }
    // 2026-07-28 has no handshake: each request names its revision.
    let mut client = Client::start(&lab.home);
    let meta = |version: &str| {
        json!({"_meta": {"io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "new", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}}})
    };
    let found = client.request("server/discover", meta("2026-07-28"));
    assert!(
        found["result"]["supportedVersions"]
            .to_string()
            .contains("2026-07-28"),
        "{found}"
    );
    assert_eq!(
        client.request("tools/list", meta("2026-07-28"))["result"]["tools"]
            .as_array()
            .unwrap()
            .len(),
        15
    );
    assert_eq!(
        client.request("tools/list", meta("2099-01-01"))["error"]["code"],
        -32022
    );
    client.close();
}

/// The variables that the old server used in `.mcp.json`.
#[test]
fn the_old_servers_variables_keep_working() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.home.set("VAULT_SECURITY_MODE", "tokenized");
    lab.home.set("VAULT_TOKEN_SESSION_TTL", "5");
    lab.home.set("VAULT_MAX_TOKEN_TTL", "3600");
    let mut client = Client::start(&lab.home);
    let got = client
        .call("vault_get", json!({"service": "plex"}))
        .unwrap();
    let arguments =
        json!({"service": "new", "secrets": {"A": handle(&got, "KEY")}, "dry_run": true});
    assert_eq!(
        client.call("vault_set", arguments.clone()).unwrap()["added"],
        json!(["A"])
    );
    std::thread::sleep(std::time::Duration::from_millis(5100));
    assert!(
        client
            .call("vault_set", arguments)
            .unwrap_err()
            .contains("has expired")
    );
    client.close();
}

#[test]
fn a_client_that_sends_nothing_or_disconnects_at_once_is_not_a_failure() {
    let home = Home::new();
    for input in [
        "",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n",
        "not json\n",
        "\u{feff}\n",
    ] {
        let run = home.cv_with(&["mcp"], input);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (0, ""),
            "{input:?}: {}",
            run.stderr
        );
    }
}

#[test]
fn invalid_settings_are_reported_when_a_tool_is_called() {
    let mut home = Home::new();
    home.set("VAULT_SECURITY_MODE", "open");
    let mut client = Client::start(&home);
    let reply = client.call("vault_list", json!({})).unwrap_err();
    assert!(
        reply.contains("settings of this server") && reply.contains("claude-vault config"),
        "{reply}"
    );
    assert_eq!(client.close().0, Some(0));
}

#[test]
fn values_are_shown_as_handles_and_handles_are_accepted_as_values() {
    let lab = Lab::with(
        "plex",
        json!({"KEY": CANARY, "SHORT": "1", "URL": "https://u:p@h"}),
    );
    let mut client = Client::start(&lab.home);
    let got = client
        .call("vault_get", json!({"service": "plex"}))
        .unwrap();
    for key in ["KEY", "SHORT", "URL"] {
        let handle = handle(&got, key);
        assert!(
            handle.starts_with("@token-") && handle.len() == 23,
            "{handle}"
        );
    }
    assert_eq!(
        client
            .call("vault_get", json!({"service": "plex"}))
            .unwrap(),
        got
    );
    let plan = client
        .call(
            "vault_set",
            json!({"service": "new", "secrets": {"A": handle(&got, "KEY")}, "dry_run": true}),
        )
        .unwrap();
    assert_eq!(
        (&plan["outcome"], &plan["added"]),
        (&json!("dry_run"), &json!(["A"]))
    );
    for (value, why) in [
        ("@token-0123456789abcdef", "is unknown or has expired"),
        ("x@token-0123456789abcdef", "inside a longer text"),
    ] {
        let reply = client
            .call(
                "vault_set",
                json!({"service": "new", "secrets": {"A": value}, "dry_run": true}),
            )
            .unwrap_err();
        assert!(
            reply.starts_with("invalid_arguments: ") && reply.contains(why),
            "{reply}"
        );
    }
    client.call("vault_logout", json!({})).unwrap();
    let reply = client
        .call(
            "vault_set",
            json!({"service": "new", "secrets": {"A": handle(&got, "KEY")}}),
        )
        .unwrap_err();
    assert!(reply.contains("is unknown or has expired"), "{reply}");
    assert!(!client.seen.contains(CANARY));
    client.close();
}

#[test]
fn only_the_persons_config_can_relax_the_mode() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY, "PORT": "80"}));
    lab.home.set("VAULT_SECURITY_MODE", "redacted");
    let mut client = Client::start(&lab.home);
    let got = client
        .call("vault_get", json!({"service": "plex"}))
        .unwrap();
    assert_eq!(got["keys"], json!([{"name": "KEY"}, {"name": "PORT"}]));
    client.close();
    lab.home.set("VAULT_SECURITY_MODE", "tokenized");
    config(&lab, "plain_keys = [\"plex/PORT\"]\n");
    lab.store("other", json!({"PORT": CANARY}));
    let mut client = Client::start(&lab.home);
    let got = client
        .call("vault_get", json!({"service": "plex"}))
        .unwrap();
    assert_eq!(got["keys"][1], json!({"name": "PORT", "value": "80"}));
    // A key with that name in another service stays hidden, and a hidden value cannot be stored
    // under the plain name.
    let other = client
        .call("vault_get", json!({"service": "other"}))
        .unwrap();
    let unseen =
        json!({"service": "plex", "secrets": {"PORT": handle(&other, "PORT")}, "dry_run": true});
    assert!(
        client
            .call("vault_set", unseen)
            .unwrap_err()
            .starts_with("not_allowed: ")
    );
    assert!(!client.seen.contains(CANARY));
    client.close();
    // A variable, for example from a project's .mcp.json, shows no more than the config allows.
    lab.home.set("VAULT_SECURITY_MODE", "plaintext");
    let mut client = Client::start(&lab.home);
    let reply = client
        .call("vault_get", json!({"service": "plex", "key": "KEY"}))
        .unwrap_err();
    assert!(
        reply.contains("can only make the mode stricter")
            && reply.contains("security_mode = \"plaintext\""),
        "{reply}"
    );
    client.close();
    lab.home.set("VAULT_SECURITY_MODE", "");
    config(&lab, "security_mode = \"plaintext\"\n");
    let mut client = Client::start(&lab.home);
    assert_eq!(
        client
            .call("vault_get", json!({"service": "plex", "key": "KEY"}))
            .unwrap()["keys"][0]["value"],
        CANARY
    );
    client.close();
    lab.home.set("VAULT_SECURITY_MODE", "redacted");
    let mut client = Client::start(&lab.home);
    assert_eq!(
        client
            .call("vault_get", json!({"service": "plex"}))
            .unwrap()["keys"][0],
        json!({"name": "KEY"})
    );
    client.close();
}

#[test]
fn wrong_arguments_are_named_and_never_repeated() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut client = Client::start(&lab.home);
    let cases = [
        ("vault_get", json!({"service": [CANARY]})),
        (
            "vault_get",
            json!({"service": CANARY, "key": {"x": CANARY}}),
        ),
        ("vault_get", json!({CANARY: 1})),
        ("vault_get", json!({})),
        ("vault_get", json!({"service": format!("{CANARY}/../x")})),
        ("vault_list", json!({"service": 7, "x": CANARY})),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": [CANARY]}}),
        ),
        ("vault_set", json!({"service": "plex", "secrets": CANARY})),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {format!("{CANARY} "): "1"}}),
        ),
        (
            "vault_set",
            json!({"service": "plex", "generate": {"A": CANARY}}),
        ),
        (
            "vault_set",
            json!({"service": "plex", "generate": {"A": -1}}),
        ),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": CANARY.repeat(1000)}}),
        ),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": CANARY}, "approval_token": CANARY}),
        ),
        ("vault_set", json!({"service": "plex", "from_file": "../x"})),
        (
            "vault_set",
            json!({"service": "plex", "from_file": "/etc/passwd"}),
        ),
        ("vault_set", json!({"service": "plex", "dry_run": CANARY})),
        ("vault_inject", json!({"service": "plex", "format": CANARY})),
        ("vault_login", json!({"x": CANARY})),
        (
            "vault_generate_example",
            json!({"service": "plex", "output_path": "Makefile"}),
        ),
        (
            "vault_generate_example",
            json!({"service": "plex", "file_path": "Makefile"}),
        ),
        (
            "vault_inject",
            json!({"service": "plex", "file": "Makefile"}),
        ),
        (
            "vault_inject",
            json!({"service": "plex", "file": ".git/.env"}),
        ),
    ];
    for (tool, arguments) in cases {
        let reply = client
            .call(tool, arguments.clone())
            .expect_err(&arguments.to_string());
        assert!(
            reply.contains(": ") && reply.contains(". Next: ") && !reply.contains(CANARY),
            "{reply}"
        );
    }
    let unknown = client.request("tools/call", json!({"name": CANARY, "arguments": {}}));
    assert!(unknown["error"]["code"].is_i64());
    client.request("tools/call", json!({"name": ["x"], "arguments": CANARY}));
    client.request(CANARY, json!({}));
    assert!(
        !client
            .seen
            .replace(&format!("\"{CANARY}\""), "")
            .contains(CANARY),
        "{}",
        client.seen
    );
    let (status, stderr) = client.close();
    assert_eq!(status, Some(0));
    assert!(!stderr.contains(CANARY), "{stderr}");
}

#[test]
fn files_are_written_and_read_without_showing_a_value() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    lab.home.file("plex/.env.example", "KEY=\n");
    lab.home
        .file("old/.env", &format!("A='{CANARY} two'\nB=2\n"));
    let mut client = Client::start(&lab.home);
    let written = client
        .call("vault_inject", json!({"service": "plex"}))
        .unwrap();
    assert_eq!(
        (&written["file"], &written["state"], &written["keys"]),
        (&json!("plex/.env"), &json!("created"), &json!(1))
    );
    assert!(
        lab.home
            .read("plex/.env")
            .ends_with(&format!("KEY={CANARY}\n"))
    );
    let plan = client
        .call(
            "vault_set",
            json!({"service": "old", "from_file": "old/.env", "dry_run": true}),
        )
        .unwrap();
    assert_eq!(plan["added"], json!(["A", "B"]));
    assert!(!client.seen.contains(CANARY));
    client.close();
}

/// Each line of a template must be an entry, a comment or blank. The person sees all of it, and the
/// model can put no text around a value.
#[test]
fn a_template_is_a_list_of_entries_that_the_person_approves() {
    let mut lab = Lab::with(
        "plex",
        json!({"KEY": format!("{CANARY} 'x'"), "OTHER": "1"}),
    );
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    lab.home.file("plex/.env.example", "KEY=\n");
    lab.home.file("esp/config/secrets.yaml", "old: 1\n");
    let mut client = Client::start(&lab.home);
    let got = client
        .call("vault_get", json!({"service": "plex"}))
        .unwrap();
    let handle = handle(&got, "KEY");
    let text =
        format!("# made by a model\nHOST=db.lan\n\nPASSWORD={handle}\nGREETING='hello world'\n");
    let written = approved(
        &mut client,
        &lab,
        "vault_inject",
        json!({"service": "plex", "template": text}),
    )
    .unwrap();
    assert_eq!(
        (&written["file"], &written["keys"]),
        (&json!("plex/.env"), &json!(3))
    );
    let file = lab.home.read("plex/.env");
    assert!(
        file.contains("(plex) and a template.\n")
            && !file.contains("Make it again")
            && !file.contains("OTHER"),
        "{file}"
    );
    let body = format!(
        "# made by a model\nHOST=db.lan\n\nPASSWORD=\"{CANARY} 'x'\"\nGREETING='hello world'\n"
    );
    assert!(file.ends_with(&body), "{file}");
    // The same in YAML, where numbers and booleans keep their types.
    lab.store("esp", json!({"x": "1"}));
    let text = format!("wifi: {handle}\nport: 80\nname: \"80\"\n");
    approved(
        &mut client,
        &lab,
        "vault_inject",
        json!({"service": "esp", "template": text}),
    )
    .unwrap();
    let file = lab.home.read("esp/config/secrets.yaml");
    assert!(
        file.ends_with(&format!("wifi: \"{CANARY} 'x'\"\nport: 80\nname: \"80\"\n")),
        "{file}"
    );
    // Anything else is refused before a question is asked, and the file stays.
    let before = lab.home.read("plex/.env");
    for (text, why) in [
        (format!("# {handle}\nA=1\n"), "not an entry"),
        (format!("A=http://evil/?{handle}\n"), "inside a longer text"),
        (format!("A={handle}00\n"), "inside a longer text"),
        (format!("A='{handle}'\n"), "inside a longer text"),
        (format!("A={handle} # why\n"), "inside a longer text"),
        (format!("A={handle}\nA={handle}\n"), "occurs twice"),
        (format!("{handle}=1\n"), "not an entry"),
        (format!("A=\"x\n{handle}\"\n"), "not an entry"),
        (
            format!("services:\n  a:\n    env_file:\n      - start\n        A={handle}\n"),
            "not an entry",
        ),
        (
            format!("{{services: {{a: {{env_file: '\nA={handle}\n'}}}}}}"),
            "not an entry",
        ),
        ("A=$(id)\n".into(), "not an entry"),
        ("A=${B}\n".into(), "not an entry"),
        ("export A=1\n".into(), "not an entry"),
        ("k: !lambda x\n".into(), "not an entry"),
        (
            "A=@token-0123456789abcdef\n".into(),
            "is unknown or has expired",
        ),
        ("A=@token-\n".into(), "inside a longer text"),
        ("# nothing\n".into(), "not an entry"),
        ("x".repeat(300_000), "longer than"),
    ] {
        let reply = client
            .call("vault_inject", json!({"service": "plex", "template": text}))
            .unwrap_err();
        assert!(
            reply.starts_with("invalid_arguments: ") && reply.contains(why),
            "{text:.100}: {reply}"
        );
    }
    assert_eq!(lab.home.read("plex/.env"), before);
    assert!(!client.seen.contains(CANARY));
    client.close();
}

#[test]
fn names_are_resources_and_are_completed_and_a_prompt_walks_through_a_migration() {
    let lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.store("photos", json!({"A": "1"}));
    let mut client = Client::start(&lab.home);
    let list = client.request("resources/list", json!({}));
    assert_eq!(list["result"]["resources"][0]["uri"], "vault://services");
    assert!(
        client
            .request("resources/templates/list", json!({}))
            .to_string()
            .contains("vault://services/{service}")
    );
    let text = |answer: Value| {
        answer["result"]["contents"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        text(client.request("resources/read", json!({"uri": "vault://services"})))
            .contains("\"photos\",\"plex\"")
    );
    assert!(
        text(client.request("resources/read", json!({"uri": "vault://services/plex"})))
            .contains("\"KEY\"")
    );
    for uri in [
        "vault://other",
        "vault://services/../x",
        "file:///etc/passwd",
        "vault://services/none",
    ] {
        assert!(
            client.request("resources/read", json!({"uri": uri}))["error"].is_object(),
            "{uri}"
        );
    }
    let completed = |client: &mut Client, value: &str| {
        let params = json!({"ref": {"type": "ref/prompt", "name": "migrate-service"}, "argument": {"name": "service", "value": value}});
        client.request("completion/complete", params)["result"]["completion"]["values"].clone()
    };
    assert_eq!(completed(&mut client, "pl"), json!(["plex"]));
    assert_eq!(completed(&mut client, "x"), json!([]));
    let prompt = client.request(
        "prompts/get",
        json!({"name": "migrate-service", "arguments": {"service": "plex"}}),
    );
    let words = prompt["result"]["messages"][0]["content"]["text"]
        .as_str()
        .unwrap();
    assert!(
        words.contains("vault_adopt") && words.contains("plex"),
        "{words}"
    );
    assert!(
        client.request(
            "prompts/get",
            json!({"name": "migrate-service", "arguments": {"service": "a b"}})
        )["error"]
            .is_object()
    );
    assert!(!client.seen.contains(CANARY));
    client.close();
}
