//! login and logout against a real OpenID provider, with a scripted browser and a real one.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{Bao, Home, Lab, POLICY, Provider, Run, ground, http, run};

/// A server with an OIDC login, and a home in which the program is installed.
pub struct Login {
    pub lab: Lab,
    pub provider: Provider,
}

impl Login {
    pub fn new() -> Self {
        Self::of(Lab::new())
    }

    pub fn with_tls() -> Self {
        Self::of(Lab::with_tls())
    }

    fn of(mut lab: Lab) -> Self {
        lab.store("plex", json!({"A": "1"}));
        let provider = Provider::start();
        lab.bao.add_oidc(&provider);
        lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
        lab.home
            .set("BROWSER", ground().join("browser.sh").to_string_lossy());
        lab.home.set("CLAUDE_VAULT_PORT", free_port().to_string());
        lab.home.install();
        Self { lab, provider }
    }

    /// Sources a login in bash and prints the shell's session variables.
    pub fn source(&self, arguments: &str) -> Run {
        let script = format!(
            "source claude-vault login --timeout 30 {arguments}; echo \"$?|$VAULT_ADDR|$VAULT_TOKEN|$VAULT_TOKEN_EXPIRY\""
        );
        self.lab.home.shell(&["bash"], &script).exits(0)
    }

    /// The token that a sourced login set in the shell.
    #[track_caller]
    pub fn token(run: &Run) -> String {
        let fields: Vec<&str> = run.stdout.trim().split('|').collect();
        assert_eq!(fields[0], "0", "{}", run.all());
        fields[2].to_owned()
    }

    fn ttl(&self, token: &str) -> u64 {
        let (_, text) = http::request(
            &self.lab.bao.address,
            "GET",
            "auth/token/lookup-self",
            token,
            "",
        );
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["data"]["ttl"]
            .as_u64()
            .unwrap()
    }

    #[track_caller]
    pub fn fails(&self, arguments: &str, status: i32, words: &str) -> Run {
        let run = self.source(arguments);
        assert!(
            run.stdout
                .starts_with(&format!("{status}|{}||", self.lab.bao.address)),
            "{}",
            run.all()
        );
        run.says(words)
    }
}

#[test]
fn a_login_creates_a_session_that_vault_itself_ends_after_an_hour() {
    let login = Login::new();
    let run = login
        .source("")
        .says("signed in as oidc-alice@lab.test for 60 min");
    let token = Login::token(&run);
    let ttl = login.ttl(&token);
    assert!((3590..=3600).contains(&ttl), "{ttl}");
    let expiry: i64 = run
        .stdout
        .trim()
        .rsplit('|')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    assert!((3580..=3601).contains(&(expiry - now)));
    assert!(!run.stderr.contains(&token));
}

#[test]
fn the_variable_sets_the_lifetime_of_a_session() {
    let mut login = Login::new();
    login.lab.home.set("VAULT_MAX_TOKEN_TTL", "600");
    let token = Login::token(&login.source(""));
    assert!(login.ttl(&token) <= 600);
}

#[test]
fn a_valid_session_is_kept_unless_forced() {
    let mut login = Login::new();
    let first = Login::token(&login.source(""));
    login.lab.home.set("VAULT_TOKEN", &first);
    login.lab.home.set("BROWSER", "/bin/false");
    assert_eq!(
        Login::token(&login.source("").says("still signed in")),
        first
    );
    login
        .lab
        .home
        .set("BROWSER", ground().join("browser.sh").to_string_lossy());
    assert_ne!(Login::token(&login.source("--force")), first);
    login.lab.home.set("VAULT_TOKEN", "hvs.dead");
    assert_ne!(Login::token(&login.source("")), "hvs.dead");
}

