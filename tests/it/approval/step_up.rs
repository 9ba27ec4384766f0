//! `step-up`: a fresh login for a role that may write, against a real OpenBao and a real OpenID
//! provider. The session's own token has no write access.

use serde_json::{Value, json};

use super::page::config;
use super::{Asked, Tab, address, chromium};
use crate::login::Login;
use crate::mcp::Client;
use crate::support::CANARY;

const READER: &str = r#"
path "secret/data/proxmox-services/*"     { capabilities = ["read"] }
path "secret/metadata/proxmox-services/*" { capabilities = ["read", "list"] }
path "secret/metadata/proxmox-services"   { capabilities = ["list"] }
"#;
const WRITER: &str =
    r#"path "secret/data/proxmox-services/*" { capabilities = ["create", "update"] }"#;

/// A server on which sessions can read and the role `writer` can write.
fn lab() -> Login {
    let mut login = Login::with_tls();
    let bao = &login.lab.bao;
    bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": READER }),
    );
    bao.put(
        "sys/policies/acl/homelab-writer",
        json!({ "policy": WRITER }),
    );
    role(&login, "writer", &json!({}));
    config(
        &login.lab,
        "write_role = \"writer\"\napproval = \"step-up\"\n",
    );
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "45");
    login
}

/// Creates the role of the README, with changes.
fn role(login: &Login, name: &str, changes: &Value) {
    let mut role = json!({
        "role_type": "oidc", "user_claim": "email", "groups_claim": "groups", "oidc_scopes": ["openid", "email", "groups"],
        "bound_claims": {"groups": ["homelab"]}, "allowed_redirect_uris": ["http://localhost:8250/oidc/callback"],
        "token_policies": ["homelab-writer"], "token_ttl": "90s", "token_explicit_max_ttl": "90s", "token_num_uses": 4,
        "token_no_default_policy": false, "max_age": "60s",
    });
    role.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    login.lab.bao.put(&format!("auth/oidc/role/{name}"), role);
}

/// A client with alice's session, and a pending change.
fn asked(login: &mut Login, service: &str) -> Asked {
    let mut client = Client::start(&login.lab.home);
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "logged_in"
    );
    client.call("vault_list", json!({})).unwrap();
    // From here on a person with a real browser answers, not the script.
    let id = client.ask(
        "tools/call",
        json!({"name": "vault_set", "arguments": {"service": service, "secrets": {"A": CANARY}}}),
    );
    let shown = crate::support::eventually("the plan", || {
        super::pending(&login.lab.home).into_iter().next()
    });
    assert_eq!(shown["proof"], "step-up");
    let address = address(&login.lab.home);
    Asked {
        client,
        arguments: json!({"service": service, "secrets": {"A": CANARY}}),
        token: id.to_string(),
        shown,
        address,
    }
}

/// The outcome of the pending call.
fn outcome(asked: &mut Asked) -> Result<Value, String> {
    crate::mcp::outcome(&asked.client.answer(asked.token.parse().unwrap()))
}

fn accessors(login: &Login) -> usize {
    login
        .lab
        .bao
        .request("LIST", "auth/token/accessors", "")
        .1
        .matches('"')
        .count()
}

const SIGN_IN: &str = "Sign in to approve";

