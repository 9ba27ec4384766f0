//! inject over an existing file: Vault's value first, then the person's own, then the template's
//! default.

use serde_json::{Value, json};

use crate::inject::backups;
use crate::readers::real::{ENV, YAML};
use crate::support::{Lab, Run};

/// The text below the header.
fn below(text: &str) -> &str {
    text.split_once("do not commit it.\n#\n")
        .map_or(text, |(_, below)| below)
}

fn inject(lab: &Lab, more: &[&str]) -> Run {
    lab.cv(["inject", "plex"].iter().chain(more)).exits(0)
}

/// Writes a file that only its owner can read, like the files we write.
fn private(lab: &Lab, name: &str, text: &str) {
    let file = lab.home.file(name, text);
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// What a real reader reads from a file of the lab.
#[track_caller]
fn read_by(lab: &Lab, name: &str, file: &str) -> std::collections::BTreeMap<String, Value> {
    let reader = ENV
        .iter()
        .chain(YAML)
        .find(|reader| reader.name == name)
        .unwrap();
    let answer = reader.read(&[lab.home.lab().join(file)]).remove(0);
    assert_eq!(answer.error, None, "{name} of {file}");
    answer.found
}

#[test]
fn a_person_keeps_their_own_values_and_lines_and_gets_new_keys_of_the_template() {
    let lab = Lab::with("plex", json!({"TOKEN": "from Vault", "ONLY_VAULT": "1"}));
    lab.home.file(
        "plex/.env.example",
        "# Vaultwarden\n\n# May anybody sign up?\nSIGNUPS_ALLOWED=true\n\n# From the portal\nTOKEN=\n\n# New in this release\nNEW=yes\n",
    );
    lab.home.file(
        "plex/.env",
        "# mine\nexport SIGNUPS_ALLOWED=false # no!\n\nTOKEN=old\n\nMY_OWN='a b'\n",
    );
    inject(&lab, &["--dry-run"])
        .says("update: TOKEN")
        .says("add: ONLY_VAULT")
        .says("keep as in .env.example: NEW")
        .says("keep as in the file: MY_OWN, SIGNUPS_ALLOWED");
    assert!(lab.home.read("plex/.env").starts_with("# mine\n"));
    let report = inject(&lab, &["--json"]).json();
    let file = &report["services"][0];
    assert_eq!(file["added"], json!(["NEW", "ONLY_VAULT"]));
    assert_eq!(
        (&file["changed"], &file["removed"]),
        (&json!(["TOKEN"]), &json!([]))
    );
    assert_eq!(file["kept"], json!(["MY_OWN", "SIGNUPS_ALLOWED"]));
    assert_eq!(
        below(&lab.home.read("plex/.env")),
        "# mine\nexport SIGNUPS_ALLOWED=false # no!\n\nTOKEN='from Vault'\n\n# New in this release\nNEW=yes\n\nMY_OWN='a b'\n\n\
         # Only in Vault, not in the example:\nONLY_VAULT=1\n"
    );
    assert_eq!(inject(&lab, &[]).all(), "");
    // A key that is later added to Vault joins the others; nothing else moves.
    lab.store(
        "plex",
        json!({"TOKEN": "from Vault", "ONLY_VAULT": "1", "LATER": "2"}),
    );
    let before = lab.home.read("plex/.env");
    inject(&lab, &[]).says("added: LATER");
    assert_eq!(
        below(&lab.home.read("plex/.env")),
        format!("{}LATER=2\n", below(&before))
    );
}

#[test]
fn a_key_removed_from_vault_is_removed_from_the_file_and_named() {
    let lab = Lab::with("plex", json!({"A": "1", "OLD": "secret", "NAMED": "2"}));
    lab.home
        .file("plex/.env.example", "A=\nNAMED=default # by the template\n");
    inject(&lab, &[]);
    let written = lab.home.read("plex/.env");
    lab.home.file(
        "plex/.env",
        &written.replace("\nA=1\n", "\n# own comment\nA=1\nOWN=x\n"),
    );
    lab.store("plex", json!({"A": "1"}));
    lab.cv(["inject", "plex", "--check"]).exits(1);
    let diff = inject(&lab, &["--diff"]);
    assert_eq!(diff.stdout, "plex/.env\n  ~ NAMED\n  - OLD\n");
    inject(&lab, &[])
        .says("removed (no longer in Vault): OLD")
        .says("reset to the default of .env.example (no longer in Vault): NAMED");
    let text = lab.home.read("plex/.env");
    assert_eq!(
        below(&text),
        "# own comment\nA=1\nOWN=x\nNAMED=default # by the template\n"
    );
    assert!(text.contains("#   A\n") && !text.contains("OLD"), "{text}");
    lab.cv(["inject", "plex", "--check"]).exits(0);
    // A line that a person adds afterwards is their own.
    lab.home
        .file("plex/.env", &format!("{text}OLD=mine again\n"));
    assert_eq!(inject(&lab, &[]).all(), "");
    assert!(lab.home.read("plex/.env").ends_with("OLD=mine again\n"));
}

/// Removal also works without a template or when the header is lost, because the state folder
/// records what was written.
#[test]
fn a_stale_key_is_removed_without_a_template_and_without_a_header() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    let file = lab.home.file("plex/.env", "A=1\nB=2\nOWN=3\n");
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    inject(&lab, &[]).says("plex/.env: fewer users may read it now");
    assert_eq!(
        inject(&lab, &[]).all(),
        "",
        "no value changes, so the file is not touched"
    );
    assert_eq!(
        std::fs::metadata(&file).unwrap().modified().unwrap(),
        written
    );
    assert_eq!(lab.home.read("plex/.env"), "A=1\nB=2\nOWN=3\n");
    lab.store("plex", json!({"A": "1"}));
    lab.cv(["inject", "plex", "--check"]).exits(1);
    inject(&lab, &[]).says("removed (no longer in Vault): B");
    assert_eq!(below(&lab.home.read("plex/.env")), "A=1\nOWN=3\n");
}

