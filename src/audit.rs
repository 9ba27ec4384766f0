//! The audit log: one line an event, names only, each line chained to the one before.
//!
//! `[2026-01-31 10:35:00 UTC] USER=… ACTION=… SERVICE=… DETAILS=… CHAIN=…`. `CHAIN` is the
//! SHA-256 (hex) of the previous line's chain and this line's text. Lines before the first chained
//! one, from the scripts of old, are sealed by it. The last chain is also kept in the state
//! folder, so that lines cut from the end are noticed. Whoever can write both files can forge
//! both: the log finds accidents and careless hands, not a determined owner of the account.
//!
//! Any process of this user can hold the log's lock, and its disk can be slow. [`Audit::record`] therefore
//! writes on a thread of its own and waits for the lock two seconds at most: neither stops another call.

mod chain;

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::chain::{CHAIN, check, hex, link, seal, split_chain};
use crate::config::{Env, Settings};
use crate::error::{Error, Result};
use crate::names::printable;

/// How long the log's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often it is tried.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// What happened: the word after `ACTION=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the words are the documentation
pub enum Action {
    Login,
    Logout,
    Renew,
    SessionCheck,
    List,
    Find,
    Get,
    DryRun,
    Look,
    ConfirmationRequired,
    ApprovalShown,
    ApprovalMismatch,
    PasskeyAdded,
    PasskeyRemoved,
    Confirmed,
    Aborted,
    Success,
    Failed,
    ValidationFailed,
    Inject,
    Exec,
    Export,
    Share,
    Receive,
    Scan,
    GenerateExample,
}

impl Action {
    /// Whether the line must be on the disk before anything else happens: what changes Vault.
    fn must_survive(self) -> bool {
        matches!(self, Self::Login | Self::Logout | Self::Renew | Self::Confirmed | Self::Success | Self::Failed)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Logout => "LOGOUT",
            Self::Renew => "RENEW",
            Self::SessionCheck => "SESSION_CHECK",
            Self::List => "LIST",
            Self::Find => "FIND",
            Self::Get => "GET",
            Self::DryRun => "DRY_RUN",
            Self::Look => "LOOK",
            Self::ConfirmationRequired => "CONFIRMATION_REQUIRED",
            Self::ApprovalShown => "APPROVAL_SHOWN",
            Self::ApprovalMismatch => "APPROVAL_MISMATCH",
            Self::PasskeyAdded => "PASSKEY_ADDED",
            Self::PasskeyRemoved => "PASSKEY_REMOVED",
            Self::Confirmed => "CONFIRMED",
            Self::Aborted => "ABORTED",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::Inject => "INJECT",
            Self::Exec => "EXEC",
            Self::Export => "EXPORT",
            Self::Share => "SHARE",
            Self::Receive => "RECEIVE",
            Self::Scan => "SCAN",
            Self::GenerateExample => "GENERATE_EXAMPLE",
        }
    }
}

/// The log of one root.
#[derive(Clone)]
pub struct Audit {
    path: PathBuf,
    head: PathBuf,
    user: String,
}

/// What [`Audit::verify`] found in an intact log.
#[derive(serde::Serialize, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verified {
    /// The log's file.
    pub path: PathBuf,
    /// Chained lines, all intact.
    pub lines: usize,
    /// Lines of the scripts of old before them, sealed by the first chained line.
    pub unchained: usize,
}

impl Audit {
    /// The log that the settings name. Opens nothing yet.
    #[must_use]
    pub fn new(settings: &Settings, env: &Env) -> Self {
        let path = settings.audit_log.clone();
        let name = hex(&Sha256::digest(path.as_os_str().as_encoded_bytes()));
        let user = ["USER", "LOGNAME"]
            .iter()
            .find_map(|name| env.get(name))
            .map_or_else(|| rustix::process::getuid().as_raw().to_string(), str::to_owned);
        Self { head: settings.state.join("audit-heads").join(&name[..16]), path, user }
    }

    /// The log's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an event could be written.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`].
    pub fn check(&self) -> Result<()> {
        open_log(&self.path).map(drop).map_err(|source| Error::AuditUnwritable { path: self.path.clone(), source })
    }

