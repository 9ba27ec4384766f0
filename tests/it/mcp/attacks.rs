//! The attacks that the security review of November 2026 carried out with only the tools of 2.0.0.
//! Each of them must fail now.

use serde_json::{Value, json};

use super::{Client, approved, come_back, handle};
use crate::support::{CANARY, Lab, files};

fn quick(mut lab: Lab) -> (Lab, Client) {
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let client = Client::start(&lab.home);
    (lab, client)
}

fn never_seen(client: Client) {
    assert!(!client.seen.contains(CANARY));
    let (status, stderr) = client.close();
    assert_eq!(status, Some(0));
    assert!(!stderr.contains(CANARY), "{stderr}");
}

/// C1: a template that is a compose file when it is read back.
#[test]
fn a_file_is_read_in_one_format_only_and_written_files_are_never_parsed() {
    let lab = Lab::with(
        "svc",
        json!({"A": CANARY, "ML": format!("x\n      - {CANARY}\n")}),
    );
    lab.home.file("svc/.env.example", "A=\n");
    let (lab, mut client) = quick(lab);
    let got = client.call("vault_get", json!({"service": "svc"})).unwrap();
    let handle = handle(&got, "ML");
    for template in [
        format!("services:\n  a:\n    env_file:\n      - start\n        A={handle}\n"),
        format!("{{services: {{a: {{env_file: '\nA={handle}\n'}}}}}}\n"),
        format!("secrets:\n  k:\n    file: {handle}\n"),
    ] {
        let reply = client
            .call(
                "vault_inject",
                json!({"service": "svc", "template": template, "format": "env"}),
            )
            .unwrap_err();
        assert!(reply.starts_with("invalid_arguments: "), "{reply}");
    }
    client
        .call("vault_inject", json!({"service": "svc"}))
        .unwrap();
    assert!(lab.home.read("svc/.env").contains(CANARY));
    for (tool, arguments) in [
        (
            "vault_scan_compose",
            json!({"service": "svc", "file_path": "svc/.env"}),
        ),
        (
            "vault_generate_example",
            json!({"service": "svc", "format": "compose", "file_path": "svc/.env"}),
        ),
        ("vault_generate_example", json!({"service": "svc"})),
        (
            "vault_set",
            json!({"service": "new", "from_file": "svc/.env", "dry_run": true}),
        ),
    ] {
        let reply = client.call(tool, arguments).unwrap_err();
        assert!(
            reply.starts_with("invalid_arguments: ") || reply.starts_with("not_allowed: "),
            "{tool}: {reply}"
        );
    }
    // The scan uses the record: the keys that were written, and whether the file changed since.
    let scan = |client: &mut Client| {
        client
            .call("vault_scan_env", json!({"service": "svc"}))
            .unwrap()
    };
    let ours = json!({"service": "svc", "file": "svc/.env", "written_by_claude_vault": true, "changed_since": false, "entries": [{"name": "A"}, {"name": "ML"}]});
    assert_eq!(scan(&mut client), ours);
    lab.home.file(
        "svc/.env",
        &format!("{}\nB={CANARY}\n", lab.home.read("svc/.env")),
    );
    assert_eq!(scan(&mut client)["changed_since"], true);
    assert_eq!(
        scan(&mut client)["entries"],
        json!([{"name": "A"}, {"name": "ML"}])
    );
    // Without the record (another home, a moved folder) the header identifies the file.
    std::fs::remove_dir_all(lab.home.path().join(".local/state/claude-vault/written")).unwrap();
    assert!(
        client
            .call("vault_scan_env", json!({"service": "svc"}))
            .unwrap_err()
            .starts_with("not_allowed: ")
    );
    never_seen(client);
}

