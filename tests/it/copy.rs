//! copy and rename: the new service is written and read back before the old one is deleted.

use serde_json::{Value, json};

use crate::support::{CANARY, Lab};
use crate::terminal::cv as on_terminal;

const MOVER: &str = r#"
path "secret/data/*"     { capabilities = ["create", "read", "update"] }
path "secret/delete/*"   { capabilities = ["update"] }
path "secret/undelete/*" { capabilities = ["update"] }
path "secret/metadata/*" { capabilities = ["read", "list", "update"] }
path "team/data/*"       { capabilities = ["create", "read", "update"] }
path "team/metadata/*"   { capabilities = ["read", "list", "update"] }
"#;

/// A lab whose session has the rights that rename needs.
fn lab(service: &str, data: Value) -> Lab {
    let mut lab = Lab::with(service, data);
    with_policy(&mut lab, MOVER);
    lab
}

fn with_policy(lab: &mut Lab, policy: &str) {
    lab.bao
        .put("sys/policies/acl/mover", json!({ "policy": policy }));
    let token = lab.bao.token(&["mover"]);
    lab.home.set("VAULT_TOKEN", token);
}

fn odd() -> Value {
    json!({"TEXT": "a\nb $(id)", "NUMBER": 1.5, "LIST": [1, null, {"x": "<y>"}], "NOTHING": null, "a/b c": "odd", "é": "x\u{0}y"})
}

/// The metadata of a version of a service; null if it does not exist.
fn version(lab: &Lab, service: &str, number: u64) -> Value {
    lab.bao
        .get(&format!("secret/metadata/proxmox-services/{service}"))["data"]["versions"]
        [number.to_string()]
    .clone()
}

fn is_deleted(lab: &Lab, service: &str, number: u64) -> bool {
    version(lab, service, number)["deletion_time"] != ""
}

#[test]
fn a_copy_holds_every_key_with_its_type_and_the_old_one_stays() {
    let lab = lab("plex", json!({"OLD": "1"}));
    lab.store("plex", odd());
    let done = lab
        .cv(["copy", "plex", "media/jellyfin", "--no-confirm"])
        .exits(0);
    let done = done.says("copied secret/proxmox-services/plex (version 2) to secret/proxmox-services/media/jellyfin (version 1)");
    assert!(done.stdout.is_empty());
    assert_eq!(
        (lab.stored("media/jellyfin"), lab.stored("plex")),
        (odd(), odd())
    );
    lab.cv(["cp", "plex", "media/jellyfin", "--no-confirm"])
        .exits(0)
        .says("nothing to change");
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(log.contains("ACTION=SUCCESS SERVICE=media/jellyfin DETAILS=copy secret/proxmox-services/plex (version 2) to secret/proxmox-services/media/jellyfin; keys: LIST, NOTHING, NUMBER, TEXT, \"a/b c\", \"é\"; wrote version 1"), "{log}");
    lab.cv(["copy", "plex", "plex", "--no-confirm"])
        .exits(2)
        .says("both FROM and TO");
    lab.cv(["copy", "nosuch", "plex", "--replace", "--no-confirm"])
        .exits(5)
        .says("nosuch");
}

