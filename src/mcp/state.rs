//! What the server holds: the session in this process, the handles, and the changes that wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::asking::Change;
use super::handles::{Handles, is_handle};
use super::job::Job;
use crate::approval::pending::{Pending, Place, random_id};
use crate::approval::{Socket, listen};
use crate::config::{Env, Method, Mode, Settings};
use crate::core::Core;
use crate::core::approve::Approvals;
use crate::core::login::{Ended, Unheld, begin, end};
use crate::error::{Error, Result};
use crate::login::{Face, Options, SignIn, log_in, open_browser};
use crate::names::Key;
use crate::secret::{Secret, Value, WayOut};
use crate::session::{Session, now};

/// How long a call waits for a person: clients drop calls at about 60 seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long the browser's login is waited for.
const LOGIN_LIFE: Duration = Duration::from_secs(300);

/// A session that a login in this process made.
pub(super) struct SignedIn {
    pub(super) user: String,
    pub(super) policies: Vec<String>,
    pub(super) expiry: i64,
    pub(super) warnings: Vec<String>,
}

/// How long a token lives, and until when it may be renewed.
#[derive(Clone, Copy)]
struct Lease {
    /// Seconds.
    life: u64,
    /// Unix seconds.
    until: i64,
}

pub(super) struct State {
    env: Env,
    pub(super) settings: Settings,
    core: Mutex<Arc<Core>>,
    /// Of a token that was obtained here, and is ours to renew and to revoke.
    lease: Mutex<Option<Lease>>,
    handles: Mutex<Handles>,
    pub(super) pending: Arc<Pending>,
    socket: Mutex<Option<Socket>>,
    pub(super) approvals: tokio::sync::Mutex<Option<Arc<Approvals>>>,
    login: Mutex<Option<Arc<Job<SignedIn>>>>,
    /// How often a session was given up: what was begun for one is not for the next.
    generation: AtomicU64,
    pub(super) changes: Mutex<BTreeMap<String, Arc<Change>>>,
    /// Held by each change that waits or is being done.
    pub(super) busy: Arc<()>,
    pub(super) salt: String,
    pub(super) patience: Duration,
    /// Becomes true when the client is gone.
    pub(super) ended: watch::Sender<bool>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call that waited for a person found.
pub(super) enum Waited<T> {
    /// The person answered, and this came of it.
    Done(T),
    /// Not yet; for a change, the token to come back with.
    Pending(String),
    /// The client must bring the person to this page, and come back with this state.
    Look { url: String, request_state: String },
}

impl State {
    pub(super) fn new(settings: Settings, env: Env) -> Result<Arc<Self>> {
        let seconds = env.get("CLAUDE_VAULT_MCP_WAIT").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        Ok(Arc::new(Self {
            core: Mutex::new(Arc::new(Core::new(settings.clone(), &env))),
            lease: Mutex::new(None),
            handles: Mutex::new(Handles::new(settings.handle_life)),
            pending: Arc::default(),
            socket: Mutex::new(None),
            approvals: tokio::sync::Mutex::new(None),
            login: Mutex::new(None),
            generation: AtomicU64::new(0),
            changes: Mutex::default(),
            busy: Arc::new(()),
            salt: random_id()?,
            patience: seconds.unwrap_or(PATIENCE).min(PATIENCE),
            ended: watch::channel(false).0,
            env,
            settings,
        }))
    }

    pub(super) fn core(&self) -> Arc<Core> {
        lock(&self.core).clone()
    }

    fn replace_session(&self, session: Option<Session>, lease: Option<Lease>) {
        *lock(&self.core) = Arc::new(Core::with_session(self.settings.clone(), &self.env, session));
        *lock(&self.lease) = lease;
    }

