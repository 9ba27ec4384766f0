//! The audit log: one line per event, names only, each line chained to the previous one.
//!
//! A line is `[2026-01-31 10:35:00 UTC] USER=… ACTION=… SERVICE=… DETAILS=… CHAIN=…`. `CHAIN` is
//! the SHA-256 (hex) of the previous line's chain and this line's text. The first chained line
//! seals the lines before it, which the older scripts wrote.
//!
//! The last chain and the number of lines are also kept in the state folder. They reveal a line
//! that was edited, removed, moved or cut off, and a deleted log, as long as nobody else can write
//! to that folder. Anyone who can write to both, such as any program of the same account, can forge
//! both.
//!
//! A log that reaches `MAX_BYTES` is rotated to `NAME.1`, `NAME.2` and so on. The chain continues
//! in the new file.
//!
//! Any process of this user can hold the log's lock, and the disk can be slow. [`Audit::record`]
//! therefore writes on its own thread and waits at most two seconds for the lock, so that neither
//! blocks other calls.

mod chain;
mod event;
mod head;
mod person;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use self::event::Event;

use self::chain::{CHAIN, ChainWalk, Link, hash_of_unchained, hex, next_link, split_link, text_of};
use self::head::Head;
use self::person::Person;
use crate::config::{Env, Settings};
use crate::error::{Error, Result};
use crate::names::printable;

/// The size in bytes at which a log is rotated: about forty thousand lines.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The kind of event: the word after `ACTION=`.
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
    NewChain,
}

impl Action {
    /// Whether the line must be on disk before the program continues: true for actions that change
    /// Vault, a session or the chain.
    fn must_survive(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::Logout
                | Self::Renew
                | Self::Confirmed
                | Self::Success
                | Self::Failed
                | Self::NewChain
        )
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
            Self::NewChain => "NEW_CHAIN",
        }
    }
}

/// The audit log of one root.
#[derive(Clone)]
pub struct Audit {
    path: PathBuf,
    /// The folder in which the ends of logs are recorded.
    heads: PathBuf,
    user: String,
    person: Person,
    max_bytes: u64,
}

/// The result of [`Audit::verify`] for an intact log.
#[derive(serde::Serialize, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verified {
    /// The log's current file.
    pub path: PathBuf,
    /// The number of chained lines, all intact, including those of earlier files.
    pub lines: usize,
    /// The number of lines before them, from the older scripts; the first chained line seals them.
    pub unchained: usize,
    /// The number of files that the chain spans.
    pub files: usize,
    /// Whether the state folder records the end of the log. Without it, lines cut from the end go
    /// unnoticed.
    pub is_end_known: bool,
}

/// The position up to which a followed log was read.
#[derive(Default)]
pub struct Followed {
    file: Option<(u64, u64)>,
    offset: u64,
    /// Whether to read the log from its start, because it did not exist at the first call.
    from_start: bool,
}

impl Audit {
    /// The log in the settings. Does not open it yet.
    #[must_use]
    pub fn new(settings: &Settings, env: &Env) -> Self {
        let user = ["USER", "LOGNAME"]
            .iter()
            .find_map(|name| env.get(name))
            .map_or_else(
                || rustix::process::getuid().as_raw().to_string(),
                str::to_owned,
            );
        Self {
            path: settings.audit_log.clone(),
            heads: settings.state.join("audit-heads"),
            user,
            person: Person::default(),
            max_bytes: MAX_BYTES,
        }
    }

    /// This log for the session whose token has this digest. Its lines name the person in Vault,
    /// once the person is known.
    #[must_use]
    pub fn of_session(self, settings: &Settings, digest: Option<String>) -> Self {
        Self {
            person: Person::of(&settings.state, digest),
            ..self
        }
    }

    /// Whether the session's person is known, so that Vault need not be asked.
    #[must_use]
    pub fn knows_person(&self) -> bool {
        self.person.is_known()
    }

    /// Remembers the session's person, for this log and later commands. Errors are ignored.
    pub fn remember_person(&self, person: &str) {
        self.person.remember(person);
    }

    /// The path of the log's current file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the log can be opened for writing.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`] if it cannot.
    pub fn check(&self) -> Result<()> {
        place::open_log(&self.path)
            .map(drop)
            .map_err(|source| Error::AuditUnwritable {
                path: self.path.clone(),
                source,
            })
    }

