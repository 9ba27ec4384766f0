//! What the server holds: its session, the changes that wait, and the handles.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::changes::Changes;
use super::desk::{Desk, lock};
use super::handles::{Handles, MARK, Origin, is_handle};
use super::public::{Entry, Handle, Name};
use super::refusal::Refusal;
use super::session::Session;
use crate::config::{Env, Mode, Settings};
use crate::core::Core;
use crate::core::entries::Held;
use crate::core::login::Ended;
use crate::error::Result;

/// How long a call waits for a person: clients drop calls at about 60 seconds.
const PATIENCE: Duration = Duration::from_secs(45);

/// The server's parts. None of them knows another.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) session: Arc<Session>,
    pub(super) changes: Arc<Changes>,
    handles: Mutex<Handles>,
    desk: Arc<Desk>,
    pub(super) patience: Duration,
    /// Becomes true when the client is gone.
    pub(super) ended: watch::Sender<bool>,
}

impl State {
    pub(super) fn new(settings: Settings, env: Env) -> Result<Arc<Self>> {
        let seconds = env.get("CLAUDE_VAULT_MCP_WAIT").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let patience = seconds.unwrap_or(PATIENCE).min(PATIENCE);
        let ended = watch::channel(false).0;
        let desk = Arc::new(Desk::new(settings.state.clone()));
        Ok(Arc::new(Self {
            session: Arc::new(Session::new(settings.clone(), env, desk.clone())),
            changes: Arc::new(Changes::new(desk.clone(), settings.browser.clone(), patience, ended.clone())?),
            handles: Mutex::new(Handles::new(settings.handle_life)),
            desk,
            patience,
            ended,
            settings,
        }))
    }

    pub(super) fn core(&self) -> Arc<Core> {
        self.session.core()
    }

    /// A value as the model sees it, under a public name or as entry number `number`.
    pub(super) fn entry(&self, number: usize, name: Option<Name>, origin: Origin, held: &Held) -> Result<Entry> {
        let handle = match self.settings.mode {
            Mode::Redacted => None,
            Mode::Tokenized | Mode::Plaintext => Some(self.handle(origin, held)?),
        };
        let entry = name.is_none().then_some(number as u64);
        Ok(Entry { name, entry, handle, value: None })
    }

    /// One handle for each place and version. A file may change, so each of its scans is a place of
    /// its own.
    fn handle(&self, origin: Origin, held: &Held) -> Result<Handle> {
        let mut handles = lock(&self.handles);
        let handle = if origin.in_vault().is_some() { handles.of(origin, held) } else { handles.add(origin, held) };
        handle.map(Handle::random)
    }

    /// What a model means by a text: a handle's value and where it came from, or the text itself.
    pub(super) fn meant(&self, text: &str) -> std::result::Result<Option<(Held, Origin)>, NotMeant> {
        if is_handle(text) {
            let handles = lock(&self.handles);
            return handles.value(text).map(|(held, origin)| Some((held.clone(), origin.clone()))).ok_or(NotMeant::Unknown);
        }
        if text.contains(MARK) { Err(NotMeant::Inside) } else { Ok(None) }
    }

    /// Keeps a reason for the person, who finds it with `claude-vault approve pending`.
    pub(super) fn tell_person(&self, reason: String) {
        self.desk.listen();
        self.desk.pending.tell(reason);
    }

    /// Ends the session, and forgets the handles and what waits.
    pub(super) async fn log_out(&self) -> std::result::Result<Ended, Refusal> {
        lock(&self.handles).clear();
        self.changes.forget();
        Ok(self.session.log_out().await?)
    }

    /// The client is gone: what waits is given up, and a token that was obtained here is revoked.
    pub(super) async fn close(&self) {
        self.ended.send_replace(true);
        self.desk.stop_listening();
        self.changes.forget();
        self.desk.close_page().await;
        // A write that was approved is finished, and its token revoked.
        self.changes.settle().await;
        self.session.abandon_login();
        if self.session.is_ours() {
            let _ = tokio::time::timeout(Duration::from_secs(5), self.log_out()).await;
        }
        lock(&self.handles).clear();
    }
}

/// Why a text in the place of a value means nothing.
#[derive(Clone, Copy)]
pub(super) enum NotMeant {
    /// A handle that is not known, or expired.
    Unknown,
    /// A handle inside a longer text.
    Inside,
}
