//! Logins directly at the identity provider.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::login::{Login, Waiting};
use crate::support::{Bao, CANARY, Home, Run, ground, run};

/// Adds Vault's `jwt` method for ID tokens that the provider issues for the client `cli`.
pub fn with_jwt() -> Login {
    let login = Login::new();
    let bao = &login.lab.bao;
    bao.put("sys/auth/jwt", json!({"type": "jwt"}));
    bao.put(
        "auth/jwt/config",
        json!({"oidc_discovery_url": login.provider.issuer, "default_role": "homelab"}),
    );
    for (role, audience) in [("homelab", "cli"), ("others", "somebody-else")] {
        bao.put(
            &format!("auth/jwt/role/{role}"),
            json!({
                "role_type": "jwt", "user_claim": "email", "bound_audiences": [audience], "bound_claims": {"groups": ["homelab"]},
                "token_policies": ["homelab-services"], "token_ttl": "1h",
            }),
        );
    }
    login
}

pub fn at_provider(login: &Login, method: &str) -> String {
    format!(
        "--method {method} --issuer {} --client-id cli",
        login.provider.issuer
    )
}

/// Writes the person's config file.
pub fn config(login: &Login, text: &str) {
    let folder = login.lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

/// Signs in, or declines, with a real Chromium.
pub fn chromium(login: &Login, kind: &str, answer: &str, url: &str) -> Run {
    let mut command = login.lab.home.command("node");
    command
        .current_dir(ground())
        .args(["browse.mjs", kind, answer, url, "alice", "x"]);
    run(&mut command, "").exits(0)
}

#[test]
fn jwt_signs_in_at_the_provider_and_vault_takes_its_token() {
    let login = with_jwt();
    let run = login
        .source(&at_provider(&login, "jwt"))
        .says("signed in as jwt-alice@lab.test for ");
    assert!(login.lab.bao.knows(&Login::token(&run)));
    // The config can hold all of these options.
    let (vault, issuer) = (&login.lab.bao.address, &login.provider.issuer);
    config(
        &login,
        &format!(
            "address = \"{vault}\"\nmethod = \"jwt\"\nissuer = \"{issuer}\"\nclient_id = \"cli\"\n"
        ),
    );
    Login::token(&login.source("").says("signed in as jwt-alice@lab.test"));
    // If the port is taken, another one is used. The page shows how the login ended.
    let squatter = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let waiting = Waiting::start(
        &login,
        &["--port", &squatter.local_addr().unwrap().port().to_string()],
    );
    assert_eq!(waiting.query("code_challenge_method"), "S256");
    assert!(waiting.query("scope").contains("groups") && waiting.query("nonce").len() > 20);
    let page = chromium(&login, "provider", "accept", waiting.url.as_str());
    assert!(page.stdout.contains("signed in"), "{}", page.all());
    let (status, out, err) = waiting.finish();
    assert!(status == 0 && out.contains("VAULT_TOKEN="), "{err}");
    assert!(!err.contains("eyJ"), "an ID token is printed: {err}");
    let doctor = login.lab.cv(["doctor"]);
    assert!(
        doctor
            .stdout
            .contains("supports jwt and device, then auth/jwt"),
        "{}",
        doctor.all()
    );
}

#[test]
fn what_jwt_cannot_use_is_reported_with_a_solution() {
    let mut login = with_jwt();
    let there = at_provider(&login, "jwt");
    login
        .fails(&format!("{there} --role others"), 1, "invalid audience")
        .says("bound_audiences");
    login
        .fails(&format!("{there} --role nope"), 1, "could not be found")
        .says("--role NAME");
    login.fails(
        &format!("{there} --auth-mount nowhere"),
        1,
        "Vault has no such login: JWT at auth/nowhere",
    );
    login
        .fails("--method jwt", 2, "there is no issuer")
        .says("--issuer URL --client-id ID");
    login.fails(
        "--method jwt --issuer nonsense --client-id cli",
        2,
        "the issuer is not a URL",
    );
    login.fails(
        "--method jwt --issuer http://id.example.org --client-id cli",
        1,
        "is not https",
    );
    login.fails(
        "--method jwt --issuer http://127.0.0.1:1 --client-id cli",
        1,
        "connection refused",
    );
    let vault = login.lab.bao.address.clone();
    login
        .fails(
            &format!("--method jwt --issuer {vault} --client-id cli"),
            1,
            "no discovery document there (404",
        )
        .says(".well-known");
    login.lab.home.set("TEST_DENY", "1");
    login.fails(&there, 1, "the identity provider refused it: access_denied");
    login
        .lab
        .home
        .variables
        .retain(|(name, _)| name != "TEST_DENY");
    login.lab.home.set("TEST_PERSON", "mallory");
    login.fails(
        &there,
        1,
        "does not match any associated bound claim values",
    );
    login.lab.home.set("CLAUDE_VAULT_METHOD", "magic");
    login.fails("", 2, "not one of: oidc, jwt, device, token\n");
}

/// The list in the error comes from the table of methods.
#[test]
fn every_method_has_a_test_and_is_in_the_book() {
    let mut home = Home::new();
    home.set("VAULT_ADDR", "http://127.0.0.1:1");
    home.set("CLAUDE_VAULT_METHOD", "magic");
    let run = home.cv(["login"]).exits(2);
    let all = run.stderr.split("not one of: ").nth(1);
    let all = all.and_then(|rest| rest.lines().next()).unwrap();
    let tests = [
        include_str!("login_methods.rs"),
        include_str!("login_elsewhere.rs"),
        include_str!("terminal.rs"),
    ]
    .concat();
    // Arguments may be one text or a list.
    let words: Vec<&str> = tests
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | ','))
        .filter(|word| !word.is_empty())
        .collect();
    let tests = words.join(" ");
    let book = include_str!("../../docs/sign-in.md");
    let others: Vec<&str> = all.split(", ").filter(|word| *word != "oidc").collect();
    assert_eq!(others.len() + 1, all.split(", ").count(), "{all}");
    for word in others {
        let option = format!("--method {word}");
        assert!(tests.contains(&option), "no test of {option}");
        assert!(book.contains(&option), "docs/sign-in.md lacks {option}");
    }
}

