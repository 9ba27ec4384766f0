//! The approval page as a person sees it.

use serde_json::{Value, json};

use super::{Asked, chromium, pending};
use crate::mcp::Client;
use crate::support::{CANARY, Lab, eventually};

#[test]
fn a_person_reads_uncovers_fills_in_and_approves_on_the_page() {
    let mut lab = Lab::with("plex", json!({"OLD": "1", "KEPT": "2"}));
    let arguments = json!({"service": "plex", "secrets": {"OLD": format!("{CANARY} $(x)")}, "generate": {"PASSWORD": 20},
                           "prompt": ["TOKEN", "PIN"]});
    let mut asked = Asked::new(&mut lab, arguments);
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "open", "url": asked.address, "text": "Write to Vault?"},
            {"do": "text"},
            {"do": "axe"},
            {"do": "run", "script": "document.documentElement.outerHTML"},
            {"do": "click", "name": "Show the value of OLD"},
            {"do": "wait", "text": CANARY},
            {"do": "click", "name": "Hide the value of OLD"},
            {"do": "run", "script": "document.body.innerText"},
            {"do": "fill", "of": ".word", "text": "yes"},
            {"do": "click", "name": "Approve"},
            {"do": "wait", "text": "fill in every value"},
            {"do": "click", "name": "Generate the value of PIN"},
            {"do": "fill", "of": "[data-key=TOKEN]", "text": "typed by a person"},
            {"do": "fill", "of": ".word", "text": "yes please"},
            {"do": "click", "name": "Approve"},
            {"do": "wait", "text": "type the word yes"},
            {"do": "fill", "of": ".word", "text": "yes"},
            {"do": "press", "key": "Enter"},
            {"do": "wait", "text": "Done: it is version 2 now"},
            {"do": "text"},
            {"do": "problems"},
        ]),
    );
    let text = seen[1].as_str().unwrap();
    for words in [
        "Write to Vault?",
        "update secret/proxmox-services/plex",
        "version 1 becomes 2",
        "a program that calls itself a test, by its tool vault_set",
        "$(…)",
        "1 other key stays",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert_eq!(seen[2], json!([]), "axe reports accessibility violations");
    // While covered, at first and again later, the value is nowhere in the page.
    assert!(!seen[3].to_string().contains(CANARY) && !seen[7].to_string().contains(CANARY));
    let problems: Vec<&Value> = seen[20]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| !one.to_string().contains("403"))
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    let written = asked.outcome().unwrap();
    assert_eq!(
        (&written["version"], &written["added"]),
        (&json!(2), &json!(["PASSWORD", "PIN", "TOKEN"]))
    );
    let stored = lab.stored("plex");
    assert_eq!(stored["TOKEN"], "typed by a person");
    assert_eq!(
        (
            stored["PIN"].as_str().unwrap().len(),
            stored["PASSWORD"].as_str().unwrap().len()
        ),
        (32, 20)
    );
    assert_eq!(
        (&stored["OLD"], &stored["KEPT"]),
        (&json!(format!("{CANARY} $(x)")), &json!("2"))
    );
    assert!(
        !asked.client.seen.contains("typed by a person")
            && !asked.client.seen.contains(stored["PIN"].as_str().unwrap())
    );
    let log = lab.home.read(".claude-vault-audit.log");
    for event in [
        "CONFIRMATION_REQUIRED",
        "APPROVAL_SHOWN",
        "CONFIRMED",
        "by: typed on the page",
        "SUCCESS",
    ] {
        assert!(log.contains(event), "no {event} in the log:\n{log}");
    }
    assert!(!log.contains(CANARY));
    lab.cv(["audit", "verify"]).exits(0);
}

#[test]
fn denying_is_as_easy_and_nothing_is_written() {
    let mut lab = Lab::new();
    let mut asked = Asked::new(&mut lab, json!({"service": "plex", "secrets": {"A": "1"}}));
    chromium(
        &lab.home,
        json!([{"do": "open", "url": asked.address}, {"do": "click", "name": "Deny"}, {"do": "wait", "text": "Denied. Nothing was done."}]),
    );
    assert!(
        asked
            .outcome()
            .unwrap_err()
            .starts_with("approval_denied: ")
    );
    assert_eq!(
        lab.bao
            .request("GET", "secret/data/proxmox-services/plex", "")
            .0,
        404
    );
}