#[test]
fn only_keys_of_the_same_service_path_and_vault_are_removed() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    lab.home.file("plex/.env.example", "");
    inject(&lab, &[]);
    lab.store("plex", json!({"A": "1"}));
    // The same service under another prefix is a different one.
    lab.bao
        .put("secret/data/other/plex", json!({"data": {"A": "1"}}));
    lab.bao.put(
        "sys/policies/acl/other",
        json!({"policy": "path \"secret/*\" { capabilities = [\"read\", \"list\"] }"}),
    );
    let token = lab.bao.token(&["other"]);
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let run = crate::support::run(
        command
            .args(["inject", "plex", "--path", "other"])
            .env("VAULT_TOKEN", &token),
        "",
    );
    assert_eq!(run.exits(0).all(), "");
    assert!(lab.home.read("plex/.env").contains("\nB=2\n"));
    inject(&lab, &[]).says("removed (no longer in Vault): B");
}

#[test]
fn the_files_of_a_deleted_or_forbidden_service_stay_unchanged() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("jelly", json!({"A": "1"}));
    for name in ["plex", "jelly"] {
        lab.home
            .file(&format!("{name}/.env.example"), "A=default\n");
    }
    lab.cv(["inject", "--all"]).exits(0);
    let before = lab.home.read("plex/.env");
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/plex", "");
    lab.cv(["inject", "plex"]).exits(5);
    lab.cv(["inject", "plex", "--check"]).exits(5);
    lab.cv(["inject", "--all"])
        .exits(0)
        .says("plex is deleted in Vault: its files stay as they are");
    assert_eq!(
        lab.cv(["inject", "--all", "--json"]).exits(0).json()["deleted"],
        json!(["plex"])
    );
    assert_eq!(lab.home.read("plex/.env"), before);
    assert!(backups(&lab, "plex").is_empty());
    let nobody = lab.bao.token(&["default"]);
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    crate::support::run(
        command
            .args(["inject", "jelly"])
            .env("VAULT_TOKEN", &nobody),
        "",
    )
    .exits(4);
    assert!(lab.home.read("jelly/.env").contains("\nA=1\n") && backups(&lab, "jelly").is_empty());
}

