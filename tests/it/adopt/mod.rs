//! `adopt`: the files of a home lab go into Vault and back. docker compose checks that they still
//! resolve to the same values.

mod assistant;
mod hostile;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Lab, files, ground, run};

const SERVICES: [&str; 12] = [
    "authentik",
    "esphome",
    "grafana",
    "home-assistant",
    "immich",
    "mosquitto",
    "nextcloud",
    "paperless",
    "postgres",
    "shop",
    "traefik",
    "vaultwarden",
];

/// A home lab of twelve services, copied from the fixtures.
fn home_lab() -> Lab {
    let lab = Lab::new();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/adopt/lab");
    run(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(tree.join("."))
            .arg(lab.home.lab()),
        "",
    )
    .exits(0);
    lab
}

/// A folder's configuration as docker compose resolves it, with every profile.
#[track_caller]
fn config(lab: &Lab, folder: &str) -> Value {
    let mut compose = lab.home.command(ground().join("bin/docker-compose"));
    compose.current_dir(lab.home.lab().join(folder)).args([
        "--profile",
        "*",
        "config",
        "--format",
        "json",
    ]);
    run(&mut compose, "").exits(0).json()
}

fn configs(lab: &Lab) -> BTreeMap<&'static str, Value> {
    SERVICES
        .iter()
        .map(|service| (*service, config(lab, service)))
        .collect()
}

/// Every file of the lab except the audit log.
fn tree(lab: &Lab) -> BTreeMap<PathBuf, Vec<u8>> {
    let found = files(&lab.home.lab());
    found
        .into_iter()
        .filter(|(path, _)| !path.ends_with(".claude-vault-audit.log"))
        .collect()
}

/// Every secret in the fixtures, as the program that uses it reads it.
const SECRETS: [&str; 24] = [
    "9f!Kd2 'q' $Tz#71",
    "Wd7rq-9Kx2_uVt",
    "mZ4t$pQ8!vR2#xL6w",
    "kq9-Lw3-Zt7-pMn",
    "exP0rter-8842-qz",
    "vX3-it's-8Qm",
    "Hf4-bench-Zq9",
    "Jq3vT8yLrW5nKx0cZs7bHd2mPf9gVt4u",
    "Tz-61-mail-Kd",
    "root-Vq82-Lz",
    "rD7-kLm2-xQ9",
    "nC-4481-wTz",
    "q4Zt8LmWx2Vn",
    "pL-7731-arch",
    "S3cond \"shelf\" left",
    "Zq8vLmT2xKw5RnYb9HdJc3pFs6gVt0uAeWzQ1iXy",
    "$argon2id$v=19$m=65540,t=3,p=4$c2FsdC1pbnZlbnRlZA$aW52ZW50ZWQtaGFzaC1mb3ItdGVzdHM",
    "bT:9 #x\\w\"q",
    "Rz5-main-LqW8",
    "Kx1-dump-VtN3",
    "4dm1n-Lq-77",
    "z1g-Lm48-Rt",
    "Lw8-smtp-Qz4",
    "Hd5-panel-Xs9",
];

fn all_stored(lab: &Lab) -> Vec<String> {
    stored_in(lab, "")
}

fn stored_in(lab: &Lab, folder: &str) -> Vec<String> {
    let (_, text) = lab.bao.request(
        "LIST",
        &format!("secret/metadata/proxmox-services/{folder}"),
        "",
    );
    let listed: Value = serde_json::from_str(&text).unwrap();
    let names = listed["data"]["keys"].as_array().unwrap().clone();
    let values = names.iter().flat_map(|name| {
        let name = format!("{folder}{}", name.as_str().unwrap());
        if name.ends_with('/') {
            return stored_in(lab, &name);
        }
        let data = lab.stored(&name);
        let values = data
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, value)| value.clone());
        values
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect()
    });
    values.collect()
}

