//! The MCP server, over its standard input and output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::{CANARY, Home, Lab, eventually, files};

/// A client that speaks the protocol line by line.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
    /// All that the server has sent.
    pub seen: String,
}

impl Client {
    pub fn start(home: &Home) -> Self {
        let mut command = home.command(env!("CARGO_BIN_EXE_claude-vault"));
        command.arg("mcp").env("RUST_LOG", "trace").env("CLAUDECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, stdin, stdout, next: 0, seen: String::new() };
        client.request(
            "initialize",
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}}),
        );
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Sends a request, and gives its id.
    pub fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next message of the server.
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

    /// Calls a tool; gives its structured content, or the text of its error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, String> {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        outcome(&answer)
    }

    /// Closes its input, and gives the exit status and stderr.
    pub fn close(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

pub fn outcome(answer: &Value) -> Result<Value, String> {
    let result = &answer["result"];
    assert!(result.is_object(), "{answer}");
    if result["isError"] == true {
        assert!(result.get("structuredContent").is_none_or(Value::is_null), "{result}");
        return Err(result["content"][0]["text"].as_str().unwrap().to_owned());
    }
    Ok(result["structuredContent"].clone())
}

#[test]
fn it_starts_without_session_vault_or_configuration_and_says_what_is_missing() {
    let home = Home::new();
    let mut client = Client::start(&home);
    let tools = client.request("tools/list", json!({}))["result"]["tools"].clone();
    let names: Vec<&str> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let wanted = "vault_login vault_status vault_logout vault_list vault_get vault_set vault_inject vault_scan_env vault_scan_compose \
                  vault_generate_example";
    assert_eq!(names, wanted.split(' ').collect::<Vec<_>>());
    for tool in tools.as_array().unwrap() {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean() && tool["title"].is_string());
    }
    for (tool, arguments) in [
        ("vault_list", json!({})),
        ("vault_get", json!({"service": "plex"})),
        ("vault_set", json!({"service": "plex", "secrets": {"A": "1"}})),
    ] {
        let told = client.call(tool, arguments).unwrap_err();
        assert!(told.starts_with("login_required: ") && told.contains(". Next: call vault_login"), "{told}");
    }
    assert_eq!(client.call("vault_status", json!({})).unwrap()["logged_in"], false);
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_client_that_says_nothing_or_goes_at_once_is_no_failure() {
    let home = Home::new();
    for input in ["", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n", "not json\n", "\u{feff}\n"] {
        let run = home.cv_with(&["mcp"], input);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{input:?}: {}", run.stderr);
    }
}

#[test]
fn settings_that_cannot_be_used_are_told_when_a_tool_is_called() {
    let mut home = Home::new();
    home.set("VAULT_SECURITY_MODE", "open");
    let mut client = Client::start(&home);
    let told = client.call("vault_list", json!({})).unwrap_err();
    assert!(told.contains("tokenized, redacted, plaintext") && told.contains("Next: tell the user"), "{told}");
    assert_eq!(client.close().0, Some(0));
}

#[test]
fn values_are_handles_and_handles_are_values() {
    let lab = Lab::with("plex", json!({"KEY": CANARY, "SHORT": "1", "URL": "https://u:p@h"}));
    let mut client = Client::start(&lab.home);
    let got = client.call("vault_get", json!({"service": "plex"})).unwrap();
    for key in ["KEY", "SHORT", "URL"] {
        let handle = got["values"][key].as_str().unwrap();
        assert!(handle.starts_with("@token-") && handle.len() == 23, "{handle}");
    }
    assert_eq!(client.call("vault_get", json!({"service": "plex"})).unwrap(), got);
    let plan =
        client.call("vault_set", json!({"service": "new", "secrets": {"A": got["values"]["KEY"]}, "dry_run": true})).unwrap();
    assert_eq!((&plan["outcome"], &plan["added"]), (&json!("dry_run"), &json!(["A"])));
    for (value, why) in [("@token-0123456789abcdef", "is not known"), ("x@token-0123456789abcdef", "inside a longer text")] {
        let told = client.call("vault_set", json!({"service": "new", "secrets": {"A": value}, "dry_run": true})).unwrap_err();
        assert!(told.starts_with("invalid_arguments: ") && told.contains(why), "{told}");
    }
    client.call("vault_logout", json!({})).unwrap();
    let told = client.call("vault_set", json!({"service": "new", "secrets": {"A": got["values"]["KEY"]}})).unwrap_err();
    assert!(told.contains("is not known"), "{told}");
    assert!(!client.seen.contains(CANARY));
    client.close();
}

#[test]
fn the_mode_is_the_persons_choice() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY, "PORT": "80"}));
    lab.home.set("VAULT_SECURITY_MODE", "redacted");
    let mut client = Client::start(&lab.home);
    let got = client.call("vault_get", json!({"service": "plex"})).unwrap();
    assert_eq!((&got["keys"], got.get("values")), (&json!(["KEY", "PORT"]), None));
    client.close();
    lab.home.set("VAULT_SECURITY_MODE", "tokenized");
    std::fs::create_dir_all(lab.home.path().join(".config/claude-vault")).unwrap();
    std::fs::write(lab.home.path().join(".config/claude-vault/config.toml"), "plain_keys = [\"PORT\"]\n").unwrap();
    let mut client = Client::start(&lab.home);
    let got = client.call("vault_get", json!({"service": "plex"})).unwrap();
    assert!(got["values"]["PORT"] == "80" && got["values"]["KEY"] != CANARY);
    client.close();
    lab.home.set("VAULT_SECURITY_MODE", "plaintext");
    let mut client = Client::start(&lab.home);
    assert_eq!(client.call("vault_get", json!({"service": "plex", "key": "KEY"})).unwrap()["values"]["KEY"], CANARY);
    client.close();
}

