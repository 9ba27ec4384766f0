//! The manual pages and completions that are committed are those of the command line as it is.
//! `UPDATE=1 tests/run manual` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

use crate::support::Home;

/// Each file that is made, with its content.
fn made() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let dir = tempfile::tempdir().unwrap();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        let path = clap_complete::generate_to(shell, &mut claude_vault::cli::command(), "claude-vault", dir.path()).unwrap();
        let text = with_names(shell, &std::fs::read_to_string(&path).unwrap());
        files.insert(Path::new("completions").join(path.file_name().unwrap()), text.into_bytes());
    }
    for (name, text) in claude_vault::cli::manual::pages() {
        files.insert(Path::new("man").join(name), text);
    }
    files
}

/// The options whose next word is their value.
fn with_value() -> Vec<String> {
    fn add(command: &clap::Command, found: &mut std::collections::BTreeSet<String>) {
        let takes = |argument: &&clap::Arg| argument.get_action().takes_values();
        found.extend(command.get_arguments().filter(takes).filter_map(|argument| Some(format!("--{}", argument.get_long()?))));
        command.get_subcommands().for_each(|command| add(command, found));
    }
    let mut found = std::collections::BTreeSet::new();
    add(&claude_vault::cli::command(), &mut found);
    found.into_iter().collect()
}

/// Adds the names that live in Vault.
fn with_names(shell: Shell, text: &str) -> String {
    let ours = |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("shell").join(name)).unwrap();
    match shell {
        Shell::Bash => text.to_owned() + "\n" + &ours("complete.bash").replace("@VALUES@", &with_value().join(" | ")),
        Shell::Fish => text.to_owned() + &ours("complete.fish").replace("@VALUES@", &with_value().join(" ")),
        Shell::Zsh => {
            let mut text = text.to_owned();
            // Where the command line takes a service or a key: what clap calls the argument's default.
            for (of, action) in [
                ("service", "_claude_vault_services"),
                ("services", "_claude_vault_services"),
                ("keys", "_claude_vault_keys"),
                ("assignments", "_claude_vault_keys"),
            ] {
                let lines: Vec<String> = text
                    .lines()
                    .map(|line| {
                        let is_it = [":", "::", "*:", "*::"]
                            .iter()
                            .any(|mark| line.trim_start_matches('\'').starts_with(&format!("{mark}{of} --")));
                        if is_it { line.replace(":_default'", &format!(":{action}'")) } else { line.to_owned() }
                    })
                    .collect();
                text = lines.join("\n") + "\n";
            }
            let (head, tail) = text.split_once("\nif [ \"$funcstack[1]\"").expect("clap's zsh completion ends with its own call");
            format!("{head}\n{}\nif [ \"$funcstack[1]\"{tail}", ours("complete.zsh"))
        }
        _ => text.to_owned(),
    }
}

#[test]
fn manual_and_completions_are_those_of_this_command_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = made();
    assert!(made.len() > 20, "{:?}", made.keys());
    if std::env::var_os("UPDATE").is_some() {
        for folder in ["man", "completions"] {
            let _ = std::fs::remove_dir_all(root.join(folder));
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        for (path, content) in &made {
            std::fs::write(root.join(path), content).unwrap();
        }
    }
    for (path, content) in &made {
        let committed = std::fs::read(root.join(path)).unwrap_or_default();
        assert!(committed == *content, "{} is out of date: UPDATE=1 tests/run manual", path.display());
    }
    let committed = ["man", "completions"].iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap()).count();
    assert_eq!(committed, made.len(), "a file of a command that is gone");
}

#[test]
fn the_completions_work_in_their_shells() {
    let home = Home::new();
    for (shell, check) in [
        ("bash", "complete -p claude-vault"),
        ("zsh", "autoload -Uz compinit && compinit -u && source completions && whence _claude-vault"),
        (
            "fish",
            "complete -C 'claude-vault inj' | string match -q 'inject*'; and complete -C 'claude-vault approve en' | string match -q 'enroll*'",
        ),
    ] {
        let text = home.cv(["completions", shell]).exits(0).stdout;
        home.file("completions", &text);
        let script = match shell {
            "zsh" => check.to_owned(),
            _ => format!("source {}/completions; {check}", home.lab().display()),
        };
        let run = home.shell(&[shell], &script);
        assert_eq!(run.status, 0, "{shell}: {}", run.all());
    }
    // bash completes what is typed.
    let script = format!(
        "source {}/completions; COMP_WORDS=(claude-vault inj); COMP_CWORD=1; _claude_vault_names claude-vault inj claude-vault; echo \"${{COMPREPLY[*]}}\"",
        home.lab().display()
    );
    home.file("completions", &home.cv(["completions", "bash"]).exits(0).stdout);
    assert_eq!(home.shell(&["bash"], &script).exits(0).stdout.trim(), "inject");
}

