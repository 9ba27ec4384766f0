//! set: merging, confirmation and check-and-set.

use serde_json::json;

use crate::support::{CANARY, Lab, run};

#[test]
fn set_merges_and_shows_what_changes() {
    let lab = Lab::with(
        "plex",
        json!({"KEEP": "1", "CHANGE": "old", "SAME": "x", "NUMBER": 7}),
    );
    let done = lab
        .cv([
            "set",
            "plex",
            "CHANGE=new",
            "SAME=x",
            "ADD=a=b",
            "--no-confirm",
            "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(
        (&done["outcome"], &done["version"]),
        (&json!("updated"), &json!(2))
    );
    assert_eq!(
        (&done["added"], &done["changed"], &done["unchanged"]),
        (&json!(["ADD"]), &json!(["CHANGE"]), &json!(["SAME"]))
    );
    assert_eq!(
        lab.stored("plex"),
        json!({"KEEP": "1", "CHANGE": "new", "SAME": "x", "ADD": "a=b", "NUMBER": 7})
    );
}

#[test]
fn set_creates_a_service_and_repeating_it_changes_nothing() {
    let lab = Lab::new();
    lab.cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(0)
        .says("created secret/proxmox-services/plex (version 1)");
    lab.cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(0)
        .says("nothing to change");
    lab.cv(["put", "plex", "A=2", "--no-confirm"])
        .exits(0)
        .says("(version 2)");
}

#[test]
fn a_dry_run_shows_the_plan_masked_and_writes_nothing() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let dry = lab
        .cv(["set", "plex", &format!("A={CANARY}"), "B=2", "--dry-run"])
        .exits(0)
        .says("~ A")
        .says("+ B")
        .says("nothing was written");
    assert!(!dry.all().contains(CANARY));
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    // Values are shown only on a terminal (see terminal.rs), never in a file.
    let arguments = [
        env!("CARGO_BIN_EXE_claude-vault"),
        "set",
        "plex",
        &format!("A={CANARY}"),
        "--dry-run",
        "--reveal",
    ];
    let refused = run(lab.home.command("setsid").arg("-w").args(arguments), "").exits(8);
    assert!(!refused.all().contains(CANARY));
}

