//! What a real server refuses, and what is told of it.

use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{Bao, Home, Lab};

#[test]
fn no_session_no_address_and_nobody_there_are_told_apart() {
    let mut home = Home::new();
    home.cv(["list"]).exits(3).says("hint: source claude-vault login");
    home.set("VAULT_TOKEN", "x");
    home.cv(["list"]).exits(2).says("hint: export VAULT_ADDR=");
    home.set("VAULT_ADDR", format!("http://127.0.0.1:{}", free_port()));
    home.cv(["list"]).exits(7).says("connection refused");
    home.set("VAULT_ADDR", "http://vault.invalid:8200");
    home.cv(["list"]).exits(7).says("refusing to send a token");
    home.cv(["list", "--insecure-http"]).exits(7).says("the host name is not known");
}

#[test]
fn errors_are_two_lines_or_one_json_object() {
    let home = Home::new();
    let text = home.cv(["list"]).exits(3);
    assert_eq!(text.stderr.lines().count(), 2);
    let object = home.cv(["list", "--json"]).exits(3);
    assert_eq!((object.error()["code"].as_str(), object.stdout.as_str()), (Some("login_required"), ""));
    assert!(!object.error()["hint"].as_str().unwrap().is_empty());
    assert_eq!(home.cv(["list", "../x", "--json"]).exits(2).error()["code"], "invalid_arguments");
}

#[test]
fn a_403_is_a_dead_token_or_a_policy() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("VAULT_TOKEN", lab.bao.token(&["default"]));
    lab.cv(["get", "plex"]).exits(4).says("forbids read on secret/data/proxmox-services/plex");
    lab.home.set("VAULT_TOKEN", "hvs.dead");
    for arguments in [
        &["get", "plex"][..],
        &["list"],
        &["status"],
        &["inject", "plex", "--format", "env", "--file", "x"],
        &["set", "plex", "A=2", "--no-confirm"],
    ] {
        lab.cv(arguments).exits(3).says("has expired or was revoked");
    }
    // A live token that may not even look itself up.
    let bare = lab.bao.put("auth/token/create", json!({"policies": ["nothing"], "no_default_policy": true}));
    lab.home.set("VAULT_TOKEN", bare["auth"]["client_token"].as_str().unwrap());
    lab.cv(["get", "plex"]).exits(4);
}

#[test]
fn missing_mounts_old_mounts_and_namespaces_are_told_apart() {
    let mut lab = Lab::new();
    lab.home.set("VAULT_TOKEN", "root");
    lab.bao.put("sys/mounts/old", json!({"type": "kv", "options": {"version": "1"}}));
    lab.cv(["list", "--mount", "nowhere"]).exits(5).says("the KV mount nowhere/");
    lab.cv(["get", "plex", "--mount", "nowhere"]).exits(5).says("the KV mount nowhere/");
    lab.cv(["get", "plex", "--mount", "old"]).exits(1).says("KV version 1");
    lab.cv(["list", "--mount", "old"]).exits(1).says("enable-versioning old/");
    lab.cv(["set", "plex", "A=1", "--mount", "old", "--no-confirm"]).exits(1).says("KV version 1");
    lab.cv(["get", "plex", "--mount", "sys"]).exits(5);
    lab.home.set("VAULT_NAMESPACE", "team-x");
    lab.cv(["get", "plex"]).exits(5).says("check VAULT_NAMESPACE");
    lab.bao.put("sys/namespaces/team1", json!({}));
    lab.home.set("VAULT_NAMESPACE", "team1");
    lab.cv(["list"]).exits(5).says("the KV mount secret/");
}

#[test]
fn a_sealed_and_an_uninitialised_server_are_told() {
    let bao = Bao::start_with(|port| {
        format!("storage \"inmem\" {{}}\nlistener \"tcp\" {{ address = \"127.0.0.1:{port}\" tls_disable = true }}\n")
    });
    let mut home = Home::new();
    home.set("VAULT_ADDR", &bao.address);
    home.set("VAULT_TOKEN", "x");
    for arguments in [&["status"][..], &["list"], &["get", "plex"], &["set", "plex", "A=1", "--no-confirm"]] {
        home.cv(arguments).exits(7).says("is sealed");
    }
    assert_eq!(home.cv(["list", "--json"]).exits(7).error()["code"], "vault_sealed");
}

#[test]
fn a_rate_limit_is_told() {
    let mut lab = Lab::with("plex", json!({"A": "1"}));
    lab.home.set("VAULT_MAX_RETRIES", "0");
    lab.bao.put("sys/quotas/rate-limit/all", json!({"rate": 1, "interval": "60s", "path": "secret/"}));
    lab.cv(["get", "plex"]);
    lab.cv(["get", "plex"]).exits(7).says("rate limit quota exceeded");
}

#[test]
fn tls_is_verified_and_each_mistake_has_its_own_error() {
    let bao = Bao::start(&["-dev-tls"]);
    let ca = bao.dir.path().join("vault-ca.pem");
    let mut home = Home::new();
    home.set("VAULT_ADDR", &bao.address);
    home.set("VAULT_TOKEN", "root");
    home.cv(["list"]).exits(7).says("not trusted here").says("VAULT_CACERT");
    home.set("VAULT_CACERT", ca.to_string_lossy());
    home.cv(["list"]).exits(0);
    let port = bao.address.rsplit(':').next().unwrap().to_owned();
    home.set("VAULT_ADDR", format!("https://127.0.0.2:{port}"));
    home.cv(["list"]).exits(7);
    home.set("VAULT_ADDR", format!("http://127.0.0.1:{port}"));
    home.cv(["list"]).exits(7).says("set VAULT_ADDR to https://");
    // another CA than the one that signed
    let other = Bao::start(&["-dev-tls"]);
    home.set("VAULT_ADDR", &bao.address);
    home.set("VAULT_CACERT", other.dir.path().join("vault-ca.pem").to_string_lossy());
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
    home.cv(["list"]).exits(7).says("made for another name");
    home.set("VAULT_TLS_SERVER_NAME", "localhost");
    home.cv(["list"]).exits(0);
    home.set("VAULT_CACERT", home.file("broken.pem", "no certificate").to_string_lossy());
    home.cv(["list"]).exits(2).says("holds no PEM certificate");
    home.set("VAULT_CACERT", "/nowhere.pem");
    home.cv(["list"]).exits(1).says("/nowhere.pem");
    home.set("VAULT_CLIENT_CERT", "/nowhere.pem");
    home.cv(["list"]).exits(1);
}

#[test]
fn an_http_server_behind_an_https_address_is_told() {
    let bao = Bao::start(&[]);
    let mut home = Home::new();
    home.set("VAULT_ADDR", bao.address.replace("http:", "https:"));
    home.set("VAULT_TOKEN", "root");
    home.cv(["list"]).exits(7).says("does not speak https");
}
