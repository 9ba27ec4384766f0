//! Passkeys, with Chromium's virtual authenticator.

use serde_json::{Value, json};

use super::page::config;
use super::{Asked, Tab, address, chromium, exchange, origin, post};
use crate::mcp::Client;
use crate::support::{CANARY, Lab, eventually};

/// Enrolls a passkey as a person does. Returns the credential that the authenticator stores.
fn enroll(lab: &Lab, name: &str) -> Value {
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "enroll", name]);
    let line = crate::terminal::address(&mut terminal);
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "authenticator"},
            {"do": "open", "url": line},
            {"do": "wait", "text": "will approve changes"},
            {"do": "axe"},
            {"do": "click", "name": "Add passkey"},
            {"do": "wait", "text": "Now type this code"},
            {"do": "run", "script": "document.querySelector('.code').textContent"},
            {"do": "credential"},
        ]),
    );
    assert_eq!(seen[3], json!([]));
    terminal.exp_string("Type the code").unwrap();
    terminal.send_line(seen[6].as_str().unwrap()).unwrap();
    terminal.exp_string("added the passkey").unwrap();
    terminal.exp_eof().unwrap();
    seen[7].clone()
}

const APPROVE: &str = "Approve with passkey";

#[test]
fn a_passkey_is_enrolled_at_the_terminal_and_then_approves() {
    let mut lab = Lab::new();
    let credential = enroll(&lab, "laptop");
    assert_eq!(lab.cv(["approve", "list"]).exits(0).stdout, "laptop\n");
    for file in [
        ".config/claude-vault/passkeys.json",
        ".local/state/claude-vault/passkeys.seal",
        ".local/share/claude-vault/passkeys.enrolled",
    ] {
        let mode = std::fs::metadata(lab.home.path().join(file)).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
            0o600,
            "{file}"
        );
    }
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let client = Client::start_as(&lab.home, "claude-code", json!({}));
    let arguments = json!({"service": "jellyfin", "generate": {"DB_PASSWORD": 32}, "secrets": {"DB_HOST": "db.lan"}, "prompt": ["API_KEY"]});
    let mut asked = Asked::with(client, &lab, arguments);
    assert_eq!(asked.shown["proof"], "passkey");
    assert_eq!(
        asked.client.call("vault_status", json!({})).unwrap()["approval"],
        "passkey"
    );
    // The person's terminal shows the plan and no longer accepts a typed yes.
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    terminal
        .exp_string("approve or deny it on its page (passkey)")
        .unwrap();
    terminal.exp_eof().unwrap();
    drop(terminal);
    assert_eq!(
        Tab::open(&address(&lab.home))
            .act(
                &asked.shown,
                "approve",
                &json!({"word": "yes", "typed": {"API_KEY": "x"}})
            )
            .status,
        403
    );
    let folder = std::env::var("SHOTS").unwrap_or_else(|_| lab.home.path().display().to_string());
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "authenticator", "credential": credential},
            {"do": "open", "url": address(&lab.home)}, {"do": "wait", "text": "calls itself"}, {"do": "axe"},
            {"do": "fill", "of": "[data-key=API_KEY]", "text": "typed"},
            {"do": "shot", "path": format!("{folder}/passkey-1.png"), "height": 430},
            {"do": "click", "name": APPROVE},
            {"do": "wait", "text": "Done: it is version 1 now"},
            {"do": "shot", "path": format!("{folder}/passkey-2.png"), "height": 430},
        ]),
    );
    assert_eq!(seen[3], json!([]));
    assert_eq!(asked.outcome().unwrap()["version"], 1);
    assert_eq!(
        (
            &lab.stored("jellyfin")["API_KEY"],
            &lab.stored("jellyfin")["DB_HOST"]
        ),
        (&json!("typed"), &json!("db.lan"))
    );
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("by: passkey laptop") && log.contains("PASSKEY_ADDED"),
        "{log}"
    );
    let counter = |lab: &Lab| {
        let text =
            std::fs::read_to_string(lab.home.path().join(".config/claude-vault/passkeys.json"))
                .unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["passkeys"][0]["counter"]
            .as_u64()
            .unwrap()
    };
    assert!(counter(&lab) > credential["signCount"].as_u64().unwrap());
    // A signature counter that went backwards may mean that the authenticator was copied.
    let mut asked = Asked::new(&mut lab, json!({"service": "two", "secrets": {"A": "1"}}));
    chromium(
        &lab.home,
        json!([
            {"do": "authenticator", "credential": credential},
            {"do": "open", "url": asked.address}, {"do": "click", "name": APPROVE},
            {"do": "wait", "text": "counter went backwards"}, {"do": "click", "name": "Deny"}, {"do": "wait", "text": "Denied"},
        ]),
    );
    assert!(
        asked
            .outcome()
            .unwrap_err()
            .starts_with("approval_denied: ")
    );
    // A command in the person's own terminal asks for the passkey too.
    let mut terminal = crate::terminal::cv(&lab.home, &["set", "three", "A=1"]);
    terminal
        .exp_regex("http://localhost:[0-9]+/approve#[0-9a-f]+")
        .unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
    drop(terminal);
    // Several passkeys, each with a name.
    enroll(&lab, "yubikey");
    assert_eq!(
        lab.cv(["approve", "list"]).exits(0).stdout,
        "laptop\nyubikey\n"
    );
    lab.cv(["approve", "remove", "none"]).exits(5);
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "remove", "laptop"]);
    terminal.exp_string("Type yes to remove laptop").unwrap();
    terminal.send_line("yes").unwrap();
    terminal.exp_string("removed laptop").unwrap();
    terminal.exp_eof().unwrap();
    assert_eq!(lab.cv(["approve", "list"]).exits(0).stdout, "yubikey\n");
}