/// A provider at home has a certificate from the same authority as Vault. `VAULT_CACERT` names that
/// authority.
#[test]
fn the_providers_certificate_is_verified_by_the_system_and_the_persons_own_authority() {
    let mut login = with_jwt();
    let server = Bao::start(&["-dev-tls"]);
    let port = server.address.rsplit(':').next().unwrap();
    let there = format!("--method jwt --issuer https://localhost:{port} --client-id cli");
    login
        .fails(&there, 1, "signed by an authority that is not trusted")
        .says("VAULT_CACERT");
    login.lab.home.set(
        "VAULT_CACERT",
        server.dir.path().join("vault-ca.pem").to_string_lossy(),
    );
    login.fails(&there, 1, "no discovery document there (404");
    login.lab.home.set("VAULT_CACERT", "");
    login.lab.home.set("VAULT_SKIP_VERIFY", "1"); // applies to Vault's certificate, not to the provider's
    login.fails(&there, 1, "signed by an authority that is not trusted");
}

/// A provider whose document names another issuer could pass its tokens off as that issuer's
/// (mix-up attack).
#[test]
fn a_document_that_names_another_issuer_is_refused() {
    let login = with_jwt();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let provider = login.provider.issuer.trim_start_matches("http://");
    let request =
        format!("GET /.well-known/openid-configuration HTTP/1.0\r\nHost: {provider}\r\n\r\n");
    let document = crate::support::http::raw(provider, &request)
        .split_once("\r\n\r\n")
        .unwrap()
        .1
        .to_owned();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{document}",
            document.len()
        );
    });
    login.fails(
        &format!("--method jwt --issuer {address} --client-id cli"),
        1,
        "unexpected issuer",
    );
    server.join().unwrap();
}