#[test]
fn logout_revokes_the_token_and_unsets_the_variables() {
    let login = Login::new();
    let script = "source claude-vault login --timeout 30; echo \"$VAULT_TOKEN\"; source claude-vault logout; echo \"$?|${VAULT_TOKEN-unset}|${VAULT_TOKEN_EXPIRY-unset}\"";
    let run = login
        .lab
        .home
        .shell(&["bash"], script)
        .exits(0)
        .says("the token is revoked");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(!lines[0].is_empty() && !login.lab.bao.knows(lines[0]));
    assert_eq!(lines[1], "0|unset|unset");
    let none = login
        .lab
        .home
        .shell(&["bash"], "source claude-vault logout; echo $?")
        .exits(0)
        .says("no session");
    assert_eq!(none.stdout, "0\n");
}

#[test]
fn logout_forgets_the_token_even_if_vault_is_unreachable() {
    let mut login = Login::new();
    login.lab.home.set("VAULT_ADDR", "http://127.0.0.1:1");
    login.lab.home.set("VAULT_TOKEN", "hvs.x");
    let run = login
        .lab
        .home
        .shell(
            &["bash"],
            "source claude-vault logout --revoke; echo \"$?|${VAULT_TOKEN-unset}\"",
        )
        .exits(0);
    assert_eq!(run.says("could not be revoked").stdout, "0|unset\n");
}

/// A listener that must never receive a token.
fn thief() -> (std::net::TcpListener, String) {
    let thief = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    thief.set_nonblocking(true).unwrap();
    let address = format!("http://{}", thief.local_addr().unwrap());
    (thief, address)
}

#[test]
fn login_marks_the_session_with_its_accessor_and_address_and_no_program_gets_the_mark() {
    let login = Login::new();
    let script = "source claude-vault login --timeout 30; echo \"$VAULT_TOKEN $CLAUDE_VAULT_SESSION\"; claude-vault exec plex -- env";
    let run = login.lab.home.shell(&["bash"], script).exits(0);
    let (token, mark) = run.stdout.lines().next().unwrap().split_once(' ').unwrap();
    let (_, text) = http::request(
        &login.lab.bao.address,
        "GET",
        "auth/token/lookup-self",
        token,
        "",
    );
    let accessor = serde_json::from_str::<serde_json::Value>(&text).unwrap()["data"]["accessor"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        mark.starts_with(&format!("{accessor},"))
            && mark.ends_with(&format!(",{}", login.lab.bao.address)),
        "{mark}"
    );
    assert!(!mark.contains(token));
    let environment = run.stdout.split_once('\n').unwrap().1;
    assert!(
        environment.contains("VAULT_ADDR=")
            && !environment.contains("CLAUDE_VAULT_SESSION")
            && !environment.contains(token)
    );
    // An editor has plugins, so it must not get the mark either.
    let seen = login.lab.home.lab().join("seen");
    let editor = login
        .lab
        .home
        .file("editor", &format!("#!/bin/sh\nenv >'{}'\n", seen.display()));
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = format!(
        "source claude-vault login; BAO_TOKEN=hvs.other EDITOR='{}' claude-vault config edit",
        editor.display()
    );
    login.lab.home.shell(&["bash"], &script).exits(0);
    let seen = std::fs::read_to_string(seen).unwrap();
    for name in [
        "VAULT_TOKEN",
        "BAO_TOKEN",
        "VAULT_TOKEN_EXPIRY",
        "CLAUDE_VAULT_SESSION",
    ] {
        assert!(
            seen.contains("VAULT_ADDR=") && !seen.contains(&format!("{name}=")),
            "{name}"
        );
    }
}

#[test]
fn logout_forgets_a_token_that_no_login_made_and_revokes_it_only_when_asked() {
    let mut login = Login::new();
    let logout = |login: &Login, arguments: &str| {
        let script = format!(
            "source claude-vault logout {arguments}; echo \"$?|${{VAULT_TOKEN-unset}}|${{CLAUDE_VAULT_SESSION-unset}}\""
        );
        login.lab.home.shell(&["bash"], &script).exits(0)
    };
    // A mark that belongs to another session does not make the token ours.
    let marked = login
        .lab
        .home
        .shell(
            &["bash"],
            "source claude-vault login; echo \"$CLAUDE_VAULT_SESSION\"",
        )
        .exits(0)
        .stdout;
    for mark in ["", marked.trim(), "a,b,c"] {
        login.lab.home.set("VAULT_TOKEN", &login.lab.token);
        login.lab.home.set("CLAUDE_VAULT_SESSION", mark);
        let run = logout(&login, "").says("so it was not revoked");
        assert_eq!(run.stdout, "0|unset|unset\n");
        assert!(login.lab.bao.knows(&login.lab.token));
    }
    let run = logout(&login, "--revoke").says("the token is revoked");
    assert_eq!(run.stdout, "0|unset|unset\n");
    assert!(!login.lab.bao.knows(&login.lab.token));
    // logout never revokes a root token.
    login.lab.home.set("VAULT_TOKEN", "root");
    assert_eq!(
        logout(&login, "--revoke")
            .says("a root token is not revoked")
            .stdout,
        "2|unset|unset\n"
    );
    assert!(login.lab.bao.knows("root"));
}