/// Converts a credential id from the spelling of `DevTools` to that of our store.
fn base64_to_hex(text: &str) -> String {
    let digit = |c: u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            .iter()
            .position(|other| *other == c)
    };
    let bits: Vec<usize> = text.bytes().filter_map(digit).collect();
    let bytes = bits.chunks(4).flat_map(|four| {
        let all = four.iter().fold(0, |all, bits| all << 6 | bits) << (6 * (4 - four.len()));
        (0..four.len() * 6 / 8).map(move |at| (all >> (16 - 8 * at)) & 255)
    });
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// An assertion of the passkey for a chosen challenge, made on the page at `url`.
fn assertion(challenge: &str, id: &str, verification: &str) -> String {
    format!(
        "(async () => {{ const b = (h) => Uint8Array.from(h.match(/../g), (t) => parseInt(t, 16)); \
         const x = (u) => Array.from(new Uint8Array(u), (y) => y.toString(16).padStart(2, '0')).join(''); \
         const a = await navigator.credentials.get({{publicKey: {{challenge: b('{challenge}'), rpId: 'localhost', \
         userVerification: '{verification}', allowCredentials: [{{type: 'public-key', id: b('{id}')}}]}}}}); \
         return {{id: x(a.rawId), client_data: x(a.response.clientDataJSON), \
         authenticator_data: x(a.response.authenticatorData), signature: x(a.response.signature)}}; }})()"
    )
}

