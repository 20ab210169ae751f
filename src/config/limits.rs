//! The settings of which requests are taken: how many, whom they count as, and whose scripts may send them.

use std::ffi::OsString;

use super::{ConfigError, number, text};
use crate::domain::origins::Origins;
use crate::domain::proxies::Proxies;
use crate::state::PerMinute;

/// How many requests are taken.
#[derive(Debug)]
pub struct LimitsConfig {
    /// `HANDOFF_RATE_LIMIT_KEY`, `HANDOFF_RATE_LIMIT_SITE`, `HANDOFF_RATE_LIMIT_ADDRESS`: requests a minute; default 6000, 24000 and
    /// 12000; 0: no limit.
    pub per_minute: PerMinute,
    /// `HANDOFF_IMPORT_MAX_MIB`: how large a file of referrals may be, in MiB; default 512.
    pub import_bytes: u64,
    /// `HANDOFF_TRUSTED_PROXIES`: addresses and networks that may say, in `X-Forwarded-For`, whom they speak for; default none.
    pub proxies: Proxies,
    /// `HANDOFF_CORS_ORIGINS`: origins whose scripts may call from a browser, separated by commas; default none.
    pub origins: Origins,
}

pub(super) fn read(get: &dyn Fn(&str) -> Option<OsString>) -> Result<LimitsConfig, ConfigError> {
    let limit = |name, default| -> Result<u32, ConfigError> {
        Ok(u32::try_from(number(get, name, default, 0..=100_000_000)?).unwrap_or(u32::MAX))
    };
    let proxies = text(get, "HANDOFF_TRUSTED_PROXIES")?.map_or_else(|| Some(Proxies::default()), |text| Proxies::parse(&text));
    let origins = text(get, "HANDOFF_CORS_ORIGINS")?.map_or_else(|| Some(Origins::default()), |text| Origins::parse(&text));
    Ok(LimitsConfig {
        per_minute: PerMinute {
            key: limit("HANDOFF_RATE_LIMIT_KEY", 6_000)?,
            site: limit("HANDOFF_RATE_LIMIT_SITE", 24_000)?,
            address: limit("HANDOFF_RATE_LIMIT_ADDRESS", 12_000)?,
        },
        import_bytes: number(get, "HANDOFF_IMPORT_MAX_MIB", 512, 1..=100_000)? * 1024 * 1024,
        proxies: proxies.ok_or_else(|| {
            ConfigError("HANDOFF_TRUSTED_PROXIES is not a list of addresses and networks, such as 10.0.0.0/8,127.0.0.1".into())
        })?,
        origins: origins.ok_or_else(|| {
            ConfigError(
                "HANDOFF_CORS_ORIGINS is not a list of origins as browsers send them, such as https://app.site.example".into(),
            )
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&str, &str)]) -> Result<LimitsConfig, ConfigError> {
        read(&|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn limits_have_defaults_may_be_lifted_and_name_what_is_wrong() {
        let usual = read_from(&[]).unwrap();
        assert_eq!(usual.per_minute, PerMinute { key: 6_000, site: 24_000, address: 12_000 });
        assert_eq!((usual.proxies, usual.import_bytes), (Proxies::default(), 512 * 1024 * 1024));
        assert_eq!(read_from(&[("HANDOFF_RATE_LIMIT_KEY", "0")]).unwrap().per_minute.key, 0);
        for (name, value) in [
            ("HANDOFF_RATE_LIMIT_SITE", "canary"),
            ("HANDOFF_TRUSTED_PROXIES", "10.0.0.0/8,canary"),
            ("HANDOFF_CORS_ORIGINS", "https://canary/"),
        ] {
            let sentence = read_from(&[(name, value)]).unwrap_err().to_string();
            assert!(sentence.contains(name) && !sentence.contains("canary"), "{sentence}");
        }
    }
}
