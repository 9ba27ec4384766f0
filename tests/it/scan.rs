//! `scan` and `example` as a person types them.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::servers::ground;
use crate::support::{CANARY, Home, Lab, Run, run};
use crate::terminal::cv;

fn home() -> Home {
    let home = Home::new();
    home.file(
        "shop/.env",
        &format!("# shop\nDB_HOST=db.lan\nDB_PASSWORD='{CANARY}'\n"),
    );
    home.file(
        "shop/compose.yaml",
        &format!("services:\n  db:\n    environment:\n      PASSWORD: {CANARY}\n"),
    );
    home.file("broken/compose.yaml", &format!("{CANARY}: [\n"));
    home.file("other/x.env", "A=1\n");
    home
}

/// `file:line key` of each finding.
fn found(run: &Run) -> Vec<String> {
    let lines = run
        .stdout
        .lines()
        .map(|line| line.split('\t').take(2).collect::<Vec<_>>().join(" "));
    lines.collect()
}

#[test]
fn secrets_in_plain_files_are_found_and_not_shown() {
    let home = home();
    let found = home
        .cv(["scan"])
        .exits(0)
        .says("claude-vault adopt SERVICE")
        .says("broken/compose.yaml");
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", found.stdout);
    assert!(
        lines[0].starts_with("shop/.env:3\tDB_PASSWORD\tpassword\t"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("shop/compose.yaml:4\tPASSWORD\tpassword\t"),
        "{}",
        lines[1]
    );
    assert!(!found.all().contains(CANARY));
    assert_eq!(
        home.cv(["scan", "--all", "shop/.env"])
            .exits(0)
            .stdout
            .lines()
            .count(),
        2
    );
    let reply = home.cv(["scan", "shop/.env", "--json"]).exits(0);
    let entry = reply.json()["files"][0]["keys"][1].clone();
    assert_eq!(
        (&entry["kind"], &entry["file"], &entry["line"]),
        (&json!("password"), &json!("shop/.env"), &json!(3))
    );
    assert_eq!(
        (&entry["key"], &entry["secret"]),
        (&json!("DB_PASSWORD"), &json!(true))
    );
    assert!(!reply.all().contains(CANARY));
    // Paths are relative to the person's current folder.
    let mut below = home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let run = run(
        below
            .current_dir(home.lab().join("shop"))
            .args(["scan", ".env"]),
        "",
    )
    .exits(0);
    assert!(run.stdout.starts_with("shop/.env:3"), "{}", run.all());
    home.cv(["scan", "other/x.env"])
        .exits(0)
        .says("no secrets found");
    home.cv(["scan", "broken/compose.yaml"])
        .exits(2)
        .says("broken/compose.yaml: line 1:");
    home.cv(["scan", "none"]).exits(5);
    home.cv(["scan", "/etc/passwd"])
        .exits(2)
        .says("outside the root");
}

#[test]
fn files_that_the_project_lists_are_read_as_it_says() {
    let home = Home::new();
    home.file("shop/settings.conf", &format!("DB_PASSWORD='{CANARY}'\n"));
    home.file("shop/run.env", "TOKEN=battery-Staple-9-horse\n");
    assert_eq!(
        home.cv(["scan"])
            .exits(0)
            .stdout
            .lines()
            .filter(|line| line.contains("settings.conf"))
            .count(),
        0
    );
    home.file(
        ".claude-vault.toml",
        "[[services.shop.files]]\nfile = \"shop/settings.conf\"\nformat = \"env\"\ndialect = \"shell\"\n",
    );
    let listed = home.cv(["scan"]).exits(0);
    assert!(
        listed
            .stdout
            .contains("shop/settings.conf:1\tDB_PASSWORD\tpassword"),
        "{}",
        listed.all()
    );
    // Only files in the scanned folder are read.
    home.file("other/.env", "A=1\n");
    assert!(
        !home
            .cv(["scan", "other"])
            .exits(0)
            .stdout
            .contains("settings.conf")
    );
    // A project file that cannot be read hides nothing.
    home.file(".claude-vault.toml", "address = \"https://evil.example\"\n");
    let broken = home
        .cv(["scan"])
        .exits(0)
        .says("the files it lists were scanned in the formats that their names suggest");
    assert!(
        broken.stdout.contains("shop/run.env:1\tTOKEN"),
        "{}",
        broken.all()
    );
}

#[test]
fn real_secrets_of_every_form_are_found_in_every_place() {
    let home = Home::new();
    // Assembled here, so that no scanner flags this source for containing tokens.
    let token = format!("npm_{}", "abcdefghijklmnopqrstuvwxyz0123456789");
    let slack = "https://hooks.slack.com/services";
    home.file(
        "live/.env",
        &format!(
            "SLACK_URL={slack}/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnopqrstuvwx\n\
             TELEGRAM_URL=https://api.telegram.org/bot1234567890:AAE{}/sendMessage\nNTFY_URL=https://ntfy.sh/private-topic-8f3k2\n\
             ALARM_CODE=4711\nWG_PSK=/abcDEF0123456789abcDEF0123456789abcDEF01\nDB_PASSWORD=hunter2hunter2\n",
            "abcdefghijklmnopqrstuvwxyz12345"
        ),
    );
    assert_eq!(home.cv(["scan", "live"]).exits(0).stdout.lines().count(), 6);
    home.file(
        "elsewhere/compose.yaml",
        &format!(
            "services:\n  db:\n    image: redis\n    command: redis-server --requirepass hunter2hunter2\n    labels:\n      \
             - \"traefik.http.middlewares.a.basicauth.users=bob:$$apr1$$abcdefgh$$0123456789abcdefghijk.\"\n    build:\n      \
             args:\n        NPM_TOKEN: {token}\n    healthcheck:\n      test: [CMD, mysqladmin, ping, -uroot, -phunter3hunter3]\n    \
             environment:\n      TZ: UTC\nconfigs:\n  c:\n    content: |\n      password=hunter4hunter4\n"
        ),
    );
    let run = home.cv(["scan", "elsewhere"]).exits(0);
    let lines: Vec<usize> = found(&run)
        .iter()
        .map(|one| one.split([':', ' ']).nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(lines, [4, 6, 9, 11, 17], "{}", run.all());
    home.file(
        "notes/.env",
        &format!(
            "# was postgres://app:hunter99@db/x\n# ghp_{}\nPORT=80\n",
            "0123456789abcdefghijABCDEFGHIJ012345"
        ),
    );
    assert_eq!(
        found(&home.cv(["scan", "notes"]).exits(0)),
        ["notes/.env:1 comment", "notes/.env:2 comment"]
    );
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcRcBces9fD1s\nQ2hhbmdlTWVUb1NvbWV0aGluZ1JlYWxLZXlUYWls==";
    home.file(
        "key/.env",
        &format!("KEY=-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nPORT=80\n"),
    );
    let run = home.cv(["scan", "key"]).exits(0);
    assert_eq!(found(&run), ["key/.env:1 KEY"]);
    assert!(!run.all().contains("MIIE") && !run.all().contains("Q2hh"));
}

#[test]
fn a_hundred_and_one_aliases_are_read() {
    let home = Home::new();
    let service =
        |n: usize| format!("  s{n}:\n    <<: *a\n    environment:\n      PASSWORD: hunter{n:04}\n");
    let services: String = (0..=100).map(service).collect();
    home.file(
        "many/compose.yaml",
        &format!("x-a: &a\n  restart: always\nservices:\n{services}"),
    );
    assert_eq!(home.cv(["scan"]).exits(0).stdout.lines().count(), 101);
}

#[test]
fn the_whole_tree_and_the_files_named_in_compose_files_are_scanned() {
    let home = Home::new();
    let password = |name: &str| home.file(name, "DB_PASSWORD=hunter2hunter2\n");
    home.file(
        "shop/docker-compose.yml",
        "services:\n  db:\n    image: postgres\n    env_file: [settings/postgres.vars, ../../outside.env, \"${X}.env\"]\n    volumes:\n      - ./data:/data\n      \
         - ${CONFIG:-./config}:/config\n      - named:/x\nsecrets:\n  root:\n    file: ./root.txt\nconfigs:\n  app:\n    file: ./app.ini\n",
    );
    password("shop/settings/postgres.vars");
    home.file("shop/root.txt", "correct horse\n");
    home.file(
        "shop/app.ini",
        "[db]\nuser = app\npassword = hunter3hunter3\n",
    );
    password("shop/data/deep/.env");
    home.file(
        "shop/config/configuration.yaml",
        "mqtt:\n  broker: b\n  password: hunter4hunter4\n  username: !secret user\n",
    );
    password("ignored/app.env");
    home.file(".gitignore", "ignored/\n");
    password("node_modules/x/.env");
    password(".git/x.env");
    password("deep/a/b/c/d/.env.local");
    std::os::unix::fs::symlink(home.lab().join("ignored"), home.lab().join("linked")).unwrap();
    let run = home.cv(["scan"]).exits(0);
    let expected = [
        "deep/a/b/c/d/.env.local:1 DB_PASSWORD",
        "ignored/app.env:1 DB_PASSWORD",
        "shop/app.ini:3 line",
        "shop/config/configuration.yaml:3 password",
        "shop/root.txt:1 root.txt",
        "shop/settings/postgres.vars:1 DB_PASSWORD",
    ];
    assert_eq!(found(&run), expected, "{}", run.all());
    let run = run.says("left out: shop/data: shop/docker-compose.yml mounts it into a container");
    let run = run
        .says("it names a file outside the root")
        .says("it names a file through a variable");
    assert!(!run.all().contains("hunter") && !run.all().contains("horse"));
    // A path that a person names is scanned wherever it is.
    assert_eq!(
        found(&home.cv(["scan", "shop/data"]).exits(0)),
        ["shop/data/deep/.env:1 DB_PASSWORD"]
    );
}

#[test]
fn comments_and_a_baseline_accept_known_findings() {
    let home = Home::new();
    let text = "A_PASSWORD=hunter1 # claude-vault:allow\nB_PASSWORD=hunter2 # gitleaks:allow\n\
                C_PASSWORD=hunter3 # pragma: allowlist secret\n# pragma: allowlist nextline secret\nD_PASSWORD=hunter4\nE_PASSWORD=hunter5\n";
    home.file("a/.env", text);
    assert_eq!(
        found(&home.cv(["scan", "--check"]).exits(1)),
        ["a/.env:6 E_PASSWORD"]
    );
    home.cv(["scan", "--check", "--baseline", "known.json"])
        .exits(5)
        .says("--update-baseline");
    home.cv([
        "scan",
        "--check",
        "--baseline",
        "known.json",
        "--update-baseline",
    ])
    .exits(0)
    .says("no secrets found, 5 allowed or known");
    let baseline = home.read("known.json");
    assert!(!baseline.contains("hunter"));
    // The baseline is the same for every value, so a weak value cannot be guessed from it.
    home.file("a/.env", &text.replace("hunter5", "another-Value-77"));
    home.cv(["scan", "--check", "--baseline", "known.json"])
        .exits(0);
    home.cv(["scan", "--baseline", "known.json", "--update-baseline"])
        .exits(0);
    assert_eq!(home.read("known.json"), baseline);
    home.file("a/.env", &format!("{text}F_PASSWORD=hunter6\n"));
    assert_eq!(
        found(
            &home
                .cv(["scan", "--check", "--baseline", "known.json"])
                .exits(1)
        ),
        ["a/.env:7 F_PASSWORD"]
    );
    home.file("known.json", "{}");
    home.cv(["scan", "--baseline", "known.json"])
        .exits(2)
        .says("not a baseline");
    home.file("bad/compose.yaml", "a: [\n");
    home.file("a/.env", "");
    home.cv(["scan", "--check"])
        .exits(1)
        .says("no secrets found in the files that could be read");
}

#[test]
fn sarif_follows_the_official_schema() {
    let home = home();
    home.file(
        "wéird dir/.env",
        "X_TOKEN=abcdef0123456789abcdef0123456789 # claude-vault:allow\n",
    );
    let run = home.cv(["scan", "--sarif"]).exits(0);
    assert!(!run.all().contains(CANARY));
    let log = run.json();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3, "{log}");
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["region"]["startLine"],
        3
    );
    let file = home.path().join("log.sarif");
    std::fs::write(&file, log.to_string()).unwrap();
    let script = "import json, sys, jsonschema\nlog, schema = (json.load(open(path)) for path in sys.argv[1:])\n\
                  jsonschema.Draft4Validator.check_schema(schema)\njsonschema.Draft4Validator(schema).validate(log)\n";
    let validate = |file: &std::path::Path| {
        let mut command = Command::new("python3");
        command
            .args(["-c", script])
            .arg(file)
            .arg(ground().join("sarif.json"))
            .env("PYTHONPATH", ground().join("mcp1"));
        crate::support::run(&mut command, "")
    };
    validate(&file).exits(0);
    std::fs::write(
        &file,
        log.to_string()
            .replace("\"startLine\":3", "\"startLine\":-3"),
    )
    .unwrap();
    assert_ne!(validate(&file).status, 0);
}

