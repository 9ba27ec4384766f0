//! exec: the program gets the exact values and replaces our process.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::support::{CANARY, Lab, files, run};

#[test]
fn the_program_gets_every_value_byte_for_byte_and_no_token() {
    let values = json!({"A": "it's $(touch pwned) `x`\n\"y\"\\ \t\r", "E": "", "U": "é🔑", "foo-bar": "1", "N": 7});
    let lab = Lab::with("plex", values);
    let run = lab.cv(["exec", "plex", "--", "env", "-0"]).exits(0);
    let found: std::collections::BTreeMap<&str, &str> = run
        .stdout
        .split('\0')
        .filter_map(|entry| entry.split_once('='))
        .collect();
    assert_eq!(
        (
            found["A"],
            found["E"],
            found["U"],
            found["foo-bar"],
            found["N"]
        ),
        ("it's $(touch pwned) `x`\n\"y\"\\ \t\r", "", "é🔑", "1", "7")
    );
    assert!(
        !found.contains_key("VAULT_TOKEN")
            && found.contains_key("VAULT_ADDR")
            && found.contains_key("HOME")
    );
    assert!(!lab.home.lab().join("pwned").exists());
    assert!(
        lab.cv(["exec", "plex", "--keep-token", "--", "env"])
            .exits(0)
            .stdout
            .contains(&lab.token)
    );
}

#[test]
fn only_prefix_and_clean_control_the_environment() {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    assert_eq!(
        lab.cv([
            "exec", "plex", "--clean", "--only", "B", "--prefix", "MY_", "--", "env"
        ])
        .exits(0)
        .stdout,
        "MY_B=2\n"
    );
    lab.cv(["exec", "plex", "--only", "C", "--", "env"])
        .exits(5)
        .says("the key C");
    lab.cv(["exec", "plex", "--prefix", "a=b", "--", "env"])
        .exits(2);
    lab.cv(["exec", "nothing", "--", "env"]).exits(5);
}

/// The attacks of the review and similar ones: nothing from the service is executed, whatever its
/// key is called.
#[test]
fn keys_that_change_how_programs_run_are_refused_unless_they_are_named() {
    let lab = Lab::new();
    let mark = lab.home.lab().join("pwned");
    let command = format!("touch {}", mark.display());
    let script = lab
        .home
        .file("script.sh", &command)
        .to_string_lossy()
        .into_owned();
    for (key, value, program) in [
        ("BASH_ENV", script.clone(), &["bash", "-c", "echo ran"][..]),
        ("ENV", script.clone(), &["sh", "-c", "echo ran"]),
        (
            "BASH_FUNC_echo%%",
            format!("() {{ {command}; }}"),
            &["bash", "-c", "echo ran"],
        ),
        ("LD_AUDIT", "/nowhere.so".into(), &["echo", "ran"]),
        (
            "GIT_SSH_COMMAND",
            format!("sh -c '{command}'"),
            &["git", "ls-remote", "ssh://127.0.0.1/x"],
        ),
        ("PERL5OPT", "-Mnothing".into(), &["echo", "ran"]),
        ("VAULT_ADDR", "http://127.0.0.1:1".into(), &["echo", "ran"]),
    ] {
        lab.store("evil", json!({key: value, "FINE": "1"}));
        let run = lab
            .cv(["exec", "evil", "--"].iter().chain(program))
            .exits(2)
            .says(key)
            .says("--only FINE -- …");
        assert!(
            run.stdout.is_empty() && !mark.exists(),
            "{key}: {}",
            run.all()
        );
        // The same holds for the file for docker, and with an otherwise empty environment.
        lab.cv(["exec", "evil", "--env-file-fd", "--", "cat", "{}"])
            .exits(2);
        lab.cv(["exec", "evil", "--clean", "--", "env"]).exits(2);
        lab.cv(["exec", "evil", "--only", "FINE", "--", "true"])
            .exits(0);
    }
    // A key is allowed if the user names it.
    lab.store(
        "meant",
        json!({"NODE_OPTIONS": "--max-old-space-size=64", "A": "1", "B": "2"}),
    );
    let run = lab
        .cv([
            "exec",
            "meant",
            "--clean",
            "--only",
            "A,NODE_OPTIONS",
            "--",
            "env",
        ])
        .exits(0);
    assert_eq!(run.stdout, "A=1\nNODE_OPTIONS=--max-old-space-size=64\n");
    // The check applies to the name that the program would get.
    assert_eq!(
        lab.cv(["exec", "meant", "--clean", "--prefix", "MY_", "--", "env"])
            .exits(0)
            .stdout
            .lines()
            .count(),
        3
    );
    lab.store("parts", json!({"PRELOAD": "/nowhere.so"}));
    lab.cv(["exec", "parts", "--prefix", "LD_", "--", "true"])
        .exits(2)
        .says("LD_PRELOAD loads other code");
    lab.cv(["exec", "meant", "parts", "--prefix", "LD_", "--", "true"])
        .exits(2)
        .says("LD_PRELOAD");
    lab.cv(["exec", "meant", "parts", "--", "true"])
        .exits(2)
        .says("NODE_OPTIONS makes Node.js");
}

