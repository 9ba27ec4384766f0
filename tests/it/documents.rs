//! Types every command block of the README and every example of the manual, as a person would.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::login::Login;
use crate::support::{Run, eventually, ground, in_checkout, run};
use crate::terminal::on_terminal;

/// The environment of a newcomer: Vault's own command, browsers and docker.
fn newcomer() -> Login {
    let mut login = Login::new();
    login
        .lab
        .store("jellyfin", json!({"API_KEY": "it's a \"key\""}));
    let lab = &login.lab.home;
    lab.file("jellyfin/.env.example", "# jellyfin\nAPI_KEY=\n");
    lab.file(
        "jellyfin/docker-compose.yml",
        "services:\n  jellyfin:\n    image: jellyfin\n",
    );
    lab.file(
        "paperless/docker-compose.yml",
        "services:\n  web:\n    image: paperless\n    env_file: docker-compose.env\n",
    );
    lab.file(
        "paperless/docker-compose.env",
        "PAPERLESS_SECRET_KEY=Kq7-secret-Lz2\n",
    );
    lab.file("license.txt", "abc");
    lab.file("old.env", "SMTP_PASSWORD=hunter2hunter2\n");
    let tools = lab.path().join("tools-of-the-test");
    std::fs::create_dir(&tools).unwrap();
    let tool = |name: &str, text: &str| {
        std::fs::write(tools.join(name), text).unwrap();
        std::fs::set_permissions(tools.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    };
    symlink(ground().join("bin/bao"), tools.join("bao")).unwrap();
    symlink(ground().join("browser.sh"), tools.join("firefox")).unwrap();
    symlink(
        ground().join("node_modules/@anthropic-ai/claude-code-linux-x64/claude"),
        tools.join("claude"),
    )
    .unwrap();
    // OpenBao's command stands in for Vault's, with the rights of Vault's operator. docker would
    // need a daemon, so a script prints its input.
    tool(
        "vault",
        "#!/bin/sh\nVAULT_TOKEN=root BAO_TOKEN=root exec bao \"$@\"\n",
    );
    tool(
        "docker",
        "#!/bin/sh\nwhile [ \"$1\" != --env-file ]; do shift; done\ncat \"$2\"\n",
    );
    lab.file("start", "#!/bin/sh\necho \"started with ${#API_KEY}\"\n");
    std::fs::set_permissions(lab.lab().join("start"), PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}/.local/bin:/usr/local/bin:/usr/bin:/bin",
        tools.display(),
        lab.path().display()
    );
    let node = PathBuf::from(which("node"));
    login.lab.home.set(
        "PATH",
        format!("{path}:{}", node.parent().unwrap().display()),
    );
    login.lab.home.set("EDITOR", "true");
    login
        .lab
        .home
        .set("BAO_ADDR", login.lab.bao.address.clone());
    login
}

fn which(program: &str) -> String {
    let found = run(
        std::process::Command::new("sh").args(["-c", &format!("command -v {program}")]),
        "",
    )
    .exits(0);
    found.stdout.trim().to_owned()
}

/// The questions at the terminal and the person's answers.
const QUESTIONS: [(&str, &str); 4] = [
    ("(hidden): ", "a new one"),
    ("Type yes to write it: ", "yes"),
    ("Type yes to delete it: ", "yes"),
    ("Type yes to restore it: ", "yes"),
];

/// Types a script into bash on a terminal, answers its questions, and returns the screen output.
#[track_caller]
fn typed(login: &Login, script: &str) -> Run {
    login.lab.home.file(".script", script);
    let wrapped = "bash -e .script >.seen 2>&1; echo $? >.status";
    let mut session = on_terminal(&login.lab.home, "bash", &["-c", wrapped]);
    let status = login.lab.home.lab().join(".status");
    let _ = std::fs::remove_file(&status);
    // Questions are written to the terminal itself.
    let mut shown = String::new();
    eventually(script, || {
        while let Some(c) = session.try_read() {
            shown.push(c);
        }
        if let Some((question, answer)) = QUESTIONS
            .iter()
            .find(|(question, _)| shown.contains(question))
        {
            let end = shown.find(question).unwrap() + question.len();
            shown.drain(..end);
            session.send_line(answer).unwrap();
        }
        status
            .metadata()
            .ok()
            .filter(|found| found.len() > 1)
            .map(|_| ())
    });
    let status = login.lab.home.read(".status").trim().parse().unwrap();
    Run {
        status,
        stdout: login.lab.home.read(".seen"),
        stderr: shown,
    }
}

