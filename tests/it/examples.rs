//! Five services of a home lab, each read by its own program's loader.

use std::path::Path;

use serde_json::{Value, json};

use crate::readers::{ENV, Real, YAML};
use crate::support::{Lab, ground, run};

/// A password with the characters that people and generators use.
const HARD: &str = "it's $5 & \"more\" #1";

fn lab() -> Lab {
    let lab = Lab::new();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    run(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(tree.join("."))
            .arg(lab.home.lab()),
        "",
    )
    .exits(0);
    lab.store(
        "home-assistant",
        json!({"mqtt_password": HARD, "alarm_code": "0042", "home_latitude": 47.25, "on": "a key"}),
    );
    lab.store(
        "esphome",
        json!({"wifi_ssid": "Café 🏠", "wifi_password": HARD, "api_key": "kZ+8/aGVsbG8=\n"}),
    );
    lab.store(
        "immich",
        json!({"DB_PASSWORD": HARD, "DB_USERNAME": "immich", "JWT": "a.b-c"}),
    );
    lab.store("backup", json!({"RESTIC_PASSWORD": format!("{HARD}\\")}));
    lab.store("website", json!({"SESSION_SECRET": "p@$$w0rd $HOME"}));
    lab
}

fn read(name: &str, readers: &[Real], file: &Path) -> Value {
    let reader = readers.iter().find(|reader| reader.name == name).unwrap();
    let answer = reader.read(&[file.to_owned()]).remove(0);
    assert_eq!(answer.error, None);
    json!(answer.found)
}

#[test]
fn five_services_are_read_by_their_own_programs() {
    let lab = lab();
    let output = lab
        .cv(["inject", "--all"])
        .exits(0)
        .says("immich/.env written for docker compose (compose.yaml beside it)")
        .says("backup/.env written for systemd (backup.service beside it)")
        .says("website/.env written for Vite or Next.js (package.json beside it)")
        .says(
            "the template's lines were rewritten as plain KEY=value lines, since systemd reads no others",
        );
    assert!(!output.all().contains(HARD));
    let place = |file: &str| lab.home.lab().join(file);

    let home_assistant = read(
        "Home Assistant !secret",
        YAML,
        &place("home-assistant/config/configuration.yaml"),
    );
    assert_eq!(home_assistant["mqtt_password"], HARD);
    assert_eq!(home_assistant["alarm_code"], "0042");
    assert_eq!(home_assistant["homeassistant"]["latitude"], 47.25);

    let node = read("ESPHome", YAML, &place("esphome/config/bedroom.yaml"));
    assert_eq!(node["wifi"], json!({"ssid": "Café 🏠", "password": HARD}));
    assert_eq!(node["api"]["encryption"]["key"], "kZ+8/aGVsbG8=\n");

    let mut compose = lab.home.command(ground().join("bin/docker-compose"));
    let config = run(
        compose
            .current_dir(place("immich"))
            .args(["config", "--format", "json"]),
        "",
    )
    .exits(0)
    .json();
    let shown = |value: &str| json!(value.replace('$', "$$")); // as `docker compose config` writes it
    assert_eq!(
        config["services"]["database"]["environment"]["POSTGRES_PASSWORD"],
        shown(HARD)
    );
    assert_eq!(
        config["services"]["server"]["environment"]["DB_PASSWORD"],
        shown(HARD)
    );
    assert_eq!(
        config["services"]["server"]["environment"]["UPLOAD_LOCATION"],
        "/srv/pictures"
    );
    assert_eq!(
        config["services"]["server"]["image"],
        "ghcr.io/immich-app/immich-server:v1.118.2"
    );

    assert_eq!(
        read("systemd 252", ENV, &place("backup/.env"))["RESTIC_PASSWORD"],
        format!("{HARD}\\")
    );
    assert_eq!(
        read("Next.js 16", ENV, &place("website/.env"))["SESSION_SECRET"],
        "p@$$w0rd $HOME"
    );
}

#[test]
fn the_templates_keep_everything_except_values() {
    let lab = lab();
    lab.cv(["inject", "--all"]).exits(0);
    let below = |file: &str| {
        lab.home
            .read(file)
            .split_once("do not commit it.\n#\n")
            .unwrap()
            .1
            .to_owned()
    };
    assert_eq!(
        below("immich/.env"),
        "# https://immich.app/docs/install/environment-variables\n\n# The version to run\nIMMICH_VERSION=v1.118.2\n\
         # Where the pictures are\nUPLOAD_LOCATION=/srv/pictures # a ZFS dataset\n\nDB_USERNAME=immich\n\
         DB_PASSWORD = 'it\\'s $5 & \"more\" #1'   # CHANGE ME\n\n# Only in Vault, not in the example:\nJWT=a.b-c\n"
    );
    assert_eq!(
        below("esphome/config/secrets.yaml"),
        "# one file for all nodes\nwifi_ssid: \"Café 🏠\"\nwifi_password: \"it's $5 & \\\"more\\\" #1\"\n\n\
         api_key: \"kZ+8/aGVsbG8=\\n\"\nota_password: \"kept, since Vault does not have it\"\n"
    );
    assert!(
        below("home-assistant/config/secrets.yaml")
            .contains("alarm_code: \"0042\"           # four digits\n")
    );
    assert!(below("home-assistant/config/secrets.yaml").ends_with("\"on\": \"a key\"\n"));
    lab.cv(["inject", "--all", "--check"]).exits(0);
}
