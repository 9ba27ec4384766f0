//! `find`: search for names and values in all services.

use std::time::Duration;

use serde_json::json;

use crate::support::{CANARY, Home, Lab, Proxy};
use crate::terminal::cv;

/// Many services in many folders, each with its own key.
pub fn many(count: usize) -> Lab {
    let lab = Lab::new();
    std::thread::scope(|scope| {
        for part in 0..8 {
            let lab = &lab;
            scope.spawn(move || {
                for at in (part..count).step_by(8) {
                    let data = json!({ "PASSWORD": format!("value-{at}"), "SHARED": format!("{}", at % 100) });
                    lab.store(&format!("group-{}/service-{at}", at % 20), data);
                }
            });
        }
    });
    lab
}

#[test]
fn services_and_keys_are_found_by_a_part_of_the_name_or_a_pattern() {
    let lab = Lab::with("plex", json!({"API_KEY": "1", "PLEX_TOKEN": "2"}));
    lab.store("media/sonarr", json!({"API_KEY": "1", "DB_PASSWORD": "2"}));
    lab.store("media/plexus", json!({"odd \u{1b}[31mkey": "1"}));
    let found = lab
        .cv(["find", "plex"])
        .exits(0)
        .says("3 matches in 3 services");
    assert_eq!(found.stdout, "media/plexus\nplex\nplex PLEX_TOKEN\n");
    assert_eq!(
        lab.cv(["find", "*_KEY"]).exits(0).stdout,
        "media/sonarr API_KEY\nplex API_KEY\n"
    );
    assert_eq!(
        lab.cv(["find", "db_pass"]).exits(0).stdout,
        "media/sonarr DB_PASSWORD\n"
    );
    assert_eq!(
        lab.cv(["find", "media/*"]).exits(0).stdout,
        "media/plexus\nmedia/sonarr\n"
    );
    let odd = lab.cv(["find", "odd*"]).exits(0);
    assert_eq!(odd.stdout, "media/plexus odd \\u{1b}[31mkey\n");
    let shown = lab.cv(["find", "*token", "--json"]).exits(0).json();
    assert_eq!(
        shown["matches"],
        json!([{"service": "plex", "key": "PLEX_TOKEN"}])
    );
    assert_eq!(
        (&shown["searched"], &shown["forbidden"], &shown["deleted"]),
        (&json!(3), &json!(0), &json!(0))
    );
    let nothing = lab.cv(["find", "nowhere", "--json"]).exits(5);
    assert_eq!(
        (&nothing.json()["matches"], &nothing.error()["code"]),
        (&json!([]), &json!("not_found"))
    );
    lab.cv(["find"]).exits(2).says("is missing");
    lab.cv(["find", ""]).exits(2);
}

#[test]
fn a_value_is_found_exactly_and_never_shown() {
    let text = format!("{CANARY}\nsecond line\n");
    let lab = Lab::with(
        "plex",
        json!({"A": CANARY, "B": format!("{CANARY}x"), "N": 4242, "FILE": text}),
    );
    lab.store(
        "media/sonarr",
        json!({"SAME": CANARY, "N": "4242", "EMPTY": ""}),
    );
    let find = |input: &str| lab.home.cv_with(&["find", "--value", "-"], input);
    for input in [
        CANARY.to_owned(),
        format!("{CANARY}\n"),
        format!("{CANARY}\r\n"),
    ] {
        let found = find(&input).exits(0);
        assert_eq!(found.stdout, "media/sonarr SAME\nplex A\n");
        assert!(!found.all().contains(CANARY));
    }
    assert_eq!(find(&text).exits(0).stdout, "plex FILE\n");
    assert_eq!(find("4242").exits(0).stdout, "media/sonarr N\nplex N\n");
    assert!(!find(&format!("{CANARY}y")).exits(5).all().contains(CANARY));
    for empty in ["", "\n"] {
        find(empty).exits(2).says("the value is empty");
    }
    // A value is not accepted on the command line, and the error does not repeat it.
    let refused = lab
        .cv(["find", "--value", CANARY])
        .exits(2)
        .says("not taken from the command line");
    assert!(!refused.all().contains(CANARY));
    lab.cv(["find", "--value"])
        .exits(8)
        .says("claude-vault find --value -");
    let log = lab.home.read(".claude-vault-audit.log");
    assert!(
        log.contains("ACTION=FIND")
            && log.contains("by value: 2 services")
            && !log.contains("2 matches")
            && !log.contains(CANARY)
    );
}

#[test]
fn under_an_ai_agent_names_can_be_searched_and_values_cannot() {
    let mut lab = Lab::with("plex", json!({"A": CANARY}));
    lab.home.set("CLAUDECODE", "1");
    lab.home
        .cv_with(&["find", "--value", "-"], CANARY)
        .exits(8)
        .says("find --value is refused under an AI agent");
    assert_eq!(lab.cv(["find", "plex"]).exits(0).stdout, "plex\n");
}

