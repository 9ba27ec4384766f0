//! What a repository, or whoever else wrote the files, could do to the person who adopts them.

use std::os::unix::fs::PermissionsExt;

use super::{app, tree};
use crate::support::{Lab, run};

const COMPOSE: &str = "services:\n  a:\n    image: x\n    env_file: .env\n";

/// Bytes that are not UTF-8 are no empty file: lines would be lost.
#[test]
fn a_file_that_would_gain_lines_and_is_not_utf_8_is_refused_and_left_alone() {
    for name in [".gitignore", "app/.env.example", ".claude-vault.toml"] {
        let lab = app(&[
            ("compose.yaml", COMPOSE),
            (".env", "API_TOKEN=Kq7-one-Lz2\n"),
        ]);
        lab.home
            .file("my notes/.env", "NOTES_PASSWORD=Kq7-notes-Lz2\n"); // needs a line in .claude-vault.toml
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

/// The deepest `.gitignore` counts.
#[test]
fn a_gitignore_below_that_takes_files_back_is_answered_where_it_lies() {
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
    // `inject --gitignore` keeps to the same rule.
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
fn a_copy_of_a_secret_elsewhere_in_the_file_is_not_in_the_template() {
    let env = "# the old one was correcthorse\nDB_PASSWORD=correcthorse\nADMIN_LOGIN=correcthorse\nTZ=UTC\n";
    let lab = app(&[("compose.yaml", COMPOSE), (".env", env)]);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    let made = lab.home.read("app/.env.example");
    assert!(
        !made.contains("correcthorse") && made.contains("TZ=UTC\n"),
        "{made}"
    );
}

/// `env_file` of a cloned repository may name anything.
#[test]
fn programs_hooks_and_start_up_files_are_no_files_of_variables() {
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

/// Memory grows with the file, not with anchors times aliases.
#[test]
fn many_definitions_of_one_anchor_and_many_aliases_are_read_in_no_time() {
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
fn a_version_of_somebody_else_between_two_adoptions_is_not_taken_back() {
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

/// A file that inject just gave back to the person is not cleaned of keys that Vault lacks.
#[test]
fn after_an_undo_inject_takes_no_key_out_of_the_persons_file() {
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
fn the_mode_of_the_config_and_the_mode_before_are_kept() {
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

/// Vault keeps numbers as float64 and spells them its own way: a value that comes back otherwise
/// stays.
#[test]
fn a_number_that_vault_would_change_stays_in_its_file() {
    let lab = app(&[]);
    let yaml = "alarm_pin: 12345678901234567890\ndoor_pin: 4711.0\ngate_pin: 012345\nwifi_password: 40711\nsafe_pin: \"00712\"\n";
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
        ["alarm_pin", "door_pin", "gate_pin"],
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