#[test]
fn one_command_adopts_twelve_services_one_undoes_it_and_adopting_again_works() {
    let lab = home_lab();
    let (before, resolved) = (tree(&lab), configs(&lab));
    lab.cv(["adopt", "--all", "--dry-run"])
        .exits(0)
        .says("dry run: nothing was written");
    assert_eq!(tree(&lab), before);

    let adopted = lab.cv(["adopt", "--all", "--no-confirm"]).exits(0);
    for secret in SECRETS {
        assert!(!adopted.all().contains(secret), "{secret} was printed");
    }
    let stored = all_stored(&lab);
    let missing: Vec<&&str> = SECRETS
        .iter()
        .filter(|secret| !stored.iter().any(|value| value == **secret))
        .collect();
    assert!(
        missing.is_empty(),
        "not in Vault: {missing:?}\n{}",
        adopted.stderr
    );
    assert_eq!(configs(&lab), resolved);
    lab.cv(["inject", "--all", "--check"]).exits(0);

    lab.cv(["adopt", "--all", "--undo", "--no-confirm"])
        .exits(0);
    assert_eq!(tree(&lab), before);
    assert_eq!(all_stored(&lab), Vec::<String>::new());

    lab.cv(["adopt", "--all", "--no-confirm"]).exits(0);
    assert_eq!(configs(&lab), resolved);
    lab.cv(["adopt", "--all", "--done", "--no-confirm"])
        .exits(0);
    for (path, content) in tree(&lab) {
        assert!(
            !path.to_string_lossy().contains(".backup."),
            "{}",
            path.display()
        );
        let is_compose = path.to_string_lossy().contains("compose.y");
        let text = String::from_utf8_lossy(&content).into_owned();
        assert!(
            !is_compose || SECRETS.iter().all(|secret| !text.contains(secret)),
            "{}",
            path.display()
        );
    }
    assert_eq!(configs(&lab), resolved);
}

#[test]
fn a_service_with_env_and_compose_files_goes_to_vault_and_comes_back() {
    let lab = home_lab();
    let (before, resolved) = (tree(&lab), config(&lab, "paperless"));
    lab.cv(["adopt", "paperless", "--no-confirm"])
        .exits(0)
        .says("paperless/docker-compose.yml updated");
    assert_eq!(
        lab.stored("paperless"),
        json!({
            "POSTGRES_PASSWORD": "pL-7731-arch",
            "PAPERLESS_SECRET_KEY": "change-9Kz-3Tq-vLm-8Wx-2Rn-5Yd",
            "PAPERLESS_ADMIN_PASSWORD": "S3cond \"shelf\" left",
        })
    );
    assert!(
        !lab.home
            .read("paperless/docker-compose.yml")
            .contains("pL-7731")
    );
    assert!(
        lab.home
            .read("paperless/.env")
            .contains("POSTGRES_PASSWORD=pL-7731-arch")
    );
    assert!(
        lab.home
            .read("paperless/docker-compose.env.example")
            .contains("PAPERLESS_ADMIN_PASSWORD=\n")
    );
    assert_eq!(config(&lab, "paperless"), resolved);
    lab.cv(["adopt", "paperless", "--no-confirm"]).exits(0);
    lab.cv(["adopt", "paperless", "--undo", "--no-confirm"])
        .exits(0);
    assert_eq!(tree(&lab), before);
    lab.cv(["adopt", "paperless", "--undo", "--no-confirm"])
        .exits(5);
}

/// A lab with one service, `app`, that has these files.
fn app(content: &[(&str, &str)]) -> Lab {
    let lab = Lab::new();
    for (name, text) in content {
        lab.home.file(&format!("app/{name}"), text);
    }
    lab
}

#[test]
fn a_secret_stays_if_its_name_is_taken_or_the_container_would_see_a_new_name() {
    let compose =
        "services:\n  db:\n    image: x\n    environment:\n      DB_PASSWORD: Qx7-first-Lm2\n";
    for (env, more, reason) in [
        (
            "DB_PASSWORD=another-Wz9\n",
            "",
            "DB_PASSWORD already has a different value in app/.env",
        ),
        (
            "TZ=UTC\n",
            "    env_file: .env\n",
            "app/.env is also the env_file of a container",
        ),
        (
            "TZ=UTC\n",
            "    labels: [\"a=${DB_PASSWORD}\"]\n",
            "a compose file already uses DB_PASSWORD",
        ),
        (
            "TZ=UTC\n",
            "    build: {context: ., args: [DB_PASSWORD]}\n",
            "a compose file already uses DB_PASSWORD",
        ),
        (
            "TZ=UTC\n",
            "    volumes: [\"./.env:/app/.env\"]\n",
            "other programs read app/.env too",
        ),
    ] {
        let text = format!("{compose}{more}");
        let lab = app(&[("compose.yaml", &text), (".env", env)]);
        let resolved = config(&lab, "app");
        lab.cv(["adopt", "app", "--no-confirm"])
            .exits(0)
            .says(reason);
        assert_eq!(lab.home.read("app/compose.yaml"), text);
        assert_eq!(config(&lab, "app"), resolved);
    }
}

