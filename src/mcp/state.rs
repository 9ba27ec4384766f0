//! The state of the server: its session, the pending changes, and the handles.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::changes::Changes;
use super::channels::{ApprovalChannels, lock};
use super::handles::{HandleOrigin, Handles, MARK, is_handle};
use super::public::{Handle, Name, PublicEntry};
use super::refusal::Refusal;
use super::session::McpSession;
use crate::approval::pending::hash_of;
use crate::config::{Env, Mode, Settings};
use crate::core::Core;
use crate::core::entries::HiddenValue;
use crate::core::login::Ended;
use crate::error::Result;
use crate::names::{PublicName, Service};
use crate::random;

/// How many calls read files at the same time.
const MAX_READERS: usize = 4;
/// How long a call waits for a person. Clients abort calls after about 60 seconds.
const PATIENCE: Duration = Duration::from_secs(45);

/// The parts of the server. Session, changes and handles do not depend on one another.
pub(super) struct ServerState {
    pub(super) settings: Settings,
    pub(super) session: Arc<McpSession>,
    pub(super) changes: Arc<Changes>,
    handles: Mutex<Handles>,
    /// Limits how many calls read and parse files at once: a flood of calls must not exhaust
    /// memory.
    turns: Semaphore,
    /// Salts the order of keys whose names a model must not learn.
    salt: String,
    channels: Arc<ApprovalChannels>,
    pub(super) patience: Duration,
    /// Becomes true when the client disconnects.
    pub(super) ended: watch::Sender<bool>,
}

impl ServerState {
    pub(super) fn new(settings: Settings, env: Env) -> Result<Arc<Self>> {
        let seconds = env
            .get("CLAUDE_VAULT_MCP_WAIT")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs);
        let patience = seconds.unwrap_or(PATIENCE).min(PATIENCE);
        let ended = watch::channel(false).0;
        let channels = Arc::new(ApprovalChannels::new(settings.state.clone()));
        Ok(Arc::new(Self {
            session: Arc::new(McpSession::new(settings.clone(), env, channels.clone())),
            changes: Arc::new(Changes::new(
                channels.clone(),
                settings.browser.clone(),
                patience,
                ended.clone(),
            )?),
            handles: Mutex::new(Handles::new(settings.handle_life)),
            turns: Semaphore::new(MAX_READERS),
            salt: random::id()?,
            channels,
            patience,
            ended,
            settings,
        }))
    }

    pub(super) fn core(&self) -> Arc<Core> {
        self.session.core()
    }

    /// Waits for a turn to read a file. The turn ends when the permit is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// The keys of a version in the order that the model sees: first the keys whose names it may
    /// learn, then the others in an order that is random per process. Their position in a sorted
    /// list would reveal how they compare with key names that the model chose.
    pub(super) fn in_order<'a>(
        &self,
        service: &Service,
        version: u64,
        keys: impl Iterator<Item = &'a String>,
    ) -> Vec<(Option<Name>, &'a String)> {
        let (mut public, mut hidden) = (Vec::new(), Vec::new());
        for key in keys {
            match PublicName::of_stored_key(key) {
                Some(name) => public.push((Some(Name::from(&name)), key)),
                None => hidden.push((None, key)),
            }
        }
        let place = |key: &str| {
            let version = version.to_be_bytes();
            hash_of(
                [
                    self.salt.as_bytes(),
                    service.as_str().as_bytes(),
                    version.as_slice(),
                    key.as_bytes(),
                ]
                .into_iter(),
            )
        };
        hidden.sort_by_key(|(_, key)| place(key));
        public.into_iter().chain(hidden).collect()
    }

    /// The entry that the model sees for a value: with its public name, or else with its number.
    pub(super) fn entry(
        &self,
        number: usize,
        name: Option<Name>,
        origin: HandleOrigin,
        value: &HiddenValue,
    ) -> Result<PublicEntry> {
        let handle = match self.settings.mode {
            Mode::Redacted => None,
            Mode::Tokenized | Mode::Plaintext => Some(self.handle(origin, value)?),
        };
        let entry = name.is_none().then_some(number as u64);
        Ok(PublicEntry {
            name,
            entry,
            handle,
            value: None,
        })
    }

    /// Returns the same handle for the same key of a version in Vault. A file may change between
    /// scans, so each scan gets new handles.
    fn handle(&self, origin: HandleOrigin, value: &HiddenValue) -> Result<Handle> {
        let mut handles = lock(&self.handles);
        let handle = if origin.in_vault().is_some() {
            handles.get_or_add(origin, value)
        } else {
            handles.add(origin, value)
        };
        handle.map(Handle::random)
    }

    /// Resolves a text from the model: the value and origin behind a handle, or `None` for a
    /// literal text.
    pub(super) fn resolve(
        &self,
        text: &str,
    ) -> std::result::Result<Option<(HiddenValue, HandleOrigin)>, Unresolved> {
        if is_handle(text) {
            let handles = lock(&self.handles);
            return handles
                .value(text)
                .map(|(value, origin)| Some((value.clone(), origin.clone())))
                .ok_or(Unresolved::Unknown);
        }
        if text.contains(MARK) {
            Err(Unresolved::Inside)
        } else {
            Ok(None)
        }
    }

    /// Keeps a reason for the person, which `claude-vault approve pending` shows.
    pub(super) fn keep_reason(&self, reason: String) {
        self.channels.listen();
        self.channels.pending.add_notice(reason);
    }

    /// Ends the session, and forgets the handles and the pending changes.
    pub(super) async fn log_out(&self) -> std::result::Result<Ended, Refusal> {
        lock(&self.handles).clear();
        self.changes.forget();
        Ok(self.session.log_out().await?)
    }

    /// Cleans up after the client disconnected: gives up pending changes, and revokes a token that
    /// was obtained here.
    pub(super) async fn close(&self) {
        self.ended.send_replace(true);
        self.channels.close_socket();
        self.changes.forget();
        self.channels.close_page().await;
        // Approved writes are completed first, and their tokens revoked.
        self.changes.settle().await;
        self.session.abort_login();
        if self.session.was_obtained_here() {
            let _ = tokio::time::timeout(Duration::from_secs(5), self.log_out()).await;
        }
        lock(&self.handles).clear();
    }
}

/// Why a text cannot stand for a value.
#[derive(Clone, Copy)]
pub(super) enum Unresolved {
    /// A handle that is unknown or has expired.
    Unknown,
    /// A handle inside a longer text.
    Inside,
}
