//! inject: files as programs read them.

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::support::{Lab, run};

pub fn backups(lab: &Lab, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(lab.home.lab().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.contains(".backup."));
    names.sort();
    names
}

#[test]
fn the_example_is_the_template_and_keeps_everything_else() {
    let lab = Lab::with("plex", json!({"A": "new value", "EMPTY": "", "EXTRA": "x"}));
    lab.home.file(
        "plex/.env.example",
        "# top\n\nexport A = placeholder # why\nKEPT = default\nEMPTY= placeholder\n",
    );
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("plex/.env written: 3 keys")
        .says("kept as in .env.example: KEPT")
        .says("some readers would misread it: systemd (A); a shell, docker");
    let text = lab.home.read("plex/.env");
    assert!(
        text.ends_with(
            "#\n# top\n\nexport A = 'new value' # why\nKEPT = default\nEMPTY= \n\n# Only in Vault, not in the example:\nEXTRA=x\n"
        ),
        "{text}"
    );
    assert!(text.starts_with(
        "# Written by claude-vault from Vault (plex) and .env.example.\n# Make it again: claude-vault inject plex\n"
    ));
    let mode = std::fs::metadata(lab.home.lab().join("plex/.env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(lab.cv(["inject", "plex"]).exits(0).all(), "");
    lab.cv(["inject", "plex", "--dry-run"])
        .exits(0)
        .says("is up to date");
    assert!(backups(&lab, "plex").is_empty());
}

#[test]
fn git_is_consulted_and_its_own_files_are_left_alone() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    assert!(!lab.cv(["inject", "plex"]).exits(0).stderr.contains("git"));
    run(lab.home.command("git").args(["init", "-q"]), "").exits(0);
    std::fs::remove_file(lab.home.lab().join("plex/.env")).unwrap();
    // Settings of a cloned repository that would run a program.
    let trap = lab.home.lab().join("ran");
    run(
        lab.home
            .command("git")
            .args(["config", "core.fsmonitor"])
            .arg(format!("touch {}", trap.display())),
        "",
    )
    .exits(0);
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("git would commit plex/.env or the backups: inject once with --gitignore");
    lab.home.file(".gitignore", "/plex/.env\n");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("git would commit plex/.env or the backups");
    lab.home
        .file(".gitignore", "/plex/.env\n/plex/.env.backup.*\n");
    assert!(!lab.cv(["inject", "plex"]).exits(0).stderr.contains("git "));
    assert!(!trap.exists());
    for file in [
        ".git/config",
        ".git/hooks/pre-commit",
        ".claude-vault.toml",
        ".mcp.json",
        ".claude-vault-audit.log",
    ] {
        lab.cv(["inject", "plex", "--file", file, "--format", "env"])
            .exits(2)
            .says("belongs to git or to claude-vault");
    }
}

#[test]
fn the_command_in_the_header_recreates_the_file_from_any_folder() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/sub/x", "");
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    run(
        command.current_dir(lab.home.lab().join("plex/sub")).args([
            "inject",
            "plex",
            "--file",
            "../my.env",
        ]),
        "",
    )
    .exits(0);
    assert!(
        lab.home
            .read("plex/my.env")
            .contains("again: claude-vault inject plex --file plex/my.env\n")
    );
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    run(
        command.current_dir(lab.home.lab().join("plex")).args([
            "inject",
            "plex",
            "--file",
            "../../out.env",
        ]),
        "",
    )
    .exits(2);
}