/// H1: an example that is refused exactly if a guess in a comment equals the value.
#[test]
fn an_example_is_written_whether_or_not_a_guess_is_right() {
    let lab = Lab::new();
    for (name, guess) in [("right", "48151"), ("wrong", "62342")] {
        lab.home.file(
            &format!("{name}/.env"),
            &format!("# PIN of the alarm, guessed: {guess}\nALARM_PIN=48151\n"),
        );
    }
    let (lab, mut client) = quick(lab);
    let of = |client: &mut Client, service: &str| {
        client
            .call("vault_generate_example", json!({"service": service}))
            .unwrap()
    };
    for name in ["right", "wrong"] {
        assert_eq!(of(&mut client, name)["entries"], 1);
        assert!(
            lab.home
                .read(&format!("{name}/.env.example"))
                .ends_with("ALARM_PIN=\n")
        );
    }
    // For a person at the command line, the value is removed from the comment too.
    lab.cv(["example", "right/.env"]).exits(0);
    assert_eq!(
        lab.home.read("right/.env.example"),
        "# PIN of the alarm, guessed: …\nALARM_PIN=\n"
    );
    never_seen(client);
}

/// A subfolder of a service may belong to another service. A compose file that names it does not
/// make it this service's.
#[test]
fn a_file_in_a_subfolder_is_not_written_without_approval() {
    let lab = Lab::with("app", json!({"A": "1", "B": "2"}));
    lab.home.file(
        "app/compose.yaml",
        "services:\n  db:\n    image: x\n    env_file: db/.env\n",
    );
    lab.home.file("app/db/.env.example", "A=\n");
    let (lab, mut client) = quick(lab);
    let reply = client
        .call("vault_inject", json!({"service": "app"}))
        .unwrap_err();
    assert!(reply.starts_with("approval_pending: "), "{reply}");
    assert!(!lab.home.lab().join("app/db/.env").exists());
    client.close();
}

/// H2: text chosen by the model in files, overwritten programs, originals lost to backup rotation.
#[test]
fn the_persons_files_are_overwritten_only_with_approval_and_originals_are_kept() {
    let lab = Lab::with("svc", json!({"A": "1"}));
    let own = format!("# mine\nA={CANARY}\nMINE=yes\n");
    lab.home.file("svc/.env", &own);
    lab.home.file("svc/.env.example", "A=\n");
    lab.home.file("app/.env", "X=1\n");
    lab.home.file("app/.env.example", "# written by hand\n");
    lab.home.file("lib/template_engine.py", "print()\n");
    lab.home.file(
        ".claude-vault.toml",
        "[services.svc]\nfile = \".envrc\"\nformat = \"env\"\n",
    );
    let (lab, mut client) = quick(lab);
    // A path from the project file, a template, or an example with the person's own lines: each
    // needs approval.
    for (tool, arguments) in [
        ("vault_inject", json!({"service": "svc"})),
        (
            "vault_inject",
            json!({"service": "svc", "template": "LD_PRELOAD=/tmp/x.so\n"}),
        ),
        (
            "vault_inject",
            json!({"service": "svc", "file": "svc/.env"}),
        ),
        ("vault_generate_example", json!({"service": "app"})),
    ] {
        let reply = client.call(tool, arguments.clone()).unwrap_err();
        assert!(
            reply.starts_with("approval_pending: "),
            "{tool} {arguments}: {reply}"
        );
    }
    for (tool, arguments) in [
        (
            "vault_generate_example",
            json!({"service": "app", "output_path": "lib/template_engine.py"}),
        ),
        (
            "vault_inject",
            json!({"service": "svc", "file": "lib/template_engine.py"}),
        ),
        ("vault_inject", json!({"service": "svc", "file": ".bashrc"})),
        (
            "vault_inject",
            json!({"service": "svc", "template": "X=$(touch x)\n"}),
        ),
        (
            "vault_inject",
            json!({"service": "svc", "template": "x: !lambda y\n"}),
        ),
    ] {
        let reply = client.call(tool, arguments.clone()).unwrap_err();
        assert!(
            reply.starts_with("invalid_arguments: "),
            "{tool} {arguments}: {reply}"
        );
    }
    assert_eq!(lab.home.read("svc/.env"), own);
    assert!(!lab.home.lab().join(".envrc").exists());
    client.close();
    // The person approves once. The backup of their own file is then never rotated away.
    lab.home.file(".claude-vault.toml", "");
    let (lab, mut client) = quick(lab);
    let inject = json!({"service": "svc"});
    approved(&mut client, &lab, "vault_inject", inject.clone()).unwrap();
    for _ in 0..8 {
        client.call("vault_inject", inject.clone()).unwrap();
    }
    let backups: Vec<String> = files(&lab.home.lab().join("svc"))
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains(".backup."))
        .map(|(_, content)| String::from_utf8(content).unwrap())
        .collect();
    assert_eq!(backups.len(), 6, "{backups:?}");
    assert!(backups.contains(&own));
    // A file that was edited again counts as the person's own again.
    lab.home.file("svc/.env", "A=edited\n");
    let reply = client.call("vault_inject", inject.clone()).unwrap_err();
    assert!(reply.starts_with("approval_pending: "), "{reply}");
    // Only what was approved is written: the file changed while the person was deciding, so the
    // write fails.
    lab.home.file("svc/.env", "A=edited again\n");
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_eof().unwrap();
    let reply = come_back(&mut client, "vault_inject", inject, &reply).unwrap_err();
    assert!(reply.starts_with("conflict: "), "{reply}");
    assert_eq!(lab.home.read("svc/.env"), "A=edited again\n");
    client.close();
}

