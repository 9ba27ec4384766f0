//! How a browser tab gets to a page of ours, and whether one is there.
//!
//! The address of a page stands on the browser's command line, where every user of the machine can
//! read it. So it only holds a code that works once: the tab exchanges the code for a secret, which
//! is in no address. [`Access`] holds both. [`Presence`] knows whether a tab is open, so that a
//! hundred plans do not open a hundred of them.

use std::time::{Duration, Instant};

use super::pending::random_id;
use crate::error::Result;

/// How long a page counts as open after it was last heard.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a tab that was opened may take to load before another one is opened.
const LOADING: Duration = Duration::from_secs(60);
/// How long a person may take at the identity provider before the page counts as closed.
const AWAY: Duration = Duration::from_secs(300);
/// No more tabs than this are opened in [`TABS_WINDOW`], whatever happens to them.
const MAX_TABS: usize = 3;
const TABS_WINDOW: Duration = Duration::from_secs(60);

/// What leads to a page: a code that works once, and the secret of the tab that used it.
pub(super) struct Access {
    page: String,
    code: Option<String>,
    secret: Option<String>,
}

impl Access {
    /// For the page at this address.
    pub(super) fn new(page: String) -> Self {
        Self {
            page,
            code: None,
            secret: None,
        }
    }

    /// Scheme, host, port and path. Of use only to a tab that has the secret.
    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// The address whose code is unused; a new one if there is none.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub(super) fn address(&mut self) -> Result<String> {
        let code = match self.code.take() {
            Some(code) => code,
            None => random_id()?,
        };
        self.code = Some(code.clone());
        // A fragment is never sent: the code is in no request but the exchange.
        Ok(format!("{}#{code}", self.page))
    }

    /// A new address. The one before and the tab that is open are worth nothing from now on.
    ///
    /// # Errors
    /// As [`Access::address`].
    pub(super) fn renew(&mut self) -> Result<String> {
        self.code = None;
        self.secret = None;
        self.address()
    }

    /// Exchanges an unused code for a secret; a tab that was open before is replaced.
    ///
    /// # Errors
    /// As [`Access::address`].
    pub(super) fn exchange(&mut self, code: &str) -> Result<Option<String>> {
        if self.code.as_deref() != Some(code) {
            return Ok(None);
        }
        let secret = random_id()? + &random_id()?;
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
    /// Requests of the page that wait for news.
    polls: usize,
    heard: Option<Instant>,
    /// Since when the tab is at the identity provider.
    away: Option<Instant>,
    /// When a tab was opened that has not loaded yet.
    loading: Option<Instant>,
}

impl Presence {
    /// The page waits for news: `is_first` when it has just been loaded.
    pub(super) fn begin_poll(&mut self, is_first: bool) {
        if is_first {
            self.away = None;
        }
        self.arrived();
        self.polls += 1;
    }

    /// A tab has exchanged its address.
    pub(super) fn arrived(&mut self) {
        (self.loading, self.heard) = (None, Some(Instant::now()));
    }

    /// It got them, or it broke the connection: then its tab was closed or left.
    pub(super) fn end_poll(&mut self, was_answered: bool) {
        self.polls = self.polls.saturating_sub(1);
        self.heard = was_answered.then(Instant::now);
    }

    /// The tab goes to the identity provider, and is expected back.
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

    /// Whether a tab is to be opened now; counts it if so.
    pub(super) fn wants_tab(&mut self, tabs: &mut Tabs) -> bool {
        let is_loading = self.loading.is_some_and(|when| when.elapsed() < LOADING);
        if self.is_open() || is_loading || !tabs.one_more() {
            return false;
        }
        self.loading = Some(Instant::now());
        true
    }
}

/// When tabs were opened lately. A client that calls in a loop gets no more than a few.
#[derive(Default)]
pub(super) struct Tabs(Vec<Instant>);

impl Tabs {
    /// Whether one more may be opened now; counts it if so.
    pub(super) fn one_more(&mut self) -> bool {
        self.0.retain(|when| when.elapsed() < TABS_WINDOW);
        let may = self.0.len() < MAX_TABS;
        if may {
            self.0.push(Instant::now());
        }
        may
    }

    /// A person has answered on a page: this is no loop.
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
