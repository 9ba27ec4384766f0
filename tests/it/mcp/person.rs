//! Actions that need a person: signing in, and an approval for each write.

use std::io::Write;

use serde_json::{Value, json};

use super::{Client, approved, handle};
use crate::support::{CANARY, Lab, eventually, files};

#[test]
fn a_person_elsewhere_approves_or_refuses_and_nothing_else_writes() {
    let mut lab = Lab::with("plex", json!({"OLD": "kept"}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&lab.home);
    let arguments =
        json!({"service": "plex", "secrets": {"KEY": CANARY}, "generate": {"PASSWORD": 20}});
    let reply = client.call("vault_set", arguments.clone()).unwrap_err();
    assert!(
        reply.starts_with("approval_pending: ") && reply.contains("claude-vault approve pending"),
        "{reply}"
    );
    let token = reply
        .split("approval_token: ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .to_owned();
    let again = |arguments: &Value| {
        let mut arguments = arguments.clone();
        arguments["approval_token"] = json!(token);
        arguments
    };
    assert!(
        client
            .call("vault_set", again(&arguments))
            .unwrap_err()
            .starts_with("approval_pending: ")
    );
    assert_eq!(lab.stored("plex"), json!({"OLD": "kept"}));

    // Only a person at a terminal may answer.
    lab.cv(["approve", "pending"]).exits(8);
    let shown = lab.cv(["approve", "pending", "--json"]).exits(0);
    assert!(!shown.all().contains(CANARY));
    let asked_by = json!({"kind": "client", "name": "a test", "tool": "vault_set"});
    assert_eq!(shown.json()["pending"][0]["asked_by"], asked_by);
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person
        .exp_string("update secret/proxmox-services/plex (version 1)")
        .unwrap();
    person.exp_string("KEY  ********  new").unwrap();
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("approved").unwrap();
    drop(person);
    let written = client.call("vault_set", again(&arguments)).unwrap();
    assert_eq!(
        (&written["outcome"], &written["version"]),
        (&json!("updated"), &json!(2))
    );
    assert_eq!(lab.stored("plex")["KEY"], CANARY);
    assert_eq!(lab.stored("plex")["PASSWORD"].as_str().unwrap().len(), 20);
    // The token works only once.
    assert!(
        client
            .call("vault_set", again(&arguments))
            .unwrap_err()
            .starts_with("approval_expired: ")
    );

    // Other arguments with the same token are a mismatch, and the request ends.
    let reply = client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"KEY": "2"}}),
        )
        .unwrap_err();
    let token = reply
        .split("approval_token: ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap();
    for (service, value) in [("plex", "3"), ("plex", "2")] {
        let reply = client
            .call(
                "vault_set",
                json!({"service": service, "secrets": {"KEY": value}, "approval_token": token}),
            )
            .unwrap_err();
        assert!(
            reply.starts_with("approval_mismatch: ") || reply.starts_with("approval_expired: "),
            "{reply}"
        );
    }
    lab.cv(["approve", "pending", "--json"]).exits(0).says("");
    assert_eq!(
        lab.cv(["approve", "pending", "--json"]).json()["pending"],
        json!([])
    );

    // A person denies the change.
    let reply = client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"KEY": "4"}}),
        )
        .unwrap_err();
    let token = reply
        .split("approval_token: ")
        .nth(1)
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .to_owned();
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("no").unwrap();
    person.exp_string("refused").unwrap();
    drop(person);
    let reply = client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"KEY": "4"}, "approval_token": token}),
        )
        .unwrap_err();
    assert!(reply.starts_with("approval_denied: "), "{reply}");
    assert_eq!(lab.stored("plex")["KEY"], CANARY);
    assert!(!client.seen.contains(CANARY));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    for (path, content) in files(lab.home.path().parent().unwrap()) {
        assert!(
            !String::from_utf8_lossy(&content).contains(CANARY),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_change_cannot_be_approved_under_an_agent_or_by_a_forged_answer() {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&lab.home);
    client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"KEY": "1"}}),
        )
        .unwrap_err();
    let folder = lab.home.path().join(".local/state/claude-vault/pending");
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let socket = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let pending = lab.cv(["approve", "pending", "--json"]).json();
    let id = pending["pending"][0]["id"].as_str().unwrap().to_owned();
    for line in [
        json!({"answer": {"id": id, "digest": "0".repeat(64), "yes": true}}).to_string(),
        json!({"answer": {"id": "0", "digest": "", "yes": true}}).to_string(),
        "garbage".to_owned(),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        writeln!(stream, "{line}").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.contains("true"), "{answer}");
    }
    lab.home.set("CLAUDECODE", "1");
    let mut session = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    session.exp_string("is refused under an AI agent").unwrap();
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/plex", "")
            .0,
        404
    );
    client.close();
    assert!(eventually("the socket to go", || (!socket.exists()).then_some(true)));
}

