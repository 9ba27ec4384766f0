//! The audit log as a person uses it.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{CANARY, Lab};

const LOG: &str = ".claude-vault-audit.log";

#[test]
fn every_operation_writes_a_line_in_the_old_format_without_values() {
    let lab = Lab::with("plex", json!({"A": CANARY}));
    lab.home.file("plex/.env.example", "A=\n");
    for arguments in [
        &["status"][..],
        &["list"],
        &["list", "plex"],
        &["get", "plex", "A"],
        &["get", "nothing"],
        &["set", "plex", "B=1", "--no-confirm"],
        &["set", "plex", "B=2", "--dry-run"],
        &["inject", "plex"],
    ] {
        lab.cv(arguments);
    }
    let log = lab.home.read(LOG);
    for action in [
        "SESSION_CHECK",
        "LIST",
        "GET",
        "CONFIRMATION_REQUIRED",
        "CONFIRMED",
        "SUCCESS",
        "DRY_RUN",
        "INJECT",
    ] {
        assert!(
            log.contains(&format!("(tester) ACTION={action} SERVICE=")),
            "{action} in\n{log}"
        );
    }
    assert!(log.lines().all(|line| line.starts_with("[20")
        && line.contains(" UTC] USER=")
        && line.contains(" DETAILS=")));
    assert!(
        log.contains("DETAILS=failed: not_found")
            && !log.contains(CANARY)
            && !log.contains(&lab.token)
    );
    let mode = std::fs::metadata(lab.home.lab().join(LOG))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = lab.cv(["audit"]).exits(0).stdout;
    assert_eq!(shown.lines().count(), log.lines().count());
    lab.cv(["audit", "verify"]).exits(0).says("is intact");
}

