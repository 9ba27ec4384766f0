//! inject: which program reads the file, and which parts of a template stay.

use claude_vault::format::dotenv;
use serde_json::json;

use crate::support::{Lab, run};

/// Injects into one template. Returns the text below the header, and stderr.
fn filled(template: &str, data: serde_json::Value, more: &[&str]) -> (String, String) {
    let lab = Lab::with("plex", data);
    lab.home.file("plex/.env.example", template);
    let said = lab
        .cv(["inject", "plex"].iter().chain(more))
        .exits(0)
        .stderr;
    let text = lab.home.read("plex/.env");
    let (_, below) = text.split_once("do not commit it.").unwrap();
    (below.trim_start_matches(['\r', '\n', '#']).to_owned(), said)
}

#[test]
fn every_byte_outside_the_values_stays() {
    let (text, said) = filled(
        "# c\n\n  export A=x # why\nB = y\t# tab\nC= z\nexport\tD='q\nr'  # two lines\nE=\"1\"#x\n\n\nF=last",
        json!({"A": "1", "B": "2 3", "C": "", "D": "4", "E": "5", "F": "6"}),
        &[],
    );
    assert_eq!(
        text,
        " c\n\n  export A=1 # why\nB = '2 3'\t# tab\nC= \nexport\tD=4  # two lines\nE=5\n\n\nF=6"
    );
    for reader in ["a shell", "systemd", "docker run --env-file"] {
        assert!(said.contains(reader), "{said}");
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_stay() {
    let (text, said) = filled(
        "\u{feff}A=x\r\nB=y\r\nC=z",
        json!({"A": "1", "B": "two words"}),
        &[],
    );
    assert_eq!(text, "A=1\r\nB='two words'\r\nC=z");
    assert!(said.contains("a shell"), "{said}");
    let (text, said) = filled(
        "\u{feff}A=x\r\nB=y\r\nC=z",
        json!({"A": "1", "B": "two words"}),
        &["--dialect", "shell"],
    );
    assert_eq!(text, "A=1\nB='two words'\nC=z");
    assert!(
        said.contains("rewritten as plain KEY=value lines, since a shell reads no others"),
        "{said}"
    );
}

#[test]
fn a_repeated_key_is_set_each_time_with_one_warning() {
    let (text, said) = filled("A=x\nB=1\nA=y\n", json!({"A": "z"}), &[]);
    assert_eq!(text, "A=z\nB=1\nA=z\n");
    assert_eq!(said.matches("appears more than once").count(), 1);
}

#[test]
fn a_large_template_is_filled_quickly() {
    let template: String = (0..20_000)
        .map(|n| format!("# a line of comment for key {n}\nKEY_{n}=default # x\n"))
        .collect();
    assert!(template.len() > 1_000_000);
    let started = std::time::Instant::now();
    let (text, _) = filled(
        &template,
        json!({"KEY_0": "first", "KEY_19999": "last"}),
        &[],
    );
    assert!(started.elapsed().as_secs() < 20);
    assert!(text.contains("KEY_0=first # x\n") && text.ends_with("KEY_19999=last # x\n"));
    assert_eq!(
        text.len() + "default".len() * 2,
        template.len() - 1 + "first".len() + "last".len()
    );
}

#[test]
fn the_reader_is_guessed_from_neighbouring_files_and_reported() {
    let cases = [
        ("compose.yaml", "", "docker compose"),
        ("compose.yml", "", "docker compose"),
        ("docker-compose.yaml", "", "docker compose"),
        ("docker-compose.yml", "", "docker compose"),
        ("package.json", "{}", "npm dotenv"),
        (
            "package.json",
            "{\"devDependencies\":{\"vite\":\"^8\"}}",
            "Vite or Next.js",
        ),
        ("package.json", "not json", "npm dotenv"),
        ("pyproject.toml", "", "python-dotenv"),
        ("Gemfile", "", "Ruby's dotenv"),
        ("composer.json", "", "phpdotenv"),
        ("go.mod", "", "godotenv"),
        ("Cargo.toml", "", "dotenvy"),
        ("x.service", "", "systemd"),
    ];
    let manual = crate::documents::page("docs/files.md");
    for name in dotenv::neighbour_names() {
        assert!(
            cases.iter().any(|(tried, ..)| *tried == name),
            "{name} is not tried"
        );
        // The manual says "a compose file" and "a systemd unit".
        let is_kind = [".yaml", ".yml", ".service"]
            .iter()
            .any(|end| name.ends_with(end));
        assert!(
            is_kind || manual.contains(&format!("`{name}`")),
            "docs/files.md does not name {name}"
        );
    }
    let lab = Lab::with("plex", json!({"A": "it's $5"}));
    for (name, content, reader) in cases {
        lab.home.file(&format!("plex/{name}"), content);
        let run = lab.cv(["inject", "plex", "--check"]);
        assert!(
            run.stderr
                .contains(&format!("for {reader} ({name} beside it)")),
            "{name}: {}",
            run.stderr
        );
        std::fs::remove_file(lab.home.lab().join("plex").join(name)).unwrap();
    }
    lab.home.file("plex/.env.example", "A=\n");
    lab.cv(["inject", "plex"])
        .exits(2)
        .says("the usual readers")
        .says("inject plex --dialect shell   (or systemd, compose");
    lab.cv(["inject", "plex", "--file", "x.env"])
        .exits(2)
        .says("inject plex --file x.env --dialect shell");
    let reply = lab
        .cv(["inject", "plex", "--dialect", "shell,systemd", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        reply["services"][0]["dialects"],
        json!(["shell", "systemd"])
    );
    assert!(
        lab.home
            .read("plex/.env")
            .contains("again: claude-vault inject plex --dialect shell,systemd\n")
    );
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex]\ndialect = [\"shell\", \"compose\"]\n",
    );
    lab.cv(["inject", "plex"]).exits(0);
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex]\ndialect = \"compose\"\n",
    );
    lab.cv(["inject", "plex", "--diff"]).exits(0);
    assert!(lab.home.read("plex/.env").ends_with("A=\"it's \\$5\"\n"));
    lab.cv(["inject", "plex", "yaml", "--dialect", "go"])
        .exits(2)
        .says("--dialect is for .env files");
}