/// A provider that serves the documents of the real one, changed by `change`, which gets the
/// requested path, the real document and its own address. Counts the requests.
fn stand_in(
    login: &Login,
    change: impl Fn(&str, serde_json::Value, &str) -> serde_json::Value + Send + 'static,
) -> StandIn {
    use std::io::{Read, Write};
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let provider = login
        .provider
        .issuer
        .trim_start_matches("http://")
        .to_owned();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let own = StandIn {
        address: address.clone(),
        asked: asked.clone(),
    };
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut request, mut part) = (String::new(), [0; 4096]);
            let whole = |request: &str| {
                let length = |head: &str| {
                    head.lines()
                        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                };
                request
                    .split_once("\r\n\r\n")
                    .is_some_and(|(head, body)| body.len() >= length(head).unwrap_or(0))
            };
            while !whole(&request) {
                let Ok(count @ 1..) = stream.read(&mut part) else {
                    break;
                };
                request.push_str(&String::from_utf8_lossy(&part[..count]));
            }
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            asked.lock().unwrap().push(path.clone());
            let request = format!("GET {path} HTTP/1.0\r\nHost: {provider}\r\n\r\n");
            let real = crate::support::http::raw(&provider, &request);
            let real = real
                .split_once("\r\n\r\n")
                .and_then(|(_, body)| serde_json::from_str(body).ok())
                .unwrap_or_default();
            let body = change(&path, real, &address);
            let status = if body["error"].is_null() {
                "200 OK"
            } else {
                "400 Bad Request"
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close");
            let _ = write!(
                stream,
                "{head}\r\nContent-Length: {}\r\n\r\n{body}",
                body.to_string().len()
            );
        }
    });
    own
}

