//! Lists the services below the prefix, with one request for each folder and several requests in
//! parallel.
//!
//! A service's name has at most four segments, so the walk does not go deeper than that.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::client::Client;
use crate::error::{Error, Result};
use crate::names::Service;

/// The most requests that one command sends in parallel.
pub const REQUESTS_AT_ONCE: usize = 16;
/// The most names that a walk accepts, counted over all folders.
const MAX_NAMES: usize = 200_000;

/// The contents of one folder.
#[derive(Default)]
pub struct Folder {
    /// The services in the folder, in Vault's order.
    pub services: Vec<Service>,
    /// The subfolders.
    pub folders: Vec<Service>,
    /// The number of other names: not valid for a service, or too deep.
    pub others: usize,
}

/// All services below the prefix.
#[derive(Default)]
pub struct Listing {
    /// Their names, sorted.
    pub services: Vec<Service>,
    /// The number of other names: not valid for a service, or too deep.
    pub others: usize,
    /// The number of folders that the session may not list.
    pub unlisted: usize,
}

type Looking<'a> = Pin<Box<dyn Future<Output = (Option<Service>, Result<Folder>)> + Send + 'a>>;

/// A walk through folders. Each folder is returned as soon as Vault has listed it, in any order.
pub struct ServiceWalk<'a> {
    client: &'a Client,
    enters: Box<dyn Fn(&Service) -> bool + Send + 'a>,
    waiting: VecDeque<Option<Service>>,
    running: FuturesUnordered<Looking<'a>>,
    names: usize,
    /// The number of folders so far that the session may not list.
    pub unlisted: usize,
}

impl Client {
    /// Starts a walk at the folder `from`, or at the prefix if `from` is `None`. The walk enters a
    /// subfolder only if `enters` returns true.
    pub fn walk<'a>(
        &'a self,
        from: Option<Service>,
        enters: impl Fn(&Service) -> bool + Send + 'a,
    ) -> ServiceWalk<'a> {
        ServiceWalk {
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

impl ServiceWalk<'_> {
    /// The next listed folder with its name (`None` for the prefix itself). Returns `None` at the
    /// end of the walk.
    ///
    /// # Errors
    /// As [`Client::read_service`]. A subfolder that the session may not list is not an error; it
    /// is counted in [`ServiceWalk::unlisted`].
    pub async fn next(&mut self) -> Option<Result<(Option<Service>, Folder)>> {
        loop {
            while self.running.len() < REQUESTS_AT_ONCE
                && let Some(folder) = self.waiting.pop_front()
            {
                self.running.push(Box::pin(list_one(self.client, folder)));
            }
            let (name, outcome) = self.running.next().await?;
            match outcome {
                Ok(folder) => return Some(self.take(&folder).map(|()| (name, folder))),
                Err(Error::Forbidden { .. }) if name.is_some() && self.names > 0 => {
                    self.unlisted += 1;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Collects all services that the walk has not returned yet.
    ///
    /// # Errors
    /// As [`ServiceWalk::next`].
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
                .bad("it lists more than 200,000 names in all folders"));
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

async fn list_one(client: &Client, folder: Option<Service>) -> (Option<Service>, Result<Folder>) {
    let listed = client.list_folder(folder.as_ref()).await;
    (folder, listed)
}