#[test]
fn different_quoting_of_the_same_value_is_not_a_change() {
    let lab = Lab::with(
        "plex",
        json!({"A": "two words", "B": "it's", "C": "plain", "N": 5, "L": "x\ny"}),
    );
    let text = "A=\"two words\"\nB='it'\\''s'\nC='plain'\nN=\"5\"\nL='x\ny'\n";
    private(&lab, "plex/.env", text);
    assert_eq!(inject(&lab, &["--dialect", "shell"]).all(), "");
    assert_eq!(inject(&lab, &["--dialect", "shell", "--check"]).all(), "");
    assert_eq!(lab.home.read("plex/.env"), text);
    // A value that one of the readers misreads counts as changed.
    assert!(
        inject(&lab, &["--dialect", "shell,compose", "--diff"])
            .stdout
            .contains("  ~ B\n")
    );
    lab.store(
        "yaml",
        json!({"a": "abc", "b": "it's", "n": 5, "list": [1, "yes"], "t": "5"}),
    );
    let text = "a: abc\nb: 'it''s'\nn: 5\nlist:\n- 1\n- \"yes\"\nt: '5'\n";
    private(&lab, "yaml/secrets.yaml", text);
    assert_eq!(lab.cv(["inject", "yaml"]).exits(0).all(), "");
    assert_eq!(lab.home.read("yaml/secrets.yaml"), text);
    lab.store(
        "yaml",
        json!({"a": "abc", "b": "it's", "n": "5", "list": [1, "yes", null], "t": 5}),
    );
    assert_eq!(
        lab.cv(["inject", "yaml", "--diff"]).exits(0).stdout,
        "yaml/secrets.yaml\n  ~ list\n  ~ n\n  ~ t\n"
    );
    lab.cv(["inject", "yaml"]).exits(0);
    assert_eq!(
        below(&lab.home.read("yaml/secrets.yaml")),
        "a: abc\nb: 'it''s'\nn: \"5\"\nlist: [1, \"yes\", null]\nt: 5\n"
    );
}

#[test]
fn an_edit_overwritten_by_vault_is_named_with_the_command_that_keeps_it() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    lab.home.file("plex/.env.example", "A=\nB=\n");
    inject(&lab, &[]);
    let text = lab.home.read("plex/.env");
    lab.home.file(
        "plex/.env",
        &text.replace("A=1", "A=edited").replace("B=2", "B='2'"),
    );
    inject(&lab, &["--dry-run"]).says("edited in the file since it was written: A; to store that in Vault instead: claude-vault set plex --from plex/.env --only A");
    inject(&lab, &[]).says("claude-vault set plex --from plex/.env.backup.");
    let edited = backups(&lab, "plex");
    assert!(
        lab.home
            .read(&format!("plex/{}", edited[0]))
            .contains("A=edited\n")
    );
    assert_eq!(
        inject(&lab, &["--json"]).json()["services"][0]["edited"],
        Value::Null
    );
}

#[test]
fn yaml_keeps_its_other_content_and_follows_the_same_rules() {
    let lab = Lab::with(
        "plex",
        json!({"ota_password": "new", "wifi": "w", "old": "o", "named": "n"}),
    );
    lab.home.file(
        "plex/config/secrets.yaml.example",
        "# the house has one file\n<<: !include ../secrets.yaml\nota_password: x\n# the name\nnamed: default\n",
    );
    inject(&lab, &[]);
    let text = lab.home.read("plex/config/secrets.yaml");
    assert!(
        below(&text).starts_with(
            "# the house has one file\n<<: !include ../secrets.yaml\nota_password: \"new\"\n"
        ),
        "{text}"
    );
    lab.home.file(
        "plex/config/secrets.yaml",
        &format!("{text}own: &x mine # here\nown_too: *x\nother: !secret abc\n"),
    );
    lab.store("plex", json!({"ota_password": "newer", "wifi": "w"}));
    lab.cv(["inject", "plex", "--check"]).exits(1);
    inject(&lab, &[])
        .says("updated: ota_password")
        .says("removed (no longer in Vault): old")
        .says("reset to the default");
    assert_eq!(
        below(&lab.home.read("plex/config/secrets.yaml")),
        "# the house has one file\n<<: !include ../secrets.yaml\nota_password: \"newer\"\n# the name\nnamed: default\n\n\
         # Only in Vault, not in the example:\n\"wifi\": \"w\"\nown: &x mine # here\nown_too: *x\nother: !secret abc\n"
    );
    lab.cv(["inject", "plex", "--check"]).exits(0);
}

