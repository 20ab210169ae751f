//! How many requests a key, a site and an address may send in a minute. Kept by each process for itself, in memory: a limit keeps one
//! caller from taking the others' place, and is no count that anybody is billed by.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use crate::domain::ids::SiteId;

/// Requests a minute, each with its burst; 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute {
    /// Of one key, or of one member.
    pub key: u32,
    /// Of all keys and members of one site.
    pub site: u32,
    /// Of one address, and of whoever presents credentials there that are none.
    pub address: u32,
}

impl PerMinute {
    /// No limits.
    pub const NONE: Self = Self { key: 0, site: 0, address: 0 };
}

/// Where a caller stands with the limit of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests a minute.
    pub quota: u32,
    /// Requests that it may send at once now.
    pub remaining: u32,
}

impl Standing {
    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    #[must_use]
    pub fn policy(self) -> String {
        format!("\"key\";q={};w=60", self.quota)
    }

    /// `RateLimit`: what is left, and in how many seconds all of it will be there again.
    #[must_use]
    pub fn left(self) -> String {
        let used = u64::from(self.quota.saturating_sub(self.remaining));
        format!("\"key\";r={};t={}", self.remaining, (used * 60).div_ceil(u64::from(self.quota.max(1))))
    }
}

/// A request that is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// When the next one is taken.
    pub wait: Duration,
    /// Where the caller stands with its key's limit; others' it is not told: they would tell what others do.
    pub standing: Option<Standing>,
}

/// Checks between two removals of callers that have not been heard of for long.
const SWEEP: u32 = 1 << 16;

#[derive(Debug)]
struct Limit<K: Hash + Eq + Clone> {
    quota: NonZeroU32,
    limiter: DefaultKeyedRateLimiter<K, StateInformationMiddleware>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(per_minute: u32) -> Option<Self> {
        let quota = NonZeroU32::new(per_minute)?;
        let limiter = RateLimiter::keyed(Quota::per_minute(quota)).with_middleware();
        Some(Self { quota, limiter, checks: AtomicU32::new(0) })
    }

    /// Takes one; how many are left, or how long to wait for the next.
    fn take(&self, key: &K) -> Result<u32, Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.limiter.clock().now())),
        }
    }
}

/// The limits of a process.
#[derive(Debug)]
pub struct RateLimits {
    key: Option<Limit<Uuid>>,
    site: Option<Limit<SiteId>>,
    address: Option<Limit<IpAddr>>,
}

impl RateLimits {
    /// Limits of so many requests a minute.
    #[must_use]
    pub fn new(per_minute: PerMinute) -> Self {
        let PerMinute { key, site, address } = per_minute;
        Self { key: Limit::new(key), site: Limit::new(site), address: Limit::new(address) }
    }

    /// Takes a request of a known caller: by its key, then its site, then its address.
    ///
    /// # Errors
    /// When it is one too many.
    pub fn admit(&self, key: Uuid, site: SiteId, address: Option<IpAddr>) -> Result<Option<Standing>, TooMany> {
        let mut standing = None;
        if let Some(limit) = &self.key {
            let quota = limit.quota.get();
            let remaining =
                limit.take(&key).map_err(|wait| TooMany { wait, standing: Some(Standing { quota, remaining: 0 }) })?;
            standing = Some(Standing { quota, remaining });
        }
        let too_many = |wait| TooMany { wait, standing };
        self.site.as_ref().map_or(Ok(0), |limit| limit.take(&site)).map_err(too_many)?;
        self.admit_stranger(address).map_err(|refused| too_many(refused.wait))?;
        Ok(standing)
    }

    /// Takes a request of somebody who is not known.
    ///
    /// # Errors
    /// When it is one too many.
    pub fn admit_stranger(&self, address: Option<IpAddr>) -> Result<(), TooMany> {
        let (Some(limit), Some(address)) = (&self.address, address) else { return Ok(()) };
        limit.take(&address).map(drop).map_err(|wait| TooMany { wait, standing: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_its_own_and_none_is_told_of_anothers() {
        let limits = RateLimits::new(PerMinute { key: 2, site: 3, address: 100 });
        let (site, one, other) = (SiteId(Uuid::from_u128(1)), Uuid::from_u128(2), Uuid::from_u128(3));
        let address = Some("203.0.113.9".parse().unwrap());
        let admit = |key| limits.admit(key, site, address);
        assert_eq!(admit(one), Ok(Some(Standing { quota: 2, remaining: 1 })));
        assert_eq!(admit(one), Ok(Some(Standing { quota: 2, remaining: 0 })));
        let refused = admit(one).unwrap_err();
        assert_eq!(refused.standing, Some(Standing { quota: 2, remaining: 0 }));
        assert!(refused.wait > Duration::from_secs(25) && refused.wait <= Duration::from_secs(30), "{refused:?}");
        // What was refused by the key did not count for the site: one is left of three.
        assert!(admit(other).is_ok());
        let refused = admit(other).unwrap_err();
        assert_eq!(refused.standing, Some(Standing { quota: 2, remaining: 0 }), "the site's limit, told by its wait alone");
        assert!(refused.wait <= Duration::from_secs(20));
        assert!(limits.admit(other, SiteId(Uuid::from_u128(9)), address).is_err(), "its key has none left either");
    }

    #[test]
    fn no_limit_takes_everybody_and_says_nothing() {
        let limits = RateLimits::new(PerMinute::NONE);
        for _ in 0..1_000 {
            assert_eq!(limits.admit(Uuid::nil(), SiteId(Uuid::nil()), None), Ok(None));
            assert_eq!(limits.admit_stranger(Some("203.0.113.9".parse().unwrap())), Ok(()));
        }
    }

    #[test]
    fn headers_say_what_is_left_and_when_all_of_it_is_there_again() {
        let standing = Standing { quota: 600, remaining: 595 };
        assert_eq!((standing.policy().as_str(), standing.left().as_str()), ("\"key\";q=600;w=60", "\"key\";r=595;t=1"));
        assert_eq!(Standing { quota: 600, remaining: 0 }.left(), "\"key\";r=0;t=60");
        assert_eq!(Standing { quota: 600, remaining: 600 }.left(), "\"key\";r=600;t=0");
    }
}
