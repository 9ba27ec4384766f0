//! Attacks on approval. None of them may cause a write.

use serde_json::{Value, json};

use super::{Asked, Tab, address, chromium, exchange, origin, pending, post, send};
use crate::mcp::Client;
use crate::support::{CANARY, Lab, eventually};

fn nothing_written(lab: &Lab, service: &str) {
    assert_eq!(
        lab.bao
            .request(
                "GET",
                &format!("secret/data/proxmox-services/{service}"),
                ""
            )
            .0,
        404,
        "{service} was written"
    );
}

#[test]
fn a_foreign_host_origin_method_or_form_is_refused() {
    let mut lab = Lab::new();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": CANARY}}),
    );
    let url = asked.address.as_str();
    let origin = origin(url);
    let host = origin.trim_start_matches("http://").to_owned();
    let port = host.split(':').nth(1).unwrap().to_owned();
    let tab = Tab::open(url);
    let body = json!({"word": "yes"}).to_string();
    let approve = format!("/approve/plan/{}/approve", asked.id());
    let value = format!("/approve/plan/{}/value", asked.id());
    let json_type = ("Content-Type", "application/json");
    let secret = ("Claude-Vault-Page", tab.secret.as_str());
    let evil = format!("evil.example:{port}");
    let by_number = format!("127.0.0.1:{port}");
    // A foreign host name that resolves to this address (DNS rebinding), no host, and two hosts.
    for hosts in [
        vec![evil.as_str()],
        vec![&by_number],
        vec!["localhost"],
        vec![],
        vec![&host, &evil],
        vec!["LOCALHOST"],
    ] {
        let mut headers: Vec<(&str, &str)> = hosts.iter().map(|host| ("Host", *host)).collect();
        assert_ne!(
            send(url, "GET", "/approve", &headers, "").status,
            200,
            "{hosts:?}"
        );
        headers.extend([("Origin", origin.as_str()), json_type, secret]);
        for what in [&approve, "/approve/list", "/approve/exchange"] {
            assert_ne!(
                send(url, "POST", what, &headers, &body).status,
                200,
                "{hosts:?}"
            );
        }
    }
    let same_port = format!("http://{by_number}");
    let other_port = "http://localhost:1";
    let tls = format!("https://{host}");
    for other in [
        None,
        Some("null"),
        Some("http://evil.example"),
        Some(&same_port),
        Some(other_port),
        Some(&tls),
    ] {
        let mut headers = vec![("Host", host.as_str()), json_type, secret];
        headers.extend(other.map(|other| ("Origin", other)));
        for what in [&approve, &value, "/approve/list", "/approve/exchange"] {
            let answer = send(url, "POST", what, &headers, &body);
            assert_eq!(answer.status, 403, "{other:?}: {}", answer.body);
            assert!(!answer.head.to_lowercase().contains("access-control"));
        }
    }
    let right = [
        ("Host", host.as_str()),
        ("Origin", origin.as_str()),
        json_type,
        secret,
    ];
    for (method, what) in [
        ("GET", approve.as_str()),
        ("GET", "/approve/list"),
        ("GET", "/approve/exchange"),
        ("PUT", &approve),
        ("OPTIONS", &approve),
        ("DELETE", "/approve"),
        ("HEAD", &approve),
    ] {
        assert_ne!(
            send(url, method, what, &right, &body).status,
            200,
            "{method} {what}"
        );
    }
    // The content types that a form on another page can send.
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json; charset=x",
    ] {
        let headers = [right[0], right[1], ("Content-Type", kind), secret];
        assert_eq!(
            send(url, "POST", &approve, &headers, &body).status,
            415,
            "{kind}"
        );
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"word\":1}",
        &"x".repeat(2_000_000),
        &json!({"word": "yes", "more": 1}).to_string(),
    ] {
        assert_ne!(send(url, "POST", &approve, &right, body).status, 200);
    }
    for path in [
        "/",
        "/plan",
        "/approve/",
        "/approve/plan/0",
        "/approve/../../etc/passwd",
        "/favicon.ico",
        "/page.map",
        "/enroll",
    ] {
        assert_eq!(send(url, "GET", path, &right, "").status, 404, "{path}");
    }
    let shown = send(url, "GET", "/approve", &[right[0]], "");
    let head = shown.head.to_lowercase();
    for part in [
        "frame-ancestors 'none'",
        "script-src 'self'",
        "x-frame-options: deny",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.contains(part), "no {part} in {head}");
    }
    assert!(
        !head.contains("unsafe-inline") && !head.contains("set-cookie"),
        "{head}"
    );
    nothing_written(&lab, "plex");
    assert_eq!(pending(&lab.home).len(), 1, "the plan is still pending");
}