#[test]
fn an_assertion_for_another_plan_or_page_or_without_user_verification_is_refused() {
    let mut lab = Lab::new();
    let credential = enroll(&lab, "laptop");
    let stored =
        std::fs::read_to_string(lab.home.path().join(".config/claude-vault/passkeys.json"))
            .unwrap();
    let id = serde_json::from_str::<Value>(&stored).unwrap()["passkeys"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = Asked::new(&mut lab, json!({"service": "one", "secrets": {"A": "1"}}));
    let two = Asked::with(
        one.client,
        &lab,
        json!({"service": "two", "secrets": {"A": "1"}}),
    );
    let tab = Tab::open(&two.address);
    let (one, two, page) = (one.shown, two.shown, origin(&two.address) + "/approve");
    let challenge = |plan: &Value| {
        tab.act(plan, "challenge", &json!({})).json()["challenge"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // A page on another port of localhost can use the same passkeys. Its origin gives it away.
    let elsewhere = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in elsewhere.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<p>x");
        }
    });
    let of_one = challenge(&one);
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "authenticator", "credential": credential},
            {"do": "open", "url": page},
            {"do": "run", "script": assertion(&of_one, &id, "required")},
            {"do": "open", "url": format!("http://localhost:{port}/")},
            {"do": "run", "script": assertion(&of_one, &id, "required")},
        ]),
    );
    let (right, of_another_page) = (seen[2].clone(), seen[4].clone());
    let refused = |plan: &Value, assertion: &Value, why: &str| {
        let answer = tab.act(plan, "approve", &json!({ "assertion": assertion }));
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(why), "{why}: {}", answer.body);
    };
    // Each attempt uses up the challenge, so the right assertion then comes too late.
    refused(&one, &of_another_page, "from another page");
    refused(&one, &right, "no passkey answer is expected");
    challenge(&one);
    refused(&one, &right, "to another plan");
    challenge(&two);
    refused(&two, &right, "to another plan");
    // A real assertion for this challenge, by an authenticator that did not verify its user.
    let fresh = challenge(&one);
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "authenticator", "credential": credential, "verified": false},
            {"do": "open", "url": page},
            {"do": "run", "script": assertion(&fresh, &id, "discouraged")},
        ]),
    );
    refused(&one, &seen[2], "did not verify its user");
    // Altered assertions: other signed bytes, another key's id.
    for (part, why) in [
        ("signature", "signature is invalid"),
        ("id", "not enrolled"),
        ("authenticator_data", "signature is invalid"),
    ] {
        let fresh = challenge(&one);
        let seen = chromium(
            &lab.home,
            json!([{"do": "authenticator", "credential": credential}, {"do": "open", "url": page},
                   {"do": "run", "script": assertion(&fresh, &id, "required")}]),
        );
        let mut altered = seen[2].clone();
        let text = altered[part].as_str().unwrap().to_owned();
        let digit = if text.ends_with('0') { "1" } else { "0" };
        altered[part] = json!(format!("{}{digit}", &text[..text.len() - 1]));
        refused(&one, &altered, why);
    }
    // The right assertion is accepted in time, and refused when it is replayed.
    let fresh = challenge(&one);
    let seen = chromium(
        &lab.home,
        json!([{"do": "authenticator", "credential": credential}, {"do": "open", "url": page},
               {"do": "run", "script": assertion(&fresh, &id, "required")}]),
    );
    let answer = tab.act(&one, "approve", &json!({"assertion": seen[2]}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    eventually("the write", || {
        (lab.bao
            .request("GET", "secret/data/proxmox-services/one", "")
            .0
            == 200)
            .then_some(())
    });
    assert_eq!(
        tab.act(&one, "approve", &json!({"assertion": seen[2]}))
            .status,
        409
    );
    challenge(&two);
    refused(&two, &seen[2], "to another plan");
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/two", "")
            .0,
        404
    );
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("APPROVAL_MISMATCH")
    );
}

#[test]
fn a_value_is_uncovered_by_the_passkey_and_that_approves_nothing() {
    let mut lab = Lab::new();
    let credential = enroll(&lab, "laptop");
    let stored =
        std::fs::read_to_string(lab.home.path().join(".config/claude-vault/passkeys.json"))
            .unwrap();
    let id = serde_json::from_str::<Value>(&stored).unwrap()["passkeys"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": CANARY}}),
    );
    let plan = &asked.shown;
    let tab = Tab::open(&asked.address);
    let covered = |tab: &Tab| {
        let answer = tab.act(plan, "value", &json!({"key": 0}));
        assert!(
            answer.status == 403 && !answer.body.contains(CANARY),
            "{}",
            answer.body
        );
    };
    covered(&tab);
    let page = origin(&asked.address) + "/approve";
    let challenge = |what: &str| {
        tab.act(plan, what, &json!({})).json()["challenge"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let sign = |challenge: &str| {
        let steps = json!([{"do": "authenticator", "credential": credential}, {"do": "open", "url": page},
                           {"do": "run", "script": assertion(challenge, &id, "required")}]);
        chromium(&lab.home, steps)[2].clone()
    };
    // An assertion made for approval does not uncover, and one made for uncovering does not
    // approve.
    let (to_approve, to_uncover) = (challenge("challenge"), challenge("uncover-challenge"));
    let (approves, uncovers) = (sign(&to_approve), sign(&to_uncover));
    for (what, assertion) in [("uncover", &approves), ("approve", &uncovers)] {
        let answer = tab.act(plan, what, &json!({ "assertion": assertion }));
        assert!(
            answer.status == 403 && answer.body.contains("to another plan"),
            "{what}: {}",
            answer.body
        );
    }
    covered(&tab);
    // In a browser, one assertion uncovers the value and writes nothing.
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "authenticator", "credential": credential},
            {"do": "open", "url": address(&lab.home)}, {"do": "click", "name": "Show the value of A"}, {"do": "wait", "text": CANARY},
            {"do": "click", "name": "Hide the value of A"}, {"do": "run", "script": "document.body.innerText"},
        ]),
    );
    assert!(!seen[5].as_str().unwrap().contains(CANARY));
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/plex", "")
            .0,
        404
    );
    // A value that one tab uncovered stays covered in the next tab.
    let tab = Tab::open(&address(&lab.home));
    covered(&tab);
    assert_eq!(tab.act(plan, "deny", &json!({})).status, 200);
}

