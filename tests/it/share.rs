//! share and receive: values behind a single-use token.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{CANARY, Home, Lab, ground, http, run};

/// A person elsewhere, who only has the address of Vault.
fn receiver(lab: &Lab) -> Home {
    let mut home = Home::new();
    home.set("VAULT_ADDR", &lab.bao.address);
    home
}

fn shared(lab: &Lab, arguments: &[&str]) -> String {
    let run = lab
        .cv(["share"].into_iter().chain(arguments.iter().copied()))
        .exits(0);
    let token = run.stdout.trim().to_owned();
    assert_eq!(run.stdout, format!("{token}\n"));
    assert!(
        !run.stderr.contains(&token) && !run.all().contains(CANARY),
        "{}",
        run.stderr
    );
    token
}

#[test]
fn a_share_is_opened_once_without_a_session() {
    let lab = Lab::with("plex", json!({"A": CANARY, "B": "other"}));
    let run = lab
        .cv(["share", "plex", "A"])
        .exits(0)
        .says("A of plex: the token works once, until 20")
        .says("claude-vault receive");
    let home = receiver(&lab);
    let opened = home.cv(["receive", run.stdout.trim()]).exits(0);
    assert_eq!(opened.stdout, format!("{CANARY}\n"));
    let again = home
        .cv(["receive", run.stdout.trim()])
        .exits(5)
        .says("it was used")
        .says("someone else may have read the values");
    assert!(!again.all().contains(run.stdout.trim()) && !again.all().contains(CANARY));
    // The token from standard input, without a line break at the end.
    let token = shared(&lab, &["plex", "A", "--for", "5m"]);
    assert_eq!(
        home.cv_with(&["receive", "-", "-n"], &format!("  {token}\r\n"))
            .exits(0)
            .stdout,
        CANARY
    );
    for (who, log) in [
        ("sharer", lab.home.read(".claude-vault-audit.log")),
        ("receiver", home.read(".claude-vault-audit.log")),
    ] {
        assert!(
            !log.contains(CANARY) && !log.contains(&token) && !log.contains(run.stdout.trim()),
            "{who}: {log}"
        );
    }
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("ACTION=SHARE SERVICE=plex DETAILS=keys: A; for 300 s")
    );
    assert!(
        home.read(".claude-vault-audit.log")
            .contains("ACTION=RECEIVE SERVICE=- DETAILS=keys: A")
    );
    assert!(
        home.read(".claude-vault-audit.log")
            .contains("failed: not_found")
    );
}

#[test]
fn all_keys_keep_their_types_and_set_accepts_the_output() {
    let stored = json!({"TEXT": "a\nb 'c' \"d\" <&>", "NUMBER": 1.5, "LIST": [1, null, {"x": "y"}], "NOTHING": null, "FALSE": false});
    let lab = Lab::with("plex", stored.clone());
    let home = receiver(&lab);
    let received = home
        .cv(["receive", &shared(&lab, &["plex"]), "--json"])
        .exits(0)
        .json();
    assert_eq!(received["values"], stored);
    assert_eq!(
        received["keys"],
        json!(["FALSE", "LIST", "NOTHING", "NUMBER", "TEXT"])
    );
    lab.home
        .cv_with(
            &["set", "radarr", "--from", "-", "--no-confirm"],
            &received.to_string(),
        )
        .exits(0);
    assert_eq!(lab.stored("radarr"), stored);
    // In a pipe, the output consists of lines that a shell reads.
    lab.store("lines", json!({"A": "it's", "B": "$(id)"}));
    let lines = home
        .cv(["receive", &shared(&lab, &["lines"])])
        .exits(0)
        .stdout;
    let read = home
        .shell(&["bash"], &format!("{lines}\nprintf '%s|%s' \"$A\" \"$B\""))
        .exits(0);
    assert_eq!(read.stdout, "it's|$(id)");
    // The sender of a share must not be able to execute anything in this shell.
    lab.store("hostile", json!({"A": "1", "RANDOM": "a[$(touch pwned)]"}));
    lab.cv(["get", "hostile"])
        .exits(2)
        .says("RANDOM is not printed as a line")
        .says("claude-vault get hostile --json");
    let json = home
        .cv(["receive", &shared(&lab, &["hostile"])])
        .exits(0)
        .says("printed as JSON: RANDOM");
    assert_eq!(json.json()["values"]["A"], "1");
    // Values that such lines cannot hold are not lost, although the token is used up at that point.
    lab.store("odd", json!({"a/b": CANARY, "C": "x\u{0}"}));
    let odd = home
        .cv(["receive", &shared(&lab, &["odd"])])
        .exits(0)
        .says("printed as JSON");
    assert_eq!(odd.json()["values"], json!({"a/b": CANARY, "C": "x\u{0}"}));
}

