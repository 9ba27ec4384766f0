//! The person behind a call.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::approval::pending::{AskedBy, Person};
use crate::approval::{Approval, Approver, Outcome, Question};
use crate::core::Core;
use crate::error::Result;
use crate::mcp::channels::{ApprovalChannels, lock};

type SendToPage = Box<dyn Fn(&str, &str) + Send + Sync>;

/// The person behind a call. The first question opens the page.
pub(in crate::mcp) struct Asker {
    core: Arc<Core>,
    channels: Arc<ApprovalChannels>,
    asked_by: AskedBy,
    wanted: watch::Receiver<()>,
    /// Receives the id of the plan and the address of its page.
    found: Arc<watch::Sender<Option<(String, String)>>>,
    person: Mutex<Option<Arc<Person<SendToPage>>>>,
}

impl Asker {
    pub(super) fn new(
        core: Arc<Core>,
        channels: Arc<ApprovalChannels>,
        asked_by: AskedBy,
        wanted: watch::Receiver<()>,
        found: watch::Sender<Option<(String, String)>>,
    ) -> Self {
        Self {
            core,
            channels,
            asked_by,
            wanted,
            found: Arc::new(found),
            person: Mutex::default(),
        }
    }
}

impl Approver for Asker {
    async fn ask(&self, question: &Question<'_>) -> Result<Approval> {
        self.core.session()?.alive()?;
        self.channels.listen();
        let found = self.found.clone();
        let send_to_page: SendToPage = Box::new(move |id, url| {
            drop(found.send_replace(Some((id.to_owned(), url.to_owned()))));
        });
        let approvals = self.channels.approvals(&self.core).await?;
        let person = Arc::new(approvals.person(
            &self.core,
            self.asked_by.clone(),
            self.wanted.clone(),
            send_to_page,
        )?);
        *lock(&self.person) = Some(person.clone());
        person.ask(question).await
    }

    fn finished(&self, outcome: &Outcome) {
        if let Some(person) = &*lock(&self.person) {
            person.finished(outcome);
        }
    }
}
