//! The audit log: one line an event, names only, each line chained to the one before.
//!
//! `[2026-01-31 10:35:00 UTC] USER=… ACTION=… SERVICE=… DETAILS=… CHAIN=…`. `CHAIN` is the SHA-256
//! (hex) of the previous line's chain and this line's text. Lines before the first chained one,
//! from the scripts of old, are sealed by it. The last chain and the number of lines are also kept
//! in the state folder: a line that is edited, removed, moved or cut off, and a log that is gone,
//! is found as long as nobody else can write that folder. Whoever can write both, such as any
//! program of the same account, can forge both.
//!
//! A log of [`MAX_BYTES`] is set aside as `NAME.1`, `NAME.2` and so on, and the chain goes on in a
//! new file.
//!
//! Any process of this user can hold the log's lock, and its disk can be slow. [`Audit::record`]
//! therefore writes on a thread of its own and waits for the lock two seconds at most: neither
//! stops another call.

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

use self::chain::{CHAIN, Link, Walk, chained, hex, seal, split_link, text_of};
use self::head::Head;
use self::person::Person;
use crate::config::{Env, Settings};
use crate::error::{Error, Result};
use crate::names::printable;

/// The size at which a log is set aside and a new file begins, in bytes: some forty thousand lines.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

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
    NewChain,
}

impl Action {
    /// Whether the line must be on the disk before anything else happens: what changes Vault.
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

/// The log of one root.
#[derive(Clone)]
pub struct Audit {
    path: PathBuf,
    /// Where the ends of logs are kept.
    heads: PathBuf,
    user: String,
    person: Person,
    max_bytes: u64,
}

/// What [`Audit::verify`] found in an intact log.
#[derive(serde::Serialize, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verified {
    /// The log's file.
    pub path: PathBuf,
    /// Chained lines, all intact, those of earlier files included.
    pub lines: usize,
    /// Lines of the scripts of old before them, sealed by the first chained line.
    pub unchained: usize,
    /// How many files the chain goes through.
    pub files: usize,
    /// Whether the state folder knows where the log ends: without that, lines cut from its end are
    /// not noticed.
    pub is_end_known: bool,
}

/// How far a log was read that is followed.
#[derive(Default)]
pub struct Followed {
    file: Option<(u64, u64)>,
    offset: u64,
    /// There was no log yet at first.
    from_start: bool,
}

impl Audit {
    /// The log that the settings name. Opens nothing yet.
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

    /// The same for the session with a token of this digest: its lines name the person in Vault,
    /// once that is known.
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

    /// Remembers the session's person, for this log and later commands. Best effort.
    pub fn meet(&self, person: &str) {
        self.person.meet(person);
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
        place::open_log(&self.path)
            .map(drop)
            .map_err(|source| Error::AuditUnwritable {
                path: self.path.clone(),
                source,
            })
    }

