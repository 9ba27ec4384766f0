//! Requests and answers that are lost, late or refused on the way to a real server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::mcp::Client;
use crate::support::{Lab, Proxy, Treatment, http};

/// A proxy that treats the first `count` requests with this method and part of a path in this way.
fn first(
    lab: &mut Lab,
    count: usize,
    method: &'static str,
    part: &'static str,
    treat: impl Fn() -> Treatment + Send + Sync + 'static,
) -> Proxy {
    let seen = AtomicUsize::new(0);
    let proxy = Proxy::treating(&lab.bao.address, move |asked, path| {
        let is_it = asked == method && path.contains(part);
        if is_it && seen.fetch_add(1, Ordering::SeqCst) < count {
            treat()
        } else {
            Treatment::Forward
        }
    });
    lab.home.set("VAULT_ADDR", &proxy.address);
    proxy
}

/// The number of requests for a service's values since the last call.
fn reads(proxy: &Proxy) -> usize {
    let paths = proxy.paths();
    paths.iter().filter(|path| path.contains("/data/")).count()
}

fn versions(lab: &Lab, service: &str) -> u64 {
    let path = format!("secret/metadata/proxmox-services/{service}");
    lab.bao.get(&path)["data"]["current_version"]
        .as_u64()
        .unwrap()
}

#[test]
fn a_write_whose_answer_is_lost_is_found_and_not_written_twice() {
    for lose in [|| Treatment::LoseAnswer, || Treatment::Lose] {
        let mut lab = Lab::new();
        let _proxy = first(&mut lab, 1, "PUT", "secret/data/", lose);
        let run = lab.cv(["set", "app", "A=1", "--no-confirm", "--json"]);
        assert_eq!(run.exits(0).json()["version"], 1);
        assert_eq!(versions(&lab, "app"), 1);
        assert_eq!(lab.stored("app"), json!({"A": "1"}));
    }
}

#[test]
fn metadata_whose_write_is_lost_is_written_again_before_a_rename_deletes_the_old_service() {
    let mut lab = Lab::new();
    lab.home.set("VAULT_TOKEN", "root");
    lab.cv(["set", "app", "A=1", "--owner", "alice", "--no-confirm"])
        .exits(0);
    let _proxy = first(&mut lab, 1, "PUT", "secret/metadata/", || Treatment::Lose);
    lab.cv(["rename", "app", "new", "--no-confirm"]).exits(0);
    let metadata = lab.bao.get("secret/metadata/proxmox-services/new");
    let custom = metadata["data"]["custom_metadata"].to_string();
    assert!(custom.contains("alice"), "{custom}");
    assert_eq!(lab.stored_or_null("app"), json!(null));
}

/// Each attempt needs a fresh look: somebody may have written meanwhile.
#[test]
fn a_deletion_of_everything_is_not_repeated_without_looking() {
    let mut lab = Lab::new();
    lab.home.set("VAULT_TOKEN", "root");
    lab.store("app", json!({"A": "1"}));
    let address = lab.bao.address.clone();
    let _proxy = first(&mut lab, 1, "DELETE", "secret/metadata/", move || {
        let body = json!({"data": {"A": "2"}}).to_string();
        http::request(
            &address,
            "PUT",
            "secret/data/proxmox-services/app",
            "root",
            &body,
        );
        Treatment::Answer("429 Too Many Requests\r\nRetry-After: 1")
    });
    lab.cv(["delete", "app", "--all-versions", "--confirm", "app"])
        .exits(6);
    assert_eq!(lab.stored("app"), json!({"A": "2"}));
}

#[test]
fn retry_after_is_followed_and_retries_are_counted() {
    let mut lab = Lab::new();
    lab.store("app", json!({"A": "1"}));
    let busy = || Treatment::Answer("429 Too Many Requests\r\nRetry-After: 1");
    let proxy = first(&mut lab, 1, "GET", "secret/data/", busy);
    let start = Instant::now();
    lab.cv(["get", "app", "A"]).exits(0);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(reads(&proxy), 2);

    for (retries, requests) in [("0", 1), ("1", 2), ("4", 5)] {
        let broken = || Treatment::Answer("500 Internal Server Error");
        let proxy = first(&mut lab, usize::MAX, "GET", "secret/data/", broken);
        lab.home.set("VAULT_MAX_RETRIES", retries);
        lab.cv(["get", "app", "A"]).exits(7);
        assert_eq!(reads(&proxy), requests, "{retries} retries");
    }
}

/// A name with two addresses, of which one is dead: the server is slow, and nobody took over.
#[test]
fn a_slow_server_is_waited_for_and_asked_once() {
    let mut lab = Lab::new();
    lab.store("app", json!({"A": "1"}));
    let slow = || Treatment::Delay(Duration::from_secs(5));
    let proxy = first(&mut lab, 1, "GET", "secret/data/", slow);
    let hosts = lab.home.file(
        "hosts",
        "127.0.0.1 vault.localhost\n127.0.0.2 vault.localhost\n",
    );
    lab.home.set("LD_PRELOAD", "libnss_wrapper.so");
    lab.home.set("NSS_WRAPPER_HOSTS", hosts.to_str().unwrap());
    let address = proxy.address.replace("127.0.0.1", "vault.localhost");
    lab.home.set("VAULT_ADDR", address);
    lab.cv(["get", "app", "A"]).exits(0);
    assert_eq!(reads(&proxy), 1);
}

/// The network's name service also answers for names below localhost.
#[test]
fn a_token_in_clear_goes_only_to_addresses_of_this_machine() {
    let mut lab = Lab::new();
    let hosts = lab.home.file("hosts", "192.0.2.1 vault.localhost\n");
    lab.home.set("LD_PRELOAD", "libnss_wrapper.so");
    lab.home.set("NSS_WRAPPER_HOSTS", hosts.to_str().unwrap());
    // The identity provider is found in the same way.
    let arguments = [
        "login",
        "--method",
        "jwt",
        "--issuer",
        "http://vault.localhost:8200",
    ];
    let script = format!(
        "source claude-vault {} --client-id cli",
        arguments.join(" ")
    );
    lab.home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    lab.home.install();
    lab.home
        .shell(&["bash"], &script)
        .says("the name has no address of this machine");
    lab.home.set("VAULT_TOKEN", "root");
    lab.home.set("VAULT_ADDR", "http://vault.localhost:8200");
    for arguments in [
        &["get", "app", "A"][..],
        &["set", "app", "A=1", "--no-confirm"],
    ] {
        lab.cv(arguments)
            .exits(7)
            .says("the name has no address of this machine");
    }
}

/// The time to wait belongs to one call of a tool, so an outage does not outlast itself.
#[test]
fn the_mcp_server_works_at_once_after_an_outage() {
    let mut lab = Lab::new();
    lab.store("app", json!({"A": "1"}));
    let is_down = Arc::new(Mutex::new(true));
    let down = is_down.clone();
    let proxy = Proxy::treating(&lab.bao.address, move |_, _| {
        if *down.lock().unwrap() {
            Treatment::Delay(Duration::from_secs(4))
        } else {
            Treatment::Forward
        }
    });
    lab.home.set("VAULT_ADDR", &proxy.address);
    lab.home.set("VAULT_CLIENT_TIMEOUT", "2s");
    let mut client = Client::start(&lab.home);
    client.call("vault_list", json!({})).unwrap_err();
    *is_down.lock().unwrap() = false;
    client.call("vault_list", json!({})).unwrap();
}
