//! What a real server refuses, and how the error is reported.

use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{Bao, Home, Lab};

#[test]
fn a_missing_session_a_missing_address_and_an_unreachable_server_are_told_apart() {
    let mut home = Home::new();
    home.cv(["list"])
        .exits(3)
        .says("hint: source claude-vault login");
    home.set("VAULT_TOKEN", "x");
    home.cv(["list"]).exits(2).says("hint: export VAULT_ADDR=");
    home.set("VAULT_ADDR", format!("http://127.0.0.1:{}", free_port()));
    home.cv(["list"]).exits(7).says("connection refused");
    home.set("VAULT_ADDR", "http://vault.invalid:8200");
    home.cv(["list"]).exits(7).says("refusing to send a token");
    home.cv(["list", "--insecure-http"])
        .exits(7)
        .says("the host name is not known");
}

#[test]
fn errors_are_two_lines_or_one_json_object() {
    let home = Home::new();
    let text = home.cv(["list"]).exits(3);
    assert_eq!(text.stderr.lines().count(), 2);
    let object = home.cv(["list", "--json"]).exits(3);
    assert_eq!(
        (object.error()["code"].as_str(), object.stdout.as_str()),
        (Some("login_required"), "")
    );
    assert!(!object.error()["hint"].as_str().unwrap().is_empty());
    assert_eq!(
        home.cv(["list", "../x", "--json"]).exits(2).error()["code"],
        "invalid_arguments"
    );
}

#[test]
fn a_403_is_reported_as_a_dead_token_or_a_denied_policy() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("VAULT_TOKEN", lab.bao.token(&["default"]));
    lab.cv(["get", "plex"])
        .exits(4)
        .says("forbids read on secret/data/proxmox-services/plex");
    lab.home.set("VAULT_TOKEN", "hvs.dead");
    for arguments in [
        &["get", "plex"][..],
        &["list"],
        &["status"],
        &["inject", "plex", "--format", "env", "--file", "x"],
        &["set", "plex", "A=2", "--no-confirm"],
    ] {
        lab.cv(arguments)
            .exits(3)
            .says("has expired or was revoked");
    }
    // A live token that may not even look itself up.
    let bare = lab.bao.put(
        "auth/token/create",
        json!({"policies": ["nothing"], "no_default_policy": true}),
    );
    lab.home.set(
        "VAULT_TOKEN",
        bare["auth"]["client_token"].as_str().unwrap(),
    );
    lab.cv(["get", "plex"]).exits(4);
}

#[test]
fn missing_mounts_old_mounts_and_namespaces_are_told_apart() {
    let mut lab = Lab::new();
    lab.home.set("VAULT_TOKEN", "root");
    lab.bao.put(
        "sys/mounts/old",
        json!({"type": "kv", "options": {"version": "1"}}),
    );
    lab.cv(["list", "--mount", "nowhere"])
        .exits(5)
        .says("the KV mount nowhere/");
    lab.cv(["get", "plex", "--mount", "nowhere"])
        .exits(5)
        .says("the KV mount nowhere/");
    lab.cv(["get", "plex", "--mount", "old"])
        .exits(1)
        .says("KV version 1");
    lab.cv(["list", "--mount", "old"])
        .exits(1)
        .says("enable-versioning old/");
    lab.cv(["set", "plex", "A=1", "--mount", "old", "--no-confirm"])
        .exits(1)
        .says("KV version 1");
    lab.cv(["get", "plex", "--mount", "sys"]).exits(5);
    lab.home.set("VAULT_NAMESPACE", "team-x");
    lab.cv(["get", "plex"])
        .exits(5)
        .says("check VAULT_NAMESPACE");
    lab.bao.put("sys/namespaces/team1", json!({}));
    lab.home.set("VAULT_NAMESPACE", "team1");
    lab.cv(["list"]).exits(5).says("the KV mount secret/");
}

#[test]
fn a_sealed_and_an_uninitialised_server_are_reported() {
    let bao = Bao::start_with(|port| {
        format!(
            "storage \"inmem\" {{}}\nlistener \"tcp\" {{ address = \"127.0.0.1:{port}\" tls_disable = true }}\n"
        )
    });
    let mut home = Home::new();
    home.set("VAULT_ADDR", &bao.address);
    home.set("VAULT_TOKEN", "x");
    for arguments in [
        &["status"][..],
        &["list"],
        &["get", "plex"],
        &["set", "plex", "A=1", "--no-confirm"],
    ] {
        home.cv(arguments).exits(7).says("is sealed");
    }
    assert_eq!(
        home.cv(["list", "--json"]).exits(7).error()["code"],
        "vault_sealed"
    );
}

