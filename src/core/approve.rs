//! Approval of this process's plans. Plans wait for the person on a web page, which is opened with
//! the first plan, and on a socket for another terminal of the same person.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::Core;
use super::login::revoke;
use super::step_up::RoleLogin;
use crate::approval::page::{Page, PageContext};
use crate::approval::pending::{AskedBy, Pending, Person};
use crate::approval::{Passkeys, Proof, StepUp, required};
use crate::config::Strength;
use crate::error::Result;

/// The open approval page. Dropping it closes the page.
pub struct Approvals {
    /// The plans that wait for approval.
    pub pending: Arc<Pending>,
    _page: Page,
}

/// The person's passkeys.
#[must_use]
pub fn passkeys(core: &Core) -> Passkeys {
    Passkeys::new(&core.settings)
}

/// The proof that an approval requires.
///
/// # Errors
/// The errors of [`required`].
pub fn strength(core: &Core) -> Result<Strength> {
    required(
        core.settings.approval,
        core.settings.write_role.as_deref(),
        &passkeys(core),
    )
}

impl Approvals {
    /// Opens the page for the session of `core`.
    ///
    /// # Errors
    /// Errors from listening on the socket, and from looking up the session's token in Vault.
    pub async fn open(core: &Core, pending: Arc<Pending>) -> Result<Self> {
        let step_up = RoleLogin::new(core)
            .await?
            .map(|login| Arc::new(login) as Arc<dyn StepUp>);
        let vault = core.vault()?.address();
        let context = PageContext {
            pending: pending.clone(),
            vault,
            passkeys: passkeys(core),
            step_up,
            audit: core.audit.clone(),
        };
        Ok(Self {
            pending,
            _page: Page::open(context).await?,
        })
    }

    /// An approver that asks the person. `send_to_page` takes them to the page.
    ///
    /// # Errors
    /// The errors of [`strength`].
    pub fn person<B: Fn(&str, &str)>(
        &self,
        core: &Core,
        asked_by: AskedBy,
        wanted: watch::Receiver<()>,
        send_to_page: B,
    ) -> Result<Person<B>> {
        Ok(Person {
            pending: self.pending.clone(),
            asked_by,
            proof: strength(core)?,
            send_to_page,
            wanted,
            asked: Mutex::default(),
        })
    }
}

/// Revokes the write token of a step-up login; does nothing for other proofs.
pub(super) async fn give_back(core: &Core, proof: &Proof) {
    if let Proof::StepUp(write) = proof {
        revoke(&core.settings.for_the_address_alone(), write.token.clone()).await;
    }
}