#[test]
fn types_are_kept_in_yaml_and_are_their_json_in_env() {
    let lab = Lab::with(
        "plex",
        json!({"n": 42, "f": 1.5, "b": true, "list": [1, "on", null], "map": {"k": "v: w"}, "t": "42"}),
    );
    inject(&lab, &["--file", "plex/secrets.yaml"]);
    let found = read_by(&lab, "PyYAML", "plex/secrets.yaml");
    assert_eq!(
        (&found["n"], &found["b"], &found["t"]),
        (&json!(42), &json!(true), &json!("42"))
    );
    assert_eq!(
        (&found["list"], &found["map"]),
        (&json!([1, "on", null]), &json!({"k": "v: w"}))
    );
    inject(&lab, &["--file", "plex/x.env", "--dialect", "node"]);
    let found = read_by(&lab, "dotenv 18 (npm)", "plex/x.env");
    assert_eq!(
        (&found["list"], &found["n"]),
        (&json!("[1,\"on\",null]"), &json!("42"))
    );
}

#[test]
fn crlf_export_and_repeated_keys_are_kept() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    lab.home.file("plex/.env.example", "# first\nX=x\nA=\nB=\n");
    lab.home
        .file("plex/.env", "\u{feff}export A=0\r\nA=0\r\nOWN = 1\r\n");
    inject(&lab, &["--dialect", "node"]);
    let text = lab.home.read("plex/.env");
    assert!(
        text.starts_with("\u{feff}# Written by") && !text.replace("\r\n", "").contains('\n'),
        "{text:?}"
    );
    assert!(
        text.ends_with("#\r\n# first\r\nX=x\r\nexport A=1\r\nA=1\r\nB=2\r\nOWN = 1\r\n"),
        "{text:?}"
    );
}

/// An example made from `KEY=value # comment` contains `KEY= # comment`.
#[test]
fn a_default_without_a_value_reads_as_empty() {
    let template = "DB_PASSWORD= # of the database\nAPI_KEY= # from the portal\nOTHER=\t# a tab\n";
    for (dialect, reader) in [
        ("compose", "docker compose 2.31"),
        ("python", "python-dotenv 1.2.4"),
        ("shell", "dash"),
    ] {
        let lab = Lab::with("plex", json!({"DB_PASSWORD": "hunter22"}));
        lab.home.file("plex/.env.example", template);
        inject(&lab, &["--dialect", dialect]);
        let found = read_by(&lab, reader, "plex/.env");
        assert_eq!(
            (&found["API_KEY"], &found["OTHER"]),
            (&json!(""), &json!("")),
            "{dialect}"
        );
        assert_eq!(found["DB_PASSWORD"], json!("hunter22"));
        let text = lab.home.read("plex/.env");
        assert!(
            text.contains("# from the portal") && text.contains("# of the database"),
            "{text}"
        );
        // An older version copied the line unchanged from the template.
        let older = below(&text).replace("''", "");
        lab.home.file("plex/.env", &older);
        inject(&lab, &["--dialect", dialect]);
        assert_eq!(
            read_by(&lab, reader, "plex/.env")["API_KEY"],
            json!(""),
            "{dialect}"
        );
    }
}

#[test]
fn the_reader_sees_a_default_as_its_author_meant_it() {
    let template = "SCOPES=openid profile email\nexport URL=https://x.example/?a=1&b=2 # the portal\nLIST=(a;b)\nPLAIN=x\nPW=\n";
    let lab = Lab::with("plex", json!({"PW": "it's"}));
    lab.home.file("plex/.env.example", template);
    inject(&lab, &["--dialect", "shell"]);
    for shell in ["bash", "dash", "zsh"] {
        let found = read_by(&lab, shell, "plex/.env");
        assert_eq!(found["SCOPES"], json!("openid profile email"), "{shell}");
        assert_eq!(
            (&found["URL"], &found["LIST"]),
            (&json!("https://x.example/?a=1&b=2"), &json!("(a;b)")),
            "{shell}"
        );
        assert_eq!(
            (&found["PLAIN"], &found["PW"]),
            (&json!("x"), &json!("it's")),
            "{shell}"
        );
    }
    assert!(
        lab.home
            .read("plex/.env")
            .contains("\nexport URL='https://x.example/?a=1&b=2' # the portal\n")
    );
    assert_eq!(inject(&lab, &["--dialect", "shell"]).all(), "");
    // A reader that reads the line correctly gets it unchanged.
    let lab = Lab::with("plex", json!({"PW": "it's"}));
    lab.home.file("plex/.env.example", template);
    inject(&lab, &["--dialect", "node"]);
    assert!(
        lab.home
            .read("plex/.env")
            .ends_with(&template.replace("PW=", "PW=\"it's\""))
    );
}

