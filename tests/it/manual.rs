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
        files.insert(Path::new("completions").join(path.file_name().unwrap()), std::fs::read(path).unwrap());
    }
    clap_mangen::generate_to(claude_vault::cli::command(), dir.path().join("")).unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "1") {
            files.insert(Path::new("man").join(entry.file_name()), std::fs::read(entry.path()).unwrap());
        }
    }
    files
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
        "source {}/completions; COMP_WORDS=(claude-vault inj); COMP_CWORD=1; _claude__vault claude-vault inj claude-vault; echo \"${{COMPREPLY[*]}}\"",
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