#[test]
fn a_rate_limit_is_reported() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("VAULT_MAX_RETRIES", "0");
    lab.bao.put(
        "sys/quotas/rate-limit/all",
        json!({"rate": 1, "interval": "60s", "path": "secret/"}),
    );
    lab.cv(["get", "plex"]);
    lab.cv(["get", "plex"])
        .exits(7)
        .says("rate limit quota exceeded");
}

#[test]
fn tls_is_verified_and_each_mistake_has_its_own_error() {
    let bao = Bao::start(&["-dev-tls"]);
    let ca = bao.dir.path().join("vault-ca.pem");
    let mut home = Home::new();
    home.set("VAULT_ADDR", &bao.address);
    home.set("VAULT_TOKEN", "root");
    home.cv(["list"])
        .exits(7)
        .says("not trusted here")
        .says("VAULT_CACERT");
    home.set("VAULT_CACERT", ca.to_string_lossy());
    home.cv(["list"]).exits(0);
    let port = bao.address.rsplit(':').next().unwrap().to_owned();
    home.set("VAULT_ADDR", format!("https://127.0.0.2:{port}"));
    home.cv(["list"]).exits(7);
    home.set("VAULT_ADDR", format!("http://127.0.0.1:{port}"));
    home.cv(["list"])
        .exits(7)
        .says("set VAULT_ADDR to https://");
    // A CA other than the one that signed.
    let other = Bao::start(&["-dev-tls"]);
    home.set("VAULT_ADDR", &bao.address);
    home.set(
        "VAULT_CACERT",
        other.dir.path().join("vault-ca.pem").to_string_lossy(),
    );
    home.cv(["list"]).exits(7).says("not trusted here");
    home.set("VAULT_SKIP_VERIFY", "true");
    home.cv(["list"]).exits(0).says("VAULT_SKIP_VERIFY is set");
}

#[test]
fn a_folder_of_authorities_a_server_name_and_broken_files_work_as_in_vault() {
    let bao = Bao::start(&["-dev-tls"]);
    let mut home = Home::new();
    home.set("VAULT_TOKEN", "root");
    home.set("VAULT_ADDR", &bao.address);
    let folder = home.lab().join("ca");
    std::fs::create_dir(&folder).unwrap();
    home.set("VAULT_CAPATH", folder.to_string_lossy());
    home.cv(["list"]).exits(2).says("holds no certificate");
    std::fs::copy(bao.dir.path().join("vault-ca.pem"), folder.join("ca.pem")).unwrap();
    home.cv(["list"]).exits(0);
    home.set("VAULT_TLS_SERVER_NAME", "wrong.example");
    home.cv(["list"]).exits(7).says("for another host name");
    home.set("VAULT_TLS_SERVER_NAME", "localhost");
    home.cv(["list"]).exits(0);
    home.set(
        "VAULT_CACERT",
        home.file("broken.pem", "no certificate").to_string_lossy(),
    );
    home.cv(["list"]).exits(2).says("holds no PEM certificate");
    home.set("VAULT_CACERT", "/nowhere.pem");
    home.cv(["list"]).exits(1).says("/nowhere.pem");
    home.set("VAULT_CLIENT_CERT", "/nowhere.pem");
    home.cv(["list"]).exits(1);
}

#[test]
fn an_http_server_behind_an_https_address_is_reported() {
    let bao = Bao::start(&[]);
    let mut home = Home::new();
    home.set("VAULT_ADDR", bao.address.replace("http:", "https:"));
    home.set("VAULT_TOKEN", "root");
    home.cv(["list"]).exits(7).says("does not speak https");
}

