//! Access to a process's plans from another terminal of the same person: a socket in a folder that
//! only this user may enter. An answer must repeat the digest of the plan that was shown, otherwise
//! it is ignored. An approval is also ignored if the plan needs a stronger proof. The socket also
//! gives out a new address of the page, which voids the previous address.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use zeroize::Zeroizing;

use super::pending::{LIFE, Pending, ShownPlan, SignInPage};
use super::{Approval, Proof};
use crate::config::Strength;
use crate::error::{Error, Result};
use crate::private;
use crate::random;
use crate::secret::{Secret, WayOut};

/// The longest request, in bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;
/// The longest reply, in bytes: plans show the text of files.
const MAX_REPLY: u64 = 64 * 1024 * 1024;

/// A request: one line of JSON. The reply is one line too.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    List,
    Notices,
    /// Makes a new address of the page.
    Address,
    Answer {
        id: String,
        digest: String,
        yes: bool,
        #[serde(default)]
        typed: BTreeMap<String, Secret>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Waiting {
        plans: Vec<ShownPlan>,
        sign_in: Option<SignInPage>,
        is_page_open: bool,
        notices: Vec<String>,
    },
    Taken(bool),
    Address(Option<String>),
}

/// A socket that gives access to this process's plans. Dropping it removes the socket.
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

/// How the name of a socket ends that is listened on.
const ENDING: &str = "sock";
/// How it ends before that. It is longer, so that a path that is too long is noticed at once.
const UNREADY: &str = "sock.new";

/// The folder of the sockets.
fn folder(state: &Path) -> PathBuf {
    state.join("pending")
}

/// Listens for the person's answers.
///
/// # Errors
/// [`Error::Io`] if the folder or the socket cannot be created.
pub fn listen(state: &Path, pending: Arc<Pending>) -> Result<Socket> {
    let folder = folder(state);
    let failed = |error| Error::io("listen in", &folder)(error);
    private::create_folder(&folder).map_err(failed)?;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    let path = folder.join(format!(
        "{}-{}.{ENDING}",
        std::process::id(),
        &random::id()?[..8]
    ));
    // The file exists before it is listened on, and a connection is refused in between, as if this
    // process had ended. It gets the name that others look for when it is ready.
    let unready = path.with_extension(UNREADY);
    let listener = UnixListener::bind(&unready).map_err(failed)?;
    std::fs::rename(&unready, &path).map_err(failed)?;
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if is_ours(&stream) => {
                    drop(tokio::spawn(serve(stream, pending.clone())));
                }
                Ok(_) => {}
                // For example, out of file descriptors: wait instead of spinning or stopping.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    Ok(Socket { path, task })
}

/// Whether the process at the other end belongs to this user.
fn is_ours(stream: &UnixStream) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

async fn serve(stream: UnixStream, pending: Arc<Pending>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAX_LINE)).lines();
    while let Ok(Ok(Some(line))) = tokio::time::timeout(LIFE, lines.next_line()).await {
        let line = Zeroizing::new(line);
        let reply = match serde_json::from_str(&line) {
            Ok(Request::List) => {
                let is_page_open = pending.is_page_open();
                // A program may be reading the list, as with `approve pending --json`, so the
                // notices are left for the person.
                Reply::Waiting {
                    plans: pending.list(),
                    sign_in: pending.sign_in(),
                    is_page_open,
                    notices: Vec::new(),
                }
            }
            Ok(Request::Notices) => {
                let notices = pending.notices();
                Reply::Waiting {
                    plans: Vec::new(),
                    sign_in: None,
                    is_page_open: pending.is_page_open(),
                    notices,
                }
            }
            Ok(Request::Address) => Reply::Address(pending.new_address()),
            Ok(Request::Answer {
                id,
                digest,
                yes,
                typed,
            }) => Reply::Taken(answer(&pending, &id, &digest, yes, typed)),
            Err(_) => return,
        };
        let Ok(mut text) = serde_json::to_vec(&reply) else {
            return;
        };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() {
            return;
        }
    }
}

/// Accepts an answer to exactly this plan, once.
fn answer(
    pending: &Pending,
    id: &str,
    digest: &str,
    yes: bool,
    typed: BTreeMap<String, Secret>,
) -> bool {
    let taken = pending.change(id, |plan| {
        if plan.shown.digest != digest {
            return false;
        }
        if !yes {
            return plan.answer(Err(Error::Declined));
        }
        let is_enough = plan.shown.proof == Strength::Typed
            && plan.shown.obstacle.is_none()
            && plan.shown.is_filled_by(&typed);
        is_enough
            && plan.answer(Ok(Approval {
                proof: Proof::Elsewhere,
                typed,
            }))
    });
    taken.unwrap_or(false)
}