#[test]
fn the_plan_shows_both_paths_and_no_value() {
    let lab = lab("plex", json!({"A": CANARY}));
    for (command, says) in [
        (
            "copy",
            "copy secret/proxmox-services/plex → secret/proxmox-services/b",
        ),
        (
            "rename",
            "rename secret/proxmox-services/plex → secret/proxmox-services/b",
        ),
    ] {
        let dry = lab
            .cv([command, "plex", "b", "--dry-run"])
            .exits(0)
            .says(says)
            .says("+ A")
            .says("nothing was written");
        assert!(!dry.all().contains(CANARY));
        let json = lab
            .cv([command, "plex", "b", "--dry-run", "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&json["outcome"], &json["from"], &json["to"], &json["added"]),
            (
                &json!("dry_run"),
                &json!("secret/proxmox-services/plex"),
                &json!("secret/proxmox-services/b"),
                &json!(["A"])
            )
        );
    }
    lab.cv(["rename", "plex", "b", "--dry-run"])
        .exits(0)
        .says("secret/proxmox-services/plex (version 1) is deleted afterwards");
    lab.cv(["list", "b"]).exits(5);
    // Without a terminal no question is asked and nothing is done.
    let mut session = on_terminal(&lab.home, &["rename", "plex", "b"]);
    for part in [
        "rename secret/proxmox-services/plex ",
        "secret/proxmox-services/b",
    ] {
        session.exp_string(part).unwrap();
    }
    session.exp_string("Type yes to write it: ").unwrap();
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    lab.cv(["list", "b"]).exits(5);
    assert_eq!(lab.stored("plex"), json!({"A": CANARY}));
}

#[test]
fn a_service_that_exists_is_merged_or_replaced_only_when_asked() {
    let lab = lab("plex", json!({"A": "1", "B": "2"}));
    lab.store("b", json!({"B": "other", "C": CANARY}));
    let refused = lab
        .cv(["copy", "plex", "b", "--no-confirm"])
        .exits(6)
        .says("secret/proxmox-services/b already exists")
        .says("--merge");
    assert!(!refused.all().contains(CANARY));
    lab.cv(["rename", "plex", "b", "--no-confirm"]).exits(6);
    assert_eq!(
        lab.cv(["copy", "plex", "b", "--json", "--no-confirm"])
            .exits(6)
            .error()["code"],
        "conflict"
    );
    let merged = lab
        .cv(["copy", "plex", "b", "--merge", "--no-confirm", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (
            &merged["added"],
            &merged["changed"],
            &merged["removed"],
            &merged["version"]
        ),
        (&json!(["A"]), &json!(["B"]), &json!([]), &json!(2))
    );
    assert_eq!(lab.stored("b"), json!({"A": "1", "B": "2", "C": CANARY}));
    let replaced = lab
        .cv(["copy", "plex", "b", "--replace", "--no-confirm", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&replaced["removed"], &replaced["outcome"]),
        (&json!(["C"]), &json!("done"))
    );
    assert_eq!(lab.stored("b"), json!({"A": "1", "B": "2"}));
    lab.cv(["copy", "plex", "b", "--merge", "--replace", "--no-confirm"])
        .exits(2);
    // A deleted service counts as missing, and the new version follows its old ones.
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/b", "");
    lab.store("plex", json!({"A": "3"}));
    lab.cv(["copy", "plex", "b", "--no-confirm"])
        .exits(0)
        .says("(version 4)");
    assert_eq!(lab.stored("b"), json!({"A": "3"}));
}

#[test]
fn a_renamed_service_is_deleted_under_its_old_name_and_can_be_undeleted() {
    let lab = lab("plex", odd());
    let renamed = lab
        .cv(["rename", "plex", "jellyfin", "--no-confirm"])
        .exits(0);
    renamed.says("renamed secret/proxmox-services/plex to secret/proxmox-services/jellyfin (version 1); version 1 of the old one is deleted");
    assert_eq!(lab.stored("jellyfin"), odd());
    assert!(is_deleted(&lab, "plex", 1) && version(&lab, "plex", 1)["destroyed"] == false);
    lab.cv(["rename", "plex", "jellyfin", "--no-confirm"])
        .exits(5)
        .says("already renamed? jellyfin exists")
        .says("undelete plex");
    lab.bao.put(
        "secret/undelete/proxmox-services/plex",
        json!({"versions": [1]}),
    );
    assert_eq!(lab.stored("plex"), odd());
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains(
            "SERVICE=plex DETAILS=renamed to secret/proxmox-services/jellyfin; version 1 is deleted"
        ),
        "{log}"
    );
}

#[test]
fn copy_and_rename_reach_other_mounts_and_paths() {
    let lab = lab("plex", odd());
    lab.bao.put(
        "sys/mounts/team",
        json!({"type": "kv", "options": {"version": "2"}}),
    );
    crate::support::eventually("the mount", || {
        (lab.bao.request("GET", "team/data/x", "").0 == 404).then_some(())
    });
    lab.cv([
        "copy",
        "plex",
        "plex",
        "--to-mount",
        "team",
        "--to-path",
        "shared/apps",
        "--no-confirm",
    ])
    .exits(0)
    .says("to team/shared/apps/plex (version 1)");
    assert_eq!(
        lab.bao.get("team/data/shared/apps/plex")["data"]["data"],
        odd()
    );
    lab.cv(["rename", "plex", "b", "--to-path", "/", "--no-confirm"])
        .exits(0)
        .says("to secret/b (version 1)");
    assert_eq!(lab.bao.get("secret/data/b")["data"]["data"], odd());
    assert!(is_deleted(&lab, "plex", 1));
    for (option, path) in [
        ("--to-path", "../escape"),
        ("--to-mount", "a//b"),
        ("--to-mount", ""),
        ("--to-path", "a/%2e%2e/b"),
        ("--to-mount", "sys/../x"),
    ] {
        lab.cv(["copy", "plex", "b", option, path, "--no-confirm"])
            .exits(2)
            .says("not a valid Vault path");
    }
    lab.cv([
        "--path",
        "/",
        "copy",
        "b",
        "c",
        "--to-mount",
        "nosuch",
        "--no-confirm",
    ])
    .exits(4);
}

#[test]
fn a_change_to_the_source_while_the_person_decides_is_not_lost() {
    let lab = lab("plex", json!({"A": "1"}));
    let mut session = on_terminal(&lab.home, &["rename", "plex", "b"]);
    session.exp_string("Type yes to write it: ").unwrap();
    lab.store("plex", json!({"A": "newer"}));
    session.send_line("yes").unwrap();
    session
        .exp_string("plex was changed by someone else meanwhile")
        .unwrap();
    session.exp_eof().unwrap();
    drop(session);
    lab.cv(["list", "b"]).exits(5);
    assert_eq!(lab.stored("plex"), json!({"A": "newer"}));
    // A copy uses the version that was shown.
    let mut session = on_terminal(&lab.home, &["copy", "plex", "b"]);
    session.exp_string("Type yes to write it: ").unwrap();
    lab.store("plex", json!({"A": "newest"}));
    session.send_line("yes").unwrap();
    session
        .exp_string("copied secret/proxmox-services/plex (version 2)")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        (lab.stored("plex"), lab.stored("b")),
        (json!({"A": "newest"}), json!({"A": "newer"}))
    );
}

