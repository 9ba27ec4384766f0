//! A canary value and a canary token go through every command, on success and on failure. They may
//! appear only where the user asked for them.

use std::path::Path;

use serde_json::json;

use crate::support::{CANARY, Lab, files};

/// Each command, and whether its stdout may contain the value.
fn commands() -> Vec<(Vec<String>, bool)> {
    let own = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    vec![
        (own(&["status"]), false),
        (own(&["list"]), false),
        (own(&["list", "plex"]), false),
        (own(&["get", "plex", "A"]), true),
        (own(&["get", "plex"]), true),
        (own(&["get", "plex", "--json"]), true),
        (own(&["get", "plex", "A", "--version", "7"]), false),
        (
            own(&["set", "plex", &format!("A={CANARY}"), "--dry-run"]),
            false,
        ),
        (
            own(&["set", "plex", &format!("B={CANARY} $(x)"), "--no-confirm"]),
            false,
        ),
        (own(&["set", "plex", &format!("C={CANARY}")]), false),
        (own(&["set", "plex", CANARY, "--bogus"]), false),
        (
            own(&["set", "plex", &format!("no key={CANARY}"), "--no-confirm"]),
            false,
        ),
        (
            own(&[
                "set",
                "plex",
                "--generate",
                &format!("K:{CANARY}"),
                "--no-confirm",
            ]),
            false,
        ),
        (
            own(&["set", CANARY, "A=1", CANARY, CANARY, "--json"]),
            false,
        ),
        (own(&[CANARY]), false),
        (own(&["get", "plex", "A", CANARY]), false),
        (own(&["login", "--method", CANARY]), false),
        (own(&["login", "--method", "token", CANARY]), false),
        (own(&["inject", "plex", "--diff"]), false),
        (own(&["inject", "plex", "--check"]), false),
        (own(&["inject", "plex"]), false),
        (own(&["inject", "plex", "--format", CANARY]), false),
        (own(&["inject", "broken", "env"]), false),
        (own(&["scan"]), false),
        (own(&["scan", "--all", "plex/.env", "--json"]), false),
        (own(&["example", "plex/.env"]), false),
        (own(&["audit"]), false),
        (own(&["audit", "verify"]), false),
        (own(&["init", "bash"]), false),
    ]
}

fn look(lab: &Lab, token: &str) {
    for (arguments, may_show) in commands() {
        let run = lab.cv(&arguments);
        assert!(
            !run.all().contains(token),
            "the token in {arguments:?}: {}",
            run.all()
        );
        assert!(
            !run.stderr.contains(CANARY),
            "the value in stderr of {arguments:?}: {}",
            run.stderr
        );
        assert!(
            may_show || !run.stdout.contains(CANARY),
            "the value in stdout of {arguments:?}: {}",
            run.stdout
        );
    }
    let injected = lab.home.lab().join("plex/.env");
    for (path, content) in files(lab.home.lab().parent().unwrap()) {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(token), "the token in {}", path.display());
        let is_injected = path == injected || path.to_string_lossy().contains("/.env.backup.");
        assert!(
            is_injected || !text.contains(CANARY),
            "the value in {}",
            path.display()
        );
        assert!(!path.to_string_lossy().contains(CANARY));
    }
}

#[test]
fn the_value_and_the_token_appear_only_where_they_were_asked_for() {
    let mut lab = Lab::with("plex", json!({"A": CANARY}));
    lab.store("broken", json!({"A": format!("{CANARY}\r'$")}));
    lab.home.file("plex/.env", "A=old\n");
    lab.home.file("broken/x", "");
    lab.home.set("RUST_LOG", "trace");
    lab.home.set("RUST_BACKTRACE", "full");
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "0");
    let token = lab.token.clone();
    look(&lab, &token);
    // One failure of each kind: denied by policy, dead token, no server, not a Vault, sealed, no
    // audit log.
    let read_nothing = lab.bao.token(&["default"]);
    let failures = [
        ("VAULT_TOKEN", read_nothing.clone()),
        ("VAULT_TOKEN", format!("hvs.dead-{CANARY}")),
        ("VAULT_TOKEN", format!("bad\n{CANARY}")),
        ("VAULT_TOKEN_EXPIRY", "1".into()),
        ("VAULT_ADDR", "http://127.0.0.1:1".into()),
        ("VAULT_ADDR", format!("http://user:{CANARY}@127.0.0.1:1")),
        ("VAULT_ADDR", format!("http://127.0.0.1:1/?{CANARY}")),
        ("VAULT_ADDR", format!("{CANARY} is no address")),
        ("VAULT_NAMESPACE", format!("{CANARY} is none")),
        ("VAULT_CLIENT_TIMEOUT", CANARY.into()),
        ("CLAUDE_VAULT_AUDIT_LOG", "/dev/full".into()),
        ("CLAUDE_VAULT_PORT", CANARY.into()),
        ("CLAUDECODE", "1".into()),
    ];
    for (name, value) in failures {
        let before = lab.home.variables.clone();
        lab.home.set(name, value);
        let token = lab
            .home
            .variables
            .iter()
            .find(|(name, _)| name == "VAULT_TOKEN")
            .map(|(_, token)| token.clone())
            .unwrap();
        look(&lab, &token);
        lab.home.variables = before;
    }
}

#[test]
fn the_token_is_in_no_argument_list_while_the_program_runs() {
    // A server that never answers keeps the program running while the test inspects its arguments.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut lab = Lab::new();
    lab.home.set(
        "VAULT_ADDR",
        format!("http://{}", silent.local_addr().unwrap()),
    );
    let mut child = lab
        .home
        .command(env!("CARGO_BIN_EXE_claude-vault"))
        .arg("list")
        .spawn()
        .unwrap();
    silent.set_nonblocking(true).unwrap();
    let _held = crate::support::eventually("a connection", || silent.accept().ok());
    let arguments = std::fs::read(
        Path::new("/proc")
            .join(child.id().to_string())
            .join("cmdline"),
    )
    .unwrap_or_default();
    assert!(!String::from_utf8_lossy(&arguments).contains(&lab.token));
    let _ = child.kill();
    let _ = child.wait();
}
