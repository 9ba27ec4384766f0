//! Services with several path segments: each is a path in Vault and a folder below the root.

use serde_json::json;

use crate::support::{Lab, run};

#[test]
fn a_nested_service_is_listed_set_got_and_injected_into_its_own_folder() {
    let lab = Lab::with("media/tv/sonarr", json!({"API_KEY": "one"}));
    lab.cv(["set", "media/tv/sonarr/4k", "API_KEY=two", "--no-confirm"])
        .exits(0);
    assert_eq!(lab.stored("media/tv/sonarr/4k"), json!({"API_KEY": "two"}));
    assert_eq!(
        lab.cv(["list"]).exits(0).stdout,
        "media/tv/sonarr\nmedia/tv/sonarr/4k\n"
    );
    assert_eq!(
        lab.cv(["get", "media/tv/sonarr", "API_KEY"])
            .exits(0)
            .stdout,
        "one\n"
    );
    assert_eq!(lab.cv(["status", "--json"]).exits(0).json()["services"], 2);
    lab.home.file("media/tv/sonarr/.env.example", "API_KEY=\n");
    lab.home
        .file("media/tv/sonarr/4k/.env.example", "API_KEY=\n");
    lab.cv(["inject", "--all"]).exits(0);
    assert!(
        lab.home
            .read("media/tv/sonarr/.env")
            .contains("API_KEY=one")
    );
    assert!(
        lab.home
            .read("media/tv/sonarr/4k/.env")
            .contains("API_KEY=two")
    );
    assert!(
        lab.home
            .read(".claude-vault-audit.log")
            .contains("SERVICE=media/tv/sonarr/4k")
    );
    let child = lab
        .cv(["exec", "media/tv/sonarr/4k/", "--", "printenv", "API_KEY"])
        .exits(0);
    assert_eq!(child.stdout, "two\n");
}

#[test]
fn inject_in_a_folder_means_the_innermost_service_that_vault_has() {
    let lab = Lab::with("media/sonarr", json!({"A": "inner"}));
    lab.store("plex", json!({"A": "outer"}));
    for folder in ["media/sonarr", "plex"] {
        lab.home.file(&format!("{folder}/.env.example"), "A=\n");
    }
    lab.home.file("media/sonarr/config/x", "");
    lab.home.file("plex/src/deep/.env.example", "A=\n");
    let inject_in = |folder: &str| {
        let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
        run(
            command
                .arg("inject")
                .current_dir(lab.home.lab().join(folder)),
            "",
        )
    };
    inject_in("media/sonarr/config").exits(0);
    assert!(lab.home.read("media/sonarr/.env").contains("A=inner"));
    inject_in("plex/src/deep").exits(0);
    assert!(lab.home.read("plex/.env").contains("A=outer"));
    assert!(!lab.home.lab().join("plex/src/deep/.env").exists());
}

#[test]
fn nested_services_keep_their_files_separate() {
    let lab = Lab::with("app", json!({"A": "outer"}));
    lab.store("app/db", json!({"A": "inner"}));
    lab.home.file("app/.env.example", "A=\n");
    lab.home.file("app/db/.env.example", "A=\n");
    lab.cv(["inject", "app"]).exits(0);
    assert!(!lab.home.lab().join("app/db/.env").exists());
    lab.cv(["inject", "app/db"]).exits(0);
    let (outer, inner) = (lab.home.read("app/.env"), lab.home.read("app/db/.env"));
    assert!(
        outer.contains("A=outer")
            && inner.contains("A=inner")
            && inner.contains("proxmox-services/app/db ("),
        "{inner}"
    );
    // The compose file of the outer service names a file of the inner service. The file stays the
    // inner service's, and the run does not fail.
    lab.home.file(
        "app/compose.yaml",
        "services:\n  db:\n    image: x\n    env_file: db/.env\n",
    );
    lab.store("other", json!({"A": "else"}));
    lab.home.file("other/.env.example", "A=\n");
    lab.cv(["inject", "--all"])
        .exits(0)
        .says("app/db/.env is not written for app: it lies in the folder of app/db");
    assert!(
        lab.home.read("app/db/.env").contains("A=inner")
            && lab.home.read("other/.env").contains("A=else")
    );
    lab.cv(["inject", "app"])
        .exits(2)
        .says("app/db/.env was written for app/db")
        .says("--file app/db/.env");
    assert!(lab.home.read("app/db/.env").contains("A=inner"));
    // By convention both services own this file. The error names both, and the other services are
    // still written.
    lab.store("app/config", json!({"B": "1"}));
    lab.home.file("app/config/secrets.yaml.example", "B: x\n");
    lab.store("other", json!({"A": "later"}));
    lab.cv(["inject", "--all"])
        .exits(2)
        .says("app and app/config would both be written to app/config/secrets.yaml");
    assert!(lab.home.read("other/.env").contains("A=later"));
}

