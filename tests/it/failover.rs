//! Failovers of a cluster of three nodes behind one name: commands wait and then succeed, and no
//! write is lost, doubled or misreported.
//!
//! `FAILOVER_ROUNDS` and `FAILOVER_READS` change the number of failovers of each kind and of reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::mcp::{Client, come_back};
use crate::support::cluster::{Cluster, Fault, NAME};
use crate::support::servers::free_port;
use crate::support::{Home, Provider, eventually, ground};

const WRITERS: usize = 8;
const SERVICES: usize = 4;
const WRITES_PER_ROUND: usize = 100;

fn number_from(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// One acknowledged write.
struct Write {
    service: String,
    version: u64,
    key: String,
    value: String,
}

/// Eight writers change four services while the leader fails, again and again.
struct Storm<'a> {
    cluster: &'a Cluster,
    homes: Vec<Home>,
    writes: Mutex<Vec<Write>>,
    failed: Mutex<Vec<String>>,
    longest: Mutex<Duration>,
}

impl<'a> Storm<'a> {
    fn new(cluster: &'a Cluster, home: impl Fn() -> Home) -> Self {
        Self {
            cluster,
            homes: (0..WRITERS).map(|_| home()).collect(),
            writes: Mutex::default(),
            failed: Mutex::default(),
            longest: Mutex::default(),
        }
    }

    /// Runs one round: the leader fails after a third of the writes.
    fn round(&self, number: usize, fault: Fault) {
        let next = AtomicUsize::new(0);
        let struck = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (writer, home) in self.homes.iter().enumerate() {
                let (next, struck) = (&next, &struck);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        if at >= WRITES_PER_ROUND {
                            break;
                        }
                        // Some writes must be left for the time after the fault.
                        if at >= WRITES_PER_ROUND / 2 {
                            eventually("the fault", || struck.load(Ordering::SeqCst).then_some(()));
                        }
                        self.write(home, writer, number * WRITES_PER_ROUND + at);
                    }
                });
            }
            eventually("a third of the writes", || {
                (next.load(Ordering::SeqCst) > WRITES_PER_ROUND / 3).then_some(())
            });
            let leader = self.cluster.strike(fault);
            struck.store(true, Ordering::SeqCst);
            // A stopped leader is replaced, and wakes up while the writers go on.
            if fault != Fault::StepDown {
                eventually("another leader", || {
                    self.cluster.leader().filter(|now| *now != leader)
                });
            }
            self.cluster.repair(fault, leader);
        });
    }

    fn write(&self, home: &Home, writer: usize, number: usize) {
        let service = format!("s{}", number % SERVICES);
        let (key, value) = (format!("W{writer}_{}", number % 10), format!("v{number}"));
        let start = Instant::now();
        let assignment = format!("{key}={value}");
        let run = home.cv(["set", &service, &assignment, "--no-confirm", "--json"]);
        let mut longest = self.longest.lock().unwrap();
        *longest = (*longest).max(start.elapsed());
        drop(longest);
        if run.status != 0 {
            let failure = format!("{number}: exit {}: {}", run.status, run.stderr);
            return self.failed.lock().unwrap().push(failure);
        }
        let reply = run.json();
        assert_ne!(reply["outcome"], "unchanged", "{reply}");
        self.writes.lock().unwrap().push(Write {
            service,
            version: reply["version"].as_u64().unwrap(),
            key,
            value,
        });
    }

    /// Compares what was acknowledged with every version that the cluster has.
    fn check(&self) {
        let failed = self.failed.lock().unwrap();
        assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
        let writes = self.writes.lock().unwrap();
        for number in 0..SERVICES {
            let service = format!("s{number}");
            let own: BTreeMap<u64, &Write> = writes
                .iter()
                .filter(|write| write.service == service)
                .map(|write| (write.version, write))
                .collect();
            let count = writes.iter().filter(|w| w.service == service).count();
            assert_eq!(own.len(), count, "{service}: two writes report one version");
            let versions: BTreeSet<u64> = own.keys().copied().collect();
            let current = self
                .cluster
                .get(&format!("secret/metadata/proxmox-services/{service}"));
            let current = current["data"]["current_version"].as_u64().unwrap();
            assert_eq!(
                versions,
                (1..=current).collect(),
                "{service}: a version was written that nobody reports, or the reverse"
            );
            self.check_each_version(&service, &own);
        }
        eprintln!(
            "{} writes, 0 failed, 0 lost, 0 doubled; the longest took {:.1} s",
            writes.len(),
            self.longest.lock().unwrap().as_secs_f64()
        );
    }

    /// Each version must change exactly the one key that its writer set.
    fn check_each_version(&self, service: &str, own: &BTreeMap<u64, &Write>) {
        let mut expected = serde_json::Map::new();
        for (version, write) in own {
            expected.insert(write.key.clone(), json!(write.value));
            let path = format!("secret/data/proxmox-services/{service}?version={version}");
            let stored = self.cluster.get(&path)["data"]["data"].clone();
            assert_eq!(stored, json!(expected), "{service}, version {version}");
        }
    }
}

