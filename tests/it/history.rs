//! history, diff and rollback.

use serde_json::{Value, json};

use crate::support::{CANARY, Lab};
use crate::terminal::cv;

fn versions(lab: &Lab) -> Vec<Value> {
    lab.cv(["history", "plex", "--json"]).exits(0).json()["versions"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn history_names_each_version_with_time_writer_and_keys() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "1"}));
    lab.cv(["set", "plex", "A=2", "C=1", "--no-confirm"])
        .exits(0);
    lab.cv(["delete", "plex", "B", "--no-confirm"]).exits(0);
    let found = versions(&lab);
    assert_eq!(
        found
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert_eq!(
        (&found[0]["removed"], &found[0]["added"]),
        (&json!(["B"]), &json!([]))
    );
    assert_eq!(
        (&found[1]["added"], &found[1]["changed"]),
        (&json!(["C"]), &json!(["A"]))
    );
    assert_eq!(found[2]["added"], json!(["A", "B"]));
    // Another tool wrote the first version, so its author is unknown.
    assert!(
        found[2]["by"].is_null() && found[1]["by"].as_str().unwrap().contains("tester"),
        "{found:?}"
    );
    let shown = lab.cv(["history", "plex"]).exits(0).stdout;
    assert!(
        shown.contains("current")
            && shown.contains("+C ~A")
            && shown.contains("-B")
            && shown.contains("unknown"),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 3);
}

#[test]
fn history_and_diff_show_no_value_and_reveal_needs_a_persons_terminal() {
    let mut lab = Lab::with("plex", json!({"A": "old-value"}));
    lab.store("plex", json!({ "A": CANARY }));
    for arguments in [
        &["history", "plex"][..],
        &["diff", "plex"],
        &["history", "plex", "--json"],
        &["diff", "plex", "--json"],
    ] {
        let all = lab.cv(arguments).exits(0).all();
        assert!(!all.contains(CANARY) && !all.contains("old-value"), "{all}");
        let revealed = [arguments, &["--reveal"]].concat();
        // With --json only names are printed, whoever asks.
        let status = if revealed.contains(&"--json") { 2 } else { 8 };
        assert!(!lab.cv(&revealed).exits(status).all().contains(CANARY));
    }
    let mut session = cv(&lab.home, &["diff", "plex", "--reveal"]);
    let shown = session.exp_eof().unwrap();
    assert!(
        shown.contains("old-value") && shown.contains(CANARY),
        "{shown}"
    );
    drop(session);
    lab.home.set("CLAUDECODE", "1");
    let mut session = cv(&lab.home, &["history", "plex", "--reveal"]);
    assert!(!session.exp_eof().unwrap().contains(CANARY));
}

#[test]
fn diff_compares_two_versions_and_exits_0_either_way() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "1"}));
    lab.store("plex", json!({"A": "1", "B": "2", "C": "1"}));
    lab.store("plex", json!({"C": "1"}));
    assert_eq!(
        lab.cv(["diff", "plex"])
            .exits(0)
            .says("version 2 → version 3")
            .stdout,
        "- A\n- B\n"
    );
    assert_eq!(
        lab.cv(["diff", "plex", "1"]).exits(0).stdout,
        "+ C\n- A\n- B\n"
    );
    assert_eq!(
        lab.cv(["diff", "plex", "1", "2"])
            .exits(0)
            .says("1 key is the same")
            .stdout,
        "+ C\n~ B\n"
    );
    let same = lab.cv(["diff", "plex", "3", "3", "--json"]).exits(0).json();
    assert_eq!(
        (
            &same["added"],
            &same["changed"],
            &same["removed"],
            &same["same"]
        ),
        (&json!([]), &json!([]), &json!([]), &json!(1))
    );
    lab.cv(["diff", "plex", "9"])
        .exits(5)
        .says("version 9 of plex was not found")
        .says("claude-vault history plex");
    lab.cv(["diff", "nothing"]).exits(5);
}

#[test]
fn rollback_writes_a_new_version_with_the_old_values_and_types() {
    let old = json!({"A": "1", "PORT": 8080, "LIST": [1, {"x": null}], "odd name": true});
    let lab = Lab::with("plex", old.clone());
    lab.store("plex", json!({"A": "2", "NEW": "x"}));
    let dry = lab
        .cv(["rollback", "plex", "1", "--dry-run"])
        .exits(0)
        .says("~ A")
        .says("- NEW")
        .says("+ PORT");
    assert!(!dry.all().contains("8080"));
    let done = lab
        .cv(["rollback", "plex", "1", "--no-confirm", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&done["version"], &done["outcome"], &done["removed"]),
        (&json!(3), &json!("updated"), &json!(["NEW"]))
    );
    assert_eq!(lab.stored("plex"), old);
    lab.cv(["rollback", "plex", "1", "--no-confirm"])
        .exits(0)
        .says("nothing to change");
    lab.cv(["rollback", "plex", "3", "--no-confirm"])
        .exits(2)
        .says("is the newest version");
    lab.cv(["rollback", "plex", "7", "--no-confirm"]).exits(5);
    lab.cv(["rollback", "plex"]).exits(2);
}

