//! What the two worlds stand on: a server, a home and a process of the program each, told apart by
//! nothing but values.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::person::Person;
use super::server::Server;
use super::store::Store;
use crate::support::{Bao, Home};

/// The sessions of the worlds may do in the mount what a person's may.
const POLICY: &str =
    r#"path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }"#;
/// A server is not kept longer than this: the watchdog ends what lives long, and its memory grows.
const SERVER_LIFE: Duration = Duration::from_secs(300);

/// How the program is set up in both worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub mode: &'static str,
    /// Whether a person is asked before a file is written.
    pub asks: bool,
    /// Whether the client can bring its person to a page.
    pub dialogs: bool,
    /// Whether a call waits until the person has answered; else it is made again once they have.
    /// Without waiting there are no dialogs: whether one is asked for before the call ends is a
    /// matter of time.
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

/// Both worlds, alike.
pub struct Ground {
    pub program: PathBuf,
    pub sides: Vec<Side>,
    pub setup: Setup,
    /// The path below the mount where the services of both worlds lie.
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

    /// New homes and processes; the servers stay for as long as they may.
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

    /// New processes in the same homes, as after a logout.
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

    /// What the servers offer: the tools and their schemas, as each world lists them.
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