/// Makes the screenshots of the README; `SHOTS=DIR` keeps them.
#[test]
fn the_page_is_accessible_in_dark_mode_and_on_a_phone() {
    let mut lab = Lab::with(
        "jellyfin",
        json!({"API_KEY": "old", "DB_HOST": "db.lan", "TZ": "UTC"}),
    );
    let arguments = json!({"service": "jellyfin", "secrets": {"API_KEY": "a$(b)"}, "generate": {"DB_PASSWORD": 32}, "prompt": ["SMTP_PASSWORD"]});
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let client = Client::start_as(&lab.home, "claude-code", json!({}));
    let asked = Asked::with(client, &lab, arguments);
    let folder = std::env::var("SHOTS").unwrap_or_else(|_| lab.home.path().display().to_string());
    let wide = "document.documentElement.scrollWidth <= window.innerWidth";
    let seen = chromium(
        &lab.home,
        json!([
            {"do": "open", "url": asked.address},
            {"do": "shot", "path": format!("{folder}/page-light.png")}, {"do": "axe"},
            {"do": "shot", "path": format!("{folder}/page-dark.png"), "scheme": "dark"}, {"do": "axe"},
            {"do": "shot", "path": format!("{folder}/page-narrow.png"), "width": 320, "height": 700}, {"do": "axe"}, {"do": "run", "script": wide},
            // With the keyboard alone, every control is reached in reading order.
            {"do": "run", "script": "document.activeElement.blur()"},
            {"do": "press", "key": "Tab"}, {"do": "run", "script": "document.activeElement.textContent"},
            {"do": "press", "key": "Tab"}, {"do": "run", "script": "document.activeElement.textContent"},
            {"do": "press", "key": "Tab"}, {"do": "run", "script": "document.activeElement.id"},
            {"do": "press", "key": "Tab"}, {"do": "press", "key": "Tab"}, {"do": "press", "key": "Tab"},
            {"do": "run", "script": "document.activeElement.id"},
            {"do": "press", "key": "Tab"}, {"do": "press", "key": "Tab"}, {"do": "run", "script": "document.activeElement.className"},
            {"do": "press", "key": "Enter"}, {"do": "wait", "text": "Denied"},
        ]),
    );
    for at in [2, 4, 6] {
        assert_eq!(seen[at], json!([]), "axe reports accessibility violations");
    }
    assert_eq!(seen[7], true, "the page is wider than a phone");
    assert_eq!(
        (&seen[10], &seen[12], &seen[14]),
        (
            &json!("Show the value of API_KEY"),
            &json!("Show the value of DB_PASSWORD"),
            &json!("v1-2")
        )
    );
    assert_eq!((&seen[18], &seen[21]), (&json!("word1"), &json!("deny")));
}

#[test]
fn a_command_run_by_an_ai_agent_is_approved_on_the_page_too() {
    let mut lab = Lab::new();
    lab.home.set("CLAUDECODE", "1");
    lab.home.set("CLAUDE_VAULT_APPROVAL_WAIT", "120");
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let running = std::thread::spawn(move || {
        crate::support::run(command.args(["set", "plex", "A=1", "TOKEN"]), "")
    });
    lab.home.variables.retain(|(name, _)| name != "CLAUDECODE");
    let shown = eventually("the plan", || pending(&lab.home).into_iter().next());
    assert_eq!(
        shown["asked_by"],
        json!({"kind": "agent", "marker": "CLAUDECODE", "command": "set"})
    );
    chromium(
        &lab.home,
        json!([
            {"do": "open", "url": super::address(&lab.home)},
            {"do": "fill", "of": "[data-key=TOKEN]", "text": "by hand"},
            {"do": "fill", "of": ".word", "text": "yes"},
            {"do": "click", "name": "Approve"},
            {"do": "wait", "text": "Done: it is version 1 now"},
        ]),
    );
    let run = running
        .join()
        .unwrap()
        .exits(0)
        .says("created secret/proxmox-services/plex");
    assert!(
        !run.all().contains("http://localhost"),
        "a model needs no address: {}",
        run.all()
    );
    assert_eq!(lab.stored("plex"), json!({"A": "1", "TOKEN": "by hand"}));
}