#[test]
fn a_store_changed_by_another_program_is_reported_and_not_trusted() {
    let mut lab = Lab::new();
    enroll(&lab, "laptop");
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let store = lab.home.path().join(".config/claude-vault/passkeys.json");
    let right = std::fs::read_to_string(&store).unwrap();
    let mut client = Client::start(&lab.home);
    let mut set = || {
        client
            .call(
                "vault_set",
                json!({"service": "plex", "secrets": {"A": "1"}}),
            )
            .unwrap_err()
    };
    let stored: Value = serde_json::from_str(&right).unwrap();
    let mut slipped_in = stored.clone();
    let mut other = stored["passkeys"][0].clone();
    other["name"] = json!("an attacker's");
    slipped_in["passkeys"].as_array_mut().unwrap().push(other);
    let mut set_back = stored.clone();
    set_back["passkeys"][0]["counter"] = json!(0);
    let mut none_left = stored;
    none_left["passkeys"] = json!([]);
    for changed in [
        slipped_in.to_string(),
        set_back.to_string(),
        none_left.to_string(),
        "{}".into(),
        String::new(),
        right.replace("laptop", "mine"),
    ] {
        std::fs::write(&store, &changed).unwrap();
        let reply = set();
        assert!(reply.starts_with("invalid_arguments: "), "{reply}");
        lab.cv(["approve", "list"])
            .exits(2)
            .says("were changed, or removed, by something else");
    }
    std::fs::write(&store, &right).unwrap();
    // If any of its files is missing, or all but one, the program does not fall back to a weaker
    // proof.
    let seal = lab
        .home
        .path()
        .join(".local/state/claude-vault/passkeys.seal");
    let record = lab
        .home
        .path()
        .join(".local/share/claude-vault/passkeys.enrolled");
    let all = [&store, &seal, &record];
    let contents = all.map(|file| std::fs::read(file).unwrap());
    for gone in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]] {
        gone.iter()
            .for_each(|at| std::fs::remove_file(all[*at]).unwrap());
        let reply = set();
        assert!(
            reply.starts_with("invalid_arguments: "),
            "{gone:?}: {reply}"
        );
        lab.cv(["set", "plex", "A=1", "--no-confirm"])
            .exits(2)
            .says("is missing");
        gone.iter()
            .for_each(|at| std::fs::write(all[*at], &contents[*at]).unwrap());
    }
    // A variable that points to another folder is treated like a removed store.
    for (variable, value) in [
        ("XDG_CONFIG_HOME", "x"),
        ("CLAUDE_VAULT_STATE_DIR", "y"),
        ("XDG_DATA_HOME", "z"),
    ] {
        let mut moved = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
        let elsewhere = lab.home.path().join(value);
        let arguments = ["set", "plex", "A=1", "--no-confirm"];
        crate::support::run(moved.args(arguments).env(variable, elsewhere), "")
            .exits(2)
            .says("is missing");
    }
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/plex", "")
            .0,
        404
    );
    assert!(set().starts_with("approval_pending: "));
}

