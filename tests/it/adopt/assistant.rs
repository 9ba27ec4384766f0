//! `vault_adopt`: an assistant moves a service into Vault and sees only names.

use serde_json::json;

use super::{app, tree};
use crate::mcp::{Client, approved};
use crate::support::CANARY;

fn names(entries: &serde_json::Value) -> Vec<String> {
    entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_assistant_moves_a_service_into_vault_in_one_step_and_sees_no_value() {
    let env = format!("TZ=Europe/Vienna\nAPI_TOKEN={CANARY}\nDB_PASSWORD='{CANARY} two'\n");
    let mut lab = app(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", &env),
        (
            "config/secrets.yaml",
            &format!("mqtt_password: {CANARY}-three\n"),
        ),
    ]);
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let before = tree(&lab);
    let mut client = Client::start(&lab.home);
    let reply = approved(&mut client, &lab, "vault_adopt", json!({"service": "app"})).unwrap();
    assert_eq!(reply["outcome"], "adopted");
    let files = reply["files"].as_array().unwrap();
    assert_eq!(files[0]["file"], "app/.env");
    assert_eq!(
        names(&files[0]["entries"]),
        ["TZ", "API_TOKEN", "DB_PASSWORD"]
    );
    assert_eq!(names(&files[1]["entries"]), ["mqtt_password"]);
    let stored = lab.stored("app");
    assert_eq!(
        (&stored["API_TOKEN"], &stored["mqtt_password"]),
        (&json!(CANARY), &json!(format!("{CANARY}-three")))
    );
    assert!(lab.home.read("app/.env").contains(&env));
    assert!(lab.home.read("app/.env.example").contains("API_TOKEN=\n"));
    // A service that is already in Vault is not adopted again.
    let error = client
        .call("vault_adopt", json!({"service": "app"}))
        .unwrap_err();
    assert!(error.starts_with("not_allowed: "), "{error}");
    assert!(!client.seen.contains(CANARY));
    client.close();
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(tree(&lab), before);
}

#[test]
fn an_adoption_that_is_refused_shows_its_reason_only_to_the_person() {
    let env = format!("API_TOKEN={CANARY}\nAPI_TOKEN={CANARY}-two\n");
    let mut lab = app(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", &env),
    ]);
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&lab.home);
    let reply = client
        .call("vault_adopt", json!({"service": "app"}))
        .unwrap_err();
    assert!(reply.starts_with("approval_pending: "), "{reply}");
    let shown = lab.cv(["approve", "pending", "--json"]).exits(0).json();
    assert!(
        shown["pending"][0]["obstacle"]
            .as_str()
            .unwrap()
            .contains("API_TOKEN"),
        "{shown}"
    );
    assert!(!client.seen.contains("more than once") && !client.seen.contains(CANARY));
    assert_eq!(lab.home.read("app/.env"), env);
    client.close();
}

#[test]
fn under_an_agent_the_command_asks_on_the_page_and_shows_no_file() {
    let mut lab = app(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", "API_TOKEN=Kq7-one-Lz2\n"),
    ]);
    lab.home.set("CLAUDECODE", "1");
    lab.cv(["adopt", "app", "--no-confirm"])
        .exits(8)
        .says("--no-confirm is refused under an AI agent");
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "1");
    let reply = lab.cv(["adopt", "app"]);
    assert_ne!(reply.status, 0);
    assert!(
        !reply.all().contains("Kq7-one") && !reply.all().contains("  | "),
        "{}",
        reply.all()
    );
    let shown = lab.cv(["adopt", "app", "--dry-run"]).exits(0);
    assert!(
        !shown.all().contains("Kq7-one") && !shown.all().contains("  | "),
        "{}",
        shown.all()
    );
}