#[test]
fn a_session_from_a_login_is_sent_to_no_other_vault_and_revoked_at_its_own() {
    let login = Login::new();
    let (thief, elsewhere) = thief();
    let script = format!(
        "source claude-vault login --timeout 30; echo \"$VAULT_TOKEN\"
        export VAULT_ADDR={elsewhere}
        claude-vault get plex A; echo $?
        claude-vault set plex B=1 --no-confirm; echo $?
        claude-vault status; echo $?
        claude-vault --address {elsewhere} list; echo $?
        source claude-vault logout; echo \"$?|${{VAULT_TOKEN-unset}}\""
    );
    let run = login.lab.home.shell(&["bash"], &script).exits(0);
    let stdout = run.stdout.clone();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[1..], ["3", "3", "3", "3", "0|unset"], "{}", run.all());
    assert!(thief.accept().is_err(), "the thief received a connection");
    assert!(!login.lab.bao.knows(lines[0]));
    let run = run.says(&format!(
        "the session is for {}, but Vault's address is now {elsewhere}",
        login.lab.bao.address
    ));
    let run = run
        .says(&format!("export VAULT_ADDR={}", login.lab.bao.address))
        .says("the token is revoked");
    assert!(!run.stderr.contains(lines[0]));
}

#[test]
fn two_names_in_trusted_hosts_are_one_vault_and_a_foreign_token_goes_where_the_address_says() {
    let mut login = Login::new();
    let port = login.lab.bao.address.rsplit(':').next().unwrap().to_owned();
    let script = format!(
        "source claude-vault login --timeout 30
        export VAULT_ADDR=http://localhost:{port}
        claude-vault get plex A; echo $?
        export CLAUDE_VAULT_TRUSTED_HOSTS=localhost
        claude-vault get plex A; echo $?
        export CLAUDE_VAULT_TRUSTED_HOSTS=localhost,127.0.0.1:{port}
        claude-vault get plex A"
    );
    let run = login.lab.home.shell(&["bash"], &script).exits(0);
    assert_eq!(run.stdout, "3\n3\n1\n", "{}", run.all());
    login.lab.home.set("VAULT_TOKEN", &login.lab.token);
    login
        .lab
        .home
        .set("VAULT_ADDR", format!("http://localhost:{port}"));
    assert_eq!(login.lab.cv(["get", "plex", "A"]).exits(0).stdout, "1\n");
}

