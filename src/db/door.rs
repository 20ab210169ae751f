//! The door in front of the pool: as many permits as connections, a bounded number of places to wait in, and turns between sites.
//!
//! Who waits stands in the line of their site, and a permit that comes free goes to the first of the next line in turn: a site
//! that asks for a thousand times its share waits for itself, not the others for it. When every place is taken, whoever comes
//! to a shorter line takes the place of the last one in the longest, who is told at once that the server is overloaded.
//!
//! A request passes the door more than once: who calls is looked up first. Whoever was let in once is not turned away any more and
//! goes before those who were not: under ten times the load what is left would else be look-ups for requests that are then refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::ids::SiteId;

/// Whose line a request waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A site's.
    Site(SiteId),
    /// That of whoever is not known yet: they may come in any number, and wait for each other alone.
    Stranger,
    /// The server's own: its jobs, and whether it is ready.
    House,
}

/// Cloned, it is the same door.
#[derive(Clone)]
pub(super) struct Door(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    places: usize,
}

struct State {
    /// Permits that nobody has. While there is one, nobody waits.
    free: usize,
    /// Lines with someone in them; the first is the next to be served.
    lines: VecDeque<Line>,
    tickets: u64,
}

struct Line {
    whose: Whose,
    /// Those that were let in before. They go first, and need no place: there are no more of them than were let in.
    admitted: VecDeque<Waiter>,
    new: VecDeque<Waiter>,
}

struct Waiter {
    ticket: u64,
    /// Dropped without a permit, it says that the place is lost.
    call: oneshot::Sender<Permit>,
}

/// The right to one connection; given back when it is dropped.
pub(super) struct Permit(Option<Arc<Inner>>);

/// A place in a line, given up when it is dropped: also by a request whose caller has gone.
struct Place {
    inner: Arc<Inner>,
    whose: Whose,
    ticket: u64,
}

impl Door {
    pub(super) fn new(permits: usize, places: usize) -> Self {
        let state = State { free: permits, lines: VecDeque::new(), tickets: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), places }))
    }

    /// A permit within `patience`, or `None`: nowhere to wait, too long, or the place went to a shorter line.
    pub(super) async fn enter(&self, whose: Whose, admitted: bool, patience: Duration) -> Option<Permit> {
        let (_place, called) = {
            let mut state = self.0.lock();
            if state.free > 0 {
                state.free -= 1;
                return Some(Permit(Some(Arc::clone(&self.0))));
            }
            let (ticket, called) = state.stand(whose, admitted, self.0.places)?;
            (Place { inner: Arc::clone(&self.0), whose, ticket }, called)
        };
        tokio::time::timeout(patience, called).await.ok()?.ok()
    }

    /// Permits that nobody has, and requests that wait for one.
    pub(super) fn usage(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.free, state.lines.iter().map(|line| line.admitted.len() + line.new.len()).sum())
    }
}

impl Inner {
    /// A panic elsewhere leaves the counts as they were: nothing in here can stop half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a permit to whoever is next, or keeps it.
    fn pass_on(mut inner: Arc<Self>) {
        loop {
            // A statement of its own: the lock is not held while anybody is called.
            let next = inner.lock().next();
            let Some(waiter) = next else { return };
            match waiter.call.send(Permit(Some(inner))) {
                Ok(()) => return,
                // They left between the two; the permit is for the one after.
                Err(mut permit) => match permit.0.take() {
                    Some(back) => inner = back,
                    None => return,
                },
            }
        }
    }
}

impl State {
    /// Takes a place in a line, another's if it must be.
    fn stand(&mut self, whose: Whose, admitted: bool, places: usize) -> Option<(u64, oneshot::Receiver<Permit>)> {
        if !admitted && self.lines.iter().map(|line| line.new.len()).sum::<usize>() >= places {
            let ahead = self.lines.iter().find(|line| line.whose == whose).map_or(0, |line| line.new.len());
            let longest = self.lines.iter_mut().max_by_key(|line| line.new.len())?;
            // Nobody is sent away for somebody who would only stand where they stood.
            if longest.new.len() <= ahead + 1 {
                return None;
            }
            longest.new.pop_back();
        }
        let (call, called) = oneshot::channel();
        self.tickets += 1;
        let waiter = Waiter { ticket: self.tickets, call };
        let index = self.lines.iter().position(|line| line.whose == whose).unwrap_or_else(|| {
            self.lines.push_back(Line { whose, admitted: VecDeque::new(), new: VecDeque::new() });
            self.lines.len() - 1
        });
        let line = self.lines.get_mut(index)?;
        if admitted {
            line.admitted.push_back(waiter)
        } else {
            line.new.push_back(waiter)
        }
        Some((self.tickets, called))
    }

    /// The next to be served, whose line goes behind the others; without one, the permit is free.
    fn next(&mut self) -> Option<Waiter> {
        let Some(mut line) = self.lines.pop_front() else {
            self.free += 1;
            return None;
        };
        let waiter = line.admitted.pop_front().or_else(|| line.new.pop_front());
        if !line.is_empty() {
            self.lines.push_back(line);
        }
        waiter
    }

