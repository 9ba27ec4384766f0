//! export: the program that each format is for reads it back.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{CANARY, Lab, files, ground, run};

/// Values that a careless writer would break, under names that every format can hold.
fn awkward() -> Value {
    json!({
        "PLAIN": "abc", "QUOTES": "it's \"x\" `y`", "ROWS": "a\nb\n\n", "RETURN": "a\r\nb", "DOLLAR": "$(touch pwned) `touch pwned` ${HOME} $$",
        "BACK": "\\n \\\\ \\'", "HASH": " # no comment ", "EMPTY": "", "UNICODE": "é 東京 🙂", "EQUALS": "=a=b", "BANG": "wow!x",
        "NUMBER": 8096, "FLOAT": 1.5, "YES": true, "NOTHING": null, "LIST": [1, "two", {"three": "$(x)"}], "OBJECT": {"a b": [null]},
        "NO": "no", "OCTAL": "017", "TIME": "12:30", "TILDE": "~",
    })
}

/// A value as a reader without types gets it.
fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn texts() -> Vec<(String, String)> {
    awkward()
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), as_text(value)))
        .collect()
}

#[test]
fn jq_reads_json_with_every_type() {
    let mut stored = awkward();
    stored["odd name/1"] = json!("x\u{0}y\u{1b}[31m");
    let lab = Lab::with("plex", stored.clone());
    lab.store("radarr", json!({"A": 1}));
    let text = lab.cv(["export", "plex"]).exits(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), stored);
    let jq = |filter: &str, text: &str| {
        run(Command::new("jq").args(["-c", filter]), text)
            .exits(0)
            .stdout
    };
    assert_eq!(
        serde_json::from_str::<Value>(&jq(".", &text)).unwrap(),
        stored
    );
    assert_eq!(
        jq("[.[] | type] | group_by(.) | map([.[0], length])", &text).trim(),
        r#"[["array",1],["boolean",1],["null",1],["number",2],["object",1],["string",16]]"#
    );
    let both = lab
        .cv(["export", "plex", "radarr", "--format", "json"])
        .exits(0)
        .stdout;
    assert_eq!(jq(".radarr.A", &both).trim(), "1");
    assert_eq!(
        serde_json::from_str::<Value>(&jq(".plex", &both)).unwrap(),
        stored
    );
    // --json gives the same output, and a single key can be selected.
    assert_eq!(
        lab.cv(["export", "plex", "--json", "--only", "NUMBER"])
            .exits(0)
            .json(),
        json!({"NUMBER": 8096})
    );
}

#[test]
fn pyyaml_reads_yaml_with_every_type() {
    let mut stored = awkward();
    stored["odd name/1"] = json!("x\u{0}y\u{85}\u{2028}");
    stored["on"] = json!("on");
    stored["123"] = json!("123");
    stored["x".repeat(2000)] = json!("long");
    let lab = Lab::with("plex", stored.clone());
    lab.store("radarr", json!({}));
    let read = |text: &str| {
        let script = "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer.read().decode())))";
        let read = run(
            Command::new("python3")
                .args(["-c", script])
                .env("PYTHONPATH", ground().join("python")),
            text,
        )
        .exits(0);
        serde_json::from_str::<Value>(&read.stdout).unwrap()
    };
    assert_eq!(
        read(
            &lab.cv(["export", "plex", "--format", "yaml"])
                .exits(0)
                .stdout
        ),
        stored
    );
    assert_eq!(
        read(
            &lab.cv(["export", "plex", "radarr", "--format", "yaml"])
                .exits(0)
                .stdout
        ),
        json!({"plex": stored, "radarr": {}})
    );
    assert_eq!(
        read(
            &lab.cv(["export", "radarr", "--format", "yaml"])
                .exits(0)
                .stdout
        ),
        json!({})
    );
}

