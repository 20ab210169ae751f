//! Which locales there are: a language of ISO 639-1, alone or with a region of ISO 3166-1. The form is that of BCP 47 and the part of it
//! that sites need; a tag that is well formed and names nothing (`xx`, `en-XQ`) is refused.

use super::text::Locale;

/// ISO 639-1, by code.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el \
    en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk \
    kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or \
    os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty \
    ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// ISO 3166-1 alpha-2, by code.
const REGIONS: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG \
    GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR \
    NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

fn holds(list: &str, code: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == code)
}

/// Whether there is such a language.
#[must_use]
pub fn is_language(code: &str) -> bool {
    holds(LANGUAGES, code)
}

/// Whether the language of this locale, and its region if it names one, are known.
#[must_use]
pub fn is_known(locale: &Locale) -> bool {
    match locale.as_str().split_once('-') {
        Some((language, region)) => is_language(language) && holds(REGIONS, region),
        None => is_language(locale.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_that_there_is_alone_or_with_a_region_that_there_is() {
        let known = |text: &str| Locale::parse(text).is_ok_and(|locale| is_known(&locale));
        for good in ["en", "es", "en-US", "es-MX", "zh-TW", "pt-BR", "zu"] {
            assert!(known(good), "{good}");
        }
        for bad in ["xx", "zz", "en-XQ", "xx-US", "EN", "en-us", "en_US", "eng", "en-US-x", "e", ""] {
            assert!(!known(bad), "{bad}");
        }
    }

    #[test]
    fn the_lists_are_whole_sorted_and_of_codes_alone() {
        for (list, count, length) in [(LANGUAGES, 184, 2), (REGIONS, 249, 2)] {
            let codes: Vec<&str> = list.split_ascii_whitespace().collect();
            assert!(codes.is_sorted_by(|one, next| one < next) && codes.iter().all(|code| code.len() == length));
            assert_eq!(codes.len(), count);
        }
    }
}