#[test]
fn the_examples_of_the_manual_work() {
    let mut login = newcomer();
    let mut count = 0;
    for (page, text) in claude_vault::cli::manual::pages() {
        let text = String::from_utf8(text).unwrap();
        let Some(examples) = text.split(".SH EXAMPLES\n.nf\n").nth(1) else {
            continue;
        };
        for line in examples.split(".fi\n").next().unwrap().lines() {
            let line = line
                .replace("\\-", "-")
                .replace("\\*(Aq", "'")
                .replace("\\&", "");
            // `logout` revokes the token.
            login
                .lab
                .home
                .set("VAULT_TOKEN", login.lab.bao.token(&["homelab-services"]));
            // Only a session from a login can be renewed without --foreign.
            let line = match line.contains("claude-vault renew") {
                true => format!(
                    "export VAULT_MAX_TOKEN_TTL=600; source claude-vault login --force; export VAULT_MAX_TOKEN_TTL=1200; {line}"
                ),
                false => line,
            };
            let run = typed(&login, &line);
            assert_eq!(run.status, 0, "{page}: {line}\n{}", run.all());
            count += 1;
        }
    }
    assert!(count > 35, "{count}");
}

/// A document of the repository.
pub fn page(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The README, and the pages of the book in its order.
fn pages() -> Vec<String> {
    let summary = page("docs/SUMMARY.md");
    let links = summary
        .split("](")
        .skip(1)
        .map(|link| link.split(')').next().unwrap());
    std::iter::once("README.md".to_owned())
        .chain(links.map(|link| format!("docs/{link}")))
        .collect()
}

/// The code blocks of a page, each with its language.
fn blocks(path: &str) -> Vec<(String, String)> {
    let text = page(path);
    let mut parts = text.split("\n```");
    parts.next();
    let mut blocks = Vec::new();
    while let (Some(block), Some(_)) = (parts.next(), parts.next()) {
        let (language, text) = block.split_once('\n').unwrap();
        blocks.push((language.to_owned(), text.to_owned() + "\n"));
    }
    blocks
}

/// Every page of the book is in its summary, every relative link leads to a file, and every anchor
/// to a heading.
#[test]
fn the_documents_hold_together() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let name = format!("docs/{}", entry.unwrap().file_name().into_string().unwrap());
        let is_page = name.ends_with(".md") && name != "docs/SUMMARY.md";
        assert!(
            !is_page || pages.contains(&name),
            "{name} is not in docs/SUMMARY.md"
        );
    }
    let others = ["CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"].map(str::to_owned);
    for path in pages.iter().chain(&others) {
        for link in page(path).split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root.join(path),
                file => root.join(path).parent().unwrap().join(file),
            };
            assert!(target.is_file(), "{path}: {link}");
            let heading = |line: &str| {
                let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-';
                let text: String = line.to_lowercase().chars().filter(kept).collect();
                text.trim().replace(' ', "-")
            };
            let text = std::fs::read(&target).unwrap();
            let text = String::from_utf8_lossy(&text);
            let mut headings = text
                .lines()
                .filter(|line| line.starts_with('#'))
                .map(heading);
            assert!(
                anchor.is_empty() || headings.any(|one| one == anchor),
                "{path}: {link}"
            );
        }
    }
    assert!(page("README.md").lines().count() <= 250);
}