    /// Appends one event. `service` and `details` hold names only; whatever they hold, they
    /// cannot begin a line or a field of their own. An event whose call is given up is still written.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`], also when another program holds the lock for two seconds.
    pub async fn record(&self, action: Action, service: &str, details: &str) -> Result<()> {
        let (log, service, details) = (self.clone(), service.to_owned(), details.to_owned());
        let written = tokio::task::spawn_blocking(move || log.append(action, &service, &details)).await;
        // The thread ends without an answer only when the whole program does.
        let written = written.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()));
        written.map_err(|source| Error::AuditUnwritable { path: self.path.clone(), source })
    }

    /// Appends one event without waiting for it, where nothing depends on it. An event that cannot be written,
    /// and one in the last moment of the program, is lost.
    pub fn note(&self, action: Action, service: &str, details: &str) {
        let (log, service, details) = (self.clone(), service.to_owned(), details.to_owned());
        let write = move || drop(log.append(action, &service, &details));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }

    /// Blocks: for a thread that nothing else runs on.
    fn append(&self, action: Action, service: &str, details: &str) -> std::io::Result<()> {
        let mut file = open_log(&self.path)?;
        wait_for(|| file.try_lock())?;
        let previous = last_chain(&mut file)?;
        let time = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S");
        let text = format!(
            "[{time} UTC] USER={} ACTION={} SERVICE={} DETAILS={}",
            field(&self.user),
            action.word(),
            field(service),
            field(details)
        );
        let chain = link(&previous.chain, &text);
        let before = if previous.ends_open { "\n" } else { "" };
        let length = file.metadata()?.len();
        if let Err(error) = file.write_all(format!("{before}{text}{CHAIN}{chain}\n").as_bytes()) {
            // A line torn by a full disk would break the chain for good.
            let _ = file.set_len(length);
            return Err(error);
        }
        // Best effort: a lost head makes verify less sharp, not wrong.
        let _ = self.keep_head(&chain);
        // Others need not wait for the disk: they see the line already.
        file.unlock()?;
        if action.must_survive() { file.sync_data() } else { Ok(()) }
    }

    fn keep_head(&self, chain: &str) -> std::io::Result<()> {
        if let Some(folder) = self.head.parent() {
            private_folders(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.head)?;
        file.write_all(chain.as_bytes())
    }

    /// Every line of the log, without the chain; empty when there is no log.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn lines(&self) -> Result<Vec<String>> {
        Ok(self.text()?.lines().map(|line| line.split_once(CHAIN).map_or(line, |(text, _)| text).to_owned()).collect())
    }

    /// Checks the chain from the first line to the last.
    ///
    /// # Errors
    /// [`Error::AuditBroken`] naming the first line that does not hold; [`Error::NotFound`]
    /// without a log.
    pub fn verify(&self) -> Result<Verified> {
        let text = self.text()?;
        let head = std::fs::read_to_string(&self.head).ok();
        if text.is_empty() && head.is_none() {
            return Err(Error::NotFound {
                what: "an audit log".into(),
                hint: "one begins with the first command that uses Vault".into(),
            });
        }
        let verified = check(&text, head.as_deref()).map_err(Error::AuditBroken)?;
        Ok(Verified { path: self.path.clone(), ..verified })
    }

    fn text(&self) -> Result<String> {
        match open_existing(&self.path) {
            Ok(mut file) => {
                // Without the lock a line could be seen half written.
                wait_for(|| file.try_lock_shared()).map_err(Error::io("lock", &self.path))?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(Error::io("read", &self.path))?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Error::io("read", &self.path)(error)),
        }
    }
}

/// Tries for a lock until it is there or [`LOCK_WAIT`] is over.
fn wait_for(try_lock: impl Fn() -> std::result::Result<(), TryLockError>) -> std::io::Result<()> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "another program holds its lock"));
            }
        }
    }
}

/// Spaces stay; what could begin a line, a field or a chain does not.
fn field(text: &str) -> String {
    if text.is_empty() { "-".into() } else { printable(text, false).replace('=', "\\u{3d}") }
}

struct Last {
    chain: String,
    /// The last line lacks its line break, as after a crash.
    ends_open: bool,
}

fn last_chain(file: &mut File) -> std::io::Result<Last> {
    const WINDOW: u64 = 64 * 1024;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(WINDOW)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let ends_open = tail.last().is_some_and(|byte| *byte != b'\n');
    let text = String::from_utf8_lossy(&tail);
    if let Some((_, chain)) = text.lines().next_back().and_then(split_chain) {
        return Ok(Last { chain: chain.to_owned(), ends_open });
    }
    file.seek(SeekFrom::Start(0))?;
    let mut all = Vec::new();
    file.read_to_end(&mut all)?;
    if ends_open {
        all.push(b'\n');
    }
    // A torn last line of a chained log follows the last whole one; its rest stays and is found.
    let chain = String::from_utf8_lossy(&all).lines().filter_map(split_chain).next_back().map(|(_, chain)| chain.to_owned());
    Ok(Last { chain: chain.unwrap_or_else(|| seal(&all)), ends_open })
}

/// Opens for reading and appending, mode 0600 whatever it was, never through a symbolic link,
/// never anything but a plain file.
fn open_log(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        private_folders(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let file = open_plain(path, &mut options)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn open_existing(path: &Path) -> std::io::Result<File> {
    open_plain(path, OpenOptions::new().read(true))
}

fn open_plain(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path).map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            std::io::Error::other("it is a symbolic link")
        } else {
            error
        }
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is not a plain file")) }
}

