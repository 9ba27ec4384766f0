//! Attacks on the person who runs `adopt`, by the author of a repository or of the adopted files.

use std::os::unix::fs::PermissionsExt;

use super::{app, tree};
use crate::support::{Lab, run};

const COMPOSE: &str = "services:\n  a:\n    image: x\n    env_file: .env\n";

/// A file that is not UTF-8 must not be taken for an empty one: its lines would be lost.
#[test]
fn a_file_that_would_gain_lines_and_is_not_utf_8_is_refused_and_left_alone() {
    for name in [".gitignore", "app/.env.example", ".claude-vault.toml"] {
        let lab = app(&[
            ("compose.yaml", COMPOSE),
            (".env", "API_TOKEN=Kq7-one-Lz2\n"),
        ]);
        lab.home
            .file("my notes/.env", "NOTES_PASSWORD=Kq7-notes-Lz2\n"); // this name needs an entry in .claude-vault.toml
        run(lab.home.command("git").args(["init", "-q"]), "").exits(0);
        std::fs::write(lab.home.lab().join(name), b"# Schl\xfcssel\n*.pem\n").unwrap();
        let before = tree(&lab);
        lab.cv(["adopt", "--all", "--no-confirm"])
            .exits(2)
            .says(name)
            .says("UTF-8");
        assert!(tree(&lab) == before, "{name}: something was written");
        lab.cv(["list", "app"]).exits(5);
    }
}