    /// Renews a token of ours that is used near its end, as long as the person's hour lasts.
    pub(super) async fn keep_alive(&self) {
        let (Some(lease), core, generation) = (*lock(&self.lease), self.core(), self.generation()) else { return };
        let Ok(session) = core.session() else { return };
        let left = session.seconds_left().unwrap_or(0);
        let more = until(lease.until);
        if left == 0 || left > lease.life / 3 || more <= left {
            return;
        }
        let Ok(vault) = core.vault() else { return };
        // A token that cannot be renewed ends when it ends: the next login is enough.
        if let Ok(life) = vault.renew_token(more).await
            && life > left
            && generation == self.generation()
        {
            let expiry = now().saturating_add(i64::try_from(life.min(more)).unwrap_or(i64::MAX));
            self.replace_session(Some(Session { token: session.token, expiry: Some(expiry) }), Some(lease));
        }
    }

    /// What the model may see of a value.
    pub(super) fn shown(&self, service: &str, key: &str, value: &Value) -> Result<String> {
        if self.settings.mode == Mode::Plaintext || self.settings.plain_keys.iter().any(|plain| plain == key) {
            return Ok(value.secret().expose(WayOut::PlaintextReply).to_owned());
        }
        self.handle(service, key, value.secret())
    }

    /// The handle of a value from a service or a file.
    pub(super) fn handle(&self, origin: &str, key: &str, secret: &Secret) -> Result<String> {
        lock(&self.handles).of((origin.to_owned(), key.to_owned()), secret)
    }

    /// A new handle each time: one that stayed would tell that the value did.
    pub(super) fn new_handle(&self, origin: &str, key: &str, secret: &Secret) -> Result<String> {
        lock(&self.handles).add((origin.to_owned(), key.to_owned()), secret)
    }

    /// The value that a model means: a handle's, or the text itself.
    pub(super) fn meant(&self, key: &Key, text: &str) -> Result<Secret> {
        if is_handle(text) {
            return self.value_of(text, key.as_str());
        }
        if text.contains(super::handles::MARK) {
            return Err(Error::invalid(
                format!("the value of {key} has a handle inside a longer text"),
                "a handle must be the whole value",
            ));
        }
        Ok(Secret::from(text.to_owned()))
    }

    /// A handle's value. `place` is where it was found.
    pub(super) fn value_of(&self, handle: &str, place: &str) -> Result<Secret> {
        lock(&self.handles).value(handle).cloned().ok_or_else(|| {
            Error::invalid(
                format!("the handle for {place} is not known, or its time is over"),
                "get a new one with vault_get or a scan",
            )
        })
    }

    /// Signs in through the browser, or waits for a login that has begun.
    pub(super) async fn log_in(self: &Arc<Self>) -> Result<Waited<SignedIn>> {
        let job = self.login_job()?;
        let mut ended = self.ended.subscribe();
        tokio::select! {
            () = job.done() => {}
            () = tokio::time::sleep(self.patience) => return Ok(Waited::Pending(String::new())),
            _ = ended.wait_for(|ended| *ended) => return Ok(Waited::Pending(String::new())),
        }
        lock(&self.login).take_if(|other| Arc::ptr_eq(other, &job));
        // Several calls may have waited: one has the outcome, the others ask again.
        job.take().map_or(Ok(Waited::Pending(String::new())), |outcome| outcome.map(Waited::Done))
    }