#[test]
fn without_a_terminal_nothing_is_approved_not_even_by_stdin() {
    let lab = Lab::new();
    let run = run(
        lab.home
            .command("setsid")
            .arg("-w")
            .arg(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["set", "plex", "A=1"]),
        "yes\nyes\n",
    );
    run.exits(8).says("no terminal to ask on");
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn values_can_come_from_files_stdin_and_lists() {
    let lab = Lab::new();
    let exact = "line\nlast without\r\n\n";
    let file = lab.home.file("value", exact);
    lab.home.file(
        "more.env",
        "# c\nexport X='a b' # c\nY=\"two\nlines\"\nZ=\n",
    );
    lab.home
        .file("more.yaml", "p: \"\\u00e9\"\nq: yes\nr: |\n  block\n");
    let arguments = [
        "set",
        "plex",
        &format!("F=@{}", file.display()),
        "S=-",
        "E=\\@home",
        "--from",
        "more.env",
        "--from",
        "more.yaml",
        "--no-confirm",
    ];
    lab.home.cv_with(&arguments, "from stdin\n").exits(0);
    let expected = json!({"F": exact, "S": "from stdin", "E": "@home", "X": "a b", "Y": "two\nlines", "Z": "", "p": "é", "q": true, "r": "block\n"});
    assert_eq!(lab.stored("plex"), expected);
}

#[test]
fn generated_values_need_no_quotes_in_any_reader() {
    let lab = Lab::new();
    lab.cv([
        "set",
        "plex",
        "--generate",
        "A",
        "--generate",
        "B:64",
        "--no-confirm",
    ])
    .exits(0);
    let stored = lab.stored("plex");
    let (a, b) = (stored["A"].as_str().unwrap(), stored["B"].as_str().unwrap());
    assert!(a.len() == 32 && b.len() == 64 && a != &b[..32]);
    assert!(
        b.bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
    );
    lab.cv(["set", "plex", "--generate", "A:3", "--no-confirm"])
        .exits(2);
    lab.home
        .cv_with(&["set", "plex", "A=-", "B=-", "--no-confirm"], "x")
        .exits(2)
        .says("standard input can be used only once");
    lab.home.file("odd.env", "A=1\nFOO BAR\n"); // docker compose accepts `FOO: bar` in such a file
    lab.cv(["set", "plex", "--from", "odd.env", "--no-confirm"])
        .exits(2)
        .says("line 2");
}

#[test]
fn an_invalid_value_is_refused_without_being_repeated() {
    let lab = Lab::new();
    let long = format!("A={}{CANARY}", "x".repeat(64 * 1024));
    let latin = lab.home.lab().join("latin1");
    std::fs::write(&latin, b"\xff\xfe").unwrap();
    let latin = format!("A=@{}", latin.display());
    for arguments in [
        &["A=1", "A=2"][..],
        &[long.as_str()],
        &[latin.as_str()],
        &[&format!("{CANARY}!=1")],
        &[&format!("A=@{CANARY}")],
        &[],
    ] {
        let refused = lab.cv(["set", "plex", "--no-confirm"]
            .iter()
            .copied()
            .chain(arguments.iter().copied()));
        assert!(
            matches!(refused.status, 1 | 2),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(
            !refused.all().contains(CANARY) && refused.stderr.contains("hint:"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn suspicious_patterns_cause_a_warning_and_no_refusal() {
    let lab = Lab::new();
    lab.cv(["set", "plex", "A=$(id); x && y", "--no-confirm"])
        .exits(0)
        .says("the value of A contains $(…), &&, ;");
    assert_eq!(lab.stored("plex"), json!({"A": "$(id); x && y"}));
}

#[test]
fn an_empty_value_causes_a_warning_and_is_never_written_silently() {
    let lab = Lab::new();
    lab.cv(["set", "plex", "A=", "--no-confirm"])
        .exits(0)
        .says("the value of A is empty")
        .says("(empty)");
    assert_eq!(lab.stored("plex"), json!({"A": ""}));
    // No warning for a value that was empty before.
    assert!(
        !lab.cv(["set", "plex", "A=", "B=1", "--no-confirm"])
            .exits(0)
            .all()
            .contains("is empty")
    );
    let file = lab.home.file("nothing", "");
    for empty in ["C=-", &format!("C=@{}", file.display())] {
        lab.cv(["set", "plex", empty, "--no-confirm"])
            .exits(2)
            .says("the source of C is empty")
            .says("SERVICE C=");
        lab.cv(["set", "plex", empty, "--dry-run"])
            .exits(0)
            .says("the value of C is empty");
    }
    assert_eq!(lab.stored("plex"), json!({"A": "", "B": "1"}));
}

#[test]
fn under_an_ai_agent_nothing_is_written_by_an_option() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDECODE", "1");
    for arguments in [
        &["set", "plex", "A=1", "--no-confirm"][..],
        &["set", "plex", "A=1", "--reveal", "--dry-run"],
    ] {
        lab.cv(arguments).exits(8).says("under an AI agent");
    }
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "1");
    lab.cv(["set", "plex", "A=1"])
        .exits(8)
        .says("waiting for the user to approve it");
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("ABORTED SERVICE=plex DETAILS=keys: A; approval_expired")
    );
    lab.cv(["set", "plex", "A=1", "--dry-run"]).exits(0);
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn after_a_soft_delete_the_next_version_follows() {
    let lab = Lab::with("plex", json!({"OLD": "1"}));
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/plex", "");
    lab.cv(["set", "plex", "NEW=1", "--no-confirm"])
        .exits(0)
        .says("(version 2)");
    assert_eq!(lab.stored("plex"), json!({"NEW": "1"}));
}

#[test]
fn a_mount_that_requires_check_and_set_is_written() {
    let lab = Lab::new();
    lab.bao.put("secret/config", json!({"cas_required": true}));
    lab.cv(["set", "plex", "A=1", "--no-confirm"]).exits(0);
    lab.cv(["set", "plex", "B=1", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("plex"), json!({"A": "1", "B": "1"}));
}

#[test]
fn a_policy_that_forbids_writing_is_reported() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.bao.put(
        "sys/policies/acl/reader",
        json!({"policy": "path \"secret/data/proxmox-services/*\" { capabilities = [\"read\"] }"}),
    );
    lab.home.set("VAULT_TOKEN", lab.bao.token(&["reader"]));
    lab.cv(["set", "plex", "A=2", "--no-confirm"])
        .exits(4)
        .says("forbids write on secret/data/proxmox-services/plex");
}

#[test]
fn with_an_unwritable_audit_log_nothing_is_written() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("CLAUDE_VAULT_AUDIT_LOG", "/dev/full");
    lab.cv(["set", "plex", "A=2", "--no-confirm"])
        .exits(1)
        .says("the audit log /dev/full cannot be written");
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    lab.cv(["get", "plex", "A"])
        .exits(0)
        .says("cannot be written");
}

#[test]
fn two_people_setting_different_keys_200_times_lose_none() {
    let lab = Lab::new();
    std::thread::scope(|scope| {
        for person in ["A", "B"] {
            let lab = &lab;
            scope.spawn(move || {
                for number in 0..200 {
                    lab.cv([
                        "set",
                        "plex",
                        &format!("{person}{number}={number}"),
                        "--no-confirm",
                    ])
                    .exits(0);
                }
            });
        }
    });
    let stored = lab.stored("plex");
    for person in ["A", "B"] {
        for number in 0..200 {
            assert_eq!(stored[format!("{person}{number}")], number.to_string());
        }
    }
    assert_eq!(stored.as_object().unwrap().len(), 400);
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn a_service_removed_or_recreated_in_the_meantime_is_a_conflict_with_a_new_plan() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": crate::support::POLICY }),
    );
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for number in 0..2 {
            let lab = &lab;
            scope.spawn(move || {
                for round in 0..20 {
                    match number {
                        0 => drop(
                            lab.cv(["set", "plex", &format!("B={round}"), "--no-confirm"])
                                .exits(0),
                        ),
                        _ => drop(lab.bao.request(
                            "DELETE",
                            "secret/metadata/proxmox-services/plex",
                            "",
                        )),
                    }
                }
            });
        }
    });
    assert!(started.elapsed().as_secs() < 25, "{:?}", started.elapsed());
}

