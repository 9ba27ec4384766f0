//! The nodes of a server: which one requests go to, and which one is active.
//!
//! A name can have several addresses, one for each node. As long as nothing fails, the system
//! chooses one of them. A node that is sealed, unreachable or without a leader is then passed over.
//! Reads that decide about a change go to the active node, because an OpenBao standby answers from
//! its own, possibly older state.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use url::Url;

use super::http::{Addresses, build};
use super::origin::{is_loopback, origin};
use super::patience::Patience;
use crate::config::{Settings, lists_host};
use crate::error::Result;

/// How long a node may take to say whether it is active.
const PROBE: Duration = Duration::from_secs(2);
/// How long a request may take before the other nodes are asked whether they took over.
const HANGS_AFTER: Duration = Duration::from_secs(3);
/// How long an address of a name is used without looking the name up again.
const PIN_FOR: Duration = Duration::from_secs(30);
/// The largest answer to `sys/leader` that is accepted, in bytes.
const MAX_LEADER_BODY: usize = 64 * 1024;
/// The most HTTP clients for nodes that are kept.
const MAX_CLIENTS: usize = 16;
/// The most addresses of a name that are tried.
const MAX_NODES: usize = 8;

/// One way to reach a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Node {
    /// The configured address, or that of an active node which is trusted with the token.
    pub(super) base: Url,
    /// The address to connect to, with port 0; `None` lets the system choose among the addresses
    /// of the name.
    pub(super) pinned: Option<SocketAddr>,
}

impl Node {
    /// The URL of an API path, without `/v1/`, at this node.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/{path}", url.path().trim_end_matches('/')));
        url
    }
}

/// The answer to GET `sys/leader`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Leader {
    pub(super) ha_enabled: bool,
    pub(super) is_self: bool,
    pub(super) leader_address: String,
}

impl Leader {
    /// The node that gave this answer, if reads there are current.
    fn current(&self, node: Node) -> Option<Found> {
        match (self.ha_enabled, self.is_self) {
            (false, _) => Some(Found::Single(node)),
            (true, true) => Some(Found::Active(node)),
            (true, false) => None,
        }
    }
}

/// The result of looking for the active node.
#[derive(Clone)]
pub(super) enum Found {
    /// This node is the active one of a cluster.
    Active(Node),
    /// This node is the only one.
    Single(Node),
    /// This standby forwards requests to an active node that is not trusted with the token.
    Standby(Node),
    /// Some nodes answer, but none of them is active.
    NoLeader,
    /// No node answers.
    Nobody,
}

impl Found {
    pub(super) fn node(&self) -> Option<&Node> {
        match self {
            Self::Active(node) | Self::Single(node) | Self::Standby(node) => Some(node),
            Self::NoLeader | Self::Nobody => None,
        }
    }
}

/// What is known about the server. The clients of one command share it.
pub(super) struct Cluster {
    pub(super) settings: Settings,
    pub(super) home: Url,
    pub(super) patience: Patience,
    /// The client for the configured address.
    http: OnceLock<reqwest::Client>,
    /// The clients for nodes that were found later.
    others: Mutex<Vec<(Node, reqwest::Client)>>,
    /// The addresses that the system found for the configured name.
    addresses: Addresses,
    state: Mutex<State>,
    /// Held while the nodes are asked, so that many requests that fail together ask once.
    search: tokio::sync::Mutex<()>,
    /// Whether any node answered when they were last asked.
    any_answers: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The result of the last search, and when it was last confirmed; `None` if it failed since.
    found: Option<(Found, Instant)>,
    /// Whether reads that decide nothing must go to a found node too.
    is_home_lost: bool,
}

impl Cluster {
    pub(super) fn new(settings: Settings, home: Url) -> Self {
        Self {
            patience: Patience::new(settings.timeout),
            settings,
            home,
            http: OnceLock::new(),
            others: Mutex::default(),
            addresses: Addresses::default(),
            state: Mutex::default(),
            search: tokio::sync::Mutex::default(),
            any_answers: AtomicBool::new(false),
        }
    }

    pub(super) fn address(&self) -> String {
        origin(&self.home)
    }

    /// Whether requests may go to this address, with the token: it has the configured origin
    /// (scheme, host, port; RFC 6454), or the person lists its host in `trusted_hosts`, with or
    /// without the port. A change from https to http is never allowed.
    pub(super) fn trusts(&self, target: &Url) -> bool {
        let is_downgrade = self.home.scheme() == "https" && target.scheme() != "https";
        let is_web = matches!(target.scheme(), "http" | "https");
        let in_clear =
            target.scheme() == "http" && !is_loopback(target) && !self.settings.insecure_http;
        let is_trusted = target.origin() == self.home.origin()
            || lists_host(&self.settings.trusted_hosts, target);
        is_web && is_trusted && !is_downgrade && !in_clear
    }

