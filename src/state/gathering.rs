//! Work of one kind that comes at the same time, to be done together: what is done once for all of it costs each less.
//!
//! Nobody waits for company. Whoever comes while a lane is free for its group is taken at once, by itself; what comes meanwhile waits, and is
//! taken together when a lane comes free: of a site's groups the one that waited longest. A site has no more lanes than there are connections,
//! so that what waits does so here, and is refused when it comes or not at all. Places to wait in are bounded, and shared out as at the
//! database's door: when all are taken, the last one of the site that has most of them loses its place, but not who was let in to the database
//! before.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::SiteId;

/// Groups and what waits in them. Cloned, they are the same.
#[derive(Debug)]
pub struct Gatherings<K, J>(Arc<Inner<K, J>>);

#[derive(Debug)]
struct Inner<K, J> {
    state: Mutex<State<K, J>>,
    /// Lanes that a site may have.
    of_site: usize,
    /// Those of them that may work for one key.
    of_key: usize,
    /// How much of it is taken together at the most.
    most: usize,
    /// How much of it may wait.
    places: usize,
}

#[derive(Debug)]
struct State<K, J> {
    groups: HashMap<K, Group<J>>,
    /// How many lanes each site has.
    lanes: HashMap<SiteId, usize>,
    waiting: usize,
    tickets: u64,
}

#[derive(Debug)]
struct Group<J> {
    site: SiteId,
    waiting: VecDeque<Waiting<J>>,
    /// How many of the site's lanes work for it.
    lanes: usize,
}

#[derive(Debug)]
struct Waiting<J> {
    ticket: u64,
    work: J,
    admitted: bool,
}

/// What came of joining.
#[derive(Debug)]
pub struct Joined<K: Hash + Eq + Clone, J> {
    /// A lane that was free: whoever joined sees to it that the work in it is done.
    pub lane: Option<Lane<K, J>>,
    /// For whom there is no place: whoever joined, or who waited last at the site with most.
    pub refused: Option<J>,
}

/// The right to do work of one site, until nothing of it waits.
#[derive(Debug)]
pub struct Lane<K: Hash + Eq + Clone, J> {
    inner: Arc<Inner<K, J>>,
    site: SiteId,
    /// The group that it works for.
    key: K,
    ended: bool,
}

impl<K: Hash + Eq + Clone, J> Gatherings<K, J> {
    /// Gatherings beside so many connections: as much is under way at once for one key as there are connections, in two lanes, of which one
    /// waits for the disk while the other works; for a site, in as many lanes as there are connections.
    #[must_use]
    pub fn beside(connections: usize, places: usize) -> Self {
        let lanes = connections.clamp(1, 2);
        let state = State { groups: HashMap::new(), lanes: HashMap::new(), waiting: 0, tickets: 0 };
        let (of_site, of_key, most) = (connections.max(1), lanes, (connections / lanes).max(1));
        Self(Arc::new(Inner { state: Mutex::new(state), of_site, of_key, most, places }))
    }

    /// How much of it waits.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting
    }

    /// Adds work of a site to the group of this key; `admitted`: it was let in to the database before.
    #[must_use]
    pub fn join(&self, (site, key): (SiteId, &K), work: J, admitted: bool) -> Joined<K, J> {
        let mut state = self.0.lock();
        let state = &mut *state;
        (state.waiting, state.tickets) = (state.waiting + 1, state.tickets + 1);
        let group = state.groups.entry(key.clone()).or_insert_with(|| Group { site, waiting: VecDeque::new(), lanes: 0 });
        group.waiting.push_back(Waiting { ticket: state.tickets, work, admitted });
        let of_site = state.lanes.entry(site).or_default();
        if group.lanes < self.0.of_key && *of_site < self.0.of_site {
            (group.lanes, *of_site) = (group.lanes + 1, *of_site + 1);
            return Joined {
                lane: Some(Lane { inner: Arc::clone(&self.0), site, key: key.clone(), ended: false }),
                refused: None,
            };
        }
        let refused = if state.waiting > self.0.places && !admitted { state.refuse(site, key) } else { None };
        Joined { lane: None, refused }
    }
}