#[test]
fn compose_resolves_the_same_values_after_adoption_however_a_secret_was_written() {
    let compose = concat!(
        "x-shared: &shared\n  API_TOKEN: Zk4-anchored-Rt9\n",
        "services:\n  a:\n    image: \"x:${TAG:-1}\"\n    environment:\n      <<: *shared\n",
        "      DB_PASSWORD: \"quo\\\"ted $$ \\t tab\"\n      SMTP_PASSWORD: 'it''s #1'\n      LONG_PASSWORD: >-\n        folded Wq7xLm2Kz9\n        over lines\n",
        "      LDAP_PASSWORD: ${LDAP_PASSWORD:-Tz8-default-Kx3}\n      ADMIN_PASSWORD: 123456\n",
        "  b:\n    image: y\n    environment: {ROOT_PASSWORD: Vn5-flow-Bq1, TZ: UTC}\n    command: [\"--token=Lp3-list-Wz6Kq8\", \"-v\"]\n",
    );
    let lab = app(&[("compose.yaml", compose), (".env", "TAG=2\n")]);
    let resolved = config(&lab, "app");
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    assert_eq!(config(&lab, "app"), resolved);
    let (left, stored) = (lab.home.read("app/compose.yaml"), lab.stored("app"));
    for (key, value) in [
        ("API_TOKEN", "Zk4-anchored-Rt9"),
        ("DB_PASSWORD", "quo\"ted $ \t tab"),
        ("SMTP_PASSWORD", "it's #1"),
        ("LDAP_PASSWORD", "Tz8-default-Kx3"),
        ("ADMIN_PASSWORD", "123456"),
        ("ROOT_PASSWORD", "Vn5-flow-Bq1"),
    ] {
        assert_eq!(stored[key], value, "{key}: {stored}");
        assert!(!left.contains(value), "{key} in {left}");
    }
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(lab.home.read("app/compose.yaml"), compose);
}

#[test]
fn undo_keeps_later_changes() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: a.env\n",
        ),
        ("a.env", "API_TOKEN=Kq7-one-Lz2\nTZ=UTC\n"),
    ];
    let lab = app(&files);
    lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    let adopted = lab.home.read("app/a.env");
    lab.home.file("app/a.env", &format!("{adopted}MORE=1\n"));
    lab.cv(["adopt", "app", "--undo", "--no-confirm"])
        .exits(6)
        .says("app/a.env was changed");
    lab.home.file("app/a.env", &adopted);
    lab.cv(["set", "app", "OTHER=1", "--no-confirm"]).exits(0);
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(6);
    assert_eq!(lab.home.read("app/a.env"), adopted);
}

#[test]
fn a_key_that_vault_holds_with_another_value_is_skipped_unless_one_is_preferred() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: a.env\n",
        ),
        ("a.env", "API_TOKEN=Kq7-file-Lz2\n"),
    ];
    let lab = app(&files);
    lab.store("app", json!({"API_TOKEN": "Vault-s-own-Rt4", "KEEP": "1"}));
    lab.cv(["adopt", "app", "--no-confirm"])
        .exits(0)
        .says("Vault has a different value for this key");
    assert_eq!(
        lab.stored("app"),
        json!({"API_TOKEN": "Vault-s-own-Rt4", "KEEP": "1"})
    );
    assert_eq!(lab.home.read("app/a.env"), files[1].1);
    lab.cv(["adopt", "app", "--prefer", "vault", "--no-confirm"])
        .exits(0);
    assert!(
        lab.home
            .read("app/a.env")
            .contains("\nAPI_TOKEN=Vault-s-own-Rt4\n")
    );
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(lab.home.read("app/a.env"), files[1].1);
    lab.cv(["adopt", "app", "--prefer", "file", "--no-confirm"])
        .exits(0);
    assert_eq!(
        lab.stored("app"),
        json!({"API_TOKEN": "Kq7-file-Lz2", "KEEP": "1"})
    );
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(
        lab.stored("app"),
        json!({"API_TOKEN": "Vault-s-own-Rt4", "KEEP": "1"})
    );
    assert_eq!(lab.home.read("app/a.env"), files[1].1);
}

#[test]
fn running_the_command_again_continues_a_run_that_vault_stopped() {
    let lab = home_lab();
    let (before, resolved) = (tree(&lab), configs(&lab));
    // Vault refuses writes to a service in the middle of the run.
    let read = "path \"secret/data/proxmox-services/nextcloud\" { capabilities = [\"read\"] }";
    let policy = |more: &str| format!("{}\n{more}", crate::support::POLICY);
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({"policy": policy(read)}),
    );
    lab.cv(["adopt", "--all", "--no-confirm"])
        .exits(4)
        .says("mosquitto: 2 keys in secret/proxmox-services/mosquitto")
        .says("traefik: not done")
        .says("stopped at nextcloud; the same command continues");
    assert_eq!(configs(&lab), resolved);
    lab.bao.put(
        "sys/policies/acl/homelab-services",
        json!({"policy": policy("")}),
    );
    lab.cv(["adopt", "--all", "--no-confirm"]).exits(0);
    assert_eq!(configs(&lab), resolved);
    assert_eq!(lab.stored("nextcloud")["MYSQL_PASSWORD"], "nC-4481-wTz");
    lab.cv(["adopt", "--all", "--undo", "--no-confirm"])
        .exits(0);
    assert_eq!(tree(&lab), before);
}

