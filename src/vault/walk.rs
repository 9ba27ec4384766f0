//! The services below the prefix, folder by folder: one request a folder, a few at once.
//!
//! A service's name has up to four segments, so the walk ends there whatever Vault holds.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::client::Client;
use crate::error::{Error, Result};
use crate::names::Service;

/// How many requests one command has under way at the same time.
pub const REQUESTS_AT_ONCE: usize = 16;
/// The most names that a walk takes in, of all folders together.
const MAX_NAMES: usize = 200_000;

/// What lies in one folder.
#[derive(Default)]
pub struct Folder {
    /// The services in it, sorted as Vault does.
    pub services: Vec<Service>,
    /// The folders in it.
    pub folders: Vec<Service>,
    /// How many names in it no service can have, or lie too deep.
    pub others: usize,
}

/// All services below the prefix.
#[derive(Default)]
pub struct Listing {
    /// Their names, sorted.
    pub services: Vec<Service>,
    /// How many names no service can have, or lie too deep.
    pub others: usize,
    /// How many folders the session may not list.
    pub unlisted: usize,
}

type Looking<'a> = Pin<Box<dyn Future<Output = (Option<Service>, Result<Folder>)> + Send + 'a>>;

/// A walk through folders. Each is given as soon as it is listed, in no order.
pub struct Walk<'a> {
    client: &'a Client,
    enters: Box<dyn Fn(&Service) -> bool + Send + 'a>,
    waiting: VecDeque<Option<Service>>,
    running: FuturesUnordered<Looking<'a>>,
    names: usize,
    /// How many folders the session may not list.
    pub unlisted: usize,
}

impl Client {
    /// Walks through a folder (without one, all of the prefix) and the folders in it that `enters`
    /// wants.
    pub fn walk<'a>(
        &'a self,
        from: Option<Service>,
        enters: impl Fn(&Service) -> bool + Send + 'a,
    ) -> Walk<'a> {
        Walk {
            client: self,
            enters: Box::new(enters),
            waiting: VecDeque::from([from]),
            running: FuturesUnordered::new(),
            names: 0,
            unlisted: 0,
        }
    }

    /// Lists all services below the prefix.
    ///
    /// # Errors
    /// As [`Client::read_service`].
    pub async fn list_services(&self) -> Result<Listing> {
        self.walk(None, |_| true).all().await
    }
}

impl Walk<'_> {
    /// The next folder that was listed, with its name (none for the prefix itself); `None` at the
    /// end.
    ///
    /// # Errors
    /// As [`Client::read_service`]. A folder below the first that may not be listed is counted.
    pub async fn next(&mut self) -> Option<Result<(Option<Service>, Folder)>> {
        loop {
            while self.running.len() < REQUESTS_AT_ONCE
                && let Some(folder) = self.waiting.pop_front()
            {
                self.running.push(Box::pin(look(self.client, folder)));
            }
            let (name, outcome) = self.running.next().await?;
            match outcome {
                Ok(folder) => return Some(self.take(&folder).map(|()| (name, folder))),
                Err(Error::Forbidden { .. }) if name.is_some() && self.names > 0 => {
                    self.unlisted += 1
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// All services that are still to come.
    ///
    /// # Errors
    /// As [`Walk::next`].
    pub async fn all(mut self) -> Result<Listing> {
        let mut listing = Listing::default();
        while let Some(folder) = self.next().await {
            let (_, folder) = folder?;
            listing.services.extend(folder.services);
            listing.others += folder.others;
        }
        listing.services.sort_unstable();
        listing.unlisted = self.unlisted;
        Ok(listing)
    }

    fn take(&mut self, folder: &Folder) -> Result<()> {
        self.names += folder.services.len() + folder.folders.len() + folder.others;
        if self.names > MAX_NAMES {
            return Err(self
                .client
                .bad("more names than any Vault of this kind has"));
        }
        self.waiting.extend(
            folder
                .folders
                .iter()
                .filter(|folder| (self.enters)(folder))
                .cloned()
                .map(Some),
        );
        Ok(())
    }
}

async fn look(client: &Client, folder: Option<Service>) -> (Option<Service>, Result<Folder>) {
    let listed = client.list_folder(folder.as_ref()).await;
    (folder, listed)
}
