//! A receiver of webhooks that keeps what it gets and answers as it is told.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use procession_application::ports::{WebhookFailure, WebhookPost, WebhookSender};

/// Keeps posts. It takes them all, unless it is told otherwise.
#[derive(Debug, Default)]
pub struct KeptPosts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// All that were tried.
    tried: Vec<WebhookPost>,
    /// How often posts to an address fail, from now on.
    failures: BTreeMap<String, usize>,
    /// Addresses that never answer.
    silent: HashSet<String>,
}

impl KeptPosts {
    /// All that were tried, in order, those that failed too.
    pub fn tried(&self) -> Vec<WebhookPost> {
        self.kept().tried.clone()
    }

    /// Those to an address.
    pub fn to(&self, url: &str) -> Vec<WebhookPost> {
        self.kept().tried.iter().filter(|post| post.url == url).cloned().collect()
    }

    /// Has the next posts to an address fail with 503.
    pub fn fail(&self, url: &str, times: usize) {
        self.kept().failures.insert(url.to_owned(), times);
    }

    /// Has posts to an address never be answered.
    pub fn be_silent(&self, url: &str) {
        self.kept().silent.insert(url.to_owned());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a post; whether it is answered, and whether that is a failure.
    fn keep(&self, post: &WebhookPost) -> (bool, bool) {
        let mut kept = self.kept();
        kept.tried.push(post.clone());
        let answers = !kept.silent.contains(&post.url);
        let fails = kept.failures.get_mut(&post.url).filter(|left| **left > 0).map(|left| *left -= 1).is_some();
        (answers, fails)
    }
}

#[async_trait]
impl WebhookSender for KeptPosts {
    async fn post(&self, post: &WebhookPost) -> Result<u16, WebhookFailure> {
        let failure = |status, message: &str| WebhookFailure {
            status,
            message: message.to_owned(),
            retry_after: None,
            is_final: false,
        };
        match self.keep(post) {
            (false, _) => {
                tokio::time::sleep(post.timeout.to_std()).await;
                Err(failure(None, "it did not answer"))
            }
            (true, true) => Err(failure(Some(503), "it answered 503")),
            (true, false) => Ok(200),
        }
    }
}