/// M1: the approval covers the bytes that were rendered before the question.
#[test]
fn a_template_that_is_replaced_while_the_person_looks_changes_nothing() {
    let lab = Lab::with("svc", json!({"A": "1"}));
    crate::approval::page::config(&lab, "ask_before = [\"inject\"]\n");
    lab.home
        .file("svc/.env.example", "# the reviewed one\nA=\n");
    let (lab, mut client) = quick(lab);
    let reply = client
        .call("vault_inject", json!({"service": "svc"}))
        .unwrap_err();
    lab.home
        .file("svc/.env.example", "LD_PRELOAD=/tmp/x.so\nA=\n");
    lab.store("svc", json!({"A": "2"}));
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_eof().unwrap();
    come_back(
        &mut client,
        "vault_inject",
        json!({"service": "svc"}),
        &reply,
    )
    .unwrap();
    let written = lab.home.read("svc/.env");
    assert!(written.ends_with("# the reviewed one\nA=1\n"), "{written}");
    client.close();
}

/// H3: secrets that look like names.
#[test]
fn names_that_may_be_part_of_a_secret_are_shown_as_numbers() {
    let lab = Lab::with(
        "svc",
        json!({"A": "1", "tls.crt": "x", "postgres://u:pw@db": "y"}),
    );
    let fernet = "gAAAAABmYk3QxV0c9J1mFh7ZqkW8nTzR2yUe";
    let wireguard = "yAnz5TF1lXXJte14tji3zlMNq1hd2rYUIgJBgB3fBmk";
    lab.home.file(
        "svc/.env",
        &format!("GOOD=1\n{fernet}=\n{wireguard}=\nLAST=\n"),
    );
    lab.home.file(
        "svc/compose.yaml",
        &format!("services:\n  a:\n    environment:\n      - postgres://u:{CANARY}@db/x?sslmode=disable\n      - Bearer {CANARY}=\n      - OK=1\n      - INHERITED\n"),
    );
    let (lab, mut client) = quick(lab);
    let found = client
        .call("vault_scan_env", json!({"service": "svc"}))
        .unwrap();
    let shape: Vec<(Value, Value)> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].clone(), one["entry"].clone()))
        .collect();
    let name = |name: &str| (json!(name), Value::Null);
    let number = |number: u64| (Value::Null, json!(number));
    assert_eq!(shape, [name("GOOD"), number(2), number(3), name("LAST")]);
    assert!(
        found["entries"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["handle"].is_string()),
        "{found}"
    );
    let found = client
        .call("vault_scan_compose", json!({"service": "svc"}))
        .unwrap();
    let names: Vec<&Value> = found["services"][0]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(
        names,
        [
            &Value::Null,
            &Value::Null,
            &json!("OK"),
            &json!("INHERITED")
        ]
    );
    let reply = client
        .call(
            "vault_set",
            json!({"service": "new", "from_file": "svc/.env", "dry_run": true}),
        )
        .unwrap_err();
    assert!(reply.starts_with("not_allowed: "), "{reply}");
    // In Vault, a key that this program would not write is also shown as a number, and can be
    // addressed by it.
    let got = client.call("vault_get", json!({"service": "svc"})).unwrap();
    assert_eq!(
        (&got["keys"][0]["name"], &got["keys"][1]["name"]),
        (&json!("A"), &json!("tls.crt"))
    );
    assert_eq!(got["keys"][2]["entry"], 3);
    let one = client
        .call(
            "vault_get",
            json!({"service": "svc", "version": 1, "entry": 3}),
        )
        .unwrap();
    assert_eq!(one["keys"], json!([got["keys"][2]]));
    for secret in [fernet, wireguard, "postgres://u:pw"] {
        assert!(!client.seen.contains(secret), "{secret}");
        assert!(
            !lab.home.read(".claude-vault-audit.log").contains(secret),
            "{secret}"
        );
    }
    never_seen(client);
}