#[test]
fn a_deleted_inner_service_is_not_taken_for_the_outer_one() {
    let lab = Lab::with("app", json!({"A": "outer"}));
    lab.store("app/db", json!({"A": "inner"}));
    lab.home.file("app/.env.example", "A=\n");
    lab.home.file("app/db/.env.example", "A=\n");
    lab.bao.put(
        "secret/delete/proxmox-services/app/db",
        json!({"versions": [1]}),
    );
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    run(
        command
            .arg("inject")
            .current_dir(lab.home.lab().join("app/db")),
        "",
    )
    .exits(5)
    .says("claude-vault undelete app/db");
    assert!(!lab.home.lab().join("app/.env").exists());
}

#[test]
fn no_name_leads_out_of_the_root_or_through_a_link() {
    let lab = Lab::with("a/b", json!({"A": "1"}));
    let outside = lab.home.lab().parent().unwrap().join("outside");
    std::fs::create_dir_all(outside.join("b")).unwrap();
    std::fs::write(outside.join("b/.env.example"), "A=\n").unwrap();
    std::os::unix::fs::symlink(&outside, lab.home.lab().join("a")).unwrap();
    assert_ne!(lab.cv(["inject", "a/b", "--format", "env"]).status, 0);
    lab.cv(["inject", "--all"]).exits(5);
    assert!(!outside.join("b/.env").exists());
    for bad in [
        "a/../b",
        "a/.git",
        ".git/hooks",
        "/etc",
        "a//b",
        "a/b/c/d/e",
    ] {
        lab.cv(["inject", bad, "--format", "env"]).exits(2);
    }
}

#[test]
fn adopt_takes_the_service_of_the_folder_it_is_called_in() {
    let lab = Lab::new();
    lab.home.file(
        "media/sonarr/.env",
        "SONARR_API_KEY=0123456789abcdef0123456789abcdef\n",
    );
    let mut command = lab.home.command(env!("CARGO_BIN_EXE_claude-vault"));
    let here = lab.home.lab().join("media/sonarr");
    run(
        command.args(["adopt", "--no-confirm"]).current_dir(here),
        "",
    )
    .exits(0);
    assert_eq!(
        lab.stored("media/sonarr")["SONARR_API_KEY"],
        "0123456789abcdef0123456789abcdef"
    );
    assert!(
        lab.home
            .read("media/sonarr/.env")
            .contains("proxmox-services/media/sonarr (")
    );
    assert!(
        !lab.home.read(".claude-vault.toml").contains("media"),
        "a folder of the service's name needs no table"
    );
}

#[test]
fn a_folder_hidden_by_the_policy_is_reported_and_does_not_stop_the_list() {
    let mut lab = Lab::with("open/a", json!({"A": "1"}));
    lab.store("closed/b", json!({"A": "1"}));
    let policy = r#"
path "secret/metadata/proxmox-services/" { capabilities = ["list"] }
path "secret/metadata/proxmox-services/open/*" { capabilities = ["list"] }
"#;
    lab.bao
        .put("sys/policies/acl/some", json!({ "policy": policy }));
    let token = lab.bao.token(&["some"]);
    lab.home.set("VAULT_TOKEN", token);
    let listed = lab.cv(["list"]).exits(0).says("1 folder is not listed");
    assert_eq!(listed.stdout, "open/a\n");
}