#[test]
fn files_tracked_by_git_are_reported_and_nothing_of_the_repository_runs() {
    let home = Home::new();
    home.file("a/.env", "DB_PASSWORD=hunter2hunter2\n");
    home.file("b/.env", "DB_PASSWORD=hunter2hunter2\n");
    let git = |arguments: &[&str]| run(home.command("git").args(arguments), "").exits(0);
    git(&["init", "-q"]);
    git(&["add", "a/.env"]);
    let ran = home.path().join("ran");
    let hook = home.path().join("hook");
    std::fs::write(&hook, format!("#!/bin/sh\ntouch '{}'\n", ran.display())).unwrap();
    run(Command::new("chmod").arg("+x").arg(&hook), "").exits(0);
    git(&["config", "core.fsmonitor", &hook.to_string_lossy()]);
    let report = home.cv(["scan", "--json"]).exits(0).json();
    let tracked: Vec<&Value> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["keys"][0]["tracked"])
        .collect();
    assert_eq!(tracked, [&json!(true), &json!(false)]);
    assert!(!ran.exists());
    let lines = home.cv(["scan"]).exits(0).stdout;
    assert!(
        lines.contains("\ttracked\t") && lines.contains("\tnot tracked\t"),
        "{lines}"
    );
}

#[test]
fn an_equal_value_in_vault_is_named_only_for_a_person() {
    let mut lab = Lab::with("plex", json!({ "PASSWORD": "hunter2hunter2" }));
    lab.store("other", json!({ "X": "hunter3hunter3" }));
    lab.home.file("plex/.env", "DB_PASSWORD=hunter2hunter2\nURL=postgres://a:hunter3hunter3@db/x\nC_PASSWORD=hunter4hunter4\n");
    lab.home.file(
        "plex/config/secrets.yaml",
        "wifi_password: hunter2hunter2\n",
    );
    let vault = |run: &Run| -> Vec<Value> {
        let report = run.json();
        let files = report["files"].as_array().unwrap().clone();
        files
            .iter()
            .flat_map(|file| file["keys"].as_array().unwrap().clone())
            .map(|key| key["vault_key"].clone())
            .collect()
    };
    let own = lab.cv(["scan", "--json"]).exits(0);
    assert_eq!(
        vault(&own),
        [
            json!("plex/PASSWORD"),
            Value::Null,
            Value::Null,
            json!("plex/PASSWORD")
        ]
    );
    assert_eq!(own.json()["files"][0]["keys"][2]["in_vault"], false);
    let all = lab.cv(["scan", "--vault", "--json"]).exits(0);
    assert_eq!(
        vault(&all),
        [
            json!("plex/PASSWORD"),
            json!("other/X"),
            Value::Null,
            json!("plex/PASSWORD")
        ]
    );
    lab.home.set("CLAUDECODE", "1");
    lab.cv(["scan", "--vault"])
        .exits(8)
        .says("refused under an AI agent");
    let under = lab.cv(["scan", "--json"]).exits(0);
    assert_eq!(under.json()["files"][0]["keys"][0]["in_vault"], Value::Null);
    lab.home.set("CLAUDECODE", "");
    lab.home.set("VAULT_TOKEN", "");
    lab.cv(["scan", "--vault"]).exits(3);
    assert_eq!(
        lab.cv(["scan", "--json"]).exits(0).json()["files"][0]["keys"][0]["in_vault"],
        Value::Null
    );
}

