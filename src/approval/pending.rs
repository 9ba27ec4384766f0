//! Plans that wait for a person: in memory only, at most [`MAX_WAITING`], for five minutes.
//!
//! A plan does not change while it waits; its digest covers all of it, values included. It is
//! answered once: on the page (`page`), or from another terminal over a private socket (`socket`).
//! If too many plans wait, the source with the most plans loses its newest one, so that no source
//! can shut out the others.

mod digest;
mod person;
mod plan;
mod shown;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use super::access::{Access, Presence, Tabs};
use super::{Approval, Question};
use crate::error::{Error, Result};
use crate::random;
pub use digest::hash_of;
pub use person::Person;
pub(super) use plan::Plan;
pub use plan::Stage;
use plan::plan;
pub use shown::{AskedBy, ShownPlan};

/// How many plans may wait.
pub const MAX_WAITING: usize = 32;
/// How many plans of one tool or command may wait.
const MAX_OF_ONE_SOURCE: usize = 16;
/// How many plans that have ended are kept for the page.
const MAX_OVER: usize = 16;
/// How many notices are kept for the person (see [`Pending::add_notice`]).
const MAX_NOTICES: usize = 16;
/// How long a plan waits.
pub const LIFE: Duration = Duration::from_secs(300);
/// How long the page shows the outcome of a plan.
const AFTERWARDS: Duration = Duration::from_secs(120);
/// For this long after a plan is first shown, the page refuses answers to it: an answer that quick
/// was meant for something else.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// Where the person continues a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInPage {
    /// The address of the sign-in page.
    pub url: String,
    /// The port of this machine that the browser returns to; `None` if any browser will do.
    pub port: Option<u16>,
    /// The code that the page shows or asks for.
    pub code: Option<String>,
}

/// The plans and the sign-in that wait for the person in this process, and the access to the page.
pub struct Pending {
    plans: Mutex<BTreeMap<String, Plan>>,
    sign_in: Mutex<Option<SignInPage>>,
    notices: Mutex<VecDeque<String>>,
    access: Mutex<Option<Access>>,
    presence: Mutex<Presence>,
    tabs: Mutex<Tabs>,
    sign_in_tabs: Mutex<Tabs>,
    /// A counter that grows whenever the page has something new to show.
    revision: watch::Sender<u64>,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            plans: Mutex::default(),
            sign_in: Mutex::default(),
            notices: Mutex::default(),
            access: Mutex::default(),
            presence: Mutex::default(),
            tabs: Mutex::default(),
            sign_in_tabs: Mutex::default(),
            revision: watch::channel(1).0,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pending {
    pub(super) fn plans(&self) -> MutexGuard<'_, BTreeMap<String, Plan>> {
        lock(&self.plans)
    }

    /// Keeps a reason that only the person may learn, until `claude-vault approve pending` shows
    /// it.
    pub fn add_notice(&self, reason: String) {
        let mut notices = lock(&self.notices);
        if notices.back() != Some(&reason) {
            notices.push_back(reason);
        }
        while notices.len() > MAX_NOTICES {
            notices.pop_front();
        }
    }

    /// Takes the notices that the person has not seen yet.
    pub(super) fn notices(&self) -> Vec<String> {
        lock(&self.notices).drain(..).collect()
    }

    /// Where the person continues a login, if one waits for them.
    pub fn sign_in(&self) -> Option<SignInPage> {
        lock(&self.sign_in).clone()
    }

    /// Sets where the person continues a login; `None` if no login waits.
    pub fn set_sign_in(&self, place: Option<SignInPage>) {
        *lock(&self.sign_in) = place;
    }

    /// Whether to open a browser tab for a sign-in. If so, the tab is counted: a client that logs
    /// in and out in a loop opens only a few tabs. After that, the person finds the sign-in with
    /// `approve pending`.
    pub fn wants_sign_in_tab(&self) -> bool {
        lock(&self.sign_in_tabs).try_open()
    }

    /// Whether to open a browser tab for the plans: only if no tab is open or loading. If so, the
    /// tab counts as loading from now on.
    pub fn wants_tab(&self) -> bool {
        lock(&self.presence).wants_tab(&mut lock(&self.tabs))
    }

    /// Whether a tab shows the plans.
    pub fn is_page_open(&self) -> bool {
        lock(&self.presence).is_open()
    }

    /// Sets the page that shows these plans; `None` if there is no page any more.
    pub(super) fn set_access(&self, access: Option<Access>) {
        *lock(&self.access) = access;
        *lock(&self.presence) = Presence::default();
        self.changed();
    }

    /// Runs `work` with the access to the page, if there is a page.
    pub(super) fn with_access<T>(&self, work: impl FnOnce(&mut Access) -> T) -> Option<T> {
        lock(&self.access).as_mut().map(work)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        lock(&self.presence)
    }

    /// Notes that a person answered on the page.
    pub(super) fn person_answered(&self) {
        lock(&self.tabs).reset();
    }