    /// Appends one event. `service` and `details` hold names only; whatever they hold, they cannot
    /// begin a line or a field of their own. An event whose call is given up is still written.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`], also when another program holds the lock for two seconds.
    pub async fn record(&self, action: Action, service: &str, details: &str) -> Result<()> {
        let (log, service, details) = (self.clone(), service.to_owned(), details.to_owned());
        let written =
            tokio::task::spawn_blocking(move || log.append(action, &service, &details)).await;
        // The thread ends without an answer only when the whole program does.
        let written = written.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()));
        written.map_err(|source| Error::AuditUnwritable {
            path: self.path.clone(),
            source,
        })
    }

    /// Appends one event without waiting for it, where nothing depends on it. An event that cannot
    /// be written, and one in the last moment of the program, is lost.
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
        let mut file = place::locked(&self.path)?;
        if file.metadata()?.len() >= self.max_bytes {
            place::set_aside(&self.path)?;
            drop(file);
            file = place::locked(&self.path)?;
        }
        let head_path = self.head_path();
        let mut known = Head::read(&head_path);
        if known.is_none() && end_of(&mut file)?.link.is_some() {
            // A log from elsewhere, as in a cloned repository. Nobody vouches for it: a new one
            // begins.
            known = self.begin_anew(&head_path);
            if known.is_some() {
                drop(file);
                file = place::locked(&self.path)?;
            }
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
        let next = chained(&link, text.as_bytes());
        // First the intention: after a crash the line may be there or not.
        let noted = Head {
            link,
            count,
            first,
            next: Some(next),
        }
        .write(&head_path);
        if let (Err(error), true) = (&noted, known.is_some()) {
            return Err(std::io::Error::new(error.kind(), error.to_string()));
        }
        let length = file.metadata()?.len();
        if let Err(error) = file.write_all(format!("{text}{CHAIN}{}\n", text_of(&next)).as_bytes())
        {
            // A line torn by a full disk would break the chain for good.
            let _ = file.set_len(length);
            return Err(error);
        }
        // Without a state folder the log is kept all the same: its end is then not known.
        let noted = noted.and_then(|_| {
            Head {
                link: next,
                count: count.map(|count| count + 1),
                first,
                next: None,
            }
            .write(&head_path)
        });
        // Others need not wait for the disk: they see the line already.
        file.unlock()?;
        if !action.must_survive() {
            return Ok(());
        }
        if let Ok(noted) = noted {
            noted.sync_data()?;
        }
        file.sync_data()
    }

    /// Sets a log aside that the state folder knows nothing of; `None` where the state folder
    /// cannot be written, and the log stays as it is.
    fn begin_anew(&self, head_path: &Path) -> Option<Head> {
        let first = place::next_number(&self.path)?;
        let head = Head {
            link: seal(b""),
            count: Some(0),
            first: first + 1,
            next: None,
        };
        head.write(head_path).ok()?;
        place::set_aside(&self.path).ok()?;
        Some(head)
    }

    /// What the next line follows. The state folder's word counts: after lines that were cut off,
    /// the chain goes on from the last of them, and shows that they are missing.
    fn end(&self, file: &mut File, known: Option<&Head>) -> std::io::Result<Head> {
        let last = end_of(file)?;
        let is_torn = last.ends_open && known.is_some_and(|head| head.next.is_some());
        if is_torn {
            // Ours, from a crash: what was begun did not happen.
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

    /// Reads the whole chain; `file` is the log, locked. Gives the number of files too.
    fn walk(&self, file: &mut File, first: u64) -> std::io::Result<(Walk, usize)> {
        let mut walk = Walk::new();
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

    /// Where the end of this log is kept. One log has one name, whatever way leads to it.
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

    /// Every event of the log as its line, without the chain, those of earlier files first; empty
    /// when there is no log. What is no event is left out: it may be anything that somebody put
    /// there.
    ///
    /// # Errors
    /// [`Error::Io`].
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

    /// The lines that came since the last call; at first, none but those that are written from now
    /// on.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn more(&self, followed: &mut Followed) -> Result<Vec<String>> {
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
                // It was set aside: first the rest of it.
                if let Some((_, path)) = place::earlier(&self.path).pop() {
                    bytes = read(&path, followed.offset).unwrap_or_default();
                }
                followed.offset = 0;
            }
            Some(_) => {}
        }
        followed.file = Some(now);
        let mut newer = read(&self.path, followed.offset).map_err(Error::io("read", &self.path))?;
        // A line that is being written comes with the next call.
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

    /// Who wrote the versions of a service, by number, of those that are asked for with the time
    /// they were written (RFC 3339). Blocks. Only an intact log whose end is known tells anything:
    /// others can write lines too.
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

    /// The events of the chain, where that is intact and ends as the state folder knows.
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
    /// [`Error::AuditBroken`] naming what does not hold; [`Error::NotFound`] without a log.
    pub fn verify(&self) -> Result<Verified> {
        let known = Head::read(&self.head_path());
        let is_there = std::fs::symlink_metadata(&self.path).is_ok();
        if !is_there && known.is_none() && place::earlier(&self.path).is_empty() {
            return Err(Error::NotFound {
                what: "an audit log".into(),
                hint: "one begins with the first command that uses Vault".into(),
            });
        }
        let mut file = place::locked(&self.path).map_err(Error::io("lock", &self.path))?;
        self.verify_locked(&mut file)
    }

    fn verify_locked(&self, file: &mut File) -> Result<Verified> {
        // Read again: it may have moved on while the lock was waited for.
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

    /// Starts a new chain after what [`Audit::verify`] finds wrong, and records that as its first
    /// line. The old files stay beside it. Gives what was wrong; `None` for an intact log, which
    /// stays as it is.
    ///
    /// # Errors
    /// [`Error::AuditUnwritable`], [`Error::NotFound`] without a log, [`Error::Io`].
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
            place::set_aside(&self.path).map_err(unwritable)?
        };
        let head = Head {
            link: seal(b""),
            count: Some(0),
            first: last + 1,
            next: None,
        };
        head.write(&self.head_path()).map_err(unwritable)?;
        drop(file);
        let details = format!(
            "accepted: {wrong}; what lay there has SHA-256 {}",
            text_of(&seal(&bytes))
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

/// Spaces stay; what could begin a line, a field or a chain does not.
fn field(text: &str) -> String {
    if text.is_empty() {
        "-".into()
    } else {
        printable(text, false).replace('=', "\\u{3d}")
    }
}

/// The end of the file that is written.
struct Last {
    /// The link of its last line, if that has one.
    link: Option<Link>,
    /// The last line lacks its line break, as after a crash.
    ends_open: bool,
    /// Where the last line begins.
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