#[test]
fn json_keeps_its_type_in_every_output() {
    let lab = Lab::new();
    let arguments = [
        "N:=42",
        "F:=1.50",
        "B:=true",
        "Z:=null",
        "L:=[1,\"<&>\"]",
        "O:={\"b\":1,\"a\":{\"x\":null}}",
        "T:=\"text\"",
        "U=42",
        "--no-confirm",
    ];
    lab.cv(["set", "plex"].iter().chain(&arguments)).exits(0);
    let expected = json!({"N": 42, "F": 1.5, "B": true, "Z": null, "L": [1, "<&>"], "O": {"a": {"x": null}, "b": 1}, "T": "text", "U": "42"});
    assert_eq!(lab.stored("plex"), expected);
    assert_eq!(
        lab.cv(["get", "plex", "--json"]).exits(0).json()["values"],
        expected
    );
    assert_eq!(
        lab.cv(["get", "plex", "O"]).exits(0).stdout,
        "{\"a\":{\"x\":null},\"b\":1}\n"
    );
    assert_eq!(
        lab.cv(["get", "plex", "L"]).exits(0).stdout,
        "[1,\"<&>\"]\n"
    );
    // Setting the same values again changes nothing, even if Vault returns another spelling.
    lab.cv(["set", "plex"].iter().chain(&arguments))
        .exits(0)
        .says("nothing to change");
    lab.cv([
        "set",
        "plex",
        "O:={ \"a\": {\"x\":null}, \"b\":1e0 }",
        "--no-confirm",
    ])
    .exits(0)
    .says("nothing to change");
    // In .env they are written as JSON text; in YAML they keep their types.
    lab.home.file("plex/.env.example", "N=\n");
    lab.cv(["inject", "plex"]).exits(0);
    let env = lab.home.read("plex/.env");
    assert!(
        env.contains("N=42") && env.contains("O='{\"a\":{\"x\":null},\"b\":1}'"),
        "{env}"
    );
    lab.cv(["inject", "plex", "--file", "plex/secrets.yaml"])
        .exits(0);
    let read = crate::readers::YAML[0]
        .read(&[lab.home.lab().join("plex/secrets.yaml")])
        .remove(0);
    assert_eq!(serde_json::to_value(read.found).unwrap(), expected);
}

