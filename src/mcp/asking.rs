//! Calls that need a person's yes: a plan waits, the person is brought to its page, and the call ends
//! with the outcome, or with something to come back with.
//!
//! The client's own word that its person looked approves nothing. What it brings back is an opaque
//! name of state in this process: it works once, for this tool and these arguments.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{ElicitRequestParams, ElicitationAction};
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::job::Job;
use super::state::{State, Waited, lock};
use crate::approval::pending::{AskedBy, LIFE, Person, hash_of, random_id};
use crate::audit::Action;
use crate::core::approve::Approvals;
use crate::core::{Core, set};
use crate::error::{Error, Result};
use crate::login::open_browser;
use crate::names::Key;
use crate::secret::WayOut;

/// Something that waits for a person, or is being done.
pub(super) struct Change {
    fingerprint: [u8; 32],
    job: Job<serde_json::Value>,
    /// The plan that is asked about, and its page.
    page: watch::Receiver<Option<(String, String)>>,
    /// The page that the person was brought to.
    brought: Mutex<Option<String>>,
    /// What a client must bring back, once.
    request_state: Mutex<Option<String>>,
    made: Instant,
    wanted: Mutex<Option<watch::Sender<()>>>,
}

impl Change {
    /// Nobody wants it any more, unless it was approved: that is done to its end.
    pub(super) fn give_up(&self) {
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

/// The person behind a call.
pub(super) type Asker = Person<Bring>;

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

impl State {
    /// Does `work` with a person who can be asked, or goes on waiting for what was begun before:
    /// named by `token` or by what the client brought back, or by the same arguments if `resumes`.
    pub(super) async fn with_person<F>(
        self: &Arc<Self>,
        caller: &Caller,
        tool: &str,
        fingerprint: [u8; 32],
        token: Option<&str>,
        resumes: bool,
        work: impl FnOnce(Arc<Core>, Asker) -> F,
    ) -> Result<Waited<serde_json::Value>>
    where
        F: Future<Output = Result<serde_json::Value>> + Send + 'static,
    {
        let (token, change) = match self.begun(caller, tool, fingerprint, token, resumes)? {
            Some(begun) => begun,
            None => self.begin(caller, tool, fingerprint, work).await?,
        };
        let mut page = change.page.clone();
        if caller.declined
            && let Some((id, _)) = &*page.borrow()
        {
            self.pending.deny(id);
        }
        let mut waiting = Waiting(Some(&change));
        // Until the person is asked, at least: an error on the way there is told in this call.
        let first = if page.borrow().is_some() { Duration::ZERO } else { Duration::from_secs(10) };
        let mut deadline = Instant::now() + self.patience.max(first);
        let mut ended = self.ended.subscribe();
        loop {
            let asked = page.borrow_and_update().clone();
            if let Some((id, url)) = asked.filter(|(id, _)| lock(&change.brought).replace(id.clone()).as_ref() != Some(id)) {
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
                    return Ok(Waited::Pending(token));
                }
                _ = ended.wait_for(|ended| *ended) => return Ok(Waited::Pending(token)),
            }
        }
        lock(&self.changes).remove(&token);
        match change.job.take() {
            Some(outcome) => outcome.map(Waited::Done),
            None => Err(Error::ApprovalUnknown),
        }
    }

    /// Begins what a person is to be asked about.
    async fn begin<F>(
        self: &Arc<Self>,
        caller: &Caller,
        tool: &str,
        fingerprint: [u8; 32],
        work: impl FnOnce(Arc<Core>, Asker) -> F,
    ) -> Result<(String, Arc<Change>)>
    where
        F: Future<Output = Result<serde_json::Value>> + Send + 'static,
    {
        let core = self.core();
        core.session()?.alive()?;
        self.listen();
        let (sender, wanted) = watch::channel(());
        let (found, page) = watch::channel(None);
        let bring: Bring = Box::new(move |id, url| drop(found.send_replace(Some((id.to_owned(), url.to_owned())))));
        let asked_by = asked_by(caller.client.as_deref(), tool);
        let person = self.approvals(&core).await?.person(&core, asked_by, wanted, bring)?;
        let (work, busy) = (work(core, person), self.busy.clone());
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
        let mut changes = lock(&self.changes);
        // What is done is kept for a while too: somebody may still come back for it.
        changes.retain(|_, change| change.made.elapsed() < 2 * LIFE);
        changes.insert(token.clone(), change.clone());
        Ok((token, change))
    }

    /// Brings the person to a page; gives the state to come back with where the client does that.
    fn bring(self: &Arc<Self>, caller: &Caller, id: String, url: &str) -> Result<Option<String>> {
        match &caller.reach {
            Reach::Browser => {
                if self.pending.wants_tab() {
                    let _ = open_browser(url, self.settings.browser.as_deref());
                }
            }
            // The page that is open shows the new plan too.
            Reach::Elicit(_) | Reach::InputRequired if self.pending.is_page_open() => {}
            Reach::Elicit(peer) => {
                let (peer, state, params, page) = (peer.clone(), self.clone(), elicitation(url, &id), url.to_owned());
                tokio::spawn(async move {
                    let answer = peer.create_elicitation_with_timeout(params, Some(LIFE)).await;
                    match answer.map(|answer| answer.action) {
                        Ok(ElicitationAction::Accept) => {}
                        Ok(ElicitationAction::Decline) => drop(state.pending.deny(&id)),
                        // The person has not seen it there: they may still, in their browser.
                        _ if state.pending.wants_tab() => drop(open_browser(&page, state.settings.browser.as_deref())),
                        _ => {}
                    }
                });
            }
            Reach::InputRequired => return Ok(Some(random_id()?)),
        }
        Ok(None)
    }

    /// What a call comes back for, if it is the same.
    fn begun(
        &self,
        caller: &Caller,
        tool: &str,
        fingerprint: [u8; 32],
        token: Option<&str>,
        resumes: bool,
    ) -> Result<Option<(String, Arc<Change>)>> {
        let mut changes = lock(&self.changes);
        let named = |(name, change): &(&String, &Arc<Change>)| match (&caller.request_state, token) {
            (Some(state), _) => lock(&change.request_state).as_ref() == Some(state),
            (None, Some(token)) => *name == token,
            (None, None) => resumes && change.fingerprint == fingerprint && change.made.elapsed() < LIFE,
        };
        let found = changes.iter().find(named).map(|(name, change)| (name.clone(), change.clone()));
        let Some((name, change)) = found else {
            return if caller.request_state.is_none() && token.is_none() { Ok(None) } else { Err(Error::ApprovalUnknown) };
        };
        lock(&change.request_state).take();
        if change.fingerprint == fingerprint {
            return Ok(Some((name, change)));
        }
        // Whoever sends other values with an approval gets neither.
        changes.remove(&name);
        change.give_up();
        Err(self.not_of_this_call(tool))
    }

    /// Notes that a call came with what belongs to another.
    pub(super) fn not_of_this_call(&self, tool: &str) -> Error {
        let _ = self.core().audit.record(Action::ApprovalMismatch, "", &format!("{tool} came with another call's approval"));
        Error::ApprovalMismatch
    }

    /// The page, opened with the first plan.
    async fn approvals(&self, core: &Core) -> Result<Arc<Approvals>> {
        let mut approvals = self.approvals.lock().await;
        if let Some(open) = &*approvals {
            return Ok(open.clone());
        }
        let open = Arc::new(Approvals::open(core, self.pending.clone()).await?);
        *approvals = Some(open.clone());
        Ok(open)
    }

    /// What a call asks for, as one can be compared with another.
    pub(super) fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        hash_of(std::iter::once(self.salt.as_bytes()).chain(parts.iter().copied()))
    }

    /// The same of a change, whose values may be handles.
    pub(super) fn fingerprint_of(&self, request: &set::Request) -> [u8; 32] {
        let lengths: Vec<(&Key, [u8; 8])> =
            request.generate.iter().map(|(key, length)| (key, (*length as u64).to_be_bytes())).collect();
        let mut parts: Vec<&[u8]> = vec![b"vault_set", request.service.as_str().as_bytes()];
        for (key, secret) in &request.secrets {
            parts.extend([key.as_str().as_bytes(), secret.expose(WayOut::Inspection).as_bytes()]);
        }
        parts.push(b"generate");
        for (key, length) in &lengths {
            parts.extend([key.as_str().as_bytes(), length.as_slice()]);
        }
        parts.push(b"prompt");
        parts.extend(request.prompt.iter().map(|key| key.as_str().as_bytes()));
        self.fingerprint(&parts)
    }
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
    AskedBy::Client { name: client.unwrap_or("an MCP client").to_owned(), tool: tool.to_owned() }
}