#[test]
fn vaults_own_commands_open_our_shares_and_we_open_theirs() {
    let lab = Lab::with("plex", json!({"A": CANARY, "N": 7}));
    let home = receiver(&lab);
    let bao = |arguments: &[&str], token: &str| {
        run(
            home.command(ground().join("bin/bao"))
                .args(arguments)
                .env("BAO_ADDR", &lab.bao.address)
                .env("BAO_TOKEN", token),
            "",
        )
        .exits(0)
    };
    assert_eq!(
        bao(&["unwrap", "-field=A", &shared(&lab, &["plex", "A"])], "")
            .stdout
            .trim(),
        CANARY
    );
    let json: Value = serde_json::from_str(
        &bao(&["unwrap", "-format=json", &shared(&lab, &["plex"])], "").stdout,
    )
    .unwrap();
    assert_eq!(json["data"], json!({"A": CANARY, "N": 7}));
    let theirs = bao(
        &[
            "write",
            "-wrap-ttl=60s",
            "-field=wrapping_token",
            "sys/wrapping/wrap",
            "A=theirs",
        ],
        &lab.token,
    );
    assert_eq!(
        home.cv(["receive", theirs.stdout.trim()]).exits(0).stdout,
        "theirs\n"
    );
}

#[test]
fn a_token_of_another_kind_is_not_opened_and_stays_valid() {
    let lab = Lab::with("plex", json!({"A": CANARY}));
    let home = receiver(&lab);
    let wrapped = |path: &str| {
        let host = lab.bao.admin.trim_start_matches("http://");
        let headers = "X-Vault-Token: root\r\nX-Vault-Wrap-TTL: 60s";
        let answer = http::raw(
            host,
            &format!("GET /v1/{path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\n\r\n"),
        );
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str::<Value>(body).unwrap()["wrap_info"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let token = wrapped("secret/data/proxmox-services/plex");
    let refused = home
        .cv(["receive", &token])
        .exits(2)
        .says("wraps a reply of secret/data/proxmox-services/plex")
        .says("not opened");
    assert!(!refused.all().contains(CANARY) && !refused.all().contains(&token));
    let unwrapped = lab.bao.put_as(&token, "sys/wrapping/unwrap", json!({}));
    assert_eq!(unwrapped["data"]["data"]["A"], CANARY);
    // A session's token is not a share, and it is not used either.
    home.cv(["receive", &lab.token])
        .exits(5)
        .says("is not from share");
    assert!(lab.bao.knows(&lab.token));
    for text in ["", "two words", "héllo", "a\nb", &"x".repeat(10_000)] {
        home.cv_with(&["receive", "-"], text)
            .exits(2)
            .says("that is not a token");
    }
}

#[test]
fn an_expired_share_is_explained_and_a_logout_does_not_end_a_share() {
    let lab = Lab::with("plex", json!({"A": CANARY}));
    let home = receiver(&lab);
    let brief = shared(&lab, &["plex", "--for", "1s"]);
    let lasting = shared(&lab, &["plex"]);
    lab.bao
        .put_as(&lab.token, "auth/token/revoke-self", json!({}));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    home.cv(["receive", &brief]).exits(5).says("has expired");
    assert_eq!(
        home.cv(["receive", &lasting]).exits(0).stdout,
        format!("{CANARY}\n")
    );
}

#[test]
fn sharing_needs_no_policy_beyond_vaults_default_one() {
    let lab = Lab::with("plex", json!({"A": CANARY}));
    let shown = lab
        .cv(["share", "plex", "--for", "2h", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&shown["keys"], &shown["seconds"], &shown["service"]),
        (&json!(["A"]), &json!(7200), &json!("plex"))
    );
    let looked = lab.bao.put_as(
        "",
        "sys/wrapping/lookup",
        json!({ "token": shown["token"] }),
    );
    assert_eq!(
        (
            &looked["data"]["creation_path"],
            &looked["data"]["creation_ttl"]
        ),
        (&json!("sys/wrapping/wrap"), &json!(7200))
    );
    lab.cv(["share", "plex", "NOSUCH"]).exits(5);
    lab.cv(["share", "nosuch"]).exits(5);
    lab.cv(["share", "plex", "--for", "1y"])
        .exits(2)
        .says("30 days");
}

/// A server that answers every request by its path and records the requested paths.
fn liar(
    answers: &'static [(&'static str, u16, &'static str)],
) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, mut text) = (stream, Vec::new());
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                text.extend_from_slice(&chunk[..length]);
                let whole = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = whole.split_once("\r\n\r\n") else {
                    continue;
                };
                let length = head
                    .lines()
                    .find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse()
                            .ok()
                    })
                    .unwrap_or(0);
                if body.len() >= length {
                    break;
                }
            }
            let path = String::from_utf8_lossy(&text)
                .split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            seen.lock().unwrap().push(path.clone());
            let (_, status, body) = answers
                .iter()
                .find(|(known, ..)| path.ends_with(known))
                .copied()
                .unwrap_or(("", 404, r#"{"errors":[]}"#));
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (address, asked)
}

#[test]
fn a_share_is_not_opened_if_the_server_gives_an_unexpected_answer() {
    let good = r#"{"data":{"creation_path":"sys/wrapping/wrap","creation_time":"2026-01-01T00:00:00Z","creation_ttl":60}}"#;
    let lies: [(&str, u16, &str, i32); 8] = [
        (
            r#"{"data":{"creation_path":"sys/wrapping/wrap/../../secret","creation_time":"","creation_ttl":60}}"#,
            200,
            "wraps a reply of",
            2,
        ),
        (
            r#"{"data":{"creation_path":"\u001b[31msys/wrapping/wrap","creation_time":"","creation_ttl":60}}"#,
            200,
            "another path",
            2,
        ),
        (
            r#"{"data":{"creation_time":"","creation_ttl":60}}"#,
            200,
            "is not from Vault",
            7,
        ),
        (r#"{"data":null}"#, 200, "is not from Vault", 7),
        ("<html>", 200, "is not from Vault", 7),
        ("", 204, "", 1),
        (r#"{"errors":["permission denied"]}"#, 403, "", 1),
        (
            r#"{"errors":["wrapping token is not valid or does not exist"]}"#,
            400,
            "it was used",
            5,
        ),
    ];
    for (body, status, says, exit) in lies {
        let (address, asked) = liar(Box::leak(Box::new([("sys/wrapping/lookup", status, body)])));
        let mut home = Home::new();
        home.set("VAULT_ADDR", &address);
        let run = home.cv(["receive", "s.token"]);
        assert!(
            run.status == exit && run.stderr.contains(says),
            "{body}: {} {}",
            run.status,
            run.stderr
        );
        assert!(
            !run.stderr.contains('\u{1b}') && !run.all().contains("s.token"),
            "{}",
            run.stderr
        );
        assert!(
            !asked
                .lock()
                .unwrap()
                .iter()
                .any(|path| path.ends_with("unwrap")),
            "{body}"
        );
    }
    // The share is opened, but the answer is not an object of keys.
    for (body, status) in [
        (r#"{"data":[1]}"#, 200),
        (r#"{"data":"x"}"#, 200),
        (r#"{"data":null}"#, 200),
        (r#"{"errors":[]}"#, 500),
    ] {
        let (address, _) = liar(Box::leak(Box::new([
            ("sys/wrapping/lookup", 200, good),
            ("sys/wrapping/unwrap", status, body),
        ])));
        let mut home = Home::new();
        home.set("VAULT_ADDR", &address);
        let run = home.cv(["receive", "s.token"]);
        assert!(
            run.status != 0 && run.stdout.is_empty(),
            "{body}: {}",
            run.stdout
        );
    }
    // The token follows no redirect to another host.
    let (elsewhere, asked) = liar(&[]);
    let redirect = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut home = Home::new();
    home.set(
        "VAULT_ADDR",
        format!("http://{}", redirect.local_addr().unwrap()),
    );
    std::thread::spawn(move || {
        for stream in redirect.incoming().flatten() {
            let (mut stream, mut chunk) = (stream, [0; 4096]);
            let _ = stream.read(&mut chunk);
            let _ = write!(
                stream,
                "HTTP/1.1 307 x\r\nLocation: {elsewhere}/v1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    });
    home.cv(["receive", "s.token"])
        .exits(7)
        .says("is not trusted");
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn under_an_ai_agent_nothing_is_shared_or_received() {
    let mut lab = Lab::with("plex", json!({"A": CANARY}));
    let token = shared(&lab, &["plex"]);
    lab.home.set("CLAUDECODE", "1");
    lab.cv(["share", "plex"])
        .exits(8)
        .says("share is refused under an AI agent");
    for more in [&[token.as_str()][..], &["-"], &[]] {
        let refused = lab
            .cv(["receive"].into_iter().chain(more.iter().copied()))
            .exits(8)
            .says("receive is refused under an AI agent");
        assert!(!refused.all().contains(CANARY));
    }
    assert_eq!(
        receiver(&lab).cv(["receive", &token]).exits(0).stdout,
        format!("{CANARY}\n")
    );
}

#[test]
fn without_a_terminal_receive_says_how_to_give_the_token() {
    let lab = Lab::new();
    let home = receiver(&lab);
    run(
        home.command("setsid")
            .arg("-w")
            .arg(env!("CARGO_BIN_EXE_claude-vault"))
            .arg("receive"),
        "",
    )
    .exits(8)
    .says("receive -");
    Home::new()
        .cv(["receive", "x"])
        .exits(2)
        .says("no Vault address");
}

#[test]
fn a_person_is_asked_for_the_token_and_the_input_is_hidden() {
    let lab = Lab::with("plex", json!({"A": "x\u{1b}[31my"}));
    let home = receiver(&lab);
    let token = shared(&lab, &["plex"]);
    let mut session = crate::terminal::cv(&home, &["receive"]);
    session.exp_string("Token (hidden): ").unwrap();
    session.send_line(&token).unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(
        shown.contains("received A, shared 20") && shown.contains("x\\u{1b}[31my"),
        "{shown}"
    );
    assert!(
        !shown.contains(&token) && !shown.contains("x\u{1b}[31my"),
        "{shown}"
    );
}
