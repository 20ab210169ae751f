//! Whether the server is on its way out, and the connections that are still open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// One per process.
#[derive(Debug, Default)]
pub struct Drain(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    draining: AtomicBool,
    open: AtomicUsize,
    changed: Notify,
}

/// An open connection; it counts until it is dropped.
#[derive(Debug)]
pub struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Drain {
    /// Counts a connection that was opened.
    #[must_use]
    pub fn opened(&self) -> Open {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(&self.0))
    }

    /// From now on each answer ends its connection, and nobody waits for what may come.
    pub fn begin(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the server is on its way out.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no connection is open, or patience is over; whether none is.
    pub async fn emptied(&self, patience: Duration) -> bool {
        let empty = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                // Before looking, so that no end is missed.
                changed.as_mut().enable();
                if self.0.open.load(Ordering::SeqCst) == 0 {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, empty).await.is_ok()
    }
}