#[test]
fn the_config_can_ask_before_files_and_plain_values_too() {
    let mut lab = Lab::with("plex", json!({"KEY": CANARY}));
    lab.home.file("plex/.env.example", "KEY=\n");
    config(
        &lab,
        "ask_before = [\"inject\", \"get\"]\nsecurity_mode = \"plaintext\"\n",
    );
    lab.home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&lab.home);
    for (tool, asked) in [("vault_inject", "inject"), ("vault_get", "show")] {
        let error = client.call(tool, json!({"service": "plex"})).unwrap_err();
        assert!(
            error.starts_with("approval_pending: ")
                && error.contains(&format!("call {tool} again")),
            "{error}"
        );
        assert!(!lab.home.lab().join("plex/.env").exists() || tool == "vault_get");
        let shown = eventually("the plan", || pending(&lab.home).into_iter().next());
        assert_eq!(shown["asked"], asked);
        chromium(
            &lab.home,
            json!([
                {"do": "open", "url": super::address(&lab.home)}, {"do": "axe"},
                {"do": "fill", "of": ".word", "text": "yes"},
                {"do": "click", "name": "Approve"}, {"do": "wait", "text": "Done."},
            ]),
        );
        let reply = eventually("the reply", || {
            client.call(tool, json!({"service": "plex"})).ok()
        });
        assert!(
            reply["keys"] == 1 || reply["keys"][0]["value"] == CANARY,
            "{reply}"
        );
        // The approval counts once: the next call asks again.
        assert!(
            client
                .call(tool, json!({"service": "plex"}))
                .unwrap_err()
                .starts_with("approval_pending: ")
        );
        let again = eventually("the plan", || pending(&lab.home).into_iter().next());
        super::Tab::open(&super::address(&lab.home)).act(&again, "deny", &json!({}));
        assert!(
            eventually("the end", || client
                .call(tool, json!({"service": "plex"}))
                .err()
                .filter(|error| !error.contains("pending")))
            .contains("denied")
        );
    }
    assert!(lab.home.read("plex/.env").contains(CANARY));
}

#[test]
fn without_a_browser_the_terminal_says_how_to_open_the_page() {
    let mut lab = Lab::new();
    let asked = Asked::new(
        &mut lab,
        json!({"service": "plex", "secrets": {"A": "1"}, "prompt": ["B"]}),
    );
    let port = asked
        .address
        .split(':')
        .nth(2)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    lab.home.set("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    let open = lab
        .cv(["approve", "open"])
        .exits(0)
        .says(&format!("http://localhost:{port}/approve#"));
    assert!(
        open.stderr
            .contains(&format!("ssh -L {port}:localhost:{port} THIS-MACHINE")),
        "{}",
        open.stderr
    );
    // Under an agent, none of this is printed.
    let mut under_agent = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let silent = crate::support::run(
        under_agent.args(["approve", "open"]).env("CLAUDECODE", "1"),
        "",
    )
    .exits(0);
    assert_eq!(silent.all(), "");
    // The person can also approve it in the terminal and type the value hidden.
    let mut person = crate::terminal::cv(&lab.home, &["approve", "pending"]);
    person.exp_string("B  (you type it)  new").unwrap();
    person.exp_string("Type yes").unwrap();
    person.send_line("yes").unwrap();
    person.exp_string("Value of B (hidden): ").unwrap();
    person.send_line("typed there").unwrap();
    person
        .exp_string("approved: the change is being made")
        .unwrap();
    person.exp_eof().unwrap();
    drop(person);
    let mut asked = asked;
    assert_eq!(asked.outcome().unwrap()["version"], 1);
    assert_eq!(lab.stored("plex"), json!({"A": "1", "B": "typed there"}));
    // A pending login is shown there as well, and never to the model.
    let login = {
        let mut login = crate::login::Login::new();
        login.lab.home.set("BROWSER", "/bin/false");
        login.lab.home.set("CLAUDE_VAULT_MCP_WAIT", "1");
        login
    };
    let mut client = Client::start(&login.lab.home);
    assert_eq!(
        client.call("vault_login", json!({})).unwrap()["state"],
        "pending"
    );
    let reply = eventually("the login", || {
        Some(login.lab.cv(["approve", "pending"]))
            .filter(|reply| reply.stderr.contains("is waiting for you to sign in"))
    })
    .says(&login.provider.issuer);
    assert!(
        !client.seen.contains(&login.provider.issuer)
            && reply.stderr.contains("no change is waiting")
    );
    client.close();
}

/// Writes the person's config file.
pub fn config(lab: &Lab, text: &str) {
    let folder = lab.home.path().join(".config/claude-vault");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}