#[test]
fn a_login_revokes_the_session_it_replaces_only_if_a_login_made_it() {
    let mut login = Login::new();
    let script = "source claude-vault login --timeout 30; echo \"$VAULT_TOKEN\"; source claude-vault login --timeout 30 --force; echo \"$VAULT_TOKEN\"";
    let run = login
        .lab
        .home
        .shell(&["bash"], script)
        .exits(0)
        .says("the previous session is revoked");
    let tokens: Vec<&str> = run.stdout.lines().collect();
    assert!(
        !login.lab.bao.knows(tokens[0]) && login.lab.bao.knows(tokens[1]),
        "{}",
        run.all()
    );
    // A failed login leaves the session unchanged.
    let script = "source claude-vault login --timeout 30; source claude-vault login --force --auth-mount nowhere; echo \"$VAULT_TOKEN\"";
    let run = login.lab.home.shell(&["bash"], script).exits(0);
    assert!(login.lab.bao.knows(run.stdout.trim()), "{}", run.all());
    // A foreign token is replaced because --force was given, and stays valid.
    login.lab.home.set("VAULT_TOKEN", &login.lab.token);
    Login::token(&login.source("--force").says("it was not revoked"));
    assert!(login.lab.bao.knows(&login.lab.token));
    // A session for another Vault is replaced too, and revoked at the Vault that issued it.
    login.lab.home.set("VAULT_TOKEN", "");
    let other = Bao::start(&[]);
    other.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": POLICY }),
    );
    other.add_oidc(&login.provider);
    let script = format!(
        "source claude-vault login --timeout 30; echo \"$VAULT_TOKEN\"; export VAULT_ADDR={}; source claude-vault login --timeout 30; echo \"$VAULT_TOKEN\"",
        other.address
    );
    let run = login
        .lab
        .home
        .shell(&["bash"], &script)
        .exits(0)
        .says(&format!(
            "this shell holds a session for {}: signing in to {} replaces and revokes it",
            login.lab.bao.address, other.address
        ))
        .says(&format!(
            "the previous session, for {}, is revoked; this shell is signed in to {}",
            login.lab.bao.address, other.address
        ));
    let tokens: Vec<&str> = run.stdout.lines().collect();
    assert!(
        !login.lab.bao.knows(tokens[0]) && other.knows(tokens[1]),
        "{}",
        run.all()
    );
}

/// The person's shell still uses the session.
#[test]
fn an_assistants_logout_forgets_an_inherited_session_and_leaves_it_alive() {
    let mut login = Login::new();
    let run = login
        .lab
        .home
        .shell(
            &["bash"],
            "source claude-vault login; echo \"$VAULT_TOKEN|$CLAUDE_VAULT_SESSION\"",
        )
        .exits(0);
    let (ours, mark) = run.stdout.trim().split_once('|').unwrap();
    for (token, mark) in [(login.lab.token.clone(), ""), (ours.to_owned(), mark)] {
        login.lab.home.set("VAULT_TOKEN", &token);
        login.lab.home.set("CLAUDE_VAULT_SESSION", mark);
        let mut client = crate::mcp::Client::start(&login.lab.home);
        client.call("vault_list", json!({})).unwrap();
        assert_eq!(
            client.call("vault_logout", json!({})).unwrap()["revoked"],
            false
        );
        assert!(
            client
                .call("vault_list", json!({}))
                .unwrap_err()
                .starts_with("login_required: ")
        );
        client.close();
        assert!(login.lab.bao.knows(&token));
    }
    // The token is not sent to another Vault either.
    let (thief, elsewhere) = thief();
    login.lab.home.set("VAULT_ADDR", elsewhere);
    let mut client = crate::mcp::Client::start(&login.lab.home);
    client.call("vault_list", json!({})).unwrap_err();
    client.close();
    assert!(thief.accept().is_err(), "the thief received a connection");
}

/// Only the person may see messages of the provider: for a model they would be text from outside.
#[test]
fn a_model_sees_no_message_of_the_provider() {
    let mut login = Login::new();
    let mut client = crate::mcp::Client::start(&login.lab.home);
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "logged_in"
    );
    client.call("vault_logout", json!({})).unwrap();
    login.lab.home.set("TEST_DENY", "1");
    let mut client = crate::mcp::Client::start(&login.lab.home);
    let error = client.call("vault_login", json!({})).unwrap_err();
    assert!(
        error.starts_with("login_required: the login did not succeed"),
        "{error}"
    );
    assert!(
        !error.contains("access_denied") && !client.seen.contains("access_denied"),
        "{error}"
    );
    // The person does see the message.
    login
        .lab
        .cv(["approve", "pending"])
        .exits(0)
        .says("the identity provider refused it: access_denied");
}

