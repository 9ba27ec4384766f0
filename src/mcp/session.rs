//! The session of this server: inherited from the environment, or obtained by a login here. The
//! token stays in this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::channels::{ApprovalChannels, lock};
use super::job::Job;
use crate::approval::pending::{Pending, SignInPage};
use crate::config::{Env, Settings};
use crate::core::Core;
use crate::core::login::{Ended, Revoke, TokenGuard, begin, end};
use crate::core::step_up::is_traced;
use crate::error::{Error, Result};
use crate::login::{
    LoginPlace, LoginUi, Options, SignIn, log_in, method_for, needs_a_terminal, open_browser,
};
use crate::secret::Secret;
use crate::session::{self, now};

/// The session from a login in this process.
pub(super) struct SignedIn {
    pub(super) user: String,
    pub(super) policies: Vec<String>,
    pub(super) expiry: i64,
}

/// How long a token lives, and until when it may be renewed.
#[derive(Clone, Copy)]
struct Lease {
    /// In seconds.
    life: u64,
    /// In Unix seconds.
    until: i64,
}

/// The current session, and a login that is in progress.
pub(super) struct McpSession {
    env: Env,
    settings: Settings,
    channels: Arc<ApprovalChannels>,
    core: Mutex<Arc<Core>>,
    /// Set only for a token that was obtained here, which this process renews and revokes.
    lease: Mutex<Option<Lease>>,
    login: Mutex<Option<Arc<Job<SignedIn, Error>>>>,
    /// Counts logouts. If it changes during a login or a renewal, the result is discarded.
    generation: AtomicU64,
}

impl McpSession {
    /// Starts with the session from the environment, if it has one.
    pub(super) fn new(settings: Settings, env: Env, channels: Arc<ApprovalChannels>) -> Self {
        Self {
            core: Mutex::new(Arc::new(Core::new(settings.clone(), &env).for_model())),
            lease: Mutex::default(),
            login: Mutex::default(),
            generation: AtomicU64::new(0),
            env,
            settings,
            channels,
        }
    }

    /// The core with the current session.
    pub(super) fn core(&self) -> Arc<Core> {
        lock(&self.core).clone()
    }

    fn replace(&self, session: Option<session::Session>, lease: Option<Lease>) {
        let core = Core::with_session(self.settings.clone(), &self.env, session).for_model();
        *lock(&self.core) = Arc::new(core);
        *lock(&self.lease) = lease;
    }

    /// Renews a token that was obtained here if less than a third of its life is left. Renewals end
    /// `max_token_ttl` after the login.
    pub(super) async fn keep_alive(&self) {
        let (Some(lease), core, generation) = (*lock(&self.lease), self.core(), self.generation())
        else {
            return;
        };
        let Ok(session) = core.session() else { return };
        let left = session.seconds_left().unwrap_or(0);
        let more = seconds_until(lease.until);
        if left == 0 || left > lease.life / 3 || more <= left {
            return;
        }
        let Ok(vault) = core.vault() else { return };
        // If the renewal fails, the token simply expires and the user logs in again.
        if let Ok(life) = vault.renew_token(more).await
            && life > left
            && generation == self.generation()
        {
            let expiry = now().saturating_add(i64::try_from(life.min(more)).unwrap_or(i64::MAX));
            self.replace(
                Some(session::Session {
                    expiry: Some(expiry),
                    ..session
                }),
                Some(lease),
            );
        }
    }

    /// Signs in through the browser, or waits for a login in progress. Returns `None` after
    /// `patience` or when the client disconnects; the login continues in the background.
    pub(super) async fn log_in(
        self: &Arc<Self>,
        patience: Duration,
        mut ended: watch::Receiver<bool>,
    ) -> Result<Option<SignedIn>> {
        let job = self.login_job()?;
        tokio::select! {
            () = job.done() => {}
            () = tokio::time::sleep(patience) => return Ok(None),
            _ = ended.wait_for(|ended| *ended) => return Ok(None),
        }
        lock(&self.login).take_if(|other| Arc::ptr_eq(other, &job));
        // Several calls may have waited: one gets the outcome, the others get `None` and call
        // again.
        job.take().transpose()
    }