#[test]
fn a_person_signs_in_for_the_server_and_the_token_never_leaves_it() {
    let mut login = crate::login::Login::new();
    let hold = login.lab.home.lab().join("go");
    login.lab.home.set("TEST_HOLD", hold.to_string_lossy());
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let mut client = Client::start(&login.lab.home);
    assert!(
        client
            .call("vault_list", json!({}))
            .unwrap_err()
            .starts_with("login_required: ")
    );
    let pending = client.call("vault_login", json!({})).unwrap();
    assert_eq!(pending["state"], "pending");
    assert!(!pending.to_string().contains("http"), "{pending}");
    std::fs::write(&hold, "").unwrap();
    let session = eventually("the login", || {
        Some(client.call("vault_login", json!({})).unwrap())
            .filter(|reply| reply["state"] == "logged_in")
    });
    assert!(
        session["seconds_left"].as_u64().unwrap() <= 3600
            && session["policies"].to_string().contains("homelab"),
        "{session}"
    );
    assert_eq!(
        client.call("vault_list", json!({})).unwrap()["services"],
        json!(["plex"])
    );
    // The token is neither in the environment nor in the arguments nor in a file.
    for place in ["environ", "cmdline"] {
        let text = std::fs::read(format!("/proc/{}/{place}", client.id())).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("VAULT_TOKEN="));
    }
    assert_eq!(
        client.call("vault_logout", json!({})).unwrap()["revoked"],
        true
    );
    assert!(
        client
            .call("vault_list", json!({}))
            .unwrap_err()
            .starts_with("login_required: ")
    );
    // No restart is needed: another login is enough. The end of input revokes the token.
    eventually("the second login", || {
        Some(client.call("vault_login", json!({})).unwrap())
            .filter(|reply| reply["state"] == "logged_in")
    });
    let accessors = |lab: &Lab| {
        lab.bao
            .request("LIST", "auth/token/accessors", "")
            .1
            .matches('"')
            .count()
    };
    let before = accessors(&login.lab);
    assert!(!client.seen.contains("hvs.") && !client.seen.contains("\"s."));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(accessors(&login.lab) < before);
}