fn survive(fault: Fault, usual_rounds: usize) {
    let cluster = Cluster::start();
    let storm = Storm::new(&cluster, || cluster.home());
    for round in 0..number_from("FAILOVER_ROUNDS", usual_rounds) {
        storm.round(round, fault);
    }
    storm.check();
}

#[test]
fn a_thousand_writes_survive_ten_kills_of_the_leader() {
    survive(Fault::Kill, 10);
}

#[test]
fn writes_survive_a_leader_that_steps_down() {
    survive(Fault::StepDown, 2);
}

#[test]
fn writes_survive_a_leader_that_is_sealed() {
    survive(Fault::Seal, 2);
}

#[test]
fn writes_survive_a_leader_that_stops_answering() {
    survive(Fault::Stop, 1);
}

/// Through one standby, with and without trust in the other nodes. The standby redirects to the
/// dead leader until there is a new one.
#[test]
fn writes_through_one_standby_survive_the_leader() {
    let all = "127.0.0.1,127.0.0.2,127.0.0.3";
    for (trusted, fault) in [("", Fault::Kill), (all, Fault::Kill), (all, Fault::Stop)] {
        let cluster = Cluster::start();
        let standby = cluster.standby();
        let storm = Storm::new(&cluster, || {
            let mut home = cluster.home();
            home.set("VAULT_ADDR", cluster.address(standby));
            home.set("CLAUDE_VAULT_TRUSTED_HOSTS", trusted);
            home
        });
        storm.round(0, fault);
        storm.check();
    }
}

/// A read that prepares a change must show at least the last version that was acknowledged before
/// it began.
#[test]
fn a_read_that_decides_is_never_stale() {
    let cluster = Cluster::start();
    let home = cluster.home();
    home.cv(["set", "s", "N=0", "--no-confirm"]).exits(0);
    let reads = number_from("FAILOVER_READS", 400);
    let (newest, done) = (AtomicU64::new(1), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let (home, newest, done) = (&home, &newest, &done);
        scope.spawn(move || {
            while done.load(Ordering::SeqCst) < reads {
                let value = format!("N={}", newest.load(Ordering::SeqCst));
                let run = home.cv(["set", "s", &value, "--no-confirm", "--json"]);
                let reply = run.exits(0).json();
                newest.store(reply["version"].as_u64().unwrap(), Ordering::SeqCst);
            }
        });
        for _ in 0..4 {
            scope.spawn(move || {
                while done.fetch_add(1, Ordering::SeqCst) < reads {
                    let before = newest.load(Ordering::SeqCst);
                    let run = home.cv(["set", "s", "OTHER=1", "--dry-run", "--json"]);
                    let seen = run.exits(0).json()["version"].as_u64().unwrap();
                    assert!(seen >= before, "read version {seen} after {before}");
                }
            });
        }
        for quarter in 1..4 {
            eventually("a quarter of the reads", || {
                (done.load(Ordering::SeqCst) > reads * quarter / 4).then_some(())
            });
            cluster.strike(Fault::StepDown);
        }
    });
}

/// The storm's kind of check for one command: it starts while there is no leader.
fn without_leader<T>(cluster: &Cluster, command: impl FnOnce() -> T) -> T {
    let struck = cluster.strike(Fault::Kill);
    let outcome = command();
    cluster.repair(Fault::Kill, struck);
    outcome
}

#[test]
fn inject_exec_and_login_wait_for_a_leader() {
    let cluster = Cluster::start();
    let mut home = cluster.home();
    for number in 0..12 {
        let service = format!("app{number}");
        let value = format!("A=value {number}");
        home.cv(["set", &service, &value, "--no-confirm"]).exits(0);
        home.file(&format!("{service}/.env.example"), "A=\n");
    }
    // A standby lists services from its own state.
    cluster.wait_until_all_have("app11");
    without_leader(&cluster, || home.cv(["inject", "--all"]).exits(0));
    for number in 0..12 {
        let text = home.read(&format!("app{number}/.env"));
        assert!(text.contains(&format!("value {number}")), "{text}");
    }
    let run = without_leader(&cluster, || {
        home.cv(["exec", "app3", "--", "printenv", "A"]).exits(0)
    });
    assert_eq!(run.stdout, "value 3\n");

    let provider = Provider::start();
    cluster.add_oidc(&provider);
    home.variables.retain(|(name, _)| name != "VAULT_TOKEN");
    home.set("BROWSER", ground().join("browser.sh").to_string_lossy());
    home.set("CLAUDE_VAULT_PORT", free_port().to_string());
    home.install();
    let script = "source claude-vault login --timeout 60; echo \"$?|$VAULT_TOKEN\"";
    let run = without_leader(&cluster, || home.shell(&["bash"], script).exits(0));
    assert!(run.stdout.starts_with("0|"), "{}", run.all());
}