#[test]
fn every_shell_reads_the_shell_lines_and_runs_nothing() {
    let lab = Lab::with("plex", awkward());
    let script = lab
        .cv(["export", "plex", "--format", "shell"])
        .exits(0)
        .stdout;
    let file = lab.home.lab().join("exported.sh");
    std::fs::write(&file, &script).unwrap();
    for shell in [
        &["bash", "--norc"][..],
        &["dash"],
        &["zsh", "-f"],
        &["ksh"],
        &["mksh"],
        &["busybox", "sh"],
        &["bash", "--posix"],
    ] {
        for read in [". ./exported.sh", "eval \"$(cat exported.sh)\""] {
            let read = lab
                .home
                .shell(shell, &format!("{read}; exec env -0"))
                .exits(0);
            let found: Vec<&str> = read.stdout.split('\0').collect();
            for (key, value) in texts() {
                assert!(
                    found.contains(&format!("{key}={value}").as_str()),
                    "{shell:?} {key}"
                );
            }
        }
    }
    assert!(
        !files(&lab.home.lab())
            .iter()
            .any(|(path, _)| path.ends_with("pwned"))
    );
}

#[test]
fn shell_lines_omit_names_that_a_shell_would_act_on() {
    let hostile = json!({
        "GOOD": "1", "A;touch pwned": "x", "$(touch pwned)": "x", "B\ntouch pwned": "x", "f()": "x", "a[$(touch pwned)]": "x", "1A": "x", "é": "x",
        "A-B": "x", "_": "x", "UID": "0", "PATH": "/evil", "PROMPT_COMMAND": "touch pwned", "BASH_ENV": "/evil", "LD_PRELOAD": "/evil.so",
        "PS1": "$(touch pwned)", "IFS": "x", "RANDOM": "a[$(touch pwned)]", "MAILPATH": "/x?$(touch pwned)", "prompt": "x",
    });
    let lab = Lab::with("plex", hostile);
    let shown = lab
        .cv(["export", "plex", "--format", "shell"])
        .exits(0)
        .says("left out: $(touch pwned)")
        .says("PROMPT_COMMAND")
        .says("B\\ntouch");
    assert_eq!(shown.stdout, "export GOOD='1'\n");
    for dialect in [&[][..], &["--dialect", "shell"]] {
        let env = lab
            .cv([&["export", "plex", "--format", "env"], dialect].concat())
            .exits(0)
            .says("RANDOM")
            .says("PATH");
        assert_eq!(env.stdout, "GOOD=1\n");
    }
    // For docker these names are ordinary.
    let docker = lab
        .cv(["export", "plex", "--format", "env", "--dialect", "docker"])
        .exits(0);
    assert!(docker.stdout.contains("PATH=/evil"), "{}", docker.stdout);
    lab.cv(["export", "plex", "--format", "shell", "--strict"])
        .exits(2)
        .says("hint: omit --strict");
    // The user can name a key to include it. A variable that shells reserve stays out all the same.
    let meant = lab
        .cv([
            "export",
            "plex",
            "--format",
            "shell",
            "--only",
            "PROMPT_COMMAND,UID",
        ])
        .exits(0)
        .says("UID");
    assert_eq!(meant.stdout, "export PROMPT_COMMAND='touch pwned'\n");
    lab.store("nul", json!({"A": "x\u{0}y"}));
    for format in ["shell", "env"] {
        let refused = lab
            .cv(["export", "nul", "--format", format])
            .exits(2)
            .says("NUL byte")
            .says(": A cannot be written");
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn dotenv_in_python_and_node_and_compose_read_the_env_lines() {
    let stored = awkward();
    let lab = Lab::with("plex", stored);
    let values = texts();
    // Write one text for each reader; a value that the reader cannot hold is refused by name.
    let write = |dialect: &str| {
        let mut left = Vec::new();
        for (key, _) in &values {
            let one = lab.cv([
                "export",
                "plex",
                "--format",
                "env",
                "--dialect",
                dialect,
                "--only",
                key,
            ]);
            if one.status != 0 {
                assert!(
                    one.stderr.contains(&format!(": {key} cannot be written")),
                    "{}",
                    one.stderr
                );
                left.push(key.clone());
            }
        }
        let keys: Vec<&str> = values
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !left.contains(&(*key).to_owned()))
            .collect();
        assert!(keys.len() >= 17, "{dialect}: {left:?}");
        let only = keys.join(",");
        lab.cv([
            "export",
            "plex",
            "--format",
            "env",
            "--dialect",
            dialect,
            "--only",
            &only,
            "--output",
            ".env",
            "--force",
        ])
        .exits(0);
        keys.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = |keys: &[String]| -> Value {
        values
            .iter()
            .filter(|(key, _)| keys.contains(key))
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let keys = write("python");
    let script = "import json, dotenv; print(json.dumps(dotenv.dotenv_values('.env')))";
    let read = run(
        lab.home
            .command("python3")
            .args(["-c", script])
            .env("PYTHONPATH", ground().join("python")),
        "",
    )
    .exits(0);
    assert_eq!(read.json(), expected(&keys));
    let keys = write("node");
    let script =
        "console.log(JSON.stringify(require('dotenv').parse(require('fs').readFileSync('.env'))))";
    let read = run(
        lab.home
            .command("node")
            .args(["-e", script])
            .env("NODE_PATH", ground().join("node_modules")),
        "",
    )
    .exits(0);
    assert_eq!(read.json(), expected(&keys));
    let keys = write("compose");
    lab.home.file(
        "compose.yaml",
        "services:\n  a:\n    image: x\n    env_file: .env\n",
    );
    let compose = ground().join("bin/docker-compose");
    let read = run(
        lab.home
            .command(compose)
            .args(["config", "--format", "json"]),
        "",
    )
    .exits(0)
    .stdout;
    // The output is meant for compose to read again, so every $ is doubled.
    let read: Value = serde_json::from_str(&read.replace("$$", "$")).unwrap();
    assert_eq!(read["services"]["a"]["environment"], expected(&keys));
}

#[test]
fn a_key_of_two_services_is_never_overwritten_in_lines() {
    let lab = Lab::with("plex", json!({"A": "1", "SAME": "x"}));
    lab.store("radarr", json!({"B": "2", "SAME": "x"}));
    for format in ["env", "shell"] {
        let both = lab
            .cv(["export", "plex", "radarr", "--format", format])
            .exits(0)
            .stdout;
        assert!(
            both.starts_with("# plex\n")
                && both.contains("\n# radarr\n")
                && both.matches("SAME=").count() == 1,
            "{both}"
        );
    }
    lab.store("radarr", json!({"SAME": CANARY}));
    let refused = lab
        .cv(["export", "plex", "radarr", "--format", "env"])
        .exits(2)
        .says("plex and radarr both have SAME with different values");
    assert!(!refused.all().contains(CANARY));
}

/// Checks a manifest against the schema that Kubernetes publishes. Returns the decoded values.
fn apply(text: &str, lab: &Lab) -> Option<Vec<Value>> {
    let file = lab.home.path().join("secret");
    std::fs::write(&file, text).unwrap();
    let script = r#"
import sys, json, re, base64, yaml, jsonschema, referencing
from referencing.jsonschema import DRAFT202012
folder = sys.argv[2]
schema, shared = (json.load(open(f"{folder}/{name}.json")) for name in ("secret-v1", "_definitions"))
registry = referencing.Registry().with_resource("https://kubernetes.io/api/_definitions.json", DRAFT202012.create_resource(shared))
checker = jsonschema.Draft202012Validator(schema, registry=registry)
for document in yaml.safe_load_all(open(sys.argv[1])):
    for item in document["items"] if document["kind"] == "List" else [document]:
        checker.validate(item)
        # What the schema leaves to the API server's own checks.
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", item["metadata"]["name"])
        assert item["type"] == "Opaque"
        data = {}
        for key, value in item["data"].items():
            assert re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) and key != "." and not key.startswith("..")
            data[key] = base64.b64decode(value, validate=True).decode()
        print(json.dumps({"name": item["metadata"]["name"], "data": data}))
"#;
    let python = format!(
        "{}:{}",
        ground().join("mcp1").display(),
        ground().join("python").display()
    );
    let mut command = Command::new("python3");
    command
        .args(["-c", script])
        .arg(&file)
        .arg(ground().join("kubernetes"))
        .env("PYTHONPATH", python);
    let checked = run(&mut command, "");
    let found = checked
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (checked.status == 0).then_some(found).or_else(|| {
        eprintln!("{}", checked.stderr);
        None
    })
}

#[test]
fn a_kubernetes_secret_follows_the_published_schema() {
    let mut stored = awkward();
    stored["tls.crt"] = json!("x\u{0}y");
    stored["..data"] = json!("escape");
    stored["a/b"] = json!("escape");
    let lab = Lab::with("Home_Assistant", stored);
    lab.store("radarr", json!({}));
    let mut expected = texts();
    expected.push(("tls.crt".into(), "x\u{0}y".into()));
    let expected: Value = expected
        .into_iter()
        .map(|(key, value)| (key, json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let one = lab
        .cv(["export", "Home_Assistant", "--format", "k8s-secret"])
        .exits(0)
        .says("left out: ..data (")
        .says("a/b (");
    assert_eq!(
        apply(&one.stdout, &lab).unwrap(),
        [json!({"name": "home-assistant", "data": expected})]
    );
    for arguments in [
        &[
            "export",
            "Home_Assistant",
            "radarr",
            "--format",
            "k8s-secret",
        ][..],
        &[
            "export",
            "Home_Assistant",
            "radarr",
            "--format",
            "k8s-secret",
            "--json",
        ],
    ] {
        let both = lab.cv(arguments).exits(0).stdout;
        assert_eq!(
            apply(&both, &lab).unwrap(),
            [
                json!({"name": "home-assistant", "data": expected}),
                json!({"name": "radarr", "data": {}})
            ]
        );
    }
    // The schema does reject wrong manifests.
    let broken = one.stdout.replace("data:", "values:");
    assert_eq!(apply(&broken, &lab), None);
    lab.store("home-assistant", json!({"A": "1"}));
    lab.cv([
        "export",
        "Home_Assistant",
        "home-assistant",
        "--format",
        "k8s-secret",
    ])
    .exits(2)
    .says("would both be the Secret home-assistant");
    lab.store(
        "big",
        json!({"A": "x".repeat(600_000), "B": "x".repeat(600_000)}),
    );
    lab.cv(["export", "big", "--format", "k8s-secret"])
        .exits(2)
        .says("at most 1 MiB");
}

#[test]
fn docker_secrets_are_files_with_the_exact_bytes_and_none_is_written_outside_the_folder() {
    let mut stored = awkward();
    stored["nul.bin"] = json!("x\u{0}y\n");
    let lab = Lab::with("plex", stored);
    let mut keys = texts();
    keys.push(("nul.bin".into(), "x\u{0}y\n".into()));
    let clean: Value = keys
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut hostile = clean.clone();
    // Names that begin with a dot belong to git, to shells and to claude-vault.
    for name in [
        "../escape",
        "..",
        ".",
        "a/b",
        "/etc/passwd",
        "-rf",
        "a\u{0}b",
        "new\nline",
        ".git",
        ".envrc",
        ".claude-vault.toml",
    ] {
        hostile[name] = json!("escape");
    }
    lab.store("plex", hostile);
    lab.cv(["export", "plex", "--format", "docker-secrets", "./secrets"])
        .exits(0)
        .says("left out:")
        .says("../escape")
        .says("new\\nline");
    let mut found: Vec<(String, Vec<u8>)> = files(&lab.home.lab().join("secrets"))
        .into_iter()
        .map(|(path, content)| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                content,
            )
        })
        .collect();
    found.sort();
    let mut expected: Vec<(String, Vec<u8>)> = keys
        .into_iter()
        .map(|(key, value)| (key, value.into_bytes()))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
    for (path, content) in files(&lab.home.lab()) {
        assert!(
            !String::from_utf8_lossy(&content).contains("escape")
                || path.ends_with(".claude-vault-audit.log"),
            "{}",
            path.display()
        );
        if path.parent().unwrap().ends_with("secrets") {
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
    // Compose mounts the files unchanged.
    lab.home.file(
        "compose.yaml",
        "services:\n  a:\n    image: x\n    secrets: [QUOTES]\nsecrets:\n  QUOTES:\n    file: ./secrets/QUOTES\n",
    );
    run(
        lab.home
            .command(ground().join("bin/docker-compose"))
            .args(["config", "--quiet"]),
        "",
    )
    .exits(0);
}

#[test]
fn the_folder_of_docker_secrets_is_never_confused_with_a_service() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("radarr", json!({"A": "2", "B": "3"}));
    let export = |rest: &[&str]| {
        lab.cv(["export", "plex"]
            .into_iter()
            .chain(rest.iter().copied())
            .chain(["--format", "docker-secrets"]))
    };
    export(&[]).exits(2).says("needs a folder");
    export(&["radarr"])
        .exits(2)
        .says("radarr is also a service");
    assert!(!lab.home.lab().join("radarr").exists());
    export(&["out"]).exits(0);
    export(&["radarr", "both/"]).exits(0);
    export(&["--output", "radarr"]).exits(0);
    let read = |file: &str| lab.home.read(file);
    assert_eq!(
        [
            read("out/A"),
            read("both/plex/A"),
            read("both/radarr/B"),
            read("radarr/A")
        ],
        ["1", "1", "3", "1"]
    );
    export(&["../elsewhere"]).exits(2).says("outside the root");
}

#[test]
fn a_file_is_written_whole_below_the_root_and_replaced_only_when_asked() {
    let lab = Lab::with("plex", json!({"A": CANARY}));
    let export = |more: &[&str]| {
        lab.cv(["export", "plex", "--output", "out/plex.json"]
            .into_iter()
            .chain(more.iter().copied()))
    };
    let written = export(&[]).exits(0).says("out/plex.json written");
    assert!(written.stdout.is_empty() && !written.all().contains(CANARY));
    let file = lab.home.lab().join("out/plex.json");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        serde_json::from_str::<Value>(&lab.home.read("out/plex.json")).unwrap(),
        json!({"A": CANARY})
    );
    export(&[]).exits(0).says("is up to date");
    std::fs::write(&file, "mine\n").unwrap();
    export(&[])
        .exits(2)
        .says("already exists with other content")
        .says("--force");
    assert_eq!(lab.home.read("out/plex.json"), "mine\n");
    let forced = export(&["--force", "--json"]).exits(0).json();
    let backup = forced["files"][0]["backup"].as_str().unwrap();
    assert_eq!(
        (&forced["files"][0]["state"], &forced["services"][0]["keys"]),
        (&json!("updated"), &json!(["A"]))
    );
    assert_eq!(
        std::fs::read_to_string(file.with_file_name(backup)).unwrap(),
        "mine\n"
    );
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), lab.home.lab().join("link")).unwrap();
    symlink(outside.path().join("x"), lab.home.lab().join("file")).unwrap();
    for path in [
        outside.path().join("x").as_path(),
        Path::new("../x"),
        Path::new("link/x"),
        Path::new("file"),
        Path::new(".git/config"),
    ] {
        lab.cv(["export", "plex", "--output", path.to_str().unwrap()])
            .exits(2);
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("ACTION=EXPORT SERVICE=plex") && !log.contains(CANARY),
        "{log}"
    );
}

