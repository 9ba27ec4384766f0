//! `doctor`: provokes every failure that it can detect.

use serde_json::{Value, json};

use crate::approval::page::config;
use crate::login::Login;
use crate::support::{CANARY, Lab};

/// The check with this name, after a run with this exit status.
#[track_caller]
fn check(lab: &Lab, name: &str, status: i32) -> Value {
    let run = lab.cv(["doctor", "--json"]).exits(status);
    let token = lab
        .home
        .variables
        .iter()
        .find(|(name, _)| name == "VAULT_TOKEN")
        .map(|(_, token)| token.clone());
    assert!(
        token.is_none_or(|token| token.is_empty() || !run.all().contains(&token))
            && !run.all().contains(CANARY),
        "{}",
        run.all()
    );
    let checks = run.json()["checks"].as_array().unwrap().clone();
    let found = checks
        .into_iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check {name}"));
    // A problem always comes with a reason and a command.
    let is_wrong = matches!(found["state"].as_str().unwrap(), "failed" | "warning");
    assert!(
        !is_wrong || (found["why"].is_string() && found["fix"].is_string()),
        "{found}"
    );
    found
}

#[track_caller]
fn says(check: &Value, state: &str, words: &str) {
    assert!(
        check["state"] == state && check["saw"].as_str().unwrap().contains(words),
        "{check}"
    );
}