/// Finding of November 2026: an attacker who can read the sealing key can seal their own passkey.
#[test]
fn a_passkey_that_was_forged_and_sealed_anew_is_not_trusted() {
    let lab = Lab::new();
    enroll(&lab, "laptop");
    let folder = lab.home.path().join(".config/claude-vault");
    let key = std::fs::read(
        lab.home
            .path()
            .join(".local/state/claude-vault/passkeys.seal"),
    )
    .unwrap();
    let right = std::fs::read_to_string(folder.join("passkeys.json")).unwrap();
    let stored: Value = serde_json::from_str(&right).unwrap();
    let enrolled: Vec<claude_vault::approval::Passkey> =
        serde_json::from_value(stored["passkeys"].clone()).unwrap();
    let sealed = |passkeys: &[claude_vault::approval::Passkey]| {
        let mut text = b"recorded".to_vec();
        text.extend(serde_json::to_vec(passkeys).unwrap());
        let seal = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key), &text);
        let seal: String = seal
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        std::fs::write(
            folder.join("passkeys.json"),
            json!({"passkeys": passkeys, "recorded": true, "seal": seal}).to_string(),
        )
        .unwrap();
        lab.cv(["approve", "list"])
    };
    sealed(&enrolled).exits(0); // sealed as the program does it
    let mut forged = enrolled[0].clone();
    forged.id = "00".repeat(16);
    let mut with_their_key = enrolled[0].clone();
    with_their_key.key = with_their_key.key.replace('a', "b");
    for passkeys in [
        vec![enrolled[0].clone(), forged.clone()],
        vec![forged],
        vec![with_their_key],
        Vec::new(),
    ] {
        sealed(&passkeys)
            .exits(2)
            .says("is not what was enrolled")
            .says("claude-vault approve remove --all");
        lab.cv(["set", "plex", "A=1", "--no-confirm"])
            .exits(2)
            .says("by something else");
    }
    sealed(&enrolled).exits(0);
}

/// Version 2.0.0 kept no record of what was enrolled. Its store is migrated.
#[test]
fn a_store_without_a_record_is_migrated() {
    let mut lab = Lab::new();
    enroll(&lab, "laptop");
    let path = lab.home.path().join(".config/claude-vault/passkeys.json");
    let record = lab
        .home
        .path()
        .join(".local/share/claude-vault/passkeys.enrolled");
    let key = std::fs::read(
        lab.home
            .path()
            .join(".local/state/claude-vault/passkeys.seal"),
    )
    .unwrap();
    let stored: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let enrolled: Vec<claude_vault::approval::Passkey> =
        serde_json::from_value(stored["passkeys"].clone()).unwrap();
    let seal = ring::hmac::sign(
        &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key),
        &serde_json::to_vec(&enrolled).unwrap(),
    );
    let seal: String = seal
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    std::fs::write(
        &path,
        json!({"passkeys": enrolled, "seal": seal}).to_string(),
    )
    .unwrap();
    std::fs::remove_file(&record).unwrap();
    assert_eq!(lab.cv(["approve", "list"]).exits(0).stdout, "laptop\n");
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    enroll(&lab, "yubikey");
    assert!(record.exists());
    std::fs::remove_file(&record).unwrap();
    lab.cv(["approve", "list"]).exits(2).says("is missing");
}