#[test]
fn a_person_elsewhere_approves_or_refuses_and_nothing_else_writes() {
    let mut lab = Lab::with("plex", json!({"OLD": "kept"}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&lab.home);
    let arguments = json!({"service": "plex", "secrets": {"KEY": CANARY}, "generate": {"PASSWORD": 20}});
    let told = client.call("vault_set", arguments.clone()).unwrap_err();
    assert!(told.starts_with("approval_pending: ") && told.contains("claude-vault approve pending"), "{told}");
    let token = told.split("approval_token: ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let again = |arguments: &Value| {
        let mut arguments = arguments.clone();
        arguments["approval_token"] = json!(token);
        arguments
    };
    assert!(client.call("vault_set", again(&arguments)).unwrap_err().starts_with("approval_pending: "));
    assert_eq!(lab.stored("plex"), json!({"OLD": "kept"}));

    // Everybody but a person at a terminal is turned away.
    lab.cv(["approve", "pending"]).exits(8);
    let shown = lab.cv(["approve", "pending", "--json"]).exits(0);
    assert!(!shown.all().contains(CANARY));
    assert_eq!(shown.json()["pending"][0]["asked_by"], "a test (vault_set)");
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("update secret/proxmox-services/plex (version 1)").unwrap();
    person.exp_string("KEY  ********  new").unwrap();
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("approved").unwrap();
    let written = client.call("vault_set", again(&arguments)).unwrap();
    assert_eq!((&written["outcome"], &written["version"]), (&json!("updated"), &json!(2)));
    assert_eq!(lab.stored("plex")["KEY"], CANARY);
    assert_eq!(lab.stored("plex")["PASSWORD"].as_str().unwrap().len(), 20);
    // It worked once.
    assert!(client.call("vault_set", again(&arguments)).unwrap_err().starts_with("approval_expired: "));

    // Other arguments under the same token are a mismatch, and end it.
    let told = client.call("vault_set", json!({"service": "plex", "secrets": {"KEY": "2"}})).unwrap_err();
    let token = told.split("approval_token: ").nth(1).unwrap().split('.').next().unwrap();
    for (service, value) in [("plex", "3"), ("plex", "2")] {
        let told = client
            .call("vault_set", json!({"service": service, "secrets": {"KEY": value}, "approval_token": token}))
            .unwrap_err();
        assert!(told.starts_with("approval_mismatch: ") || told.starts_with("approval_expired: "), "{told}");
    }
    lab.cv(["approve", "pending", "--json"]).exits(0).says("");
    assert_eq!(lab.cv(["approve", "pending", "--json"]).json()["pending"], json!([]));

    // A person says no.
    let told = client.call("vault_set", json!({"service": "plex", "secrets": {"KEY": "4"}})).unwrap_err();
    let token = told.split("approval_token: ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("no").unwrap();
    person.exp_string("refused").unwrap();
    let told =
        client.call("vault_set", json!({"service": "plex", "secrets": {"KEY": "4"}, "approval_token": token})).unwrap_err();
    assert!(told.starts_with("approval_denied: "), "{told}");
    assert_eq!(lab.stored("plex")["KEY"], CANARY);
    assert!(!client.seen.contains(CANARY));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    for (path, content) in files(lab.home.path().parent().unwrap()) {
        assert!(!String::from_utf8_lossy(&content).contains(CANARY), "{}", path.display());
    }
}

#[test]
fn a_change_cannot_be_approved_under_an_agent_or_by_a_forged_answer() {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&lab.home);
    client.call("vault_set", json!({"service": "plex", "secrets": {"KEY": "1"}})).unwrap_err();
    let folder = lab.home.path().join(".local/state/claude-vault/pending");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let socket = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let pending = lab.cv(["approve", "pending", "--json"]).json();
    let id = pending["pending"][0]["id"].as_str().unwrap().to_owned();
    for line in [
        json!({"answer": {"id": id, "digest": "0".repeat(64), "yes": true}}).to_string(),
        json!({"answer": {"id": "0", "digest": "", "yes": true}}).to_string(),
        "garbage".to_owned(),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        writeln!(stream, "{line}").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.contains("true"), "{answer}");
    }
    lab.home.set("CLAUDECODE", "1");
    let mut session = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    session.exp_string("is refused under an AI agent").unwrap();
    assert_eq!(lab.bao.request("GET", "secret/data/proxmox-services/plex", "").0, 404);
    client.close();
    assert!(eventually("the socket to go", || (!socket.exists()).then_some(true)));
}

