//! Logins with a browser on another machine, and the choice of the browser on this one.

use std::net::TcpListener;

use serde_json::json;

use crate::login::{Login, Waiting};
use crate::login_methods::{at_provider, chromium, config, login_file, recorder, with_jwt};
use crate::support::eventually;

/// A device login opens no listener, so a taken port is not reported.
#[test]
fn a_device_login_does_not_warn_about_a_taken_port() {
    let mut login = with_modes();
    let squatter = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    login.lab.home.set(
        "CLAUDE_VAULT_PORT",
        squatter.local_addr().unwrap().port().to_string(),
    );
    for arguments in ["--role device", "--method device --role device"] {
        let run = login.fails(
            &format!("{arguments} --timeout 1"),
            8,
            "Check that the page shows this code",
        );
        assert!(!run.stderr.contains("is taken"), "{}", run.stderr);
    }
    login.fails("--no-browser --timeout 1", 8, "is taken by another program");
}

#[test]
fn device_signs_in_with_a_browser_on_another_machine() {
    let login = with_jwt();
    let arguments = at_provider(&login, "device");
    let words: Vec<&str> = arguments.split(' ').collect();
    let waiting = Waiting::start(&login, &words);
    let code = waiting.query("user_code");
    let page = chromium(&login, "device", "accept", waiting.url.as_str());
    assert!(page.stdout.contains("Success"), "{}", page.all());
    let (status, out, err) = waiting.finish();
    assert!(
        status == 0
            && out.contains("VAULT_TOKEN=")
            && err.contains("signed in as jwt-alice@lab.test"),
        "{err}"
    );
    assert!(
        err.contains(&code),
        "the code to compare with the page: {err}"
    );
    assert!(!err.contains("eyJ"), "{err}");
    let waiting = Waiting::start(&login, &words);
    chromium(&login, "device", "deny", waiting.url.as_str());
    let (status, out, err) = waiting.finish();
    assert_eq!((status, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("access_denied"), "{err}");
    let nobody = login.source(&format!("{arguments} --timeout 1"));
    assert!(nobody.stdout.starts_with("8|"), "{}", nobody.all());
}

/// Adds roles for OpenBao's own modes in which the browser never comes back to this program.
fn with_modes() -> Login {
    let login = Login::new();
    let own = format!("{}/v1/auth/oidc/oidc/callback", login.lab.bao.address);
    for (role, mode, redirect) in [
        ("device", "device", "http://localhost:8250/oidc/callback"),
        ("direct", "direct", own.as_str()),
        ("half", "direct", "http://localhost:8250/oidc/callback"),
    ] {
        login.lab.bao.put(
            &format!("auth/oidc/role/{role}"),
            json!({
                "role_type": "oidc", "callback_mode": mode, "user_claim": "email", "groups_claim": "groups", "poll_interval": 1,
                "oidc_scopes": ["openid", "email", "groups"], "allowed_redirect_uris": [redirect],
                "token_policies": ["homelab-services"], "token_ttl": "1h",
            }),
        );
    }
    login
}

#[test]
fn openbaos_own_device_and_direct_modes_need_no_callback_here() {
    let login = with_modes();
    for (kind, arguments) in [
        ("device", &["--method", "device", "--role", "device"][..]),
        ("device", &["--role", "device"]),
        ("direct", &["--role", "direct"]),
        ("direct", &["--method", "device", "--role", "direct"]),
    ] {
        let waiting = Waiting::start(&login, arguments);
        let page = chromium(&login, kind, "accept", waiting.url.as_str());
        assert!(
            page.stdout.contains("Success") || page.stdout.contains("Signed in"),
            "{}",
            page.all()
        );
        let (status, out, err) = waiting.finish();
        assert!(
            status == 0
                && out.contains("VAULT_TOKEN=")
                && err.contains("signed in as oidc-alice@lab.test"),
            "{arguments:?} {err}"
        );
    }
    login
        .fails("--role half", 1, "does not allow this program's callback")
        .says("/v1/auth/oidc/oidc/callback to the allowed");
    login
        .fails(
            "--method device",
            1,
            "the role requires a browser on this machine",
        )
        .says("--issuer URL");
    for (role, says) in [
        ("device", "with device, with a browser anywhere"),
        ("half", "does not allow this program's callback"),
    ] {
        config(&login, &format!("role = \"{role}\"\n"));
        let run = login.lab.cv(["doctor"]);
        assert!(run.stdout.contains(says), "{role}: {}", run.stdout);
    }
    config(&login, "");
    let declined = Waiting::start(&login, &["--role", "device"]);
    chromium(&login, "device", "deny", declined.url.as_str());
    let (status, _, err) = declined.finish();
    assert!(status == 1 && err.contains("access_denied"), "{err}");
}

/// Checks that a phone could read the QR code on the terminal: a separate decoder reads it, with
/// colours and without.
#[test]
fn a_phone_can_read_the_address_off_the_terminal() {
    let mut login = with_modes();
    for (no_color, dark_is_drawn) in [("", true), ("1", false)] {
        login.lab.home.set("NO_COLOR", no_color);
        let arguments = [
            "login",
            "--method",
            "device",
            "--role",
            "device",
            "--timeout",
            "2",
        ];
        let mut session =
            crate::terminal::on_terminal(&login.lab.home, "sh", &["-c", &shown(&arguments)]);
        // rexpect treats each byte as a character.
        let text = String::from_utf8(
            session
                .exp_eof()
                .unwrap()
                .chars()
                .map(|c| c as u8)
                .collect(),
        )
        .unwrap();
        let address = text
            .lines()
            .find_map(|line| {
                line.trim()
                    .strip_prefix("http")
                    .map(|rest| format!("http{rest}"))
            })
            .unwrap();
        let rows: Vec<Vec<char>> = text
            .lines()
            .map(|line| {
                line.trim_end_matches('\r')
                    .replace("\u{1b}[38;5;16;48;5;231m", "")
                    .replace("\u{1b}[0m", "")
            })
            .filter(|line| line.chars().count() > 20 && line.chars().all(|c| " ▀▄█".contains(c)))
            .map(|line| line.chars().collect())
            .collect();
        assert!(rows.len() > 10, "no code: {text}");
        let drawn = |x: usize, y: usize| {
            let c = rows[y / 2].get(x).copied().unwrap_or(' ');
            c == '█' || c == if y.is_multiple_of(2) { '▀' } else { '▄' }
        };
        let (width, scale) = (rows[0].len(), 4);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(
            width * scale,
            rows.len() * 2 * scale,
            |x, y| {
                if drawn(x / scale, y / scale) == dark_is_drawn {
                    0
                } else {
                    255
                }
            },
        );
        let read = image.detect_grids()[0].decode().unwrap().1;
        assert_eq!(read, address);
    }
    // No code is shown if it does not fit on the terminal or cannot be drawn.
    login.lab.home.set("NO_COLOR", "");
    for (name, value) in [("LANG", "C"), ("COLUMNS_OF_TERMINAL", "30")] {
        login.lab.home.set(name, value);
        let arguments = [
            "login",
            "--method",
            "device",
            "--role",
            "device",
            "--timeout",
            "1",
        ];
        let mut session =
            crate::terminal::on_terminal(&login.lab.home, "sh", &["-c", &shown(&arguments)]);
        assert!(!session.exp_eof().unwrap().contains('\u{e2}'), "{name}");
        login.lab.home.set("LANG", "C.UTF-8");
    }
}

/// A command that runs the program on a terminal and pipes its stdout elsewhere.
fn shown(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_claude-vault");
    format!(
        "stty rows 60 cols ${{COLUMNS_OF_TERMINAL:-100}}; {program} {} | cat >/dev/null",
        arguments.join(" ")
    )
}

#[test]
fn the_named_browser_is_opened_or_the_one_of_windows() {
    let mut login = Login::new();
    let folder = recorder(&login, "powershell.exe");
    let opened = || {
        let file = login_file(&folder);
        // The browser is started in the background.
        let text = eventually("a browser", || {
            std::fs::read_to_string(&file)
                .ok()
                .filter(|text| text.contains("http"))
        });
        let _ = std::fs::remove_file(file);
        text
    };
    login.lab.home.set(
        "PATH",
        format!(
            "{}:{}/.local/bin:/usr/bin:/bin",
            folder.display(),
            login.lab.home.path().display()
        ),
    );
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "BROWSER");
    login.lab.home.set("WSL_DISTRO_NAME", "Debian");
    login.fails("--timeout 1", 8, "the browser that opens");
    let text = opened();
    assert!(
        text.contains(
            "/powershell.exe\n-NoProfile\n-NonInteractive\n-Command\nStart-Process 'http://"
        ),
        "{text}"
    );
    recorder(&login, "wslview");
    login.fails("--timeout 1", 8, "the browser that opens");
    let text = opened();
    assert!(
        text.contains("/wslview\nhttp://") && !text.contains("powershell"),
        "{text}"
    );
    // The named browser comes first, and the flag outranks the variable.
    recorder(&login, "mine");
    recorder(&login, "theirs");
    login.lab.home.set("BROWSER", "theirs");
    login.fails(
        "--timeout 1 --browser 'mine --new %s'",
        8,
        "the browser that opens",
    );
    let text = opened();
    assert!(
        text.contains("/mine\n--new\nhttp://") && !text.contains("theirs"),
        "{text}"
    );
    login.fails(
        "--timeout 1 --browser nosuch",
        8,
        "the browser could not be started: nosuch",
    );
    // If a browser starts and then fails, the next one is tried. If the last one fails, that is
    // reported.
    login.fails(
        "--timeout 2 --browser false:mine",
        8,
        "the browser that opens",
    );
    assert!(opened().contains("/mine\nhttp://"));
    login.fails(
        "--timeout 2 --browser false",
        8,
        "the browser exited with an error: open the address above",
    );
    login.fails("--timeout 1 --no-browser", 8, "Sign in here");
    assert!(!login_file(&folder).exists());
}