/// Containment requirement 8: a server that is traced would give the token to its tracer.
#[test]
fn a_server_that_another_program_traces_does_not_sign_in() {
    use std::io::{BufRead, BufReader, Write};
    let login = Login::new();
    let mut command = login.lab.home.command("strace");
    command.args([
        "-f",
        "-o",
        "/dev/null",
        env!("CARGO_BIN_EXE_claude-vault"),
        "mcp",
    ]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "vault_login", "arguments": {}}}),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let answer = lines
        .find_map(|line| line.ok().filter(|line| line.contains("\"id\":2")))
        .unwrap();
    assert!(answer.contains("invalid_arguments: "), "{answer}");
    login
        .lab
        .cv(["approve", "pending"])
        .exits(0)
        .says("another program traces this one");
    drop(stdin);
    child.wait().unwrap();
}

#[test]
fn a_refusal_by_the_provider_or_vault_is_reported_with_a_solution() {
    let mut login = Login::new();
    login.lab.home.set("TEST_DENY", "1");
    login.fails("", 1, "the identity provider refused it: access_denied");
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "TEST_DENY");
    login.lab.home.set("TEST_PERSON", "mallory");
    login
        .fails("", 1, "does not match any associated bound claim values")
        .says("ask for the missing group");
    login
        .fails("--role nope", 1, "could not be found")
        .says("--role NAME");
    login
        .fails(
            "--role nowhere",
            1,
            "does not allow this program's callback",
        )
        .says("allowed_redirect_uris");
    login
        .fails(
            "--auth-mount nowhere",
            1,
            "Vault has no such login: OIDC at auth/nowhere",
        )
        .says("--auth-mount PATH");
    login.lab.bao.put("sys/auth/empty", json!({"type": "oidc"}));
    login.fails("--auth-mount empty", 1, "could not load configuration");
    login.lab.home.set("VAULT_ADDR", "http://127.0.0.1:1");
    let run = login.source("");
    assert!(run.stdout.starts_with("7|"), "{}", run.all());
}

#[test]
fn a_login_that_times_out_is_an_error_and_leaves_nothing() {
    let mut login = Login::new();
    let port = free_port();
    login.lab.home.set("CLAUDE_VAULT_PORT", port.to_string());
    login.fails(
        "--no-browser --timeout=1",
        8,
        "the login was not finished within 1 seconds",
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let left: Vec<_> = std::fs::read_dir(login.lab.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".local"]);
}

#[test]
fn without_source_it_prints_lines_for_eval_into_a_pipe_and_nothing_under_an_agent() {
    let mut login = Login::new();
    let script =
        "eval \"$(claude-vault login --timeout 30)\"; [ -n \"$VAULT_TOKEN\" ] && claude-vault list";
    assert_eq!(
        login.lab.home.shell(&["bash"], script).exits(0).stdout,
        "plex\n"
    );
    login.lab.home.set("CLAUDECODE", "1");
    let run = login.lab.cv(["login"]).exits(8);
    assert_eq!(run.stdout, "");
}

/// A login that waits for its callback.
pub struct Waiting {
    child: Child,
    stderr: Option<BufReader<std::process::ChildStderr>>,
    pub url: url::Url,
}

impl Waiting {
    pub fn start(login: &Login, arguments: &[&str]) -> Self {
        let mut command = login.lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
        command
            .args(["login", "--no-browser", "--timeout", "120"])
            .args(arguments);
        Self::of(command)
    }

