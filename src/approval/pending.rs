//! Plans that wait for a person elsewhere: in memory only, at most [`MOST`], for five minutes.
//!
//! A process that may not ask anybody itself (the MCP server) keeps its plans here and listens on a
//! socket in a folder that only this user may enter. `claude-vault approve pending`, run by the
//! person in a terminal of their own, shows a plan and sends the answer back, with the digest of
//! what was shown: an answer to anything else counts for nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};

use super::{Approver, Change, Proof, Question};
use crate::error::{Error, Result};
use crate::secret::WayOut;

/// How many plans may wait.
pub const MOST: usize = 32;
/// How long one waits.
pub const LIFE: Duration = Duration::from_secs(300);
/// The longest line on the socket, in bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// A plan as it is shown to the person: everything but the values.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Shown {
    /// Names the plan; random.
    pub id: String,
    /// Of the whole plan, values included, with the id: an answer must repeat it.
    pub digest: String,
    /// Who asks: the client's name and the tool.
    pub asked_by: String,
    /// `MOUNT/PREFIX/SERVICE`.
    pub path: String,
    /// The version that would be replaced; 0 for a new service.
    pub base: u64,
    /// The keys, and how each changes.
    pub keys: Vec<(String, Change)>,
    /// How many other keys stay as they are.
    pub untouched: usize,
    /// What deserves a second look.
    pub warnings: Vec<String>,
    /// Seconds until it expires.
    pub seconds_left: u64,
}

struct Plan {
    shown: Shown,
    made: Instant,
    answer: oneshot::Sender<bool>,
}

/// The plans of this process that wait.
#[derive(Default)]
pub struct Pending(Mutex<BTreeMap<String, Plan>>);

/// What is asked and answered on the socket, a line each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    List,
    Answer { id: String, digest: String, yes: bool },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Plans(Vec<Shown>),
    Taken(bool),
}

impl Pending {
    fn plans(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Plan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, asked_by: &str, question: &Question<'_>) -> Result<(String, oneshot::Receiver<bool>)> {
        let id = random_id()?;
        let (answer, answered) = oneshot::channel();
        let shown = Shown {
            digest: digest(&id, question),
            id: id.clone(),
            asked_by: asked_by.to_owned(),
            path: question.path.to_owned(),
            base: question.base,
            keys: question.keys.iter().map(|(key, change, _)| ((*key).to_owned(), *change)).collect(),
            untouched: question.untouched,
            warnings: question.warnings.to_vec(),
            seconds_left: LIFE.as_secs(),
        };
        let mut plans = self.plans();
        plans.retain(|_, plan| plan.made.elapsed() < LIFE && !plan.answer.is_closed());
        if plans.len() >= MOST {
            return Err(Error::invalid(
                format!("{MOST} changes are waiting for approval already"),
                "ask the person to run: claude-vault approve pending",
            ));
        }
        plans.insert(id.clone(), Plan { shown, made: Instant::now(), answer });
        Ok((id, answered))
    }

    /// The plans that wait, the oldest first.
    fn list(&self) -> Vec<Shown> {
        let plans = self.plans();
        let mut all: Vec<(&Instant, Shown)> = plans
            .values()
            .filter(|plan| plan.made.elapsed() < LIFE && !plan.answer.is_closed())
            .map(|plan| (&plan.made, Shown { seconds_left: (LIFE - plan.made.elapsed()).as_secs(), ..plan.shown.clone() }))
            .collect();
        all.sort_by_key(|(made, _)| **made);
        all.into_iter().map(|(_, shown)| shown).collect()
    }

    /// Takes an answer to exactly this plan, once.
    fn answer(&self, id: &str, digest: &str, yes: bool) -> bool {
        let mut plans = self.plans();
        let matches = plans.get(id).is_some_and(|plan| plan.shown.digest == digest && plan.made.elapsed() < LIFE);
        matches && plans.remove(id).is_some_and(|plan| plan.answer.send(yes).is_ok())
    }
}

