//! A cluster of three OpenBao nodes with raft storage. Each node has its own loopback address, and
//! one name leads to all three.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::servers::{Provider, free_port, oidc_settings};
use super::{Home, POLICY, eventually, ground, http};

/// The name of all three addresses. Plain http is allowed for names below `localhost`.
pub const NAME: &str = "vault.localhost";

/// What happens to the leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `kill -9`. The node is started again afterwards.
    Kill,
    StepDown,
    /// The node is unsealed afterwards.
    Seal,
    /// SIGSTOP: connections stay open, and nothing answers. SIGCONT afterwards.
    Stop,
}

pub struct Cluster {
    nodes: Vec<Node>,
    port: u16,
    key: String,
    pub root: String,
    dir: tempfile::TempDir,
}

struct Node {
    child: Mutex<Child>,
    config: PathBuf,
    address: String,
}

impl Cluster {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, internal) = (free_port(), free_port());
        let nodes: Vec<Node> = (1..=3)
            .map(|number| {
                let storage = dir.path().join(format!("n{number}"));
                std::fs::create_dir(&storage).unwrap();
                let config = dir.path().join(format!("n{number}.hcl"));
                let text = format!(
                    "disable_mlock = true\n\
                     storage \"raft\" {{ path = \"{}\"\nnode_id = \"n{number}\"\nperformance_multiplier = 1 }}\n\
                     listener \"tcp\" {{ address = \"127.0.0.{number}:{port}\"\n\
                     cluster_address = \"127.0.0.{number}:{internal}\"\ntls_disable = true }}\n\
                     api_addr = \"http://127.0.0.{number}:{port}\"\n\
                     cluster_addr = \"https://127.0.0.{number}:{internal}\"\n",
                    storage.display(),
                );
                std::fs::write(&config, text).unwrap();
                Node {
                    child: Mutex::new(launch(&config)),
                    config,
                    address: format!("http://127.0.0.{number}:{port}"),
                }
            })
            .collect();
        let mut cluster = Self {
            nodes,
            port,
            key: String::new(),
            root: String::new(),
            dir,
        };
        cluster.set_up();
        cluster
    }

    fn set_up(&mut self) {
        let first = self.address(0).to_owned();
        self.wait_for_answer(0);
        let init = json!({"secret_shares": 1, "secret_threshold": 1}).to_string();
        let (status, text) = http::attempt(&first, "PUT", "sys/init", "", &init);
        assert_eq!(status, 200, "{text}");
        let keys: Value = serde_json::from_str(&text).unwrap();
        self.key = keys["keys"][0].as_str().unwrap().to_owned();
        self.root = keys["root_token"].as_str().unwrap().to_owned();
        self.unseal(0);
        for number in 1..3 {
            self.wait_for_answer(number);
            let join = json!({"leader_api_addr": first}).to_string();
            eventually("the leader to take the node", || {
                let path = "sys/storage/raft/join";
                (http::attempt(self.address(number), "PUT", path, "", &join).0 == 200).then_some(())
            });
            self.unseal(number);
        }
        self.wait_until_healthy();
        self.put(
            "sys/mounts/secret",
            &json!({"type": "kv", "options": {"version": "2"}}),
        );
        self.put(
            "sys/policies/acl/homelab-services",
            &json!({ "policy": POLICY }),
        );
        // Each node prepares the mount by itself, and answers 400 until it has.
        for number in 0..3 {
            eventually("the node to have the mount", || {
                let address = self.address(number);
                (http::attempt(address, "GET", "secret/data/x", &self.root, "").0 == 404)
                    .then_some(())
            });
        }
        self.put("secret/config", &json!({"max_versions": 5000}));
    }

    /// The address of a node, for example `http://127.0.0.2:8200`.
    pub fn address(&self, number: usize) -> &str {
        &self.nodes[number].address
    }

    /// A home whose `VAULT_ADDR` is the name with three addresses.
    pub fn home(&self) -> Home {
        let hosts = self.dir.path().join("hosts");
        let lines: Vec<String> = (1..=3)
            .map(|number| format!("127.0.0.{number} {NAME}\n"))
            .collect();
        std::fs::write(&hosts, lines.concat()).unwrap();
        let mut home = Home::new();
        // Debian's libnss-wrapper reads this file instead of /etc/hosts.
        home.set("LD_PRELOAD", "libnss_wrapper.so");
        home.set("NSS_WRAPPER_HOSTS", hosts.to_str().unwrap());
        home.set("VAULT_ADDR", format!("http://{NAME}:{}", self.port));
        home.set("VAULT_TOKEN", &self.root);
        home
    }

    /// The number of the active node, if there is one that says so itself.
    pub fn leader(&self) -> Option<usize> {
        (0..3).find(|number| self.leader_by(*number)["is_self"] == true)
    }

    #[track_caller]
    pub fn wait_for_leader(&self) -> usize {
        eventually("a leader", || self.leader())
    }

    pub fn standby(&self) -> usize {
        let leader = self.wait_for_leader();
        (0..3).find(|number| *number != leader).unwrap()
    }

    /// Waits until all three nodes are unsealed voters and agree on one leader.
    #[track_caller]
    pub fn wait_until_healthy(&self) {
        eventually("a healthy cluster", || {
            let said: Vec<Value> = (0..3).map(|number| self.leader_by(number)).collect();
            let leader = said[0]["leader_address"]
                .as_str()
                .filter(|a| !a.is_empty())?;
            let agree = said.iter().all(|one| one["leader_address"] == leader);
            let path = "sys/storage/raft/configuration";
            let (_, text) = http::attempt(leader, "GET", path, &self.root, "");
            let peers: Value = serde_json::from_str(&text).unwrap_or_default();
            let peers = peers["data"]["config"]["servers"].as_array()?;
            let voters = peers.iter().filter(|peer| peer["voter"] == true).count();
            (agree && voters == 3).then_some(())
        });
    }

    fn leader_by(&self, number: usize) -> Value {
        let (_, text) = http::attempt(self.address(number), "GET", "sys/leader", "", "");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Does this to the leader, and returns its number.
    pub fn strike(&self, fault: Fault) -> usize {
        let leader = self.wait_for_leader();
        let put = |path: &str| http::attempt(self.address(leader), "PUT", path, &self.root, "{}");
        match fault {
            Fault::Kill => self.signal(leader, "KILL"),
            Fault::Stop => self.signal(leader, "STOP"),
            Fault::StepDown => drop(put("sys/step-down")),
            Fault::Seal => drop(put("sys/seal")),
        }
        leader
    }

    pub fn seal(&self, number: usize) {
        let address = self.address(number);
        http::attempt(address, "PUT", "sys/seal", &self.root, "{}");
    }

    /// Waits until every node has a service.
    pub fn wait_until_all_have(&self, service: &str) {
        let path = format!("secret/data/proxmox-services/{service}");
        for number in 0..3 {
            eventually("the node to have the service", || {
                let address = self.address(number);
                (http::attempt(address, "GET", &path, &self.root, "").0 == 200).then_some(())
            });
        }
    }

    /// Lets a stopped node go on.
    pub fn wake(&self, number: usize) {
        self.signal(number, "CONT");
    }

    /// Adds an OIDC login through `provider`.
    pub fn add_oidc(&self, provider: &Provider) {
        for (path, body) in oidc_settings(provider) {
            self.put(&path, &body);
        }
    }

    /// Brings the node back, and waits until the cluster is healthy.
    #[track_caller]
    pub fn repair(&self, fault: Fault, number: usize) {
        match fault {
            Fault::Kill => {
                let node = &self.nodes[number];
                let mut child = node.child.lock().unwrap();
                let _ = child.wait();
                *child = launch(&node.config);
                drop(child);
                self.wait_for_answer(number);
                self.unseal(number);
            }
            Fault::Stop => self.signal(number, "CONT"),
            Fault::Seal => self.unseal(number),
            Fault::StepDown => {}
        }
        self.wait_until_healthy();
    }

    fn signal(&self, number: usize, name: &str) {
        let pid = self.nodes[number].child.lock().unwrap().id();
        let status = Command::new("kill")
            .args([format!("-{name}"), pid.to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    fn unseal(&self, number: usize) {
        let body = json!({ "key": self.key }).to_string();
        eventually("the node to take the key", || {
            (http::attempt(self.address(number), "PUT", "sys/unseal", "", &body).0 == 200)
                .then_some(())
        });
    }

    fn wait_for_answer(&self, number: usize) {
        eventually("the node to answer", || {
            let status = http::attempt(self.address(number), "GET", "sys/health", "", "").0;
            matches!(status, 200 | 429 | 501 | 503).then_some(())
        });
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) {
        let leader = self.wait_for_leader();
        let address = self.address(leader);
        let (status, text) = http::attempt(address, "PUT", path, &self.root, &body.to_string());
        assert!(matches!(status, 200 | 204), "PUT {path}: {status} {text}");
    }

    /// The keys and values of a service, as the leader has them; null if there are none.
    pub fn stored(&self, service: &str) -> Value {
        self.get(&format!("secret/data/proxmox-services/{service}"))["data"]["data"].clone()
    }

    /// A GET at the leader.
    pub fn get(&self, path: &str) -> Value {
        let leader = self.wait_for_leader();
        let (_, text) = http::attempt(self.address(leader), "GET", path, &self.root, "");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &self.nodes {
            if let Ok(mut child) = node.child.lock() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn launch(config: &std::path::Path) -> Child {
    let log = std::fs::File::create(config.with_extension("log")).unwrap();
    Command::new(ground().join("bin/bao"))
        .arg("server")
        .arg(format!("-config={}", config.display()))
        .env_clear()
        .env("HOME", config.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| panic!("OpenBao is missing; run tests/run, which fetches it: {e}"))
}