#[test]
fn a_terminal_gets_an_aligned_table() {
    let home = home();
    let mut session = cv(&home, &["scan", "shop"]);
    let seen = session.exp_eof().unwrap();
    let lines: Vec<&str> = seen
        .lines()
        .filter(|line| line.contains("shop/") || line.contains("FILE"))
        .collect();
    let column = |line: &str, word: &str| line.find(word);
    assert_eq!(
        column(lines[0], "KEY"),
        column(lines[1], "DB_PASSWORD"),
        "{seen}"
    );
    assert_eq!(
        column(lines[1], "password"),
        column(lines[2], "password"),
        "{seen}"
    );
}

#[test]
fn an_example_is_written_without_the_secrets() {
    let home = home();
    home.cv(["example", "shop/.env"])
        .exits(0)
        .says("shop/.env.example: 1 values removed, 1 kept");
    assert_eq!(
        home.read("shop/.env.example"),
        "# shop\nDB_HOST=db.lan\nDB_PASSWORD=\n"
    );
    home.cv([
        "example",
        "shop/compose.yaml",
        "--output",
        "shop/template.yml",
    ])
    .exits(0);
    assert!(
        home.read("shop/template.yml")
            .contains("PASSWORD: ${PASSWORD}")
    );
    home.cv(["example", "shop/.env", "-o", "shop/.env"])
        .exits(2);
    home.cv(["example", "shop/.env", "-o", "../x"]).exits(2);
    assert_eq!(
        home.cv(["example", "shop/.env", "--json"]).exits(0).json()["replaced"],
        1
    );
}
