//! What this process is delivering right now: one worker per receiver, so that one that hangs holds up nobody else.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::domain::alerting::AlertChannel;
use crate::domain::ids::{SiteId, WebhookEndpointId};

/// Workers that talk to the SMTP server at once: all sites share it.
const SMTP_WORKERS: usize = 2;

/// Who gets something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Receiver {
    /// The site's members, over this channel.
    Members(AlertChannel),
    /// A webhook endpoint of the site.
    Endpoint(WebhookEndpointId),
}

/// One of each kind per process.
#[derive(Debug)]
pub struct Deliveries {
    busy: Mutex<HashSet<(SiteId, Receiver)>>,
    idle: Notify,
    smtp: Semaphore,
    done: AtomicUsize,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { busy: Mutex::default(), idle: Notify::new(), smtp: Semaphore::new(SMTP_WORKERS), done: AtomicUsize::new(0) }
    }
}

impl Deliveries {
    /// Takes the worker's place; `false` when somebody has it.
    pub fn begin(&self, site: SiteId, receiver: Receiver) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert((site, receiver))
    }

    /// Gives it back.
    pub fn end(&self, site: SiteId, receiver: Receiver) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&(site, receiver));
        self.idle.notify_waiters();
    }

    /// A place at the SMTP server; `None` when there is none to be had for ever.
    pub async fn at_smtp(&self) -> Option<SemaphorePermit<'_>> {
        self.smtp.acquire().await.ok()
    }

    /// Counts one delivery whose outcome was written.
    pub fn settled(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many since this was asked last.
    pub fn take_done(&self) -> usize {
        self.done.swap(0, Ordering::Relaxed)
    }

    /// Waits until nobody works, or patience is over; whether nobody does.
    pub async fn settle(&self, patience: Duration) -> bool {
        let free = || self.busy.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let all_gone = async {
            loop {
                let changed = self.idle.notified();
                tokio::pin!(changed);
                // Before looking, so that no end is missed.
                changed.as_mut().enable();
                if free() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, all_gone).await.is_ok()
    }
}
