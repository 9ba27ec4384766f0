//! The foundation of the tests: servers, homes, and running the program in them.

pub mod cluster;
pub mod http;
mod proxy;
pub mod servers;
mod watchdog;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

pub use proxy::{Proxy, Treatment};
pub use servers::{Bao, Provider, ground};

/// A value that may appear only where it was asked for.
pub const CANARY: &str = "canary-4f1d-value";

pub const POLICY: &str = r#"
path "secret/data/proxmox-services/*"     { capabilities = ["create", "read", "update", "patch"] }
path "secret/metadata/proxmox-services/*" { capabilities = ["read", "list"] }
path "secret/metadata/proxmox-services"   { capabilities = ["list"] }
path "secret/delete/proxmox-services/*"   { capabilities = ["update"] }
path "secret/undelete/proxmox-services/*" { capabilities = ["update"] }
"#;

/// The policy for tests that destroy versions.
pub const DESTROYER: &str = r#"
path "secret/destroy/proxmox-services/*"  { capabilities = ["update"] }
path "secret/metadata/proxmox-services/*" { capabilities = ["read", "list", "delete"] }
"#;

/// The result of a run.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in stderr:\n{}",
            self.stderr
        );
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }

    /// The error object printed with `--json`.
    pub fn error(&self) -> Value {
        let line = self
            .stderr
            .lines()
            .find(|line| line.starts_with('{'))
            .unwrap_or_else(|| panic!("no error: {}", self.stderr));
        serde_json::from_str::<Value>(line).unwrap()["error"].clone()
    }
}

/// A home with a root for services, nothing installed, and its own environment.
pub struct Home {
    dir: tempfile::TempDir,
    pub variables: Vec<(String, String)>,
}

impl Home {
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// A home in a new folder below this one.
    pub fn below(folder: &Path) -> Self {
        watchdog::watch();
        let dir = tempfile::tempdir_in(folder).unwrap();
        std::fs::create_dir(dir.path().join("lab")).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        std::fs::write(dir.path().join("lab/.claude-vault.toml"), "").unwrap();
        Self {
            dir,
            variables: Vec::new(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The root, which contains a folder for each service.
    pub fn lab(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.into(), value.into()));
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.lab().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.lab().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A command in this home, without the environment of the test.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.lab())
            .stdin(Stdio::null());
        command
            .env("HOME", self.path())
            .env("USER", "tester")
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", self.dir.path());
        command.env(
            "PATH",
            format!(
                "{}/.local/bin:/usr/local/bin:/usr/bin:/bin",
                self.path().display()
            ),
        );
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program.
    pub fn cv<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Run {
        run(
            self.command(env!("CARGO_BIN_EXE_claude-vault"))
                .args(arguments),
            "",
        )
    }

    /// Runs the program with this text on stdin.
    pub fn cv_with(&self, arguments: &[&str], input: &str) -> Run {
        run(
            self.command(env!("CARGO_BIN_EXE_claude-vault"))
                .args(arguments),
            input,
        )
    }

    /// Installs the program as the README describes.
    pub fn install(&self) -> &Self {
        self.cv(["setup"]).exits(0);
        self
    }

    /// Runs a script in a shell.
    pub fn shell(&self, shell: &[&str], script: &str) -> Run {
        run(
            self.command(shell[0])
                .args(&shell[1..])
                .arg("-c")
                .arg(script),
            "",
        )
    }
}

pub fn run(command: &mut Command, input: &str) -> Run {
    use std::io::Write;
    watchdog::watch();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    use std::os::unix::process::ExitStatusExt;
    Run {
        status: output
            .status
            .code()
            .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A server with the standard policy, and a home whose environment has a session with it.
pub struct Lab {
    pub bao: Bao,
    pub home: Home,
    pub token: String,
}

impl Lab {
    pub fn new() -> Self {
        Self::of(Bao::start(&[]))
    }

    /// The same with TLS, which step-up requires.
    pub fn with_tls() -> Self {
        let mut lab = Self::of(Bao::start_tls());
        lab.home.set(
            "VAULT_CACERT",
            lab.bao.dir.path().join("vault-ca.pem").to_string_lossy(),
        );
        lab
    }

    fn of(bao: Bao) -> Self {
        bao.put(
            "sys/policies/acl/homelab-services",
            json!({ "policy": POLICY }),
        );
        let token = bao.token(&["homelab-services"]);
        let mut home = Home::new();
        home.set("VAULT_ADDR", &bao.address);
        home.set("VAULT_TOKEN", &token);
        Self { bao, home, token }
    }

    pub fn with(service: &str, data: Value) -> Self {
        let lab = Self::new();
        lab.store(service, data);
        lab
    }

    pub fn store(&self, service: &str, data: Value) {
        self.bao.put(
            &format!("secret/data/proxmox-services/{service}"),
            json!({ "data": data }),
        );
    }

    pub fn stored(&self, service: &str) -> Value {
        self.bao
            .get(&format!("secret/data/proxmox-services/{service}"))["data"]["data"]
            .clone()
    }

    /// The same, or null if the service does not exist.
    pub fn stored_or_null(&self, service: &str) -> Value {
        let (_, text) = self.bao.request(
            "GET",
            &format!("secret/data/proxmox-services/{service}"),
            "",
        );
        serde_json::from_str::<Value>(&text).unwrap_or_default()["data"]["data"].clone()
    }

    pub fn cv<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Run {
        self.home.cv(arguments)
    }
}

/// All files below a folder, with their content.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found
}

/// A command that runs in the checkout with a person's usual environment. The variables that cargo
/// sets for tests would cause a complete rebuild.
pub fn in_checkout(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO")
            || name.starts_with("NEXTEST")
            || name.starts_with("RUST")
            || name == "LD_LIBRARY_PATH"
        {
            command.env_remove(name);
        }
    }
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let usual = || {
            PathBuf::from(std::env::var_os("HOME").unwrap())
                .join(folder)
                .into_os_string()
        };
        command.env(name, std::env::var_os(name).unwrap_or_else(usual));
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Waits until `look` returns something, at most 120 seconds.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            started.elapsed().as_secs() < 120,
            "waited in vain for {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