#[test]
fn a_fresh_login_writes_although_the_session_itself_may_not() {
    let mut login = lab();
    let mut asked = asked(&mut login, "jellyfin");
    let before = accessors(&login);
    let tab = Tab::open(&asked.address);
    // No other proof is accepted: neither a typed yes on the page nor one at a terminal.
    assert_eq!(
        tab.act(&asked.shown, "approve", &json!({"word": "yes"}))
            .status,
        403
    );
    // No value is uncovered: a sign-in only approves.
    for what in ["value", "uncover", "uncover-challenge"] {
        let answer = tab.act(&asked.shown, what, &json!({"key": 0}));
        assert!(
            answer.status == 403 && !answer.body.contains(CANARY),
            "{what}: {}",
            answer.body
        );
    }
    let mut terminal = crate::terminal::cv(&login.lab.home, &["approve", "pending"]);
    terminal
        .exp_string("approve or deny it on its page (step-up)")
        .unwrap();
    terminal.exp_eof().unwrap();
    drop(terminal);
    let folder =
        std::env::var("SHOTS").unwrap_or_else(|_| login.lab.home.path().display().to_string());
    chromium(
        &login.lab.home,
        json!([
            {"do": "open", "url": address(&login.lab.home)}, {"do": "wait", "text": "The values stay covered here: you approve this change by signing in again"}, {"do": "axe"},
            {"do": "shot", "path": format!("{folder}/step-up-1.png")},
            {"do": "click", "name": SIGN_IN},
            {"do": "wait", "text": "Sign-in"},
            {"do": "sign_in", "name": "alice"},
            {"do": "wait", "text": "Done: it is version 1 now"},
            {"do": "shot", "path": format!("{folder}/step-up-2.png")},
            {"do": "problems"},
        ]),
    );
    assert_eq!(outcome(&mut asked).unwrap()["version"], 1);
    assert_eq!(login.lab.stored("jellyfin"), json!({"A": CANARY}));
    assert_eq!(accessors(&login), before, "the write token was revoked");
    let log = login.lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("by: step-up as oidc-alice@lab.test") && !log.contains(CANARY),
        "{log}"
    );
    // The session itself has no write access, and its status shows that.
    let status = asked.client.call("vault_status", json!({})).unwrap();
    assert_eq!(
        (&status["session"]["write_access"], &status["approval"]),
        (&json!(false), &json!("step-up"))
    );
    asked.client.close();
}

/// Runs steps on the page of a change, checks that the page shows `says`, and denies the change.
fn tries(login: &mut Login, service: &str, steps: Vec<Value>, says: &str) {
    let mut asked = asked(login, service);
    let before = accessors(login);
    let mut all = vec![
        json!({"do": "open", "url": asked.address}),
        json!({"do": "click", "name": SIGN_IN}),
    ];
    all.extend(steps);
    all.push(json!({"do": "wait", "text": says}));
    all.push(json!({"do": "click", "name": "Deny"}));
    all.push(json!({"do": "wait", "text": "Denied"}));
    chromium(&login.lab.home, Value::from(all));
    assert!(
        outcome(&mut asked)
            .unwrap_err()
            .starts_with("approval_denied: ")
    );
    assert_eq!(
        login
            .lab
            .bao
            .request(
                "GET",
                &format!("secret/data/proxmox-services/{service}"),
                ""
            )
            .0,
        404
    );
    assert_eq!(
        accessors(login),
        before,
        "a token of the login is still valid"
    );
    asked.client.close();
}

#[test]
fn a_login_by_another_person_or_a_cancelled_or_refused_one_writes_nothing() {
    let mut login = lab();
    let sign_in = |name: &str| {
        vec![
            json!({"do": "wait", "text": "Sign-in"}),
            json!({"do": "sign_in", "name": name}),
        ]
    };
    tries(
        &mut login,
        "one",
        sign_in("bob"),
        "another person's sign-in",
    );
    tries(
        &mut login,
        "two",
        vec![
            json!({"do": "wait", "text": "Sign-in"}),
            json!({"do": "sign_in", "name": "", "deny": true}),
        ],
        "access_denied",
    );
    // mallory is in no group that the role accepts, so Vault refuses.
    tries(
        &mut login,
        "three",
        sign_in("mallory"),
        "did not approve this change",
    );
    for (service, changes, says) in [
        (
            "four",
            json!({"token_ttl": "8h", "token_explicit_max_ttl": "8h"}),
            "lives longer than 15 minutes",
        ),
        (
            "five",
            json!({"token_policies": ["homelab-services"]}),
            "may not write this service",
        ),
    ] {
        role(&login, "writer", &changes);
        tries(&mut login, service, sign_in("alice"), says);
    }
    let log = login.lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("APPROVAL_MISMATCH") && !log.contains("SUCCESS"),
        "{log}"
    );
}