    pub(super) fn home(&self) -> Node {
        Node {
            base: self.home.clone(),
            pinned: None,
        }
    }

    /// The HTTP client for a node, built on first use.
    pub(super) fn http(&self, node: &Node) -> Result<reqwest::Client> {
        if *node == self.home() {
            if let Some(http) = self.http.get() {
                return Ok(http.clone());
            }
            let http = build(&self.settings, node, &self.addresses)?;
            return Ok(self.http.get_or_init(|| http).clone());
        }
        let mut others = lock(&self.others);
        if let Some((_, http)) = others.iter().find(|(other, _)| other == node) {
            return Ok(http.clone());
        }
        let http = build(&self.settings, node, &Addresses::default())?;
        if others.len() >= MAX_CLIENTS {
            others.remove(0);
        }
        others.push((node.clone(), http.clone()));
        Ok(http)
    }

    /// Whether the configured name has several addresses, as far as is known without a look-up.
    pub(super) fn has_several_addresses(&self) -> bool {
        self.addresses.get().len() > 1
    }

    pub(super) fn any_answers(&self) -> bool {
        self.any_answers.load(Ordering::Relaxed)
    }

    /// The node for requests that any node may answer.
    pub(super) fn any_node(&self) -> Option<Node> {
        let state = lock(&self.state);
        match &state.found {
            Some((found, _)) if state.is_home_lost && found.node().is_some() => {
                found.node().cloned()
            }
            _ if state.is_home_lost && self.has_several_addresses() => None,
            _ => Some(self.home()),
        }
    }

    /// The node that was found to be active, or the standby that forwards to it.
    pub(super) fn found(&self) -> Option<Found> {
        let state = lock(&self.state);
        let found = state.found.as_ref().map(|(found, _)| found.clone());
        found.filter(|found| found.node().is_some())
    }

    /// Looks the name up again if the found node is one of its addresses and was not confirmed for
    /// a while. An address that no longer belongs to the name may belong to somebody else.
    pub(super) async fn confirm_address(&self) {
        let Some((found, at)) = lock(&self.state).found.clone() else {
            return;
        };
        let Some(pinned) = found.node().and_then(|node| node.pinned) else {
            return;
        };
        if at.elapsed() < PIN_FOR {
            return;
        }
        let left = self.patience.left();
        let is_current = self.addresses.refresh(&self.home, left).await
            && self.addresses.get().contains(&pinned);
        if !is_current {
            lock(&self.others).retain(|(other, _)| other.pinned != Some(pinned));
        }
        let mut state = lock(&self.state);
        // Somebody else may have found another node meanwhile.
        if state.found.as_ref().is_some_and(|(_, now)| *now == at) {
            state.found = is_current.then(|| (found, Instant::now()));
        }
    }

    /// Forgets a node that failed.
    pub(super) fn forget(&self, node: &Node) {
        let mut state = lock(&self.state);
        if let Some((found, _)) = &state.found
            && found.node() == Some(node)
        {
            state.found = None;
        }
        state.is_home_lost |= *node == self.home();
    }

    /// Looks for the active node among all nodes that are known. `asked` is when the caller saw the
    /// need; the result of a later search by somebody else is used.
    pub(super) async fn search(&self, asked: Instant) -> Found {
        let _one = self.search.lock().await;
        if let Some((found, at)) = &lock(&self.state).found
            && *at > asked
        {
            return found.clone();
        }
        let found = self.ask_nodes().await;
        let answers = !matches!(found, Found::Nobody);
        self.any_answers.store(answers, Ordering::Relaxed);
        lock(&self.state).found = Some((found.clone(), Instant::now()));
        found
    }

    async fn ask_nodes(&self) -> Found {
        let home = self.home();
        let is_home_lost = lock(&self.state).is_home_lost;
        let mut standbys = Vec::new();
        if !is_home_lost && let Some((leader, peer)) = self.leader(&home).await {
            // The name may lead to another node next time.
            let pinned = peer.filter(|_| leader.ha_enabled && self.has_several_addresses());
            let node = Node {
                pinned,
                ..home.clone()
            };
            if let Some(found) = leader.current(node) {
                return found;
            }
            standbys.push((home, leader));
        }
        let mut asked: FuturesUnordered<_> = self
            .nodes()
            .await
            .into_iter()
            .map(|node| async { (self.leader(&node).await, node) })
            .collect();
        let mut single = None;
        while let Some((answer, node)) = asked.next().await {
            match answer.map(|(leader, _)| (leader.current(node.clone()), leader)) {
                Some((Some(Found::Active(node)), _)) => return Found::Active(node),
                Some((Some(found), _)) => single = Some(found),
                Some((None, leader)) => standbys.push((node, leader)),
                None => {}
            }
        }
        match single {
            // Among nodes of a cluster, a server without one is somebody else's.
            Some(found) if standbys.is_empty() => found,
            Some(_) | None => self.follow(&standbys).await,
        }
    }

