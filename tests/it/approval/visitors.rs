//! Who may connect to a listener, and that no one else can use it up: the approval page, the
//! enrolment page and the login's callback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Asked, Tab, exchange, origin, pending, post};
use crate::login::{Login, Waiting};
use crate::mcp::Client;
use crate::support::{Home, Lab, eventually, run};

/// The ways to reach a port on loopback: IPv4, IPv6, and an IPv4-mapped IPv6 address.
const FORMS: [&str; 3] = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"];
const SOMEBODY_ELSE: &str = "65534";

/// Only root can act as another user.
fn is_root() -> bool {
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if !is_root {
        eprintln!("not tried: only root can visit as another user");
    }
    is_root
}

/// Sends a request to a port as a given user. Returns the body and the status; 000 means no answer.
fn visit(user: &str, form: &str, port: &str, path: &str, post: Option<&str>) -> String {
    let home = Home::new();
    let mut command = home.command("setpriv");
    command.args([
        "--reuid",
        user,
        "--clear-groups",
        "curl",
        "-gs",
        "--max-time",
        "10",
        "-w",
        "\n%{http_code}",
    ]);
    command.args(["-H", &format!("Host: localhost:{port}")]);
    if let Some(body) = post {
        command.args([
            "-H",
            &format!("Origin: http://localhost:{port}"),
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ]);
    }
    run(command.arg(format!("http://{form}:{port}{path}")), "").stdout
}

fn port_of(address: &str) -> String {
    origin(address).rsplit(':').next().unwrap().to_owned()
}

#[test]
fn the_approval_page_ignores_other_users_and_its_address_stays_valid() {
    let mut lab = Lab::new();
    let asked = Asked::new(&mut lab, json!({"service": "plex", "secrets": {"A": "1"}}));
    let port = port_of(&asked.address);
    let exchange_body = json!({"code": asked.address.split('#').nth(1)}).to_string();
    for form in FORMS {
        assert!(
            visit("0", form, &port, "/approve", None).ends_with("\n200") || !is_root(),
            "{form}"
        );
        if is_root() {
            assert_eq!(
                visit(SOMEBODY_ELSE, form, &port, "/approve", None),
                "\n000",
                "{form}"
            );
            assert_eq!(
                visit(
                    SOMEBODY_ELSE,
                    form,
                    &port,
                    "/approve/exchange",
                    Some(&exchange_body)
                ),
                "\n000",
                "{form}"
            );
        }
    }
    let tab = Tab::open(&asked.address);
    // Not even with the secret of the tab.
    if is_root() {
        for form in FORMS {
            let home = Home::new();
            let mut command = home.command("setpriv");
            command.args([
                "--reuid",
                SOMEBODY_ELSE,
                "--clear-groups",
                "curl",
                "-gs",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
            ]);
            command.args([
                "-H",
                &format!("Host: localhost:{port}"),
                "-H",
                &format!("Origin: http://localhost:{port}"),
            ]);
            command.args([
                "-H",
                "Content-Type: application/json",
                "-H",
                &format!("Claude-Vault-Page: {}", tab.secret),
            ]);
            let url = format!("http://{form}:{port}/approve/plan/{}/value", asked.id());
            assert_eq!(
                run(command.args(["-d", "{\"key\":0}", &url]), "").stdout,
                "000",
                "{form}"
            );
        }
    }
    assert_eq!(
        tab.act(&asked.shown, "value", &json!({"key": 0})).json()["value"],
        "1"
    );
}