#[test]
fn a_sign_on_that_is_too_old_must_be_repeated() {
    let mut login = lab();
    login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&login.lab.home);
    crate::support::eventually("the login", || {
        (client.call("vault_login", json!({})).unwrap()["state"] == "logged_in").then_some(())
    });
    let mut plan = |service: &str, max_age: &str| {
        role(&login, "writer", &json!({"max_age": max_age}));
        let reply = client
            .call(
                "vault_set",
                json!({"service": service, "secrets": {"A": "1"}}),
            )
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
        format!("{SIGN_IN} secret/proxmox-services/{service}")
    };
    let buttons = [plan("one", "2s"), plan("two", "2s"), plan("three", "2s")];
    let url = address(&login.lab.home);
    let page = url.split('#').next().unwrap();
    // One browser that stays signed in at the provider, as after the morning's login.
    let wait = json!({"do": "run", "script": "new Promise((done) => setTimeout(done, 3000))"});
    let seen = chromium(
        &login.lab.home,
        json!([
            {"do": "open", "url": url}, {"do": "click", "name": buttons[0]},
            {"do": "wait", "text": "Sign-in"}, {"do": "sign_in", "name": "alice"}, {"do": "wait", "text": "Done: it is version 1 now"},
            wait,
            {"do": "click", "name": buttons[1]}, {"do": "wait", "text": "Sign-in"}, {"do": "text", "of": "body"},
            // Nobody signs in again, so nothing is written, although the old sign-on is still
            // valid. The tab still has its secret.
            {"do": "open", "url": page}, {"do": "wait", "text": "2 changes wait for you"}, {"do": "text"},
        ]),
    );
    assert!(
        seen[8].as_str().unwrap().contains("Sign-in")
            && seen[11].as_str().unwrap().contains("Write to Vault?")
    );
    assert_eq!(
        login
            .lab
            .bao
            .request("GET", "secret/data/proxmox-services/one", "")
            .0,
        200
    );
    for service in ["two", "three"] {
        assert_eq!(
            login
                .lab
                .bao
                .request(
                    "GET",
                    &format!("secret/data/proxmox-services/{service}"),
                    ""
                )
                .0,
            404
        );
    }
    client.close();
}

/// Requests a write that must be refused before a page opens. Returns the error.
fn refused(login: &Login) -> String {
    let mut client = Client::start(&login.lab.home);
    let reply = client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"B": "1"}}),
        )
        .unwrap_err();
    assert!(super::pending(&login.lab.home).is_empty(), "{reply}");
    client.close();
    reply
}

/// The real Vault, behind an address that an attacker could have put in its place.
#[test]
fn step_up_requires_tls() {
    let mut login = lab();
    let token = login.lab.bao.token(&["homelab-services"]);
    login.lab.home.set("VAULT_TOKEN", token);
    let plain = login.lab.bao.admin.clone();
    login.lab.home.set("VAULT_ADDR", plain.clone());
    let reply = refused(&login);
    assert!(
        reply.starts_with("invalid_arguments: ") && !reply.contains(&plain),
        "{reply}"
    );
    login
        .lab
        .cv(["set", "plex", "B=2"])
        .exits(2)
        .says("refused over plain http")
        .says("https://");
    // Neither the person's `insecure_http` setting nor a throwaway lab that has ended is enough.
    login
        .lab
        .home
        .set("CLAUDE_VAULT_DEV", login.lab.home.path().to_string_lossy());
    login
        .lab
        .cv(["set", "plex", "B=2", "--insecure-http"])
        .exits(2)
        .says("refused over plain http");
    assert_eq!(login.lab.stored("plex"), json!({"A": "1"}));
}