#[test]
fn of_two_services_the_later_one_wins_unless_strict_is_given() {
    let lab = Lab::with("one", json!({"A": "1", "X": "1"}));
    lab.store("two", json!({"A": "2"}));
    let run = lab
        .cv(["exec", "one", "two", "--clean", "--", "env"])
        .exits(0)
        .says("one and two both have A: the value from two is used");
    assert_eq!(run.stdout, "A=2\nX=1\n");
    lab.cv(["exec", "two", "one", "--strict", "--", "env"])
        .exits(2)
        .says("both have A");
}

#[test]
fn the_exit_status_is_the_programs_and_a_missing_one_is_127() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    lab.cv(["exec", "plex", "--", "sh", "-c", "exit 42"])
        .exits(42);
    lab.cv(["exec", "plex", "--", "sh", "-c", "kill -15 $$"])
        .exits(143);
    lab.cv(["exec", "plex", "--", "no-such-program"])
        .exits(127)
        .says("cannot run no-such-program");
    let file = lab.home.file("not-executable", "");
    lab.cv(["exec", "plex", "--", &file.to_string_lossy()])
        .exits(126);
    lab.cv(["exec", "plex"]).exits(2);
}

#[test]
fn the_program_keeps_our_process_id_stdin_and_signals() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    command.args([
        "exec",
        "plex",
        "--",
        "sh",
        "-c",
        "trap 'echo got it; exit 5' TERM; echo $$; read line; echo \"$line\"; for _ in $(seq 600); do sleep 0.1; done",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), child.id().to_string());
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"hello\n").unwrap();
    assert_eq!(out.next().unwrap().unwrap(), "hello");
    run(
        lab.home
            .command("sh")
            .args(["-c", &format!("kill {}", child.id())]),
        "",
    );
    assert_eq!(out.next().unwrap().unwrap(), "got it");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn docker_gets_a_file_in_memory_that_no_other_process_can_open() {
    let lab = Lab::with(
        "plex",
        json!({"A": format!("'{CANARY}' # \"$x\""), "B": "2"}),
    );
    let script = "cat \"$1\"; cat \"$1\"; env; readlink \"$1\"";
    let run = lab
        .cv([
            "exec",
            "plex",
            "--env-file-fd",
            "--",
            "sh",
            "-c",
            script,
            "sh",
            "{}",
        ])
        .exits(0);
    let once = format!("A='{CANARY}' # \"$x\"\nB=2\n");
    assert!(
        run.stdout.starts_with(&(once.clone() + &once)),
        "{}",
        run.stdout
    );
    assert_eq!(run.stdout.matches(CANARY).count(), 2);
    assert!(
        run.stdout.ends_with("/memfd:env (deleted)\n"),
        "{}",
        run.stdout
    );
    for (path, content) in files(lab.home.lab().parent().unwrap()) {
        assert!(
            !String::from_utf8_lossy(&content).contains(CANARY),
            "{}",
            path.display()
        );
    }
    lab.cv(["exec", "plex", "--env-file-fd", "--", "cat"])
        .exits(2)
        .says("needs {} in the command");
    let script = ["sh", "-c", "cat \"${1#*=}\"", "sh", "--env-file={}"];
    assert_eq!(
        lab.cv(["exec", "plex", "--env-file-fd", "--"]
            .iter()
            .chain(&script))
            .exits(0)
            .stdout,
        once
    );
    lab.store("lines", json!({"A": "two\nlines"}));
    lab.cv(["exec", "lines", "--env-file-fd", "--", "cat", "{}"])
        .exits(2)
        .says("docker takes each line raw");
}

#[test]
fn values_that_no_environment_holds_are_refused() {
    let lab = Lab::with("plex", json!({"A": "n\0l"}));
    lab.cv(["exec", "plex", "--", "env"]).exits(2).says("NUL");
}

/// The real client reads the file and then asks a daemon to create a container.
#[test]
fn the_docker_client_reads_the_file_in_memory() {
    let hard = "it's \"hard\" \\ $HOME `id` #1 ";
    let lab = Lab::with("plex", json!({"A": hard, "B": ""}));
    let ground = crate::support::ground();
    let script = "echo \"/proc/$$/fd/${1##*/}\" | python3 readers/commands.py docker bin/docker; :";
    let script = format!("cd '{}' && {script}", ground.display());
    let run = lab
        .cv([
            "exec",
            "plex",
            "--env-file-fd",
            "--",
            "sh",
            "-c",
            &script,
            "sh",
            "{}",
        ])
        .exits(0);
    assert_eq!(run.json()["ok"], json!({"A": hard, "B": ""}));
}

#[test]
fn a_value_larger_than_any_variable_is_refused() {
    let lab = Lab::with("plex", json!({"A": "x".repeat(200_000)}));
    lab.home.file("plex/.env", "");
    lab.cv(["exec", "plex", "--", "env"])
        .exits(2)
        .says("larger than 127 KiB");
    lab.cv(["inject", "plex"])
        .exits(2)
        .says("larger than 127 KiB");
    lab.cv(["inject", "plex", "yaml"]).exits(0);
}
