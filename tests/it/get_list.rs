//! status, list, get.

use serde_json::json;

use crate::support::{Home, Lab, run};

#[test]
fn status_shows_the_user_the_remaining_time_and_the_visible_services() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let status = lab.cv(["status", "--json"]).exits(0).json();
    assert_eq!(status["user"], "token-tester");
    assert_eq!(status["services"], 1);
    assert_eq!(status["read_access"], true);
    assert_eq!(status["policies"], json!(["default", "homelab-services"]));
    assert!(status["seconds_left"].as_u64().unwrap() > 28_000);
    let text = lab.cv(["status"]).exits(0).stdout;
    assert!(
        text.contains("1 in secret/proxmox-services") && text.contains("typed at the terminal"),
        "{text}"
    );
}

#[test]
fn status_warns_when_the_session_ends_soon_and_exits_with_3_once_it_has_ended() {
    let mut lab = Lab::new();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    lab.home.set("VAULT_TOKEN_EXPIRY", (now + 120).to_string());
    lab.cv(["status"]).exits(0).says("the session ends in");
    lab.home.set("VAULT_TOKEN_EXPIRY", (now - 1).to_string());
    lab.cv(["status"])
        .exits(3)
        .says("hint: source claude-vault login");
    lab.cv(["list"]).exits(3);
}

#[test]
fn status_without_a_policy_to_list_says_so() {
    let mut lab = Lab::new();
    let token = lab.bao.token(&["default"]);
    lab.home.set("VAULT_TOKEN", token);
    let status = lab.cv(["status", "--json"]).exits(0).json();
    assert_eq!(
        (&status["read_access"], &status["services"]),
        (&json!(false), &json!(null))
    );
}

#[test]
fn list_prints_the_services_or_the_keys_of_one() {
    let lab = Lab::with("plex", json!({"B": "2", "A": "1"}));
    lab.store("sonarr", json!({"X": "1"}));
    lab.store("folder/inside", json!({"X": "1"}));
    lab.store("odd.name", json!({"X": "1"}));
    let services = lab.cv(["list"]).exits(0).says("1 more entry");
    assert_eq!(services.stdout, "folder/inside\nplex\nsonarr\n");
    assert_eq!(lab.cv(["ls"]).exits(0).stdout, services.stdout);
    assert_eq!(
        lab.cv(["list", "plex"])
            .exits(0)
            .says("plex: version 1, created 20")
            .stdout,
        "A\nB\n"
    );
    let keys = lab.cv(["list", "plex", "--json"]).exits(0).json();
    assert_eq!(
        (&keys["keys"], &keys["version"]),
        (&json!(["A", "B"]), &json!(1))
    );
    lab.cv(["list", "radarr"])
        .exits(5)
        .says("the service radarr was not found");
}

#[test]
fn listing_an_empty_mount_prints_nothing_and_succeeds() {
    assert_eq!(
        Lab::new().cv(["list"]).exits(0).says("no services").stdout,
        ""
    );
}

#[test]
fn get_prints_one_value_exactly() {
    let value = "it's \"$x\" \\ `y` \t é 🔑\nline two\r\n";
    let lab = Lab::with(
        "plex",
        json!({"K": value, "N": 12_345_678_901_u64, "L": [1, 2]}),
    );
    assert_eq!(
        lab.cv(["get", "plex", "K"]).exits(0).stdout,
        format!("{value}\n")
    );
    assert_eq!(lab.cv(["get", "plex", "K", "-n"]).exits(0).stdout, value);
    assert_eq!(
        lab.cv(["get", "plex", "N"]).exits(0).stdout,
        "12345678901\n"
    );
    assert_eq!(lab.cv(["get", "plex", "L"]).exits(0).stdout, "[1,2]\n");
    assert_eq!(
        lab.cv(["get", "plex", "K", "--json"]).exits(0).json()["values"]["K"],
        value
    );
    lab.cv(["get", "plex", "MISSING"])
        .exits(5)
        .says("hint: claude-vault list plex");
}

