//! Terminals, pipes, locales and file names of all kinds.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Home, Lab, run};

const BIN: &str = env!("CARGO_BIN_EXE_claude-vault");

#[test]
fn a_closed_pipe_causes_neither_a_failure_nor_a_panic() {
    let lab = Lab::new();
    for number in 0..300 {
        lab.store(&format!("service-number-{number}"), json!({"A": "x"}));
    }
    for arguments in [
        &["list"][..],
        &["--help"],
        &["completions", "bash"],
        &["doctor"],
        &["config"],
        &["list", "--json"],
    ] {
        let mut child = lab
            .home
            .command(BIN)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !stderr.contains("panicked")
                && output.status.signal().is_none_or(|signal| signal == 13),
            "{arguments:?}: {stderr}"
        );
    }
    // A closed stderr is no failure either, and neither is closing all three streams.
    let script =
        format!("{BIN} status 2>&-; {BIN} list >&- 2>&- <&-; {BIN} get none 2>&-; echo $?");
    assert_eq!(
        lab.home.shell(&["bash"], &script).stdout.lines().last(),
        Some("5")
    );
}

#[test]
fn colours_are_used_only_where_they_are_wanted() {
    let home = Home::new();
    let coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = home.command("script");
        command
            .args([
                "-qec",
                &format!("{BIN} {}", arguments.join(" ")),
                "/dev/null",
            ])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        run(command.envs(variables.iter().copied()), "")
            .stdout
            .contains('\u{1b}')
    };
    assert!(coloured(&[], &["status"]));
    assert!(!coloured(&[("NO_COLOR", "1")], &["status"]));
    assert!(!coloured(&[("TERM", "dumb")], &["status"]));
    assert!(!coloured(&[], &["status", "--color", "never"]));
    assert!(!home.cv(["status"]).all().contains('\u{1b}'));
    assert!(
        home.cv(["status", "--color", "always"])
            .all()
            .contains('\u{1b}')
    );
    assert!(
        !home
            .cv(["status", "--color", "always", "--json"])
            .all()
            .contains('\u{1b}')
    );
}

#[test]
fn arguments_and_names_that_are_not_utf_8_are_refused_or_skipped() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let odd = OsStr::from_bytes(b"a\xffb");
    for before in [
        &["get"][..],
        &["set", "plex"],
        &["inject"],
        &["scan"],
        &["example"],
        &["--root"],
        &["get", "plex"],
    ] {
        let mut command = lab.home.command(BIN);
        let refused = run(command.args(before).arg(odd), "");
        assert!(
            matches!(refused.status, 1 | 2 | 5) && !refused.stderr.contains("panicked"),
            "{before:?}: {} {}",
            refused.status,
            refused.stderr
        );
    }
    // A file can have such a name, and a folder with one does not stop the other services.
    let mut command = lab.home.command(BIN);
    run(
        command
            .args(["inject", "plex", "--file"])
            .arg(OsStr::from_bytes(b"file\xff")),
        "",
    )
    .exits(0);
    std::fs::create_dir(lab.home.lab().join(odd)).unwrap();
    lab.home.file("plex/.env.example", "A=\n");
    lab.cv(["inject", "--all"]).exits(0);
    lab.cv(["scan"]).exits(0);
    let mut command = lab.home.command(BIN);
    run(
        command
            .args(["list"])
            .env("VAULT_NAMESPACE", odd)
            .env("BROWSER", odd),
        "",
    )
    .exits(0);
    lab.home.set("LC_ALL", "C");
    lab.cv(["inject", "plex", "--check"]).exits(0);
    assert!(
        lab.cv(["exec", "plex", "--", "no such"])
            .says("sh -c '...'")
            .all()
            .is_ascii()
    );
}

#[test]
fn help_in_locale_c_is_ascii() {
    let mut home = Home::new();
    home.set("LC_ALL", "C");
    for command in claude_vault::cli::command().get_subcommands() {
        let help = home.cv([command.get_name(), "--help"]).exits(0).stdout;
        assert!(help.is_ascii(), "{help}");
    }
}

#[test]
fn help_fits_a_narrow_terminal() {
    let home = Home::new();
    for columns in ["40", "20", "1", "0", "x"] {
        let mut command = home.command(BIN);
        let help = run(command.args(["--help"]).env("COLUMNS", columns), "").exits(0);
        assert!(help.stdout.contains("login"));
    }
}

#[test]
fn the_version_contains_what_a_bug_report_needs() {
    let home = Home::new();
    let all = home.cv(["--version", "--verbose"]).exits(0).stdout;
    assert!(
        all.starts_with(&format!(
            "claude-vault {}\ntarget: ",
            env!("CARGO_PKG_VERSION")
        )) && all.contains("\napproval: "),
        "{all}"
    );
    assert_eq!(home.cv(["--version"]).exits(0).stdout.lines().count(), 1);
}