#[test]
fn without_an_example_the_existing_file_is_the_template_and_is_backed_up() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env", "# mine\nA=old\nOTHER=x\n");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("the old one is .env.backup.");
    assert!(
        lab.home
            .read("plex/.env")
            .ends_with("#\n# mine\nA=1\nOTHER=x\n")
    );
    let backups = backups(&lab, "plex");
    assert_eq!(
        lab.home.read(&format!("plex/{}", backups[0])),
        "# mine\nA=old\nOTHER=x\n"
    );
    let mode = std::fs::metadata(lab.home.lab().join("plex").join(&backups[0]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(lab.cv(["inject", "plex"]).exits(0).all(), "");
}

#[test]
fn yaml_is_chosen_by_an_example_an_existing_file_or_the_name_esphome() {
    let lab = Lab::with("ha", json!({"pin": "0123"}));
    lab.store("flat", json!({"pin": "yes"}));
    lab.store("esphome", json!({"pin": "1"}));
    lab.home
        .file("ha/config/secrets.yaml.example", "pin: x # c\nkept: y\n");
    lab.home.file("flat/secrets.yaml", "pin: x\n");
    lab.home.file("esphome/note", "");
    lab.cv(["inject", "ha", "flat", "esphome"]).exits(0);
    assert!(
        lab.home
            .read("ha/config/secrets.yaml")
            .ends_with("pin: \"0123\" # c\nkept: y\n")
    );
    assert!(
        lab.home
            .read("flat/secrets.yaml")
            .ends_with("pin: \"yes\"\n")
    );
    assert!(
        lab.home
            .read("esphome/config/secrets.yaml")
            .ends_with("\"pin\": \"1\"\n")
    );
}

#[test]
fn an_ambiguous_file_or_format_is_an_error_and_can_be_given() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["inject", "plex"]).exits(5).says("--root DIR");
    lab.home.file("plex/notes.txt", "");
    lab.cv(["inject", "plex"]).exits(2).says("--format env");
    lab.cv(["inject", "plex", "env"])
        .exits(0)
        .says("plex/.env written");
    lab.store("stack", json!({"A": "1"}));
    lab.home.file("stack/compose.yaml", "");
    lab.cv(["inject", "stack/"])
        .exits(0)
        .says("stack/.env written for docker compose");
    lab.cv(["inject", "plex", "--format", "yaml"])
        .exits(0)
        .says("plex/config/secrets.yaml written");
    lab.cv(["inject", "plex", "--file", "elsewhere/my.yaml"])
        .exits(0)
        .says("elsewhere/my.yaml written");
    assert!(lab.home.read("elsewhere/my.yaml").contains("\"A\": \"1\""));
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex]\nfile = \"docker/plex/secrets.env\"\n",
    );
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("docker/plex/secrets.env written");
}

#[test]
fn a_cloned_repository_can_set_the_places_of_files_and_nothing_else() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    for text in [
        "address = \"http://evil\"",
        "mount = \"x\"",
        "[services.plex]\nprefix = \"x\"",
        "[services.plex]\nfile = \"../out\"",
        "[services.plex]\nfile = \"/tmp/out\"",
    ] {
        lab.home.file(".claude-vault.toml", text);
        lab.cv(["inject", "plex"]).exits(2);
    }
    let elsewhere = lab.home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    lab.home.file(".claude-vault.toml", "");
    symlink(&elsewhere, lab.home.lab().join("plex")).unwrap();
    lab.cv(["inject", "plex", "--format", "env"])
        .exits(2)
        .says("symbolic link");
    lab.cv(["inject", "plex", "--file", "plex/.env"])
        .exits(2)
        .says("symbolic link");
    std::fs::remove_file(lab.home.lab().join("plex")).unwrap();
    lab.home.file("plex/x", "");
    symlink(elsewhere.join("target"), lab.home.lab().join("plex/.env")).unwrap();
    lab.cv(["inject", "plex", "--format", "env"])
        .exits(2)
        .says("symbolic link");
    std::fs::remove_file(lab.home.lab().join("plex/.env")).unwrap();
    // An example that is a symlink to a private file must not be copied.
    std::fs::write(elsewhere.join("private"), "K=private\n").unwrap();
    symlink(
        elsewhere.join("private"),
        lab.home.lab().join("plex/.env.example"),
    )
    .unwrap();
    lab.cv(["inject", "plex", "--format", "env"])
        .exits(2)
        .says("symbolic link");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1);
}

#[test]
fn a_pipe_a_folder_or_a_huge_file_in_place_of_the_file_is_refused() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/x", "");
    let place = lab.home.lab().join("plex/.env");
    assert!(run(lab.home.command("mkfifo").arg(&place), "").status == 0);
    lab.cv(["inject", "plex", "env"])
        .exits(2)
        .says("not a plain file");
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    lab.cv(["inject", "plex", "env"])
        .exits(2)
        .says("not a plain file");
    std::fs::remove_dir(&place).unwrap();
    std::fs::File::create(&place)
        .unwrap()
        .set_len(20 * 1024 * 1024)
        .unwrap();
    lab.cv(["inject", "plex", "env"])
        .exits(2)
        .says("larger than 16 MiB");
}

