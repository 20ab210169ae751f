//! Which keys to believe now, and when to ask the provider again.
//!
//! Keys are fetched when first needed. Once they are five minutes old a request sets off a refresh behind it; once they are ten
//! minutes old it waits for that, two seconds at the most. A strange key id asks again, but no more than once in thirty seconds,
//! whoever sends them. While the provider does not answer, the last good keys serve for a day. One fetch at a time, and it goes on
//! when the request that set it off is gone. Ages are by the server's clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::fetch::{FetchError, Fetcher};
use super::keys::{Key, KeySet};
use crate::clock::Clock;

/// From this age a request sets off a refresh and uses the keys that are there.
pub const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(5);
/// From this age a request waits for the refresh: so long does a removed key work at the most, while the provider answers.
pub const STALE_AFTER: TimeDelta = TimeDelta::minutes(10);
/// So long do the last good keys serve while the provider does not answer.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// A strange key id asks the provider no more often than this.
pub const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);
/// A provider that did not answer is asked again after this.
pub const RETRY_AFTER: TimeDelta = TimeDelta::seconds(10);
/// How long a request waits for fresher keys when there are some that may be used.
const PATIENCE_WITH_KEYS: Duration = Duration::from_secs(2);

/// What is known of a key id.
#[derive(Debug)]
pub(super) enum Found {
    /// Its key.
    Key(Arc<Key>),
    /// The provider has no such key.
    Unknown,
    /// The provider cannot be asked now.
    Unavailable,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    at: DateTime<Utc>,
    succeeded: bool,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    last: Option<Attempt>,
    /// Open while a fetch is under way; closed when it has landed.
    flight: Option<watch::Receiver<()>>,
}

/// What to do about a key id.
#[derive(Debug)]
enum Decision {
    Answer(Found),
    /// Answer, and refresh behind it.
    AnswerAndRefresh(Arc<Key>),
    /// Wait for a refresh; meanwhile there may be a key that serves when it takes too long.
    Wait(Option<Arc<Key>>),
}

/// A clock that was set back makes nothing younger.
fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> TimeDelta {
    (now - at).abs()
}

impl State {
    fn decide(&self, kid: &str, now: DateTime<Utc>) -> Decision {
        let since = self.last.map(|last| age(now, last.at));
        let within = |limit: TimeDelta| since.is_some_and(|since| since < limit);
        let failing = self.last.is_some_and(|last| !last.succeeded);
        let held = self.held.as_ref().filter(|held| age(now, held.at) < KEPT_FOR);
        let Some(held) = held else {
            return if failing && within(RETRY_AFTER) { Decision::Answer(Found::Unavailable) } else { Decision::Wait(None) };
        };
        let Some(key) = held.keys.get(kid) else {
            return match within(COOL_DOWN) {
                true if failing => Decision::Answer(Found::Unavailable),
                true => Decision::Answer(Found::Unknown),
                false => Decision::Wait(None),
            };
        };
        let age = age(now, held.at);
        if age < REFRESH_AFTER || (failing && within(RETRY_AFTER)) {
            Decision::Answer(Found::Key(key))
        } else if age < STALE_AFTER || (failing && within(COOL_DOWN)) {
            Decision::AnswerAndRefresh(key)
        } else {
            Decision::Wait(Some(key))
        }
    }
}

/// The keys of one provider.
#[derive(Debug)]
pub(super) struct Cache {
    /// The entry of the settings, for the log.
    entry: usize,
    fetcher: Fetcher,
    state: Mutex<State>,
}

impl Cache {
    pub(super) fn new(entry: usize, fetcher: Fetcher) -> Self {
        Self { entry, fetcher, state: Mutex::default() }
    }

    pub(super) const fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of this id; asks the provider when that is due, and waits for it no longer than `patience`.
    pub(super) async fn find(self: &Arc<Self>, kid: &str, clock: &Clock, patience: Duration) -> Found {
        let (mut landed, spare) = {
            // Deciding and taking off under one lock: two requests that decide alike share one fetch.
            let mut state = self.lock();
            match state.decide(kid, clock.now()) {
                Decision::Answer(found) => return found,
                Decision::AnswerAndRefresh(key) => {
                    self.take_off(&mut state, clock);
                    return Found::Key(key);
                }
                Decision::Wait(spare) => (self.take_off(&mut state, clock), spare),
            }
        };
        let patience = if spare.is_some() { patience.min(PATIENCE_WITH_KEYS) } else { patience };
        // Nothing is ever sent: the wait ends when the sender is dropped.
        let _ = tokio::time::timeout(patience, landed.changed()).await;
        match (self.lock().decide(kid, clock.now()), spare) {
            (Decision::Answer(found), _) => found,
            (Decision::AnswerAndRefresh(key), _) | (Decision::Wait(Some(key)), _) | (Decision::Wait(None), Some(key)) => {
                Found::Key(key)
            }
            (Decision::Wait(None), None) => Found::Unavailable,
        }
    }

    /// Starts a fetch, or joins the one under way.
    fn take_off(self: &Arc<Self>, state: &mut State, clock: &Clock) -> watch::Receiver<()> {
        if let Some(flight) = &state.flight {
            return flight.clone();
        }
        let (sender, receiver) = watch::channel(());
        state.flight = Some(receiver.clone());
        let flight = Flight { cache: Arc::clone(self), clock: clock.clone(), landed: false, _sender: sender };
        // A task of its own: the caller may be gone before the answer is here.
        tokio::spawn(async move {
            let outcome = flight.cache.fetcher.fetch().await;
            flight.land(outcome);
        });
        receiver
    }
}

/// A fetch under way. However it ends, also with its worker, it leaves the way free for the next one.
struct Flight {
    cache: Arc<Cache>,
    clock: Clock,
    landed: bool,
    _sender: watch::Sender<()>,
}

impl Flight {
    fn land(mut self, outcome: Result<KeySet, FetchError>) {
        self.landed = true;
        let entry = self.cache.entry;
        let at = self.clock.now();
        let mut state = self.cache.lock();
        state.flight = None;
        let was_failing = state.last.is_none_or(|last| !last.succeeded);
        state.last = Some(Attempt { at, succeeded: outcome.is_ok() });
        match outcome {
            Ok(keys) => {
                if was_failing {
                    log::info!("HANDOFF_JWT_ISSUERS entry {entry}: {} key(s) that may verify tokens", keys.len());
                }
                state.held = Some(Held { keys: Arc::new(keys), at });
            }
            Err(error) => log::warn!("HANDOFF_JWT_ISSUERS entry {entry}: its keys were not fetched: {error}"),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            let mut state = self.cache.lock();
            state.flight = None;
            state.last = Some(Attempt { at: self.clock.now(), succeeded: false });
        }
    }
}