/// Binds an answer to the plan: id, path, version, keys and values.
fn digest(id: &str, question: &Question<'_>) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(id.as_bytes());
    part(question.path.as_bytes());
    part(&question.base.to_be_bytes());
    for (key, _, value) in &question.keys {
        part(key.as_bytes());
        part(value.secret().expose(WayOut::Inspection).as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 128 random bits.
///
/// # Errors
/// When the operating system gives none.
pub fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::invalid("the operating system gives no random numbers", "try again"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Asks by waiting for somebody elsewhere.
pub struct Elsewhere {
    /// Where the plan waits.
    pub pending: Arc<Pending>,
    /// Who asks, as the person is told.
    pub asked_by: String,
    /// Its sender is dropped when nobody wants the change any more.
    pub wanted: watch::Receiver<()>,
}

impl Approver for Elsewhere {
    async fn ask(&self, question: &Question<'_>) -> Result<Proof> {
        let (id, answered) = self.pending.add(&self.asked_by, question)?;
        let mut wanted = self.wanted.clone();
        let answer = tokio::select! {
            answer = answered => answer.ok(),
            () = tokio::time::sleep(LIFE) => None,
            _ = wanted.changed() => None,
        };
        self.pending.plans().remove(&id);
        match answer {
            Some(true) => Ok(Proof::Elsewhere),
            Some(false) => Err(Error::Declined),
            None => Err(Error::ApprovalExpired),
        }
    }
}

/// A socket that answers for this process's plans; gone when dropped.
pub struct Socket {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the sockets lie.
fn folder(state: &Path) -> PathBuf {
    state.join("pending")
}

/// Listens for the person's answers.
///
/// # Errors
/// [`Error::Io`].
pub fn listen(state: &Path, pending: Arc<Pending>) -> Result<Socket> {
    let folder = folder(state);
    let failed = |error| Error::io("listen in", &folder)(error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let path = folder.join(format!("{}-{}.sock", std::process::id(), &random_id()?[..8]));
    let listener = UnixListener::bind(&path).map_err(failed)?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if is_ours(&stream) {
                tokio::spawn(serve(stream, pending.clone()));
            }
        }
    });
    Ok(Socket { path, task })
}

/// Whether the process at the other end is this user's.
fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

async fn serve(stream: UnixStream, pending: Arc<Pending>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAX_LINE)).lines();
    while let Ok(Ok(Some(line))) = tokio::time::timeout(LIFE, lines.next_line()).await {
        let reply = match serde_json::from_str(&line) {
            Ok(Request::List) => Reply::Plans(pending.list()),
            Ok(Request::Answer { id, digest, yes }) => Reply::Taken(pending.answer(&id, &digest, yes)),
            Err(_) => return,
        };
        let Ok(mut text) = serde_json::to_vec(&reply) else { return };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() {
            return;
        }
    }
}

/// A plan that waits in another process of this user.
pub struct Waiting {
    /// The plan.
    pub shown: Shown,
    socket: PathBuf,
}

/// The plans that wait in all processes of this user. Sockets that nobody answers are removed.
///
/// # Errors
/// [`Error::Io`] when their folder cannot be read.
pub async fn waiting(state: &Path) -> Result<Vec<Waiting>> {
    let folder = folder(state);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let mut found = Vec::new();
    for socket in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        match ask(&socket, &Request::List).await {
            Some(Reply::Plans(plans)) => found.extend(plans.into_iter().map(|shown| Waiting { shown, socket: socket.clone() })),
            Some(Reply::Taken(_)) => {}
            None => drop(std::fs::remove_file(&socket)),
        }
    }
    found.sort_by_key(|one| one.shown.seconds_left);
    Ok(found)
}

impl Waiting {
    /// Sends the person's answer. Whether it was still waited for.
    pub async fn answer(&self, yes: bool) -> bool {
        let Shown { id, digest, .. } = &self.shown;
        let request = Request::Answer { id: id.clone(), digest: digest.clone(), yes };
        matches!(ask(&self.socket, &request).await, Some(Reply::Taken(true)))
    }
}

/// `None` when nobody is there who is of this user and answers.
async fn ask(socket: &Path, request: &Request) -> Option<Reply> {
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await.ok().filter(is_ours)?;
        let mut text = serde_json::to_vec(request).ok()?;
        text.push(b'\n');
        stream.write_all(&text).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_LINE)).read_line(&mut line).await.ok()?;
        serde_json::from_str(&line).ok()
    };
    tokio::time::timeout(Duration::from_secs(5), exchange).await.ok()?
}

/// The word for a change.
#[must_use]
pub fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "new",
        Change::Changed => "changed",
        Change::Unchanged => "unchanged",
    }
}