/// M5: a value of one service that goes into another service's file is named to the person and in
/// the log.
#[test]
fn a_handle_of_another_service_is_named_in_the_plan_and_in_the_log() {
    let lab = Lab::with("other", json!({"ROOT_PASSWORD": CANARY}));
    lab.store("svc", json!({"A": "1"}));
    lab.home.file("svc/.env.example", "A=\n");
    let (lab, mut client) = quick(lab);
    let got = client
        .call("vault_get", json!({"service": "other"}))
        .unwrap();
    let template = format!("A={}\n", handle(&got, "ROOT_PASSWORD"));
    let arguments = json!({"service": "svc", "template": template});
    let reply = client.call("vault_inject", arguments.clone()).unwrap_err();
    let plan = crate::approval::pending(&lab.home).remove(0);
    assert!(
        plan["warnings"]
            .to_string()
            .contains("ROOT_PASSWORD of other"),
        "{plan}"
    );
    let text = plan["files"][0]["masked_text"].as_str().unwrap();
    assert!(
        text.contains("A=••••••••") && !plan.to_string().contains(CANARY),
        "{plan}"
    );
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_eof().unwrap();
    come_back(&mut client, "vault_inject", arguments, &reply).unwrap();
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("ROOT_PASSWORD of other")
    );
    never_seen(client);
}

/// M6: kinds, lines and reasons are shown only to the person. For a value that cannot be taken, the
/// page shows the reason and the model gets a plain refusal.
#[test]
fn only_the_person_learns_that_a_value_cannot_be_taken() {
    let lab = Lab::new();
    lab.home.file("svc/.env", "A=plain\nB=${ELSEWHERE}\nC=\n");
    lab.home.file("svc/compose.yaml", "services: {}\n");
    let (lab, mut client) = quick(lab);
    let found = client
        .call("vault_scan_env", json!({"service": "svc"}))
        .unwrap();
    for entry in found["entries"].as_array().unwrap() {
        let fields: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["handle", "name"]);
    }
    let dry = |client: &mut Client, name: &str| {
        client
            .call(
                "vault_set",
                json!({"service": "svc", "secrets": {"X": handle(&found, name)}, "dry_run": true}),
            )
            .unwrap()
    };
    assert_eq!(dry(&mut client, "A"), dry(&mut client, "B"));
    let arguments = json!({"service": "svc", "secrets": {"X": handle(&found, "B")}});
    let reply = client.call("vault_set", arguments.clone()).unwrap_err();
    let plan = crate::approval::pending(&lab.home).remove(0);
    assert!(
        plan["obstacle"]
            .as_str()
            .unwrap()
            .contains("cannot be taken"),
        "{plan}"
    );
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("cannot be taken").unwrap();
    person.send_line("").unwrap();
    person.exp_eof().unwrap();
    assert!(
        come_back(&mut client, "vault_set", arguments, &reply)
            .unwrap_err()
            .starts_with("approval_denied: ")
    );
    client.close();
}