#[test]
fn a_person_sees_one_plan_for_all_services_and_types_yes() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: a.env\n",
        ),
        ("a.env", "API_TOKEN=Kq7-one-Lz2\nTZ=UTC\n"),
    ];
    let lab = app(&files);
    let before = tree(&lab);
    let mut session = crate::terminal::cv(&lab.home, &["adopt", "app"]);
    session
        .exp_string("API_TOKEN  new  app/a.env:1: its name says")
        .unwrap();
    session.exp_string("file app/a.env.example").unwrap();
    session.exp_string("API_TOKEN=").unwrap();
    session
        .exp_string("file app/a.env: From now on, its values come from Vault")
        .unwrap();
    session
        .exp_string("create secret/proxmox-services/app")
        .unwrap();
    session.exp_string("+ API_TOKEN").unwrap();
    session.send_line("no").unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(!shown.contains("Kq7-one"), "{shown}");
    assert_eq!(tree(&lab), before);
    let mut session = crate::terminal::cv(&lab.home, &["adopt", "app"]);
    session.exp_regex("Type yes|yes").unwrap();
    session.send_line("yes").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(lab.stored("app"), json!({"API_TOKEN": "Kq7-one-Lz2"}));
}

#[test]
fn files_tracked_by_git_are_reported_and_files_with_values_and_backups_are_ignored() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: a.env\n",
        ),
        ("a.env", "API_TOKEN=Kq7-one-Lz2\n"),
    ];
    let lab = app(&files);
    let git = |arguments: &[&str]| run(lab.home.command("git").args(arguments), "").exits(0);
    git(&["init", "-q"]);
    git(&["add", "app/a.env"]);
    lab.home.file("app/.env", "DB_PASSWORD=Zt4-two-Rq8\n");
    lab.cv(["adopt", "app", "--no-confirm"])
        .exits(0)
        .says("git tracks app/a.env")
        .says("rotate");
    git(&["add", "-A"]);
    let taken = git(&["ls-files"]).stdout;
    for hidden in [
        ".env.backup",
        "a.env.backup",
        "app/.env\n",
        ".claude-vault-audit.log",
    ] {
        assert!(!taken.contains(hidden), "{hidden} in {taken}");
    }
    assert!(
        taken.contains("app/.env.example") && taken.contains("app/a.env.example"),
        "{taken}"
    );
}

#[test]
fn files_in_the_root_and_folders_with_other_names_become_services() {
    let lab = Lab::new();
    lab.home.file(
        "compose.yaml",
        "services:\n  a:\n    image: x\n    env_file: env/a.env\n",
    );
    lab.home.file("env/a.env", "API_TOKEN=Kq7-root-Lz2\n");
    lab.home
        .file("my notes/.env", "NOTES_PASSWORD=Kq7-notes-Lz2\n");
    lab.home
        .file("stacks/media/.env", "PLEX_TOKEN=Kq7-media-Lz2\n");
    let before = tree(&lab);
    lab.cv(["adopt", "--all", "--name", "house", "--no-confirm"])
        .exits(0);
    assert_eq!(lab.stored("house"), json!({"API_TOKEN": "Kq7-root-Lz2"}));
    assert_eq!(
        lab.stored("my-notes"),
        json!({"NOTES_PASSWORD": "Kq7-notes-Lz2"})
    );
    let said = lab.home.read(".claude-vault.toml");
    assert!(
        said.contains("file = \"env/a.env\"") && said.contains("file = \"my notes/.env\""),
        "{said}"
    );
    let media = ["stacks/media", "stacks-media"].map(|name| {
        lab.bao
            .request("GET", &format!("secret/data/proxmox-services/{name}"), "")
            .1
    });
    assert!(media.iter().any(|text| text.contains("Kq7-media-Lz2")));
    lab.cv(["adopt", "--all", "--undo", "--no-confirm"])
        .exits(0);
    assert_eq!(tree(&lab), before);
}