#[test]
fn a_passkey_slipped_in_during_an_enrolment_is_not_trusted() {
    let lab = Lab::new();
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "enroll", "laptop"]);
    let url = crate::terminal::address(&mut terminal);
    let steps = json!([
        {"do": "authenticator"}, {"do": "open", "url": url},
        {"do": "click", "name": "Add passkey"}, {"do": "wait", "text": "Now type this code"},
        {"do": "run", "script": "document.querySelector('.code').textContent"}, {"do": "credential"},
    ]);
    // An attacker uses the address first. The person's page reports that, and they start over.
    let slipped = chromium(&lab.home, steps.clone());
    let seen = chromium(
        &lab.home,
        json!([{"do": "open", "url": url}, {"do": "wait", "text": "was used already"}, {"do": "text"}]),
    );
    assert!(
        seen[2]
            .as_str()
            .unwrap()
            .contains("claude-vault approve enroll NAME"),
        "{}",
        seen[2]
    );
    terminal.exp_string("Type the code").unwrap();
    terminal.send_line("0000-0000").unwrap();
    terminal
        .exp_string("no page showed that code: nothing was added")
        .unwrap();
    terminal.exp_eof().unwrap();
    drop(terminal);
    assert!(
        !lab.home
            .path()
            .join(".config/claude-vault/passkeys.json")
            .exists()
    );
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "enroll", "laptop"]);
    let url = crate::terminal::address(&mut terminal);
    // Many candidates from one tab do not flood the page; the code selects the right one.
    let again = |count: usize| -> Vec<Value> {
        let mut steps = vec![
            json!({"do": "authenticator"}),
            json!({"do": "open", "url": url}),
        ];
        for _ in 0..count {
            steps.extend([
                json!({"do": "click", "name": "Add passkey"}),
                json!({"do": "wait", "text": "Now type this code"}),
            ]);
            steps.push(
                json!({"do": "run", "script": "document.querySelector('.code').textContent"}),
            );
            steps.push(json!({"do": "credential", "all": true}));
            steps.push(json!({"do": "run", "script": "location.reload()"}));
        }
        chromium(&lab.home, Value::from(steps))
    };
    let all = again(7);
    let theirs = &all[all.len() - 5..];
    let before = all[all.len() - 7].as_array().unwrap();
    let newest = theirs[3]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| !before.contains(one))
        .unwrap();
    terminal.exp_string("Type the code").unwrap();
    terminal.send_line(theirs[2].as_str().unwrap()).unwrap();
    terminal.exp_string("added the passkey").unwrap();
    terminal.exp_eof().unwrap();
    let store = std::fs::read_to_string(lab.home.path().join(".config/claude-vault/passkeys.json"))
        .unwrap();
    let store: Value = serde_json::from_str(&store).unwrap();
    assert_eq!(store["passkeys"].as_array().unwrap().len(), 1);
    let kept = |credential: &Value| {
        let id: String = base64_to_hex(credential["credentialId"].as_str().unwrap());
        store["passkeys"][0]["id"] == id
    };
    assert!(
        kept(newest) && !kept(&slipped[5]),
        "the code chooses the person's own"
    );
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "enroll", "other"]);
    let url = crate::terminal::address(&mut terminal);
    let secret = exchange(&url).ok().unwrap();
    for (secret, what, body, status) in [
        ("0", "register", json!({"registration": {}}), 400),
        ("0", "begin", json!({}), 401),
        ("", "begin", json!({}), 401),
        (&secret, "register", json!({}), 400),
        (&secret, "begin", json!({"page": "x"}), 400),
        (&secret, "begin", json!({}), 200),
        (
            &secret,
            "exchange",
            json!({"code": url.split('#').nth(1)}),
            403,
        ),
    ] {
        let answer = post(&url, secret, what, &body);
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
    }
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
    // Enrolment is refused under an agent and without a terminal.
    lab.cv(["approve", "enroll", "x"]).exits(8);
    let mut under_agent = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    crate::support::run(
        under_agent
            .args(["approve", "enroll", "x"])
            .env("CLAUDECODE", "1"),
        "",
    )
    .exits(8)
    .says("under an AI agent");
}

#[test]
fn the_config_sets_a_minimum_proof_that_no_project_can_lower() {
    let mut lab = Lab::new();
    config(&lab, "approval = \"passkey\"\n");
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    lab.home
        .file(".claude-vault.toml", "approval = \"typed\"\n");
    lab.cv(["inject", "plex"])
        .exits(2)
        .says(".claude-vault.toml");
    lab.home.file(".claude-vault.toml", "");
    for (name, value) in [
        ("CLAUDE_VAULT_APPROVAL", "typed"),
        ("CLAUDE_VAULT_WRITE_ROLE", "x"),
        ("VAULT_APPROVAL", "typed"),
    ] {
        lab.home.set(name, value);
    }
    let mut client = Client::start(&lab.home);
    let reply = client
        .call(
            "vault_set",
            json!({"service": "plex", "secrets": {"A": "1"}}),
        )
        .unwrap_err();
    assert!(reply.starts_with("invalid_arguments: "), "{reply}");
    lab.cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(2)
        .says("demands approval by passkey");
    enroll(&lab, "laptop");
    lab.cv(["set", "plex", "A=1", "--no-confirm"])
        .exits(2)
        .says("changes are approved by passkey");
    config(&lab, "approval = \"step-up\"\n");
    lab.cv(["set", "plex", "A=1"]).exits(2).says("write_role");
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/plex", "")
            .0,
        404
    );
}
