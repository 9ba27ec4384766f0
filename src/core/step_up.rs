//! `step-up`: the person approves a change with a fresh OIDC login for a Vault role that may write.
//! Vault enforces it: the session's own token does not need any permission to write.
//!
//! The token of such a login is accepted only if it may write this service, is not a root token,
//! expires soon, and belongs to the same person as the session. The last condition applies only if
//! the session has an identity entity. A token that was created by hand has none; then only the
//! role's bound claims restrict who can approve. The token is sent only to the configured address.

mod destination;

use url::Url;

pub use destination::{
    destination, is_traced, last_destination, record_destination, require_safe_destination,
};

use super::Core;
use super::login::{TokenGuard, revoke};
use crate::approval::{BoxFuture, StepUp, WriteToken};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::login::{LoginPlace, LoginUi, Options, SignIn, log_in, method_for, needs_a_terminal};
use crate::secret::Secret;
use crate::vault::Client;

/// The maximum lifetime of a write token, in seconds.
const LONGEST: u64 = 900;

/// Approves changes with logins for `write_role`.
pub struct RoleLogin {
    settings: Settings,
    role: String,
    /// The identity entity of the requesting session, if it has one.
    entity: Option<String>,
}

impl RoleLogin {
    /// A login for the session of `core`; `None` if no `write_role` is configured.
    ///
    /// # Errors
    /// The errors of [`require_safe_destination`], and errors from looking up the session's token.
    pub async fn new(core: &Core) -> Result<Option<Self>> {
        let Some(role) = core.settings.write_role.clone() else {
            return Ok(None);
        };
        require_safe_destination(&core.settings)?;
        let entity = core.vault()?.look_up_token().await?.entity_id;
        Ok(Some(Self {
            settings: core.settings.for_the_address_alone(),
            role,
            entity: Some(entity).filter(|id| !id.is_empty()),
        }))
    }

    async fn log_in(
        &self,
        digest: &str,
        back: Url,
        on_address: Box<dyn FnOnce(Url) + Send>,
    ) -> Result<Secret> {
        let settings = &self.settings;
        let method = method_for(settings, LoginPlace::StepUp);
        let usual = Options::of(settings, method);
        let options = Options {
            role: Some(&self.role),
            bound_to: Some(digest),
            afterwards: Some(back),
            ..usual
        };
        let mut login_ui = OnThePage {
            on_address: Some(on_address),
        };
        let done = log_in(settings, method, options, &mut login_ui).await?;
        tokio::spawn(done.farewell.say()); // answering the browser must not delay or drop the token
        Ok(done.granted.into_token())
    }

    /// Checks a write token and returns the display name of its owner.
    async fn check(&self, vault: &Client, service: &str) -> Result<String> {
        let refuse = |reason: &'static str, hint: &str| Err(Error::login_failed(reason, hint));
        let token = vault.look_up_token().await?;
        if token.policies().iter().any(|policy| policy == "root") {
            return refuse(
                "the role issues a root token",
                "give the role a policy that may write only these services",
            );
        }
        if token.seconds_left().is_none_or(|left| left > LONGEST) {
            return refuse(
                "the role's token lives longer than 15 minutes",
                "set the role's token_ttl to 90s",
            );
        }
        if self
            .entity
            .as_ref()
            .is_some_and(|entity| *entity != token.entity_id)
        {
            return refuse(
                "it was another person's sign-in",
                "sign in as the owner of the session that requests the change",
            );
        }
        if !vault.may_write(&service.parse()?).await? {
            return refuse(
                "the role may not write this service",
                "grant create and update on it in the role's policy",
            );
        }
        Ok(token.display_name)
    }

    async fn approve(
        &self,
        digest: String,
        service: String,
        back: Url,
        on_address: Box<dyn FnOnce(Url) + Send>,
    ) -> Result<WriteToken> {
        require_safe_destination(&self.settings)?; // this may have changed since the page was opened
        let token = self.log_in(&digest, back, on_address).await?;
        let unheld = TokenGuard::new(&self.settings, token.clone());
        let user = self
            .check(&Client::new(&self.settings, Some(token.clone()))?, &service)
            .await?;
        record_destination(&self.settings, &destination(&self.settings)?)?;
        unheld.keep();
        Ok(WriteToken { token, user })
    }
}

impl StepUp for RoleLogin {
    fn sign_in(
        &self,
        digest: String,
        service: String,
        back: Url,
        on_address: Box<dyn FnOnce(Url) + Send>,
    ) -> BoxFuture<'_, Result<WriteToken>> {
        Box::pin(self.approve(digest, service, back, on_address))
    }

    fn revoke(&self, token: WriteToken) -> BoxFuture<'_, ()> {
        Box::pin(revoke(&self.settings, token.token))
    }
}

/// The login's interface: the browser with the approval page continues to the sign-in by itself.
struct OnThePage {
    on_address: Option<Box<dyn FnOnce(Url) + Send>>,
}

impl LoginUi for OnThePage {
    fn sign_in(&mut self, at: &SignIn<'_>) {
        if let Some(on_address) = self.on_address.take() {
            on_address(at.url.clone());
        }
    }

    fn note(&self, _: &str) {}

    async fn token(&mut self) -> Result<Secret> {
        Err(needs_a_terminal())
    }
}