#[test]
fn a_get_serves_an_empty_page_and_does_not_use_the_address_up() {
    let mut lab = Lab::new();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": CANARY}, "prompt": ["B"]}),
    );
    let (code, host) = (
        asked.address.split('#').nth(1).unwrap(),
        origin(&asked.address)[7..].to_owned(),
    );
    // A browser that prefetches the page, or a link scanner.
    let mut all = String::new();
    for path in [
        "/approve",
        "/page.js",
        "/approve.js",
        "/plan.js",
        "/common.js",
        "/page.css",
    ] {
        for purpose in ["prefetch", "prefetch;prerender", "navigate"] {
            let answer = send(
                &asked.address,
                "GET",
                path,
                &[("Host", &host), ("Sec-Purpose", purpose)],
                "",
            );
            assert_eq!(answer.status, 200, "{path}");
            all += &answer.body;
        }
    }
    for text in [CANARY, "plex", asked.id(), code, "a test"] {
        assert!(!all.contains(text), "{text}");
    }
    assert!(
        !lab.home
            .read(".claude-vault-audit.log")
            .contains("APPROVAL_SHOWN")
    );
    assert!(exchange(&asked.address).is_ok());
}

#[test]
fn an_address_works_once_and_a_new_one_revokes_it_and_its_tab() {
    let mut lab = Lab::new();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": CANARY}}),
    );
    for code in ["", "0", &"0".repeat(32)] {
        let answer = post(&asked.address, "", "exchange", &json!({ "code": code }));
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    // Of many concurrent exchanges, exactly one succeeds.
    let secrets: Vec<String> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| exchange(&asked.address).ok()))
            .collect();
        racing
            .into_iter()
            .filter_map(|one| one.join().unwrap())
            .collect()
    });
    assert_eq!(secrets.len(), 1);
    let tab = Tab {
        address: asked.address.clone(),
        secret: secrets[0].clone(),
    };
    let again = exchange(&asked.address).unwrap_err();
    assert_eq!(again.status, 403);
    assert!(
        again.json()["command"] == "claude-vault approve pending"
            && again.body.contains("used already"),
        "{}",
        again.body
    );
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("an address of the page that was used already")
    );
    assert_eq!(tab.look().len(), 1);
    assert_eq!(
        tab.act(&asked.shown, "value", &json!({"key": 0})).json()["value"],
        CANARY
    );
    // After a new address was issued, neither the previous address nor its tab opens anything.
    let (unused, newest) = (address(&lab.home), address(&lab.home));
    assert_eq!(exchange(&unused).unwrap_err().status, 403);
    for (what, body) in [
        ("value", json!({"key": 0})),
        ("approve", json!({"word": "yes"})),
        ("deny", json!({})),
    ] {
        let answer = tab.act(&asked.shown, what, &body);
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        assert_eq!(answer.json()["command"], "claude-vault approve pending");
    }
    assert_eq!(tab.post("list", &json!({})).status, 401);
    assert_eq!(
        Tab::open(&newest)
            .act(&asked.shown, "deny", &json!({}))
            .status,
        200
    );
    nothing_written(&lab, "plex");
}

