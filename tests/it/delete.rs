//! delete and undelete.

use serde_json::{Value, json};

use crate::support::{Bao, DESTROYER, Home, Lab};
use crate::terminal::cv;

/// A lab whose session can destroy versions.
fn destroyer(service: &str, data: Value) -> Lab {
    let mut lab = Lab::with(service, data);
    lab.bao
        .put("sys/policies/acl/destroyer", json!({ "policy": DESTROYER }));
    lab.token = lab.bao.token(&["homelab-services", "destroyer"]);
    lab.home.set("VAULT_TOKEN", lab.token.clone());
    lab
}

fn metadata(bao: &Bao) -> Value {
    bao.get("secret/metadata/proxmox-services/plex")["data"].clone()
}

#[test]
fn a_new_version_lacks_the_deleted_keys_and_older_versions_keep_them() {
    let lab = Lab::with("plex", json!({"KEEP": "1", "A": "1", "B": 7}));
    lab.cv(["delete", "plex", "A", "B", "--dry-run"])
        .exits(0)
        .says("- A")
        .says("- B")
        .says("older versions still contain")
        .says("1 other key stays");
    assert_eq!(lab.stored("plex"), json!({"KEEP": "1", "A": "1", "B": 7}));
    let done = lab
        .cv(["rm", "plex", "A", "B", "A", "--no-confirm", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&done["version"], &done["removed"]),
        (&json!(2), &json!(["A", "B"]))
    );
    assert_eq!(lab.stored("plex"), json!({"KEEP": "1"}));
    lab.cv(["get", "plex", "B", "--version", "1"]).exits(0);
    lab.cv(["rollback", "plex", "1", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("plex"), json!({"KEEP": "1", "A": "1", "B": 7}));
}

#[test]
fn a_missing_key_is_named_and_nothing_is_deleted() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["delete", "plex", "A", "NONE", "--no-confirm"])
        .exits(5)
        .says("the key NONE of plex");
    let error = lab
        .cv(["delete", "plex", "typed secret!", "--no-confirm"])
        .exits(5);
    assert!(!error.all().contains("typed secret"));
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    lab.cv(["delete", "nothing", "A", "--no-confirm"])
        .exits(5)
        .says("the service nothing");
    lab.cv(["delete", "nothing", "--no-confirm"]).exits(5);
}

#[test]
fn keys_that_other_tools_wrote_under_odd_names_can_be_deleted() {
    let odd = ["a b", "ü/../x", "A=B", "-n", "\u{1b}[31m", ""];
    let data: serde_json::Map<String, Value> = odd
        .iter()
        .chain(&["KEEP"])
        .map(|key| ((*key).to_owned(), json!("1")))
        .collect();
    let lab = Lab::with("plex", Value::Object(data));
    let arguments = [&["delete", "plex", "--no-confirm", "--"][..], &odd].concat();
    let done = lab.cv(&arguments).exits(0);
    assert!(!done.all().contains('\u{1b}'));
    assert_eq!(lab.stored("plex"), json!({"KEEP": "1"}));
}

#[test]
fn a_deleted_service_says_so_and_undelete_brings_it_back() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("plex", json!({"A": "2"}));
    let done = lab
        .cv(["delete", "plex", "--no-confirm"])
        .exits(0)
        .says("- A")
        .says("claude-vault undelete plex");
    assert!(
        done.stderr
            .contains("deleted secret/proxmox-services/plex (version 2)")
    );
    assert_ne!(
        metadata(&lab.bao)["versions"]["2"]["deletion_time"],
        json!("")
    );
    assert_eq!(
        metadata(&lab.bao)["versions"]["1"]["deletion_time"],
        json!("")
    );
    lab.home.file("plex/.env", "A=2\n");
    for arguments in [
        &["get", "plex"][..],
        &["list", "plex"],
        &["inject", "plex"],
        &["delete", "plex", "--no-confirm"],
        &["exec", "plex", "--", "true"],
    ] {
        let said = lab.cv(arguments).exits(5);
        assert!(
            said.stderr.contains("version 2 of plex was deleted")
                && said.stderr.contains("claude-vault undelete plex"),
            "{arguments:?} {}",
            said.stderr
        );
    }
    assert_eq!(lab.home.read("plex/.env"), "A=2\n");
    lab.cv(["history", "plex"])
        .exits(0)
        .says("claude-vault undelete plex");
    lab.cv(["undelete", "plex", "--dry-run"])
        .exits(0)
        .says("undelete secret/proxmox-services/plex (version 2)");
    let back = lab
        .cv(["undelete", "plex", "--no-confirm", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&back["outcome"], &back["version"]),
        (&json!("undeleted"), &json!(2))
    );
    assert_eq!(lab.cv(["get", "plex", "A"]).exits(0).stdout, "2\n");
    lab.cv(["undelete", "plex", "--no-confirm"])
        .exits(2)
        .says("is not deleted");
    lab.cv(["undelete", "nothing", "--no-confirm"]).exits(5);
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn a_deleted_service_does_not_break_inject_all_and_keeps_its_files() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("sonarr", json!({"B": "1"}));
    lab.home.file("plex/.env", "A=mine\n");
    lab.home.file("sonarr/.env.example", "B=\n");
    lab.cv(["delete", "plex", "--no-confirm"]).exits(0);
    lab.cv(["inject", "--all"])
        .exits(0)
        .says("plex")
        .says("deleted");
    assert_eq!(lab.home.read("plex/.env"), "A=mine\n");
    assert!(lab.home.read("sonarr/.env").contains("B=1"));
}

