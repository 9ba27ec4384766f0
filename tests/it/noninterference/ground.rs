//! The environment of the two worlds: each has a server, a home and a process of the program. They
//! differ only in values.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::person::Person;
use super::server::Server;
use super::store::Store;
use crate::support::{Bao, Home};

/// In the mount, the sessions of the worlds have the rights of a person's session.
const POLICY: &str =
    r#"path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }"#;
/// The maximum age of a server. The watchdog kills processes that live long, and a server's memory
/// grows.
const SERVER_LIFE: Duration = Duration::from_secs(300);

/// The configuration of the program in both worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub mode: &'static str,
    /// Whether a write to a file needs a person's approval.
    pub asks: bool,
    /// Whether the client can open a page for its person.
    pub dialogs: bool,
    /// Whether a call waits until the person has answered. Otherwise it is repeated after the
    /// answer. Without waiting there are no dialogs, because it would depend on timing whether a
    /// dialog is requested before the call ends.
    pub waits: bool,
}

const fn setup(mode: &'static str, asks: bool, dialogs: bool, waits: bool) -> Setup {
    Setup {
        mode,
        asks,
        dialogs,
        waits,
    }
}

/// The setups, used in turn.
pub const SETUPS: [Setup; 8] = [
    setup("tokenized", false, false, true),
    setup("redacted", false, false, true),
    setup("tokenized", false, true, true),
    setup("tokenized", true, false, true),
    setup("tokenized", false, false, false),
    setup("redacted", true, true, true),
    setup("tokenized", false, false, true),
    setup("tokenized", true, false, false),
];

/// The Vault of one world.
struct Vault {
    bao: Bao,
    store: Store,
    token: String,
}

impl Vault {
    fn start() -> Self {
        let bao = Bao::start(&[]);
        bao.put("sys/policies/acl/worlds", json!({ "policy": POLICY }));
        Self {
            store: Store::connect(&bao.address),
            token: bao.token(&["worlds"]),
            bao,
        }
    }
}

/// One of the two worlds.
pub struct Side {
    vault: Vault,
    pub home: Home,
    pub server: Server,
    pub person: Person,
}

/// Both worlds, set up alike.
pub struct Ground {
    pub program: PathBuf,
    pub sides: Vec<Side>,
    pub setup: Setup,
    /// The path below the mount that contains the services of both worlds.
    pub prefix: String,
    prefixes: usize,
    started: Instant,
}

impl Ground {
    pub fn new(program: &Path, setup: Setup) -> Self {
        let vaults: Vec<Vault> = std::thread::scope(|scope| {
            let starting = [(); 2].map(|()| scope.spawn(Vault::start));
            starting
                .map(|vault| vault.join().unwrap())
                .into_iter()
                .collect()
        });
        let mut ground = Self {
            program: program.to_owned(),
            sides: Vec::new(),
            setup,
            prefix: "worlds-0".into(),
            prefixes: 0,
            started: Instant::now(),
        };
        ground.sides = vaults.into_iter().map(|vault| ground.side(vault)).collect();
        ground
    }

    /// Makes new homes and processes. The servers are kept until they reach their maximum age.
    pub fn renew(&mut self, setup: Setup) {
        if self.started.elapsed() > SERVER_LIFE {
            *self = Self::new(&self.program, setup);
            return;
        }
        self.setup = setup;
        self.prefixes += 1;
        self.prefix = format!("worlds-{}", self.prefixes);
        let sides = std::mem::take(&mut self.sides);
        self.sides = sides
            .into_iter()
            .map(|side| self.side(side.vault))
            .collect();
    }

    /// Starts new processes in the same homes, as after a logout.
    pub fn restart(&mut self) {
        for side in &mut self.sides {
            side.vault.token = side.vault.bao.token(&["worlds"]);
            side.home.set("VAULT_TOKEN", &side.vault.token);
            side.server = Server::start(&side.home, &self.program, self.setup.dialogs);
            side.person = Person::new(state(&side.home), side.server.id());
        }
    }

    fn side(&self, vault: Vault) -> Side {
        let memory = Path::new("/dev/shm");
        let mut home = if memory.is_dir() {
            Home::below(memory)
        } else {
            Home::new()
        };
        home.set("VAULT_ADDR", &vault.bao.address);
        home.set("VAULT_TOKEN", &vault.token);
        home.set(
            "CLAUDE_VAULT_MCP_WAIT",
            if self.setup.waits { "40" } else { "0" },
        );
        home.set("BROWSER", "true");
        let ask_before = if self.setup.asks {
            "[\"inject\"]"
        } else {
            "[]"
        };
        let (mode, prefix) = (self.setup.mode, &self.prefix);
        let config = format!(
            "security_mode = \"{mode}\"\nask_before = {ask_before}\nprefix = \"{prefix}\"\n"
        );
        let folder = home.path().join(".config/claude-vault");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), config).unwrap();
        let server = Server::start(&home, &self.program, self.setup.dialogs);
        let person = Person::new(state(&home), server.id());
        Side {
            vault,
            home,
            server,
            person,
        }
    }

    /// The tools and their schemas. Both worlds must list the same ones.
    pub fn tools(&mut self) -> Vec<Value> {
        let mut lists = self
            .sides
            .iter_mut()
            .map(|side| side.server.request("tools/list", json!({}))["result"]["tools"].take());
        let (a, b) = (lists.next().unwrap(), lists.next().unwrap());
        assert_eq!(a, b);
        serde_json::from_value(a).unwrap()
    }
}

impl Side {
    pub fn store(&mut self) -> &mut Store {
        &mut self.vault.store
    }
}

fn state(home: &Home) -> PathBuf {
    home.path().join(".local/state/claude-vault")
}
