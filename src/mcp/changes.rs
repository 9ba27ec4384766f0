//! Calls that may need a person: the work goes on in the background, the person is brought to the
//! page, and the call ends with the outcome or with something to come back with.
//!
//! The client's own word that its person looked approves nothing. What it brings back is an opaque
//! name of a change in this process: it works once, for this tool and these arguments.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{ElicitRequestParams, ElicitationAction, JsonObject};
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::desk::{Desk, lock};
use super::job::Job;
use super::public::Handle;
use super::refusal::Refusal;
use crate::approval::pending::{AskedBy, LIFE, Person, hash_of, random_id};
use crate::approval::{Approval, Approver, Outcome, Question};
use crate::audit::Action;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::login::open_browser;

/// How long a call waits before it is known whether a person must be asked.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);

/// Something that waits for a person, or is being done.
struct Change {
    fingerprint: [u8; 32],
    job: Job<serde_json::Value, Refusal>,
    /// The plan that is asked about, and its page.
    page: watch::Receiver<Option<(String, String)>>,
    /// The plan that the person was last brought to.
    brought: Mutex<Option<String>>,
    /// What a client must bring back, once.
    request_state: Mutex<Option<String>>,
    made: Instant,
    /// Dropped when nobody wants the change any more. What was approved is still done to its end.
    wanted: Mutex<Option<watch::Sender<()>>>,
}

impl Change {
    fn give_up(&self) {
        lock(&self.wanted).take();
    }
}

/// Gives a change up when the call that waits for it is given up.
struct Waiting<'a>(Option<&'a Change>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(change) = self.0 {
            change.give_up();
        }
    }
}

type Bring = Box<dyn Fn(&str, &str) + Send + Sync>;

/// The person behind a call. The page is opened when the first question is asked.
pub(super) struct Asker {
    core: Arc<Core>,
    desk: Arc<Desk>,
    asked_by: AskedBy,
    wanted: watch::Receiver<()>,
    found: Arc<watch::Sender<Option<(String, String)>>>,
    person: Mutex<Option<Arc<Person<Bring>>>>,
}

impl Approver for Asker {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        self.core.session()?.alive()?;
        self.desk.listen();
        let found = self.found.clone();
        let bring: Bring = Box::new(move |id, url| {
            drop(found.send_replace(Some((id.to_owned(), url.to_owned()))))
        });
        let approvals = self.desk.approvals(&self.core).await?;
        let person = Arc::new(approvals.person(
            &self.core,
            self.asked_by.clone(),
            self.wanted.clone(),
            bring,
        )?);
        *lock(&self.person) = Some(person.clone());
        person.ask(question).await
    }

    fn ended(&self, outcome: &Outcome) {
        if let Some(person) = &*lock(&self.person) {
            person.ended(outcome);
        }
    }
}

/// How the person is brought to the page.
pub(super) enum Reach {
    /// This server opens the browser.
    Browser,
    /// The client is asked to, while the call goes on (to revision 2025-11-25).
    Elicit(Peer<RoleServer>),
    /// The client is asked to by the call's result (from revision 2026-07-28 on).
    InputRequired,
}

/// Who calls, and what the client brought back from the person.
pub(super) struct Caller {
    /// The name that the client gives itself.
    pub(super) client: Option<String>,
    pub(super) reach: Reach,
    /// From a result that asked for input.
    pub(super) request_state: Option<String>,
    /// The person declined in the client's own dialog. An accept means only that they looked.
    pub(super) declined: bool,
}

/// What a call that may need a person found.
pub(super) enum Waited {
    /// This came of it.
    Done(serde_json::Value),
    /// The person has not answered; the token to come back with.
    Pending(Handle),
    /// The client must bring the person to this page, and come back with this state.
    Look { url: String, request_state: String },
}

/// A call, as it can be compared with a later one.
pub(super) struct Call<'a> {
    pub(super) tool: &'static str,
    /// All arguments but the approval token.
    pub(super) arguments: &'a JsonObject,
    /// The approval token that came with it.
    pub(super) token: Option<&'a str>,
    /// Whether the same arguments alone continue a change that waits.
    pub(super) resumes: bool,
}

/// The changes of this process.
pub(super) struct Changes {
    desk: Arc<Desk>,
    browser: Option<String>,
    all: Mutex<BTreeMap<String, Arc<Change>>>,
    /// Held by each change that waits or is being done.
    busy: Arc<()>,
    salt: String,
    patience: Duration,
    /// Becomes true when the client is gone.
    ended: watch::Sender<bool>,
}

impl Changes {
    pub(super) fn new(
        desk: Arc<Desk>,
        browser: Option<String>,
        patience: Duration,
        ended: watch::Sender<bool>,
    ) -> Result<Self> {
        Ok(Self {
            desk,
            browser,
            all: Mutex::default(),
            busy: Arc::new(()),
            salt: random_id()?,
            patience,
            ended,
        })
    }

