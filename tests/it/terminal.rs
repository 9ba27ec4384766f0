//! What a person at a real terminal sees and types.

use rexpect::session::{PtySession, spawn_command};
use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{CANARY, Home, Lab, Provider, eventually, http, run};

/// Starts a program on its own terminal. Once the program has exited, the thread that reads the
/// terminal spins, so drop the session before anything that takes long.
pub fn on_terminal(home: &Home, program: &str, arguments: &[&str]) -> PtySession {
    let mut command = home.command(program);
    command
        .args(arguments)
        .env("TERM", "xterm")
        .env("PS1", "$ ");
    command.stdin(std::process::Stdio::inherit()); // rexpect attaches the terminal to stdin
    let mut session = spawn_command(command, Some(60_000)).unwrap();
    session.process_mut().set_kill_timeout(Some(300)); // interactive shells ignore SIGTERM
    session
}

pub fn cv(home: &Home, arguments: &[&str]) -> PtySession {
    on_terminal(home, env!("CARGO_BIN_EXE_claude-vault"), arguments)
}

/// The next address that is shown, once its line is complete.
pub fn address(session: &mut PtySession) -> String {
    session
        .exp_regex("http://[^ \r\n]+[\r\n]")
        .unwrap()
        .1
        .trim()
        .to_owned()
}

pub fn exit(session: &PtySession) -> i32 {
    match session.process().wait().unwrap() {
        rexpect::process::WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_answers_yes_or_no_and_only_yes_writes() {
    let lab = Lab::new();
    for (service, answer, status) in [
        ("a", "no", 8),
        ("b", "n", 8),
        ("c", "NO", 8),
        ("d", "y", 0),
        ("e", "Y", 0),
        ("f", "YES", 0),
        ("g", " yes ", 0),
    ] {
        let mut session = cv(&lab.home, &["set", service, "A=1"]);
        session
            .exp_string(&format!("create secret/proxmox-services/{service}"))
            .unwrap();
        session.exp_string("Type yes to write it: ").unwrap();
        session.send_line(answer).unwrap();
        session.exp_eof().unwrap();
        assert_eq!(exit(&session), status, "{answer:?}");
        assert_eq!(
            lab.cv(["list", service]).status,
            if status == 0 { 0 } else { 5 }
        );
    }
}

#[test]
fn after_another_answer_the_question_is_repeated_and_hidden_input_is_kept() {
    let lab = Lab::new();
    let mut session = cv(&lab.home, &["set", "plex", "A"]);
    session.exp_string("Value of A (hidden): ").unwrap();
    session.send_line(CANARY).unwrap();
    for slip in ["", "yess", "ja", "yes\nyes", "\u{e4}"] {
        session.exp_string("Type yes to write it: ").unwrap();
        session.send_line(slip).unwrap();
        session.exp_string("Answer yes or no.").unwrap();
    }
    session.exp_string("Type yes to write it: ").unwrap();
    lab.cv(["list", "plex"]).exits(5);
    session.send_line("y").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({ "A": CANARY }));
}

#[test]
fn end_of_input_at_the_question_declines() {
    let lab = Lab::new();
    let mut session = cv(&lab.home, &["set", "plex", "A=1"]);
    session.exp_string("Type yes to write it: ").unwrap();
    session.send_control('d').unwrap();
    session.exp_string("not confirmed").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 8);
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn enter_at_the_hidden_prompt_asks_again_and_an_empty_value_is_shown_as_empty() {
    let lab = Lab::new();
    let mut session = cv(&lab.home, &["set", "plex", "A", "B="]);
    for _ in 0..2 {
        session.exp_string("Value of A (hidden): ").unwrap();
        session.send_line("").unwrap();
        session.exp_string("That was empty").unwrap();
    }
    session.exp_string("Value of A (hidden): ").unwrap();
    session.send_line("typed").unwrap();
    let shown = session.exp_string("Type yes to write it: ").unwrap();
    assert!(
        shown.contains("+ A  ********") && shown.contains("+ B  (empty)"),
        "{shown}"
    );
    assert!(shown.contains("the value of B is empty"), "{shown}");
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({"A": "typed", "B": ""}));
}