    /// Starts a login command and waits until it shows its address.
    pub fn of(mut command: std::process::Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.trim().starts_with("http") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "no URL");
        }
        Self {
            child,
            stderr: Some(stderr),
            url: url::Url::parse(line.trim()).unwrap(),
        }
    }

    pub fn query(&self, wanted: &str) -> String {
        self.url
            .query_pairs()
            .find(|(name, _)| name == wanted)
            .unwrap()
            .1
            .into_owned()
    }

    fn port(&self) -> u16 {
        url::Url::parse(&self.query("redirect_uri"))
            .unwrap()
            .port()
            .unwrap()
    }

    fn get(&self, path: &str) -> String {
        let port = self.port();
        http::raw(
            &format!("127.0.0.1:{port}"),
            &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"),
        )
    }

    pub fn finish(mut self) -> (i32, String, String) {
        let status = self.child.wait().unwrap().code().unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        self.stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (status, out, err)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn stray_requests_are_answered_and_the_right_callback_still_works() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let (port, state) = (waiting.port(), waiting.query("state"));
    let address = format!("127.0.0.1:{port}");
    for (path, status) in [
        ("/favicon.ico", "404"),
        ("/", "404"),
        ("/oidc/callback", "400"),
        ("/oidc/callback?code=x", "400"),
        ("/oidc/callback?state=wrong&code=x", "400"),
        ("/oidc/callback?state=wrong&error=access_denied", "400"),
        (&format!("/oidc/callback?state={state}"), "400"),
    ] {
        let answer = waiting.get(path);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
        assert!(answer.contains("content-security-policy: default-src 'none'"));
    }
    // Another host's name (DNS rebinding), another method, no host, garbage.
    let right = format!("/oidc/callback?state={state}&code=x");
    for request in [
        format!("GET {right} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"),
        format!("GET {right} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("POST {right} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n\r\n"),
        format!("GET {right} HTTP/1.0\r\n\r\n"),
        "garbage\r\n\r\n".into(),
    ] {
        assert!(
            !http::raw(&address, &request).starts_with("HTTP/1.1 200"),
            "{request}"
        );
    }
    // Half-open connections and a flood.
    let open: Vec<TcpStream> = (0..200)
        .filter_map(|_| TcpStream::connect(&address).ok())
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    drop(open);
    for _ in 0..300 {
        let _ = TcpStream::connect(&address)
            .map(|mut stream| std::io::Write::write_all(&mut stream, b"GET /x HTTP/1.1\r\n"));
    }
    let browser = run(
        login
            .lab
            .home
            .command(ground().join("browser.sh"))
            .arg(waiting.url.as_str()),
        "",
    );
    assert_eq!(browser.status, 0);
    let (status, out, err) = waiting.finish();
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("VAULT_TOKEN='") && err.contains("signed in as oidc-alice@lab.test"));
    assert!(
        TcpStream::connect(&address).is_err(),
        "the listener is still there"
    );
}

#[test]
fn a_forged_code_with_the_right_state_ends_in_vaults_own_refusal_and_leaks_no_code() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let page = waiting.get(&format!(
        "/oidc/callback?state={}&code=canary-code-1234",
        waiting.query("state")
    ));
    assert!(
        page.starts_with("HTTP/1.1 200")
            && page.contains("The login failed")
            && !page.contains("canary-code"),
        "{page}"
    );
    let (status, out, err) = waiting.finish();
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(!err.contains("canary-code"), "{err}");
}

#[test]
fn an_error_with_markup_is_shown_as_text() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let state = waiting.query("state");
    let page =
        waiting.get(&format!("/oidc/callback?state={state}&error=x&error_description=%3Cscript%3Ealert(1)%3C/script%3E%1b%5b2J"));
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script>"),
        "{page}"
    );
    let (status, _, err) = waiting.finish();
    assert_eq!(status, 1);
    assert!(
        err.contains("<script>alert(1)") && !err.contains('\u{1b}'),
        "{err}"
    );
}

#[test]
fn a_taken_port_in_either_family_is_noticed_and_another_is_used() {
    let login = Login::new();
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        let Ok(squatter) = std::net::TcpListener::bind(address) else {
            continue;
        }; // no IPv6 on this machine
        let port = squatter.local_addr().unwrap().port();
        let waiting = Waiting::start(&login, &["--port", &port.to_string()]);
        assert_ne!(waiting.port(), port, "{address}");
        run(
            login
                .lab
                .home
                .command(ground().join("browser.sh"))
                .arg(waiting.url.as_str()),
            "",
        );
        assert_eq!(waiting.finish().0, 0);
    }
}

#[test]
fn the_listener_answers_in_both_families_and_nowhere_else() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let port = waiting.port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        assert!(TcpStream::connect(("::1", port)).is_ok());
    }
    assert!(TcpStream::connect(("127.0.0.2", port)).is_err());
}