#[test]
fn wrong_arguments_are_named_and_never_repeated() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut client = Client::start(&lab.home);
    let cases = [
        ("vault_get", json!({"service": [CANARY]})),
        ("vault_get", json!({"service": CANARY, "key": {"x": CANARY}})),
        ("vault_get", json!({CANARY: 1})),
        ("vault_get", json!({})),
        ("vault_get", json!({"service": format!("{CANARY}/../x")})),
        ("vault_list", json!({"service": 7, "x": CANARY})),
        ("vault_set", json!({"service": "plex", "secrets": {"A": [CANARY]}})),
        ("vault_set", json!({"service": "plex", "secrets": CANARY})),
        ("vault_set", json!({"service": "plex", "secrets": {format!("{CANARY} "): "1"}})),
        ("vault_set", json!({"service": "plex", "generate": {"A": CANARY}})),
        ("vault_set", json!({"service": "plex", "generate": {"A": -1}})),
        ("vault_set", json!({"service": "plex", "secrets": {"A": CANARY.repeat(1000)}})),
        ("vault_set", json!({"service": "plex", "secrets": {"A": CANARY}, "approval_token": CANARY})),
        ("vault_set", json!({"service": "plex", "from_file": "../x"})),
        ("vault_set", json!({"service": "plex", "from_file": "/etc/passwd"})),
        ("vault_set", json!({"service": "plex", "dry_run": CANARY})),
        ("vault_inject", json!({"service": "plex", "format": CANARY})),
        ("vault_login", json!({"x": CANARY})),
    ];
    for (tool, arguments) in cases {
        let told = client.call(tool, arguments.clone()).expect_err(&arguments.to_string());
        assert!(told.contains(": ") && told.contains(". Next: ") && !told.contains(CANARY), "{told}");
    }
    let unknown = client.request("tools/call", json!({"name": CANARY, "arguments": {}}));
    assert!(unknown["error"]["code"].is_i64());
    client.request("tools/call", json!({"name": ["x"], "arguments": CANARY}));
    client.request(CANARY, json!({}));
    assert!(!client.seen.replace(&format!("\"{CANARY}\""), "").contains(CANARY), "{}", client.seen);
    let (status, stderr) = client.close();
    assert_eq!(status, Some(0));
    assert!(!stderr.contains(CANARY), "{stderr}");
}