    /// The pinned nodes behind the configured name, or the name itself if it has one address.
    async fn nodes(&self) -> Vec<Node> {
        let base = &self.home;
        self.addresses.refresh(base, self.patience.left()).await;
        let addresses = self.addresses.get();
        if addresses.len() < 2 {
            let is_home_lost = lock(&self.state).is_home_lost;
            return is_home_lost.then(|| self.home()).into_iter().collect();
        }
        addresses
            .into_iter()
            .take(MAX_NODES)
            .map(|address| Node {
                base: base.clone(),
                pinned: Some(address),
            })
            .collect()
    }

    /// Asks the leader that the standbys name, if it may be sent requests.
    async fn follow(&self, standbys: &[(Node, Leader)]) -> Found {
        let Some((standby, leader)) = standbys
            .iter()
            .find(|(_, leader)| !leader.leader_address.is_empty())
            .or(standbys.first())
        else {
            return Found::Nobody;
        };
        let Ok(base) = Url::parse(&leader.leader_address) else {
            return Found::NoLeader;
        };
        if !self.trusts(&base) {
            // A leader behind the configured name was asked itself, and did not say that it leads.
            return if self.addresses.include(&base, self.patience.left()).await {
                Found::NoLeader
            } else {
                Found::Standby(standby.clone())
            };
        }
        let node = Node { base, pinned: None };
        let answer = self.leader(&node).await;
        answer
            .and_then(|(leader, _)| leader.current(node))
            .unwrap_or(Found::NoLeader)
    }

    /// Asks one node who leads. `None` without a usable answer.
    pub(super) async fn leader(&self, node: &Node) -> Option<(Leader, Option<SocketAddr>)> {
        let url = node.url("sys/leader");
        let (url, host) = super::http::url_and_host(&self.settings, &url).ok()?;
        let mut request = self
            .http(node)
            .ok()?
            .get(url)
            .header("X-Vault-Request", "true")
            .timeout(PROBE.min(self.patience.left()));
        if let Some(host) = host {
            request = request.header(reqwest::header::HOST, host);
        }
        let response = request.send().await.ok()?;
        let peer = response.remote_addr().map(|mut peer| {
            peer.set_port(0);
            peer
        });
        if response.status() != reqwest::StatusCode::OK {
            return None;
        }
        let body = super::http::body(response, MAX_LEADER_BODY).await.ok()?;
        serde_json::from_slice(&body)
            .ok()
            .map(|leader| (leader, peer))
    }

    /// Returns when a request to `node` has taken long, this node does not even say who leads, and
    /// another node leads. A stopped node keeps its connections open and never answers. If `node`
    /// is the name, any of its addresses may be the one in use.
    pub(super) async fn another_took_over(&self, node: &Node) {
        tokio::time::sleep(HANGS_AFTER).await;
        loop {
            let mut nodes = self.nodes().await;
            if node.base != self.home {
                nodes.push(self.home());
                nodes.push(node.clone());
            }
            let mut asked: FuturesUnordered<_> = nodes
                .into_iter()
                .map(|node| async { (self.leader(&node).await, node) })
                .collect();
            let (mut is_silent, mut is_led) = (false, false);
            let mut standbys = Vec::new();
            while let Some((answer, asked)) = asked.next().await {
                let may_be_used = asked == *node || *node == self.home();
                match answer {
                    None => is_silent |= may_be_used,
                    Some((leader, _)) if leader.ha_enabled && leader.is_self => is_led = true,
                    Some((leader, _)) => standbys.push((asked, leader)),
                }
            }
            if is_silent && (is_led || self.leads_elsewhere(&standbys, node).await) {
                return;
            }
            tokio::time::sleep(HANGS_AFTER / 3).await;
        }
    }

    /// Whether the leader that standbys name leads, and is another node than this one.
    async fn leads_elsewhere(&self, standbys: &[(Node, Leader)], node: &Node) -> bool {
        matches!(self.follow(standbys).await, Found::Active(leader) if leader != *node)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