#[test]
fn a_change_to_the_target_while_the_person_decides_is_not_overwritten() {
    let lab = lab("plex", json!({"A": "1"}));
    let mut session = on_terminal(&lab.home, &["rename", "plex", "b"]);
    session.exp_string("Type yes to write it: ").unwrap();
    lab.store("b", json!({"B": "theirs"}));
    session.send_line("yes").unwrap();
    session.exp_string("already exists").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        (lab.stored("plex"), lab.stored("b")),
        (json!({"A": "1"}), json!({"B": "theirs"}))
    );
}

#[test]
fn running_the_command_again_finishes_an_interrupted_rename() {
    let mut lab = lab("plex", odd());
    // The role can write but not delete: both the new service and the old one exist.
    with_policy(
        &mut lab,
        &MOVER.replace("secret/delete", "secret/elsewhere"),
    );
    let stopped = lab
        .cv(["rename", "plex", "b", "--no-confirm"])
        .exits(4)
        .says("secret/proxmox-services/b was written (version 1); secret/proxmox-services/plex was not deleted")
        .says("a policy with update on secret/delete/proxmox-services/plex");
    assert!(!stopped.all().contains("$(id)"));
    assert_eq!((lab.stored("plex"), lab.stored("b")), (odd(), odd()));
    let json = lab
        .cv(["rename", "plex", "b", "--no-confirm", "--json"])
        .exits(4);
    assert_eq!(json.json()["outcome"], "stopped");
    assert!(
        json.stderr.contains(r#"{"error":{"code":"forbidden""#),
        "{}",
        json.stderr
    );
    with_policy(&mut lab, MOVER);
    lab.cv(["rename", "plex", "b", "--no-confirm"])
        .exits(0)
        .says("renamed")
        .says("(version 1)");
    assert!(is_deleted(&lab, "plex", 1));
    assert_eq!(lab.stored("b"), odd());
}

#[test]
fn a_rename_killed_at_any_moment_loses_nothing_and_the_next_run_finishes_it() {
    let lab = lab("plex", odd());
    for delay in [0, 5, 10, 15, 20, 30, 40, 60, 100] {
        let mut child = lab
            .home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["rename", "plex", "b", "--no-confirm"])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        let _ = child.kill();
        let _ = child.wait();
        let (old, new) = (lab.stored_or_null("plex"), lab.stored_or_null("b"));
        assert!(
            old == odd() || new == odd(),
            "after {delay} ms: {old} {new}"
        );
        if old == odd() {
            lab.cv(["rename", "plex", "b", "--no-confirm"]).exits(0);
        }
        assert_eq!(
            (lab.stored_or_null("plex"), lab.stored("b")),
            (Value::Null, odd())
        );
        lab.cv(["rename", "b", "plex", "--no-confirm"]).exits(0);
    }
}