#[test]
fn nothing_can_be_answered_in_the_first_half_second() {
    let mut lab = Lab::new();
    let asked = Asked::new(&mut lab, json!({"service": "one", "secrets": {"A": "1"}}));
    let tab = Tab {
        address: asked.address.clone(),
        secret: exchange(&asked.address).ok().unwrap(),
    };
    let tries = |plan: &Value| {
        [
            ("approve", json!({"word": "yes"})),
            ("deny", json!({})),
            ("value", json!({"key": 0})),
        ]
        .map(|(what, body)| tab.act(plan, what, &body).status)
    };
    // Approval is refused before the plan was shown and right after it.
    assert_eq!(tries(&asked.shown), [425; 3]);
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(tries(&asked.shown), [425; 3]);
    tab.list();
    assert_eq!(tries(&asked.shown), [425; 3]);
    // A plan that appears later has its own half second.
    tab.look();
    let one = asked.shown.clone();
    let mut client = asked.client;
    client
        .call(
            "vault_set",
            json!({"service": "two", "secrets": {"A": "1"}}),
        )
        .unwrap_err();
    let two = eventually("the plan", || {
        pending(&lab.home)
            .into_iter()
            .find(|plan| plan["service"] == "two")
    });
    tab.list();
    assert_eq!(tries(&two), [425; 3]);
    assert_eq!(tab.act(&one, "deny", &json!({})).status, 200);
    nothing_written(&lab, "two");
}

#[test]
fn the_secret_of_a_tab_answers_each_plan_once_and_nothing_else_does() {
    let mut lab = Lab::new();
    let first = Asked::new(&mut lab, json!({"service": "one", "secrets": {"A": "1"}}));
    let Asked {
        client,
        shown: one,
        token,
        arguments,
        ..
    } = first;
    let mut second = Asked::with(
        client,
        &lab,
        json!({"service": "two", "secrets": {"A": "1"}}),
    );
    let tab = Tab::open(&second.address);
    let code = second.address.split('#').nth(1).unwrap();
    for secret in ["", "0", code, &tab.secret[..tab.secret.len() - 1]] {
        for what in [
            "approve",
            "deny",
            "value",
            "challenge",
            "step-up",
            "uncover",
            "uncover-challenge",
        ] {
            let what = format!("plan/{}/{what}", second.id());
            let answer = post(
                &second.address,
                secret,
                &what,
                &json!({"word": "yes", "key": 0}),
            );
            assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        }
    }
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("APPROVAL_MISMATCH")
    );
    // Words other than yes, and proofs that were not requested.
    for word in ["", "no", "y", "YES", "yes!", "ja"] {
        assert_eq!(
            tab.act(&one, "approve", &json!({ "word": word })).status,
            403,
            "{word:?}"
        );
    }
    assert_eq!(
        tab.act(
            &one,
            "approve",
            &json!({"word": "yes", "typed": {"B": "slipped in"}})
        )
        .status,
        403
    );
    for what in ["challenge", "uncover-challenge", "uncover", "step-up"] {
        assert_eq!(tab.act(&one, what, &json!({})).status, 403, "{what}");
    }
    nothing_written(&lab, "one");
    // Of many concurrent approvals exactly one writes. Afterwards no value can be uncovered any
    // more.
    let yes = json!({"word": "yes"});
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| tab.act(&one, "approve", &yes).status))
            .collect();
        racing.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 200).count(),
        1,
        "{answers:?}"
    );
    eventually("the write", || {
        (lab.bao
            .request("GET", "secret/data/proxmox-services/one", "")
            .0
            == 200)
            .then_some(())
    });
    assert_eq!(tab.act(&one, "approve", &yes).status, 409);
    assert_eq!(tab.act(&one, "value", &json!({"key": 0})).status, 409);
    let mut again = arguments;
    again["approval_token"] = json!(token);
    // A second change requested in the meantime does not lose the outcome of the first.
    assert_eq!(
        second.client.call("vault_set", again.clone()).unwrap()["version"],
        1
    );
    assert!(
        second
            .client
            .call("vault_set", again)
            .unwrap_err()
            .starts_with("approval_expired: ")
    );
    assert_eq!(
        lab.bao.get("secret/metadata/proxmox-services/one")["data"]["current_version"],
        1
    );
    // Another service, value or version makes another plan.
    let mut other = second.arguments.clone();
    other["approval_token"] = json!(second.token);
    other["secrets"] = json!({"A": "2"});
    assert!(
        second
            .client
            .call("vault_set", other)
            .unwrap_err()
            .starts_with("approval_mismatch: ")
    );
    eventually("the plan to go", || {
        pending(&lab.home).is_empty().then_some(())
    });
    assert_eq!(
        tab.act(&second.shown, "approve", &json!({"word": "yes"}))
            .status,
        409
    );
    nothing_written(&lab, "two");
}