#[test]
fn a_file_with_two_kinds_of_reader_serves_both_or_the_conflict_is_reported() {
    let lab = Lab::with("plex", json!({"A": "it's fine"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/compose.yaml", "");
    lab.home.file("plex/package.json", "{}");
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("for docker compose and npm dotenv (compose.yaml, package.json beside it)");
    lab.store("plex", json!({"A": "it's $5"}));
    lab.cv(["inject", "plex"])
        .exits(2)
        .says("so that docker compose and npm dotenv would read it back")
        .says("--dialect compose   (or node)");
    lab.cv(["inject", "plex", "--dialect", "compose"]).exits(0);
}

#[test]
fn a_warning_names_a_reader_that_was_not_guessed_and_would_misread_the_file() {
    let lab = Lab::with("plex", json!({"A": "a$b", "B": "${C}", "L": "x\ny"}));
    lab.home.file("plex/.env.example", "");
    let said = lab.cv(["inject", "plex"]).exits(0).stderr;
    let warning = said
        .lines()
        .find(|line| line.contains("some readers"))
        .unwrap();
    for part in [
        "docker run --env-file (",
        "Vite or Next.js (A, B)",
        "python-dotenv (B)",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    let quiet = lab
        .cv(["inject", "plex", "--dialect", "compose"])
        .exits(0)
        .stderr;
    assert!(!quiet.contains("some readers"), "{quiet}");
}

#[test]
fn a_line_that_would_stop_a_reader_is_reported_and_nothing_is_written() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\nnonsense here\n");
    lab.cv(["inject", "plex", "--dialect", "docker"])
        .exits(2)
        .says("stops at a line that is not KEY=value (line 2 of plex/.env.example)");
    assert!(!lab.home.lab().join("plex/.env").exists());
}

#[test]
fn a_default_that_would_be_lost_is_reported() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home
        .file("plex/.env.example", "A='tis\nB=foo\nC='twas\n");
    for dialect in ["node", "portable"] {
        let run = lab.cv(["inject", "plex", "--dialect", dialect]);
        assert!(
            run.status == 2 || lab.home.read("plex/.env").contains("B=foo"),
            "{dialect}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_template_may_be_large_and_odd() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let many = |part: &str| part.repeat(300_000 / part.len());
    for template in [
        many("x\n"),
        format!("Z='{}x y", many("\\'")),
        format!("Z={}", many("$(")),
        format!("\t\t\nZ='{}'", many("\n")),
        many("A='x\n"),
    ] {
        lab.home.file("plex/.env.example", &template);
        for dialect in [
            "portable", "node", "ruby", "rust", "shell", "php", "go", "compose", "systemd",
            "python", "docker",
        ] {
            let started = std::time::Instant::now();
            lab.cv(["inject", "plex", "--check", "--dialect", dialect]);
            assert!(
                started.elapsed().as_secs() < 10,
                "{dialect} of {:?}",
                &template[..10]
            );
        }
    }
}

#[test]
fn variables_that_shells_reserve_are_refused_in_shell_files() {
    let lab = Lab::with("plex", json!({"A": "1", "UID": "1000"}));
    lab.home.file("plex/.env.example", "A=\nUID=\n");
    lab.cv(["inject", "plex", "--dialect", "shell"])
        .exits(2)
        .says("shells reserve variables of that name");
    lab.cv(["inject", "plex"]).exits(0).says("a shell (UID)");
    lab.cv(["inject", "plex", "--dialect", "portable,node"])
        .exits(2)
        .says("cannot be combined");
}

#[test]
fn names_that_are_not_valid_variables_are_written_only_to_yaml() {
    let lab = Lab::with("plex", json!({"foo-bar": "1", "1A": "2", "_": "3"}));
    lab.home.file("plex/.env.example", "");
    lab.cv(["inject", "plex", "--strict"])
        .exits(2)
        .says("1A, _, foo-bar cannot be written")
        .says("would refuse the whole file");
    assert!(!lab.home.lab().join("plex/.env").exists());
    lab.cv(["inject", "plex", "yaml"]).exits(0);
    assert!(
        lab.home
            .read("plex/config/secrets.yaml")
            .ends_with("\"1A\": \"2\"\n\"_\": \"3\"\n\"foo-bar\": \"1\"\n")
    );
    lab.home.file("plex/config/secrets.yaml.example", "on: x\n");
    lab.store("plex", json!({"on": "1"}));
    lab.cv(["inject", "plex", "yaml"])
        .exits(0)
        .says("unquoted, on is not text to many YAML readers");
}

#[test]
fn the_gitignore_lines_are_added_once() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let git = |arguments: &[&str]| {
        run(lab.home.command("git").args(arguments), "")
            .exits(0)
            .stdout
    };
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file(".gitignore", "*.log");
    git(&["init", "-q"]);
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("git would commit plex/.env")
        .says("--gitignore");
    assert_eq!(lab.home.read(".gitignore"), "*.log");
    lab.cv(["inject", "plex", "--gitignore"])
        .exits(0)
        .says("are in .gitignore now");
    assert_eq!(
        lab.home.read(".gitignore"),
        "*.log\n/plex/.env\n/plex/.env.backup.*\n"
    );
    assert!(
        !lab.cv(["inject", "plex", "--gitignore"])
            .exits(0)
            .stderr
            .contains("git")
    );
    git(&["add", "-f", "plex/.env"]);
    lab.cv(["inject", "plex"])
        .exits(0)
        .says("git tracks plex/.env")
        .says("rm --cached 'plex/.env'");
    lab.home.file(
        ".claude-vault.toml",
        "[services.plex]\nfile = \"a b[1]*/x.env\"\n",
    );
    lab.cv(["inject", "plex", "--gitignore"])
        .exits(0)
        .says("are in .gitignore now");
    assert!(!git(&["status", "--porcelain", "--untracked-files=all"]).contains("x.env"));
}

/// A copied tree can contain settings that name programs, and files that never end.
#[test]
fn the_settings_of_a_repository_neither_run_programs_nor_block_the_command() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let git = |arguments: &[&str]| {
        run(lab.home.command("git").args(arguments), "")
            .exits(0)
            .stdout
    };
    lab.home.file("plex/.env.example", "A=\n");
    lab.home.file("plex/.gitignore", "*.log\n");
    git(&["init", "-q"]);
    git(&["add", "plex/.gitignore"]);
    git(&["update-index", "--skip-worktree", "plex/.gitignore"]);
    let blob = git(&["rev-parse", ":plex/.gitignore"]);
    std::fs::remove_file(lab.home.lab().join("plex/.gitignore")).unwrap();
    std::fs::remove_file(
        lab.home
            .lab()
            .join(".git/objects")
            .join(&blob[..2])
            .join(blob[2..].trim()),
    )
    .unwrap();
    let trap = lab.home.lab().join("ran");
    let evil = lab.home.file(
        "evil.sh",
        &format!("#!/bin/sh\ntouch '{}'\n", trap.display()),
    );
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (name, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "."),
        ("remote.origin.uploadpack", evil.to_str().unwrap()),
        ("core.sshCommand", evil.to_str().unwrap()),
    ] {
        git(&["config", name, value]);
    }
    lab.cv(["inject", "plex"]).exits(0);
    assert!(!trap.exists());
    run(
        lab.home.command("mkfifo").arg(lab.home.lab().join("pipe")),
        "",
    )
    .exits(0);
    git(&[
        "config",
        "core.excludesFile",
        lab.home.lab().join("pipe").to_str().unwrap(),
    ]);
    let started = std::time::Instant::now();
    lab.cv(["inject", "plex"]).exits(0);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn gitignore_lines_are_added_for_many_services_and_for_nested_repositories() {
    let lab = Lab::new();
    let names: Vec<String> = (0..40).map(|number| format!("s{number}")).collect();
    for name in &names {
        lab.store(name, json!({"A": "1"}));
        lab.home.file(&format!("{name}/.env.example"), "A=\n");
    }
    let git = |arguments: &[&str]| {
        run(lab.home.command("git").args(arguments), "")
            .exits(0)
            .stdout
    };
    git(&["init", "-q"]);
    git(&["init", "-q", "s7"]);
    let output = lab
        .cv(["inject", "--all", "--gitignore"])
        .exits(0)
        .says("s0/.env, s1/.env, s10/.env and 36 more");
    assert!(!output.stderr.contains("tracks"), "{}", output.stderr);
    lab.store("s3", json!({"A": "2"}));
    lab.cv(["inject", "--all"])
        .exits(0)
        .says("1 updated, 39 up to date");
    git(&["add", "-A", "--", ".", ":!s7"]);
    let added = git(&["ls-files"]);
    assert!(
        !added.contains(".env\n") && !added.contains("backup") && !added.contains("audit"),
        "{added}"
    );
    assert_eq!(lab.home.read("s7/.gitignore"), "/.env\n/.env.backup.*\n");
    assert!(!lab.home.read(".gitignore").contains("s7/"));
}

#[test]
fn a_different_header_alone_causes_no_write_and_no_backup() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.file("plex/.env.example", "A=\n");
    lab.cv(["inject", "plex"]).exits(0);
    let before = lab.home.read("plex/.env");
    for more in [
        &["--file", "plex/.env"][..],
        &["--format", "env"],
        &["--dialect", "compose"],
    ] {
        lab.cv(["inject", "plex", "--check"].iter().chain(more))
            .exits(0);
        assert_eq!(
            lab.cv(["inject", "plex"].iter().chain(more)).exits(0).all(),
            ""
        );
    }
    assert_eq!(lab.home.read("plex/.env"), before);
    assert!(crate::inject::backups(&lab, "plex").is_empty());
}

#[test]
fn a_check_of_a_whole_tree_prints_only_differences() {
    let lab = Lab::new();
    for number in 0..50 {
        lab.store(&format!("s{number}"), json!({"A": "$x"}));
        lab.home.file(&format!("s{number}/.env.example"), "A=\n");
    }
    lab.cv(["inject", "--all"]).exits(0);
    let quiet = lab.cv(["inject", "--all", "--check"]).exits(0);
    assert!(!quiet.stderr.contains("some readers"), "{}", quiet.stderr);
    lab.store("s7", json!({"A": "other"}));
    let drift = lab
        .cv(["inject", "--all", "--check", "--diff"])
        .exits(1)
        .says("1 of 50 files differs")
        .says("50 files: 0 to be written, 1 to be updated, 49 up to date");
    assert_eq!(drift.stdout, "s7/.env\n  ~ A\n");
    assert!(!drift.all().contains("other"), "{}", drift.all());
}
