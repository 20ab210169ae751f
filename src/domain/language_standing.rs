//! Which approved version of a study's language counts on a day, and where a partner stands with it. Everything follows from the dates
//! of the versions, so that nothing waits for the job that writes supersession and expiry down: it writes what is true already.
//!
//! One version per locale counts: of those in force the one with the latest effective date. An acknowledgement of the version before
//! counts for the grace days of the version that took its place; of several that did, the strictest decides.

use chrono::{Days, NaiveDate};

use super::ids::LanguageVersionId;
use super::language::LanguageStanding;
use super::text::Locale;

/// How an approved version ended, as far as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It stands as approved.
    Open,
    /// Another one took its place.
    Superseded,
    /// Somebody retired it, or it expired, on this day.
    Retired(NaiveDate),
}

/// A version that was approved, with whether the partner in question acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Which.
    pub id: LanguageVersionId,
    /// In which locale.
    pub locale: Locale,
    /// From which day the board approved it.
    pub effective_on: NaiveDate,
    /// The first day on which it counts.
    pub in_force_on: NaiveDate,
    /// The last day of its approval.
    pub expires_on: NaiveDate,
    /// How long acknowledgements of the version before it still count.
    pub grace_days: i32,
    /// How it ended.
    pub ending: Ending,
    /// Whether the partner acknowledged it.
    pub acknowledged: bool,
}

/// What became of a version by its dates alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Another one took its place on this day, without a gap.
    Superseded {
        /// Which.
        by: LanguageVersionId,
        /// When.
        on: NaiveDate,
    },
    /// The last day of its approval is over, and nothing had taken its place.
    Expired,
}

impl Approved {
    fn is_in_force(&self, all: &[Self], today: NaiveDate) -> bool {
        self.ending == Ending::Open && self.in_force_on <= today && self.settled(all, today).is_none()
    }

    /// Whether it ever counted, up to this day.
    fn was_in_force(&self, today: NaiveDate) -> bool {
        let ended_before = matches!(self.ending, Ending::Retired(on) if on < self.in_force_on);
        self.in_force_on <= today && !ended_before
    }

    fn is_later_than(&self, other: &Self) -> bool {
        self.locale == other.locale && self.effective_on > other.effective_on
    }

    /// Whether it is approved and counts from a later day on.
    #[must_use]
    pub fn is_scheduled(&self, today: NaiveDate) -> bool {
        self.ending == Ending::Open && self.in_force_on > today
    }

    /// What became of it by this day, among these versions of its study.
    #[must_use]
    pub fn settled(&self, all: &[Self], today: NaiveDate) -> Option<Settled> {
        if self.ending != Ending::Open {
            return None;
        }
        let next = all
            .iter()
            .filter(|other| other.ending == Ending::Open && other.is_later_than(self) && other.in_force_on <= today)
            .min_by_key(|other| other.effective_on);
        let first_day_without = self.expires_on.checked_add_days(Days::new(1)).unwrap_or(self.expires_on);
        match next {
            Some(next) if next.in_force_on <= first_day_without => {
                Some(Settled::Superseded { by: next.id, on: next.in_force_on })
            }
            _ if today > self.expires_on => Some(Settled::Expired),
            _ => None,
        }
    }

    /// The last day on which an acknowledgement of this superseded version counts.
    fn grace_until(&self, all: &[Self], today: NaiveDate) -> Option<NaiveDate> {
        let is_superseded =
            self.ending == Ending::Superseded || matches!(self.settled(all, today), Some(Settled::Superseded { .. }));
        let later = all.iter().filter(|other| other.is_later_than(self) && other.was_in_force(today));
        let first_day_without =
            |next: &Self| next.in_force_on.checked_add_days(Days::new(u64::try_from(next.grace_days).unwrap_or(0)));
        is_superseded.then(|| later.filter_map(first_day_without).min()?.pred_opt()).flatten()
    }
}

