//! Calls that may need a person. The work runs in the background, the person is sent to the
//! approval page, and the call returns the outcome, or a token or state with which the client calls
//! again.
//!
//! A client's claim that its person looked at the page approves nothing. The state that it sends
//! back is an opaque name for a change in this process: it works once, for the same tool and the
//! same arguments.

mod asker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{ElicitRequestParams, ElicitationAction, JsonObject};
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::channels::{ApprovalChannels, lock};
use super::job::Job;
use super::public::Handle;
use super::refusal::Refusal;
use crate::approval::pending::{AskedBy, LIFE, hash_of};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::login::open_browser;
use crate::random;
pub(super) use asker::Asker;

/// How long a call waits, at least, to find out whether a person must be asked.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for running changes when the client disconnects.
const SETTLE_WAIT: Duration = Duration::from_secs(5);

/// A change that waits for a person or is being made.
struct Change {
    fingerprint: [u8; 32],
    job: Job<serde_json::Value, Refusal>,
    /// The id of the plan that the person is asked about, and the address of its page.
    page: watch::Receiver<Option<(String, String)>>,
    /// The id of the plan that the person was last sent to.
    brought: Mutex<Option<String>>,
    /// The state that the client must send back. It works once.
    request_state: Mutex<Option<String>>,
    made: Instant,
    /// Dropped when no call wants the change any more. An approved change is still completed.
    wanted: Mutex<Option<watch::Sender<()>>>,
}

impl Change {
    fn give_up(&self) {
        lock(&self.wanted).take();
    }
}

/// Gives up a change when the call that waits for it is dropped.
struct Waiting<'a>(Option<&'a Change>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(change) = self.0 {
            change.give_up();
        }
    }
}

/// How the person is sent to the page.
pub(super) enum Route {
    /// This server opens the browser.
    Browser,
    /// The client opens it, on a request sent during the call (MCP up to revision 2025-11-25).
    Elicit(Peer<RoleServer>),
    /// The client opens it, because the call's result asks for it (MCP from revision 2026-07-28).
    InputRequired,
}

/// Who calls, and what the client sent back from the person.
pub(super) struct Caller {
    /// The name that the client gives itself.
    pub(super) client: Option<String>,
    pub(super) reach: Route,
    /// The state from an earlier result that asked for input.
    pub(super) request_state: Option<String>,
    /// Whether the person declined in the client's own dialog. Accepting there only means that they
    /// looked at the page.
    pub(super) declined: bool,
}

/// The result of a call that may need a person.
pub(super) enum CallResult {
    /// The work has finished with this reply.
    Done(serde_json::Value),
    /// The person has not answered yet. The client can call again with this token.
    Pending(Handle),
    /// The client must send the person to this page, then call again with this state.
    Look { url: String, request_state: String },
}

/// A call, in a form that can be compared with a later call.
pub(super) struct Call<'a> {
    pub(super) tool: &'static str,
    /// All arguments except the approval token.
    pub(super) arguments: &'a JsonObject,
    /// The approval token among the arguments.
    pub(super) token: Option<&'a str>,
    /// Whether the same arguments, without a token, resume a change that waits.
    pub(super) resumes: bool,
}