#[test]
fn files_are_written_and_read_without_a_value_seen() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    lab.home.file("plex/.env.example", "KEY=\n");
    lab.home.file("old/.env", &format!("A='{CANARY} two'\nB=2\n"));
    let mut client = Client::start(&lab.home);
    let written = client.call("vault_inject", json!({"service": "plex"})).unwrap();
    assert_eq!((&written["file"], &written["state"], &written["keys"]), (&json!("plex/.env"), &json!("created"), &json!(1)));
    assert!(lab.home.read("plex/.env").ends_with(&format!("KEY={CANARY}\n")));
    let plan = client.call("vault_set", json!({"service": "old", "from_file": "old/.env", "dry_run": true})).unwrap();
    assert_eq!(plan["added"], json!(["A", "B"]));
    assert!(!client.seen.contains(CANARY));
    client.close();
}

#[test]
fn two_hundred_calls_at_once_are_all_answered_and_none_is_mixed_up() {
    let lab = Lab::new();
    for number in 0..20 {
        lab.store(&format!("s{number}"), json!({format!("K{number}"): "x"}));
    }
    let mut client = Client::start(&lab.home);
    let asked: Vec<(u64, usize)> = (0..200)
        .map(|call| {
            (
                client.ask("tools/call", json!({"name": "vault_get", "arguments": {"service": format!("s{}", call % 20)}})),
                call % 20,
            )
        })
        .collect();
    let mut open: std::collections::BTreeMap<u64, usize> = asked.into_iter().collect();
    while !open.is_empty() {
        let message = client.next_message();
        let Some(number) = message["id"].as_u64().and_then(|id| open.remove(&id)) else { continue };
        let got = outcome(&message).unwrap();
        assert_eq!((&got["service"], &got["keys"]), (&json!(format!("s{number}")), &json!([format!("K{number}")])));
    }
    client.close();
}

#[test]
fn no_other_process_can_read_its_memory_and_a_signal_ends_it() {
    let lab = Lab::new();
    let mut client = Client::start(&lab.home);
    client.call("vault_status", json!({})).unwrap();
    let place = format!("/proc/{}", client.id());
    let limits = std::fs::read_to_string(format!("{place}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    // Root reads everything; another user's process is what counts.
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("{place}/environ")).unwrap());
    assert_eq!(owner, 0, "a process that may not be dumped belongs to root in /proc");
    crate::support::run(lab.home.command("kill").args(["-TERM", &client.id().to_string()]), "").exits(0);
    let status = eventually("the server to end", || client.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_person_signs_in_for_the_server_and_the_token_stays_in_it() {
    let mut login = crate::login::Login::new();
    let hold = login.lab.home.lab().join("go");
    login.lab.home.set("TEST_HOLD", hold.to_string_lossy());
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&login.lab.home);
    assert!(client.call("vault_list", json!({})).unwrap_err().starts_with("login_required: "));
    let pending = client.call("vault_login", json!({})).unwrap();
    assert_eq!(pending["state"], "pending");
    assert!(!pending.to_string().contains("http"), "{pending}");
    std::fs::write(&hold, "").unwrap();
    let session = eventually("the login", || {
        Some(client.call("vault_login", json!({})).unwrap()).filter(|reply| reply["state"] == "logged_in")
    });
    assert!(
        session["seconds_left"].as_u64().unwrap() <= 3600 && session["policies"].to_string().contains("homelab"),
        "{session}"
    );
    assert_eq!(client.call("vault_list", json!({})).unwrap()["services"], json!(["plex"]));
    // Nothing of it is in the environment, the arguments or a file.
    for place in ["environ", "cmdline"] {
        let text = std::fs::read(format!("/proc/{}/{place}", client.id())).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("VAULT_TOKEN="));
    }
    assert_eq!(client.call("vault_logout", json!({})).unwrap()["revoked"], true);
    assert!(client.call("vault_list", json!({})).unwrap_err().starts_with("login_required: "));
    // No restart: the next login is enough; and the end of input revokes what was obtained.
    eventually("the second login", || {
        Some(client.call("vault_login", json!({})).unwrap()).filter(|reply| reply["state"] == "logged_in")
    });
    let accessors = |lab: &Lab| lab.bao.request("LIST", "auth/token/accessors", "").1.matches('"').count();
    let before = accessors(&login.lab);
    assert!(!client.seen.contains("hvs.") && !client.seen.contains("\"s."));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(accessors(&login.lab) < before);
}