#[test]
fn shells_and_a_dotenv_reader_read_the_output_of_get_exactly() {
    let values = json!({
        "A": "plain", "B": "it's", "C": "$(touch x) `id` ${HOME}", "D": "two\nlines", "E": "", "F": "a # b", "G": "C:\\dir", "H": "é 🔑", "I": "=x"
    });
    let lab = Lab::with("plex", values.clone());
    let text = lab.cv(["get", "plex"]).exits(0).stdout;
    let file = lab.home.file("all.env", &text);
    for shell in [
        &["bash"][..],
        &["dash"],
        &["zsh"],
        &["ksh93"],
        &["mksh"],
        &["busybox", "sh"],
    ] {
        for (key, value) in values.as_object().unwrap() {
            let read = lab
                .home
                .shell(
                    shell,
                    &format!(". {}; printf %s \"${key}\"", file.display()),
                )
                .exits(0);
            assert_eq!(&json!(read.stdout), value, "{key} in {shell:?}");
        }
    }
    let script = "import { parse } from 'dotenv'; import fs from 'fs'; process.stdout.write(JSON.stringify(parse(fs.readFileSync(process.argv[1]))))";
    let read = run(
        lab.home
            .command("node")
            .current_dir(crate::support::ground())
            .args(["--input-type=module", "-e", script])
            .arg(&file),
        "",
    );
    assert_eq!(read.exits(0).json(), values);
}

#[test]
fn bash_and_two_dotenv_readers_read_several_keys_exactly() {
    let values = json!({"A": "it's", "B": "two\nlines $x `id`", "C": " # é 🔑 \"q", "N": 42, "T": true, "L": ["x y", 1]});
    let lab = Lab::with("plex", values.clone());
    lab.store("plex", json!({"A": "newer"}));
    let text = lab
        .cv([
            "get",
            "plex",
            "C",
            "A",
            "B",
            "N",
            "T",
            "L",
            "--version",
            "1",
        ])
        .exits(0)
        .stdout;
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with(['A', 'B', 'C', 'N', 'T', 'L']))
            .count(),
        6,
        "{text}"
    );
    let expected = json!({"A": values["A"], "B": values["B"], "C": values["C"], "N": "42", "T": "true", "L": "[\"x y\",1]"});
    let file = lab.home.file("some.env", &text);
    for (key, value) in expected.as_object().unwrap() {
        let read = lab
            .home
            .shell(
                &["bash"],
                &format!(". {}; printf %s \"${key}\"", file.display()),
            )
            .exits(0);
        assert_eq!(&json!(read.stdout), value, "{key}");
    }
    let python = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))";
    let packages = crate::support::ground().join("python");
    let read = run(
        lab.home
            .command("python3")
            .env("PYTHONPATH", packages)
            .args(["-c", python])
            .arg(&file),
        "",
    );
    assert_eq!(read.exits(0).json(), expected);
    let node = "import { parse } from 'dotenv'; import fs from 'fs'; process.stdout.write(JSON.stringify(parse(fs.readFileSync(process.argv[1]))))";
    let read = run(
        lab.home
            .command("node")
            .current_dir(crate::support::ground())
            .args(["--input-type=module", "-e", node])
            .arg(&file),
        "",
    );
    assert_eq!(read.exits(0).json(), expected);
    let typed = lab
        .cv(["get", "plex", "N", "L", "--version", "1", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&typed["values"], &typed["version"]),
        (&json!({"N": 42, "L": ["x y", 1]}), &json!(1))
    );
    lab.cv(["get", "plex", "A", "MISSING"])
        .exits(5)
        .says("key number 2");
    lab.cv(["get", "plex", "A", "A", "-n"])
        .exits(2)
        .says("-n takes one key");
}

#[test]
fn get_refuses_to_pipe_values_that_no_reader_could_read() {
    let lab = Lab::with("plex", json!({"foo-bar": "1", "OK": "2"}));
    lab.cv(["get", "plex"])
        .exits(2)
        .says("foo-bar is not a valid variable name");
    for value in ["it's $5", "a\rb", "n\0l", "end\\"] {
        let refused = Lab::with("plex", json!({ "K": value }));
        assert_eq!(
            refused
                .cv(["get", "plex"])
                .exits(2)
                .says("the value of K cannot be written")
                .stdout,
            ""
        );
        assert_eq!(
            refused.cv(["get", "plex", "--json"]).exits(0).json()["values"]["K"],
            value
        );
    }
    assert_eq!(lab.cv(["get", "plex", "foo-bar"]).exits(0).stdout, "1\n");
}

#[test]
fn older_and_deleted_versions_are_told_apart() {
    let lab = Lab::with("plex", json!({"A": "old"}));
    lab.store("plex", json!({"A": "new"}));
    assert_eq!(
        lab.cv(["get", "plex", "A", "--version", "1"])
            .exits(0)
            .stdout,
        "old\n"
    );
    lab.cv(["get", "plex", "--version", "9"])
        .exits(5)
        .says("version 9 of plex was not found");
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/plex", "");
    lab.cv(["get", "plex"]).exits(5).says("deleted");
    lab.cv(["get", "plex", "--version", "0"]).exits(2);
}

