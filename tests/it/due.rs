//! Owner and rotation: custom metadata as part of a plan, and which keys are due.

use serde_json::{Value, json};

use crate::support::{Lab, POLICY};
use crate::terminal::cv;

/// A lab whose session can write metadata.
fn lab() -> Lab {
    let lab = Lab::with("plex", json!({"A": "1", "B": "1"}));
    let policy = format!(
        "{POLICY}\npath \"secret/metadata/proxmox-services/*\" {{ capabilities = [\"read\", \"list\", \"create\", \"update\"] }}"
    );
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": policy }),
    );
    lab
}

fn custom(lab: &Lab, service: &str) -> Value {
    lab.bao
        .get(&format!("secret/metadata/proxmox-services/{service}"))["data"]["custom_metadata"]
        .clone()
}

#[test]
fn owner_and_rotation_are_part_of_the_plan_and_of_the_approval() {
    let lab = lab();
    lab.bao.put(
        "secret/metadata/proxmox-services/plex",
        json!({"custom_metadata": {"team": "media"}}),
    );
    let dry = lab
        .cv([
            "set",
            "plex",
            "--owner",
            "alice",
            "--rotate-after",
            "90d",
            "--dry-run",
        ])
        .exits(0);
    assert!(
        dry.stderr.contains("owner: alice") && dry.stderr.contains("rotate every key after 90d"),
        "{}",
        dry.stderr
    );
    assert_eq!(custom(&lab, "plex"), json!({"team": "media"}));
    let mut session = cv(
        &lab.home,
        &[
            "set",
            "plex",
            "A=2",
            "--rotate-after",
            "30d",
            "--owner",
            "alice",
        ],
    );
    session.exp_string("rotate A after 30d").unwrap();
    session.exp_string("Type yes to write it: ").unwrap();
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(custom(&lab, "plex"), json!({"team": "media"}));
    lab.cv([
        "set",
        "plex",
        "A=2",
        "--rotate-after",
        "30d",
        "--owner",
        "alice",
        "--no-confirm",
    ])
    .exits(0)
    .says("(version 2)");
    let found = custom(&lab, "plex");
    assert_eq!(
        (&found["team"], &found["owner"], &found["rotate_after.A"]),
        (&json!("media"), &json!("alice"), &json!("30d"))
    );
    assert!(found["rotate_from.A"].is_string() && found["rotate_after"].is_null());
    assert_eq!(lab.stored("plex"), json!({"A": "2", "B": "1"}));
    // A change of metadata alone makes no version; repeating it changes nothing.
    lab.cv(["set", "plex", "--owner", "bob", "--no-confirm"])
        .exits(0)
        .says("(version 2)");
    assert_eq!(custom(&lab, "plex")["owner"], "bob");
    lab.cv(["set", "plex", "--owner", "bob", "--no-confirm"])
        .exits(0)
        .says("nothing to change");
    lab.cv(["set", "plex", "--owner", "", "--no-confirm"])
        .exits(0);
    assert!(custom(&lab, "plex")["owner"].is_null());
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("metadata: owner: bob")
    );
    // A new service gets both in one step.
    lab.cv([
        "set",
        "new",
        "K=v",
        "--owner",
        "carol",
        "--rotate-after",
        "12w",
        "--no-confirm",
    ])
    .exits(0)
    .says("created");
    assert_eq!(
        (lab.stored("new"), custom(&lab, "new")["owner"].clone()),
        (json!({"K": "v"}), json!("carol"))
    );
    lab.cv(["set", "nowhere", "--owner", "x", "--no-confirm"])
        .exits(5);
}

#[test]
fn metadata_is_touched_only_with_the_options_and_a_missing_right_is_named() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    for arguments in [
        &["set", "plex", "A=2", "--owner", "x"][..],
        &["set", "plex", "--rotate-after", "90d"],
    ] {
        let refused = lab
            .cv(arguments.iter().copied().chain(["--no-confirm"]))
            .exits(4);
        assert!(
            refused
                .stderr
                .contains("secret/metadata/proxmox-services/plex")
                && refused.stderr.contains("create and update")
        );
    }
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    let only_data = "path \"secret/data/proxmox-services/*\" { capabilities = [\"create\", \"read\", \"update\"] }";
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": only_data }),
    );
    lab.cv(["set", "plex", "A=3", "--no-confirm"]).exits(0);
    for bad in ["90", "0d", "soon", "-1d"] {
        lab.cv(["set", "plex", &format!("--rotate-after={bad}")])
            .exits(2)
            .says("90d");
    }
}