/// In git, the deepest `.gitignore` wins.
#[test]
fn a_nested_gitignore_that_re_includes_files_gets_the_ignore_lines() {
    let lab = app(&[
        ("compose.yaml", COMPOSE),
        (".env", "API_TOKEN=Kq7-one-Lz2\n"),
        (".gitignore", "!.env\n!.env.backup.*\n!*.yaml.backup.*\n"),
    ]);
    let git = |arguments: &[&str]| run(lab.home.command("git").args(arguments), "").exits(0);
    git(&["init", "-q"]);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    git(&["add", "-A"]);
    let taken = git(&["ls-files"]).stdout;
    assert!(
        taken.contains("app/.env.example")
            && !taken.contains("app/.env\n")
            && !taken.contains("backup"),
        "{taken}"
    );
    // `inject --gitignore` follows the same rule.
    let lab = Lab::with("plex", serde_json::json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/.gitignore", "!.env\n!.env.backup.*\n");
    let git = |arguments: &[&str]| run(lab.home.command("git").args(arguments), "").exits(0);
    git(&["init", "-q"]);
    lab.cv(["inject", "plex", "--gitignore"]).exits(0);
    git(&["add", "-A"]);
    assert!(!git(&["ls-files"]).stdout.contains("plex/.env\n"));
}

#[test]
fn the_template_omits_every_copy_of_a_secret_in_the_file() {
    let env = "# the old one was correcthorse\nDB_PASSWORD=correcthorse\nADMIN_LOGIN=correcthorse\nTZ=UTC\n";
    let lab = app(&[("compose.yaml", COMPOSE), (".env", env)]);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    let made = lab.home.read("app/.env.example");
    assert!(
        !made.contains("correcthorse") && made.contains("TZ=UTC\n"),
        "{made}"
    );
}

/// The `env_file` of a cloned repository can name any path.
#[test]
fn programs_hooks_and_start_up_files_are_not_taken_for_env_files() {
    let named = [
        ".git/hooks/post-checkout",
        ".bashrc",
        ".config/fish/config",
        "run",
        ".mcp.json",
        "compose.yaml",
    ];
    let list: String = named
        .iter()
        .map(|name| format!("      - {name}\n"))
        .collect();
    let lab = Lab::new();
    lab.home.file(
        "compose.yaml",
        &format!("services:\n  a:\n    image: x\n    env_file:\n{list}      - plain\n"),
    );
    for name in &named[..5] {
        let path = lab
            .home
            .file(name, "#!/bin/sh\nexport API_TOKEN=Kq7-one-Lz2\n");
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    lab.home.file("plain", "API_TOKEN=Kq7-one-Lz2\n");
    let before = tree(&lab);
    lab.cv(["adopt", "--all", "--name", "house", "--no-confirm"])
        .exits(0);
    let after = tree(&lab);
    for name in named {
        let path = lab.home.lab().join(name);
        let of = |tree: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
            tree.iter()
                .find(|(file, _)| path.ends_with(file) || **file == path)
                .map(|(_, content)| content.clone())
        };
        assert!(
            of(&before).is_some() && of(&before) == of(&after),
            "{name} was changed"
        );
    }
    assert!(lab.home.read("plain").contains("Written by claude-vault"));
}

/// Memory grows with the size of the file, not with the number of anchors times aliases.
#[test]
fn many_definitions_of_one_anchor_and_many_aliases_are_read_quickly() {
    let mut text = String::from("services:\n  a:\n    environment:\n");
    (0..30_000).for_each(|number| text.push_str(&format!("      X{number}: &a {number}\n")));
    (0..30_000).for_each(|number| text.push_str(&format!("      DB_PASSWORD_{number}: *a\n")));
    let lab = Lab::new();
    lab.home.file("app/compose.yaml", &text);
    let mut limited = lab.home.command("sh");
    let scan = r#"ulimit -v 1000000; exec "$0" scan --json"#;
    let found = run(
        limited
            .current_dir(lab.home.lab())
            .args(["-c", scan])
            .arg(env!("CARGO_BIN_EXE_claude-vault")),
        "",
    );
    assert!(found.exits(0).stdout.contains("X29999"));
}

#[test]
fn undo_keeps_a_version_that_somebody_else_wrote_between_two_adoptions() {
    let lab = app(&[
        ("compose.yaml", COMPOSE),
        (".env", "API_TOKEN=Kq7-one-Lz2\n"),
    ]);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    lab.cv(["set", "app", "OTHER=theirs", "--no-confirm"])
        .exits(0);
    lab.home.file("app/b.env", "B_PASSWORD=Kq7-two-Lz2\n");
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    let stored = lab.stored("app");
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(6);
    assert_eq!(lab.stored("app"), stored);
}

/// Undo gave the file back to the person, so inject must not remove keys that Vault lacks from it.
#[test]
fn after_an_undo_inject_removes_no_key_from_the_persons_file() {
    let env = "API_TOKEN=Kq7-one-Lz2\nTZ=UTC\n";
    let lab = app(&[("compose.yaml", COMPOSE), (".env", env)]);
    lab.cv(["set", "app", "OTHER=1", "--no-confirm"]).exits(0);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(lab.home.read("app/.env"), env);
    lab.cv(["inject", "app"]).exits(0);
    assert!(
        lab.home
            .read("app/.env")
            .contains("API_TOKEN=Kq7-one-Lz2\nTZ=UTC\n"),
        "{}",
        lab.home.read("app/.env")
    );
}

#[test]
fn adopt_uses_the_configured_mode_and_undo_restores_the_previous_mode() {
    let lab = app(&[
        ("compose.yaml", COMPOSE),
        (".env", "API_TOKEN=Kq7-one-Lz2\n"),
    ]);
    let path = lab.home.lab().join("app/.env");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let folder = lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "mode = \"0640\"\n").unwrap();
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    assert_eq!(mode(), 0o640);
    std::fs::remove_file(folder.join("config.toml")).unwrap();
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(mode(), 0o640);
}

/// Vault stores numbers as float64 and prints them its own way. A number that would come back
/// different stays in the file.
#[test]
fn a_number_that_vault_would_change_stays_in_its_file() {
    let lab = app(&[]);
    let yaml = "alarm_pin: 12345678901234567890\ndoor_pin: 4711.0\ngate_pin: 012345\nbell_pin: 12_345\nwifi_password: 40711\nsafe_pin: \"00712\"\n";
    lab.home.file("app/secrets.yaml", yaml);
    let run = lab.cv(["adopt", "app", "--no-confirm", "--json"]).exits(0);
    let reply = run.json();
    let stays: Vec<&str> = reply["services"][0]["stays"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stay| stay["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        stays,
        ["alarm_pin", "door_pin", "gate_pin", "bell_pin"],
        "{}",
        run.all()
    );
    let stored = lab.cv(["get", "app", "--json"]).exits(0).json();
    assert_eq!(
        stored["values"],
        serde_json::json!({"wifi_password": 40711, "safe_pin": "00712"}),
        "{stored}"
    );
    let text = lab.home.read("app/secrets.yaml");
    for line in yaml.lines() {
        assert!(text.contains(line), "{line} in {text}");
    }
    lab.cv(["inject", "app", "--check"]).exits(0);
}
