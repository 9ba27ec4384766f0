//! `config`: each setting, and the source of its value.

use serde_json::Value;

use crate::support::{CANARY, Home};

fn write(home: &Home, text: &str) {
    let folder = home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

#[test]
fn each_setting_shows_its_source() {
    let mut home = Home::new();
    write(
        &home,
        "address = \"https://vault.example\"\nmount = \"kv\"\nrole = \"lab\"\napproval = \"passkey\"\nask_before = [\"inject\"]\n",
    );
    home.set("CLAUDE_VAULT_MOUNT", "other");
    home.set("VAULT_TOKEN", CANARY);
    let run = home.cv(["config", "--json", "--path", "below"]).exits(0);
    assert!(!run.all().contains(CANARY));
    let reply = run.json();
    let of = |name: &str| -> (Value, Value) {
        let all = reply["settings"].as_array().unwrap();
        let one = all
            .iter()
            .find(|one| one["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"));
        (one["value"].clone(), one["source"].clone())
    };
    for (name, value, source) in [
        ("address", "https://vault.example", "config"),
        ("mount", "other", "CLAUDE_VAULT_MOUNT"),
        ("prefix", "below", "--path"),
        ("role", "lab", "config"),
        ("port", "8250", "default"),
        ("security_mode", "tokenized", "default"),
        ("approval", "passkey", "config"),
        ("ask_before", "inject", "config"),
        ("write_role", "", "default"),
    ] {
        assert_eq!(of(name), (value.into(), source.into()), "{name}");
    }
    assert!(
        reply["file"]
            .as_str()
            .unwrap()
            .ends_with(".config/claude-vault/config.toml")
    );
    let text = home.cv(["config"]).exits(0).says("config.toml").stdout;
    assert!(
        has_row(&text, "mount other") && text.lines().all(|line| !line.ends_with(' ')),
        "{text}"
    );
    // The columns are aligned: each value starts where the first one does.
    let starts = |line: &str| {
        let name = line.find("  ").unwrap();
        name + line[name..].find(|c| c != ' ').unwrap()
    };
    let first = starts(text.lines().next().unwrap());
    assert!(text.lines().all(|line| starts(line) == first), "{text}");
}

/// Whether a table has a row that begins with these cells.
pub fn has_row(table: &str, cells: &str) -> bool {
    table.lines().any(|line| {
        line.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .starts_with(cells)
    })
}

/// Every key that the file can contain is shown.
#[test]
fn no_setting_is_left_out() {
    let source = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/mod.rs"),
    )
    .unwrap();
    let body = source
        .split("pub struct Settings {")
        .nth(1)
        .unwrap()
        .split("\n}")
        .next()
        .unwrap()
        .to_owned();
    let home = Home::new();
    let shown = home.cv(["config", "--json"]).exits(0).json();
    let names: Vec<&str> = shown["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    // Settings that are derived from others, or have another name in the file.
    let others = [
        "provider",
        "is_project",
        "state",
        "tls",
        "timeout",
        "agent",
        "config",
        "data",
        "config_files",
        "locked",
        "is_lab",
        "file_mode",
        "file_group",
    ];
    let fields = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(field, _)| field);
    let left_out: Vec<&str> = fields
        .map(|field| {
            if field == "mode" {
                "security_mode"
            } else {
                field
            }
        })
        .filter(|field| !names.contains(field))
        .collect();
    assert!(
        names.len() > 30 && left_out.iter().all(|field| others.contains(field)),
        "{left_out:?}"
    );
    for name in [
        "ca_cert",
        "issuer",
        "client_id",
        "scopes",
        "mode",
        "group",
        "client_timeout",
        "skip_verify",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    // And every variable above the first example of the manual, with the source it then has.
    let manual = crate::documents::page("docs/configuration.md");
    let introduction = manual.split("```").next().unwrap();
    let variables: Vec<&str> = introduction
        .split('`')
        .filter(|word| word.contains("VAULT_") && !word.contains('…'))
        .collect();
    assert!(variables.len() > 11, "{variables:?}");
    for variable in variables.into_iter().filter(|name| *name != "VAULT_TOKEN") {
        let mut home = Home::new();
        home.set(
            variable,
            if variable == "VAULT_ADDR" {
                "https://vault.example"
            } else {
                "7"
            },
        );
        let sources = home.cv(["config", "--json"]).exits(0).json()["settings"].clone();
        let said = sources
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["source"] == variable)
            .count();
        assert_eq!(said, 1, "{variable}");
    }
}

#[test]
fn settings_at_their_default_are_shown_only_with_the_option() {
    let mut home = Home::new();
    home.set("CLAUDE_VAULT_MOUNT", "kv");
    let usual = home
        .cv(["config"])
        .exits(0)
        .says("other settings have their defaults: claude-vault config --all")
        .stdout;
    assert!(
        has_row(&usual, "mount kv") && !usual.contains("default") && !usual.contains("port"),
        "{usual}"
    );
    let run = home.cv(["config", "--all"]).exits(0);
    assert!(
        has_row(&run.stdout, "port 8250") && !run.stderr.contains("config --all"),
        "{}",
        run.all()
    );
    assert!(run.stdout.lines().count() > 30, "{}", run.stdout);
}

#[test]
fn a_mistyped_key_is_an_error_with_the_one_that_was_meant() {
    let home = Home::new();
    write(
        &home,
        "mount = \"kv\"\nadress = \"https://vault.example\"\n",
    );
    home.cv(["config"])
        .exits(2)
        .says("line 2: unknown field `adress`")
        .says("did you mean address?");
    write(&home, "port = \"x\"\n");
    home.cv(["status"])
        .exits(2)
        .says("line 1")
        .says("claude-vault config edit");
}

#[test]
fn the_editor_opens_the_file_and_it_is_checked_afterwards() {
    let mut home = Home::new();
    let editor = home.file(
        "editor",
        "#!/bin/sh\ngrep -q '^# address' \"$1\" || exit 1\nprintf 'mount = \"kv\"\\n' >>\"$1\"\n",
    );
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home.set("EDITOR", editor.to_string_lossy());
    home.cv(["config", "edit"]).exits(0).says("is valid");
    assert!(has_row(&home.cv(["config"]).exits(0).stdout, "mount kv"));
    home.cv(["config", "edit"]).exits(2).says("duplicate key");
    home.set("EDITOR", "/bin/false");
    home.cv(["config", "edit"])
        .exits(2)
        .says("the editor failed");
    home.set("CLAUDECODE", "1");
    home.cv(["config", "edit"])
        .exits(8)
        .says("under an AI agent");
}
