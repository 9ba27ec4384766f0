//! A cluster of three nodes: writes through a standby, and writes while the leader steps down.

use serde_json::json;

use crate::support::servers::free_port;
use crate::support::{Bao, Home, POLICY, eventually, http};

struct Cluster {
    nodes: Vec<Bao>,
    root: String,
    _storage: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        let storage = tempfile::tempdir().unwrap();
        let node = |number: usize| {
            let path = storage.path().join(format!("n{number}"));
            Bao::start_with(move |port| {
                // Keep the directory of an attempt whose port was taken.
                let path = path.join(port.to_string());
                std::fs::create_dir_all(&path).unwrap();
                format!(
                    "disable_mlock = true\nstorage \"raft\" {{ path = \"{}\"\nnode_id = \"n{number}\"\nperformance_multiplier = 1 }}\nlistener \"tcp\" {{ address = \"127.0.0.1:{port}\"\ncluster_address = \"127.0.0.1:{cluster}\"\ntls_disable = true }}\napi_addr = \"http://127.0.0.1:{port}\"\ncluster_addr = \"https://127.0.0.1:{cluster}\"\n",
                    path.display(),
                    cluster = free_port()
                )
            })
        };
        let nodes: Vec<Bao> = (0..3).map(node).collect();
        let keys = nodes[0].put_as(
            "",
            "sys/init",
            json!({"secret_shares": 1, "secret_threshold": 1}),
        );
        let (unseal, root) = (
            keys["keys"][0].as_str().unwrap().to_owned(),
            keys["root_token"].as_str().unwrap().to_owned(),
        );
        nodes[0].put_as("", "sys/unseal", json!({ "key": unseal }));
        for node in &nodes[1..] {
            let join = json!({"leader_api_addr": nodes[0].address}).to_string();
            eventually("the leader to take the node", || {
                (http::request(&node.address, "PUT", "sys/storage/raft/join", "", &join).0 == 200)
                    .then_some(())
            });
            eventually("the node to take the key", || {
                (http::request(
                    &node.address,
                    "PUT",
                    "sys/unseal",
                    "",
                    &json!({ "key": unseal }).to_string(),
                )
                .0 == 200)
                    .then_some(())
            });
        }
        let cluster = Self {
            nodes,
            root,
            _storage: storage,
        };
        cluster.wait_until_healthy();
        cluster.nodes[0].put_as(
            &cluster.root,
            "sys/mounts/secret",
            json!({"type": "kv", "options": {"version": "2"}}),
        );
        cluster.nodes[0].put_as(
            &cluster.root,
            "sys/policies/acl/homelab-services",
            json!({ "policy": POLICY }),
        );
        cluster
    }

    /// Waits until all three nodes are unsealed and agree on one leader.
    fn wait_until_healthy(&self) {
        eventually("the cluster", || {
            let leaders: Vec<String> = self.nodes.iter().map(|node| self.leader_by(node)).collect();
            (!leaders[0].is_empty() && leaders.iter().all(|leader| *leader == leaders[0]))
                .then_some(())
        });
    }

    fn leader_by(&self, node: &Bao) -> String {
        let (_, text) = http::request(&node.address, "GET", "sys/leader", "", "");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        value["leader_address"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn standby(&self) -> &Bao {
        let leader = self.leader_by(&self.nodes[0]);
        self.nodes
            .iter()
            .find(|node| node.address != leader)
            .unwrap()
    }

    fn stored(&self, service: &str) -> serde_json::Value {
        let leader = self.leader_by(&self.nodes[0]);
        let (_, text) = http::request(
            &leader,
            "GET",
            &format!("secret/data/proxmox-services/{service}"),
            &self.root,
            "",
        );
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["data"]["data"].clone()
    }
}

#[test]
fn writes_through_a_standby_are_neither_lost_nor_falsely_refused() {
    let cluster = Cluster::start();
    let mut home = Home::new();
    home.set("VAULT_ADDR", &cluster.standby().address);
    home.set("VAULT_TOKEN", &cluster.root);
    home.set("VAULT_MAX_RETRIES", "8"); // a busy machine has elections of its own
    // Each node prepares the mount by itself, and answers 400 until it has.
    eventually("every node to have the mount", || {
        let is_ready = |address: &str| {
            http::request(address, "GET", "secret/data/x", &cluster.root, "").0 == 404
        };
        let all = cluster.nodes.iter().all(|node| is_ready(&node.address));
        all.then_some(())
    });
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
    home.set("CLAUDE_VAULT_TRUSTED_HOSTS", "127.0.0.1"); // all nodes are ports of one host
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

    // Two people write while the leader steps down three times. Every acknowledged write must be
    // stored.
    let acknowledged = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for person in ["A", "B"] {
            let (home, acknowledged) = (&home, &acknowledged);
            scope.spawn(move || {
                for number in 0..25 {
                    let key = format!("{person}{number}");
                    let run = home.cv(["set", "plex", &format!("{key}=1"), "--no-confirm"]);
                    assert!(matches!(run.status, 0 | 7), "{}", run.stderr);
                    if run.status == 0 {
                        acknowledged.lock().unwrap().push(key);
                    }
                }
            });
        }
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(700));
            let leader = cluster.leader_by(&cluster.nodes[0]);
            if !leader.is_empty() {
                http::request(&leader, "PUT", "sys/step-down", &cluster.root, "{}");
            }
        }
    });
    cluster.wait_until_healthy();
    let stored = cluster.stored("plex");
    let acknowledged = acknowledged.into_inner().unwrap();
    for key in &acknowledged {
        assert_eq!(stored[key], "1", "{key} was acknowledged but is lost");
    }
    eprintln!("{} of 50 writes went through", acknowledged.len());
    assert!(acknowledged.len() >= 40);
}

#[test]
fn a_rename_through_a_standby_never_loses_both_names() {
    let cluster = Cluster::start();
    let mut home = Home::new();
    home.set("VAULT_ADDR", &cluster.standby().address);
    home.set("VAULT_TOKEN", &cluster.root);
    home.set("VAULT_MAX_RETRIES", "8");
    // Each node prepares the mount by itself, and answers 400 until it has.
    eventually("every node to have the mount", || {
        let is_ready = |address: &str| {
            http::request(address, "GET", "secret/data/x", &cluster.root, "").0 == 404
        };
        let all = cluster.nodes.iter().all(|node| is_ready(&node.address));
        all.then_some(())
    });
    home.cv(["set", "here", "A=1", "--no-confirm"]).exits(0);
    // Rename back and forth as fast as possible, so that the standby's view of either name is
    // stale: first without the leader in trusted_hosts, then with it.
    let (mut from, mut to) = ("here", "there");
    let mut done = 0;
    for number in 0..16 {
        if number == 8 {
            home.set("CLAUDE_VAULT_TRUSTED_HOSTS", "127.0.0.1");
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
    let mut home = Home::new();
    home.set("VAULT_ADDR", &cluster.standby().address);
    home.set("VAULT_TOKEN", &cluster.root);
    home.set("VAULT_MAX_RETRIES", "8");
    // Each node prepares the mount by itself, and answers 400 until it has.
    eventually("every node to have the mount", || {
        let is_ready = |address: &str| {
            http::request(address, "GET", "secret/data/x", &cluster.root, "").0 == 404
        };
        let all = cluster.nodes.iter().all(|node| is_ready(&node.address));
        all.then_some(())
    });
    home.set("CLAUDE_VAULT_TRUSTED_HOSTS", "127.0.0.1");
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