#[test]
fn a_change_made_in_the_meantime_needs_a_new_approval() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    let asked = Asked::new(&mut lab, json!({"service": "plex", "secrets": {"A": "2"}}));
    let tab = Tab::open(&asked.address);
    lab.store("plex", json!({"A": "somebody else's"}));
    assert_eq!(
        tab.act(&asked.shown, "approve", &json!({"word": "yes"}))
            .status,
        200
    );
    let anew = eventually("the new plan", || {
        pending(&lab.home)
            .into_iter()
            .find(|plan| plan["id"] != asked.shown["id"])
    });
    assert_eq!(anew["base"], 2);
    assert_eq!(lab.stored("plex"), json!({"A": "somebody else's"}));
    // The page shows both: the outcome of the first plan, and the new plan that waits.
    let shown = tab.list();
    assert_eq!(
        (shown[0]["stage"].as_str(), shown[1]["stage"].as_str()),
        (Some("conflict"), Some("waiting")),
        "{shown:?}"
    );
}

#[test]
fn names_from_a_client_are_shown_as_plain_text() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let evil = "<script>document.title='x'</script><img src=x onerror=\"document.title='x'\">{page}\u{202e}";
    let client = Client::start_as(&lab.home, evil, json!({}));
    let asked = Asked::with(
        client,
        &lab,
        json!({"service": "plex", "secrets": {"A": "<b>&</b>"}}),
    );
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "open", "url": asked.address},
            {"do": "click", "name": "Show the value of A"}, {"do": "wait", "text": "<b>&</b>"},
            {"do": "run", "script": "document.title"}, {"do": "run", "script": "document.scripts.length"}, {"do": "text"},
            {"do": "run", "script": "document.querySelectorAll('img, iframe, [onerror], .value b').length"},
        ]),
    );
    assert_eq!((&seen[3], &seen[4]), (&json!("Write to Vault?"), &json!(1)));
    assert!(seen[5].as_str().unwrap().contains("<script>document.title"));
    assert_eq!(seen[6], 0);
}

#[test]
fn a_name_cannot_imitate_the_pages_own_words_or_hide_anything() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    // Right-to-left, invisible and ignored characters, and text that imitates the page's own words.
    let evil =
        "you\", at \u{61c}\u{200b}\u{2067}your own\u{3164}\u{115f}\u{e0041}\u{fe0f} terminal";
    let client = Client::start_as(&lab.home, evil, json!({}));
    let asked = Asked::with(
        client,
        &lab,
        json!({"service": "plex", "prompt": ["PASSWORD_OF_THIS_COMPUTER"]}),
    );
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "open", "url": asked.address}, {"do": "wait", "text": "calls itself"},
            {"do": "run", "script": "document.querySelector('.name').textContent"},
            {"do": "run", "script": "getComputedStyle(document.querySelector('.name')).unicodeBidi"},
            {"do": "run", "script": "getComputedStyle(document.querySelector('td code bdi')).unicodeBidi"},
            {"do": "text", "of": ".who"}, {"do": "text", "of": ".note"},
        ]),
    );
    let name = "you\", at \\u{61c}\\u{200b}\\u{2067}your own\\u{3164}\\u{115f}\\u{e0041}\\u{fe0f} terminal";
    assert_eq!(
        (&seen[2], &seen[3], &seen[4]),
        (&json!(name), &json!("isolate"), &json!("isolate"))
    );
    assert!(
        seen[5].as_str().unwrap().contains(&format!(
            "a program that calls itself {name}, by its tool vault_set"
        )),
        "{}",
        seen[5]
    );
    assert!(
        seen[6]
            .as_str()
            .unwrap()
            .contains("The program that asks chose their names"),
        "{}",
        seen[6]
    );
    let mut terminal = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    terminal
        .exp_string("requested by a program that calls itself \"you\\\", at \\u{61c}")
        .unwrap();
    terminal
        .exp_string("The program that asks chose their names")
        .unwrap();
    terminal.send_control('c').unwrap();
}