/// A wrong command line, words of the error, and the start of the hint.
const WRONG: [(&str, &str, &str); 20] = [
    (
        "lsit plex",
        "there is no command lsit",
        "claude-vault list plex   (did you mean list?)",
    ),
    ("lst --json", "\"there is no command lst\"", ""),
    ("hsitory plex", "there is no command hsitory", ""),
    (
        "login-status",
        "there is no command login-status",
        "claude-vault status",
    ),
    (
        "whoami",
        "there is no command whoami",
        "claude-vault status",
    ),
    (
        "read plex A",
        "there is no command read",
        "claude-vault get plex A",
    ),
    (
        "write plex A hunter2",
        "there is no command write",
        "claude-vault set plex A",
    ),
    (
        "token",
        "there is no command token",
        "source claude-vault login",
    ),
    (
        "import plex",
        "there is no command import",
        "claude-vault adopt plex",
    ),
    (
        "env plex",
        "there is no command env",
        "claude-vault exec plex -- env",
    ),
    (
        "config set address",
        "there is no command config set",
        "claude-vault config edit",
    ),
    (
        "approve lst",
        "there is no command approve lst",
        "claude-vault approve list",
    ),
    (
        "list --jsno",
        "list has no option --jsno",
        "claude-vault list --json   (did you mean --json?)",
    ),
    (
        "scan --sariff",
        "scan has no option --sariff",
        "claude-vault scan --sarif",
    ),
    (
        "status --color=nevre",
        "--color is not one of: auto, always, never",
        "claude-vault status --color=never",
    ),
    (
        "login --method oicd",
        "--method is not one of: oidc",
        "source claude-vault login --method oidc",
    ),
    (
        "get",
        "SERVICE is missing",
        "claude-vault get jellyfin API_KEY",
    ),
    (
        "exec plex",
        "COMMAND is missing",
        "claude-vault exec plex -- COMMAND",
    ),
    (
        "status more",
        "status got too many arguments",
        "claude-vault help status",
    ),
    ("scan --json --sarif", "cannot be used with", ""),
];

#[test]
fn an_error_names_the_word_it_is_about_and_what_was_meant() {
    let home = Home::new();
    for (line, error, hint) in WRONG {
        let run = home.cv(line.split(' ')).exits(2);
        assert!(run.stderr.contains(error), "{line}: {}", run.stderr);
        assert!(
            hint.is_empty() || run.stderr.contains(&format!("hint: {hint}")),
            "{line}: {}",
            run.stderr
        );
    }
}

#[test]
fn no_error_repeats_a_word_that_may_be_a_secret() {
    let home = Home::new();
    for line in [
        "S3cret-word",
        "hunter2 plex",
        "ste plex A=S3cret-word",
        "ste plex PASSWORD hunter2",
        "write plex A S3cret-word",
        "status S3cret-word",
        "status --S3cret-word",
        "list plex --jsno=S3cret-word",
        "list --color S3cret-word",
        "login --port S3cret-word",
        "help S3cret-word",
        "approve S3cret-word",
        "get plex gAAAAABmYk3QxV0c9J1mFh7ZqkW8nTzR2yUe --jsno",
        "raed gAAAAABmYk3QxV0c9J1mFh7ZqkW8nTzR2yUe",
        "exec plex --onyl A -- mysql -pS3cret-word",
    ] {
        let run = home.cv(line.split(' '));
        let all = run.all();
        assert_ne!(run.status, 0, "{line}: {all}");
        for secret in ["S3cret", "hunter2", "gAAAA"] {
            assert!(!all.contains(secret), "{line}: {all}");
        }
    }
}

#[test]
fn a_mistyped_service_or_key_gets_a_suggestion_and_the_same_exit_status() {
    let lab = Lab::with("jellyfin", json!({"API_KEY": "1", "odd key": "2"}));
    lab.store("media/sonarr", json!({"TOKEN": "1"}));
    for (line, hint) in [
        (
            "get jelyfin API_KEY",
            "claude-vault get jellyfin API_KEY   (did you mean jellyfin?)",
        ),
        (
            "get jellyfin API_KYE",
            "claude-vault get jellyfin API_KEY   (did you mean API_KEY?)",
        ),
        (
            "get jellyfin api_key",
            "claude-vault get jellyfin API_KEY   (did you mean API_KEY?)",
        ),
        ("list --json jelyfin", "claude-vault list --json jellyfin"),
        ("get media/sonar", "claude-vault get media/sonarr"),
    ] {
        let run = lab.cv(line.split(' ')).exits(5);
        assert!(run.stderr.contains(hint), "{line}: {}", run.stderr);
    }
    let far = lab.cv(["get", "plex", "A"]).exits(5);
    assert!(!far.stderr.contains("did you mean"), "{}", far.stderr);
}
