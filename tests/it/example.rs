//! `example` as a person types it: what is removed, what stays, and that every file that parses is
//! accepted.

use crate::corpus::{File, Label, corpus};
use crate::support::Home;

/// Writes a file, makes its example, and returns its text.
fn example(file: &str, text: &str) -> String {
    let home = Home::new();
    home.file(file, text);
    home.cv(["example", file]).exits(0);
    let folder = file
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let is_compose = file.ends_with("compose.yaml");
    let name = if is_compose {
        format!("{folder}docker-compose.example.yml")
    } else {
        format!("{file}.example")
    };
    home.read(&name)
}

fn without(text: &str, gone: &[&str]) {
    for gone in gone {
        assert!(!text.contains(gone), "{gone} is left in\n{text}");
    }
}

fn with(text: &str, kept: &[&str]) {
    for kept in kept {
        assert!(text.contains(kept), "{kept} is not left in\n{text}");
    }
}

#[test]
fn real_secrets_under_harmless_names_are_removed() {
    let made = example(
        "shop/.env",
        "SLACK_URL=https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnopqrstuvwx\n\
         TELEGRAM_URL=https://api.telegram.org/bot1234567890:AAEabcdefghijklmnopqrstuvwxyz12345/sendMessage\n\
         NTFY_URL=https://ntfy.sh/private-topic-8f3k2\nALARM_CODE=4711\n\
         WG_PSK=/abcDEF0123456789abcDEF0123456789abcDEF01\nDB_PASSWORD=hunter2hunter2\n\
         DISCORD=https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyzABCDEFGH\n\
         HEALTHCHECK=https://hc-ping.com/5f0c1b9e-3f6a-4e0d-9a53-1c2b3d4e5f60\nDOOR_PIN=0042\n\
         FEED=https://calendar.google.com/calendar/ical/me/private-0123456789abcdef0123456789abcdef/basic.ics\n\
         MQTT_URL=mqtt://ha:hunter5hunter5@broker.lan:1883\nPORT=8080\nTZ=Europe/Berlin\n",
    );
    let lines: Vec<&str> = made.lines().filter(|line| !line.ends_with('=')).collect();
    assert_eq!(lines, ["PORT=8080", "TZ=Europe/Berlin"], "{made}");
    assert_eq!(made.lines().count(), 13);
}

#[test]
fn secrets_anywhere_in_a_compose_file_are_removed() {
    let made = example(
        "shop/compose.yaml",
        "services:\n  db:\n    image: redis\n    command: redis-server --requirepass hunter2hunter2\n    labels:\n      \
         - \"traefik.http.middlewares.a.basicauth.users=bob:$$apr1$$abcdefgh$$0123456789abcdefghijk.\"\n    build:\n      \
         context: .\n      args:\n        NPM_TOKEN: npm_abcdefghijklmnopqrstuvwxyz0123456789\n    environment:\n      TZ: UTC\n\
         \x20   healthcheck:\n      test: [\"CMD\", \"redis-cli\", \"-a\", \"hunter5hunter5\", \"ping\"]\n\
         x-mail: &mail\n  SMTP_PASSWORD: hunter6hunter6\nconfigs:\n  c:\n    content: |\n      password=hunter4hunter4\n",
    );
    without(&made, &["hunter", "apr1", "npm_"]);
    with(
        &made,
        &[
            "--requirepass ${",
            "TZ: UTC",
            "redis-cli",
            "content: |\n      password=${",
            "SMTP_PASSWORD: ${",
        ],
    );
}

#[test]
fn every_line_of_a_private_key_is_removed() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcRcBces9fD1s\n\
               Q2hhbmdlTWVUb1NvbWV0aGluZ1JlYWxLZXlUYWls==\n-----END PRIVATE KEY-----";
    let commented = key.replace('\n', "\n# ");
    for text in [
        format!("KEY={key}\nPORT=80\n"),
        format!("KEY=\"{key}\"\nPORT=80\n"),
        format!("KEY={}\nPORT=80\n", key.replace('\n', "\\n")),
        format!("# {commented}\nPORT=80\n"),
        format!("{key}\nPORT=80\n"),
    ] {
        let made = example("shop/.env", &text);
        without(&made, &["MII", "YWls", "Q2hh"]);
        with(&made, &["PORT=80\n"]);
    }
}