#[test]
fn rollback_keeps_a_concurrent_change_and_asks_again() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("plex", json!({"A": "2"}));
    let mut session = cv(&lab.home, &["rollback", "plex", "1"]);
    session.exp_string("Type yes").unwrap();
    lab.store("plex", json!({"A": "2", "C": "somebody else's"}));
    session.send_line("yes").unwrap();
    session.exp_string("- C").unwrap();
    session
        .exp_string("somebody else changed it meanwhile (version 3): C added")
        .unwrap();
    session.exp_string("Type yes").unwrap();
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        lab.stored("plex"),
        json!({"A": "2", "C": "somebody else's"})
    );
}

#[test]
fn a_conflict_in_set_says_who_changed_which_keys_before_it_asks_again() {
    let lab = Lab::with("plex", json!({"A": "1", "GONE": "1", "X": "1"}));
    let mut session = cv(&lab.home, &["set", "plex", "B=2"]);
    session.exp_string("Type yes").unwrap();
    lab.cv(["set", "plex", "A=9", "NEW=1", "--no-confirm"])
        .exits(0);
    lab.cv(["delete", "plex", "GONE", "--no-confirm"]).exits(0);
    session.send_line("yes").unwrap();
    let shown = session.exp_string("Type yes").unwrap();
    for words in [
        "version 2 by ",
        "version 3 by ",
        "tester",
        "NEW added; A changed; GONE removed",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        lab.stored("plex"),
        json!({"A": "9", "B": "2", "NEW": "1", "X": "1"})
    );
}

#[test]
fn a_missing_version_is_reported_as_deleted_destroyed_or_pruned() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("plex", json!({"A": "2"}));
    lab.store("plex", json!({"A": "3"}));
    lab.bao.put(
        "secret/delete/proxmox-services/plex",
        json!({"versions": [1]}),
    );
    lab.bao.put(
        "secret/destroy/proxmox-services/plex",
        json!({"versions": [2]}),
    );
    lab.cv(["rollback", "plex", "1", "--no-confirm"])
        .exits(5)
        .says("version 1 of plex was deleted")
        .says("claude-vault undelete plex 1");
    lab.cv(["rollback", "plex", "2", "--no-confirm"])
        .exits(5)
        .says("version 2 of plex was destroyed")
        .says("claude-vault history plex");
    let found = versions(&lab);
    let states: Vec<&str> = found
        .iter()
        .map(|version| version["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["live", "destroyed", "deleted"]);
    assert!(
        found.iter().all(|version| version["added"].is_null()),
        "{found:?}"
    );
    lab.cv(["undelete", "plex", "1", "--no-confirm"])
        .exits(0)
        .says("restored version 1 of secret/proxmox-services/plex");
    lab.cv(["rollback", "plex", "1", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
}

/// Check-and-set alone would confuse the new service with the old one: both have version 1.
#[test]
fn a_service_recreated_while_the_person_decides_is_asked_about_again() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut session = cv(&lab.home, &["set", "plex", "A=2"]);
    session.exp_string("Type yes to write it: ").unwrap();
    lab.bao
        .request("DELETE", "secret/metadata/proxmox-services/plex", "");
    lab.store("plex", json!({"B": "other"}));
    session.send_line("yes").unwrap();
    session.exp_string("Type yes to write it: ").unwrap();
    assert_eq!(lab.stored("plex"), json!({"B": "other"}));
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({"B": "other"}));
}

/// Anyone who can write the log of a project, such as the author of a cloned repository, must not
/// be able to forge an author.
#[test]
fn a_forged_log_line_names_no_author() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let forged = "[2026-01-01 00:00:00 UTC] USER=mallory ACTION=SUCCESS SERVICE=plex DETAILS=keys: A; wrote version 1";
    for chain in ["", &format!(" CHAIN={}", "0".repeat(64))] {
        lab.home
            .file(".claude-vault-audit.log", &format!("{forged}{chain}\n"));
        let all = lab.cv(["history", "plex"]).exits(0).all();
        assert!(!all.contains("mallory"), "{all}");
        std::fs::remove_file(lab.home.lab().join(".claude-vault-audit.log")).unwrap();
    }
}
