//! `set --from`: Vault stores what the file's own reader would read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::readers::{ENV, Real, YAML};
use crate::support::{CANARY, Lab, run};

/// What a real reader reads from a file.
fn read_by(reader: &Real, file: PathBuf) -> BTreeMap<String, Value> {
    let answer = reader.read(&[file]).remove(0);
    assert!(
        answer.error.is_none(),
        "{}: {:?}",
        reader.name,
        answer.error
    );
    answer.found
}

fn real(name: &str) -> Real {
    *ENV.iter()
        .chain(YAML)
        .find(|real| real.name.starts_with(name))
        .unwrap_or_else(|| panic!("no reader {name}"))
}

fn object(values: BTreeMap<String, Value>) -> Value {
    Value::Object(values.into_iter().collect())
}

const COMPOSE: &str = "services:\n  a:\n    image: x\n    env_file: .env\n";

#[test]
fn neighbouring_files_determine_the_reader() {
    let text = "A=foobar#oopsie\nB='x'#c\nC=\"a\\nb\"\n";
    for (neighbour, content, reader) in [
        ("package.json", "{}", "dotenv 16"),
        ("pyproject.toml", "", "python-dotenv"),
        ("compose.yaml", COMPOSE, "docker compose"),
        ("Gemfile", "", "dotenv 3.2"),
    ] {
        let lab = Lab::new();
        lab.home.file(&format!("s/{neighbour}"), content);
        let file = lab.home.file("s/.env", text);
        lab.cv(["set", "s", "--from", "s/.env", "--no-confirm"])
            .exits(0);
        assert_eq!(
            lab.stored("s"),
            object(read_by(&real(reader), file)),
            "{neighbour}"
        );
    }
}