/// The README and then the book, from the first line to the last, by somebody who has an identity
/// provider and a Vault, whose addresses stand in for those of the documents.
#[test]
fn the_readme_and_the_book_are_followed_word_for_word() {
    let mut login = newcomer();
    let (vault, issuer) = (login.lab.bao.address.clone(), login.provider.issuer.clone());
    let here = |text: &str| {
        text.replace("https://vault.example.org:8200", &vault)
            .replace("https://id.example.org", &issuer)
            .replace("bound_audiences=claude-vault", "bound_audiences=cli")
            .replace("client_id = \"claude-vault\"", "client_id = \"cli\"")
    };
    let checkout = |login: &Login, line: &str| {
        let mut command = in_checkout(login.lab.home.command("bash"));
        command.env(
            "PATH",
            format!(
                "{}:{}",
                ground().join("bin").display(),
                std::env::var("PATH").unwrap()
            ),
        );
        run(command.args(["-c", line]), "").exits(0)
    };
    let mut seen = String::new();
    let config = login
        .lab
        .home
        .path()
        .join(".config/claude-vault/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    for (language, text) in pages().iter().flat_map(|path| blocks(path)) {
        let text = here(&text);
        let first = text.lines().next().unwrap();
        match (language.as_str(), first) {
            ("sh", "cargo run --release -- dev --tour") => {
                assert!(
                    checkout(&login, &text)
                        .all()
                        .contains("the token is revoked")
                );
            }
            ("sh", "tests/run") => {
                let gate =
                    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run"))
                        .unwrap();
                assert!(
                    gate.ends_with(" tests/run\n"),
                    "the gate runs this very test by another command"
                );
            }
            ("sh", "cargo run --release -- setup") => {
                checkout(&login, &text);
                assert!(
                    login
                        .lab
                        .home
                        .path()
                        .join(".local/bin/claude-vault")
                        .is_file()
                );
            }
            ("sh", "#!/bin/sh") => {
                login.lab.home.file("pre-commit", &text);
                login
                    .lab
                    .home
                    .set("VAULT_TOKEN", login.lab.bao.token(&["homelab-services"]));
                assert_eq!(typed(&login, "sh ./pre-commit").status, 0);
            }
            ("sh", _) if text.starts_with("packaging/run") => {} // the tests of installing do that
            ("sh", _) => {
                login
                    .lab
                    .home
                    .set("VAULT_TOKEN", login.lab.bao.token(&["homelab-services"]));
                // The README and the book both add the server.
                let again =
                    if text.starts_with("claude mcp add") && seen.contains("Added stdio MCP") {
                        "claude mcp remove claude-vault\n"
                    } else {
                        ""
                    };
                let run = typed(&login, &format!("{again}{text}"));
                assert_eq!(run.status, 0, "{text}\n{}", run.all());
                seen += &run.stdout;
            }
            ("hcl", _) => {
                login.lab.bao.put(
                    "sys/policies/acl/homelab-services",
                    json!({ "policy": text }),
                );
            }
            ("toml", _) if first.starts_with("# /etc/claude-vault/config.toml") => {
                crate::who_says::is_a_system_config(&text);
            }
            ("toml", _) if text.contains("[services.") => {
                login.lab.home.file(".claude-vault.toml", &text);
                typed(
                    &login,
                    "claude-vault inject jellyfin --format env; test -s docker/jellyfin/secrets.env",
                );
                login.lab.home.file(".claude-vault.toml", "");
            }
            ("toml", _) => {
                std::fs::write(&config, &text).unwrap();
                login.lab.cv(["config"]).exits(0);
                std::fs::remove_file(&config).unwrap();
            }
            _ => panic!("a block that no test runs: {language}\n{text}"),
        }
    }
    for text in [
        "signed in as",
        "jellyfin/.env written",
        "started with 12",
        "its name says that it is a password",
        "signed out",
        "Added stdio MCP server",
        "restored version",
        "API_KEY=it's a \"key\"",
    ] {
        assert!(seen.contains(text), "{text} in\n{seen}");
    }
    let writer = &login.lab.bao.get("auth/oidc/role/homelab-writer")["data"];
    assert_eq!(
        (&writer["token_num_uses"], &writer["bound_claims"]),
        (&json!(8), &json!({"groups": ["homelab"]}))
    );
}