/// Takes a file to Vault and back, with edits and deletions on the way.
#[test]
fn a_file_goes_to_vault_and_comes_back() {
    for (dialect, reader) in [
        ("compose", "docker compose 2.31"),
        ("node", "dotenv 18 (npm)"),
    ] {
        let lab = Lab::new();
        private(
            &lab,
            "plex/.env",
            "# mine\nA=plain\nB='two words'\nC=\"x # y\"\n",
        );
        lab.home.file(
            if dialect == "compose" {
                "plex/compose.yaml"
            } else {
                "plex/package.json"
            },
            "{}\n",
        );
        lab.cv(["set", "plex", "--from", "plex/.env", "--no-confirm"])
            .exits(0);
        assert_eq!(inject(&lab, &[]).all(), "", "{dialect}");
        let before = read_by(&lab, reader, "plex/.env");
        let mut data = lab.stored("plex");
        data["NEW"] = json!("it's \"new\"");
        lab.store("plex", data.clone());
        inject(&lab, &[]).says("added: NEW");
        let mut found = read_by(&lab, reader, "plex/.env");
        assert_eq!(found.remove("NEW"), Some(json!("it's \"new\"")));
        assert_eq!(found, before);
        lab.home.file(
            "plex/.env",
            &lab.home
                .read("plex/.env")
                .replace("# mine\n", "# mine\nOWN='kept $5'\n"),
        );
        data.as_object_mut().unwrap().remove("NEW");
        data.as_object_mut().unwrap().remove("C");
        lab.store("plex", data);
        lab.cv(["inject", "plex", "--check"]).exits(1);
        inject(&lab, &[]).says("removed (no longer in Vault): C, NEW");
        assert_eq!(
            below(&lab.home.read("plex/.env")),
            "# mine\nOWN='kept $5'\nA=plain\nB='two words'\n"
        );
        lab.cv(["inject", "plex", "--check"]).exits(0);
    }
}

#[test]
fn quiet_prints_only_failures_and_diffs_and_dry_runs_are_logged_as_such() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.cv(["inject", "plex", "--diff"]).exits(0);
    lab.cv(["inject", "plex", "--dry-run"])
        .exits(0)
        .says("plex/.env would be written");
    assert!(!lab.home.lab().join("plex/.env").exists());
    assert_eq!(inject(&lab, &["--quiet"]).all(), "");
    lab.store("plex", json!({"A": "a\rb"}));
    lab.cv(["inject", "plex", "--quiet"])
        .exits(2)
        .says("carriage return");
    let log = lab.cv(["audit"]).exits(0).all();
    assert!(
        log.contains("ACTION=LOOK SERVICE=plex DETAILS=plex/.env is missing"),
        "{log}"
    );
    assert!(
        log.contains("ACTION=DRY_RUN") && !log.contains("DRY_RUN SERVICE=plex DETAILS=Updated"),
        "{log}"
    );
}

#[test]
fn the_config_can_give_a_group_access_and_stricter_permissions_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mode = || {
        std::fs::metadata(lab.home.lab().join("plex/.env"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    lab.home.file("plex/.env", "A=0\n");
    std::fs::set_permissions(
        lab.home.lab().join("plex/.env"),
        PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    inject(&lab, &[]).says("plex/.env: fewer users may read it now (0644 → 0600)");
    assert_eq!(mode(), 0o600);
    let config = lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&config).unwrap();
    let group = rustix::process::getegid().as_raw();
    std::fs::write(
        config.join("config.toml"),
        format!("mode = \"0640\"\ngroup = \"{group}\"\n"),
    )
    .unwrap();
    lab.store("plex", json!({"A": "2"}));
    inject(&lab, &[]);
    assert_eq!(mode(), 0o640);
    for name in backups(&lab, "plex") {
        let found = std::fs::metadata(lab.home.lab().join("plex").join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(config.join("config.toml"), "mode = \"0644\"\n").unwrap();
    lab.cv(["inject", "plex"])
        .exits(2)
        .says("neither 0600 nor 0640");
    std::fs::remove_file(config.join("config.toml")).unwrap();
    lab.home
        .file(".claude-vault.toml", "[services.plex]\nmode = \"0640\"\n");
    lab.cv(["inject", "plex"]).exits(2).says("unknown field");
}