impl<K: Hash + Eq + Clone, J> State<K, J> {
    /// Takes the last one in the longest group of the site that has most: of this key's, where no other has more.
    fn refuse(&mut self, site: SiteId, key: &K) -> Option<J> {
        let mut of_sites: BTreeMap<SiteId, usize> = BTreeMap::new();
        for group in self.groups.values() {
            *of_sites.entry(group.site).or_default() += group.waiting.len();
        }
        let own = of_sites.get(&site).copied()?;
        let most = of_sites.iter().max_by_key(|(_, waiting)| **waiting).filter(|(_, waiting)| **waiting > own);
        let site = most.map_or(site, |(most, _)| *most);
        let refusable = |group: &Group<J>| group.waiting.iter().filter(|waiting| !waiting.admitted).count();
        let own = self.groups.get(key).filter(|group| group.site == site).map_or(0, refusable);
        let groups = self.groups.iter().filter(|(_, group)| group.site == site);
        let longest = groups.max_by_key(|(_, group)| refusable(group)).filter(|(_, group)| refusable(group) > own);
        let longest = longest.map_or(key, |(longest, _)| longest).clone();
        let waiting = &mut self.groups.get_mut(&longest)?.waiting;
        let last = waiting.iter().rposition(|waiting| !waiting.admitted)?;
        let refused = waiting.remove(last)?;
        self.waiting -= 1;
        self.forget_idle(&longest);
        Some(refused.work)
    }

    /// A lane no longer works for a group.
    fn leave(&mut self, key: &K) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.lanes -= 1;
        self.forget_idle(key);
    }

    /// A group of which nothing waits and for which nobody works is no group any more.
    fn forget_idle(&mut self, key: &K) {
        if self.groups.get(key).is_some_and(|group| group.lanes == 0 && group.waiting.is_empty()) {
            self.groups.remove(key);
        }
    }

    /// A lane of a site goes to that of its groups which waited longest, of those that may have another one.
    fn go_on(&mut self, site: SiteId, of_key: usize) -> Option<(K, &mut Group<J>)> {
        let open = self.groups.iter_mut().filter(|(_, group)| group.site == site && group.lanes < of_key);
        let waiting = open.filter_map(|(key, group)| Some((group.waiting.front()?.ticket, key, group)));
        let (_, key, group) = waiting.min_by_key(|(ticket, ..)| *ticket)?;
        group.lanes += 1;
        Some((key.clone(), group))
    }

    /// A site has one lane less; whether it was the last.
    fn close(&mut self, site: SiteId) -> bool {
        let left = self.lanes.get_mut(&site).map_or(0, |lanes| {
            *lanes -= 1;
            *lanes
        });
        if left == 0 {
            self.lanes.remove(&site);
        }
        left == 0
    }
}

impl<K: Hash + Eq + Clone, J> Lane<K, J> {
    /// What is to be done next, of one group and in the order in which it came; `None`: nothing waits, and the lane has ended.
    pub fn take(&mut self) -> Option<Vec<J>> {
        let mut state = self.inner.lock();
        state.leave(&self.key);
        let Some((key, group)) = state.go_on(self.site, self.inner.of_key) else {
            state.close(self.site);
            self.ended = true;
            return None;
        };
        let taken = group.waiting.drain(..group.waiting.len().min(self.inner.most));
        let taken: Vec<J> = taken.map(|waiting| waiting.work).collect();
        state.waiting -= taken.len();
        self.key = key;
        Some(taken)
    }
}

impl<K: Hash + Eq + Clone, J> Drop for Lane<K, J> {
    /// A lane that was left: with the last one of a site goes what waits there, so that nobody waits for nothing.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.inner.lock();
        state.leave(&self.key);
        if state.close(self.site) {
            let left: usize =
                state.groups.extract_if(|_, group| group.site == self.site).map(|(_, group)| group.waiting.len()).sum();
            state.waiting -= left;
        }
    }
}

impl<K, J> Inner<K, J> {
    fn lock(&self) -> MutexGuard<'_, State<K, J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: SiteId = SiteId(uuid::Uuid::from_u128(1));
    const OTHER: SiteId = SiteId(uuid::Uuid::from_u128(2));

    fn joined(gatherings: &Gatherings<&'static str, u32>, key: &'static str, work: u32) -> Option<u32> {
        let site = if key == "quiet" { OTHER } else { SITE };
        let joined = gatherings.join((site, &key), work, false);
        assert!(joined.lane.is_none(), "every lane is taken");
        joined.refused
    }

    #[test]
    fn whoever_comes_while_lanes_are_taken_is_taken_together_in_order() {
        let gatherings = Gatherings::beside(6, 10);
        let mut one = gatherings.join((SITE, &"a"), 1, false).lane.unwrap();
        assert_eq!(one.take(), Some(vec![1]), "nobody waits for company");
        let mut two = gatherings.join((SITE, &"a"), 2, false).lane.unwrap();
        assert_eq!(two.take(), Some(vec![2]));
        for work in 3..=6 {
            assert_eq!(joined(&gatherings, "a", work), None);
        }
        assert_eq!(one.take(), Some(vec![3, 4, 5]), "as many as half the connections");
        assert_eq!(two.take(), Some(vec![6]));
        assert_eq!((one.take(), two.take()), (None, None));
        assert!(gatherings.0.lock().groups.is_empty() && gatherings.0.lock().waiting == 0);
        assert!(gatherings.join((SITE, &"a"), 7, false).lane.is_some(), "a lane is free again");
    }