/// The approval was for exactly one write, and the leader dies between the two.
#[test]
fn a_plan_approved_before_a_failover_is_written_once_after_it() {
    let cluster = Cluster::start();
    let mut home = cluster.home();
    home.cv(["set", "app", "A=1", "--no-confirm"]).exits(0);
    home.set("CLAUDE_VAULT_MCP_WAIT", "0");
    let mut client = Client::start(&home);
    for round in 1..=3 {
        let arguments = json!({"service": "app", "generate": {"B": 24}});
        let reply = client.call("vault_set", arguments.clone()).unwrap_err();
        assert!(reply.starts_with("approval_pending: "), "{reply}");
        let outcome = without_leader(&cluster, || {
            let mut person = crate::terminal::cv(&home, &["approve", "pending"]);
            person.exp_string("Type yes").unwrap();
            person.send_line("yes").unwrap();
            person.exp_eof().unwrap();
            come_back(&mut client, "vault_set", arguments.clone(), &reply)
        });
        assert_eq!(outcome.unwrap()["version"], round + 1);
        let metadata = cluster.get("secret/metadata/proxmox-services/app");
        assert_eq!(metadata["data"]["current_version"], round + 1);
    }
    let log = home.cv(["audit", "--json"]).exits(0).stdout;
    assert_eq!(log.matches("\"SUCCESS\"").count(), 4, "{log}");
}

/// The name also leads to an address where nothing listens, and one node is sealed.
#[test]
fn a_dead_address_and_a_sealed_node_are_passed_over() {
    let cluster = Cluster::start();
    let home = cluster.home();
    let hosts = home
        .variables
        .iter()
        .find(|(name, _)| name == "NSS_WRAPPER_HOSTS")
        .unwrap()
        .1
        .clone();
    let standby = cluster.standby();
    // The dead and the sealed address come first.
    let sealed = cluster.address(standby)[7..].split(':').next().unwrap();
    let mut lines = format!("127.0.0.9 {NAME}\n{sealed} {NAME}\n");
    for number in (0..3).filter(|number| *number != standby) {
        let host = cluster.address(number)[7..].split(':').next().unwrap();
        lines += &format!("{host} {NAME}\n");
    }
    std::fs::write(&hosts, lines).unwrap();
    cluster.seal(standby);
    for number in 0..5 {
        let value = format!("A={number}");
        home.cv(["set", "app", &value, "--no-confirm"]).exits(0);
        let run = home.cv(["get", "app", "A"]).exits(0);
        assert_eq!(run.stdout, format!("{number}\n"));
    }
    home.cv(["status"]).exits(0);
    cluster.repair(Fault::Seal, standby);
}

#[test]
fn a_command_without_a_leader_ends_with_the_timeout_and_says_why() {
    let cluster = Cluster::start();
    let mut home = cluster.home();
    for value in ["A=0", "A=1"] {
        home.cv(["set", "app", value, "--no-confirm"]).exits(0);
    }
    home.set("VAULT_CLIENT_TIMEOUT", "3s");
    // Two of three nodes are gone, so nobody can lead.
    let first = cluster.strike(Fault::Stop);
    let second = eventually("another leader", || {
        cluster.leader().filter(|now| *now != first)
    });
    cluster.strike(Fault::Stop);
    for arguments in [
        &["set", "app", "A=2", "--no-confirm"][..],
        &["delete", "app", "--no-confirm"],
        &["rename", "app", "other", "--no-confirm"],
        &["rollback", "app", "1", "--no-confirm"],
    ] {
        let start = Instant::now();
        let run = home.cv(arguments).exits(7);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(6), "{took:?}: {arguments:?}");
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
    home.set("VAULT_MAX_RETRIES", "0");
    home.cv(["set", "app", "A=2", "--no-confirm"]).exits(7);
    cluster.wake(second);
    cluster.repair(Fault::Stop, first);
}