#[test]
fn a_key_is_due_by_the_time_its_value_last_changed() {
    let lab = lab();
    lab.cv(["status", "--due"])
        .exits(0)
        .says("no rotation is due");
    lab.cv([
        "set",
        "plex",
        "--rotate-after",
        "3s",
        "--owner",
        "alice",
        "--no-confirm",
    ])
    .exits(0);
    lab.cv(["set", "other", "X=1", "Y=1", "--no-confirm"])
        .exits(0);
    lab.cv([
        "set",
        "other",
        "X=2",
        "--rotate-after",
        "1h",
        "--no-confirm",
    ])
    .exits(0);
    std::thread::sleep(std::time::Duration::from_secs(4));
    // B gets a new value; A keeps its value in the new version.
    lab.cv(["set", "plex", "B=2", "--no-confirm"]).exits(0);
    let due = lab.cv(["status", "--due"]).exits(1);
    assert!(
        due.stdout.starts_with("plex A  due ")
            && due.stdout.contains("every 3s")
            && due.stdout.contains("owner alice")
    );
    assert_eq!(due.stdout.lines().count(), 1, "{}", due.stdout);
    let found = lab.cv(["status", "--due", "--json"]).exits(1).json();
    assert_eq!(
        (&found["due"][0]["key"], &found["services"]),
        (&json!("A"), &json!(2))
    );
    for (arguments, listed) in [
        (&["list", "--due"][..], "plex\n"),
        (&["list", "plex", "--due"], "A\n"),
        (&["list", "o*", "--due"], ""),
    ] {
        assert_eq!(lab.cv(arguments).exits(0).stdout, listed, "{arguments:?}");
    }
    lab.cv(["list", "nowhere", "--due"]).exits(5);
    lab.cv(["set", "plex", "A=new", "--no-confirm"]).exits(0);
    lab.cv(["status", "--due"]).exits(0);
    lab.cv(["set", "plex", "--rotate-after", "none", "--no-confirm"])
        .exits(0);
    std::thread::sleep(std::time::Duration::from_secs(4));
    lab.cv(["status", "--due"]).exits(0);
}

#[test]
fn a_value_older_than_the_kept_versions_counts_from_when_the_interval_was_set() {
    let lab = lab();
    lab.cv(["set", "plex", "--rotate-after", "4s", "--no-confirm"])
        .exits(0);
    for number in 0..11 {
        lab.store("plex", json!({"A": "1", "B": number}));
    }
    std::thread::sleep(std::time::Duration::from_secs(4));
    lab.store("plex", json!({"A": "1", "B": "last"}));
    let due = lab.cv(["status", "--due", "--json"]).exits(1).json();
    assert_eq!(due["due"].as_array().unwrap().len(), 1);
    assert_eq!(due["due"][0]["key"], "A");
    // Values that another tool wrote and that are not intervals are ignored.
    lab.bao.put(
        "secret/metadata/proxmox-services/plex",
        json!({"custom_metadata": {"rotate_after": "soon; rm -rf"}}),
    );
    lab.cv(["status", "--due"]).exits(0);
}

#[test]
fn declining_after_a_conflict_leaves_the_metadata_unchanged() {
    let lab = lab();
    let mut session = cv(&lab.home, &["set", "plex", "A=2", "--owner", "bob"]);
    session.exp_string("metadata: owner: bob").unwrap();
    session.exp_string("Type yes to write it: ").unwrap();
    lab.store("plex", json!({"A": "3"}));
    session.send_line("yes").unwrap();
    session.exp_string("Type yes to write it: ").unwrap();
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    assert!(custom(&lab, "plex").is_null());
    assert_eq!(lab.stored("plex"), json!({"A": "3"}));
}

#[test]
fn a_version_that_was_written_without_its_metadata_is_told_and_logged() {
    let lab = lab();
    let mut session = cv(&lab.home, &["set", "plex", "A=2", "--owner", "bob"]);
    session.exp_string("Type yes to write it: ").unwrap();
    // The right to write metadata goes while the person looks.
    let policy = format!(
        "{POLICY}\npath \"secret/metadata/proxmox-services/*\" {{ capabilities = [\"read\", \"list\"] }}"
    );
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": policy }),
    );
    session.send_line("yes").unwrap();
    session
        .exp_string("plex has version 2 now, but owner and rotation could not be written")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(crate::terminal::exit(&session), 4);
    assert_eq!(lab.stored("plex"), json!({"A": "2", "B": "1"}));
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("metadata not written: forbidden; wrote version 2"),
        "{log}"
    );
}

/// The owner is the last of the names in the line.
#[test]
fn no_owner_can_imitate_the_note_of_a_write() {
    let lab = lab();
    let owner = "x; wrote version 1";
    lab.cv(["set", "plex", "--owner", owner, "--no-confirm"])
        .exits(0);
    let history = lab.cv(["history", "plex"]).exits(0).stdout;
    assert!(
        history.contains("unknown") && !history.contains("tester"),
        "{history}"
    );
}