    /// Appends one event. `service` and `details` contain only names, and they are escaped: no
    /// content can start a line or field of its own. The event is written even if the future is
    /// dropped.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`], also if another program holds the lock for two seconds.
    pub async fn record(&self, action: Action, service: &str, details: &str) -> Result<()> {
        let (log, service, details) = (self.clone(), service.to_owned(), details.to_owned());
        let written =
            tokio::task::spawn_blocking(move || log.append(action, &service, &details)).await;
        // The thread fails to answer only when the whole program is ending.
        let written = written.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()));
        written.map_err(|source| Error::AuditUnwritable {
            path: self.path.clone(),
            source,
        })
    }

    /// Appends one event without waiting for the write. For events on which nothing depends: an
    /// event is lost if it cannot be written or if the program is about to end.
    pub fn note(&self, action: Action, service: &str, details: &str) {
        let (log, service, details) = (self.clone(), service.to_owned(), details.to_owned());
        let write = move || drop(log.append(action, &service, &details));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }

    /// Appends one event. Blocks, so it needs a thread of its own.
    fn append(&self, action: Action, service: &str, details: &str) -> std::io::Result<()> {
        let head_path = self.head_path();
        let mut file = place::locked(&self.path)?;
        let mut known = Head::read(&head_path);
        // Without a record of its end, nothing proves that a log with a chain is intact: it may come
        // from a cloned repository. A new chain is started.
        let mut is_foreign = known.is_none() && self.has_chain(&mut file)?;
        if is_foreign && self.start_new_chain(&mut file, &head_path) {
            drop(file);
            file = place::locked(&self.path)?;
            (known, is_foreign) = (Head::read(&head_path), false);
        }
        if file.metadata()?.len() >= self.max_bytes {
            place::rotate(&self.path)?;
            drop(file);
            file = place::locked(&self.path)?;
            known = Head::read(&head_path);
        }
        let Head {
            link, count, first, ..
        } = self.end(&mut file, known.as_ref())?;
        let time = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S");
        let text = format!(
            "[{time} UTC] USER={} ACTION={} SERVICE={} DETAILS={}",
            field(&self.person.with(&self.user)),
            action.word(),
            field(service),
            field(details)
        );
        let next = next_link(&link, text.as_bytes());
        // Record the intended line first: after a crash, the line may or may not be in the log.
        let record = |head: Head| {
            if is_foreign {
                return Err(std::io::Error::other("the log comes from elsewhere"));
            }
            head.write(&head_path)
        };
        let noted = record(Head {
            link,
            count,
            first,
            next: Some(next),
        });
        if let (Err(error), true) = (&noted, known.is_some()) {
            return Err(std::io::Error::new(error.kind(), error.to_string()));
        }
        let length = file.metadata()?.len();
        if let Err(error) = file.write_all(format!("{text}{CHAIN}{}\n", text_of(&next)).as_bytes())
        {
            // A line cut short by a full disk would break the chain permanently.
            let _ = file.set_len(length);
            return Err(error);
        }
        // Without a state folder the log is still written, but its end is not recorded.
        let noted = noted.and_then(|_| {
            record(Head {
                link: next,
                count: count.map(|count| count + 1),
                first,
                next: None,
            })
        });
        // Other processes need not wait for the disk: they already see the line.
        file.unlock()?;
        if !action.must_survive() {
            return Ok(());
        }
        if let Ok(noted) = noted {
            noted.sync_data()?;
        }
        file.sync_data()
    }

    /// Whether the log has an earlier file or a line of a chain.
    fn has_chain(&self, file: &mut File) -> std::io::Result<bool> {
        if !place::earlier(&self.path).is_empty() {
            return Ok(true);
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes
            .split(|byte| *byte == b'\n')
            .any(|line| split_link(line).is_some()))
    }

    /// Rotates a log whose end the state folder does not record, and starts a new chain after it.
    /// Returns `false` if the state folder or the log cannot be written; the log then stays in use,
    /// and its end is not recorded.
    fn start_new_chain(&self, file: &mut File, head_path: &Path) -> bool {
        let Some(number) = place::next_rotation_number(&self.path) else {
            return false;
        };
        let is_empty = file.metadata().is_ok_and(|found| found.len() == 0);
        let head = Head {
            link: hash_of_unchained(b""),
            count: Some(0),
            first: if is_empty { number } else { number + 1 },
            next: None,
        };
        if head.write(head_path).is_err() {
            return false;
        }
        let is_done = is_empty || place::rotate(&self.path).is_ok();
        if !is_done {
            let _ = std::fs::remove_file(head_path);
        }
        is_done
    }

    /// The end of the chain, which the next line continues. The end recorded in the state folder
    /// takes precedence over the log: if lines were cut off, the chain continues from the last
    /// missing line, so that verification detects the gap.
    fn end(&self, file: &mut File, known: Option<&Head>) -> std::io::Result<Head> {
        let last = end_of(file)?;
        let is_torn = last.ends_open && known.is_some_and(|head| head.next.is_some());
        if is_torn {
            // This program crashed during the write: remove the incomplete line.
            file.set_len(last.line_starts)?;
        } else if last.ends_open {
            file.write_all(b"\n")?;
        }
        match known {
            Some(Head {
                count: Some(count),
                next: Some(next),
                first,
                ..
            }) if !is_torn && last.link.as_ref() == Some(next) => Ok(Head {
                link: *next,
                count: Some(count + 1),
                first: *first,
                next: None,
            }),
            Some(head) if head.count.is_some() => Ok(head.clone()),
            Some(Head { link, first, .. }) => Ok(Head {
                link: *link,
                count: Some(self.walk(file, *first)?.0.end().1),
                first: *first,
                next: None,
            }),
            None => {
                let (link, count) = self.walk(file, 1)?.0.end();
                Ok(Head {
                    link,
                    count: Some(count),
                    first: 1,
                    next: None,
                })
            }
        }
    }

    /// Reads the whole chain from file number `first` on; `file` is the locked log. Also returns
    /// the number of files.
    fn walk(&self, file: &mut File, first: u64) -> std::io::Result<(ChainWalk, usize)> {
        let mut walk = ChainWalk::new();
        let mut files = 1;
        for (number, path) in place::earlier(&self.path) {
            if number >= first {
                walk.read(&name_of(&path), &place::content(&path)?);
                files += 1;
            }
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        walk.read(&name_of(&self.path), &bytes);
        Ok((walk, files))
    }

    /// The file in which the end of this log is recorded. It is the same for every path that leads
    /// to the log's folder.
    fn head_path(&self) -> PathBuf {
        let folder = self
            .path
            .parent()
            .and_then(|folder| folder.canonicalize().ok());
        let path = folder
            .zip(self.path.file_name())
            .map_or_else(|| self.path.clone(), |(folder, name)| folder.join(name));
        let name = text_of(&hex(&Sha256::digest(path.as_os_str().as_encoded_bytes())));
        self.heads.join(&name[..16])
    }

    /// The lines of all events, without their chains, the oldest file first; empty if there is no
    /// log. Lines that are not events are left out, because anyone could have written them.
    ///
    /// # Errors
    /// [`Error::Io`] if a file of the log cannot be read.
    pub fn lines(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for path in place::earlier(&self.path)
            .into_iter()
            .map(|(_, path)| path)
            .chain([self.path.clone()])
        {
            let bytes = place::content(&path).map_err(Error::io("read", &path))?;
            lines.extend(events(&bytes));
        }
        Ok(lines)
    }

    /// The events added since the previous call. The first call returns none and starts at the end
    /// of the log.
    ///
    /// # Errors
    /// [`Error::Io`] if the log cannot be read.
    pub fn new_lines(&self, followed: &mut Followed) -> Result<Vec<String>> {
        let read = |path: &Path, offset: u64| -> std::io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let Ok(found) = std::fs::symlink_metadata(&self.path) else {
            followed.from_start = true;
            return Ok(Vec::new());
        };
        let now = (found.dev(), found.ino());
        let mut bytes = Vec::new();
        match followed.file {
            None => followed.offset = if followed.from_start { 0 } else { found.len() },
            Some(before) if before != now => {
                // The log was rotated: read the rest of the old file first.
                if let Some((_, path)) = place::earlier(&self.path).pop() {
                    bytes = read(&path, followed.offset).unwrap_or_default();
                }
                followed.offset = 0;
            }
            Some(_) => {}
        }
        followed.file = Some(now);
        let mut newer = read(&self.path, followed.offset).map_err(Error::io("read", &self.path))?;
        // An incomplete line is left for the next call.
        newer.truncate(
            newer
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1),
        );
        followed.offset += newer.len() as u64;
        bytes.extend(newer);
        Ok(events(&bytes))
    }

    /// Who wrote the given versions of a service, by version number. `wanted` pairs each version
    /// with the time it was written (RFC 3339). Blocks. Empty unless the log is intact and its end
    /// is recorded, because others can write lines too.
    #[must_use]
    pub fn writers(&self, service: &str, wanted: &[(u64, String)]) -> BTreeMap<u64, String> {
        let wanted: Vec<(u64, Timestamp)> = wanted
            .iter()
            .filter_map(|(version, time)| Some((*version, time.parse().ok()?)))
            .collect();
        let mut found = BTreeMap::new();
        for event in self.vouched().unwrap_or_default() {
            let wrote = wanted
                .iter()
                .find(|(version, created)| event.wrote(service, *version, *created));
            if let Some((version, _)) = wrote {
                found.insert(*version, event.user.clone());
            }
        }
        found
    }

    /// The events of the chain; `None` unless it is intact and ends as recorded in the state
    /// folder.
    fn vouched(&self) -> Option<Vec<Event>> {
        let known = Head::read(&self.head_path())?;
        let mut file = place::locked(&self.path).ok()?;
        self.walk(&mut file, known.first)
            .ok()?
            .0
            .check(Some(&known))
            .ok()?;
        let mut events = Vec::new();
        let earlier = place::earlier(&self.path)
            .into_iter()
            .filter(|(number, _)| *number >= known.first);
        let mut texts: Vec<Vec<u8>> = earlier
            .map(|(_, path)| place::content(&path))
            .collect::<std::io::Result<_>>()
            .ok()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        let mut last = Vec::new();
        file.read_to_end(&mut last).ok()?;
        texts.push(last);
        for line in texts
            .iter()
            .flat_map(|text| text.split(|byte| *byte == b'\n'))
        {
            let Some((text, _)) = split_link(line) else {
                continue;
            };
            events.extend(Event::parse(&String::from_utf8_lossy(text)));
        }
        Some(events)
    }

    /// Checks the chain from the first line to the last.
    ///
    /// # Errors
    /// [`Error::AuditBroken`], which describes the damage; [`Error::NotFound`] if there is no log;
    /// [`Error::Io`].
    pub fn verify(&self) -> Result<Verified> {
        let known = Head::read(&self.head_path());
        let is_there = std::fs::symlink_metadata(&self.path).is_ok();
        if !is_there && known.is_none() && place::earlier(&self.path).is_empty() {
            return Err(Error::NotFound {
                missing: None,
                what: "an audit log".into(),
                hint: "the first command that uses Vault creates it".into(),
            });
        }
        let mut file = place::locked(&self.path).map_err(Error::io("lock", &self.path))?;
        self.verify_locked(&mut file)
    }

    fn verify_locked(&self, file: &mut File) -> Result<Verified> {
        // Read again: the end may have changed while this process waited for the lock.
        let known = Head::read(&self.head_path());
        let first = known.as_ref().map_or(1, |head| head.first);
        let (walk, files) = self
            .walk(file, first)
            .map_err(Error::io("read", &self.path))?;
        let counted = walk.check(known.as_ref()).map_err(Error::AuditBroken)?;
        Ok(Verified {
            path: self.path.clone(),
            lines: counted.lines,
            unchained: counted.unchained,
            files,
            is_end_known: known.is_some(),
        })
    }

    /// Starts a new chain if [`Audit::verify`] finds damage, and records the damage in its first
    /// line. The old files are kept. Returns a description of the damage; `None` for an intact log,
    /// which is not changed.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`], [`Error::NotFound`] if there is no log, [`Error::Io`].
    pub fn accept(&self) -> Result<Option<String>> {
        let unwritable = |source| Error::AuditUnwritable {
            path: self.path.clone(),
            source,
        };
        let wrong = match self.verify() {
            Ok(_) => return Ok(None),
            Err(Error::AuditBroken(wrong)) => wrong,
            Err(error) => return Err(error),
        };
        let mut file = place::locked(&self.path).map_err(unwritable)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", &self.path))?;
        let last = if bytes.is_empty() {
            place::earlier(&self.path)
                .last()
                .map_or(0, |(number, _)| *number)
        } else {
            place::rotate(&self.path).map_err(unwritable)?
        };
        let head = Head {
            link: hash_of_unchained(b""),
            count: Some(0),
            first: last + 1,
            next: None,
        };
        head.write(&self.head_path()).map_err(unwritable)?;
        drop(file);
        let details = format!(
            "accepted: {wrong}; what lay there has SHA-256 {}",
            text_of(&hash_of_unchained(&bytes))
        );
        self.append(Action::NewChain, "", &details)
            .map_err(unwritable)?;
        Ok(Some(wrong))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| {
        printable(&name.to_string_lossy(), false)
    })
}