#[test]
fn an_edit_a_lost_line_and_a_cut_end_are_found() {
    let lab = Lab::new();
    for _ in 0..4 {
        lab.cv(["list"]).exits(0);
    }
    let whole = lab.home.read(LOG);
    let lines: Vec<&str> = whole.lines().collect();
    let changed = [
        whole.replacen("LIST", "LUST", 1),
        [lines[0], lines[2], lines[3]].join("\n") + "\n",
        [lines[1], lines[0], lines[2], lines[3]].join("\n") + "\n",
        lines[..3].join("\n") + "\n",
        String::new(),
    ];
    for text in changed {
        lab.home.file(LOG, &text);
        lab.cv(["audit", "verify"]).exits(1).says("not intact");
    }
    lab.home.file(LOG, &whole);
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn outside_a_project_the_log_is_in_the_state_folder() {
    let lab = Lab::new();
    std::fs::remove_file(lab.home.lab().join(".claude-vault.toml")).unwrap();
    lab.cv(["list"]).exits(0);
    assert!(
        lab.home
            .path()
            .join(".local/state/claude-vault/audit.log")
            .is_file()
    );
    assert!(!lab.home.lab().join(LOG).exists());
}

#[test]
fn a_symlink_in_place_of_the_log_is_not_followed() {
    let lab = Lab::new();
    let elsewhere = lab.home.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, lab.home.lab().join(LOG)).unwrap();
    lab.cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(1)
        .says("symbolic link");
    assert!(!elsewhere.exists());
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn while_another_program_locks_the_log_writes_fail_and_reads_warn_after_two_seconds() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["list"]).exits(0);
    let holder = std::fs::File::open(lab.home.lab().join(LOG)).unwrap();
    holder.lock().unwrap();
    let started = Instant::now();
    lab.cv(["set", "plex", "B=2", "--no-confirm"])
        .exits(1)
        .says("another program holds its lock")
        .says("lslocks");
    assert!(
        (2..10).contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    assert_eq!(
        lab.cv(["get", "plex", "A"])
            .exits(0)
            .says("another program holds its lock")
            .stdout,
        "1\n"
    );
    lab.cv(["audit", "verify"])
        .exits(1)
        .says("another program holds its lock");
    holder.unlock().unwrap();
    lab.cv(["set", "plex", "B=2", "--no-confirm"]).exits(0);
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn a_locked_log_delays_neither_a_servers_ping_nor_its_other_calls() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env", "A=1\n");
    let mut client = crate::mcp::Client::start(&lab.home);
    client.call("vault_list", json!({})).unwrap();
    let holder = std::fs::File::open(lab.home.lab().join(LOG)).unwrap();
    holder.lock().unwrap();
    let started = Instant::now();
    let mut asked: Vec<u64> = Vec::new();
    for (tool, arguments) in [
        ("vault_list", json!({})),
        ("vault_get", json!({"service": "plex"})),
        ("vault_scan_env", json!({"service": "plex"})),
        ("vault_status", json!({})),
        ("vault_inject", json!({"service": "plex"})),
    ] {
        asked.extend(
            (0..10)
                .map(|_| client.ask("tools/call", json!({"name": tool, "arguments": arguments}))),
        );
    }
    for _ in 0..5 {
        let before = Instant::now();
        let ping = client.ask("ping", json!({}));
        let answer = client.next_message();
        assert!(
            answer["id"] == ping && before.elapsed() < Duration::from_secs(1),
            "{:?} {answer}",
            before.elapsed()
        );
    }
    assert!(
        started.elapsed() < Duration::from_millis(1900),
        "the machine is too slow for this to tell"
    );
    // Fifty calls wait in parallel, not one after the other.
    for _ in &asked {
        let answer = client.next_message();
        assert!(asked.contains(&answer["id"].as_u64().unwrap()), "{answer}");
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    holder.unlock().unwrap();
    client.call("vault_list", json!({})).unwrap();
}

#[test]
fn lines_name_the_person_in_vault_and_are_filtered() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["get", "plex", "A"]).exits(0);
    let made = lab.bao.put(
        "auth/token/create",
        json!({"policies": ["homelab-services"], "display_name": "bob"}),
    );
    lab.home.set(
        "VAULT_TOKEN",
        made["auth"]["client_token"].as_str().unwrap(),
    );
    lab.cv(["set", "plex", "B=1", "--no-confirm"]).exits(0);
    lab.cv(["list"]).exits(0);
    let events = |arguments: &[&str]| {
        let all = [&["audit", "--json"][..], arguments].concat();
        lab.cv(&all).exits(0).json()["events"]
            .as_array()
            .unwrap()
            .clone()
    };
    let all = events(&[]);
    assert_eq!(all[0]["user"], "token-tester (tester)");
    assert!(
        all[1..]
            .iter()
            .all(|event| event["user"] == "token-bob (tester)"),
        "{all:?}"
    );
    assert_eq!(events(&["--user", "Bob"]).len(), all.len() - 1);
    assert_eq!(events(&["--user", "tester"]).len(), all.len());
    assert_eq!(events(&["--action", "success"]).len(), 1);
    assert_eq!(events(&["--service", "plex"]).len(), all.len() - 1);
    assert_eq!(events(&["--since", "1h"]).len(), all.len());
    assert_eq!(events(&["--since", "2999-01-01"]).len(), 0);
    assert_eq!(
        lab.cv(["audit", "--action", "get"])
            .exits(0)
            .stdout
            .lines()
            .count(),
        1
    );
    lab.cv(["audit", "--since", "yesterday"]).exits(2);
    // No part of a token is stored.
    for (path, content) in crate::support::files(&lab.home.path().join(".local/state/claude-vault"))
    {
        assert!(
            !String::from_utf8_lossy(&content).contains(&lab.token),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_missing_log_is_reported_and_a_new_chain_can_be_accepted_and_is_recorded() {
    let mut lab = Lab::new();
    for _ in 0..3 {
        lab.cv(["list"]).exits(0);
    }
    std::fs::remove_file(lab.home.lab().join(LOG)).unwrap();
    lab.cv(["audit", "verify"])
        .exits(1)
        .says("3 lines are missing")
        .says("claude-vault audit verify --accept");
    lab.cv(["list"]).exits(0);
    lab.cv(["audit", "verify"])
        .exits(1)
        .says("3 lines are missing before line 1 of");
    lab.home.set("CLAUDECODE", "1");
    lab.cv(["audit", "verify", "--accept"]).exits(8);
    lab.home.variables.retain(|(name, _)| name != "CLAUDECODE");
    lab.cv(["audit", "verify", "--accept"])
        .exits(0)
        .says("a new chain begins");
    lab.cv(["audit", "verify"]).exits(0);
    lab.cv(["audit", "verify", "--accept"])
        .exits(0)
        .says("nothing to accept");
    assert!(
        lab.home.read(LOG).contains("ACTION=NEW_CHAIN")
            && lab.home.read(&format!("{LOG}.1")).contains("ACTION=LIST")
    );
    // A log that is reached under two names has one recorded end.
    let link = lab.home.path().join("link");
    std::os::unix::fs::symlink(lab.home.lab(), &link).unwrap();
    lab.home
        .set("CLAUDE_VAULT_AUDIT_LOG", link.join(LOG).to_string_lossy());
    lab.cv(["list"]).exits(0);
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn a_followed_log_shows_what_others_write() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["list"]).exits(0);
    let mut session = crate::terminal::cv(&lab.home, &["audit", "--follow", "--action", "get"]);
    std::thread::sleep(Duration::from_millis(500));
    lab.cv(["list"]).exits(0);
    lab.cv(["get", "plex", "A"]).exits(0);
    let shown = session.exp_string("DETAILS=key A").unwrap();
    assert!(!shown.contains("ACTION=LIST"), "{shown}");
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
}