#[test]
fn one_greedy_tool_does_not_block_others_and_another_process_cannot_answer_its_plans() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    super::page::config(
        &lab,
        "ask_before = [\"inject\", \"get\"]\nsecurity_mode = \"plaintext\"\n",
    );
    lab.home.file("plex/.env.example", "A=\n");
    let asked = Asked::new(&mut lab, json!({"service": "s0", "secrets": {"A": "1"}}));
    let mut client = asked.client;
    for number in 1..16 {
        let reply = client
            .call(
                "vault_set",
                json!({"service": format!("s{number}"), "secrets": {"A": "1"}}),
            )
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
    }
    let refused = eventually("a refusal", || {
        let reply = client
            .call(
                "vault_set",
                json!({"service": "more", "secrets": {"A": "1"}}),
            )
            .unwrap_err();
        (!reply.starts_with("approval_pending")).then_some(reply)
    });
    assert!(refused.starts_with("invalid_arguments: "), "{refused}");
    // Another tool can still ask, and so can the person's own command.
    let reply = client
        .call("vault_inject", json!({"service": "plex"}))
        .unwrap_err();
    assert!(reply.starts_with("approval_pending: "), "{reply}");
    eventually("its plan", || {
        pending(&lab.home)
            .iter()
            .any(|plan| plan["asked"] == "inject")
            .then_some(())
    });
    let mut other = Client::start(&lab.home);
    let reply = other
        .call(
            "vault_set",
            json!({"service": "s0", "secrets": {"A": "1"}, "approval_token": asked.token}),
        )
        .unwrap_err();
    assert!(reply.starts_with("approval_expired: "), "{reply}");
    // When the process ends, the page, the socket and the plans are gone.
    client.close();
    eventually("the plans to go", || {
        pending(&lab.home).is_empty().then_some(())
    });
    let port: u16 = origin(&asked.address)
        .split(':')
        .nth(2)
        .unwrap()
        .parse()
        .unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    nothing_written(&lab, "s0");
}

/// Another site's page in the person's own browser.
#[test]
fn a_hostile_page_in_the_same_browser_reads_nothing_and_sends_nothing() {
    let mut lab = Lab::new();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": CANARY}}),
    );
    let tab = Tab::open(&asked.address);
    let (secret, url) = (&tab.secret, format!("{}/approve", origin(&asked.address)));
    let plan = format!("{url}/plan/{}/approve", asked.id());
    let evil = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = evil.local_addr().unwrap().port();
    let html = format!(
        "<!doctype html><title>evil</title><iframe id=f src='{url}'></iframe>\
         <form id=o method=post enctype='text/plain' target=t action='{plan}'><input name='{{\"word\":\"yes\",\"x\":\"' value='\"}}'></form><iframe name=t></iframe>"
    );
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in evil.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                html.len()
            );
            let _ = stream.write_all(format!("{head}{html}").as_bytes());
        }
    });
    // The attack fails even with the secret of a tab, which the page cannot know.
    let script = format!(
        "(async () => {{ const tried = []; const post = (more) => fetch('{plan}', {{method: 'POST', \
         body: JSON.stringify({{word: 'yes'}}), ...more}}).then((r) => tried.push(r.status + r.type), (e) => tried.push(e.name)); \
         await post({{headers: {{'Content-Type': 'application/json', 'Claude-Vault-Page': '{secret}'}}}}); await post({{mode: 'no-cors'}}); \
         await post({{mode: 'no-cors', headers: {{'Content-Type': 'text/plain'}}}}); \
         await fetch('{url}').then((r) => r.text()).then((t) => tried.push(t), (e) => tried.push(e.name)); \
         document.getElementById('o').submit(); await new Promise((done) => setTimeout(done, 500)); \
         let inside = 'closed'; try {{ inside = document.getElementById('f').contentDocument?.body?.innerText ?? 'closed'; }} catch (e) {{}} \
         return [...tried, inside]; }})()"
    );
    let seen = chromium(
        &lab.home,
        json!([{"do": "open", "url": format!("http://127.0.0.1:{port}/")}, {"do": "run", "script": script}]),
    );
    let tried = seen[1].as_array().unwrap();
    assert_eq!(
        (&tried[0], &tried[3], &tried[4]),
        (&json!("TypeError"), &json!("TypeError"), &json!("closed")),
        "{tried:?}"
    );
    assert!(
        tried.iter().all(|one| !one.to_string().contains("200")),
        "{tried:?}"
    );
    nothing_written(&lab, "plex");
    assert_eq!(pending(&lab.home).len(), 1, "the plan is still pending");
}

