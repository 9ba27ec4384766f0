//! Each operation, once: a request, a reply, one function. No terminal, no MCP, no parsing of
//! arguments. The commands and the MCP tools are two faces over this.

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
pub mod history;
pub mod inject;
pub mod list;
pub mod login;
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
pub mod versions;
mod work;

use std::sync::{Arc, OnceLock};

pub use self::work::Work;
use crate::audit::{Action, Audit};
use crate::config::{Env, Settings};
use crate::error::{Error, Result};
use crate::names::Service;
use crate::session::{Session, digest};
use crate::vault::Stored;
use crate::vault::{Client, TokenInfo};

/// Who asks for an operation, and learns what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// A person, at a command.
    Person,
    /// A model, over MCP. Nothing that it is told may depend on a value.
    Model,
}

/// What every operation works with.
pub struct Core {
    /// The settings.
    pub settings: Settings,
    /// Who asks.
    pub audience: Audience,
    /// The audit log.
    pub audit: Audit,
    /// How far work on many services is.
    pub work: Work,
    session: Option<Session>,
    client: OnceLock<Arc<Client>>,
}

impl Core {
    /// From settings and the environment. Neither opens a file nor a connection.
    #[must_use]
    pub fn new(settings: Settings, env: &Env) -> Self {
        Self::with_session(settings, env, Session::from_env(env).ok())
    }

    /// The same, for what a model asks for.
    #[must_use]
    pub fn for_model(mut self) -> Self {
        self.audience = Audience::Model;
        self
    }

    /// The same with a session that the environment does not hold.
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
            work: Work::default(),
            session,
            client: OnceLock::new(),
        }
    }

    /// The same session with other settings, such as another mount.
    pub(crate) fn with_settings(&self, settings: Settings) -> Self {
        let (audience, audit, session) = (self.audience, self.audit.clone(), self.session.clone());
        Self {
            settings,
            audience,
            audit,
            work: Work::default(),
            session,
            client: OnceLock::new(),
        }
    }

    /// The session, whether its time is over or not.
    ///
    /// # Errors
    /// [`Error::NoSession`], and [`Error::OtherVault`] for a session that was made for another one.
    pub fn session(&self) -> Result<Session> {
        let session = self.session.clone().ok_or(Error::NoSession)?;
        session.check_vault(&self.settings)?;
        Ok(session)
    }

    /// The session, whichever Vault it is for: to end it there.
    pub(crate) fn held(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The client with the session's token: one for all calls, so that its connection is kept.
    ///
    /// # Errors
    /// As [`Core::session`], [`Error::SessionExpired`], [`Error::NoAddress`].
    pub fn vault(&self) -> Result<Arc<Client>> {
        let session = self.session()?.alive()?;
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&self.settings, Some(session.token))?);
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Looks up the session's person once per token, for the audit log.
    pub(crate) async fn meet_person(&self) {
        if self.audit.knows_person() {
            return;
        }
        let Ok(vault) = self.vault() else { return };
        match vault.look_up_token().await {
            Ok(info) => self.audit.meet(&person(&info)),
            // A policy may take that away: asked once is enough.
            Err(Error::Forbidden { .. }) => self.audit.meet(""),
            Err(_) => {}
        }
    }

    /// The same client at the active node: what decides about a change is read and written there.
    ///
    /// # Errors
    /// As [`Core::vault`], and what keeps Vault from naming its active node.
    pub(crate) async fn active_vault(&self) -> Result<Arc<Client>> {
        let vault = self.vault()?;
        Ok(vault.active_node().await?.map_or(vault, Arc::new))
    }

    /// Notes in the audit log how a read ended. A log that cannot be written does not stop a
    /// read: the second part of what is given then says so, for the person.
    pub(crate) async fn audited<T>(
        &self,
        action: Action,
        service: Option<&Service>,
        outcome: Result<T>,
        details: impl Fn(&T) -> String,
    ) -> Result<(T, Option<String>)> {
        if outcome.is_ok() {
            self.meet_person().await;
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

    /// `MOUNT/PREFIX`, where the services lie.
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

/// How the audit log names whoever a token is for.
pub(crate) fn person(info: &TokenInfo) -> String {
    match (info.display_name.as_str(), info.entity_id.as_str()) {
        // A child token has only this generic display name.
        ("" | "token", entity) if !entity.is_empty() => format!("entity {entity}"),
        (name, _) => name.to_owned(),
    }
}

/// The error for a version that Vault does not have: where there is no such service at all, it says
/// that instead.
pub(crate) async fn no_version(vault: &Client, service: &Service, number: Option<u64>) -> Error {
    let number = match number {
        Some(number) if !matches!(vault.read_service(service, None).await, Ok(Stored::Absent)) => {
            number
        }
        _ => return no_service(service),
    };
    Error::NotFound {
        what: format!("version {number} of {service}"),
        hint: format!("claude-vault history {service}"),
    }
}

/// A service that Vault does not have, with the way to look.
pub(crate) fn no_service(service: &Service) -> Error {
    Error::NotFound {
        what: format!("the service {service}"),
        hint: format!("claude-vault list   (create it: claude-vault set {service} KEY)"),
    }
}