/// The lines that are events, without their chains.
fn events(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let bare = text
        .lines()
        .map(|line| line.split_once(CHAIN).map_or(line, |(text, _)| text));
    bare.filter(|line| Event::parse(line).is_some())
        .map(str::to_owned)
        .collect()
}

/// Escapes everything that could start a line, a field or a chain. Spaces are kept.
fn field(text: &str) -> String {
    if text.is_empty() {
        "-".into()
    } else {
        printable(text, false).replace('=', "\\u{3d}")
    }
}

/// The end of the log's current file.
struct Last {
    /// The link of the last line, if it has one.
    link: Option<Link>,
    /// Whether the last line lacks a line break, for example after a crash.
    ends_open: bool,
    /// The offset in bytes at which the last line starts.
    line_starts: u64,
}

fn end_of(file: &mut File) -> std::io::Result<Last> {
    const WINDOW: u64 = 64 * 1024;
    let size = file.metadata()?.len();
    let start = size.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let ends_open = tail.last().is_some_and(|byte| *byte != b'\n');
    let body = tail.strip_suffix(b"\n").unwrap_or(&tail);
    let begins = body
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let link = split_link(&body[begins..]).map(|(_, link)| link);
    Ok(Last {
        link,
        ends_open,
        line_starts: start + begins as u64,
    })
}