#[test]
fn ctrl_c_at_the_question_writes_nothing_and_exits_130() {
    let lab = Lab::new();
    let mut session = cv(&lab.home, &["set", "plex", "A=1"]);
    session.exp_string("Type yes").unwrap();
    session.send_control('c').unwrap();
    session.exp_eof().unwrap();
    assert_eq!(exit(&session), 130);
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn yes_on_stdin_is_not_a_person() {
    let lab = Lab::new();
    let script = format!(
        "echo yes | {} set plex A=1",
        env!("CARGO_BIN_EXE_claude-vault")
    );
    let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
    session.exp_string("Type yes to write it: ").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    session.send_line("no").unwrap();
    session.exp_eof().unwrap();
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn a_hidden_value_is_not_shown_however_long_it_is() {
    let lab = Lab::new();
    let long = format!("{CANARY}{}é", "x".repeat(6000));
    let mut session = cv(&lab.home, &["set", "plex", "A"]);
    session.exp_string("Value of A (hidden): ").unwrap();
    session.send(&long).unwrap();
    session.send_line("").unwrap();
    let shown = session.exp_string("Type yes to write it: ").unwrap();
    assert!(!shown.contains(CANARY), "{shown}");
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("plex"), json!({ "A": long }));
}

#[test]
fn after_a_conflict_a_new_plan_is_shown_and_asked_about() {
    let lab = Lab::with("plex", json!({"A": "1"}));
    let mut session = cv(&lab.home, &["set", "plex", "B=2"]);
    session.exp_string("(version 1)").unwrap();
    session.exp_string("Type yes").unwrap();
    lab.store("plex", json!({"A": "1", "C": "somebody else's"}));
    session.send_line("yes").unwrap();
    session.exp_string("(version 2)").unwrap();
    session.exp_string("Type yes").unwrap();
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(
        lab.stored("plex"),
        json!({"A": "1", "B": "2", "C": "somebody else's"})
    );
}

#[test]
fn escape_sequences_in_a_value_are_escaped_on_a_terminal_and_raw_in_a_pipe() {
    let lab = Lab::with("plex", json!({"A": "x\u{1b}[2Jy"}));
    let mut session = cv(&lab.home, &["get", "plex", "A"]);
    assert!(session.exp_eof().unwrap().contains("x\\u{1b}[2Jy"));
    assert_eq!(
        lab.cv(["get", "plex", "A", "-n"]).exits(0).stdout,
        "x\u{1b}[2Jy"
    );
}

#[test]
fn login_without_source_on_a_terminal_opens_no_browser_and_names_the_command() {
    let mut lab = Lab::new();
    lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    let mut session = cv(&lab.home, &["login"]);
    let shown = session.exp_eof().unwrap();
    assert!(
        shown.contains("source claude-vault login") && !shown.contains("Sign in"),
        "{shown}"
    );
    assert_eq!(exit(&session), 2);
}

/// An interactive shell in which the program is installed and nobody is signed in.
fn shell(shell: &[&str], with_provider: bool) -> (Lab, Option<Provider>, PtySession) {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.install();
    lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    lab.home.set("CLAUDE_VAULT_PORT", free_port().to_string());
    let provider = with_provider.then(Provider::start);
    if let Some(provider) = &provider {
        lab.bao.add_oidc(provider);
    }
    let mut session = on_terminal(&lab.home, shell[0], &shell[1..]);
    // Some shells set a prompt of their own. The new prompt is typed in two parts, so that its echo
    // is not taken for the prompt.
    session.send_line("PS1='prom''pt> '").unwrap();
    session.exp_string("prompt> ").unwrap();
    (lab, provider, session)
}

#[test]
fn a_token_is_pasted_hidden_and_checked() {
    let (lab, _, mut session) = shell(&["bash", "--norc", "--noprofile"], false);
    session
        .send_line("source claude-vault login --method token")
        .unwrap();
    session.exp_string("Vault token (hidden): ").unwrap();
    session.send_line("hvs.dead").unwrap();
    session.exp_string("has expired or was revoked").unwrap();
    session
        .send_line("echo \"rc=$? ${VAULT_TOKEN-unset}\"")
        .unwrap();
    session.exp_string("rc=3 unset").unwrap();
    session
        .send_line("source claude-vault login --method token")
        .unwrap();
    session.exp_string("Vault token (hidden): ").unwrap();
    session.send_line(&lab.token).unwrap();
    let shown = session
        .exp_string("signed in as token-tester for 60 min")
        .unwrap();
    assert!(!shown.contains(&lab.token), "{shown}");
    session.send_line("claude-vault list").unwrap();
    session.exp_string("plex").unwrap();
}

#[test]
fn ctrl_c_while_waiting_leaves_every_shell_and_its_terminal_intact() {
    for name in [
        &["bash", "--norc", "--noprofile"][..],
        &["zsh", "-f"],
        &["ksh93"],
        &["mksh"],
        &["busybox", "sh"],
        &["dash", "-i"],
    ] {
        let (_lab, _provider, mut session) = shell(name, true);
        let dot = if name[0] == "dash" {
            ". claude-vault"
        } else {
            "source claude-vault login --no-browser"
        };
        let modes = |session: &mut PtySession| {
            session.send_line("stty -g").unwrap();
            session.exp_regex("[0-9a-f]+:[0-9a-f:]+\r").unwrap().1
        };
        let before = modes(&mut session);
        for _ in 0..2 {
            session.send_line(dot).unwrap();
            session.exp_string("Waiting for you").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(200));
            session.send_control('c').unwrap();
            session.exp_string("prompt> ").unwrap();
            session
                .send_line("echo \"alive ${VAULT_TOKEN-unset}\"")
                .unwrap();
            session
                .exp_string("alive unset")
                .unwrap_or_else(|error| panic!("{name:?}: {error}"));
            assert_eq!(modes(&mut session), before, "{name:?}");
        }
    }
}