#[test]
fn set_over_a_deleted_service_says_that_it_was_deleted() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["delete", "plex", "--no-confirm"]).exits(0);
    lab.cv(["set", "plex", "B=1", "--dry-run"])
        .exits(0)
        .says("was deleted")
        .says("claude-vault undelete plex");
    lab.cv(["set", "plex", "B=1", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("plex"), json!({"B": "1"}));
    // A deleted version can be restored like any other.
    lab.cv(["undelete", "plex", "1", "--no-confirm"])
        .exits(0)
        .says("version 1");
}

#[test]
fn a_version_newer_than_the_approved_one_is_not_deleted() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut session = cv(&lab.home, &["delete", "plex"]);
    session
        .exp_string("delete secret/proxmox-services/plex (version 1)")
        .unwrap();
    session.exp_string("Type yes to delete it: ").unwrap();
    lab.store("plex", json!({"A": "somebody else's"}));
    session.send_line("yes").unwrap();
    session.exp_string("changed by someone else").unwrap();
    session.exp_eof().unwrap();
    let status = session.process().wait().unwrap();
    assert!(
        matches!(status, rexpect::process::WaitStatus::Exited(_, 6)),
        "{status:?}"
    );
    assert_eq!(lab.stored("plex"), json!({"A": "somebody else's"}));
    assert_eq!(
        metadata(&lab.bao)["versions"]["1"]["deletion_time"],
        json!("")
    );
}

/// If a service is removed and created again, its version numbers start again.
#[test]
fn a_service_recreated_in_the_meantime_is_not_deleted() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut session = cv(&lab.home, &["delete", "plex"]);
    session.exp_string("Type yes to delete it: ").unwrap();
    lab.bao
        .request("DELETE", "secret/metadata/proxmox-services/plex", "");
    lab.store("plex", json!({"A": "somebody else's"}));
    session.send_line("yes").unwrap();
    session.exp_string("changed by someone else").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({"A": "somebody else's"}));
    assert_eq!(
        metadata(&lab.bao)["versions"]["1"]["deletion_time"],
        json!("")
    );
}