/// Points 1 of the containment: from plain files into Vault, and no value seen.
#[test]
fn a_service_moves_from_plain_files_into_vault_without_a_value_seen() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    lab.home.file(
        "shop/.env",
        &format!("# shop\nDB_HOST=db.lan\nDB_PASSWORD='{CANARY} $x' # why\n#OLD_TOKEN={CANARY}\nDEBUG=true\n"),
    );
    lab.home.file(
        "shop/compose.yaml",
        &format!("services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: \"{CANARY} $$x\"\n      PORT: 5432\n    env_file: .env\n"),
    );
    let mut client = Client::start(&lab.home);
    let found = client.call("vault_scan_env", json!({"service": "shop"})).unwrap();
    let keys = found["keys"].as_array().unwrap();
    let of = |name: &str| keys.iter().find(|key| key["key"] == name).unwrap();
    assert_eq!(
        (&of("DB_PASSWORD")["secret"], &of("DB_PASSWORD")["line"], &of("DEBUG")["secret"]),
        (&json!(true), &json!(3), &json!(false))
    );
    let compose = client.call("vault_scan_compose", json!({"service": "shop"})).unwrap();
    let db = &compose["services"][0];
    assert_eq!((&db["env_files"], &db["keys"][0]["line"]), (&json!([".env"]), &json!(4)));
    let secrets =
        json!({"DB_PASSWORD": of("DB_PASSWORD")["handle"], "DB_HOST": of("DB_HOST")["handle"], "PG": db["keys"][0]["handle"]});
    let arguments = json!({"service": "shop", "secrets": secrets});
    let told = client.call("vault_set", arguments.clone()).unwrap_err();
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("approved").unwrap();
    let mut again = arguments;
    again["approval_token"] = json!(told.split("approval_token: ").nth(1).unwrap().split('.').next().unwrap());
    assert_eq!(client.call("vault_set", again).unwrap()["outcome"], "created");
    let value = format!("{CANARY} $x");
    assert_eq!(lab.stored("shop"), json!({"DB_PASSWORD": value, "DB_HOST": "db.lan", "PG": value}));

    let example = client.call("vault_generate_example", json!({"service": "shop"})).unwrap();
    assert_eq!((&example["file"], &example["replaced"]), (&json!("shop/.env.example"), &json!(1)));
    assert_eq!(lab.home.read("shop/.env.example"), "# shop\nDB_HOST=db.lan\nDB_PASSWORD= # why\n#OLD_TOKEN=\nDEBUG=true\n");
    let example = client.call("vault_generate_example", json!({"service": "shop", "format": "compose"})).unwrap();
    assert_eq!(example["file"], "shop/docker-compose.example.yml");
    assert!(lab.home.read("shop/docker-compose.example.yml").contains("POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}"));
    client.call("vault_inject", json!({"service": "shop"})).unwrap();
    assert!(lab.home.read("shop/.env").contains(&format!("DB_PASSWORD='{value}' # why\n")));
    for (tool, path) in [
        ("vault_scan_env", "../x"),
        ("vault_scan_env", "/etc/passwd"),
        ("vault_scan_compose", "shop/.env"),
        ("vault_scan_env", "none"),
    ] {
        let told = client.call(tool, json!({"service": "shop", "file_path": path})).unwrap_err();
        assert!(!told.contains(CANARY) && !told.contains("root:"), "{told}");
    }
    assert!(!client.seen.contains(CANARY));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(!lab.home.read(".claude-vault-audit.log").contains(CANARY));
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn names_are_resources_and_are_completed_and_a_prompt_walks_through_a_migration() {
    let lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.store("photos", json!({"A": "1"}));
    let mut client = Client::start(&lab.home);
    let list = client.request("resources/list", json!({}));
    assert_eq!(list["result"]["resources"][0]["uri"], "vault://services");
    assert!(client.request("resources/templates/list", json!({})).to_string().contains("vault://services/{service}"));
    let text = |answer: Value| answer["result"]["contents"][0]["text"].as_str().unwrap().to_owned();
    assert!(text(client.request("resources/read", json!({"uri": "vault://services"}))).contains("\"photos\",\"plex\""));
    assert!(text(client.request("resources/read", json!({"uri": "vault://services/plex"}))).contains("\"KEY\""));
    for uri in ["vault://other", "vault://services/../x", "file:///etc/passwd", "vault://services/none"] {
        assert!(client.request("resources/read", json!({"uri": uri}))["error"].is_object(), "{uri}");
    }
    let completed = |client: &mut Client, value: &str| {
        let params =
            json!({"ref": {"type": "ref/prompt", "name": "migrate-service"}, "argument": {"name": "service", "value": value}});
        client.request("completion/complete", params)["result"]["completion"]["values"].clone()
    };
    assert_eq!(completed(&mut client, "pl"), json!(["plex"]));
    assert_eq!(completed(&mut client, "x"), json!([]));
    let prompt = client.request("prompts/get", json!({"name": "migrate-service", "arguments": {"service": "plex"}}));
    let words = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(words.contains("vault_scan_env") && words.contains("plex"), "{words}");
    assert!(
        client.request("prompts/get", json!({"name": "migrate-service", "arguments": {"service": "a b"}}))["error"].is_object()
    );
    assert!(!client.seen.contains(CANARY));
    client.close();
}

