//! The audit log as a person meets it.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{CANARY, Lab};

const LOG: &str = ".claude-vault-audit.log";

#[test]
fn every_operation_leaves_a_line_of_the_old_form_without_values() {
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
    for action in ["SESSION_CHECK", "LIST", "GET", "CONFIRMATION_REQUIRED", "CONFIRMED", "SUCCESS", "DRY_RUN", "INJECT"] {
        assert!(log.contains(&format!("USER=tester ACTION={action} SERVICE=")), "{action} in\n{log}");
    }
    assert!(log.lines().all(|line| line.starts_with("[20") && line.contains(" UTC] USER=") && line.contains(" DETAILS=")));
    assert!(log.contains("DETAILS=failed: not_found") && !log.contains(CANARY) && !log.contains(&lab.token));
    let mode = std::fs::metadata(lab.home.lab().join(LOG)).unwrap().permissions().mode();
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
    assert!(lab.home.path().join(".local/state/claude-vault/audit.log").is_file());
    assert!(!lab.home.lab().join(LOG).exists());
}

#[test]
fn a_link_in_the_logs_place_is_not_followed() {
    let lab = Lab::new();
    let elsewhere = lab.home.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, lab.home.lab().join(LOG)).unwrap();
    lab.cv(["set", "plex", "A=1", "--no-confirm"]).exits(1).says("symbolic link");
    assert!(!elsewhere.exists());
    lab.cv(["list", "plex"]).exits(5);
}