#[test]
fn the_enrolment_page_ignores_other_users_too() {
    let lab = Lab::new();
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "enroll", "laptop"]);
    let address = crate::terminal::address(&mut terminal);
    let port = port_of(&address);
    let body = json!({"code": address.split('#').nth(1)}).to_string();
    for form in FORMS.into_iter().filter(|_| is_root()) {
        assert!(
            visit("0", form, &port, "/enroll", None).ends_with("\n200"),
            "{form}"
        );
        assert_eq!(
            visit(SOMEBODY_ELSE, form, &port, "/enroll", None),
            "\n000",
            "{form}"
        );
        assert_eq!(
            visit(SOMEBODY_ELSE, form, &port, "/enroll/exchange", Some(&body)),
            "\n000",
            "{form}"
        );
    }
    let _silent = silent(&port, 40);
    let secret = exchange(&address).ok().unwrap();
    assert_eq!(
        post(&address, &secret, "begin", &json!({})).json()["name"],
        "laptop"
    );
    terminal.send_control('c').unwrap();
}

#[test]
fn another_user_who_knows_the_state_does_not_end_a_login() {
    let login = Login::new();
    let waiting = Waiting::start(&login, &[]);
    let port = url::Url::parse(&waiting.query("redirect_uri"))
        .unwrap()
        .port()
        .unwrap()
        .to_string();
    let path = format!(
        "/oidc/callback?state={}&code=theirs",
        waiting.query("state")
    );
    for form in FORMS.into_iter().filter(|_| is_root()) {
        assert_eq!(
            visit(SOMEBODY_ELSE, form, &port, &path, None),
            "\n000",
            "{form}"
        );
        assert!(
            visit("0", form, &port, "/", None).ends_with("\n404"),
            "{form}"
        );
    }
    // Connections that send nothing, or never finish a request, do not end the login either.
    let _silent = silent(&port, 40);
    let browser = run(
        login
            .lab
            .home
            .command(crate::support::ground().join("browser.sh"))
            .arg(waiting.url.as_str()),
        "",
    );
    assert_eq!(browser.status, 0);
    let (status, _, err) = waiting.finish();
    assert!(
        status == 0 && err.contains("signed in as oidc-alice@lab.test"),
        "{err}"
    );
}

