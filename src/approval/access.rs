//! How a browser tab gets access to the approval or enrolment page, and whether a tab is open.
//!
//! The address of a page is on the browser's command line, where every user of the machine can read
//! it. So the address only holds a code that works once: the tab exchanges the code for a secret,
//! which never appears in an address. [`Access`] holds both. [`Presence`] tracks whether a tab is
//! open, so that a hundred plans do not open a hundred tabs.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::random;

/// How long a page counts as open after its last request.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a new tab may take to load before another tab is opened.
const LOADING: Duration = Duration::from_secs(60);
/// How long a person may take at the identity provider before the page counts as closed.
const AWAY: Duration = Duration::from_secs(300);
/// How many tabs are opened within [`TABS_WINDOW`] at most, even if the person closes them.
const MAX_TABS: usize = 3;
const TABS_WINDOW: Duration = Duration::from_secs(60);

/// The access to a page: a code that works once, and the secret of the tab that used the code.
pub(super) struct Access {
    page: String,
    code: Option<String>,
    secret: Option<String>,
}

impl Access {
    /// Access to the page at this address, without a code so far.
    pub(super) fn new(page: String) -> Self {
        Self {
            page,
            code: None,
            secret: None,
        }
    }

    /// Scheme, host, port and path. Useful only to a tab that has the secret.
    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// The address with an unused code. Makes a new code if there is none.
    ///
    /// # Errors
    /// If the operating system gives no random numbers.
    pub(super) fn address(&mut self) -> Result<String> {
        let code = match self.code.take() {
            Some(code) => code,
            None => random::id()?,
        };
        self.code = Some(code.clone());
        // Browsers never send a fragment, so the code is only in the request that exchanges it.
        Ok(format!("{}#{code}", self.page))
    }

    /// A new address. The previous address and the tab that is open stop working.
    ///
    /// # Errors
    /// As [`Access::address`].
    pub(super) fn renew(&mut self) -> Result<String> {
        self.code = None;
        self.secret = None;
        self.address()
    }

    /// Exchanges an unused code for a secret; `None` for any other code. A tab that was open before
    /// stops working.
    ///
    /// # Errors
    /// As [`Access::address`].
    pub(super) fn exchange(&mut self, code: &str) -> Result<Option<String>> {
        if self.code.as_deref() != Some(code) {
            return Ok(None);
        }
        let secret = random::id()? + &random::id()?;
        self.code = None;
        self.secret = Some(secret.clone());
        Ok(Some(secret))
    }

    /// Whether this is the secret of the tab that is open.
    pub(super) fn admits(&self, secret: &str) -> bool {
        self.secret.as_deref() == Some(secret)
    }
}

/// Whether a tab shows the page.
#[derive(Default)]
pub(super) struct Presence {
    /// How many requests of the page are waiting for news.
    polls: usize,
    /// When the page was last heard from; `None` if its tab was closed since.
    heard: Option<Instant>,
    /// When the tab left for the identity provider, if it has not come back.
    away: Option<Instant>,
    /// When a tab was opened, if it has not loaded yet.
    loading: Option<Instant>,
}

impl Presence {
    /// The page starts to wait for news; `is_first` if it has just loaded.
    pub(super) fn begin_poll(&mut self, is_first: bool) {
        if is_first {
            self.away = None;
        }
        self.arrived();
        self.polls += 1;
    }

    /// The page sent a request, so its tab has loaded.
    pub(super) fn arrived(&mut self) {
        (self.loading, self.heard) = (None, Some(Instant::now()));
    }

    /// The page got its answer, or (`was_answered` is false) the browser broke the connection
    /// because the tab was closed or left the page.
    pub(super) fn end_poll(&mut self, was_answered: bool) {
        self.polls = self.polls.saturating_sub(1);
        self.heard = was_answered.then(Instant::now);
    }

    /// The tab goes to the identity provider and is expected back.
    pub(super) fn leaves(&mut self) {
        self.away = Some(Instant::now());
    }

    /// The sign-in is over; the tab may still be on its way back.
    pub(super) fn returns(&mut self) {
        if self.away.take().is_some() {
            self.heard = Some(Instant::now());
        }
    }

    pub(super) fn is_open(&self) -> bool {
        let within = |when: Option<Instant>, limit| when.is_some_and(|when| when.elapsed() < limit);
        self.polls > 0 || within(self.heard, HEARTBEAT) || within(self.away, AWAY)
    }

    /// Whether to open a tab now. If so, the tab counts as loading.
    pub(super) fn wants_tab(&mut self, tabs: &mut Tabs) -> bool {
        let is_loading = self.loading.is_some_and(|when| when.elapsed() < LOADING);
        if self.is_open() || is_loading || !tabs.try_open() {
            return false;
        }
        self.loading = Some(Instant::now());
        true
    }
}

/// When tabs were opened recently. A client that calls in a loop can open only a few.
#[derive(Default)]
pub(super) struct Tabs(Vec<Instant>);

impl Tabs {
    /// Whether one more tab may be opened now. If so, the tab is counted.
    pub(super) fn try_open(&mut self) -> bool {
        self.0.retain(|when| when.elapsed() < TABS_WINDOW);
        let may = self.0.len() < MAX_TABS;
        if may {
            self.0.push(Instant::now());
        }
        may
    }

    /// Starts counting again. A person has answered on a page, so no client is calling in a loop.
    pub(super) fn reset(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_works_once_and_a_newer_one_voids_the_tab() {
        let mut access = Access::new("http://localhost:1/approve".into());
        let code = |address: String| address.split_once('#').unwrap().1.to_owned();
        let first = code(access.address().unwrap_or_default());
        assert_eq!(
            first,
            code(access.address().unwrap_or_default()),
            "an unused address is given again"
        );
        assert!(access.exchange("").is_ok_and(|secret| secret.is_none()));
        let Ok(Some(secret)) = access.exchange(&first) else {
            panic!("no secret")
        };
        assert!(access.admits(&secret) && !access.admits(&first) && !access.admits(""));
        assert!(access.exchange(&first).is_ok_and(|secret| secret.is_none()));
        let second = code(access.renew().unwrap_or_default());
        assert!(!access.admits(&secret) && second != first);
        let third = code(access.renew().unwrap_or_default());
        assert!(
            access
                .exchange(&second)
                .is_ok_and(|secret| secret.is_none())
        );
        assert!(access.exchange(&third).is_ok_and(|secret| secret.is_some()));
    }

    #[test]
    fn one_tab_is_opened_until_it_is_closed_and_never_more_than_a_few() {
        let (mut presence, mut tabs) = (Presence::default(), Tabs::default());
        let opened = |presence: &mut Presence, tabs: &mut Tabs| {
            (0..100).filter(|_| presence.wants_tab(tabs)).count()
        };
        assert_eq!(opened(&mut presence, &mut tabs), 1, "one is loading");
        presence.begin_poll(true);
        assert_eq!(opened(&mut presence, &mut tabs), 0, "it is open");
        presence.end_poll(true);
        assert_eq!(opened(&mut presence, &mut tabs), 0, "it was heard just now");
        presence.leaves();
        presence.begin_poll(false);
        presence.end_poll(false);
        assert_eq!(
            opened(&mut presence, &mut tabs),
            0,
            "it is at the identity provider"
        );
        for wanted in [1, 1, 0] {
            presence.begin_poll(true);
            presence.end_poll(false);
            assert_eq!(opened(&mut presence, &mut tabs), wanted, "it was closed");
        }
    }
}