    /// A new address of the page. The previous address and the tab that is open stop working.
    pub(super) fn new_address(&self) -> Option<String> {
        let address = self.with_access(Access::renew)?.ok();
        *lock(&self.presence) = Presence::default();
        self.changed();
        address
    }

    /// Notifies the page that it has something new to show.
    pub(super) fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Changes a plan, and notifies the page.
    pub(super) fn change<T>(&self, id: &str, work: impl FnOnce(&mut Plan) -> T) -> Option<T> {
        let outcome = self.plans().get_mut(id).map(work);
        self.changed();
        outcome
    }

    fn add<B>(
        &self,
        asker: &Person<B>,
        question: &Question<'_>,
    ) -> Result<(String, oneshot::Receiver<Result<Approval>>)> {
        let id = random::id()?;
        let (answer, answered) = oneshot::channel();
        let plan = plan(asker, question, id.clone(), answer)?;
        let mut plans = self.plans();
        forget_over(&mut plans);
        make_room(&mut plans, asker.asked_by.source())?;
        plans.insert(id.clone(), plan);
        drop(plans);
        self.changed();
        Ok((id, answered))
    }

    /// The plans that wait, oldest first.
    pub(super) fn list(&self) -> Vec<ShownPlan> {
        let plans = self.plans();
        let mut all: Vec<&Plan> = plans.values().filter(|plan| plan.waits()).collect();
        all.sort_by_key(|plan| plan.made);
        all.into_iter()
            .map(|plan| ShownPlan {
                seconds_left: plan.seconds_left(),
                ..plan.shown.clone()
            })
            .collect()
    }

    /// Waits until a plan can no longer be answered.
    pub async fn wait_until_over(&self, id: &str) {
        // Whoever ends a plan calls `changed` afterwards, also if its time is up.
        let mut revisions = self.revisions();
        while self.plans().get(id).is_some_and(Plan::waits) {
            let _ = revisions.changed().await;
        }
    }

    /// Waits until the open page got the outcome of every plan that it shows, at most ten seconds:
    /// the browser may still be returning from the sign-in. It polls, because whether the page is
    /// open depends on how long ago the browser sent a request. The pause also lets the last reply
    /// reach the browser.
    pub async fn wait_for_outcomes_shown(&self) {
        for _ in 0..100 {
            if !self.is_page_open()
                || self
                    .plans()
                    .values()
                    .all(|plan| plan.outcome_sent || plan.first_shown.is_none())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Denies a plan, for example because the person declined in the client's own dialog.
    pub fn deny(&self, id: &str) -> bool {
        self.change(id, |plan| plan.answer(Err(Error::Declined)))
            .unwrap_or(false)
    }
}

/// Forgets plans that have ended: after [`AFTERWARDS`], or at once if the page never showed them.
/// Approved plans that are still being carried out count as shown. Keeps the last [`MAX_OVER`].
fn forget_over(plans: &mut BTreeMap<String, Plan>) {
    let mut over: Vec<(Instant, String)> = Vec::new();
    plans.retain(|id, plan| {
        if plan.waits() {
            return true;
        }
        let ended = plan.over.unwrap_or(plan.made);
        let is_kept = (plan.first_shown.is_some() || plan.stage == Stage::Approved)
            && ended.elapsed() < AFTERWARDS;
        if is_kept {
            over.push((ended, id.clone()));
        }
        is_kept
    });
    over.sort_unstable();
    for (_, id) in over.iter().rev().skip(MAX_OVER) {
        plans.remove(id);
    }
}

/// Makes room for one more plan of this source. If too many plans wait, the newest plan of the
/// source with the most plans expires.
///
/// # Errors
/// [`Error::Invalid`] if this source has too many plans, or would have more than the other source
/// once that lost one.
fn make_room(plans: &mut BTreeMap<String, Plan>, source: &str) -> Result<()> {
    let mut waiting: BTreeMap<&str, Vec<(Instant, &String)>> = BTreeMap::new();
    for (id, plan) in plans.iter().filter(|(_, plan)| plan.waits()) {
        waiting
            .entry(plan.shown.asked_by.source())
            .or_default()
            .push((plan.made, id));
    }
    let full = |count: usize| {
        Error::invalid(
            format!("{count} changes are waiting for approval already"),
            "ask the person to run: claude-vault approve pending",
        )
    };
    let own = waiting.get(source).map_or(0, Vec::len);
    if own >= MAX_OF_ONE_SOURCE {
        return Err(full(own));
    }
    let total: usize = waiting.values().map(Vec::len).sum();
    if total < MAX_WAITING {
        return Ok(());
    }
    let greediest = waiting
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    let newest = greediest
        .iter()
        .max()
        .filter(|_| greediest.len() > own + 1)
        .map(|(_, id)| (*id).clone());
    let displaced = newest
        .and_then(|id| plans.get_mut(&id))
        .map(|plan| plan.end(Stage::Expired));
    displaced.ok_or_else(|| full(total))
}