    fn leave(&mut self, whose: Whose, ticket: u64) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.whose == whose) {
            line.admitted.retain(|waiter| waiter.ticket != ticket);
            line.new.retain(|waiter| waiter.ticket != ticket);
            self.lines.retain(|line| !line.is_empty());
        }
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.admitted.is_empty() && self.new.is_empty()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            Inner::pass_on(inner);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.lock().leave(self.whose, self.ticket);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test panics where it fails")]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use uuid::Uuid;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn site(number: u128) -> Whose {
        Whose::Site(SiteId(Uuid::from_u128(number)))
    }

    type Waiting<'a> = Pin<Box<dyn Future<Output = Option<Permit>> + 'a>>;

    /// Whoever stands at the door, having asked once; `Some` is the answer.
    async fn asked(waiting: &mut Waiting<'_>) -> Option<Option<Permit>> {
        tokio::time::timeout(Duration::ZERO, waiting.as_mut()).await.ok()
    }

    async fn come(door: &Door, whose: Whose) -> Waiting<'_> {
        let mut waiting: Waiting<'_> = Box::pin(door.enter(whose, false, LONG));
        assert!(asked(&mut waiting).await.is_none(), "they wait");
        waiting
    }

    #[tokio::test]
    async fn sites_take_turns_whatever_the_length_of_their_lines() {
        let door = Door::new(1, 10);
        let mut permit = door.enter(site(1), false, LONG).await.unwrap();
        let mut loud = Vec::new();
        for _ in 0..5 {
            loud.push(come(&door, site(1)).await);
        }
        let mut quiet = come(&door, site(2)).await;
        // One of the loud site's was there before; then it is the quiet site's turn, four of the others behind it.
        drop(permit);
        permit = asked(&mut loud.remove(0)).await.unwrap().unwrap();
        assert!(asked(&mut quiet).await.is_none());
        drop(permit);
        permit = asked(&mut quiet).await.unwrap().unwrap();
        for mut one in loud {
            drop(permit);
            permit = asked(&mut one).await.unwrap().unwrap();
        }
        drop(permit);
        assert_eq!(door.usage(), (1, 0));
    }

    #[tokio::test]
    async fn a_full_room_makes_place_for_a_shorter_line_alone() {
        let door = Door::new(1, 3);
        let permit = door.enter(site(1), false, LONG).await.unwrap();
        let mut loud = [come(&door, site(1)).await, come(&door, site(1)).await, come(&door, site(1)).await];
        assert!(door.enter(site(1), false, LONG).await.is_none(), "the longest line gets no longer");
        let _quiet = come(&door, site(2)).await;
        assert!(asked(&mut loud[2]).await.unwrap().is_none(), "the last of the longest is told");
        let _third = come(&door, site(3)).await;
        assert!(asked(&mut loud[1]).await.unwrap().is_none());
        // Three lines of one each: nobody gives way.
        assert!(door.enter(site(4), false, LONG).await.is_none());
        assert!(asked(&mut loud[0]).await.is_none());
        assert_eq!(door.usage(), (0, 3));
        drop(permit);
        assert!(asked(&mut loud[0]).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn who_was_let_in_before_is_not_turned_away_and_goes_first() {
        let door = Door::new(1, 2);
        let permit = door.enter(site(1), false, LONG).await.unwrap();
        let mut new = [come(&door, site(1)).await, come(&door, site(1)).await];
        let mut known = Vec::new();
        for _ in 0..2 {
            let mut waiting: Waiting<'_> = Box::pin(door.enter(site(1), true, LONG));
            assert!(asked(&mut waiting).await.is_none());
            known.push(waiting);
        }
        assert!(door.enter(site(1), false, LONG).await.is_none());
        // They take nobody's place and lose it to nobody: one of the new ones makes room for another site.
        let _other = come(&door, site(2)).await;
        assert!(asked(&mut new[1]).await.unwrap().is_none() && asked(&mut new[0]).await.is_none());
        drop(permit);
        let first = asked(&mut known.remove(0)).await.unwrap().unwrap();
        assert!(asked(&mut known[0]).await.is_none());
        drop(first);
        assert_eq!(door.usage(), (0, 2));
    }

    #[tokio::test]
    async fn who_leaves_takes_no_permit_along() {
        let door = Door::new(1, 3);
        let permit = door.enter(Whose::House, false, LONG).await.unwrap();
        assert!(door.enter(site(1), false, Duration::from_millis(1)).await.is_none(), "patience ends");
        let (gone, called) = (come(&door, site(1)).await, come(&door, site(1)).await);
        drop(gone);
        assert_eq!(door.usage(), (0, 1));
        drop(permit);
        // Called, and gone without having heard it.
        drop(called);
        assert_eq!(door.usage(), (1, 0));
        assert!(Door::new(0, 0).enter(Whose::House, false, LONG).await.is_none(), "no place at all");
    }
}