#[test]
fn under_an_ai_agent_get_shows_names_only() {
    let mut lab = Lab::with("plex", json!({"A": crate::support::CANARY}));
    for variable in [
        "CLAUDECODE",
        "AI_AGENT",
        "CURSOR_AGENT",
        "GEMINI_CLI",
        "CODEX_SANDBOX",
    ] {
        let before = lab.home.variables.clone();
        lab.home.set(variable, "1");
        for arguments in [
            &["get", "plex"][..],
            &["get", "plex", "A"],
            &["get", "plex", "A", "-n"],
            &["get", "plex", "--json"],
        ] {
            let shown = lab.cv(arguments).exits(0);
            assert!(
                shown.stdout.contains('A') && !shown.all().contains(crate::support::CANARY),
                "{variable} {arguments:?}"
            );
        }
        lab.home.variables = before;
    }
}

#[test]
fn names_are_checked_before_anything_else() {
    let home = Home::new(); // no address is set, so a request would fail with another error
    let long = "x".repeat(65);
    for bad in [
        "../x",
        "a/b/c/d/e",
        "a/../b",
        "/a",
        "a//b",
        "a/.git",
        "a%2eb",
        "a b",
        "a\nb",
        "ｐlex",
        "",
        &long,
    ] {
        for command in ["get", "list", "inject", "set"] {
            let refused = home.cv([command, bad]).exits(2);
            assert!(
                bad.len() < 3 || !refused.stderr.contains(bad),
                "{}",
                refused.stderr
            );
        }
    }
}

#[test]
fn a_pipe_closed_by_its_reader_is_not_an_error() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let script = format!(
        "{} list | true; echo \"${{PIPESTATUS[0]}}\"",
        env!("CARGO_BIN_EXE_claude-vault")
    );
    let run = lab.home.shell(&["bash"], &script).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("0\n", ""));
}

#[test]
fn the_bao_variables_work_and_a_flag_wins_over_them() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let address = lab.bao.address.clone();
    lab.home.variables.clear();
    lab.home.set("BAO_ADDR", &address);
    lab.home.set("BAO_TOKEN", &lab.token);
    lab.cv(["list"]).exits(0);
    lab.home.set("VAULT_ADDR", "http://127.0.0.1:1");
    lab.cv(["list"]).exits(7);
    lab.cv(["list", "--address", &address]).exits(0);
    lab.bao
        .put("secret/data/elsewhere/x", json!({"data": {"A": "1"}}));
    lab.cv(["list", "--address", &address, "--path", "elsewhere"])
        .exits(4)
        .says("elsewhere");
    lab.home.set("BAO_TOKEN", "root");
    assert_eq!(
        lab.cv(["list", "--address", &address, "--path", "elsewhere"])
            .exits(0)
            .stdout,
        "x\n"
    );
}

#[test]
fn a_user_config_is_read_and_a_mistake_in_it_is_reported() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let address = lab.bao.address.clone();
    lab.home.variables.retain(|(name, _)| name != "VAULT_ADDR");
    let config = lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("config.toml"),
        format!("address = \"{address}\"\n"),
    )
    .unwrap();
    lab.cv(["list"]).exits(0);
    std::fs::write(config.join("config.toml"), "addres = \"x\"\n").unwrap();
    lab.cv(["list"]).exits(2).says("unknown field");
}

#[test]
fn a_missing_mount_does_not_hide_a_valid_session() {
    let mut lab = Lab::new();
    lab.home.set("VAULT_TOKEN", "root");
    let status = lab
        .cv(["status", "--mount", "nowhere", "--json"])
        .exits(0)
        .json();
    assert_eq!(status["services"], json!(null));
    assert!(status["warnings"][0].as_str().unwrap().contains("nowhere/"));
}

#[test]
fn without_a_home_no_config_in_a_shared_folder_is_read() {
    let lab = Lab::new();
    let temporary = lab.home.lab().parent().unwrap().to_owned();
    std::fs::create_dir_all(temporary.join(".config/claude-vault")).unwrap();
    std::fs::write(
        temporary.join(".config/claude-vault/config.toml"),
        "nonsense = 1",
    )
    .unwrap();
    let run = run(
        lab.home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .arg("list")
            .env_remove("HOME"),
        "",
    );
    run.exits(0);
}

#[test]
fn json_output_escapes_terminal_controls_and_parses_to_the_same_value() {
    let lab = Lab::with("plex", json!({"A": "x\u{9b}2J\u{202e}y🔑\u{1b}"}));
    let run = lab.cv(["get", "plex", "--json"]).exits(0);
    assert!(!run.stdout.contains(['\u{9b}', '\u{202e}', '\u{1b}']));
    assert_eq!(run.json()["values"]["A"], "x\u{9b}2J\u{202e}y🔑\u{1b}");
}