#[test]
fn text_over_a_number_or_boolean_keeps_the_type_only_if_it_is_one() {
    let before = json!({"N": 7, "B": true, "L": [1], "T": "7"});
    let cases: [(&[&str], serde_json::Value, &[&str]); 8] = [
        (
            &["N=8", "B=false"],
            json!({"N": 8, "B": false, "L": [1], "T": "7"}),
            &[],
        ),
        (
            &["N=8.50"],
            json!({"N": 8.5, "B": true, "L": [1], "T": "7"}),
            &[],
        ),
        (
            &["N=eight"],
            json!({"N": "eight", "B": true, "L": [1], "T": "7"}),
            &["N: number → text"],
        ),
        (
            &["N=08", "B=yes"],
            json!({"N": "08", "B": "yes", "L": [1], "T": "7"}),
            &["N: number → text", "B: boolean → text"],
        ),
        (
            &["B=1"],
            json!({"N": 7, "B": "1", "L": [1], "T": "7"}),
            &["B: boolean → text"],
        ),
        (
            &["N=8", "--text"],
            json!({"N": "8", "B": true, "L": [1], "T": "7"}),
            &["N: number → text"],
        ),
        (
            &["L=x", "T=8"],
            json!({"N": 7, "B": true, "L": "x", "T": "8"}),
            &["L: list → text"],
        ),
        (
            &["T:=8", "N:=\"x\""],
            json!({"N": "x", "B": true, "L": [1], "T": 8}),
            &["T: text → number", "N: number → text"],
        ),
    ];
    for (arguments, expected, said) in cases {
        let lab = Lab::with("plex", before.clone());
        let done = lab
            .cv(["set", "plex", "--no-confirm"].iter().chain(arguments))
            .exits(0);
        assert_eq!(lab.stored("plex"), expected, "{arguments:?}");
        assert_eq!(
            done.stderr.matches(" → ").count(),
            said.len(),
            "{arguments:?}: {}",
            done.stderr
        );
        said.iter()
            .for_each(|said| assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr));
    }
    // A .env file has no types of its own, so its values keep the types in Vault.
    let lab = Lab::with("plex", before);
    lab.home.file("plex.env", "N=9\nB=true\n");
    lab.cv(["set", "plex", "--from", "plex.env", "--no-confirm"])
        .exits(0);
    assert_eq!(
        lab.stored("plex"),
        json!({"N": 9, "B": true, "L": [1], "T": "7"})
    );
    lab.home
        .cv_with(&["set", "plex", "N=-", "--no-confirm"], "10\n")
        .exits(0);
    assert_eq!(lab.stored("plex")["N"], 10);
}

#[test]
fn values_that_vault_would_alter_are_refused_by_key_and_never_repeated() {
    let lab = Lab::new();
    for bad in [
        "12345678901234567890",
        "1e400",
        "0.10000000000000000555",
        "[1,1e999]",
        "{\"a\":1,\"a\":2}",
        "\"\\ud83d\"",
        "{",
        "tru",
        "",
    ] {
        let refused = lab
            .cv(["set", "plex", &format!("KEY:={bad}"), "--no-confirm"])
            .exits(2)
            .says("the value of KEY");
        assert!(
            bad.len() < 8 || !refused.all().contains(bad),
            "{}",
            refused.stderr
        );
    }
    let refused = lab
        .cv(["set", "plex", &format!("KEY:={CANARY}"), "--no-confirm"])
        .exits(2);
    assert!(!refused.all().contains(CANARY));
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn a_value_of_64_kib_is_written_and_larger_values_of_other_tools_are_read() {
    let lab = Lab::new();
    let largest = "é".repeat(32 * 1024);
    let file = lab.home.file("large", &largest);
    lab.cv([
        "set",
        "plex",
        &format!("LARGE=@{}", file.display()),
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(lab.stored("plex")["LARGE"], *largest);
    lab.home.file("large", &format!("{largest}x"));
    lab.cv([
        "set",
        "plex",
        &format!("LARGE=@{}", file.display()),
        "--no-confirm",
    ])
    .exits(2)
    .says("64 KiB");
    lab.home.file("large.env", &format!("LARGE={largest}x\n"));
    lab.cv(["set", "plex", "--from", "large.env", "--no-confirm"])
        .exits(2)
        .says("64 KiB");
    let larger = "x".repeat(300 * 1024);
    lab.store("other", json!({ "K": larger }));
    assert_eq!(lab.cv(["get", "other", "K", "-n"]).exits(0).stdout, larger);
    lab.cv(["set", "other", "B=1", "--no-confirm"]).exits(0);
    assert_eq!(lab.stored("other"), json!({"K": larger, "B": "1"}));
}

#[test]
fn keys_with_dots_are_written_and_keys_of_any_name_are_read() {
    let lab = Lab::with("plex", json!({"tls.crt": "c", "a b/ü": "odd", "": "empty"}));
    assert_eq!(lab.cv(["get", "plex", "tls.crt"]).exits(0).stdout, "c\n");
    assert_eq!(lab.cv(["get", "plex", "a b/ü"]).exits(0).stdout, "odd\n");
    lab.cv(["set", "plex", "tls.key=k", ".hidden=h", "--no-confirm"])
        .exits(0);
    assert_eq!(
        lab.stored("plex"),
        json!({"tls.crt": "c", "a b/ü": "odd", "": "empty", "tls.key": "k", ".hidden": "h"})
    );
    let absent = lab.cv(["get", "plex", &format!("{CANARY}!")]).exits(5);
    assert!(
        !absent.all().contains(CANARY)
            && !lab.home.read(".claude-vault-audit.log").contains(CANARY)
    );
    assert_eq!(
        lab.cv(["get", "plex", "tls.key", ".hidden", "--json"])
            .exits(0)
            .json()["values"],
        json!({"tls.key": "k", ".hidden": "h"})
    );
}