    /// Does `work` with a person who can be asked, or waits for what was begun before: named by the
    /// token, by what the client brought back, or by the same arguments if the call resumes.
    pub(super) async fn run<F>(
        self: &Arc<Self>,
        core: &Arc<Core>,
        caller: &Caller,
        call: &Call<'_>,
        work: impl FnOnce(Asker) -> F,
    ) -> std::result::Result<Waited, Refusal>
    where
        F: Future<Output = std::result::Result<serde_json::Value, Refusal>> + Send + 'static,
    {
        let fingerprint = self.fingerprint(call);
        let (token, change) = match self.begun(core, caller, call, fingerprint)? {
            Some(begun) => begun,
            None => self.begin(core, caller, call.tool, fingerprint, work)?,
        };
        let mut page = change.page.clone();
        if caller.declined
            && let Some((id, _)) = &*page.borrow()
        {
            self.desk.pending.deny(id);
        }
        let mut waiting = Waiting(Some(&change));
        // Until the person is asked, at least: an error before that belongs to this call.
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
                if let Some(request_state) = self.bring(caller, id, &url)? {
                    *lock(&change.request_state) = Some(request_state.clone());
                    waiting.0 = None;
                    return Ok(Waited::Look { url, request_state });
                }
            }
            tokio::select! {
                () = change.job.done() => break,
                Ok(()) = page.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    waiting.0 = None;
                    return Ok(Waited::Pending(Handle::random(token)));
                }
                _ = ended.wait_for(|ended| *ended) => return Ok(Waited::Pending(Handle::random(token))),
            }
        }
        lock(&self.all).remove(&token);
        change
            .job
            .take()
            .unwrap_or(Err(Error::ApprovalUnknown.into()))
            .map(Waited::Done)
    }

    /// Starts the work.
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
        let asker = Asker {
            core: core.clone(),
            desk: self.desk.clone(),
            asked_by: asked_by(caller.client.as_deref(), tool),
            wanted,
            found: Arc::new(found),
            person: Mutex::default(),
        };
        let (work, busy) = (work(asker), self.busy.clone());
        let job = Job::start(async move {
            let outcome = work.await;
            drop(busy);
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
        let token = random_id()?;
        let mut changes = lock(&self.all);
        // What is done is kept for a while too: somebody may still come back for it.
        changes.retain(|_, change| change.made.elapsed() < 2 * LIFE);
        changes.insert(token.clone(), change.clone());
        Ok((token, change))
    }

    /// Brings the person to a page; gives the state to come back with where the client does that.
    fn bring(self: &Arc<Self>, caller: &Caller, id: String, url: &str) -> Result<Option<String>> {
        match &caller.reach {
            Reach::Browser => self.open_tab(url),
            // The page that is open shows the new plan too.
            Reach::Elicit(_) | Reach::InputRequired if self.desk.pending.is_page_open() => {}
            Reach::Elicit(peer) => {
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
                        Ok(ElicitationAction::Decline) => drop(changes.desk.pending.deny(&id)),
                        // The person has not seen it there: they may still, in their browser.
                        Ok(_) | Err(_) => changes.open_tab(&page),
                    }
                });
            }
            Reach::InputRequired => return Ok(Some(random_id()?)),
        }
        Ok(None)
    }

    /// Opens the page, unless a tab of it is open already.
    fn open_tab(&self, url: &str) {
        if self.desk.pending.wants_tab() {
            let _ = open_browser(url, self.browser.as_deref(), || ());
        }
    }

    /// What a call comes back for, if it is the same call.
    fn begun(
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
                // What no person is asked about ends by itself, with the call that began it.
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
        // Whoever sends other values with an approval gets neither.
        changes.remove(&name);
        change.give_up();
        Err(not_of_this_call(core, call.tool))
    }

    /// Gives up what waits. What was approved is still done to its end.
    pub(super) fn forget(&self) {
        std::mem::take(&mut *lock(&self.all))
            .values()
            .for_each(|change| change.give_up());
    }

    /// Waits until nothing is being done any more, five seconds at most.
    pub(super) async fn settle(&self) {
        for _ in 0..50 {
            if Arc::strong_count(&self.busy) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
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

/// Notes that a call came with what belongs to another.
pub(super) fn not_of_this_call(core: &Core, tool: &str) -> Error {
    core.audit.note(
        Action::ApprovalMismatch,
        "",
        &format!("{tool} came with another call's approval"),
    );
    Error::ApprovalMismatch
}

/// What the client is asked to show the person.
pub(super) fn elicitation(url: &str, id: &str) -> ElicitRequestParams {
    ElicitRequestParams::UrlElicitationParams {
        meta: None,
        message: "claude-vault asks for your approval on a page of your own machine".into(),
        url: url.to_owned(),
        elicitation_id: id.to_owned(),
    }
}

/// Who asks, as the person is told.
fn asked_by(client: Option<&str>, tool: &str) -> AskedBy {
    AskedBy::Client {
        name: client.unwrap_or("an MCP client").to_owned(),
        tool: tool.to_owned(),
    }
}