#[test]
fn values_that_no_text_can_represent_are_refused_by_name_and_nothing_is_written() {
    for (value, reason) in [
        ("it's $5", "in different ways"),
        ("a\rb", "carriage return"),
        ("x\\", "read differently from shells"),
        ("n\0l", "NUL"),
    ] {
        let lab = Lab::with("plex", json!({"FINE": "1", "BAD": value}));
        lab.home.file("plex/.env", "FINE=old\n");
        let refused = lab.cv(["inject", "plex"]).exits(2).says("BAD").says(reason);
        assert!(!refused.all().contains(value));
        assert_eq!(lab.home.read("plex/.env"), "FINE=old\n");
        lab.cv(["inject", "plex", "yaml"]).exits(0);
    }
    let lab = Lab::with("plex", json!({"foo-bar": "1"}));
    lab.home.file("plex/.env.example", "");
    lab.cv(["inject", "plex", "--strict"])
        .exits(2)
        .says("foo-bar")
        .says("does not start with a digit");
    assert!(!lab.home.lab().join("plex/.env").exists());
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("foo-bar left out of plex/.env")
        .says("does not start with a digit");
}

#[test]
fn diff_and_check_change_nothing() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    lab.home.file("plex/.env", "A=1\nOWN=x\nB=old\n");
    lab.home.file("plex/.env.example", "A=\n");
    assert_eq!(
        lab.cv(["inject", "plex", "--diff"]).exits(0).stdout,
        "plex/.env\n  ~ B\n"
    );
    lab.cv(["inject", "plex", "--check"])
        .exits(1)
        .says("1 of 1 files differs from Vault")
        .says("claude-vault inject plex --diff");
    assert_eq!(lab.home.read("plex/.env"), "A=1\nOWN=x\nB=old\n");
    lab.cv(["inject", "plex"]).exits(0);
    assert!(lab.home.read("plex/.env").ends_with("#\nA=1\nOWN=x\nB=2\n"));
    lab.cv(["inject", "plex", "--check"]).exits(0);
    assert_eq!(lab.cv(["inject", "plex", "--diff"]).exits(0).stdout, "");
}

#[test]
fn all_injects_every_service_with_a_folder_and_reports_each() {
    let lab = Lab::new();
    for number in 0..20 {
        lab.store(&format!("s{number}"), json!({"A": number.to_string()}));
        lab.home.file(&format!("s{number}/.env.example"), "A=\n");
    }
    lab.store("no-folder", json!({"A": "1"}));
    lab.store("only-run", json!({"A": "1"}));
    lab.home.file("only-run/start.sh", "");
    lab.store("broken", json!({"A": "a\rb"}));
    lab.home.file("broken/.env.example", "A=\n");
    let run = lab
        .cv(["inject", "--all"])
        .exits(2)
        .says("broken:")
        .says("1 of 21 services failed")
        .says("skipped, because their folders show no .env or secrets.yaml to write: only-run");
    assert_eq!(run.stderr.matches(" written: ").count(), 20);
    assert!(lab.home.read("s7/.env").ends_with("A=7\n"));
    let report = lab.cv(["inject", "s1", "s2", "--json"]).exits(0).json();
    assert_eq!(report["services"][1]["state"], "unchanged");
}

#[test]
fn a_template_is_filled_completely_or_refused() {
    let lab = Lab::with("plex", json!({"A": "1", "c": "C"}));
    lab.home.file("plex/.env.example", "A=\"x\" y\n");
    lab.cv(["inject", "plex"]).exits(0);
    assert!(lab.home.read("plex/.env").contains("\nA=1\n"));
    lab.home
        .file("plex/secrets.yaml.example", "c: &x v\nd: *x\n");
    lab.cv(["inject", "plex", "yaml"])
        .exits(2)
        .says("has an anchor");
    lab.home
        .file("plex/secrets.yaml.example", "c: v\n  # a note\nd: 1\n");
    lab.cv(["inject", "plex", "yaml"]).exits(0);
    assert!(
        lab.home
            .read("plex/secrets.yaml")
            .contains("c: \"C\"\n  # a note\nd: 1\n")
    );
}

#[test]
fn two_services_do_not_share_a_file_and_hints_are_quoted() {
    let lab = Lab::with("one", json!({"A": "1"}));
    lab.store("two", json!({"A": "2"}));
    lab.home.file(
        ".claude-vault.toml",
        "[services.one]\nfile = \"a'; id; '.env\"\n[services.two]\nfile = \"a'; id; '.env\"\n",
    );
    lab.cv(["inject", "one", "two"])
        .exits(2)
        .says("would both be written to");
    run(lab.home.command("git").args(["init", "-q"]), "").exits(0);
    run(lab.home.command("git").args(["add", "-f", "."]), "").exits(0);
    lab.cv(["inject", "one", "one"]).exits(0);
    run(lab.home.command("git").args(["add", "-f", "."]), "").exits(0);
    let output = lab.cv(["inject", "one"]).exits(0).says("git tracks");
    assert!(
        output.stderr.contains(r"rm --cached 'a'\''; id; '\''.env'"),
        "{}",
        output.stderr
    );
}
