//! `list`: details of each service, patterns, trees and deleted services. Also keys that other
//! tools wrote under any name.

use std::time::Duration;

use serde_json::json;

use crate::support::{CANARY, Lab, Proxy};

fn nested() -> Lab {
    let lab = Lab::with("plex", json!({"A": "1", "B": "2"}));
    lab.store("plex", json!({"A": "1", "B": "2", "C": "3"}));
    lab.store("media/tv/sonarr", json!({"A": "1"}));
    lab.store("media/radarr", json!({"A": "1"}));
    lab.store("gone", json!({"A": "1"}));
    lab.bao
        .request("DELETE", "secret/data/proxmox-services/gone", "");
    lab
}

#[test]
fn a_plain_list_is_one_request_for_each_folder() {
    let mut lab = nested();
    let proxy = Proxy::start(&lab.bao.address, Duration::ZERO);
    lab.home.set("VAULT_ADDR", &proxy.address);
    // The first command looks up the owner of the token for the audit log, once.
    lab.cv(["list"]).exits(0);
    proxy.paths();
    assert_eq!(
        lab.cv(["list"]).exits(0).stdout,
        "gone\nmedia/radarr\nmedia/tv/sonarr\nplex\n"
    );
    let paths = proxy.paths();
    let folder = |name: &str| format!("secret/metadata/proxmox-services{name}?list=true");
    assert_eq!(paths, [folder(""), folder("/media"), folder("/media/tv")]);
    // A pattern does not search folders that cannot contain a match.
    assert_eq!(lab.cv(["list", "p*"]).exits(0).stdout, "plex\n");
    assert_eq!(proxy.paths().len(), 1);
}

#[test]
fn folders_patterns_and_trees_choose_and_show_services() {
    let lab = nested();
    for chosen in ["media/", "media", "media/*"] {
        assert_eq!(
            lab.cv(["list", chosen]).exits(0).stdout,
            "media/radarr\nmedia/tv/sonarr\n",
            "{chosen}"
        );
    }
    assert_eq!(
        lab.cv(["list", "*arr"]).exits(0).stdout,
        "media/radarr\nmedia/tv/sonarr\n"
    );
    assert_eq!(
        lab.cv(["list", "MEDIA/R*"]).exits(0).stdout,
        "media/radarr\n"
    );
    assert_eq!(
        lab.cv(["list", "nothing*"])
            .exits(0)
            .says("no service in secret/proxmox-services matches")
            .stdout,
        ""
    );
    lab.cv(["list", "nothing"]).exits(5);
    let tree = "gone\nmedia/\n  radarr\n  tv/\n    sonarr\nplex\n";
    assert_eq!(lab.cv(["list", "--tree"]).exits(0).stdout, tree);
    let shown = lab
        .cv(["list", "media/*", "--tree", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        shown["services"],
        json!(["media/radarr", "media/tv/sonarr"])
    );
    assert!(shown.get("details").is_none());
}

#[test]
fn long_shows_version_age_number_of_keys_and_rotation() {
    let mut lab = nested();
    let metadata = json!({"custom_metadata": {"rotate_after": "90d", "owner": "me"}});
    lab.bao
        .put("secret/metadata/proxmox-services/plex", metadata);
    let text = lab.cv(["list", "--long"]).exits(0).stdout;
    let row = |name: &str| -> Vec<String> {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let plex = row("plex");
    assert_eq!(
        (plex[1].as_str(), plex[3].as_str(), plex[4].as_str()),
        ("2", "3", "90d")
    );
    assert!(plex[2].ends_with(" s"), "{plex:?}");
    assert_eq!(row("gone")[3], "deleted");
    let shown = lab.cv(["list", "-l", "--json"]).exits(0).json();
    assert_eq!(
        shown["services"],
        json!(["gone", "media/radarr", "media/tv/sonarr", "plex"])
    );
    let detail = &shown["details"][3];
    assert_eq!(
        (
            &detail["service"],
            &detail["state"],
            &detail["version"],
            &detail["keys"],
            &detail["rotate_after"]
        ),
        (
            &json!("plex"),
            &json!("present"),
            &json!(2),
            &json!(3),
            &json!("90d")
        )
    );
    let tree = lab.cv(["list", "--long", "--tree"]).exits(0).stdout;
    assert!(
        tree.lines()
            .any(|line| line.starts_with("    sonarr") && line.contains('1')),
        "{tree}"
    );
    // A service hidden by the policy still has a row.
    lab.bao.put(
        "sys/policies/acl/some",
        json!({"policy": "path \"secret/metadata/proxmox-services/*\" { capabilities = [\"list\"] }"}),
    );
    let token = lab.bao.token(&["some"]);
    lab.home.set("VAULT_TOKEN", token);
    let hidden = lab
        .cv(["list", "--long"])
        .exits(0)
        .says("4 of them could not be read");
    assert_eq!(hidden.stdout.matches("forbidden").count(), 4);
}

#[test]
fn deleted_services_are_shown_on_request_and_undelete_is_the_hint() {
    let lab = nested();
    assert_eq!(lab.cv(["list", "--deleted"]).exits(0).stdout, "gone\n");
    assert_eq!(
        lab.cv(["list", "--deleted", "--json"]).exits(0).json()["services"],
        json!(["gone"])
    );
    assert_eq!(
        lab.cv(["list", "media/*", "--deleted"])
            .exits(0)
            .says("no deleted services there")
            .stdout,
        ""
    );
    assert_eq!(
        lab.cv(["list", "gone", "--deleted"]).exits(0).stdout,
        "gone\n"
    );
    lab.cv(["list", "gone"])
        .exits(5)
        .says("deleted")
        .says("undelete gone");
}

#[test]
fn keys_under_any_name_are_listed_read_and_injected_into_yaml() {
    let odd = json!({"my key": "one", "a/b": "two", "ключ": "three", "x:y #z": "four", "\u{1b}[31mred": "five", "OK": CANARY});
    let lab = Lab::with("esphome", odd.clone());
    let listed = lab.cv(["list", "esphome"]).exits(0).stdout;
    assert!(
        listed.contains("my key\n")
            && listed.contains("ключ\n")
            && listed.contains("\\u{1b}[31mred\n"),
        "{listed}"
    );
    assert!(!listed.contains('\u{1b}') && !listed.contains(CANARY));
    assert_eq!(
        lab.cv(["list", "esphome", "--json"]).exits(0).json()["keys"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    for (key, value) in odd.as_object().unwrap() {
        assert_eq!(
            lab.cv(["get", "esphome", key]).exits(0).stdout,
            format!("{}\n", value.as_str().unwrap()),
            "{key}"
        );
    }
    lab.home.file("esphome/config/secrets.yaml", "# mine\n");
    lab.cv(["inject", "esphome"]).exits(0);
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let file = lab.home.lab().join("esphome/config/secrets.yaml");
    let mut command = lab.home.command("python3");
    command
        .env("PYTHONPATH", crate::support::ground().join("python"))
        .args(["-c", script])
        .arg(file);
    assert_eq!(crate::support::run(&mut command, "").exits(0).json(), odd);
}
