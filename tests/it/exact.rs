//! inject, held to its word: real readers read every value back, and the file is always whole.

use std::process::Stdio;

use serde_json::json;

use crate::inject::backups;
use crate::support::{Lab, ground, run};

/// Values with everything in them that shells and parsers trip over, where one text serves all.
fn nasty() -> serde_json::Map<String, serde_json::Value> {
    let values = [
        "",
        " ",
        " lead",
        "trail ",
        "a b",
        "a#b",
        "a #b",
        "#",
        "=",
        "==",
        "a=b",
        "'",
        "''",
        "it's",
        "\"",
        "a\"b",
        "\"q\"",
        "$",
        "$5",
        "$HOME",
        "$(id)",
        "`id`",
        "!",
        "!!",
        "a!b",
        "*",
        "?",
        "[x]",
        "{a,b}",
        "~",
        "~root",
        "&",
        "&&",
        "||",
        ";",
        "|",
        ">",
        "<",
        "(",
        ")",
        "%",
        "^",
        "\\n",
        "a\\b",
        "C:\\Users\\x",
        "two\nlines",
        "\nlead",
        "trail\n",
        "a\n\nb",
        "tab\there",
        "é",
        "日本語",
        "🔑",
        "null",
        "true",
        "yes",
        "no",
        "on",
        "0123",
        "1e3",
        "0x1F",
        "12:34:56",
        "2026-01-31",
        "-",
        "- a",
        ": x",
        "a: b",
        "key: \"v\"",
        "@x",
        "%x",
        ",",
        "postgres://u:p@h/db?x=1&y=2",
        "aGVsbG8=",
        "{\"a\": 1}",
        "[1]",
        "<<",
        "&anchor",
        "*alias",
        "!tag",
        "| x",
        "> x",
        "\u{a0}",
        "\u{feff}x",
        "\u{2028}",
    ];
    values.iter().enumerate().map(|(number, value)| (format!("V{number}"), json!(value))).collect()
}

#[test]
fn real_readers_read_every_value_back_exactly() {
    let values = nasty();
    let lab = Lab::with("plex", json!(values));
    lab.home.file("plex/.env.example", "V3=x\nV4=\"y\"\nV5 = z\nV6= z\nexport V7\t=\tz\n");
    lab.cv(["inject", "plex"]).exits(0);
    lab.cv(["inject", "plex", "yaml"]).exits(0);
    let (env, yaml) = (lab.home.lab().join("plex/.env"), lab.home.lab().join("plex/config/secrets.yaml"));
    let wanted = json!(values);
    let wanted_yaml = wanted.clone();

    for shell in [&["bash"][..], &["bash", "--posix"], &["dash"], &["zsh"], &["ksh93"], &["mksh"], &["busybox", "sh"]] {
        let script = format!("set -a; . {}; set +a; exec /usr/bin/env -0", env.display());
        let output = lab.home.command(shell[0]).args(&shell[1..]).arg("-c").arg(script).stderr(Stdio::null()).output().unwrap();
        let read: serde_json::Map<String, serde_json::Value> = output
            .stdout
            .split(|byte| *byte == 0)
            .filter_map(|entry| String::from_utf8_lossy(entry).split_once('=').map(|(k, v)| (k.to_owned(), json!(v))))
            .filter(|(key, _)| key.starts_with('V') && key[1..].bytes().all(|b| b.is_ascii_digit()))
            .collect();
        compare(&wanted, &json!(read), &format!("{shell:?}"));
    }
    let node = |script: &str, file: &std::path::Path| {
        run(lab.home.command("node").current_dir(ground()).args(["--input-type=module", "-e", script]).arg(file), "")
            .exits(0)
            .json()
    };
    let dotenv = "import { parse } from 'dotenv'; import fs from 'fs'; console.log(JSON.stringify(parse(fs.readFileSync(process.argv[1]))))";
    compare(&wanted, &node(dotenv, &env), "npm dotenv");
    let parse_env = "import { parseEnv } from 'node:util'; import fs from 'fs'; console.log(JSON.stringify(parseEnv(fs.readFileSync(process.argv[1], 'utf8'))))";
    compare(&wanted, &node(parse_env, &env), "node --env-file");
    let js_yaml = "import { load } from 'js-yaml'; import fs from 'fs'; console.log(JSON.stringify(load(fs.readFileSync(process.argv[1], 'utf8'))))";
    compare(&wanted_yaml, &node(js_yaml, &yaml), "js-yaml");

    let python = |script: &str, file: &std::path::Path| {
        run(lab.home.command("python3").env("PYTHONPATH", ground().join("python")).args(["-c", script]).arg(file), "")
            .exits(0)
            .json()
    };
    let python_dotenv = "import sys, json, dotenv; print(json.dumps(dotenv.dotenv_values(sys.argv[1], interpolate=False)))";
    compare(&wanted, &python(python_dotenv, &env), "python-dotenv");
    let ruamel = "import sys, json, ruamel.yaml; print(json.dumps(dict(ruamel.yaml.YAML(typ='safe', pure=True).load(open(sys.argv[1], encoding='utf-8')))))";
    compare(&wanted_yaml, &python(ruamel, &yaml), "ruamel.yaml");
}

#[track_caller]
fn compare(wanted: &serde_json::Value, read: &serde_json::Value, reader: &str) {
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&read[key], value, "{key} in {reader}");
    }
}

#[test]
fn killed_200_times_the_file_is_the_old_one_or_the_new_one() {
    let lab = Lab::new();
    let long = "x".repeat(6000);
    let versions: Vec<String> = (0..2).map(|number| format!("{number}{long}")).collect();
    lab.home.file("plex/.env", "A=\n");
    let write = |number: usize| {
        let data: serde_json::Map<_, _> = (0..40).map(|key| (format!("K{key}"), json!(versions[number % 2]))).collect();
        lab.store("plex", json!(data));
    };
    write(0);
    lab.cv(["inject", "plex"]).exits(0);
    let whole: Vec<String> = (0..2)
        .map(|number| {
            write(number);
            lab.cv(["inject", "plex"]).exits(0);
            lab.home.read("plex/.env")
        })
        .collect();
    let started = std::time::Instant::now();
    lab.cv(["inject", "plex"]).exits(0);
    let usual = started.elapsed();
    let (mut killed, mut random) = (0, 12_345_u64);
    for number in 0..200 {
        write(number);
        let mut child = lab
            .home
            .command(env!("CARGO_BIN_EXE_claude-vault"))
            .args(["inject", "plex"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(usual.mul_f64((random >> 40) as f64 / f64::from(1 << 24) * 1.3));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let now = lab.home.read("plex/.env");
        assert!(whole.contains(&now), "round {number}: a file of {} bytes", now.len());
    }
    eprintln!("killed {killed} of 200 before their end");
    assert!(killed > 20, "the test must kill it at work");
    write(0);
    lab.cv(["inject", "plex"]).exits(0);
    write(1);
    lab.cv(["inject", "plex"]).exits(0);
    let left: Vec<_> =
        std::fs::read_dir(lab.home.lab().join("plex")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains(".claude-vault-")), "{left:?}");
    assert!(left.len() <= 6, "{left:?}");
}

#[test]
fn two_at_once_do_not_trip_over_each_other() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    std::thread::scope(|scope| {
        for person in 0..2 {
            let lab = &lab;
            scope.spawn(move || {
                for number in 0..40 {
                    lab.store("plex", json!({"A": format!("{person}{number}")}));
                    lab.cv(["inject", "plex"]).exits(0);
                }
            });
        }
    });
    assert!(backups(&lab, "plex").len() <= 6);
}
