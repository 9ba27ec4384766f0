//! A cluster of three nodes: changes through a standby.

use serde_json::json;

use crate::support::Home;
use crate::support::cluster::Cluster;

const NODES: &str = "127.0.0.1,127.0.0.2,127.0.0.3";

fn through_a_standby(cluster: &Cluster) -> Home {
    let mut home = cluster.home();
    home.set("VAULT_ADDR", cluster.address(cluster.standby()));
    home
}

#[test]
fn writes_through_a_standby_are_neither_lost_nor_falsely_refused() {
    let cluster = Cluster::start();
    let mut home = through_a_standby(&cluster);
    // Without the leader in trusted_hosts, every request goes through the standby, and the result
    // is the same.
    for number in 0..5 {
        home.cv([
            "set",
            "plex",
            &format!("K{number}={number}"),
            "--no-confirm",
        ])
        .exits(0);
    }
    home.set("CLAUDE_VAULT_TRUSTED_HOSTS", NODES);
    for number in 5..30 {
        home.cv([
            "set",
            "plex",
            &format!("K{number}={number}"),
            "--no-confirm",
        ])
        .exits(0);
    }
    let stored = cluster.stored("plex");
    assert_eq!(stored.as_object().unwrap().len(), 30);
}

#[test]
fn a_rename_through_a_standby_never_loses_both_names() {
    let cluster = Cluster::start();
    let mut home = through_a_standby(&cluster);
    home.cv(["set", "here", "A=1", "--no-confirm"]).exits(0);
    // Rename back and forth as fast as possible, so that the standby's view of either name is
    // stale: first without the leader in trusted_hosts, then with it.
    let (mut from, mut to) = ("here", "there");
    let mut done = 0;
    for number in 0..16 {
        if number == 8 {
            home.set("CLAUDE_VAULT_TRUSTED_HOSTS", NODES);
        }
        let run = home.cv(["rename", from, to, "--no-confirm"]);
        let live: Vec<&str> = [from, to]
            .into_iter()
            .filter(|name| cluster.stored(name) == json!({"A": "1"}))
            .collect();
        assert!(!live.is_empty(), "{number}: {}", run.stderr);
        match run.status {
            0 => {
                assert_eq!(live, [to], "{number}");
                std::mem::swap(&mut from, &mut to);
                done += 1;
            }
            // The program reports what a stale answer made it believe; a retry a moment later
            // succeeds.
            status => assert!(matches!(status, 5..=7), "{}", run.stderr),
        }
    }
    eprintln!("{done} of 16 renames went through at once");
    assert!(done >= 8);
}

/// A standby confirms the deletion of a version that it does not have yet. Only the state of the
/// active node counts.
#[test]
fn a_deletion_through_a_standby_takes_effect_on_the_active_node() {
    let cluster = Cluster::start();
    let mut home = through_a_standby(&cluster);
    home.set("CLAUDE_VAULT_TRUSTED_HOSTS", NODES);
    for number in 0..5 {
        let service = format!("s{number}");
        home.cv(["set", &service, "A=1", "--no-confirm"]).exits(0);
        home.cv(["delete", &service, "--no-confirm"]).exits(0);
        assert_eq!(cluster.stored(&service), serde_json::Value::Null);
        home.cv(["undelete", &service, "--no-confirm"]).exits(0);
        assert_eq!(cluster.stored(&service), json!({"A": "1"}));
        home.cv(["delete", &service, "--all-versions", "--confirm", &service])
            .exits(0);
        assert_eq!(cluster.stored(&service), serde_json::Value::Null);
    }
}