#[test]
fn owner_and_rotation_are_copied_if_the_role_allows_it_and_no_other_metadata() {
    let mut lab = lab("plex", json!({"A": "1"}));
    let custom =
        json!({"owner": "alice", "rotate_after": "90d", "use_policy": "anything", "team": "x"});
    lab.bao.put(
        "secret/metadata/proxmox-services/plex",
        json!({ "custom_metadata": custom }),
    );
    lab.store("b", json!({"B": "1"}));
    lab.bao.put(
        "secret/metadata/proxmox-services/b",
        json!({"custom_metadata": {"theirs": "stays", "owner": "bob"}}),
    );
    let of = |service: &str| {
        lab.bao
            .get(&format!("secret/metadata/proxmox-services/{service}"))["data"]["custom_metadata"]
            .clone()
    };
    lab.cv(["copy", "plex", "b", "--merge", "--no-confirm"])
        .exits(0)
        .says("also copied: owner, rotate_after")
        .says("custom metadata not copied: team, use_policy");
    assert_eq!(
        of("b"),
        json!({"theirs": "stays", "owner": "alice", "rotate_after": "90d"})
    );
    lab.cv(["rename", "plex", "c", "--no-confirm"]).exits(0);
    assert_eq!(of("c"), json!({"owner": "alice", "rotate_after": "90d"}));
    with_policy(
        &mut lab,
        &MOVER.replace(r#"["read", "list", "update"]"#, r#"["read", "list"]"#),
    );
    lab.cv(["rename", "c", "d", "--no-confirm"])
        .exits(0)
        .says("custom metadata not copied: owner, rotate_after")
        .says("renamed");
    with_policy(
        &mut lab,
        &MOVER.replace("secret/metadata", "secret/elsewhere"),
    );
    lab.cv(["copy", "d", "e", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("e"), json!({"A": "1"}));
}

#[test]
fn folders_do_not_move_and_the_output_says_what_to_change() {
    let lab = lab("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex]\nfile = \"plex/.env\"\n",
    );
    lab.cv(["rename", "plex", "jellyfin", "--no-confirm"])
        .exits(0)
        .says("mv plex jellyfin")
        .says("change [services.plex] to [services.jellyfin] in .claude-vault.toml");
    assert!(
        lab.home.lab().join("plex/.env.example").exists()
            && !lab.home.lab().join("jellyfin").exists()
    );
    lab.store("radarr", json!({}));
    let quiet = lab.cv(["mv", "radarr", "sonarr", "--no-confirm"]).exits(0);
    assert!(!quiet.stderr.contains("mv "), "{}", quiet.stderr);
}

#[test]
fn under_an_ai_agent_only_a_person_can_approve_it() {
    let mut lab = lab("plex", json!({"A": CANARY}));
    lab.home.set("CLAUDECODE", "1");
    for option in ["--no-confirm", "--reveal"] {
        lab.cv(["rename", "plex", "b", option])
            .exits(8)
            .says("under an AI agent");
    }
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "1");
    let waited = lab
        .cv(["rename", "plex", "b"])
        .exits(8)
        .says("waiting for the user to approve it");
    assert!(!waited.all().contains(CANARY));
    assert_eq!(lab.stored("plex"), json!({"A": CANARY}));
}

#[test]
fn metadata_that_is_copied_alone_makes_no_version_to_undo_and_claims_no_write() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("tv", json!({"A": "1"}));
    let policy = format!(
        "{}\npath \"secret/metadata/proxmox-services/*\" {{ capabilities = [\"read\", \"list\", \"create\", \"update\"] }}",
        crate::support::POLICY
    );
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": policy }),
    );
    lab.bao.put(
        "secret/metadata/proxmox-services/plex",
        json!({"custom_metadata": {"owner": "alice"}}),
    );
    let done = lab.cv(["copy", "plex", "tv", "--no-confirm"]).exits(0);
    assert!(!done.stderr.contains("to undo"), "{}", done.stderr);
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("version 1 was there already") && !log.contains("wrote version"),
        "{log}"
    );
}