#[test]
fn ctrl_c_at_the_token_prompt_leaves_the_shell_alive() {
    let (_lab, _, mut session) = shell(&["bash", "--norc", "--noprofile"], false);
    session
        .send_line("source claude-vault login --method token")
        .unwrap();
    session.exp_string("Vault token (hidden): ").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("prompt> ").unwrap();
    session.send_line("echo \"alive $?\"").unwrap();
    session.exp_string("alive 130").unwrap();
}

#[test]
fn the_final_address_of_the_browser_can_be_pasted() {
    let (lab, provider, mut session) = shell(&["bash", "--norc", "--noprofile"], true);
    session
        .send_line("source claude-vault login --no-browser")
        .unwrap();
    session.exp_string("Sign in here:").unwrap();
    let url = address(&mut session);
    session.exp_string("Waiting for you").unwrap();
    session
        .send_line("http://localhost/oidc/callback?state=wrong&code=x")
        .unwrap();
    session.exp_string("is from another login").unwrap();
    let address = callback_of(&lab, provider.as_ref().unwrap(), &url);
    session.send_line(&address).unwrap();
    session
        .exp_string("signed in as oidc-alice@lab.test")
        .unwrap();
    session.send_line("claude-vault list").unwrap();
    session.exp_string("plex").unwrap();
}