/// A model that guesses a value must learn nothing from the answer.
#[test]
fn the_reply_does_not_reveal_whether_a_guess_is_right() {
    let mut lab = Lab::with("plex", json!({"PIN": "4711", "URL": "$(x)"}));
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    lab.home.file("plex/.env.example", "PIN=\n");
    let mut client = Client::start(&lab.home);
    let mut plan = |pin: &str| {
        client
            .call(
                "vault_set",
                json!({"service": "plex", "secrets": {"PIN": pin}, "dry_run": true}),
            )
            .unwrap()
    };
    assert_eq!(plan("4711"), plan("0000"));
    // A right guess is asked about like a wrong one.
    for pin in ["4711", "0000"] {
        let reply = client
            .call(
                "vault_set",
                json!({"service": "plex", "secrets": {"PIN": pin}}),
            )
            .unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
    }
    let handle = crate::mcp::handle(
        &client
            .call("vault_get", json!({"service": "plex"}))
            .unwrap(),
        "URL",
    );
    let unseen = client
        .call(
            "vault_set",
            json!({"service": "new", "secrets": {"A": handle}, "dry_run": true}),
        )
        .unwrap();
    assert!(unseen.get("warnings").is_none(), "{unseen}");
    client.close();
}

/// A client's claim that its person accepted approves nothing. A decline does deny.
#[test]
fn a_clients_accept_approves_nothing() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "2");
    // Revision 2025-11-25: the server asks the client.
    let mut client = Client::start_as(
        &lab.home,
        "a hook",
        json!({"elicitation": {"form": {}, "url": {}}}),
    );
    for (service, action, wanted) in [
        ("one", "accept", "approval_pending: "),
        ("two", "cancel", "approval_pending: "),
        ("three", "decline", "approval_denied: "),
    ] {
        let id = client.ask(
            "tools/call",
            json!({"name": "vault_set", "arguments": {"service": service, "secrets": {"A": "1"}}}),
        );
        let asked = client.next_message();
        assert_eq!(
            (&asked["method"], &asked["params"]["mode"]),
            (&json!("elicitation/create"), &json!("url")),
            "{asked}"
        );
        assert!(
            asked["params"]["url"]
                .as_str()
                .unwrap()
                .starts_with("http://localhost:")
        );
        client.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": action, "content": {"word": "yes"}}}));
        let reply = crate::mcp::outcome(&client.answer(id)).unwrap_err();
        assert!(reply.starts_with(wanted), "{reply}");
        nothing_written(&lab, service);
    }
    client.close();
    // Revision 2026-07-28: the result contains the question, and the client calls again.
    let mut client = Client::start(&lab.home);
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
                      "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}});
    let call = |client: &mut Client, arguments: Value, more: Value| {
        let mut params = json!({"name": "vault_set", "arguments": arguments, "_meta": meta});
        params
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        client.request("tools/call", params)["result"].clone()
    };
    let arguments = json!({"service": "four", "secrets": {"A": "1"}});
    let required = call(&mut client, arguments.clone(), json!({}));
    assert_eq!(required["resultType"], "input_required", "{required}");
    let (name, request) = required["inputRequests"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    assert_eq!(
        (&request["method"], &request["params"]["mode"]),
        (&json!("elicitation/create"), &json!("url"))
    );
    let state = required["requestState"].as_str().unwrap().to_owned();
    let altered = format!(
        "{}{}",
        &state[..31],
        if state.ends_with('0') { '1' } else { '0' }
    );
    let back = |action: &str, state: &str| json!({"requestState": state, "inputResponses": {name: {"action": action}}});
    // Forged or altered state, other arguments, or another tool: nothing is written, and the state
    // is used up.
    for (arguments, state) in [
        (arguments.clone(), "0".repeat(32)),
        (arguments.clone(), altered),
    ] {
        let reply = call(&mut client, arguments, back("accept", &state));
        assert!(
            reply["content"][0]["text"]
                .as_str()
                .unwrap()
                .starts_with("approval_expired: "),
            "{reply}"
        );
    }
    let reply = client.request(
        "tools/call",
        json!({"name": "vault_get", "arguments": {"service": "four"}, "_meta": meta, "requestState": state, "inputResponses": {}}),
    );
    assert!(reply.to_string().contains("approval_mismatch: "), "{reply}");
    let reply = call(&mut client, arguments.clone(), back("accept", &state));
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("approval_expired: "),
        "used up: {reply}"
    );
    let required = call(&mut client, arguments.clone(), json!({}));
    let state = required["requestState"].as_str().unwrap().to_owned();
    let reply = call(&mut client, arguments.clone(), back("accept", &state));
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("approval_pending: "),
        "{reply}"
    );
    let reply = call(&mut client, arguments.clone(), back("accept", &state));
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("approval_expired: "),
        "replayed: {reply}"
    );
    let required = call(&mut client, arguments.clone(), json!({}));
    let state = required["requestState"].as_str().unwrap();
    let reply = call(
        &mut client,
        json!({"service": "four", "secrets": {"A": "2"}}),
        back("accept", state),
    );
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("approval_mismatch: "),
        "{reply}"
    );
    let required = call(&mut client, arguments.clone(), json!({}));
    let reply = call(
        &mut client,
        arguments,
        back("decline", required["requestState"].as_str().unwrap()),
    );
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("approval_denied: "),
        "{reply}"
    );
    nothing_written(&lab, "four");
    client.close();
}