/// Containment requirement 1: secrets move from plain files into Vault, and no value is shown.
#[test]
fn a_service_moves_from_plain_files_into_vault_without_showing_a_value() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    lab.home.file(
        "shop/.env",
        &format!("# shop\nDB_HOST=db.lan\nDB_PASSWORD='{CANARY} $x' # why\n#OLD_TOKEN={CANARY}\nDEBUG=true\n"),
    );
    lab.home.file(
        "shop/compose.yaml",
        &format!("services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: \"{CANARY} $$x\"\n      PORT: 5432\n    env_file: .env\n"),
    );
    let mut client = Client::start(&lab.home);
    let found = client
        .call("vault_scan_env", json!({"service": "shop"}))
        .unwrap();
    let names: Vec<&str> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["DB_HOST", "DB_PASSWORD", "DEBUG"]);
    let compose = client
        .call("vault_scan_compose", json!({"service": "shop"}))
        .unwrap();
    let db = &compose["services"][0];
    assert_eq!(
        (&db["name"], &db["entries"][1]["name"]),
        (&json!("db"), &json!("PORT"))
    );
    let secrets = json!({
        "DB_PASSWORD": handle(&found, "DB_PASSWORD"), "DB_HOST": handle(&found, "DB_HOST"), "PG": handle(db, "POSTGRES_PASSWORD")
    });
    let arguments = json!({"service": "shop", "secrets": secrets});
    assert_eq!(
        approved(&mut client, &lab, "vault_set", arguments).unwrap()["outcome"],
        "created"
    );
    let value = format!("{CANARY} $x");
    assert_eq!(
        lab.stored("shop"),
        json!({"DB_PASSWORD": value, "DB_HOST": "db.lan", "PG": value})
    );

    let example = client
        .call("vault_generate_example", json!({"service": "shop"}))
        .unwrap();
    assert_eq!(
        (&example["file"], &example["entries"]),
        (&json!("shop/.env.example"), &json!(3))
    );
    assert_eq!(
        lab.home.read("shop/.env.example"),
        "# shop\nDB_HOST=db.lan\nDB_PASSWORD='' # why\n#OLD_TOKEN=\nDEBUG=true\n"
    );
    let arguments = json!({"service": "shop", "format": "compose"});
    let example = approved(&mut client, &lab, "vault_generate_example", arguments).unwrap();
    assert_eq!(example["file"], "shop/docker-compose.example.yml");
    let text = lab.home.read("shop/docker-compose.example.yml");
    assert!(
        text.contains("${POSTGRES_PASSWORD}") && !text.contains("$$x"),
        "{text}"
    );
    // The existing file is the person's own, so replacing it needs approval.
    approved(
        &mut client,
        &lab,
        "vault_inject",
        json!({"service": "shop"}),
    )
    .unwrap();
    assert!(
        lab.home
            .read("shop/.env")
            .contains(&format!("DB_PASSWORD='{value}' # why\n"))
    );
    for (tool, path) in [
        ("vault_scan_env", "../x"),
        ("vault_scan_env", "/etc/passwd"),
        ("vault_scan_compose", "shop/.env"),
        ("vault_scan_env", "none"),
    ] {
        let reply = client
            .call(tool, json!({"service": "shop", "file_path": path}))
            .unwrap_err();
        assert!(
            !reply.contains(CANARY) && !reply.contains("root:"),
            "{reply}"
        );
    }
    assert!(!client.seen.contains(CANARY));
    let (status, stderr) = client.close();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(!lab.home.read(".claude-vault-audit.log").contains(CANARY));
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn a_short_token_is_renewed_while_it_is_used_and_no_longer_than_the_hour() {
    let mut login = crate::login::Login::new();
    let role = login.lab.bao.get("auth/oidc/role/homelab")["data"].clone();
    let mut role = role;
    role["token_ttl"] = json!("10s");
    login.lab.bao.put("auth/oidc/role/homelab", role);
    login.lab.home.set("VAULT_MAX_TOKEN_TTL", "24");
    let mut client = Client::start(&login.lab.home);
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "logged_in"
    );
    let started = std::time::Instant::now();
    let mut last = 0.0;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(500));
        match client.call("vault_list", json!({})) {
            Ok(_) => last = started.elapsed().as_secs_f64(),
            Err(reply) => {
                assert!(reply.starts_with("login_required: "), "{reply}");
                break;
            }
        }
    }
    assert!(
        (13.0..28.0).contains(&last),
        "it could be used for {last} s"
    );
    client.close();
}

#[test]
fn a_signal_also_revokes_the_token() {
    let login = crate::login::Login::new();
    let mut client = Client::start(&login.lab.home);
    let accessors = || {
        login
            .lab
            .bao
            .request("LIST", "auth/token/accessors", "")
            .1
            .matches('"')
            .count()
    };
    let before = accessors();
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "logged_in"
    );
    assert!(accessors() > before);
    crate::support::run(
        login
            .lab
            .home
            .command("kill")
            .args(["-TERM", &client.id().to_string()]),
        "",
    )
    .exits(0);
    eventually("the token to go", || (accessors() == before).then_some(()));
    client.close();
}