/// Imitates a sign-in on another machine: follows the provider's pages to the callback address
/// without opening it.
fn callback_of(lab: &Lab, provider: &Provider, url: &str) -> String {
    let host = provider.issuer.trim_start_matches("http://").to_owned();
    let mut cookies: Vec<String> = Vec::new();
    let mut path = url.replace(&provider.issuer, "");
    let mut body = None;
    for _ in 0..12 {
        let method = if body.is_some() { "POST" } else { "GET" };
        let form: String = body.take().unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            cookies.join("; "),
            form.len()
        );
        let answer = http::raw(&host, &request);
        for line in answer
            .lines()
            .filter(|line| line.to_lowercase().starts_with("set-cookie:"))
        {
            let cookie = line[11..].split(';').next().unwrap().trim().to_owned();
            let name = cookie.split('=').next().unwrap().to_owned() + "=";
            cookies.retain(|other| !other.starts_with(&name));
            cookies.push(cookie);
        }
        if let Some(location) = answer
            .lines()
            .find(|line| line.to_lowercase().starts_with("location:"))
        {
            let target = location[9..].trim().to_owned();
            if target.contains("/oidc/callback?") {
                return target;
            }
            path = target.replace(&provider.issuer, "");
        } else if answer.contains("name=\"login\"") {
            body = Some("prompt=login&login=alice&password=x".into());
        } else {
            body = Some("prompt=consent".into());
        }
    }
    panic!(
        "the provider's pages do not end; the server is {}",
        lab.bao.address
    )
}

#[test]
fn a_login_in_the_background_does_not_stop_for_the_terminal() {
    let (lab, _provider, mut session) = shell(&["bash", "--norc", "--noprofile"], true);
    session
        .send_line(&format!(
            "{} login --no-browser --timeout 1 2>&1 | cat >out &",
            env!("CARGO_BIN_EXE_claude-vault")
        ))
        .unwrap();
    eventually("the time-out", || {
        std::fs::read_to_string(lab.home.lab().join("out"))
            .ok()
            .filter(|text| text.contains("the login was not finished"))
    });
}

#[test]
fn a_long_wait_is_reported_on_a_terminal() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut lab = Lab::new();
    lab.home.set(
        "VAULT_ADDR",
        format!("http://{}", silent.local_addr().unwrap()),
    );
    lab.home.set("VAULT_CLIENT_TIMEOUT", "1500ms");
    lab.home.set("VAULT_MAX_RETRIES", "0");
    let mut session = cv(&lab.home, &["list"]);
    session.exp_string("waiting for Vault").unwrap();
    session.exp_string("no answer within 1.5 s").unwrap();
    drop(session);
    assert!(!lab.cv(["list"]).all().contains("waiting for Vault"));
    // The message is not shown either where a line cannot be replaced.
    let mut session = on_terminal(
        &lab.home,
        "sh",
        &[
            "-c",
            &format!("TERM=dumb {} list", env!("CARGO_BIN_EXE_claude-vault")),
        ],
    );
    let shown = session.exp_eof().unwrap();
    assert!(
        shown.contains("no answer within")
            && !shown.contains("waiting")
            && !shown.contains('\u{1b}'),
        "{shown}"
    );
}

#[test]
fn the_plan_is_shown_on_the_same_terminal_as_the_question() {
    let lab = Lab::new();
    for more in [&["--json"][..], &["--reveal"], &[]] {
        let script = format!(
            "{} set plex A={CANARY} {} 2>err",
            env!("CARGO_BIN_EXE_claude-vault"),
            more.join(" ")
        );
        let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
        let shown = session.exp_string("Type yes to write it: ").unwrap();
        assert!(
            shown.contains("create secret/proxmox-services/plex") && shown.contains("+ A"),
            "{shown}"
        );
        assert_eq!(shown.contains(CANARY), more == ["--reveal"]);
        session.send_line("no").unwrap();
        session.exp_eof().unwrap();
        assert!(!lab.home.read("err").contains(CANARY));
    }
}

#[test]
fn input_typed_before_the_question_is_not_an_answer() {
    let lab = Lab::new();
    let script = format!(
        "stty -echo; until [ -e go ]; do sleep 0.1; done; {} set plex A=1",
        env!("CARGO_BIN_EXE_claude-vault")
    );
    let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
    session.send_line("yes").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    lab.home.file("go", "");
    session.exp_string("Type yes to write it: ").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    lab.cv(["list", "plex"]).exits(5);
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    lab.cv(["list", "plex"]).exits(0);
}