#[test]
fn the_real_claude_code_with_a_hook_that_accepts_everything_writes_nothing() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "2");
    let hook = json!({"hookSpecificOutput": {"hookEventName": "Elicitation", "action": "accept", "content": {"word": "yes"}}})
        .to_string();
    let script = lab.home.file(
        "hook.sh",
        &format!("#!/bin/sh\ncat >>\"$HOME/hook.log\"\nprintf '%s' '{hook}'\n"),
    );
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings =
        json!({"hooks": {"Elicitation": [{"hooks": [{"type": "command", "command": script}]}]}});
    lab.home
        .file(".claude/settings.json", &settings.to_string());
    let (claude, log) = crate::mcp::clients::claude_code(&lab.home, "write");
    claude.end().exits(0);
    let seen = std::fs::read_to_string(&log).unwrap();
    assert!(
        seen.contains("approval_pending: "),
        "the model was told: {}",
        &seen[seen.len().saturating_sub(2000)..]
    );
    assert!(
        !seen.contains("localhost:"),
        "the address of the page reached the model"
    );
    let hooked = std::fs::read_to_string(lab.home.path().join("hook.log")).unwrap_or_default();
    assert!(
        hooked.contains("http://localhost:"),
        "the hook was asked: {hooked}"
    );
    nothing_written(&lab, "shop");
}

/// The assistant is shown the values of plain keys. The page warns of that, and the person is not
/// asked to type a value for such a key.
#[test]
fn the_page_warns_of_a_key_whose_value_assistants_are_shown() {
    let mut lab = Lab::with("plex", json!({"PASSWORD": CANARY}));
    super::page::config(&lab, "plain_keys = [\"plex/PORT\"]\n");
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&lab.home);
    let prompted = client.call(
        "vault_set",
        json!({"service": "plex", "secrets": {}, "prompt": ["PORT"]}),
    );
    assert!(prompted.unwrap_err().starts_with("not_allowed: "));
    let asked = Asked::with(
        client,
        &lab,
        json!({"service": "plex", "secrets": {"PORT": "32400"}}),
    );
    assert!(
        asked.shown["warnings"]
            .to_string()
            .contains("PORT is among your plain_keys"),
        "{}",
        asked.shown
    );
    let tab = Tab::open(&asked.address);
    assert!(
        tab.list()[0]["warnings"][0]
            .as_str()
            .unwrap()
            .contains("PORT is among your plain_keys")
    );
    assert_eq!(tab.act(&asked.shown, "deny", &json!({})).status, 200);
}