#[test]
fn an_existing_template_gains_lines_and_loses_none() {
    let files = [
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", "TZ=UTC\nAPI_TOKEN=Kq7-one-Lz2\nPORT=81\n"),
        (".env.sample", "# the sample\nTZ=Etc/UTC # where\nOLD=1"),
    ];
    let lab = app(&files);
    let output = lab.cv(["adopt", "app", "--no-confirm"]).exits(0);
    assert_eq!(
        lab.home.read("app/.env.sample"),
        "# the sample\nTZ=Etc/UTC # where\nOLD=1\nAPI_TOKEN=\n"
    );
    assert!(
        output
            .stderr
            .contains("not secret, so only in app/.env: TZ, PORT"),
        "{}",
        output.stderr
    );
    assert!(!lab.home.lab().join("app/.env.example").exists());
    lab.cv(["adopt", "app", "--undo", "--no-confirm"]).exits(0);
    assert_eq!(lab.home.read("app/.env.sample"), files[2].1);
}

#[test]
fn no_secret_is_left_in_a_template_that_adoption_makes() {
    let env = concat!(
        "# the old one was ghp_Zk4Rt9Wq7Lm2Xz5Vn8Bc1Hd6Jp3Kf0Ta9Yb4\nAPI_TOKEN=Kq7-one-Lz2\n",
        "#DB_PASSWORD=Rt6-commented-Wq3\nURL=https://${HOST_NAME:-x}/y\nTWICE_TOKEN=Aa1-first-Zz9\nTWICE_TOKEN=Bb2-second-Yy8\n"
    );
    let lab = app(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", env),
    ]);
    lab.cv(["adopt", "app", "--no-confirm"])
        .exits(0)
        .says("TWICE_TOKEN stays: it appears more than once");
    let made = lab.home.read("app/.env.example");
    for secret in [
        "ghp_Zk4R",
        "Kq7-one",
        "Rt6-commented",
        "Aa1-first",
        "Bb2-second",
    ] {
        assert!(!made.contains(secret), "{secret} in {made}");
    }
    assert!(made.contains("URL=https://${HOST_NAME:-x}/y\n"), "{made}");
}

#[test]
fn two_files_that_disagree_become_two_services_that_are_undone_separately() {
    let lab = home_lab();
    lab.home.file(
        "postgres-replica/.env",
        "REPLICA_PASSWORD=Zq9-replica-Lm4\n",
    );
    let before = tree(&lab);
    lab.cv(["adopt", "--all", "--no-confirm"]).exits(0);
    let apart = ["postgres/backup", "postgres-backup"]
        .iter()
        .find_map(|name| {
            let (status, text) =
                lab.bao
                    .request("GET", &format!("secret/data/proxmox-services/{name}"), "");
            (status == 200).then_some(text)
        });
    assert!(apart.unwrap().contains("Kx1-dump-VtN3"));
    assert_eq!(lab.stored("postgres")["POSTGRES_PASSWORD"], "Rz5-main-LqW8");
    assert!(
        lab.home
            .read(".claude-vault.toml")
            .contains("file = \"postgres/backup.env\"")
    );
    lab.cv(["adopt", "postgres", "--undo", "--no-confirm"])
        .exits(0);
    for name in ["postgres.env", "backup.env", "docker-compose.yml"] {
        let path = lab.home.lab().join("postgres").join(name);
        assert_eq!(std::fs::read(&path).unwrap(), before[&path], "{name}");
    }
    assert_eq!(
        lab.stored("postgres-replica")["REPLICA_PASSWORD"],
        "Zq9-replica-Lm4"
    );
    lab.cv(["adopt", "--all", "--undo", "--no-confirm"])
        .exits(0);
    assert_eq!(tree(&lab), before);
}

#[test]
fn all_keys_sends_every_key_to_vault_except_mere_references() {
    let env = "TZ=UTC\nDOMAIN=home.lan\nURL=https://${DOMAIN}/x\nAPI_TOKEN=Kq7-one-Lz2\n";
    let lab = app(&[
        (
            "compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: .env\n",
        ),
        (".env", env),
    ]);
    let resolved = config(&lab, "app");
    lab.cv(["adopt", "app", "--all-keys", "--no-confirm"])
        .exits(0);
    let stored = lab.stored("app");
    assert_eq!(
        (&stored["TZ"], &stored["DOMAIN"], &stored["API_TOKEN"]),
        (&json!("UTC"), &json!("home.lan"), &json!("Kq7-one-Lz2"))
    );
    assert_eq!(stored.get("URL"), None);
    assert!(
        lab.home
            .read("app/.env")
            .contains("\nURL=https://${DOMAIN}/x\n")
    );
    assert_eq!(config(&lab, "app"), resolved);
}