#[test]
fn a_paste_of_several_lines_is_refused_and_reaches_no_shell() {
    let (lab, _, mut session) = shell(&["bash", "--norc", "--noprofile"], false);
    session
        .send_line(&format!(
            "VAULT_TOKEN={} claude-vault set plex A",
            lab.token
        ))
        .unwrap();
    session.exp_string("Value of A (hidden): ").unwrap();
    session
        .send(&format!("line one {CANARY}\nyes\ntouch pwned {CANARY}\n"))
        .unwrap();
    session.flush().unwrap();
    let shown = session.exp_string("KEY=@FILE or KEY=-").unwrap();
    assert!(!shown.contains(CANARY), "{shown}");
    session.send_line("echo do''ne").unwrap();
    let shown = session.exp_string("done").unwrap();
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(!lab.home.lab().join("pwned").exists());
    lab.cv(["list", "plex"]).exits(3);
}

#[test]
fn a_failing_audit_log_is_reported_before_the_token_is_requested() {
    let (lab, _, mut session) = shell(&["bash", "--norc", "--noprofile"], false);
    session
        .send_line(
            "export CLAUDE_VAULT_AUDIT_LOG=/dev/full; source claude-vault login --method token",
        )
        .unwrap();
    session
        .exp_string("the audit log /dev/full cannot be written")
        .unwrap();
    assert!(lab.bao.knows(&lab.token));
}

#[test]
fn a_signal_at_a_question_restores_the_terminal() {
    let lab = Lab::new();
    for signal in ["TERM", "HUP", "INT"] {
        let program = env!("CARGO_BIN_EXE_claude-vault");
        let script = format!(
            "before=$(stty -g); sh -c 'echo $$ >pid; exec {program} set plex A'; echo \"status $?\"; [ \"$before\" = \"$(stty -g)\" ] && echo right"
        );
        let mut session = on_terminal(&lab.home, "sh", &["-c", &script]);
        session.exp_string("(hidden): ").unwrap();
        run(
            lab.home
                .command("sh")
                .args(["-c", &format!("kill -{signal} $(cat pid)")]),
            "",
        );
        session.exp_string("status 130").unwrap();
        session.exp_string("right").unwrap();
    }
    lab.cv(["list", "plex"]).exits(5);
}

#[test]
fn the_values_of_a_difference_are_shown_only_on_a_terminal() {
    let mut lab = Lab::with(
        "plex",
        json!({"A": format!("new {CANARY}"), "SAME": "kept"}),
    );
    lab.home.file("plex/.env", "A=old\nSAME=kept\nGONE=x\n");
    lab.cv(["inject", "plex", "--diff", "--reveal"])
        .exits(8)
        .says("run it in a terminal");
    lab.cv(["inject", "plex", "--reveal"]).exits(2);
    let aside = lab.home.lab().join("out");
    let script = format!(
        "exec \"$0\" inject plex --diff --reveal >{0} 2>&1",
        aside.display()
    );
    let mut session = on_terminal(
        &lab.home,
        "sh",
        &["-c", &script, env!("CARGO_BIN_EXE_claude-vault")],
    );
    session.exp_string("- A=old").unwrap();
    session.exp_string(&format!("+ A='new {CANARY}'")).unwrap();
    assert!(!session.exp_eof().unwrap().contains("SAME"));
    let written = std::fs::read_to_string(aside).unwrap();
    assert!(
        written.contains("~ A") && !written.contains(CANARY),
        "{written}"
    );
    lab.home.set("CLAUDECODE", "1");
    let mut session = cv(&lab.home, &["inject", "plex", "--diff", "--reveal"]);
    session
        .exp_string("--reveal is refused under an AI agent")
        .unwrap();
}