#[test]
fn secrets_in_comments_are_removed_and_the_comments_stay() {
    let made = example(
        "shop/.env",
        "# was postgres://app:hunter99@db/x\n# ghp_0123456789abcdefghijABCDEFGHIJ012345\nPORT=80 # or Bearer kJ2mQ8vXr4TzP0wLs6YbN1cH9f\n\
         #SMTP_PASSWORD=hunter3hunter3 # until May\n# the old one: https://me:hunter4hunter4@git.lan/x.git\n",
    );
    without(&made, &["hunter", "ghp_0", "kJ2m"]);
    with(
        &made,
        &[
            "# was postgres://app:…@db/x\n",
            "PORT=80 # or Bearer …\n",
            "#SMTP_PASSWORD= # until May\n",
            "@git.lan/x.git\n",
        ],
    );
    let made = example(
        "shop/secrets.yaml",
        "# mqtt://ha:hunter1hunter1@broker\nport: 80\n#wifi_password: hunter2hunter2\n",
    );
    assert_eq!(made, "# mqtt://ha:…@broker\nport: 80\n#wifi_password: …\n");
}

#[test]
fn harmless_words_stay_and_cause_no_refusal() {
    let text = "DB_TYPE=mysql\nDB_PREFIX=null\n# null turns it off; mysql or postgres\nDB_PASSWORD=hunter2hunter2\n";
    assert_eq!(
        example("shop/.env", text),
        text.replace("hunter2hunter2", "")
    );
    for word in ["mysql", "null", "true", "admin", "postgres"] {
        let text = format!("DB_TYPE={word}\n# {word} is the default\nDB_PASSWORD={word}x9{word}\n");
        assert_eq!(
            example("shop/.env", &text),
            text.replace(&format!("{word}x9{word}"), "")
        );
        with(
            &example(
                "shop/.env",
                &format!("# {word} it is\nDB_PASSWORD={word}\n"),
            ),
            &["it is\n", "DB_PASSWORD="],
        );
    }
}

#[test]
fn comments_defaults_and_different_placeholders_stay() {
    let text = "# DB_MAX=25    # max open connections\n# TOKEN=      # bearer token: create it in the portal\n# LOG=info\nA_PASSWORD=hunter2hunter2\n";
    assert_eq!(
        example("shop/.env", text),
        text.replace("hunter2hunter2", "")
    );
    let text = "services:\n  a:\n    image: x\n    environment:\n      POSTGRES_DB: ${DB:-shop}\n      API_KEY: aaaa1111aaaa # change me\n  b:\n    image: x\n    environment:\n      API_KEY: bbbb2222bbbb\n";
    let expected = text
        .replace("aaaa1111aaaa", "${A_API_KEY}")
        .replace("bbbb2222bbbb", "${B_API_KEY}");
    assert_eq!(example("shop/compose.yaml", text), expected);
}

#[test]
fn theme_colours_and_other_public_settings_stay() {
    let text = "THEME_LIGHT_PRIMARY=#E58325\nTHEME_DARK_INFO=1976D2\nCRON='0 4 * * *'\nOCR_LANGUAGE=deu+eng\nIMAGE=ghcr.io/x/y:2.1@sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef\nVAPID_PUBLIC_KEY=BNbxGYNMhEIi9ZFm2rSy5V0m4hXtz3Xh7Yzq9k0c1d2e3f4g5h6i7j8k\nLOG_FORMAT=%(asctime)s\nSITE_NAME=\"Our photos\"\n";
    assert_eq!(example("shop/.env", text), text);
}

#[test]
fn the_example_of_an_injected_file_lacks_our_header() {
    let text = "# Written by claude-vault from Vault (shop).\n# Make it again: claude-vault inject shop\n# It holds secrets: do not commit it.\n#\nDB_HOST=db.lan\n\n# From Vault:\nDB_PASSWORD=hunter2hunter2\n";
    assert_eq!(
        example("shop/.env", text),
        "DB_HOST=db.lan\n\nDB_PASSWORD=\n"
    );
}

#[test]
fn an_example_of_secrets_yaml_keeps_its_structure() {
    let text = "# the house\nwifi_ssid: Home\nwifi_password: 'hunter2 hunter2' # c\nalarm_code: 4711\nlatitude: 47.25\nkey: |\n  abcdef0123456789ABCDEF0123456789==\nmqtt: !secret other\n<<: !include ../secrets.yaml\n";
    let expected = "# the house\nwifi_ssid: Home\nwifi_password: \"\" # c\nalarm_code: \"\"\nlatitude: 47.25\nkey: \"\"\nmqtt: !secret other\n<<: !include ../secrets.yaml\n";
    assert_eq!(example("esphome/config/secrets.yaml", text), expected);
}