#[test]
fn two_readers_beside_a_file_must_agree_or_one_is_named() {
    let lab = Lab::new();
    lab.home.file("s/compose.yaml", COMPOSE);
    lab.home.file("s/package.json", "{}");
    let file = lab.home.file("s/.env", "SAME=plain\nHASH=a#b\n");
    lab.cv(["set", "s", "--from", "s/.env", "--no-confirm"])
        .exits(2)
        .says("line 2")
        .says("HASH")
        .says("--dialect");
    for (dialect, reader) in [("compose", "docker compose"), ("node", "dotenv 16")] {
        lab.cv([
            "set",
            "s",
            "--from",
            "s/.env",
            "--dialect",
            dialect,
            "--no-confirm",
        ])
        .exits(0);
        assert_eq!(
            lab.stored("s"),
            object(read_by(&real(reader), file.clone())),
            "{dialect}"
        );
    }
    lab.cv([
        "set",
        "t",
        "--from",
        "s/.env",
        "--except",
        "HASH",
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(lab.stored("t"), json!({"SAME": "plain"}));
}

#[test]
fn the_project_file_names_the_reader_too() {
    let lab = Lab::new();
    lab.home.file(
        ".claude-vault.toml",
        "[services.s]\nfile = \"s/settings.txt\"\nformat = \"env\"\ndialect = \"node\"\n",
    );
    lab.home.file("s/compose.yaml", COMPOSE);
    let file = lab.home.file("s/settings.txt", "HASH=a#b\n");
    lab.cv(["set", "s", "--from", "s/settings.txt", "--no-confirm"])
        .exits(0);
    assert_eq!(lab.stored("s"), object(read_by(&real("dotenv 16"), file)));
}

#[test]
fn without_neighbouring_files_the_plan_names_the_reader_and_those_that_would_differ() {
    let lab = Lab::new();
    lab.home.file("lone.env", "A=plain\nHASH=a#b\n");
    let done = lab
        .cv(["set", "s", "--from", "lone.env", "--no-confirm"])
        .exits(0);
    done.says("read as docker compose reads it").says("HASH:");
    assert_eq!(lab.stored("s"), json!({"A": "plain", "HASH": "a#b"}));
}

/// Checks whole files against PyYAML: what Vault stores, and what PyYAML reads from `secrets.yaml`
/// once it is written back.
#[test]
fn secrets_yaml_is_stored_and_written_as_pyyaml_reads_it() {
    let texts = [
        "# c\nwifi: 'it''s'\napi: \"a\\u00e9\\n\"\nport: 8123\nratio: 0.25\ndebug: yes\nquiet: off\nnothing: ~\nempty:\nlist: [1, two, 3.5]\nmap: {b: 1, a: [x]}\n",
        "block: |\n  one\n  two\nfolded: >-\n  a\n  b\nplain: a b\n  c d\nurl: https://x/y#z # note\n",
        "base: &pw hunter2\nother: *pw\ndefaults: &d {x: 1, y: two}\n<<: *d\ny: own\n",
        "hex: 0x1F\nbin: 0b11\nthousands: 1_000\nneg: -12\nplus: +3\nsci: 1.5e-7\nbig: 1.5e+300\ntext_sci: 1e3\ntime_like: 07:30\nzip: 08001\n",
        "\"quoted key\": v\nnot_a_key_but_fine.with-dots: 1\n",
        "\u{feff}a: 1\r\nb: \"x\"\r\n",
        "dup: 1\nother: x\ndup: 2\n",
    ];
    let reader = real("PyYAML");
    for (number, text) in texts.into_iter().enumerate() {
        let lab = Lab::new();
        let file = lab.home.file("esphome/secrets.yaml", text);
        let mut before = read_by(&reader, file.clone());
        let arguments = [
            "set",
            "esphome",
            "--from",
            "esphome/secrets.yaml",
            "--except",
            "quoted key",
            "--no-confirm",
        ];
        let last = if before.remove("quoted key").is_some() {
            7
        } else {
            4
        };
        lab.cv(if last == 7 {
            arguments.to_vec()
        } else {
            [&arguments[..4], &arguments[6..]].concat()
        })
        .exits(0);
        assert_eq!(lab.stored("esphome"), object(before.clone()), "{number}");
        let shown = lab.cv(["get", "esphome", "--json"]).exits(0).json();
        assert_eq!(shown["values"], object(before.clone()), "{number}");
        std::fs::remove_file(&file).unwrap();
        lab.cv(["inject", "esphome", "--file", "esphome/secrets.yaml"])
            .exits(0);
        assert_eq!(
            read_by(&reader, file),
            before,
            "{number}: {}",
            lab.home.read("esphome/secrets.yaml")
        );
    }
}

#[test]
fn a_yaml_key_that_cannot_be_stored_is_named_with_its_line_and_the_others_can_be_set() {
    let lab = Lab::new();
    lab.home.file(
        "esphome/config/secrets.yaml",
        "# house\n<<: !include ../secrets.yaml\nota_password: x\nwifi: !secret w\n",
    );
    let file = "esphome/config/secrets.yaml";
    lab.cv(["set", "esphome", "--from", file, "--no-confirm"])
        .exits(2)
        .says("line 2")
        .says("line 4")
        .says("!include")
        .says("wifi");
    lab.cv([
        "set",
        "esphome",
        "--from",
        file,
        "--only",
        "ota_password",
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(lab.stored("esphome"), json!({"ota_password": "x"}));
    lab.cv([
        "set",
        "other",
        "--from",
        file,
        "--except",
        "<<,wifi",
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(lab.stored("other"), json!({"ota_password": "x"}));
    for bad in [
        "t: 12:30",
        "t: 017",
        "t: 0o17",
        "t: 12345678901234567890",
        "t: 1.0",
        "t: 2024-01-31",
        "t: .inf",
        "yes: 1",
        "t: !vault x",
    ] {
        lab.home
            .file("s/secrets.yaml", &format!("good: 1\n{bad}\n"));
        lab.cv(["set", "s", "--from", "s/secrets.yaml", "--no-confirm"])
            .exits(2)
            .says("line 2");
    }
    for nothing in ["- a\n", "a: 1\n---\nb: 2\n", "a: [1\n"] {
        lab.home.file("s/secrets.yaml", nothing);
        lab.cv(["set", "s", "--from", "s/secrets.yaml", "--no-confirm"])
            .exits(2)
            .says("line ");
    }
    lab.cv(["list", "s"]).exits(5);
}

#[test]
fn a_thousand_aliases_are_read() {
    let lab = Lab::new();
    let aliases: String = (0..1000).map(|number| format!("k{number}: *a\n")).collect();
    let file = lab
        .home
        .file("s/secrets.yaml", &format!("a: &a hunter2\n{aliases}"));
    lab.cv(["set", "s", "--from", "s/secrets.yaml", "--dry-run"])
        .exits(0)
        .says("+ k999");
    // OpenBao accepts about 500 keys in one request.
    let (first, last): (Vec<String>, Vec<String>) = (0..1000)
        .map(|number| format!("k{number}"))
        .partition(|key| key.len() < 4);
    lab.cv(["set", "s", "--from", "s/secrets.yaml", "--no-confirm"])
        .exits(2)
        .says("more keys or list entries than Vault accepts");
    let mut before = read_by(&real("PyYAML"), file);
    lab.cv([
        "set",
        "s",
        "--from",
        "s/secrets.yaml",
        "--only",
        &first.join(","),
        "--no-confirm",
    ])
    .exits(0);
    before.retain(|key, _| !last.contains(key) && key != "a");
    assert_eq!(lab.stored("s"), object(before));
    // If these aliases were nested, the result would exceed any memory.
    let doubling: String = (1..60)
        .map(|n| format!("m{n}: &m{n} [*m{}, *m{}]\n", n - 1, n - 1))
        .collect();
    lab.home
        .file("s/secrets.yaml", &format!("m0: &m0 [x]\n{doubling}"));
    lab.cv(["set", "t", "--from", "s/secrets.yaml", "--no-confirm"])
        .exits(2)
        .says("too large");
}

#[test]
fn json_is_read_in_the_shapes_that_tools_print() {
    let lab = Lab::with("from", json!({"A": "x\n", "N": 7, "L": [1, {"b": null}]}));
    let expected = lab.stored("from");
    let ours = lab.cv(["get", "from", "--json"]).exits(0).stdout;
    let vault = lab.bao.get("secret/data/proxmox-services/from");
    let shapes = [
        expected.to_string(),
        ours,
        json!({"request_id": "1", "data": vault["data"], "warnings": null}).to_string(),
        json!([{"key": "A", "value": "x\n"}, {"key": "N", "value": 7}, {"key": "L", "value": [1, {"b": null}]}]).to_string(),
    ];
    for (number, text) in shapes.iter().enumerate() {
        lab.home.file("s.json", text);
        let service = format!("s{number}");
        lab.cv(["set", &service, "--from", "s.json", "--no-confirm"])
            .exits(0);
        assert_eq!(lab.stored(&service), expected, "{number}");
        let service = format!("t{number}");
        lab.home
            .cv_with(&["set", &service, "--from", "-", "--no-confirm"], text)
            .exits(0);
        assert_eq!(lab.stored(&service), expected, "{number}");
    }
    for (text, line) in [
        ("{\"A\": 1,\n\"B\": 12345678901234567890}", "line 2"),
        ("{\n\"A\" 1}", "line 2"),
        ("{\"a b\": 1}", "line 1"),
    ] {
        lab.home.file("s.json", text);
        lab.cv(["set", "s", "--from", "s.json", "--no-confirm"])
            .exits(2)
            .says(line);
    }
}

/// Reads back the output of OpenBao's own command.
#[test]
fn the_output_of_kv_get_is_accepted() {
    let lab = Lab::with("from", json!({"A": "x", "N": 7, "T": true}));
    let mut bao = lab.home.command(crate::support::ground().join("bin/bao"));
    bao.args([
        "kv",
        "get",
        "-format=json",
        "-mount=secret",
        "proxmox-services/from",
    ])
    .env("BAO_ADDR", &lab.bao.address);
    let printed = run(bao.env("BAO_TOKEN", &lab.token), "").exits(0).stdout;
    lab.home
        .cv_with(&["set", "to", "--from", "-", "--no-confirm"], &printed)
        .exits(0);
    assert_eq!(lab.stored("to"), lab.stored("from"));
}

#[test]
fn an_encrypted_file_is_refused_with_the_command_that_decrypts_it() {
    let lab = Lab::new();
    let enc = "ENC[AES256_GCM,data:Zm9v,iv:YWJj,tag:ZGVm,type:str]";
    let files = [
        (
            "s.yaml",
            format!("db: {enc}\nsops:\n    mac: {enc}\n    version: 3.9.0\n"),
            "sops decrypt",
        ),
        (
            "s.json",
            format!(
                "{{\n\t\"db\": \"{enc}\",\n\t\"sops\": {{\"mac\": \"{enc}\", \"version\": \"3.9.0\"}}\n}}"
            ),
            "sops decrypt",
        ),
        (
            "s.env",
            format!("DB={enc}\nsops_version=3.9.0\nsops_mac={enc}\n"),
            "--input-type dotenv",
        ),
        (
            "x.env",
            "DOTENV_PUBLIC_KEY=\"03f8\"\nDB=\"encrypted:BDqDBibm\"\n".to_owned(),
            "dotenvx decrypt",
        ),
        (
            "y.yaml",
            "$ANSIBLE_VAULT;1.1;AES256\n6638\n".to_owned(),
            "ansible-vault view",
        ),
    ];
    for (name, text, command) in files {
        lab.home.file(name, &text);
        lab.cv(["set", "s", "--from", name, "--no-confirm"])
            .exits(2)
            .says("is encrypted by")
            .says(command);
        lab.cv(["list", "s"]).exits(5);
    }
}

/// The hint names a command of dotenvx. The real dotenvx runs here, and its output is accepted.
#[test]
fn the_output_of_dotenvx_decrypt_is_accepted() {
    let lab = Lab::new();
    lab.home.file("x/.env", "DB=hunter2\nURL='https://x/y#z'\n");
    let dotenvx = crate::support::ground().join("node_modules/.bin/dotenvx");
    let folder = lab.home.lab().join("x");
    run(
        lab.home
            .command(&dotenvx)
            .arg("encrypt")
            .current_dir(&folder),
        "",
    )
    .exits(0);
    assert!(lab.home.read("x/.env").contains("encrypted:"));
    lab.cv(["set", "x", "--from", "x/.env", "--no-confirm"])
        .exits(2)
        .says("dotenvx decrypt -f x/.env --stdout");
    let plain = run(
        lab.home
            .command(&dotenvx)
            .args(["decrypt", "--stdout"])
            .current_dir(&folder),
        "",
    )
    .exits(0)
    .stdout;
    lab.home
        .cv_with(
            &["set", "x", "--from", "-", "--format", "env", "--no-confirm"],
            &plain,
        )
        .exits(0);
    let stored = lab.stored("x");
    assert_eq!(
        (&stored["DB"], &stored["URL"]),
        (&json!("hunter2"), &json!("https://x/y#z"))
    );
}

#[test]
fn no_error_about_a_file_repeats_a_possible_value() {
    let lab = Lab::new();
    lab.home.file("m/compose.yaml", COMPOSE);
    let files = [
        ("m/.env", format!("A='{CANARY}\n")),
        ("m/.env", format!("{CANARY}\n!{CANARY}={CANARY}\n")),
        ("m/.env", format!("A=${{{}_X}}\n", CANARY.replace('-', "_"))),
        ("m/secrets.yaml", format!("{CANARY}: !secret {CANARY}\n")),
        ("m/secrets.yaml", format!("a: [{CANARY}\n")),
        ("m/secrets.yaml", format!("? [{CANARY}]\n: 1\n")),
        ("m/x.json", format!("{{\"{CANARY} x\": \"{CANARY}\"}}")),
        ("m/x.json", format!("{{\"a\": {CANARY}}}")),
    ];
    for (name, text) in files {
        lab.home.file(name, &text);
        let refused = lab
            .cv(["set", "m", "--from", name, "--no-confirm"])
            .exits(2)
            .says("hint:");
        // The name inside ${…} can be shown; everything else may be a value.
        assert!(
            text.contains("${") || !refused.all().contains(CANARY),
            "{text}: {}",
            refused.stderr
        );
    }
    for arguments in [["--only", CANARY], ["--except", CANARY], ["--env", CANARY]] {
        lab.home.file("m/.env", "A=1\n");
        let refused = lab
            .cv([
                "set",
                "m",
                "--from",
                "m/.env",
                arguments[0],
                &format!("{}!", arguments[1]),
            ])
            .exits(2);
        assert!(!refused.all().contains(CANARY), "{}", refused.stderr);
    }
}

#[test]
fn a_compose_file_is_refused_as_a_source_of_keys() {
    let lab = Lab::new();
    lab.home.file("m/compose.yaml", COMPOSE);
    lab.cv(["set", "m", "--from", "m/compose.yaml", "--no-confirm"])
        .exits(2)
        .says("compose file");
}

#[test]
fn a_file_beside_a_compose_file_is_read_as_docker_compose_reads_it() {
    let lab = Lab::new();
    lab.home.file("m/compose.yaml", COMPOSE);
    let env = "GREETING='Let\\'s go!'\nPW=\"val #s\"#c\nDOMAIN=example.org\nURL=https://${DOMAIN}/x\nT=\"foo:$2a$10$TWabc\"\n";
    let file = lab.home.file("m/.env", env);
    let refused = lab.cv(["set", "m", "--from", "m/.env", "--no-confirm"]);
    match refused.status {
        0 => assert_eq!(
            lab.stored("m"),
            object(read_by(&real("docker compose"), file.clone()))
        ),
        _ => {
            refused.exits(2).says("line 5").says("T");
            lab.cv(["list", "m"]).exits(5);
        }
    }
    // Without the line that compose itself warns about, the values equal those that compose reads.
    let file = lab.home.file(
        "m/.env",
        &env.replace(
            "T=\"foo:$2a$10$TWabc\"\n",
            "T='foo:$2a$10$TWabc'\nX=\"a$$b\"\n",
        ),
    );
    lab.cv(["set", "m", "--from", "m/.env", "--no-confirm"])
        .exits(0)
        .says("URL: expanded from DOMAIN; it will not follow later changes");
    let before = read_by(&real("docker compose"), file.clone());
    assert_eq!(lab.stored("m"), object(before.clone()));
    assert_eq!(before["GREETING"], "Let's go!");
    assert_eq!(before["PW"], "val #s");
    assert_eq!(before["URL"], "https://example.org/x");
    // After inject, compose still reads the same values.
    lab.cv(["inject", "m"]).exits(0);
    assert_eq!(read_by(&real("docker compose"), file), before);
}

#[test]
fn the_environment_is_used_only_for_variables_that_are_named() {
    let mut lab = Lab::new();
    lab.home.set("DB_HOST", "db.lan");
    lab.home.file("m/compose.yaml", COMPOSE);
    lab.home.file(
        "m/.env",
        "URL=postgres://${DB_HOST}/x\nDEF=${DB_HOST:-local}\n",
    );
    lab.cv(["set", "m", "--from", "m/.env", "--no-confirm"])
        .exits(2)
        .says("line 1")
        .says("URL");
    lab.cv([
        "set",
        "m",
        "--from",
        "m/.env",
        "--env",
        "DB_HOST",
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(
        lab.stored("m"),
        json!({"URL": "postgres://db.lan/x", "DEF": "db.lan"})
    );
    lab.cv([
        "set",
        "n",
        "--from",
        "m/.env",
        "--only",
        "DEF",
        "--no-confirm",
    ])
    .exits(0);
    assert_eq!(lab.stored("n"), json!({"DEF": "local"}));
    lab.cv([
        "set",
        "n",
        "--from",
        "m/.env",
        "--env",
        "NOWHERE",
        "--no-confirm",
    ])
    .exits(2)
    .says("--env");
}

#[test]
fn an_entry_that_the_reader_cannot_read_is_refused_with_its_line() {
    let lab = Lab::new();
    lab.home.file("m/compose.yaml", COMPOSE);
    for text in ["A=1\nB='open\n", "A=1\nB=\"open\n", "A=1\n${X}=2\n"] {
        lab.home.file("m/.env", text);
        lab.cv(["set", "m", "--from", "m/.env", "--no-confirm"])
            .exits(2)
            .says("line 2");
        lab.cv(["list", "m"]).exits(5);
    }
}

#[test]
fn secrets_only_leaves_the_rest_in_the_file() {
    let lab = Lab::new();
    lab.home.file("m/compose.yaml", COMPOSE);
    let text = "DOMAIN=example.org\nURL=https://${DOMAIN}/x\nPORT=8080\nDB_PASSWORD=hunter2hunter2\nDSN=postgres://u:${DB_PASSWORD}@db/x\n";
    lab.home.file("m/.env", text);
    let done = lab
        .cv([
            "set",
            "m",
            "--from",
            "m/.env",
            "--secrets-only",
            "--no-confirm",
        ])
        .exits(0);
    done.says("left in the file: URL")
        .says("left in the file: PORT");
    let stored = lab.stored("m");
    assert_eq!(stored["DB_PASSWORD"], "hunter2hunter2");
    assert!(
        stored.get("URL").is_none() && stored.get("PORT").is_none(),
        "{stored}"
    );
}

#[test]
fn the_format_of_standard_input_is_detected_or_given() {
    let lab = Lab::new();
    lab.home
        .cv_with(
            &["set", "a", "--from", "-", "--no-confirm"],
            "# c\nexport A='x y'\nB=1\n",
        )
        .exits(0);
    assert_eq!(lab.stored("a"), json!({"A": "x y", "B": "1"}));
    lab.home
        .cv_with(
            &["set", "b", "--from", "-", "--no-confirm"],
            "a: 1\nb: yes\n",
        )
        .exits(0);
    assert_eq!(lab.stored("b"), json!({"a": 1, "b": true}));
    lab.home
        .cv_with(&["set", "c", "--from", "-", "--no-confirm"], "hello\n")
        .exits(2)
        .says("--format");
    lab.home
        .cv_with(
            &["set", "c", "--from", "-", "--format", "env", "--no-confirm"],
            "A: x\n",
        )
        .exits(0);
    assert_eq!(lab.stored("c"), json!({"A": "x"}));
    lab.home
        .cv_with(&["set", "c", "--from", "-", "K=-", "--no-confirm"], "A=1\n")
        .exits(2)
        .says("standard input");
    lab.home
        .cv_with(&["set", "c", "--from", "-", "--no-confirm"], "")
        .exits(2);
}
