//! inject: which files a service has, and which keys each file gets.

use serde_json::json;

use crate::readers::real::ENV;
use crate::support::{Lab, run};

#[test]
fn every_common_template_name_is_found_and_the_first_one_is_used() {
    for (template, file) in [
        (".env.sample", ".env"),
        (".env.template", ".env"),
        (".env.dist", ".env"),
        ("env.example", ".env"),
        ("template.env", ".env"),
        (".env.prod.example", ".env.prod"),
        ("stack.env.example", "stack.env"),
        ("docker-compose.env.sample", "docker-compose.env"),
    ] {
        let lab = Lab::with("o", json!({"A": "1"}));
        lab.home
            .file(&format!("o/{template}"), "# the sample\nA=\nB=keep\n");
        lab.home.file("o/package.json", "{}");
        lab.cv(["inject", "o"])
            .exits(0)
            .says(&format!("kept as in {template}: B"));
        let text = lab.home.read(&format!("o/{file}"));
        assert!(
            text.ends_with("#\n# the sample\nA=1\nB=keep\n"),
            "{template}: {text}"
        );
        assert!(
            text.starts_with(&format!(
                "# Written by claude-vault from Vault (o) and {template}.\n"
            )),
            "{text}"
        );
    }
    let lab = Lab::with("o", json!({"A": "1"}));
    for word in ["dist", "template", "sample", "example"] {
        lab.home
            .file(&format!("o/.env.{word}"), &format!("A=\nFROM={word}\n"));
    }
    lab.cv(["inject", "o"]).exits(0);
    assert!(lab.home.read("o/.env").contains("\nFROM=example\n"));
    assert!(!lab.home.lab().join("o/.env.example.backup").exists());
    for name in ["secrets.yaml.sample", "config/secrets.yaml.template"] {
        let lab = Lab::with("o", json!({"a": "1"}));
        lab.home.file(&format!("o/{name}"), "a: x\nb: keep\n");
        lab.cv(["inject", "o"]).exits(0);
        assert!(
            lab.home
                .read(&format!("o/{}", name.rsplit_once('.').unwrap().0))
                .ends_with("a: \"1\"\nb: keep\n"),
            "{name}"
        );
    }
}

#[test]
fn each_of_several_files_gets_what_it_names_and_the_rest_is_reported() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2", "wifi": "3", "NEW": "4"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/.env.worker.example", "A=\nB=\n");
    lab.home
        .file("plex/config/secrets.yaml", "wifi: old\nown: x\n");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("plex/.env written")
        .says("none of the files of plex names NEW: add it to a template, or: claude-vault inject plex --file plex/.env");
    assert!(lab.home.read("plex/.env").ends_with("#\nA=1\n"));
    assert!(lab.home.read("plex/.env.worker").ends_with("#\nA=1\nB=2\n"));
    assert!(
        lab.home
            .read("plex/config/secrets.yaml")
            .ends_with("#\nwifi: \"3\"\nown: x\n")
    );
    // Later runs check all of these files.
    lab.store(
        "plex",
        json!({"A": "1", "B": "2", "wifi": "changed", "NEW": "4"}),
    );
    assert_eq!(
        lab.cv(["inject", "plex", "--diff"]).exits(0).stdout,
        "plex/config/secrets.yaml\n  ~ wifi\n"
    );
    lab.cv(["inject", "plex", "--check"])
        .exits(1)
        .says("1 of 3 files differs");
    let report = lab.cv(["inject", "plex", "--json"]).exits(0).json();
    let files: Vec<&str> = report["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        ["plex/.env", "plex/.env.worker", "plex/config/secrets.yaml"]
    );
    assert_eq!(report["unnamed"], json!({"plex": ["NEW"]}));
    lab.cv(["inject", "plex", "--file", "plex/.env"])
        .exits(0)
        .says("added: NEW");
    assert!(
        lab.home.read("plex/.env").ends_with("NEW=4\n")
            && !lab.home.read("plex/.env").contains("wifi")
    );
    // The chosen file has the key now.
    assert_eq!(lab.cv(["inject", "plex"]).exits(0).all(), "");
    // A key that is gone from Vault is removed from every file that had it.
    lab.store("plex", json!({"B": "2", "wifi": "changed", "NEW": "4"}));
    let run = lab.cv(["inject", "plex"]).exits(0);
    assert_eq!(
        run.stderr.matches("(no longer in Vault): A").count(),
        2,
        "{}",
        run.stderr
    );
}

#[test]
fn after_a_yaml_the_env_is_still_written() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env", "A=1\n");
    lab.cv(["inject", "plex", "yaml"])
        .exits(0)
        .says("plex/config/secrets.yaml written");
    lab.store("plex", json!({"A": "2"}));
    lab.cv(["inject", "plex", "--check"])
        .exits(1)
        .says("2 of 2 files differ");
    lab.cv(["inject", "plex"]).exits(0);
    assert!(
        lab.home.read("plex/.env").ends_with("A=2\n")
            && lab
                .home
                .read("plex/config/secrets.yaml")
                .ends_with("\"A\": \"2\"\n")
    );
    // With an explicit format, keys that no file names go into the first file of that format.
    lab.store("plex", json!({"A": "2", "B": "3"}));
    lab.cv(["inject", "plex", "env"]).exits(0).says("added: B");
    assert!(
        lab.home.read("plex/.env").contains("B=3")
            && !lab.home.read("plex/config/secrets.yaml").contains("B")
    );
}