/// A call that asks no question may reveal one thing: that the file could not be written. Only the
/// person sees the reason and the key.
#[test]
fn only_the_person_learns_why_a_file_cannot_be_written() {
    let lab = Lab::with("svc", json!({"UNWRITABLE": "a\u{0}b"}));
    lab.home.file("svc/.env.example", "UNWRITABLE=\n");
    let (lab, mut client) = quick(lab);
    let reply = client
        .call("vault_inject", json!({"service": "svc"}))
        .unwrap_err();
    assert!(
        reply.starts_with("not_allowed: it could not be done; the user was told why. Next: "),
        "{reply}"
    );
    assert!(!reply.contains("UNWRITABLE"), "{reply}");
    assert!(
        !lab.home
            .read(".claude-vault-audit.log")
            .contains("UNWRITABLE")
    );
    // Reading the list with --json keeps the reason for the person, who sees it once. An agent does
    // not see it.
    lab.cv(["approve", "pending", "--json"]).exits(0);
    let mut agent = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let refused = crate::support::run(
        agent.args(["approve", "pending"]).env("CLAUDECODE", "1"),
        "",
    )
    .exits(8);
    assert!(!refused.all().contains("UNWRITABLE"), "{}", refused.all());
    lab.cv(["approve", "pending"])
        .exits(0)
        .says("UNWRITABLE cannot be written");
    assert!(
        !lab.cv(["approve", "pending"])
            .exits(0)
            .all()
            .contains("UNWRITABLE")
    );
    client.close();
}

/// L8 and L10 of the review: the number of handles is limited, and every request gets an answer.
#[test]
fn every_request_with_an_id_gets_an_answer() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let (_lab, mut client) = quick(lab);
    for (line, code) in [
        (r#"{"jsonrpc":"2.0","id":901,"method":"tools/call","params":"x"}"#.to_owned(), -32602),
        (r#"{"jsonrpc":"2.0","id":902,"method":"tools/call","params":{"name":"vault_get","arguments":[1]}}"#.to_owned(), -32602),
        (r#"{"jsonrpc":"2.0","id":903,"method":"tools/call","params":{"#.to_owned(), -32700),
        (r#"{"jsonrpc":"2.0","id":904,"method":7}"#.to_owned(), -32602),
        (
            format!(
                r#"{{"jsonrpc":"2.0","id":905,"method":"tools/call","params":{{"name":"vault_set","arguments":{{"service":"plex","secrets":{{"A":"{}"}}}}}}}}"#,
                "x".repeat(20 * 1024 * 1024)
            ),
            -32600,
        ),
        (r#"[{"jsonrpc":"2.0","id":906,"method":"ping"}]"#.to_owned(), -32600),
    ] {
        client.send_line(&line);
        let id = line.split("\"id\":").nth(1).unwrap()[..3].parse::<u64>().unwrap();
        let answer = client.answer(id);
        assert!(answer["error"].is_object() || answer["result"]["isError"] == true, "{answer}");
        if answer["error"].is_object() {
            assert_eq!(answer["error"]["code"], code, "{answer}");
        }
    }
    // Each request gets exactly one answer, even while other answers are being written.
    let mut open = std::collections::BTreeMap::new();
    for number in 0..1000 {
        let id = 10_000 + number;
        client.send_line(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"vault_list","arguments":[]}}}}"#
        ));
        open.insert(id, 0);
        open.insert(
            client.ask(
                "tools/call",
                json!({"name": "vault_status", "arguments": {}}),
            ),
            0,
        );
    }
    for _ in 0..open.len() {
        let id = client.next_message()["id"].as_u64().unwrap();
        *open.get_mut(&id).unwrap() += 1;
    }
    assert!(open.values().all(|answers| *answers == 1), "{open:?}");
    // `null` is the same as leaving an argument out.
    let with_null = client
        .call(
            "vault_get",
            json!({"service": "plex", "key": null, "version": null}),
        )
        .unwrap();
    assert_eq!(
        with_null,
        client
            .call("vault_get", json!({"service": "plex"}))
            .unwrap()
    );
    assert!(
        client
            .call("vault_get", json!({"service": null}))
            .unwrap_err()
            .contains("service is missing")
    );
    client.close();
}