/// Counts a change as running until it is dropped.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(running: &watch::Sender<usize>) -> Self {
        running.send_modify(|count| *count += 1);
        Self(running.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// The changes of this process.
pub(super) struct Changes {
    channels: Arc<ApprovalChannels>,
    browser: Option<String>,
    all: Mutex<BTreeMap<String, Arc<Change>>>,
    /// How many changes are running.
    running: watch::Sender<usize>,
    salt: String,
    patience: Duration,
    /// Becomes true when the client disconnects.
    ended: watch::Sender<bool>,
}

impl Changes {
    pub(super) fn new(
        channels: Arc<ApprovalChannels>,
        browser: Option<String>,
        patience: Duration,
        ended: watch::Sender<bool>,
    ) -> Result<Self> {
        Ok(Self {
            channels,
            browser,
            all: Mutex::default(),
            running: watch::Sender::new(0),
            salt: random::id()?,
            patience,
            ended,
        })
    }

    /// Starts `work` with a person who can be asked, or waits for a change that an earlier call
    /// began: the change named by the client's state, by the approval token, or by the same
    /// arguments if `call.resumes`.
    pub(super) async fn run<F>(
        self: &Arc<Self>,
        core: &Arc<Core>,
        caller: &Caller,
        call: &Call<'_>,
        work: impl FnOnce(Asker) -> F,
    ) -> std::result::Result<CallResult, Refusal>
    where
        F: Future<Output = std::result::Result<serde_json::Value, Refusal>> + Send + 'static,
    {
        let fingerprint = self.fingerprint(call);
        let (token, change) = match self.resume(core, caller, call, fingerprint)? {
            Some(resumed) => resumed,
            None => self.begin(core, caller, call.tool, fingerprint, work)?,
        };
        let mut page = change.page.clone();
        if caller.declined
            && let Some((id, _)) = &*page.borrow()
        {
            self.channels.pending.deny(id);
        }
        let mut waiting = Waiting(Some(&change));
        // Wait at least until the person is asked, so that this call reports any error before that.
        let first = if page.borrow().is_some() {
            Duration::ZERO
        } else {
            FIRST_PATIENCE
        };
        let mut deadline = Instant::now() + self.patience.max(first);
        let mut ended = self.ended.subscribe();
        loop {
            let asked = page.borrow_and_update().clone();
            if let Some((id, url)) = asked
                .filter(|(id, _)| lock(&change.brought).replace(id.clone()).as_ref() != Some(id))
            {
                deadline = deadline.min(Instant::now() + self.patience);
                if let Some(request_state) = self.send_to_page(caller, id, &url)? {
                    *lock(&change.request_state) = Some(request_state.clone());
                    waiting.0 = None;
                    return Ok(CallResult::Look { url, request_state });
                }
            }
            tokio::select! {
                () = change.job.done() => break,
                Ok(()) = page.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    waiting.0 = None;
                    return Ok(CallResult::Pending(Handle::random(token)));
                }
                _ = ended.wait_for(|ended| *ended) => return Ok(CallResult::Pending(Handle::random(token))),
            }
        }
        lock(&self.all).remove(&token);
        change
            .job
            .take()
            .unwrap_or(Err(Error::ApprovalUnknown.into()))
            .map(CallResult::Done)
    }

    /// Starts the work as a new change. Returns the change and its token.
    fn begin<F>(
        &self,
        core: &Arc<Core>,
        caller: &Caller,
        tool: &str,
        fingerprint: [u8; 32],
        work: impl FnOnce(Asker) -> F,
    ) -> Result<(String, Arc<Change>)>
    where
        F: Future<Output = std::result::Result<serde_json::Value, Refusal>> + Send + 'static,
    {
        let (sender, wanted) = watch::channel(());
        let (found, page) = watch::channel(None);
        let asked_by = asked_by(caller.client.as_deref(), tool);
        let asker = Asker::new(core.clone(), self.channels.clone(), asked_by, wanted, found);
        let (work, running) = (work(asker), Running::new(&self.running));
        let job = Job::start(async move {
            let outcome = work.await;
            drop(running);
            outcome
        });
        let change = Arc::new(Change {
            fingerprint,
            job,
            page,
            brought: Mutex::default(),
            request_state: Mutex::default(),
            made: Instant::now(),
            wanted: Mutex::new(Some(sender)),
        });
        let token = random::id()?;
        let mut changes = lock(&self.all);
        // Finished changes are kept for a while too: the client may still call again for the
        // outcome.
        changes.retain(|_, change| change.made.elapsed() < 2 * LIFE);
        changes.insert(token.clone(), change.clone());
        Ok((token, change))
    }

    /// Sends the person to a page. Returns the state that the client must send back, if the result
    /// of the call must ask the client to open the page.
    fn send_to_page(
        self: &Arc<Self>,
        caller: &Caller,
        id: String,
        url: &str,
    ) -> Result<Option<String>> {
        match &caller.reach {
            Route::Browser => self.open_tab(url),
            // The open page shows the new plan too.
            Route::Elicit(_) | Route::InputRequired if self.channels.pending.is_page_open() => {}
            Route::Elicit(peer) => {
                let (peer, changes, params, page) = (
                    peer.clone(),
                    self.clone(),
                    elicitation(url, &id),
                    url.to_owned(),
                );
                tokio::spawn(async move {
                    let answer = peer
                        .create_elicitation_with_timeout(params, Some(LIFE))
                        .await;
                    match answer.map(|answer| answer.action) {
                        Ok(ElicitationAction::Accept) => {}
                        Ok(ElicitationAction::Decline) => drop(changes.channels.pending.deny(&id)),
                        // The client did not show the page, so open it in the browser.
                        Ok(_) | Err(_) => changes.open_tab(&page),
                    }
                });
            }
            Route::InputRequired => return Ok(Some(random::id()?)),
        }
        Ok(None)
    }

    /// Opens the page in the browser, unless a tab shows it already or too many were opened.
    fn open_tab(&self, url: &str) {
        if self.channels.pending.wants_tab() {
            let _ = open_browser(url, self.browser.as_deref(), || ());
        }
    }

    /// The change that a call resumes. Fails if tool or arguments differ from the call that began
    /// it.
    fn resume(
        &self,
        core: &Core,
        caller: &Caller,
        call: &Call<'_>,
        fingerprint: [u8; 32],
    ) -> Result<Option<(String, Arc<Change>)>> {
        let mut changes = lock(&self.all);
        let named =
            |(name, change): &(&String, &Arc<Change>)| match (&caller.request_state, call.token) {
                (Some(state), _) => lock(&change.request_state).as_ref() == Some(state),
                (None, Some(token)) => *name == token,
                // A change that asks no person ends with the call that began it.
                (None, None) => {
                    let is_asked = change.page.borrow().is_some();
                    call.resumes
                        && is_asked
                        && change.fingerprint == fingerprint
                        && change.made.elapsed() < LIFE
                }
            };
        let found = changes
            .iter()
            .find(named)
            .map(|(name, change)| (name.clone(), change.clone()));
        let Some((name, change)) = found else {
            return if caller.request_state.is_none() && call.token.is_none() {
                Ok(None)
            } else {
                Err(Error::ApprovalUnknown)
            };
        };
        lock(&change.request_state).take();
        if change.fingerprint == fingerprint {
            return Ok(Some((name, change)));
        }
        // An approval sent with other arguments writes neither the old nor the new values.
        changes.remove(&name);
        change.give_up();
        Err(approval_mismatch(core, call.tool))
    }

    /// Gives up all pending changes. Approved changes are still completed.
    pub(super) fn forget(&self) {
        std::mem::take(&mut *lock(&self.all))
            .values()
            .for_each(|change| change.give_up());
    }

    /// Waits until no change is running any more, at most [`SETTLE_WAIT`].
    pub(super) async fn settle(&self) {
        let mut running = self.running.subscribe();
        let _ = tokio::time::timeout(SETTLE_WAIT, running.wait_for(|count| *count == 0)).await;
    }

    fn fingerprint(&self, call: &Call<'_>) -> [u8; 32] {
        let arguments =
            zeroize::Zeroizing::new(serde_json::Value::Object(call.arguments.clone()).to_string());
        hash_of(
            [
                self.salt.as_bytes(),
                call.tool.as_bytes(),
                arguments.as_bytes(),
            ]
            .into_iter(),
        )
    }
}

/// Records in the audit log that a call came with another call's approval, and returns the error.
pub(super) fn approval_mismatch(core: &Core, tool: &str) -> Error {
    core.audit.note(
        Action::ApprovalMismatch,
        "",
        &format!("{tool} came with another call's approval"),
    );
    Error::ApprovalMismatch
}

/// The request that the client show the page to its person.
pub(super) fn elicitation(url: &str, id: &str) -> ElicitRequestParams {
    ElicitRequestParams::UrlElicitationParams {
        meta: None,
        message: "claude-vault asks for your approval on a page on your own machine".into(),
        url: url.to_owned(),
        elicitation_id: id.to_owned(),
    }
}

/// Who asks, as shown to the person.
fn asked_by(client: Option<&str>, tool: &str) -> AskedBy {
    AskedBy::Client {
        name: client.unwrap_or("an MCP client").to_owned(),
        tool: tool.to_owned(),
    }
}