#[test]
fn destroying_asks_for_the_name_and_needs_confirm_without_a_terminal() {
    let lab = destroyer("plex", json!({"A": "1"}));
    lab.store("plex", json!({"A": "2"}));
    for arguments in [
        &["delete", "plex", "--destroy"][..],
        &["delete", "plex", "--destroy", "--no-confirm"],
        &["delete", "plex", "--all-versions", "--no-confirm"],
        &["delete", "plex", "--destroy", "--confirm", "other"],
        &["delete", "plex", "--confirm", "plex"],
        &["delete", "plex", "A", "--destroy", "--confirm", "plex"],
    ] {
        let refused = lab.cv(arguments);
        assert!(
            matches!(refused.status, 2 | 8),
            "{arguments:?}: {}",
            refused.all()
        );
    }
    lab.cv(["delete", "plex", "--destroy", "--dry-run"])
        .exits(0)
        .says("destroy permanently")
        .says("cannot be restored");
    for word in ["yes\nno", "", "plexx\nn"] {
        let mut session = cv(&lab.home, &["delete", "plex", "--destroy"]);
        session.exp_string("Type the service's name").unwrap();
        for line in word.split('\n') {
            session.send_line(line).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        session.exp_string("not confirmed").unwrap();
        session.exp_eof().unwrap();
    }
    assert_eq!(
        metadata(&lab.bao)["versions"]["2"]["destroyed"],
        json!(false)
    );
    let mut session = cv(&lab.home, &["delete", "plex", "--destroy"]);
    session.exp_string("Type the service's name").unwrap();
    session.send_line("plex").unwrap();
    session
        .exp_string("destroyed secret/proxmox-services/plex (version 2)")
        .unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        metadata(&lab.bao)["versions"]["2"]["destroyed"],
        json!(true)
    );
    lab.cv(["get", "plex"])
        .exits(5)
        .says("was destroyed")
        .says("claude-vault rollback plex VERSION");
    lab.cv(["undelete", "plex", "--no-confirm"])
        .exits(5)
        .says("was destroyed");
    lab.cv(["rollback", "plex", "1", "--no-confirm"]).exits(0);
    lab.cv(["delete", "plex", "--all-versions", "--confirm", "plex"])
        .exits(0);
    assert_eq!(
        lab.bao
            .request("GET", "secret/metadata/proxmox-services/plex", "")
            .0,
        404
    );
    lab.cv(["history", "plex"]).exits(5);
}

#[test]
fn a_denied_deletion_names_the_path_and_the_missing_capability() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["delete", "plex", "--destroy", "--confirm", "plex"])
        .exits(4)
        .says("secret/destroy/proxmox-services/plex")
        .says("update");
    lab.cv(["delete", "plex", "--all-versions", "--confirm", "plex"])
        .exits(4)
        .says("secret/metadata/proxmox-services/plex")
        .says("delete");
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
}

#[test]
fn deleting_works_where_the_policy_hides_the_history() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let policy = "path \"secret/data/*\" { capabilities = [\"read\"] }\npath \"secret/delete/*\" { capabilities = [\"update\"] }\npath \"secret/undelete/*\" { capabilities = [\"update\"] }";
    lab.bao
        .put("sys/policies/acl/blind", json!({ "policy": policy }));
    let mut home = Home::new();
    home.set("VAULT_ADDR", &lab.bao.address);
    home.set("VAULT_TOKEN", lab.bao.token(&["blind"]));
    home.cv(["delete", "plex", "--no-confirm"]).exits(0);
    assert_ne!(
        metadata(&lab.bao)["versions"]["1"]["deletion_time"],
        json!("")
    );
    home.cv(["undelete", "plex", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    home.cv(["history", "plex"])
        .exits(4)
        .says("secret/metadata/proxmox-services/plex");
}

#[test]
fn without_an_audit_log_nothing_is_deleted_and_each_deletion_is_logged_with_names() {
    let lab = Lab::with("plex", json!({"SECRET_KEY": "value-of-it"}));
    let log = lab.home.lab().join(".claude-vault-audit.log");
    std::fs::create_dir(&log).unwrap();
    lab.cv(["delete", "plex", "--no-confirm"]).exits(1);
    lab.cv(["delete", "plex", "SECRET_KEY", "--no-confirm"])
        .exits(1);
    assert_eq!(lab.stored("plex"), json!({"SECRET_KEY": "value-of-it"}));
    std::fs::remove_dir(&log).unwrap();
    lab.cv(["delete", "plex", "--no-confirm"]).exits(0);
    let text = lab.home.read(".claude-vault-audit.log");
    assert!(
        text.contains("DETAILS=delete version 1; keys: SECRET_KEY")
            && !text.contains("value-of-it"),
        "{text}"
    );
}

#[test]
fn under_an_agent_a_deletion_cannot_be_approved_on_the_terminal() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("CLAUDECODE", "1");
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "1");
    for arguments in [
        &["delete", "plex", "--no-confirm"][..],
        &["delete", "plex", "A", "--no-confirm"],
        &["rollback", "plex", "1", "--no-confirm"],
        &["undelete", "plex", "--reveal"],
    ] {
        lab.cv(arguments).exits(8).says("AI agent");
    }
    lab.cv(["delete", "plex"]).exits(8);
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
}