    #[test]
    fn with_one_connection_each_is_taken_by_itself() {
        let gatherings = Gatherings::beside(1, 10);
        let mut lane = gatherings.join((SITE, &"a"), 1, false).lane.unwrap();
        assert_eq!(joined(&gatherings, "a", 2), None);
        assert_eq!([lane.take(), lane.take(), lane.take()], [Some(vec![1]), Some(vec![2]), None]);
    }

    #[test]
    fn when_every_place_is_taken_the_site_with_most_loses_one() {
        let gatherings = Gatherings::beside(1, 6);
        let mut loud = gatherings.join((SITE, &"loud"), 1, false).lane.unwrap();
        let mut quiet = gatherings.join((OTHER, &"quiet"), 10, false).lane.unwrap();
        assert_eq!((loud.take(), quiet.take()), (Some(vec![1]), Some(vec![10])));
        for work in [11, 12] {
            assert_eq!(joined(&gatherings, "quiet", work), None);
        }
        assert_eq!(joined(&gatherings, "loud", 2), None);
        for work in [3, 4, 6] {
            assert_eq!(joined(&gatherings, "louder", work), None);
        }
        assert_eq!(joined(&gatherings, "quiet", 13), Some(6), "the last of the site that has most, in its longest group");
        assert_eq!(joined(&gatherings, "quiet", 14), Some(14), "whoever came");
        assert!(gatherings.join((SITE, &"loud"), 5, true).refused.is_none(), "who was let in before");
        assert_eq!([loud.take(), loud.take(), loud.take()], [Some(vec![2]), Some(vec![3]), Some(vec![4])], "as they came");
        assert_eq!((loud.take(), quiet.take(), gatherings.0.lock().waiting), (Some(vec![5]), Some(vec![11]), 2));
    }

    #[test]
    fn nothing_stays_behind_of_a_group_whose_only_work_was_refused() {
        let gatherings = Gatherings::beside(1, 1);
        let mut lane = gatherings.join((SITE, &"loud"), 1, false).lane.unwrap();
        assert_eq!((lane.take(), joined(&gatherings, "loud", 2)), (Some(vec![1]), None));
        assert_eq!(joined(&gatherings, "another", 3), Some(3));
        assert!(gatherings.0.lock().groups.keys().eq([&"loud"]));
    }

    #[test]
    fn a_site_has_as_many_lanes_as_there_are_connections_and_they_go_where_it_waited_longest() {
        let gatherings = Gatherings::beside(4, 10);
        let join = |key: &'static str, work| gatherings.join((SITE, &key), work, false).lane;
        let mut lanes = [join("a", 1).unwrap(), join("a", 2).unwrap(), join("b", 3).unwrap(), join("c", 4).unwrap()];
        assert_eq!(lanes.each_mut().map(|lane| lane.take()), [Some(vec![1, 2]), Some(vec![3]), Some(vec![4]), None]);
        assert!(
            join("d", 5).is_some_and(|mut lane| lane.take() == Some(vec![5]) && lane.take().is_none()),
            "the lane that ended was free again"
        );
        let [mut a, mut b, mut c, _] = lanes;
        let mut d = join("d", 6).unwrap();
        assert_eq!(d.take(), Some(vec![6]));
        for (key, work) in [("e", 7), ("a", 8), ("e", 9)] {
            assert!(join(key, work).is_none(), "the site has its four");
        }
        let _other = gatherings.join((OTHER, &"quiet"), 10, false).lane.unwrap();
        assert_eq!([d.take(), b.take()], [Some(vec![7, 9]), Some(vec![8])]);
        assert_eq!([a.take(), b.take(), c.take(), d.take()], [None, None, None, None]);
        assert_eq!(gatherings.0.lock().waiting, 1, "the other site's");
        assert!(gatherings.0.lock().lanes.keys().eq([&OTHER]));
    }

    #[test]
    fn what_waits_goes_with_the_last_lane_that_is_left() {
        let gatherings = Gatherings::beside(2, 10);
        let one = gatherings.join((SITE, &"a"), 1, false).lane.unwrap();
        let mut two = gatherings.join((SITE, &"a"), 2, false).lane.unwrap();
        drop(one);
        assert_eq!(two.take(), Some(vec![1]), "the other lane goes on");
        drop(two);
        assert!(gatherings.0.lock().groups.is_empty() && gatherings.0.lock().waiting == 0);
    }
}