#[test]
fn a_call_is_cancelled_at_once_and_tells_of_its_progress() {
    let lab = Lab::new();
    let mut client = Client::start(&lab.home);
    let arguments =
        json!({"name": "vault_set", "arguments": {"service": "plex", "secrets": {"A": "1"}}, "_meta": {"progressToken": "p"}});
    let id = client.ask("tools/call", arguments);
    let progress = client.next_message();
    assert_eq!((&progress["method"], &progress["params"]["progressToken"]), (&json!("notifications/progress"), &json!("p")));
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    let started = std::time::Instant::now();
    assert_eq!(client.call("vault_status", json!({})).unwrap()["logged_in"], true);
    assert!(started.elapsed().as_secs() < 5);
    // What was cancelled waits for nobody any more.
    eventually("the plan to go", || (lab.cv(["approve", "pending", "--json"]).json()["pending"] == json!([])).then_some(()));
    // In the middle of a call, the end of input ends the server.
    client.ask("tools/call", json!({"name": "vault_set", "arguments": {"service": "plex", "secrets": {"A": "1"}}}));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let started = std::time::Instant::now();
    assert_eq!(client.close().0, Some(0));
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
}

#[test]
fn a_short_token_is_renewed_while_it_is_used_and_no_longer_than_the_hour() {
    let mut login = crate::login::Login::new();
    let role = login.lab.bao.get("auth/oidc/role/homelab")["data"].clone();
    let mut role = role;
    role["token_ttl"] = json!("6s");
    login.lab.bao.put("auth/oidc/role/homelab", role);
    login.lab.home.set("VAULT_MAX_TOKEN_TTL", "14");
    let mut client = Client::start(&login.lab.home);
    let started = std::time::Instant::now();
    assert_eq!(client.call("vault_login", json!({})).unwrap()["state"], "logged_in");
    let mut last = 0.0;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(500));
        match client.call("vault_list", json!({})) {
            Ok(_) => last = started.elapsed().as_secs_f64(),
            Err(told) => {
                assert!(told.starts_with("login_required: "), "{told}");
                break;
            }
        }
    }
    assert!((9.0..17.0).contains(&last), "it could be used for {last} s");
    client.close();
}

#[test]
fn ten_thousand_calls_leave_the_memory_flat() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    let mut client = Client::start(&lab.home);
    let resident = |id: u32| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    };
    let calls = |client: &mut Client, count: usize| {
        for _ in 0..count / 50 {
            let asked: Vec<u64> = (0..50)
                .map(|_| client.ask("tools/call", json!({"name": "vault_get", "arguments": {"service": "plex"}})))
                .collect();
            let mut open: std::collections::BTreeSet<u64> = asked.into_iter().collect();
            while !open.is_empty() {
                open.remove(&client.next_message()["id"].as_u64().unwrap());
            }
            client.seen.clear();
        }
    };
    calls(&mut client, 2000);
    let before = resident(client.id());
    calls(&mut client, 8000);
    let after = resident(client.id());
    assert!(after < before + 4096, "{before} kB, then {after} kB");
    client.close();
}