#[test]
fn a_working_setup_is_reported_as_such_in_plain_text_too() {
    let login = Login::new();
    let token = login.lab.bao.token(&["homelab-services"]);
    let mut lab = login.lab;
    lab.home.set("VAULT_TOKEN", token);
    lab.cv(["status"]).exits(0);
    for (name, words) in [
        ("address", "http://127.0.0.1:"),
        ("server", "reachable and unsealed"),
        ("session", "token-tester, for "),
        ("mount", "KV version 2"),
        ("policy", "may list, read, write"),
        ("sign-in", "auth/oidc with the default role"),
        ("browser", "opened with"),
        ("audit log", "intact"),
        ("shell", "can be sourced"),
    ] {
        says(&check(&lab, name, 0), "ok", words);
    }
    // Without an assistant, only a person could type the yes.
    says(
        &check(&lab, "approval", 0),
        "ok",
        "no AI assistant that uses claude-vault was found",
    );
    lab.home.file(
        ".mcp.json",
        "{\"mcpServers\": {\"vault\": {\"command\": \"claude-vault\", \"args\": [\"mcp\"]}}}",
    );
    says(&check(&lab, "approval", 0), "warning", "typing yes");
    let text = lab.cv(["doctor"]).exits(0).stdout;
    assert!(
        text.contains("ok       server") && text.contains("fix: claude-vault approve enroll"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn each_problem_on_the_way_to_vault_is_named() {
    let mut lab = Lab::new();
    let address = lab.bao.address.clone();
    for (value, name, words) in [
        ("", "address", "no Vault address"),
        ("http://vault.example:8200", "address", "plain http"),
        ("http://127.0.0.1:1", "server", "127.0.0.1:1"),
    ] {
        lab.home.set("VAULT_ADDR", value);
        says(&check(&lab, name, 1), "failed", words);
        says(&check(&lab, "session", 1), "skipped", "not checked");
    }
    lab.home.set("VAULT_ADDR", &address);
    lab.home.set("VAULT_SKIP_VERIFY", "1");
    says(&check(&lab, "address", 0), "warning", "not verified");
    lab.home.set("VAULT_SKIP_VERIFY", "");
    lab.home.set("BAO_SKIP_VERIFY", "1");
    assert_eq!(check(&lab, "address", 0)["fix"], "unset BAO_SKIP_VERIFY");
    lab.home.set("BAO_SKIP_VERIFY", "");
    lab.home
        .set("VAULT_ADDR", address.replace("http:", "https:"));
    lab.home.set("VAULT_CACERT", "/nowhere/ca.pem");
    says(&check(&lab, "server", 1), "failed", "/nowhere/ca.pem");
    lab.home.set("VAULT_CACERT", "");
    says(&check(&lab, "server", 1), "failed", "does not speak https");
    lab.home.set("VAULT_ADDR", &address);
    lab.home.set("VAULT_TOKEN_EXPIRY", "1000000000");
    says(&check(&lab, "session", 1), "failed", "expired");
    lab.home.set("VAULT_TOKEN_EXPIRY", "");
    lab.bao.put(
        "sys/policies/acl/reads",
        json!({"policy": "path \"secret/*\" { capabilities = [\"read\", \"list\"] }"}),
    );
    let reads = lab.bao.token(&["reads"]);
    lab.home.set("VAULT_TOKEN", reads);
    says(
        &check(&lab, "policy", 0),
        "warning",
        "may list, read, not write",
    );
    lab.home.set("CLAUDE_VAULT_AUDIT_LOG", "/dev/full");
    says(&check(&lab, "audit log", 1), "failed", "/dev/full");
    lab.home.set("CLAUDE_VAULT_AUDIT_LOG", "");
    for (token, words) in [("", "no session"), ("hvs.dead", "expired or was revoked")] {
        lab.home.set("VAULT_TOKEN", token);
        says(&check(&lab, "session", 1), "failed", words);
        says(&check(&lab, "policy", 1), "skipped", "no session");
    }
    let root = lab.bao.token(&["root"]);
    lab.home.set("VAULT_TOKEN", root);
    says(&check(&lab, "session", 0), "warning", "root token");
    lab.bao.put(
        "sys/mounts/old",
        json!({"type": "kv", "options": {"version": "1"}}),
    );
    for mount in ["none", "old"] {
        lab.home.set("CLAUDE_VAULT_MOUNT", mount);
        says(&check(&lab, "mount", 1), "failed", mount);
    }
    lab.home.set("CLAUDE_VAULT_MOUNT", "secret");
    let nobody = lab.bao.token(&["default"]);
    lab.home.set("VAULT_TOKEN", nobody);
    says(
        &check(&lab, "policy", 1),
        "failed",
        "may not list, not read, not write",
    );
    says(
        &check(&lab, "sign-in", 1),
        "warning",
        "no such login: OIDC at auth/oidc",
    );
    lab.home.set("VAULT_TOKEN", "");
    says(
        &check(&lab, "sign-in", 1),
        "failed",
        "no such login: OIDC at auth/oidc",
    );
    lab.bao.put("sys/seal", json!({}));
    says(&check(&lab, "server", 1), "failed", "sealed");
}

#[test]
fn each_problem_with_signing_in_and_approving_is_named() {
    let login = Login::new();
    let token = login.lab.bao.token(&["homelab-services"]);
    let mut lab = login.lab;
    lab.home.set("VAULT_TOKEN", token);
    for (role, words) in [
        ("unknown", "could not be found"),
        ("nowhere", "does not allow this program's callback"),
    ] {
        lab.home.set("CLAUDE_VAULT_ROLE", role);
        says(&check(&lab, "sign-in", 0), "warning", words);
    }
    lab.home.set("CLAUDE_VAULT_ROLE", "");
    config(&lab, "write_role = \"homelab\"\n");
    says(&check(&lab, "sign-in", 1), "warning", "without a max_age");
    says(&check(&lab, "policy", 1), "warning", "write");
    // This server uses plain http.
    says(
        &check(&lab, "approval", 1),
        "failed",
        "step-up is refused over plain http",
    );
    config(&lab, "write_role = \"unknown\"\n");
    says(&check(&lab, "sign-in", 1), "failed", "could not be found");
    let provider = |address: &str, issuer: &str| {
        format!("{address}method = \"jwt\"\nissuer = \"{issuer}\"\nclient_id = \"cli\"\n")
    };
    let address = format!("address = \"{}\"\n", lab.bao.address);
    for (text, words) in [
        ("method = \"jwt\"\n".to_owned(), "there is no issuer"),
        (
            provider(&address, "http://127.0.0.1:1"),
            "connection refused",
        ),
        (
            provider(&address, &lab.bao.address),
            "no discovery document there",
        ),
        (
            provider("", "http://127.0.0.1:1"),
            "not the address of the Vault to sign in to",
        ),
    ] {
        config(&lab, &text);
        says(&check(&lab, "sign-in", 1), "failed", words);
    }
    config(&lab, "approval = \"passkey\"\n");
    says(
        &check(&lab, "approval", 1),
        "failed",
        "demands approval by passkey",
    );
    config(&lab, "");
    std::fs::write(
        lab.home.path().join(".config/claude-vault/passkeys.json"),
        "{}",
    )
    .unwrap();
    says(
        &check(&lab, "approval", 1),
        "failed",
        "were changed, or removed",
    );
    std::fs::remove_file(lab.home.path().join(".config/claude-vault/passkeys.json")).unwrap();
    lab.home.set("BROWSER", "");
    lab.home.set("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    says(&check(&lab, "browser", 0), "warning", "SSH session");
    lab.home.set("SSH_CONNECTION", "");
    lab.home.set("container", "podman");
    let contained = check(&lab, "browser", 0);
    says(&contained, "warning", "no screen in this container");
    assert!(
        contained["fix"].as_str().unwrap().contains("paste"),
        "{contained}"
    );
    lab.home.set("container", "");
    says(&check(&lab, "browser", 0), "warning", "no screen");
    lab.home.set("PATH", "/usr/bin:/bin");
    says(
        &check(&lab, "shell", 0),
        "warning",
        "no claude-vault on PATH",
    );
    lab.home.file("claude-vault", "#!/bin/sh\n");
    says(
        &check(&lab, "shell", 0),
        "warning",
        "this folder contains a file named claude-vault",
    );
    lab.cv(["status"]).exits(0);
    let log = lab.home.read(".claude-vault-audit.log");
    lab.home
        .file(".claude-vault-audit.log", &log.replace("tester", "nobody"));
    lab.cv(["status"]).exits(0);
    says(&check(&lab, "audit log", 1), "failed", "line ");
    config(&lab, "adress = 1\n");
    lab.cv(["doctor"]).exits(2).says("adress");
}
