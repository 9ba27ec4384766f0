//! The operations, each implemented once as a function from a request to a reply, without a
//! terminal, MCP or argument parsing. The commands and the MCP tools are two front ends for them.

pub mod adopt;
pub mod approve;
pub mod change;
pub mod copy;
pub mod delete;
pub mod doctor;
pub mod edit;
pub mod entries;
pub mod example;
pub mod exec;
pub mod export;
pub mod find;
pub mod get;
mod git;
pub mod history;
pub mod inject;
pub mod list;
pub mod login;
mod mask;
pub mod plan;
pub mod receive;
pub mod renew;
pub mod rollback;
pub mod rotation;
pub mod scan;
pub mod set;
pub mod share;
pub mod status;
pub mod step_up;
mod work;

use std::sync::{Arc, OnceLock};

pub use self::work::ServiceProgress;
use crate::audit::{Action, Audit};
use crate::config::{Env, Settings};
use crate::error::{Error, Missing, Result};
use crate::names::Service;
use crate::session::{Session, digest};
use crate::vault::Stored;
use crate::vault::{Client, TokenInfo};

/// Who requests an operation and sees its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// A person, with a command.
    Person,
    /// A model, over MCP. Nothing that it sees may depend on a value.
    Model,
}

/// The context of every operation.
pub struct Core {
    /// The settings.
    pub settings: Settings,
    /// Who requests the operation.
    pub audience: Audience,
    /// The audit log.
    pub audit: Audit,
    /// The progress of work on many services.
    pub progress: ServiceProgress,
    session: Option<Session>,
    client: OnceLock<Arc<Client>>,
}

impl Core {
    /// Creates the context from settings and the environment. Opens no files and no connections.
    #[must_use]
    pub fn new(settings: Settings, env: &Env) -> Self {
        Self::with_session(settings, env, Session::from_env(env).ok())
    }

    /// Marks the requests as coming from a model.
    #[must_use]
    pub fn for_model(mut self) -> Self {
        self.audience = Audience::Model;
        self
    }

    /// Like [`Self::new`], with a session that does not come from the environment.
    #[must_use]
    pub fn with_session(settings: Settings, env: &Env, session: Option<Session>) -> Self {
        let audit = Audit::new(&settings, env).of_session(
            &settings,
            session.as_ref().map(|session| digest(&session.token)),
        );
        Self {
            settings,
            audience: Audience::Person,
            audit,
            progress: ServiceProgress::default(),
            session,
            client: OnceLock::new(),
        }
    }

    /// The same session and audience with other settings, such as another mount.
    pub(crate) fn with_settings(&self, settings: Settings) -> Self {
        let (audience, audit, session) = (self.audience, self.audit.clone(), self.session.clone());
        Self {
            settings,
            audience,
            audit,
            progress: ServiceProgress::default(),
            session,
            client: OnceLock::new(),
        }
    }

    /// The session, even if it has expired.
    ///
    /// # Errors
    /// [`Error::NoSession`], and [`Error::OtherVault`] for a session with another Vault.
    pub fn session(&self) -> Result<Session> {
        let session = self.session.clone().ok_or(Error::NoSession)?;
        session.check_vault(&self.settings)?;
        Ok(session)
    }

    /// The session, even if it is with another Vault. Used to end it there.
    pub(crate) fn held_session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The client with the session's token. All calls share one client, so that its connection
    /// stays open.
    ///
    /// # Errors
    /// The errors of [`Core::session`], [`Error::SessionExpired`] and [`Error::NoAddress`].
    pub fn vault(&self) -> Result<Arc<Client>> {
        let session = self.session()?.alive()?;
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&self.settings, Some(session.token))?);
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Looks up the person of the session for the audit log, once per token.
    pub(crate) async fn identify_person(&self) {
        if self.audit.knows_person() {
            return;
        }
        let Ok(vault) = self.vault() else { return };
        match vault.look_up_token().await {
            Ok(info) => self.audit.remember_person(&person(&info)),
            // A policy may deny the lookup. Do not ask again.
            Err(Error::Forbidden { .. }) => self.audit.remember_person(""),
            Err(_) => {}
        }
    }

    /// Gives the whole client timeout to the next operation.
    pub(crate) fn renew_timeout(&self) {
        if let Some(client) = self.client.get() {
            client.renew_timeout();
        }
    }

    /// Like [`Self::vault`], at the active node: decisions about changes and the changes themselves
    /// must not depend on a standby.
    ///
    /// # Errors
    /// The errors of [`Core::vault`].
    pub(crate) fn active_vault(&self) -> Result<Arc<Client>> {
        Ok(Arc::new(self.vault()?.at_active_node()))
    }

    /// Records the outcome of a read in the audit log. If the log cannot be written, the read still
    /// succeeds, and the second part of the result is a warning for the person.
    pub(crate) async fn audited<T>(
        &self,
        action: Action,
        service: Option<&Service>,
        outcome: Result<T>,
        details: impl Fn(&T) -> String,
    ) -> Result<(T, Option<String>)> {
        if outcome.is_ok() {
            self.identify_person().await;
        }
        let details = match &outcome {
            Ok(reply) => details(reply),
            Err(error) => format!("failed: {}", error.code()),
        };
        let recorded = self
            .audit
            .record(action, service.map_or("", Service::as_str), &details)
            .await;
        outcome.map(|reply| (reply, recorded.err().map(|error| error.to_string())))
    }

    /// `MOUNT/PREFIX`, the path of the services.
    #[must_use]
    pub fn services_path(&self) -> String {
        let Settings { mount, prefix, .. } = &self.settings;
        if prefix.is_empty() {
            mount.clone()
        } else {
            format!("{mount}/{prefix}")
        }
    }
}

/// The name of a token's owner in the audit log.
pub(crate) fn person(info: &TokenInfo) -> String {
    match (info.display_name.as_str(), info.entity_id.as_str()) {
        // A child token only has the generic display name `token`.
        ("" | "token", entity) if !entity.is_empty() => format!("entity {entity}"),
        (name, _) => name.to_owned(),
    }
}

/// The error for a missing version, or for a missing service if the service does not exist either.
pub(crate) async fn no_version(vault: &Client, service: &Service, number: Option<u64>) -> Error {
    let number = match number {
        Some(number) if !matches!(vault.read_service(service, None).await, Ok(Stored::Absent)) => {
            number
        }
        _ => return no_service(service),
    };
    Error::NotFound {
        missing: None,
        what: format!("version {number} of {service}"),
        hint: format!("claude-vault history {service}"),
    }
}

/// The error for a service whose newest version is deleted.
pub(crate) fn deleted_service(service: &Service, version: u64, is_destroyed: bool) -> Error {
    Error::Deleted {
        service: service.to_string(),
        version,
        is_newest: true,
        is_destroyed,
    }
}

/// The error for a service that Vault does not have.
pub(crate) fn no_service(service: &Service) -> Error {
    Error::NotFound {
        missing: Some(Missing::Service(service.to_string())),
        what: format!("the service {service}"),
        hint: format!("claude-vault list   (create it: claude-vault set {service} KEY)"),
    }
}