/// For example behind WSL's relay, whose connections belong to root.
#[test]
fn a_visitor_whose_user_is_unknown_is_told_how_to_continue() {
    if !is_root() {
        return;
    }
    let login = Login::new();
    let copy =
        std::path::Path::new("/tmp").join(format!("claude-vault-visitors-{}", std::process::id()));
    std::fs::copy(env!("CARGO_BIN_EXE_claude-vault"), &copy).unwrap();
    run(
        login
            .lab
            .home
            .command("chown")
            .args(["-R", SOMEBODY_ELSE])
            .arg(login.lab.home.lab().parent().unwrap()),
        "",
    )
    .exits(0);
    let mut command = login.lab.home.command("setpriv");
    command
        .args(["--reuid", SOMEBODY_ELSE, "--clear-groups"])
        .arg(&copy);
    command.args(["login", "--no-browser", "--timeout", "60"]);
    let waiting = Waiting::of(command);
    let port = url::Url::parse(&waiting.query("redirect_uri"))
        .unwrap()
        .port()
        .unwrap()
        .to_string();
    let path = format!("/oidc/callback?state={}&code=x", waiting.query("state"));
    for form in FORMS {
        let reply = visit("0", form, &port, &path, None);
        assert!(
            reply.ends_with("\n403") && reply.contains("paste it into the terminal"),
            "{form}: {reply}"
        );
        assert!(
            visit(SOMEBODY_ELSE, form, &port, "/", None).ends_with("\n404"),
            "{form}"
        );
    }
    drop(waiting);
    // The approval page names the command that answers without a browser.
    let mut command = login.lab.home.command("setpriv");
    command
        .args(["--reuid", SOMEBODY_ELSE, "--clear-groups"])
        .arg(&copy)
        .args(["set", "plex", "A=2"]);
    command
        .env("VAULT_TOKEN", login.lab.bao.token(&["homelab-services"]))
        .env("CLAUDECODE", "1")
        .env("BROWSER", "/bin/false");
    command.env("CLAUDE_VAULT_APPROVAL_WAIT", "60");
    let mut child = command.spawn().unwrap();
    let port = eventually("its page", || listening(child.id()));
    let reply = visit("0", "127.0.0.1", &port, "/approve", None);
    assert!(
        reply.ends_with("\n403")
            && reply.contains("claude-vault approve pending")
            && !reply.contains("plex"),
        "{reply}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(copy).unwrap();
}

/// The IPv4 port on which a process listens.
fn listening(process: u32) -> Option<String> {
    let fds = std::fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .flatten();
    let sockets: Vec<String> = fds
        .filter_map(|fd| {
            std::fs::read_link(fd.path())
                .ok()?
                .to_str()
                .map(str::to_owned)
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| {
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let mut ours = rows
        .into_iter()
        .filter(|row| row[3] == "0A" && sockets.contains(&format!("socket:[{}]", row[9])));
    let port = ours.next()?[1]
        .split(':')
        .nth(1)
        .and_then(|port| u16::from_str_radix(port, 16).ok())?;
    Some(port.to_string())
}

/// Opens connections as this user: half of them send nothing, half never finish their request head.
fn silent(port: &str, count: usize) -> Vec<TcpStream> {
    let open = |number: usize| {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        if number % 2 == 1 {
            stream
                .write_all(b"POST /approve/list HTTP/1.1\r\nHost: ")
                .unwrap();
        }
        stream
    };
    (0..count).map(open).collect()
}

#[test]
fn connections_that_are_silent_or_slow_do_not_take_the_page_away() {
    let mut lab = Lab::new();
    let asked = Asked::new(&mut lab, json!({"service": "plex", "secrets": {"A": "1"}}));
    let port = port_of(&asked.address);
    let mut open = silent(&port, 40);
    let started = Instant::now();
    let tab = Tab {
        address: asked.address.clone(),
        secret: exchange(&asked.address).ok().unwrap(),
    };
    assert!(
        started.elapsed() < Duration::from_millis(1900),
        "{:?}",
        started.elapsed()
    );
    tab.look();
    // Nor do requests whose body never ends.
    let host = format!("localhost:{port}");
    for _ in 0..40 {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let head = format!(
            "POST /approve/list HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        open.push(stream);
    }
    let started = Instant::now();
    assert_eq!(tab.list().len(), 1);
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    // The server soon closes the silent connections.
    for mut stream in open {
        stream
            .set_read_timeout(Some(Duration::from_secs(8)))
            .unwrap();
        let ended = match stream.read(&mut [0; 1024]) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(ended, "a silent connection is still open");
    }
    assert_eq!(tab.act(&asked.shown, "deny", &json!({})).status, 200);
}

/// Installs a browser that only records what it should open. Returns the file with the records.
fn recorder(home: &mut Home) -> std::path::PathBuf {
    let opened = home.lab().join("opened");
    let script = home.file(
        "browser",
        &format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1\" >>'{}'\n",
            opened.display()
        ),
    );
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    home.set("BROWSER", script.to_string_lossy());
    opened
}

fn lines(file: &std::path::Path) -> Vec<String> {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The number of children that have exited and were not reaped by their parent (proc(5), `stat`).
fn zombies(parent: u32) -> usize {
    let is_one = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let fields: Vec<String> = stat
            .rsplit_once(')')?
            .1
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        (fields[0] == "Z" && fields[1] == parent.to_string()).then_some(())
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(is_one)
        .count()
}

#[test]
fn a_hundred_calls_open_one_tab_and_leave_no_zombie() {
    let mut lab = Lab::new();
    let opened = recorder(&mut lab.home);
    let mut client = Client::start(&lab.home);
    for number in 0..100 {
        let arguments = json!({"service": format!("s{number}"), "secrets": {"A": "1"}});
        let id = client.ask(
            "tools/call",
            json!({"name": "vault_set", "arguments": arguments}),
        );
        if number % 10 == 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }
    let reply = client.ask(
        "tools/call",
        json!({"name": "vault_set", "arguments": {"service": "last", "secrets": {"A": "1"}}}),
    );
    let last = eventually("the last plan", || {
        pending(&lab.home)
            .into_iter()
            .find(|plan| plan["service"] == "last")
    });
    assert_eq!(lines(&opened).len(), 1, "{:?}", lines(&opened));
    eventually("the browser to be collected", || {
        (zombies(client.id()) == 0).then_some(())
    });
    // The one address works, and the page lists the pending plans.
    let tab = Tab::open(&lines(&opened)[0]);
    assert_eq!(
        tab.list()
            .iter()
            .filter(|plan| plan["stage"] == "waiting")
            .count(),
        1
    );
    // Further plans appear on the page that is already open.
    let second = client.ask(
        "tools/call",
        json!({"name": "vault_set", "arguments": {"service": "more", "secrets": {"A": "1"}}}),
    );
    let more = eventually("the plan", || {
        tab.list()
            .into_iter()
            .find(|plan| plan["service"] == "more")
    });
    assert_eq!(lines(&opened).len(), 1);
    // After the page was closed, the next plan opens a new one.
    tab.look();
    assert_eq!(tab.act(&last, "deny", &json!({})).status, 200);
    assert_eq!(tab.act(&more, "deny", &json!({})).status, 200);
    client.answer(reply);
    client.answer(second);
    std::thread::sleep(Duration::from_millis(3500));
    client.ask(
        "tools/call",
        json!({"name": "vault_set", "arguments": {"service": "after", "secrets": {"A": "1"}}}),
    );
    eventually("another tab", || (lines(&opened).len() == 2).then_some(()));
    client.close();
}

#[test]
fn the_program_notices_whether_its_page_is_open_in_a_browser() {
    let mut lab = Lab::new();
    let opened = recorder(&mut lab.home);
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&lab.home);
    let mut set = |service: &str| {
        let reply = client
            .call(
                "vault_set",
                json!({"service": service, "secrets": {"A": "1"}}),
            )
            .unwrap_err();
        assert!(reply.starts_with("approval_pending"), "{reply}");
    };
    set("one");
    eventually("the tab", || (lines(&opened).len() == 1).then_some(()));
    // Longer than the heartbeat interval, with a second plan meanwhile.
    let home = &lab.home;
    std::thread::scope(|scope| {
        let browser = scope.spawn(|| {
            super::chromium(
                home,
                json!([
                    {"do": "open", "url": lines(&opened)[0]}, {"do": "wait", "text": "A change waits for you"},
                    {"do": "wait", "text": "2 changes wait for you"},
                ]),
            )
        });
        eventually("the page", || {
            home.read(".claude-vault-audit.log")
                .contains("APPROVAL_SHOWN")
                .then_some(())
        });
        std::thread::sleep(Duration::from_secs(5));
        set("two");
        browser.join().unwrap();
    });
    assert_eq!(lines(&opened).len(), 1);
    // When the browser is killed, its page counts as closed at once.
    set("three");
    eventually("another tab", || (lines(&opened).len() == 2).then_some(()));
}

#[test]
fn logging_in_and_out_in_a_loop_opens_a_few_tabs_only() {
    let mut login = Login::new();
    let opened = recorder(&mut login.lab.home);
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&login.lab.home);
    for _ in 0..10 {
        assert_eq!(
            client.call("vault_login", json!({})).unwrap()["state"],
            "pending"
        );
        eventually("the sign-in", || {
            (login.lab.cv(["approve", "pending", "--json"]).json()["sign_in"][0]["url"].is_string())
                .then_some(())
        });
        let _ = client.call("vault_logout", json!({}));
    }
    eventually("the browsers to be collected", || {
        (zombies(client.id()) == 0).then_some(())
    });
    assert_eq!(lines(&opened).len(), 3, "{:?}", lines(&opened));
    client.close();
}