#[test]
fn signals_end_the_wait_with_130_and_nothing_printed() {
    let login = Login::new();
    for signal in ["INT", "TERM", "HUP"] {
        let waiting = Waiting::start(&login, &[]);
        let port = waiting.port();
        run(
            login
                .lab
                .home
                .command("sh")
                .args(["-c", &format!("kill -{signal} {}", waiting.child.id())]),
            "",
        );
        let (status, out, err) = waiting.finish();
        assert_eq!((status, out.as_str()), (130, ""), "{err}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[test]
fn a_login_lost_in_a_failover_starts_over_once_by_itself() {
    // Sealing drops the login's state, as a change of the active node does. Unsealing restores the
    // configuration.
    let bao = Bao::start_with(|port| {
        format!(
            "storage \"inmem\" {{}}\nlistener \"tcp\" {{ address = \"127.0.0.1:{port}\" tls_disable = true }}\napi_addr = \"http://127.0.0.1:{port}\"\n"
        )
    });
    let keys = bao.put_as(
        "",
        "sys/init",
        json!({"secret_shares": 1, "secret_threshold": 1}),
    );
    let (unseal, root) = (
        keys["keys"][0].as_str().unwrap().to_owned(),
        keys["root_token"].as_str().unwrap().to_owned(),
    );
    bao.put_as("", "sys/unseal", json!({ "key": unseal }));
    let provider = Provider::start();
    for (path, body) in [
        (
            "sys/policies/acl/homelab-services",
            json!({ "policy": POLICY }),
        ),
        ("sys/auth/oidc", json!({"type": "oidc"})),
        (
            "auth/oidc/config",
            json!({"oidc_discovery_url": provider.issuer, "oidc_client_id": "vault", "oidc_client_secret": "vault-secret", "default_role": "homelab"}),
        ),
        (
            "auth/oidc/role/homelab",
            json!({"role_type": "oidc", "user_claim": "email", "oidc_scopes": ["openid", "email"], "allowed_redirect_uris": ["http://localhost:8250/oidc/callback"], "token_policies": ["homelab-services"]}),
        ),
    ] {
        bao.put_as(&root, path, body);
    }
    let mut home = Home::new();
    home.install();
    let hold = home.lab().join("go");
    home.set("VAULT_ADDR", &bao.address);
    home.set("BROWSER", ground().join("browser.sh").to_string_lossy());
    home.set("CLAUDE_VAULT_PORT", free_port().to_string());
    home.set("TEST_HOLD", hold.to_string_lossy());
    let mut command = home.command("bash");
    command
        .args([
            "-c",
            "source claude-vault login --timeout 30; echo \"$?|${VAULT_TOKEN:+held}\"",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Waiting for you") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0);
    }
    bao.put_as(&root, "sys/seal", json!({}));
    bao.put_as("", "sys/unseal", json!({ "key": unseal }));
    std::fs::write(&hold, "").unwrap();
    let output = child.wait_with_output().unwrap();
    let mut messages = String::new();
    stderr.read_to_string(&mut messages).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "0|held\n",
        "{messages}"
    );
    assert!(messages.contains("starting over once"), "{messages}");
}

fn chromium(home: &Home, arguments: &[&str]) -> Run {
    run(
        home.command("node")
            .current_dir(ground())
            .arg("browse.mjs")
            .args(arguments),
        "",
    )
}

#[test]
fn a_person_signs_in_with_a_real_chromium() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let page = chromium(
        &login.lab.home,
        &["provider", "accept", waiting.url.as_str(), "alice", "x"],
    )
    .exits(0);
    assert!(
        page.stdout.contains("You are signed in") && page.stdout.contains("close this page"),
        "{}",
        page.all()
    );
    let (status, _, err) = waiting.finish();
    assert_eq!(status, 0, "{err}");
}

#[test]
fn a_person_declines_with_a_real_chromium() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let page = chromium(
        &login.lab.home,
        &["provider", "deny", waiting.url.as_str(), "alice", "x"],
    )
    .exits(0);
    assert!(
        page.stdout.contains("The login failed") && page.stdout.contains("access_denied"),
        "{}",
        page.all()
    );
    let (status, _, err) = waiting.finish();
    assert_eq!(status, 1, "{err}");
    assert!(!login.provider.issuer.is_empty());
}