/// The plans and the sign-in that wait in another process of this user.
pub struct Waiting {
    /// The plans.
    pub plans: Vec<ShownPlan>,
    /// Where the person continues a login that an AI assistant asked for.
    pub sign_in: Option<SignInPage>,
    /// Whether a browser tab shows the plans.
    pub is_page_open: bool,
    socket: PathBuf,
}

/// The plans and sign-ins that wait in all processes of this user. Removes the sockets of processes
/// that have ended.
///
/// # Errors
/// [`Error::Io`] if the folder of the sockets cannot be read.
pub async fn waiting(state: &Path) -> Result<Vec<Waiting>> {
    let folder = folder(state);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let mut found = Vec::new();
    let sockets = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
    for socket in sockets {
        match ask(&socket, "\"list\"").await {
            Some(Reply::Waiting {
                plans,
                sign_in,
                is_page_open,
                ..
            }) => {
                found.push(Waiting {
                    plans,
                    sign_in,
                    is_page_open,
                    socket,
                });
            }
            Some(Reply::Taken(_) | Reply::Address(_)) => {}
            None => remove_if_ended(&socket).await,
        }
    }
    Ok(found)
}

/// Removes the socket of a process that has ended. A process that is only slow keeps its socket.
async fn remove_if_ended(socket: &Path) {
    let is_refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    if UnixStream::connect(socket).await.is_err_and(is_refused) {
        drop(std::fs::remove_file(socket));
    }
}

impl Waiting {
    /// Takes the reasons that the process keeps for the person. Each is returned once.
    pub async fn notices(&self) -> Vec<String> {
        match ask(&self.socket, "\"notices\"").await {
            Some(Reply::Waiting { notices, .. }) => notices,
            Some(Reply::Taken(_) | Reply::Address(_)) | None => Vec::new(),
        }
    }

    /// Sends the person's answer to one of the plans, with the values typed for it. Returns whether
    /// the process accepted the answer.
    pub async fn answer(
        &self,
        plan: &ShownPlan,
        yes: bool,
        typed: &BTreeMap<String, Secret>,
    ) -> bool {
        let typed: BTreeMap<&str, &str> = typed
            .iter()
            .map(|(key, value)| (key.as_str(), value.expose(WayOut::ApprovalSocket)))
            .collect();
        let request = serde_json::json!({ "answer": { "id": plan.id, "digest": plan.digest, "yes": yes, "typed": typed } });
        let text = Zeroizing::new(request.to_string());
        matches!(ask(&self.socket, &text).await, Some(Reply::Taken(true)))
    }

    /// A new address of the page, which works once. The previous address and the tab that is open
    /// stop working. `None` if the process has ended or has no page.
    pub async fn new_address(&self) -> Option<String> {
        match ask(&self.socket, "\"address\"").await {
            Some(Reply::Address(address)) => address,
            Some(Reply::Waiting { .. } | Reply::Taken(_)) | None => None,
        }
    }
}

/// Sends a request. `None` if no process of this user answers within five seconds.
async fn ask(socket: &Path, request: &str) -> Option<Reply> {
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await.ok().filter(is_ours)?;
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.write_all(b"\n").await.ok()?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_REPLY))
            .read_line(&mut line)
            .await
            .ok()?;
        serde_json::from_str(&line).ok()
    };
    tokio::time::timeout(Duration::from_secs(5), exchange)
        .await
        .ok()?
}

#[cfg(test)]
mod tests {
    use super::{folder, listen, waiting};

    #[tokio::test]
    async fn a_socket_that_is_not_ready_yet_is_left_and_one_that_is_ready_answers() {
        let state = tempfile::tempdir().unwrap();
        let socket = listen(state.path(), std::sync::Arc::default()).unwrap();
        // Bound and not listened on: a connection to it is refused.
        let unready = folder(state.path()).join("1-00.sock.new");
        let _bound = std::os::unix::net::UnixDatagram::bind(&unready).unwrap();
        let gone = folder(state.path()).join("1-00.sock");
        drop(std::os::unix::net::UnixListener::bind(&gone).unwrap());
        assert_eq!(waiting(state.path()).await.unwrap().len(), 1);
        assert!(unready.exists() && socket.path.exists() && !gone.exists());
    }
}