#[test]
fn unreadable_services_are_counted_and_reported() {
    let mut lab = Lab::with("open/a", json!({"KEY": CANARY}));
    lab.store("open/gone", json!({"KEY": CANARY}));
    lab.store("closed", json!({"KEY": CANARY}));
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/open/gone", "");
    let policy = r#"
path "secret/metadata/proxmox-services/*" { capabilities = ["list"] }
path "secret/data/proxmox-services/open/*" { capabilities = ["read"] }
"#;
    lab.bao
        .put("sys/policies/acl/some", json!({ "policy": policy }));
    let token = lab.bao.token(&["some"]);
    lab.home.set("VAULT_TOKEN", token);
    let found = lab
        .cv(["find", "key"])
        .exits(0)
        .says("1 service could not be read: the policy forbids it");
    assert!(
        found
            .stderr
            .contains("1 match in 1 service; 1 more is deleted"),
        "{}",
        found.stderr
    );
    assert_eq!(found.stdout, "open/a KEY\n");
    let shown = lab
        .home
        .cv_with(&["find", "--value", "-", "--json"], CANARY)
        .exits(0)
        .json();
    assert_eq!(
        (&shown["forbidden"], &shown["deleted"], &shown["searched"]),
        (&json!(1), &json!(1), &json!(1))
    );
    // Without a session, the value is not even asked for.
    Home::new().cv(["find", "--value", "-"]).exits(3);
}

#[test]
fn two_thousand_services_are_searched_with_at_most_sixteen_requests_at_once() {
    let mut lab = many(2_000);
    let proxy = Proxy::start(&lab.bao.address, Duration::from_millis(2));
    lab.home.set("VAULT_ADDR", &proxy.address);
    let found = lab
        .home
        .cv_with(&["find", "--value", "-", "--json"], "value-1234")
        .exits(0)
        .json();
    assert_eq!(
        found["matches"],
        json!([{"service": "group-14/service-1234", "key": "PASSWORD"}])
    );
    assert_eq!(found["searched"], 2_000);
    // One request for each service and folder, one for the prefix, and one for the owner of the
    // token, which the audit log needs.
    assert_eq!(proxy.paths().len(), 2_022);
    assert!((8..=16).contains(&proxy.most()), "{}", proxy.most());
    let names = lab.cv(["find", "*password"]).exits(0);
    assert_eq!(names.stdout.lines().count(), 2_000);
    assert!(
        names.stderr.lines().count() == 1,
        "no progress without a terminal: {}",
        names.stderr
    );
    assert_eq!(
        lab.cv(["list", "group-7/*1*"])
            .exits(0)
            .stdout
            .lines()
            .next(),
        Some("group-7/service-1007")
    );
}

#[test]
fn a_long_search_shows_a_progress_bar_on_a_terminal_and_clears_it() {
    let mut lab = many(640);
    let proxy = Proxy::start(&lab.bao.address, Duration::from_millis(50));
    lab.home.set("VAULT_ADDR", &proxy.address);
    let mut session = cv(&lab.home, &["find", "service-63"]);
    session
        .exp_regex(r"\[=*>? *\] \d+ of 640 services, \d+ a second, \d+s left")
        .unwrap();
    let rest = session.exp_eof().unwrap();
    let (bar, shown) = rest.split_once("group-10/service-630").unwrap();
    assert!(
        bar.contains("\u{1b}[2K") || bar.contains("\u{1b}[K") || bar.contains("\u{1b}[J"),
        "{bar:?}"
    );
    assert!(!shown.contains("services,"), "{shown:?}");
    drop(session);
    let variables = lab.home.variables.clone();
    for (arguments, variable) in [
        (&["find", "service-63"][..], ("NO_COLOR", "1")),
        (&["find", "service-63", "--json"], ("X", "1")),
        (&["find", "service-63"], ("TERM", "dumb")),
    ] {
        let mut home_variables = variables.clone();
        home_variables.push((variable.0.to_owned(), variable.1.to_owned()));
        lab.home.variables = home_variables;
        let script = format!(
            "TERM=${{TERM:-xterm}} {} {}",
            env!("CARGO_BIN_EXE_claude-vault"),
            arguments.join(" ")
        );
        let script = if variable.0 == "TERM" {
            script.replace("${TERM:-xterm}", "dumb")
        } else {
            script
        };
        let mut session = crate::terminal::on_terminal(&lab.home, "bash", &["-c", &script]);
        let text = session.exp_eof().unwrap();
        assert!(
            text.contains("service-630") && !text.contains("a second"),
            "{variable:?}: {text:?}"
        );
    }
}