/// If the file's own reader and this program disagree about where a value ends, part of a secret
/// could be taken for a comment or another entry. Neither the example nor a scan of it may show
/// such a part.
#[test]
fn an_example_holds_no_part_of_a_value_whose_end_is_ambiguous() {
    let cases = [
        ("x.service", "PASSWORD=correct #horse\n"),
        ("go.mod", "PASSWORD=correct #horse-battery # c\n"),
        ("x.service", "PASSWORD=abc\\\nhorse=two\nB=1\n"),
        ("compose.yaml", "NOTE=\"first\nhorse=two\nlast\" x\nB=1\n"),
        ("README", "NOTE=\"first\nhorse=two\nlast\" x\nB=1\n"),
        (
            "README",
            "export NOTE=\"first\nhorse=/srv/secret-path\nlast\"'q' B=1\n",
        ),
        ("Cargo.toml", "X=a b\nNOTE=\"\nhorse=two\nx\"\\ #\nB=1\n"),
    ];
    let (lab, mut client) = quick(Lab::new());
    for (number, (beside, env)) in cases.into_iter().enumerate() {
        let service = format!("s{number}");
        lab.home.file(&format!("{service}/{beside}"), "");
        lab.home.file(&format!("{service}/.env"), env);
        let _ = client.call("vault_generate_example", json!({"service": service}));
        let _ = client.call("vault_scan_env", json!({"service": service}));
        let example = lab.home.lab().join(&service).join(".env.example");
        let text = std::fs::read_to_string(&example).unwrap_or_default();
        assert!(!text.contains("horse"), "{beside}: {text}");
        let scanned = client.call(
            "vault_scan_env",
            json!({"service": service, "file_path": format!("{service}/.env.example")}),
        );
        assert!(!format!("{scanned:?}").contains("horse"), "{scanned:?}");
    }
    assert!(!client.seen.contains("horse"), "{}", client.seen);
    // An unambiguous file still gets its example, and a scan of the example uses the record.
    lab.home.file(
        "plain/.env",
        "# about\nHOST=db.lan\nPASSWORD='x y' # why\nURL=${HOST}\n",
    );
    assert_eq!(
        client
            .call("vault_generate_example", json!({"service": "plain"}))
            .unwrap()["entries"],
        3
    );
    let path = json!({"service": "plain", "file_path": "plain/.env.example"});
    let scanned = client.call("vault_scan_env", path).unwrap();
    assert_eq!(
        scanned["entries"],
        json!([{"name": "HOST"}, {"name": "PASSWORD"}, {"name": "URL"}])
    );
    client.close();
}

/// A template whose entries the reader finds elsewhere than this program could make the outcome
/// depend on a guess in it. So the person is asked, whatever the value is.
#[test]
fn a_template_of_a_repository_does_not_confirm_guesses() {
    let (lab, mut client) = quick(Lab::with("eq", json!({"A": "rightguess"})));
    lab.home.file(
        ".claude-vault.toml",
        "[services.eq]\ndialect = \"compose\"\n",
    );
    for guess in ["rightguess", "wrongguess"] {
        lab.home.file(
            "eq/.env.example",
            &format!("A: {guess}\nZ.x=\"\nA=\n\" t\n"),
        );
        let reply = client
            .call("vault_inject", json!({"service": "eq"}))
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{guess}: {reply}");
    }
    client.close();
}