    /// The login that has begun, or a new one. It goes on whatever becomes of the call.
    fn login_job(self: &Arc<Self>) -> Result<Arc<Job<SignedIn>>> {
        let mut login = lock(&self.login);
        if let Some(job) = &*login {
            return Ok(job.clone());
        }
        self.settings.address()?;
        self.core().audit.check()?;
        self.listen();
        let job = Arc::new(Job::start(self.clone().sign_in()));
        *login = Some(job.clone());
        Ok(job)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    async fn sign_in(self: Arc<Self>) -> Result<SignedIn> {
        let (settings, generation) = (&self.settings, self.generation());
        // A token cannot be pasted here: Vault's own login then.
        let method = if settings.method == Method::Token { Method::Oidc } else { settings.method };
        let options = Options {
            role: settings.role.as_deref(),
            mount: settings.mount_of(method),
            port: settings.port,
            timeout: LOGIN_LIFE,
            bound_to: None,
            afterwards: None,
            elsewhere: false,
        };
        let mut face = InBrowser { browser: settings.browser.clone(), pending: self.pending.clone() };
        let done = log_in(settings, method, options, &mut face).await?;
        drop(face);
        let token = done.granted.into_token();
        let held = Unheld::new(settings, token.clone());
        tokio::spawn(done.farewell.say());
        let nobody = Core::with_session(settings.clone(), &self.env, None);
        let reply = begin(&nobody, method, token).await?;
        if generation != self.generation() {
            return Err(Error::Interrupted); // logged out meanwhile
        }
        held.keep();
        let most = i64::try_from(settings.max_token_ttl).unwrap_or(i64::MAX);
        let lease = Lease { life: until(reply.expiry), until: now().saturating_add(most) };
        self.forget_plans().await;
        self.replace_session(Some(Session { token: reply.token, expiry: Some(reply.expiry) }), Some(lease));
        Ok(SignedIn { user: reply.user, policies: reply.policies, expiry: reply.expiry, warnings: reply.warnings })
    }

    /// Revokes the session, and forgets it and all handles.
    pub(super) async fn log_out(&self) -> Result<Ended> {
        self.generation.fetch_add(1, Ordering::Relaxed);
        if let Some(job) = lock(&self.login).take() {
            job.abort();
        }
        let core = self.core();
        self.replace_session(None, None);
        lock(&self.handles).clear();
        self.forget_plans().await;
        end(&core).await
    }

    /// What a session asked for is asked no more once it is over. What was approved is done to its end.
    async fn forget_plans(&self) {
        let changes = std::mem::take(&mut *lock(&self.changes));
        changes.values().for_each(|change| change.give_up());
        self.approvals.lock().await.take();
    }

    /// Lets the person's own terminal find the changes that wait.
    pub(super) fn listen(&self) {
        let mut socket = lock(&self.socket);
        if socket.is_none() {
            // Without it there is still the page.
            *socket = listen(&self.settings.state, self.pending.clone()).ok();
        }
    }

    /// The client is gone: what waits is given up, and a token that was obtained here is revoked.
    pub(super) async fn close(&self) {
        self.ended.send_replace(true);
        lock(&self.socket).take();
        self.forget_plans().await;
        // A write that was approved is finished, and its token revoked.
        for _ in 0..50 {
            if Arc::strong_count(&self.busy) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if let Some(job) = lock(&self.login).take() {
            job.abort();
        }
        let ours = lock(&self.lease).is_some();
        if ours {
            let _ = tokio::time::timeout(Duration::from_secs(5), self.log_out()).await;
        }
        lock(&self.handles).clear();
    }
}

/// Seconds until a time.
pub(super) fn until(expiry: i64) -> u64 {
    u64::try_from(expiry - now()).unwrap_or(0)
}

/// The person at this machine's browser; the model never gets the address. Where no browser can be
/// opened, `claude-vault approve pending` tells it.
struct InBrowser {
    browser: Option<String>,
    pub(super) pending: Arc<Pending>,
}

impl Face for InBrowser {
    fn sign_in(&mut self, at: &SignIn<'_>) {
        self.pending.set_sign_in(Some(Place { url: at.url.to_string(), port: at.port, code: at.code.clone() }));
        if self.pending.wants_sign_in_tab() {
            let _ = open_browser(at.url.as_str(), self.browser.as_deref());
        }
    }

    fn note(&self, _: &str) {}

    async fn pasted(&mut self) -> String {
        std::future::pending().await
    }
}

impl Drop for InBrowser {
    fn drop(&mut self) {
        self.pending.set_sign_in(None);
    }
}