struct StandIn {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The browser, or the desktop's handler, opens the address that the document names.
#[test]
fn an_address_that_is_not_a_web_page_is_not_opened() {
    let mut login = with_jwt();
    let folder = recorder(&login, "mine");
    login
        .lab
        .home
        .set("BROWSER", folder.join("mine").to_string_lossy());
    let provider = stand_in(&login, |path, mut real, own| {
        if path == "/device" {
            return json!({"device_code": "c", "user_code": "u", "verification_uri": "file:///etc/passwd", "expires_in": 60});
        }
        real["issuer"] = own.into();
        real["authorization_endpoint"] = "file:///etc/passwd".into();
        real["device_authorization_endpoint"] = format!("{own}/device").into();
        real
    });
    for method in ["jwt", "device"] {
        let there = format!(
            "--method {method} --issuer {} --client-id cli",
            provider.address
        );
        let run = login.fails(&there, 1, "is not https");
        assert!(!run.stderr.contains("passwd"), "{}", run.stderr);
    }
    assert!(!login_file(&folder).exists(), "something was opened");
}

/// Text that a provider sends for a device login must not control the terminal, and its interval
/// must not make this program poll without a pause.
#[test]
fn the_code_of_a_device_login_is_one_line_and_its_interval_at_least_a_second() {
    let login = with_jwt();
    let provider = stand_in(&login, |path, mut real, own| match path {
        "/device" => json!({
            "device_code": "c", "user_code": format!("A\nsigned in as root\u{1b}[2J{}", "x".repeat(5000)), "expires_in": 60,
            "interval": 0, "verification_uri": format!("{own}/page"),
        }),
        "/token" => json!({"error": "authorization_pending"}),
        _ => {
            real["issuer"] = own.into();
            real["device_authorization_endpoint"] = format!("{own}/device").into();
            real["token_endpoint"] = format!("{own}/token").into();
            real
        }
    });
    let there = format!(
        "--method device --issuer {} --client-id cli",
        provider.address
    );
    let run = login.source(&format!("{there} --timeout 6"));
    assert!(run.stdout.starts_with("8|"), "{}", run.all());
    assert!(
        run.stderr.contains("A\\nsigned in as root\\u{1b}[2Jx"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.lines().all(|line| line.len() < 200),
        "{}",
        run.stderr
    );
    let polls = provider
        .asked
        .lock()
        .unwrap()
        .iter()
        .filter(|path| *path == "/token")
        .count();
    assert!((2..=6).contains(&polls), "{polls}");
}

/// A mount that the config sets for Vault's own login is not used for another method.
#[test]
fn the_configured_mount_applies_only_to_the_configured_method() {
    let login = with_jwt();
    config(&login, "auth_mount = \"oidc\"\n");
    Login::token(
        &login
            .source(&at_provider(&login, "jwt"))
            .says("signed in as jwt-alice@lab.test"),
    );
    Login::token(&login.source("").says("signed in as oidc-alice@lab.test"));
    let there = format!(
        "issuer = \"{}\"\nclient_id = \"cli\"\n",
        login.provider.issuer
    );
    let own = format!(
        "address = \"{}\"\nauth_mount = \"jwt\"\n",
        login.lab.bao.address
    );
    config(&login, &format!("{own}method = \"jwt\"\n{there}"));
    Login::token(&login.source("").says("signed in as jwt-alice@lab.test"));
    Login::token(
        &login
            .source("--method oidc")
            .says("signed in as oidc-alice@lab.test"),
    );
}

/// An ID token signs in to every Vault that trusts its issuer. An address that is not the config's,
/// for example from a project's `.mcp.json`, must get none.
#[test]
fn the_configured_issuer_applies_only_to_the_configured_vault() {
    let mut login = with_jwt();
    let vault = login.lab.bao.address.clone();
    config(
        &login,
        &format!(
            "address = \"{vault}\"\nmethod = \"jwt\"\nissuer = \"{}\"\nclient_id = \"cli\"\n",
            login.provider.issuer
        ),
    );
    Login::token(&login.source(""));
    let thief = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    thief.set_nonblocking(true).unwrap();
    login.lab.home.set(
        "VAULT_ADDR",
        format!("http://{}", thief.local_addr().unwrap()),
    );
    // Neither a list of trusted hosts from there helps, nor a config that sets no address.
    login
        .lab
        .home
        .set("CLAUDE_VAULT_TRUSTED_HOSTS", "127.0.0.1");
    let run = login.source("").says("this is another");
    assert!(run.stdout.starts_with("2|"), "{}", run.all());
    config(
        &login,
        &format!(
            "method = \"jwt\"\nissuer = \"{}\"\nclient_id = \"cli\"\n",
            login.provider.issuer
        ),
    );
    let run = login
        .source("")
        .says("not the address of the Vault to sign in to");
    assert!(run.stdout.starts_with("2|"), "{}", run.all());
    assert!(thief.accept().is_err(), "the thief received a connection");
}

/// Installs a program with this name that writes its arguments to a file.
pub fn recorder(login: &Login, name: &str) -> PathBuf {
    let folder = login.lab.home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join(name);
    std::fs::write(
        &program,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >>{}/opened\n",
            folder.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

pub fn login_file(folder: &std::path::Path) -> PathBuf {
    folder.join("opened")
}

#[test]
fn an_assistant_signs_its_person_in_by_the_configured_method() {
    let login = with_jwt();
    login.lab.store("canary", json!({ "KEY": CANARY }));
    let vault = login.lab.bao.address.clone();
    config(
        &login,
        &format!(
            "address = \"{vault}\"\nmethod = \"jwt\"\nissuer = \"{}\"\nclient_id = \"cli\"\n",
            login.provider.issuer
        ),
    );
    let mut client = crate::mcp::Client::start(&login.lab.home);
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "logged_in"
    );
    let status = client.call("vault_status", json!({})).unwrap();
    assert!(
        status.to_string().contains("jwt-alice@lab.test"),
        "{status}"
    );
    let audit =
        std::fs::read_to_string(login.lab.home.lab().join(".claude-vault-audit.log")).unwrap();
    assert!(audit.contains("method jwt"), "{audit}");
}