#[test]
fn under_an_ai_agent_nothing_is_exported() {
    let mut lab = Lab::with("plex", json!({"A": CANARY}));
    lab.home.set("CLAUDECODE", "1");
    for more in [
        &["--format", "json"][..],
        &["--output", "x.json"],
        &["--format", "docker-secrets", "./out"],
        &["--json"],
    ] {
        let refused = lab
            .cv(["export", "plex"].into_iter().chain(more.iter().copied()))
            .exits(8)
            .says("under an AI agent");
        assert!(!refused.all().contains(CANARY));
    }
    assert_eq!(
        files(&lab.home.lab())
            .iter()
            .filter(|(_, content)| String::from_utf8_lossy(content).contains(CANARY))
            .count(),
        0
    );
}

#[test]
fn a_missing_service_or_key_is_named() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["export", "nosuch"]).exits(5);
    lab.cv(["export", "plex", "--only", CANARY])
        .exits(5)
        .says("key number 1");
    lab.cv(["export", "plex", "--format", "yaml", "--json"])
        .exits(2)
        .says("--json prints JSON");
    lab.cv(["export"]).exits(2);
}

#[test]
fn an_export_can_be_set_again_with_the_same_types() {
    let mut stored = awkward();
    stored["tls.crt"] = json!("x");
    stored["a-b_C.9"] = json!({"deep": [[{"x": null, "y": [true, 1e21, -0.5, 1e-7]}], ""]});
    stored["COMPUTED"] = json!({"computed": "x"});
    let lab = Lab::with("plex", stored.clone());
    let read = |lab: &Lab, service: &str| {
        // The data as Vault returns it: numbers in their normalised spelling.
        lab.bao
            .get(&format!("secret/data/proxmox-services/{service}"))["data"]["data"]
            .clone()
    };
    let original = read(&lab, "plex");
    for (at, (from, format)) in [
        (&["export", "plex"][..], "json"),
        (&["export", "plex", "--format", "yaml"], "yaml"),
        (&["get", "plex", "--json"], "json"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = lab.cv(from).exits(0).stdout;
        let to = format!("copy{at}");
        lab.home
            .cv_with(&["set", &to, "--from", "-", "--no-confirm"], &text)
            .exits(0);
        assert_eq!(read(&lab, &to), original, "{from:?}");
        // The format can also be named, and a second run changes nothing.
        lab.home
            .cv_with(
                &[
                    "set",
                    &to,
                    "--from",
                    "-",
                    "--format",
                    format,
                    "--no-confirm",
                ],
                &text,
            )
            .exits(0)
            .says("nothing to change");
    }
    // A key that we cannot write is named in the error, and the other keys can be set.
    lab.store("odd", json!({"a/b": "1", "A": CANARY, "é": "2"}));
    let text = lab.cv(["export", "odd"]).exits(0).stdout;
    let refused = lab
        .home
        .cv_with(&["set", "rest", "--from", "-", "--no-confirm"], &text)
        .exits(2)
        .says("it is not the name of a key");
    assert!(!refused.all().contains(CANARY));
    lab.home
        .cv_with(
            &[
                "set",
                "rest",
                "--from",
                "-",
                "--except",
                "a/b,é",
                "--no-confirm",
            ],
            &text,
        )
        .exits(0);
    assert_eq!(lab.stored("rest"), json!({"A": CANARY}));
}

#[test]
fn set_accepts_the_output_of_bao_kv_get_and_bao_kv_put_accepts_ours() {
    let stored = awkward();
    let lab = Lab::with("plex", stored.clone());
    let mut bao = lab.home.command(ground().join("bin/bao"));
    bao.args([
        "kv",
        "get",
        "-format=json",
        "-mount=secret",
        "proxmox-services/plex",
    ])
    .env("BAO_ADDR", &lab.bao.address)
    .env("BAO_TOKEN", &lab.token);
    let text = run(&mut bao, "").exits(0).stdout;
    lab.home
        .cv_with(&["set", "theirs", "--from", "-", "--no-confirm"], &text)
        .exits(0);
    assert_eq!(lab.stored("theirs"), stored);
    let mut bao = lab.home.command(ground().join("bin/bao"));
    bao.args(["kv", "put", "-mount=secret", "proxmox-services/ours", "-"])
        .env("BAO_ADDR", &lab.bao.address)
        .env("BAO_TOKEN", &lab.token);
    run(&mut bao, &lab.cv(["export", "plex"]).exits(0).stdout).exits(0);
    assert_eq!(lab.stored("ours"), stored);
}

#[test]
fn an_export_of_several_services_is_not_taken_for_the_keys_of_one() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("radarr", json!({"B": "2"}));
    let text = lab.cv(["export", "plex", "radarr"]).exits(0).stdout;
    let set = |more: &[&str]| {
        lab.home.cv_with(
            &[&["set", "plex", "--from", "-", "--no-confirm"][..], more].concat(),
            &text,
        )
    };
    set(&[])
        .exits(2)
        .says("an object for each of several services, plex among them")
        .says("jq '.\"plex\"'");
    assert_eq!(lab.stored("plex"), json!({"A": "1"}));
    let one = run(Command::new("jq").arg(".\"radarr\""), &text)
        .exits(0)
        .stdout;
    lab.home
        .cv_with(&["set", "plex", "--from", "-", "--no-confirm"], &one)
        .exits(0);
    assert_eq!(lab.stored("plex"), json!({"A": "1", "B": "2"}));
    set(&["--only", "radarr"]).exits(0);
    assert_eq!(lab.stored("plex")["radarr"], json!({"B": "2"}));
    // Keys that hold objects are treated like other keys.
    lab.store("objects", json!({"X": {"a": 1}, "Y": {"b": 2}}));
    let objects = lab.cv(["export", "objects"]).exits(0).stdout;
    lab.home
        .cv_with(&["set", "again", "--from", "-", "--no-confirm"], &objects)
        .exits(0);
    assert_eq!(lab.stored("again"), json!({"X": {"a": 1}, "Y": {"b": 2}}));
}

#[test]
fn no_file_of_the_audit_log_is_overwritten() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    for name in [
        ".claude-vault-audit.log",
        ".claude-vault-audit.log.1",
        ".CLAUDE-VAULT-AUDIT.LOG.2",
    ] {
        let refused = lab.cv(["export", "plex", "--output", name, "--force"]);
        assert_ne!(refused.status, 0, "{name}: {}", refused.all());
        assert!(
            name.ends_with(".log") || !lab.home.lab().join(name).exists(),
            "{name}"
        );
    }
}