#[test]
fn only_what_cannot_be_parsed_is_refused_and_its_line_is_named() {
    let home = Home::new();
    home.file(
        "shop/compose.yaml",
        "services:\n  a:\n    environment: [A=1\n",
    );
    let refused = home
        .cv(["example", "shop/compose.yaml"])
        .exits(2)
        .says("shop/compose.yaml: line 3 cannot be parsed");
    assert!(!refused.all().contains("A=1"));
    home.file(
        "shop/.env",
        "nonsense hunter2\n'open\nA=1\n\u{0}\nDB_PASSWORD='x",
    );
    home.cv(["example", "shop/.env"]).exits(0);
    without(&home.read("shop/.env.example"), &["hunter2", "'x"]);
    let aliases: String = (0..1000)
        .map(|n| format!("  s{n}:\n    <<: *a\n    environment: {{PASSWORD: hunter{n:04}}}\n"))
        .collect();
    home.file(
        "many/compose.yaml",
        &format!("x-a: &a {{image: x}}\nservices:\n{aliases}"),
    );
    home.cv(["example", "many/compose.yaml"]).exits(0);
    without(&home.read("many/docker-compose.example.yml"), &["hunter0"]);
}

#[test]
fn an_override_has_an_example_of_its_own() {
    let home = Home::new();
    for name in ["compose.yaml", "compose.override.yaml"] {
        home.file(
            &format!("shop/{name}"),
            "services:\n  a:\n    environment:\n      DB_PASSWORD: hunter2hunter2\n",
        );
        home.cv(["example", &format!("shop/{name}")]).exits(0);
    }
    for made in [
        "docker-compose.example.yml",
        "compose.override.example.yaml",
    ] {
        with(
            &home.read(&format!("shop/{made}")),
            &["DB_PASSWORD: ${DB_PASSWORD}"],
        );
    }
}

/// The result for the files of the labelled corpus.
#[derive(Default)]
struct Outcome {
    secrets: usize,
    left: Vec<String>,
    harmless: usize,
    removed: Vec<String>,
    comments_lost: Vec<String>,
}

impl Outcome {
    fn look(&mut self, file: &File, made: &str) {
        let lines: Vec<&str> = file.text.lines().collect();
        let kept: std::collections::BTreeSet<&str> = made.lines().collect();
        for label in &file.labels {
            let line = lines[label.line - 1];
            let named = || format!("{} {}:{} {line}", label.family, file.path, label.line);
            match &label.secret {
                Some(secret) => {
                    self.secrets += 1;
                    if is_left(secret, line, made) {
                        self.left.push(named());
                    }
                }
                None => {
                    self.harmless += 1;
                    if !kept.contains(line) {
                        self.removed.push(named());
                    }
                }
            }
        }
        let is_labelled = |number: usize| {
            file.labels
                .iter()
                .any(|label: &Label| (label.line..=label.last).contains(&number))
        };
        let comments = lines
            .iter()
            .enumerate()
            .filter(|(at, line)| line.trim_start().starts_with('#') && !is_labelled(at + 1));
        self.comments_lost.extend(
            comments
                .map(|(_, line)| (*line).to_owned())
                .filter(|line| !kept.contains(line.as_str())),
        );
    }
}

/// Whether a secret is left: anywhere in the file, or only in its own line if it is short or a word
/// (`postgres`).
fn is_left(secret: &str, line: &str, made: &str) -> bool {
    if secret.len() >= 8 && !secret.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return secret
            .lines()
            .any(|part| part.len() >= 8 && !part.starts_with("-----") && made.contains(part));
    }
    let (head, _) = line.split_once(['=', ':']).unwrap_or((line, ""));
    made.lines()
        .filter(|made| made.starts_with(head))
        .any(|made| made[head.len()..].contains(secret))
}

#[test]
fn on_the_labelled_corpus_every_secret_is_removed_and_few_harmless_values_are() {
    for seed in [1, 20_261_125, 7] {
        let home = Home::new();
        let mut outcome = Outcome::default();
        for file in corpus(seed) {
            home.file(&file.path, &file.text);
            home.cv([
                "example",
                &file.path,
                "--output",
                &format!("made/{}", file.path),
            ])
            .exits(0);
            outcome.look(&file, &home.read(&format!("made/{}", file.path)));
        }
        let Outcome {
            secrets,
            left,
            harmless,
            removed,
            comments_lost,
        } = outcome;
        assert!(secrets >= 500 && harmless >= 500, "{secrets} {harmless}");
        assert!(
            left.is_empty(),
            "{} of {secrets} left: {left:#?}",
            left.len()
        );
        assert!(comments_lost.is_empty(), "{comments_lost:#?}");
        assert!(
            removed.len() * 100 <= harmless * 5,
            "{} of {harmless} removed: {removed:#?}",
            removed.len()
        );
        eprintln!(
            "{seed}: {secrets} secrets, 0 left; {} of {harmless} harmless lines removed",
            removed.len()
        );
    }
}