/// Creates missing folders, 0700.
fn private_folders(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn log(lines: usize) -> (tempfile::TempDir, Audit) {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit { path: folder.path().join("audit.log"), head: folder.path().join("heads/h"), user: "eve\n[x]".into() };
        for number in 0..lines {
            audit.append(Action::Success, &format!("s{number}"), "keys: A, B").unwrap();
        }
        (folder, audit)
    }

    fn rewrite(audit: &Audit, change: impl Fn(Vec<String>) -> Vec<String>) {
        let text = std::fs::read_to_string(&audit.path).unwrap();
        let lines = change(text.lines().map(str::to_owned).collect());
        std::fs::write(&audit.path, lines.join("\n") + "\n").unwrap();
    }

    #[test]
    fn an_untouched_log_is_intact_and_private() {
        let (_folder, audit) = log(5);
        assert_eq!(audit.verify().unwrap().lines, 5);
        assert_eq!(std::fs::metadata(&audit.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_edited_a_removed_and_a_moved_line_are_found() {
        for change in [
            (|mut l: Vec<String>| {
                l[2] = l[2].replace("s2", "s9");
                l
            }) as fn(Vec<String>) -> Vec<String>,
            |mut l| {
                l.remove(2);
                l
            },
            |mut l| {
                l.remove(0);
                l
            },
            |mut l| {
                l.swap(1, 2);
                l
            },
            |mut l| {
                l.push("[2026-01-01 00:00:00 UTC] USER=x ACTION=SUCCESS SERVICE=y DETAILS=z".into());
                l
            },
            |mut l| {
                l.pop();
                l
            },
        ] {
            let (_folder, audit) = log(5);
            rewrite(&audit, change);
            assert!(matches!(audit.verify(), Err(Error::AuditBroken(_))));
        }
    }

    #[test]
    fn lines_of_the_old_scripts_stay_and_are_sealed() {
        let (_folder, audit) = log(0);
        std::fs::write(&audit.path, "[2024-01-01 00:00:00 UTC] USER=a ACTION=SUCCESS SERVICE=b DETAILS=c").unwrap();
        audit.append(Action::Get, "plex", "-").unwrap();
        let verified = audit.verify().unwrap();
        assert_eq!((verified.unchained, verified.lines), (1, 1));
        rewrite(&audit, |mut l| {
            l[0] = l[0].replace("SERVICE=b", "SERVICE=z");
            l
        });
        assert!(audit.verify().is_err());
    }

    #[test]
    fn no_input_forges_a_line_a_field_or_a_chain() {
        let (_folder, audit) = log(0);
        audit.append(Action::Get, "a\n[2026-01-01 00:00:00 UTC] USER=root ACTION=SUCCESS", "b CHAIN=00").unwrap();
        let text = std::fs::read_to_string(&audit.path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(text.matches("ACTION=").count(), 1);
        assert!(audit.verify().is_ok());
    }

    #[test]
    fn many_writers_keep_one_chain() {
        let (_folder, audit) = log(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..25).for_each(|_| audit.append(Action::Get, "plex", "-").unwrap()));
            }
        });
        assert_eq!(audit.verify().unwrap().lines, 200);
    }

    #[test]
    fn a_symbolic_link_or_a_fifo_is_no_log() {
        let (folder, audit) = log(0);
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &audit.path).unwrap();
        assert!(audit.append(Action::Get, "a", "b").is_err());
        assert!(!folder.path().join("elsewhere").exists());
        std::fs::remove_file(&audit.path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&audit.path).status().unwrap().success());
        assert!(audit.append(Action::Get, "a", "b").is_err());
    }

    #[tokio::test]
    async fn a_held_lock_is_waited_for_two_seconds_and_holds_nothing_else_up() {
        let (_folder, audit) = log(1);
        let holder = open_log(&audit.path).unwrap();
        holder.lock().unwrap();
        let started = Instant::now();
        let beats = async {
            for _ in 0..20 {
                let before = Instant::now();
                tokio::time::sleep(Duration::from_millis(50)).await;
                assert!(before.elapsed() < Duration::from_secs(1), "the runtime stood still");
            }
        };
        let record = audit.record(Action::Get, "plex", "-");
        let ((), outcome) = tokio::join!(beats, record);
        assert!(matches!(outcome, Err(Error::AuditUnwritable { source, .. }) if source.kind() == std::io::ErrorKind::TimedOut));
        assert!((2..4).contains(&started.elapsed().as_secs()));
        // One that is given back in time is had.
        let later = audit.record(Action::Get, "plex", "-");
        let give_back = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            holder.unlock().unwrap();
        };
        let ((), outcome) = tokio::join!(give_back, later);
        outcome.unwrap();
        assert_eq!(audit.verify().unwrap().lines, 2);
    }

    #[tokio::test]
    async fn an_event_whose_call_is_given_up_is_still_written() {
        let (_folder, audit) = log(0);
        let given_up = tokio::time::timeout(Duration::ZERO, audit.record(Action::Get, "plex", "-"));
        let _ = given_up.await;
        let until = Instant::now() + Duration::from_secs(5);
        while audit.lines().unwrap().is_empty() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(audit.verify().unwrap().lines, 1);
    }
}