const COMPOSE: &str = "services:
  db:
    image: x
    env_file:
      - ./env/db.env
      - path: maybe.env
        required: false
      - ../shared.env
      - ${STAGE}.env
  app:
    image: x
    env_file: docker-compose.env
";

#[test]
fn files_named_in_a_compose_file_belong_to_its_service() {
    let lab = Lab::with("paper", json!({"A": "1", "P": "it's $5 \\"}));
    lab.home.file("paper/compose.yaml", COMPOSE);
    lab.home.file("paper/env/db.env", "P=old\n");
    lab.home.file("paper/docker-compose.env", "A=old\n");
    let run = lab.cv(["inject", "paper"]).exits(0);
    for part in [
        "maybe.env of paper/compose.yaml is not written: it is missing",
        "../shared.env of paper/compose.yaml is not written: it lies outside",
        "${STAGE}.env of paper/compose.yaml is not written: its name contains a variable",
        "paper/env/db.env updated for docker compose (compose.yaml beside it)",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert!(
        lab.home
            .read("paper/docker-compose.env")
            .ends_with("#\nA=1\n")
    );
    let compose = ENV
        .iter()
        .find(|reader| reader.name == "docker compose 2.31")
        .unwrap();
    let found = compose
        .read(&[lab.home.lab().join("paper/env/db.env")])
        .remove(0)
        .found;
    assert_eq!(found["P"], json!("it's $5 \\"));
    for file in ["paper/maybe.env", "shared.env", "paper/.env"] {
        assert!(!lab.home.lab().join(file).exists(), "{file}");
    }
    // Files that are listed in the project file are written.
    let listed = "[services.paper]\nfiles = [\"paper/env/db.env\", { file = \"shared.env\", dialect = \"shell\" }]\n";
    lab.home.file(".claude-vault.toml", listed);
    lab.home.file("shared.env", "A=0\n");
    let report = lab.cv(["inject", "paper", "--json"]).exits(0).json();
    assert_eq!(report["services"][1]["dialects"], json!(["shell"]));
    assert!(lab.home.read("shared.env").ends_with("A=1\n"));
}

#[test]
fn a_single_file_named_in_a_compose_file_gets_all_keys() {
    let lab = Lab::with("paper", json!({"A": "1", "B": "2"}));
    lab.home.file(
        "paper/docker-compose.yml",
        "services:\n  a:\n    image: x\n    env_file: docker-compose.env\n",
    );
    lab.cv(["inject", "paper"])
        .exits(0)
        .says("paper/docker-compose.env written for docker compose");
    assert!(
        lab.home
            .read("paper/docker-compose.env")
            .ends_with("A=1\nB=2\n")
    );
}

#[test]
fn without_a_service_name_the_service_of_the_current_folder_is_used() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/data/x", "");
    lab.home.file(".claude-vault.toml", "");
    lab.cv(["inject"])
        .exits(2)
        .says("this is not a service's folder");
    let here = |folder: &str, arguments: &[&str]| {
        let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
        run(
            command
                .current_dir(lab.home.lab().join(folder))
                .arg("inject")
                .args(arguments),
            "",
        )
    };
    here("plex", &[]).exits(0).says("plex/.env written");
    here("plex/data", &["--check"]).exits(0);
    // Without the mark of a project, the folder counts as the service's own.
    std::fs::remove_file(lab.home.lab().join(".claude-vault.toml")).unwrap();
    std::fs::remove_file(lab.home.lab().join("plex/.env")).unwrap();
    here("plex", &["plex"]).exits(0).says(".env written");
    std::fs::remove_file(lab.home.lab().join("plex/.env")).unwrap();
    here("plex", &[]).exits(0).says(".env written");
    here("plex/data", &["plex"]).exits(5);
}

#[test]
fn a_file_of_another_service_is_left_alone() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.store("plex-dev", json!({"A": "for development"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/.env.dev.example", "A=\n");
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex-dev]\nfiles = [\"plex/.env.dev\"]\n",
    );
    lab.cv(["inject", "--all"]).exits(0);
    assert!(lab.home.read("plex/.env").ends_with("A=1\n"));
    assert!(
        lab.home
            .read("plex/.env.dev")
            .ends_with("A='for development'\n")
    );
}

#[test]
fn env_files_that_nothing_names_are_left_alone_and_reported() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env", "A=0\n");
    lab.home.file("plex/.env.local", "A=mine\n");
    lab.home
        .file("plex/.env.backup.20250101_000000", "A=older\n");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("plex/.env.local is not written: nothing says that it belongs to the service");
    assert_eq!(lab.home.read("plex/.env.local"), "A=mine\n");
    assert!(lab.home.read("plex/.env").ends_with("A=1\n"));
    lab.cv(["inject", "plex", "--file", "plex/.env.local"])
        .exits(0);
    // Once written, the file is one of the service's files.
    lab.store("plex", json!({"A": "2"}));
    lab.cv(["inject", "plex"]).exits(0);
    assert!(lab.home.read("plex/.env.local").ends_with("A=2\n"));
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/prod.env", "A=0\n");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("plex/prod.env updated");
}