/// The version that counts in a locale on this day.
#[must_use]
pub fn current<'a>(all: &'a [Approved], locale: &Locale, today: NaiveDate) -> Option<&'a Approved> {
    all.iter()
        .filter(|version| version.locale == *locale && version.is_in_force(all, today))
        .max_by_key(|version| version.effective_on)
}

/// The version of a locale that is approved and counts from a later day on, the earliest of them.
#[must_use]
pub fn scheduled<'a>(all: &'a [Approved], locale: &Locale, today: NaiveDate) -> Option<&'a Approved> {
    all.iter()
        .filter(|version| version.locale == *locale && version.is_scheduled(today))
        .min_by_key(|version| version.in_force_on)
}

/// The locales of which a version counts on this day, in order.
#[must_use]
pub fn locales(all: &[Approved], today: NaiveDate) -> Vec<Locale> {
    let mut locales: Vec<Locale> =
        all.iter().filter(|version| version.is_in_force(all, today)).map(|version| version.locale.clone()).collect();
    locales.sort();
    locales.dedup();
    locales
}

/// Where a partner stands with the language of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It acknowledged the version that counts.
    Acknowledged {
        /// Which.
        version: LanguageVersionId,
    },
    /// It acknowledged the one before, and that still counts.
    InGrace {
        /// Which it acknowledged.
        version: LanguageVersionId,
        /// The last day.
        until: NaiveDate,
    },
    /// What it acknowledged counts no more.
    Lapsed,
    /// It acknowledged none.
    NeverAcknowledged,
    /// None counts today.
    NoApprovedLanguage,
}

impl Standing {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> LanguageStanding {
        match self {
            Self::Acknowledged { .. } => LanguageStanding::Acknowledged,
            Self::InGrace { .. } => LanguageStanding::InGrace,
            Self::Lapsed => LanguageStanding::Lapsed,
            Self::NeverAcknowledged => LanguageStanding::NeverAcknowledged,
            Self::NoApprovedLanguage => LanguageStanding::NoApprovedLanguage,
        }
    }

    /// Whether the partner may refer by it.
    #[must_use]
    pub const fn lets_in(self) -> bool {
        matches!(self, Self::Acknowledged { .. } | Self::InGrace { .. })
    }

    /// The acknowledged version by which it may.
    #[must_use]
    pub const fn version(self) -> Option<LanguageVersionId> {
        match self {
            Self::Acknowledged { version } | Self::InGrace { version, .. } => Some(version),
            Self::Lapsed | Self::NeverAcknowledged | Self::NoApprovedLanguage => None,
        }
    }
}

/// Where a partner stands on this day. A study may have language in several locales: the partner works in the one that it acknowledged,
/// and a new locale takes nothing away.
#[must_use]
pub fn standing(all: &[Approved], today: NaiveDate) -> Standing {
    let locales = locales(all, today);
    if locales.is_empty() {
        return Standing::NoApprovedLanguage;
    }
    let acknowledged = locales
        .iter()
        .filter_map(|locale| current(all, locale, today))
        .filter(|current| current.acknowledged)
        .max_by_key(|current| (current.in_force_on, current.id));
    if let Some(current) = acknowledged {
        return Standing::Acknowledged { version: current.id };
    }
    let in_grace = all
        .iter()
        .filter(|version| version.acknowledged && locales.contains(&version.locale))
        .filter_map(|version| Some((version.grace_until(all, today)?, version.effective_on, version.id)))
        .filter(|(until, ..)| today <= *until)
        .max();
    match in_grace {
        Some((until, _, version)) => Standing::InGrace { version, until },
        // What was acknowledged ahead has not lapsed: it does not count yet.
        None if all.iter().any(|version| version.acknowledged && version.in_force_on <= today) => Standing::Lapsed,
        None => Standing::NeverAcknowledged,
    }
}

#[cfg(test)]
#[path = "language_standing_tests.rs"]
mod tests;