#[test]
fn ssh_and_containers_get_a_hint_that_works_there() {
    let mut login = Login::new();
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "BROWSER");
    login.lab.home.set("container", "podman");
    login.fails(
        "--timeout 1",
        8,
        "cannot reach this container: paste the address",
    );
    login
        .lab
        .home
        .set("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.1 22");
    login.fails("--timeout 1", 8, "ssh -L");
}

/// The page may ask for a code, or show one to compare. The person's own terminal shows the code;
/// the model does not get it.
#[test]
fn the_person_can_see_the_code_of_a_device_login_that_an_assistant_started() {
    let mut login = with_jwt();
    login.lab.home.set("BROWSER", "/bin/false");
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
    let (vault, issuer) = (&login.lab.bao.address, &login.provider.issuer);
    config(
        &login,
        &format!(
            "address = \"{vault}\"\nmethod = \"device\"\nissuer = \"{issuer}\"\nclient_id = \"cli\"\n"
        ),
    );
    let mut client = crate::mcp::Client::start(&login.lab.home);
    let begun = client.call("vault_login", json!({})).unwrap();
    assert_eq!(begun["state"], "pending", "{begun}");
    let listed = eventually("the login", || {
        Some(login.lab.home.cv(["approve", "pending"]))
            .filter(|listed| listed.stderr.contains("is waiting for you to sign in"))
    });
    let url = listed
        .stderr
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("http"))
        .unwrap();
    let code = url.split("user_code=").nth(1).unwrap();
    assert!(
        listed.stderr.contains(&format!("or type it there: {code}")),
        "{}",
        listed.stderr
    );
    assert!(!begun.to_string().contains(code), "{begun}");
    assert_eq!(
        login.lab.home.cv(["approve", "pending", "--json"]).json()["sign_in"][0]["code"],
        code
    );
    let page = chromium(&login, "device", "accept", url);
    assert!(page.stdout.contains("Success"), "{}", page.all());
    crate::support::eventually("the login", || {
        Some(()).filter(|()| client.call("vault_login", json!({})).unwrap()["state"] == "logged_in")
    });
}