/// Finding of November 2026: an assistant with a shell sets `address` to its own proxy on loopback.
#[test]
fn step_up_to_a_changed_address_must_first_be_confirmed_at_a_terminal() {
    let mut login = lab();
    let record = login
        .lab
        .home
        .path()
        .join(".local/state/claude-vault/step-up.address");
    let mut first = asked(&mut login, "jellyfin");
    chromium(
        &login.lab.home,
        json!([
            {"do": "open", "url": address(&login.lab.home)}, {"do": "click", "name": SIGN_IN},
            {"do": "wait", "text": "Sign-in"}, {"do": "sign_in", "name": "alice"}, {"do": "wait", "text": "Done: it is version 1 now"},
        ]),
    );
    outcome(&mut first).unwrap();
    first.client.close();
    let address = login.lab.bao.address.clone();
    let recorded = || {
        std::fs::read_to_string(&record)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(recorded(), address);
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&record).unwrap()) & 0o777,
        0o600
    );
    // Now the address changes. Here it is another name for the same server, which the program
    // cannot know.
    let moved = address.replace("127.0.0.1", "localhost");
    login.lab.home.set("VAULT_ADDR", &moved);
    let token = login.lab.bao.token(&["homelab-services"]);
    login.lab.home.set("VAULT_TOKEN", token);
    let reply = refused(&login);
    assert!(reply.starts_with("invalid_arguments: "), "{reply}");
    login
        .lab
        .cv(["set", "plex", "B=2"])
        .exits(2)
        .says("the last step-up went to")
        .says("in your own terminal");
    // Neither a script nor an agent can confirm the new address.
    login
        .lab
        .cv(["approve", "address"])
        .exits(8)
        .says("no terminal");
    let mut agent = login.lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    crate::support::run(
        agent.args(["approve", "address"]).env("CLAUDECODE", "1"),
        "",
    )
    .exits(8)
    .says("under an AI agent");
    for (answer, says) in [("no", "not confirmed"), ("yes", "from now on")] {
        let mut terminal = crate::terminal::cv(&login.lab.home, &["approve", "address"]);
        terminal.exp_string(&address).unwrap();
        terminal.exp_string(&moved).unwrap();
        terminal.exp_string("Type yes").unwrap();
        terminal.send_line(answer).unwrap();
        terminal.exp_string(says).unwrap();
        terminal.exp_eof().unwrap();
    }
    assert_eq!(recorded(), moved);
    assert!(
        login
            .lab
            .home
            .read(".claude-vault-audit.log")
            .contains(&format!("step-up address {moved}"))
    );
    login
        .lab
        .cv(["approve", "address"])
        .exits(0)
        .says("nothing to approve");
    // From here on, the old address is the changed one.
    let mut terminal = crate::terminal::cv(&login.lab.home, &["set", "plex", "B=2"]);
    crate::terminal::address(&mut terminal);
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
    login.lab.home.set("VAULT_ADDR", &address);
    assert!(refused(&login).starts_with("invalid_arguments: "));
    // The same address with another certificate authority counts as changed too.
    login.lab.home.set("VAULT_ADDR", &moved);
    let more = login.lab.home.path().join("more.pem");
    let authorities =
        std::fs::read_to_string(login.lab.bao.dir.path().join("vault-ca.pem")).unwrap();
    std::fs::write(&more, authorities.clone() + &authorities).unwrap();
    login.lab.home.set("VAULT_CACERT", more.to_string_lossy());
    assert!(refused(&login).starts_with("invalid_arguments: "));
    login
        .lab
        .cv(["set", "plex", "B=2"])
        .exits(2)
        .says("have changed since the last step-up")
        .says("in your own terminal");
    login.lab.home.set("VAULT_SKIP_VERIFY", "1");
    assert!(refused(&login).starts_with("invalid_arguments: "));
    login
        .lab
        .cv(["set", "plex", "B=2"])
        .exits(2)
        .says("step-up is refused without verification");
}

#[test]
fn step_up_is_refused_while_another_program_traces_this_one() {
    let mut login = lab();
    let token = login.lab.bao.token(&["homelab-services"]);
    login.lab.home.set("VAULT_TOKEN", token);
    let mut traced = login.lab.home.command("strace");
    traced.args([
        "-f",
        "-o",
        "/dev/null",
        env!("CARGO_BIN_EXE_claude-vault"),
        "set",
        "plex",
        "B=2",
    ]);
    crate::support::run(&mut traced, "")
        .exits(2)
        .says("traces this one")
        .says("end the debugger or tracer");
    assert_eq!(login.lab.stored("plex"), json!({"A": "1"}));
}

