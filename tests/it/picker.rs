//! The picker for a missing name, on a real terminal.

use rexpect::session::PtySession;
use serde_json::json;

use crate::support::Lab;
use crate::terminal::{cv, on_terminal};

fn lab() -> Lab {
    let lab = Lab::with("jellyfin", json!({"API_KEY": "one", "DB_PASSWORD": "two"}));
    lab.store("media/sonarr", json!({"TOKEN": "three"}));
    lab.store("plex", json!({"CLAIM": "four"}));
    lab
}

fn press(session: &mut PtySession, keys: &str) {
    session.send(keys).unwrap();
    session.flush().unwrap();
}

fn status(session: &PtySession) -> i32 {
    match session.process().wait().unwrap() {
        rexpect::process::WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_service_is_picked_by_a_part_of_its_name() {
    let lab = lab();
    let mut session = cv(&lab.home, &["get"]);
    session.exp_string("Service").unwrap();
    session.exp_string("plex").unwrap();
    press(&mut session, "snr");
    press(&mut session, "\r");
    session.exp_string("Service: media/sonarr").unwrap();
    session.exp_string("TOKEN=three").unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(!rest.contains("four"), "{rest}");
    assert_eq!(status(&session), 0);
}

#[test]
fn the_other_arguments_are_kept_including_the_program_of_exec() {
    let lab = lab();
    let mut session = cv(
        &lab.home,
        &["exec", "--only", "CLAIM", "--", "printenv", "CLAIM"],
    );
    session.exp_string("plex").unwrap();
    press(&mut session, "plex\r");
    session.exp_string("four").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(status(&session), 0);
}

#[test]
fn other_commands_that_only_read_or_ask_before_writing_offer_the_picker_too() {
    let lab = lab();
    let help = lab.cv(["--help"]).exits(0).stdout;
    for command in ["edit", "history", "diff", "share"]
        .iter()
        .filter(|name| help.contains(&format!("\n  {name} ")))
    {
        let mut session = cv(&lab.home, &[command]);
        session.exp_string("Service").unwrap();
        session.exp_string("plex").unwrap();
        press(&mut session, "\u{1b}");
        session.exp_string("SERVICE is missing").unwrap();
        session.exp_eof().unwrap();
    }
}

#[test]
fn escape_exits_with_the_usual_error_and_ctrl_c_with_130() {
    let lab = lab();
    for command in [&["get"][..], &["set"], &["exec", "--", "true"]] {
        let mut session = cv(&lab.home, command);
        session.exp_string("plex").unwrap();
        press(&mut session, "\u{1b}");
        session.exp_string("SERVICE is missing").unwrap();
        session.exp_eof().unwrap();
        assert_eq!(status(&session), 2, "{command:?}");
    }
    // The terminal is restored: a shell that continues shows its cursor and the typed text.
    let script = format!(
        "{} get; echo status $?; stty -a",
        env!("CARGO_BIN_EXE_claude-vault")
    );
    let mut session = on_terminal(&lab.home, "bash", &["-c", &script]);
    session.exp_string("plex").unwrap();
    session.send_control('c').unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("\u{1b}[?25h"), "{rest:?}");
    assert!(
        rest.contains("status 130") || !rest.contains("status"),
        "{rest:?}"
    );
}

#[test]
fn the_terminal_is_restored_when_the_program_is_killed() {
    let lab = lab();
    let program = env!("CARGO_BIN_EXE_claude-vault");
    let script = format!("sh -c 'echo pid $$ .; exec {program} get'; stty -a");
    let mut session = on_terminal(&lab.home, "bash", &["-c", &script]);
    session.exp_string("pid ").unwrap();
    let pid = session.exp_string(" .").unwrap();
    session.exp_string("plex").unwrap();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", pid.trim()])
            .status()
            .unwrap()
            .success()
    );
    let rest = session.exp_eof().unwrap();
    assert!(
        rest.contains("\u{1b}[?25h") && rest.contains("icanon") && !rest.contains("-icanon"),
        "{rest:?}"
    );
}

#[test]
fn a_missing_key_of_set_is_picked_and_its_value_is_requested() {
    let lab = lab();
    let mut session = cv(&lab.home, &["set", "jellyfin"]);
    session.exp_string("Key of jellyfin").unwrap();
    session.exp_string("DB_PASSWORD").unwrap();
    press(&mut session, "dbp\r");
    session
        .exp_string("Value of DB_PASSWORD (hidden): ")
        .unwrap();
    session.send_line("new").unwrap();
    session.exp_string("Type yes to write it: ").unwrap();
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("jellyfin")["DB_PASSWORD"], "new");
}

#[test]
fn inject_asks_outside_a_services_folder_and_not_inside_one() {
    let lab = lab();
    lab.home.file("plex/.env.example", "CLAIM=\n");
    let mut session = cv(&lab.home, &["inject"]);
    session.exp_string("Service").unwrap();
    press(&mut session, "plex\r");
    session.exp_string("plex/.env written").unwrap();
    session.exp_eof().unwrap();
    let script = format!("cd plex && {} inject", env!("CARGO_BIN_EXE_claude-vault"));
    let mut session = on_terminal(&lab.home, "bash", &["-c", &script]);
    let text = session.exp_eof().unwrap();
    assert!(
        text.contains("up to date") && !text.contains("Service"),
        "{text}"
    );
}

#[test]
fn no_picker_appears_without_a_terminal_under_an_agent_or_for_deletions() {
    let mut lab = lab();
    let bin = env!("CARGO_BIN_EXE_claude-vault");
    let mut scripts = vec![
        format!("{bin} get | cat; exit ${{PIPESTATUS[0]}}"),
        format!("{bin} get </dev/null"),
        format!("{bin} get 2>&1 >/dev/null"),
        format!("{bin} get --json"),
        format!("CLAUDECODE=1 {bin} get"),
        format!("{bin} get -n"),
        format!("{bin} exec"),
    ];
    scripts.extend(
        ["delete", "rename", "rollback", "undelete"].map(|command| format!("{bin} {command}")),
    );
    // An option's value that equals a command's name makes no difference.
    scripts.push(format!("{bin} --role get delete"));
    for script in scripts {
        let mut session = on_terminal(&lab.home, "bash", &["-c", &script]);
        let text = session.exp_eof().unwrap();
        // Only a picker shows this service: no message uses it as an example.
        assert!(!text.contains("media/sonarr"), "{script}: {text}");
        assert_eq!(status(&session), 2, "{script}: {text}");
    }
    // Without a session there is nothing to choose from.
    lab.home.set("VAULT_TOKEN", "");
    let mut session = cv(&lab.home, &["get"]);
    session.exp_string("SERVICE is missing").unwrap();
    session.exp_eof().unwrap();
}