/// If the size of a value exceeds a limit, only the person sees the reason. The limit is checked
/// here, before Vault's own limit could refuse the request.
#[test]
fn no_limit_reveals_the_length_of_a_value() {
    let lab = Lab::with(
        "in",
        json!({"SHORT": "x".repeat(3000), "LONG": "x".repeat(8000)}),
    );
    let (lab, mut client) = quick(lab);
    let got = client.call("vault_get", json!({"service": "in"})).unwrap();
    for name in ["SHORT", "LONG"] {
        let secrets: serde_json::Map<String, Value> = (0..140)
            .map(|n| (format!("K{n}"), json!(handle(&got, name))))
            .collect();
        let reply = client
            .call("vault_set", json!({"service": "out", "secrets": secrets}))
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{name}: {reply}");
    }
    let plans = crate::approval::pending(&lab.home);
    assert!(
        plans.iter().any(|plan| plan["obstacle"]
            .as_str()
            .is_some_and(|why| why.contains("512 KiB"))),
        "{plans:?}"
    );
    let many: serde_json::Map<String, Value> =
        (0..201).map(|n| (format!("K{n}"), json!("x"))).collect();
    assert!(
        client
            .call("vault_set", json!({"service": "out", "secrets": many}))
            .unwrap_err()
            .contains("at most 200 keys")
    );
    let lines = "A=1\n".repeat(501);
    assert!(
        client
            .call("vault_inject", json!({"service": "in", "template": lines}))
            .unwrap_err()
            .contains("500 lines")
    );
    // A person's own file that is not valid text needs approval like any other.
    lab.home.file("in/.env.example", "SHORT=\nLONG=\n");
    for own in [&b"MINE=caf\xc3\xa9\n"[..], b"MINE=caf\xe9\n"] {
        std::fs::write(lab.home.lab().join("in/.env"), own).unwrap();
        let reply = client
            .call("vault_inject", json!({"service": "in"}))
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
    }
    client.close();
}

/// In a sorted list, the position of a hidden name would reveal how it compares with names that the
/// model chooses.
#[test]
fn hidden_names_come_last_in_an_order_of_their_own() {
    let lab = Lab::with(
        "svc",
        json!({"aaa": "1", "hunter2 pass": "2", "m": "3", "zzz": "4"}),
    );
    let (_lab, mut client) = quick(lab);
    let listed = client
        .call("vault_list", json!({"service": "svc"}))
        .unwrap();
    let wanted = json!([{"name": "aaa"}, {"name": "m"}, {"name": "zzz"}, {"entry": 4}]);
    assert_eq!(listed["keys"], wanted);
    let got = client.call("vault_get", json!({"service": "svc"})).unwrap();
    assert_eq!(got["keys"][3]["entry"], 4);
    client.close();
}

/// A byte order mark before our header must not make our file look like another program's.
#[test]
fn a_written_file_without_its_record_is_recognised_by_its_header() {
    let lab = Lab::with("svc", json!({"A": CANARY}));
    lab.home.file("svc/.env.example", "\u{feff}A=\n");
    let (lab, mut client) = quick(lab);
    client
        .call("vault_inject", json!({"service": "svc"}))
        .unwrap();
    std::fs::rename(lab.home.lab().join("svc"), lab.home.lab().join("moved")).unwrap();
    for (tool, arguments) in [
        ("vault_scan_env", json!({"service": "moved"})),
        (
            "vault_set",
            json!({"service": "moved", "from_file": "moved/.env", "dry_run": true}),
        ),
        ("vault_generate_example", json!({"service": "moved"})),
    ] {
        let reply = client.call(tool, arguments).unwrap_err();
        assert!(reply.starts_with("not_allowed: "), "{tool}: {reply}");
    }
    never_seen(client);
}