#[test]
fn the_manual_is_a_manual() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in std::fs::read_dir(root.join("man")).unwrap().flatten() {
        let run = crate::support::run(
            std::process::Command::new("groff").args(["-k", "-man", "-Tutf8", "-ww", "-z"]).arg(page.path()),
            "",
        );
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", page.path().display());
    }
}

#[test]
fn names_from_vault_are_completed_and_nothing_is_said_when_there_are_none() {
    let mut lab =
        crate::support::Lab::with("jellyfin", serde_json::json!({"API_KEY": crate::support::CANARY, "odd; rm -rf": "x"}));
    lab.store("jackett", serde_json::json!({"A": "1"}));
    lab.home.install();
    let folder = lab.home.lab();
    for shell in ["bash", "zsh", "fish"] {
        lab.home.file(&format!("completions.{shell}"), &lab.cv(["completions", shell]).exits(0).stdout);
    }
    let bash = |words: &str, at: usize| {
        let script = format!(
            "source {}/completions.bash; COMP_WORDS=({words}); COMP_CWORD={at}; _claude_vault_names claude-vault x y; echo \"${{COMPREPLY[*]}}\"",
            folder.display()
        );
        lab.home.shell(&["bash"], &script).exits(0).stdout.trim().to_owned()
    };
    // Nothing is completed where Vault answers late: on a busy machine it is asked again.
    for (words, at, names) in [
        ("claude-vault get j", 2, "jackett jellyfin"),
        ("claude-vault get jellyfin ''", 3, "API_KEY"),
        ("claude-vault get --json jellyfin ''", 4, "API_KEY"),
        ("claude-vault --mount secret get jellyfin ''", 5, "API_KEY"),
        ("claude-vault get --mount = secret je", 5, "jellyfin"),
        ("claude-vault get --color je", 3, ""),
        ("claude-vault get --help j", 3, "jackett jellyfin"),
        ("claude-vault inject jackett je", 3, "jellyfin"),
    ] {
        crate::support::eventually(words, || Some(()).filter(|()| bash(words, at) == names));
    }
    let fish = |line: &str| {
        let script = format!("source {}/completions.fish; complete -C '{line}'", folder.display());
        lab.home.shell(&["fish"], &script).exits(0).stdout
    };
    for (words, names) in [
        ("claude-vault get j", "jackett\njellyfin\n"),
        ("claude-vault get jellyfin A", "API_KEY\n"),
        ("claude-vault get --json jellyfin A", "API_KEY\n"),
        ("claude-vault --mount secret get --color never jellyfin A", "API_KEY\n"),
    ] {
        crate::support::eventually(words, || Some(()).filter(|()| fish(words) == names));
    }
    // zsh completes at a prompt only: it is typed there, with a tab behind the name's beginning.
    let zshrc = "fpath=(~/.local/share/zsh/site-functions $fpath)\nautoload -Uz compinit && compinit -u\ntouch ready\n";
    std::fs::write(lab.home.path().join(".zshrc"), zshrc).unwrap();
    let mut zsh = crate::terminal::on_terminal(&lab.home, "zsh", &["-i"]);
    crate::support::eventually("zsh", || folder.join("ready").exists().then_some(()));
    let value = format!("{}\n", crate::support::CANARY);
    crate::support::eventually("the value", || {
        let _ = std::fs::remove_file(folder.join("done"));
        zsh.send("claude-vault get --color never jel\tAPI\t> out; touch done\n").unwrap();
        crate::support::eventually("an answer", || folder.join("done").exists().then_some(()));
        Some(()).filter(|()| lab.home.read("out") == value)
    });
    drop(zsh);
    lab.cv(["status"]).exits(0);
    let audit = lab.home.read(".claude-vault-audit.log");
    lab.cv(["complete-names", "jellyfin"]).exits(0);
    assert_eq!(lab.home.read(".claude-vault-audit.log"), audit);
    // Without a session, without Vault, without an answer: nothing, and at once.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let hanging = format!("http://{}", silent.local_addr().unwrap());
    for (name, value) in
        [("VAULT_TOKEN", "hvs.dead"), ("VAULT_TOKEN", ""), ("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_ADDR", &hanging)]
    {
        let before = lab.home.variables.clone();
        lab.home.set(name, value);
        // The best of three, for a busy machine.
        let timed = || {
            let started = std::time::Instant::now();
            assert_eq!(lab.cv(["complete-names"]).exits(0).all(), "", "{name}={value}");
            started.elapsed()
        };
        let best = (0..3).map(|_| timed()).min().unwrap();
        assert!(best.as_millis() < 600, "{best:?}");
        lab.home.variables = before;
    }
}