/// The write token goes only to the address that the person was shown, even if the settings trust
/// other hosts.
#[test]
fn the_write_token_follows_no_redirect() {
    use claude_vault::config::{Env, Global, Settings};
    let elsewhere = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let here = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (from, to) = (here.local_addr().unwrap(), elsewhere.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in here.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!(
                "HTTP/1.1 307 Moved\r\nLocation: http://localhost:{}/v1/x\r\nContent-Length: 0\r\n\r\n",
                to.port()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let env = Env::from_iter([
        ("CLAUDE_VAULT_CONFIG".to_owned(), "/dev/null".into()),
        (
            "CLAUDE_VAULT_TRUSTED_HOSTS".to_owned(),
            "localhost,127.0.0.1".into(),
        ),
        ("HOME".to_owned(), "/nowhere".into()),
    ]);
    let global = Global {
        address: Some(format!("http://{from}")),
        ..Global::default()
    };
    let settings = Settings::load(&global, &env).unwrap();
    let vault =
        claude_vault::vault::Client::new(&settings, Some("hvs.session".to_owned().into())).unwrap();
    let writer = vault.with_token("hvs.write".to_owned().into());
    let alone = settings.for_the_address_alone();
    let given_back =
        claude_vault::vault::Client::new(&alone, Some("hvs.write".to_owned().into())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    for client in [writer, given_back] {
        let error = runtime
            .block_on(client.look_up_token())
            .map(drop)
            .unwrap_err();
        assert_eq!(error.code(), "foreign_redirect", "{error}");
        assert!(
            elsewhere.accept().is_err(),
            "the token was sent to another host"
        );
    }
}

#[test]
fn a_person_at_the_terminal_steps_up_too() {
    let mut login = lab();
    let token = login.lab.bao.token(&["homelab-services"]);
    login.lab.home.set("VAULT_TOKEN", token);
    let hold = login.lab.home.lab().join("hold");
    login.lab.home.set("TEST_HOLD", hold.to_string_lossy());
    let mut terminal = crate::terminal::cv(&login.lab.home, &["set", "plex", "B=2"]);
    let url = crate::terminal::address(&mut terminal);
    chromium(
        &login.lab.home,
        json!([
            {"do": "open", "url": url}, {"do": "click", "name": SIGN_IN},
            {"do": "wait", "text": "Sign-in"}, {"do": "sign_in", "name": "alice"}, {"do": "wait", "text": "Done: it is version 2 now"},
        ]),
    );
    terminal
        .exp_string("updated secret/proxmox-services/plex (version 2)")
        .unwrap();
    terminal.exp_eof().unwrap();
    assert_eq!(login.lab.stored("plex"), json!({"A": "1", "B": "2"}));
    login
        .lab
        .cv(["set", "plex", "A=2", "--no-confirm"])
        .exits(2)
        .says("--no-confirm is not enough");
}

#[test]
fn one_sign_in_covers_both_steps_of_a_rename() {
    let mut login = lab();
    let policy = r#"
        path "secret/data/elsewhere/*"            { capabilities = ["create", "update"] }
        path "secret/metadata/elsewhere/*"        { capabilities = ["update"] }
        path "secret/delete/proxmox-services/*"   { capabilities = ["update"] }
    "#;
    let reader = READER.to_owned() + &READER.replace("proxmox-services", "elsewhere");
    login.lab.bao.put(
        "sys/policies/acl/homelab-writer",
        json!({ "policy": policy }),
    );
    login.lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({ "policy": reader }),
    );
    login.lab.bao.put(
        "secret/metadata/proxmox-services/plex",
        json!({"custom_metadata": {"owner": "alice"}}),
    );
    let token = login.lab.bao.token(&["homelab-services"]);
    login.lab.home.set("VAULT_TOKEN", token);
    let hold = login.lab.home.lab().join("hold");
    login.lab.home.set("TEST_HOLD", hold.to_string_lossy());
    let rename = |login: &Login, says: &str| {
        let mut terminal = crate::terminal::cv(
            &login.lab.home,
            &["rename", "plex", "b", "--to-path", "elsewhere"],
        );
        let url = crate::terminal::address(&mut terminal);
        chromium(
            &login.lab.home,
            json!([
                {"do": "open", "url": url}, {"do": "wait", "text": "secret/proxmox-services/plex → secret/elsewhere/b"}, {"do": "click", "name": SIGN_IN},
                {"do": "wait", "text": "Sign-in"}, {"do": "sign_in", "name": "alice"}, {"do": "wait", "text": says},
            ]),
        );
        terminal.exp_eof().unwrap()
    };
    // A token with four uses runs out before the old service is deleted. Nothing is lost, and a
    // second sign-in finishes the rename.
    let said = rename(&login, "the old one stays");
    assert!(
        said.contains("used up") && said.contains("token_num_uses=8"),
        "{said}"
    );
    assert_eq!(login.lab.stored("plex"), json!({"A": "1"}));
    role(&login, "writer", &json!({"token_num_uses": 8}));
    let said = rename(&login, "Done: it is version 1 now");
    assert!(
        said.contains("renamed secret/proxmox-services/plex to secret/elsewhere/b (version 1)"),
        "{said}"
    );
    assert_eq!(login.lab.stored_or_null("plex"), Value::Null);
    let made = login.lab.bao.get("secret/metadata/elsewhere/b")["data"].clone();
    assert_eq!(
        (&made["custom_metadata"], &made["current_version"]),
        (&json!({"owner": "alice"}), &json!(1))
    );
}