    /// The login in progress, or a new one.
    fn login_job(self: &Arc<Self>) -> Result<Arc<Job<SignedIn, Error>>> {
        let mut login = lock(&self.login);
        if let Some(job) = &*login {
            return Ok(job.clone());
        }
        self.settings.address()?;
        self.core().audit.check()?;
        if is_traced() {
            let hint = "stop the debugger or tracer, and let the assistant try again";
            return Err(Error::invalid(
                "another program traces this one and could read the token of a login",
                hint,
            ));
        }
        self.channels.listen();
        let job = Arc::new(Job::start(self.clone().sign_in()));
        *login = Some(job.clone());
        Ok(job)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    async fn sign_in(self: Arc<Self>) -> Result<SignedIn> {
        let (settings, generation) = (&self.settings, self.generation());
        let method = method_for(settings, LoginPlace::Assistant);
        let options = Options::of(settings, method);
        let mut login_ui = InBrowser {
            browser: settings.browser.clone(),
            pending: self.channels.pending.clone(),
        };
        let done = log_in(settings, method, options, &mut login_ui).await?;
        drop(login_ui);
        let token = done.granted.into_token();
        let held = TokenGuard::new(settings, token.clone());
        tokio::spawn(done.farewell.say());
        let no_session = Core::with_session(settings.clone(), &self.env, None);
        let reply = begin(&no_session, method, token).await?;
        if generation != self.generation() {
            return Err(Error::Interrupted); // logged out in the meantime
        }
        held.keep();
        let most = i64::try_from(settings.max_token_ttl).unwrap_or(i64::MAX);
        let lease = Lease {
            life: seconds_until(reply.expiry),
            until: now().saturating_add(most),
        };
        self.channels.close_page().await;
        let session = session::Session {
            token: reply.token,
            expiry: Some(reply.expiry),
            provenance: reply.provenance,
        };
        self.replace(Some(session), Some(lease));
        Ok(SignedIn {
            user: reply.user,
            policies: reply.policies,
            expiry: reply.expiry,
        })
    }

    /// Ends the session. A token that was obtained here is revoked; an inherited one is forgotten.
    pub(super) async fn log_out(&self) -> Result<Ended> {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.abort_login();
        let core = self.core();
        let revoke = if self.was_obtained_here() {
            Revoke::Ours
        } else {
            Revoke::Nothing
        };
        self.replace(None, None);
        self.channels.close_page().await;
        end(&core, revoke).await
    }

    /// Whether the token was obtained in this process.
    pub(super) fn was_obtained_here(&self) -> bool {
        lock(&self.lease).is_some()
    }

    /// Aborts a login in progress.
    pub(super) fn abort_login(&self) {
        if let Some(job) = lock(&self.login).take() {
            job.abort();
        }
    }
}

/// Seconds from now until a time in Unix seconds; 0 if it has passed.
pub(super) fn seconds_until(expiry: i64) -> u64 {
    u64::try_from(expiry - now()).unwrap_or(0)
}

/// Signs the person in with this machine's browser. The model never gets the sign-in address. If no
/// browser can be opened, `claude-vault approve pending` shows the address.
struct InBrowser {
    browser: Option<String>,
    pending: Arc<Pending>,
}

impl LoginUi for InBrowser {
    fn sign_in(&mut self, at: &SignIn<'_>) {
        self.pending.set_sign_in(Some(SignInPage {
            url: at.url.to_string(),
            port: at.port,
            code: at.code.clone(),
        }));
        if self.pending.wants_sign_in_tab() {
            let _ = open_browser(at.url.as_str(), self.browser.as_deref(), || ());
        }
    }

    fn note(&self, _: &str) {}

    async fn token(&mut self) -> Result<Secret> {
        Err(needs_a_terminal())
    }
}

impl Drop for InBrowser {
    fn drop(&mut self) {
        self.pending.set_sign_in(None);
    }
}
