//! Privacy and authority: more confidentiality than there is, a review shown as praise, details that a partner must not collect,
//! channels that nobody approved.

use super::Rule;
use crate::domain::language_check::vocabulary::LanguageRule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: LanguageRule::AbsolutePrivacy,
        phrases: &[
            "@wholly confidential|anonymous|private|secure|secret|confidentiality|anonymity",
            "absolute|total|complete|full|perfect confidentiality|privacy|anonymity|secrecy|discretion",
            "guarantee|guarantees|guaranteed|promise|promises|assure|swear ..6 privacy|anonymity|confidentiality|confidential|anonymous|private|secret|safe|secure",
            "privacy|anonymity|confidentiality is|are|will|and ..3 guaranteed|assured|promised|ensured|absolute",
            "nobody|none will|can|could|would ?ever ?be ?able ?to know|see|find|learn|access|read|hear|identify|recognise",
            "no one|person else|will|can|could ?will|ever|can ?ever know|see|find|learn|access|read|hear|identify|recognise",
            "never ?ever ?be shared|disclosed|sold|revealed|seen|given|released|known|share|disclose|reveal|sell ..5",
            "always|forever ?be|kept|stays|remain|remains|stay secret|confidential|private|anonymous",
            "confidential|anonymous|private|secret forever|always|guaranteed",
            "can|could|will not|never be identified|traced|recognised|recognized",
        ],
        allow: &["share|give|reveal ..2 medicine*|drug*|device*", "ask|if|whether ..4 confidential"],
        unless: &["without your|written|permission", "except|unless|extent", "by law|the law|laws", "law requires|allows|permits"],
        may_be_open: false,
    },
    Rule {
        id: LanguageRule::AuthorityEndorsement,
        phrases: &[
            "fda|government|nih|federal|who|cdc approved|endorsed|authorized|authorised|backed|certified|cleared ?clinical|research|medical study|trial|research|studies|trials|site|program",
            "study|trial|research|program|studies ..5 approved|endorsed|backed|recommended|certified|cleared|authorized|authorised by ?the|our|a|both ?u ?s fda|government|nih|national|cdc|ministry|federal|health|world|authorities|food",
            "endorsed|recommended|certified by ?the ..2 fda|government|nih|institutes|cdc|ministry|association|authorities|society|doctors|hospital",
            "fda|government|nih|cdc|ministry ?has|have approved|endorsed|endorses|recommends|cleared|backs|authorised ?of ?this|the|our study|trial|research|program",
            "irb|ethics|board|committee ?has ?approved ..8 trust|safe|good|reliable|quality|confident|assured|sure|worry",
            "approved by ..5 board|irb|committee ..8 trust|safe|good|reliable|confident|assured|sure|worry",
        ],
        allow: &["drug*|medicine*|medication*|device*|treatment*|vaccine*|product*|therap* ..4 approved|endorsed|cleared"],
        unless: &[],
        may_be_open: false,
    },
    Rule {
        id: LanguageRule::SensitiveInformationRequested,
        phrases: &[
            "@give ..5 your|full|complete|their ..3 @private",
            "@give ..5 medical|health ?care record|records|history|information|details|conditions|data",
            "@give ..5 test|lab|blood results",
            "@give ..6 social security",
            "@give ..6 insurance number|card|id",
            "@give ..5 date of birth",
            "@give ..5 list of ..2 medic*|drug*|condition*|symptom*",
            "< ?please|and list|describe|state|name|note ?all ?of ?your|any|the medic*|symptom*|condition*|diagnos*|illness*",
            "list ..5 and ?then send|email",
            "< ?your date of birth >",
            "< ?your diagnosis >",
            "what is your ..1 diagnosis|birth|birthday|condition|weight",
            "social security number",
            "which|what medicines|medications|drugs do you take",
        ],
        allow: &[
            "tell|ask|give|share|send|provide your|the|a ?own @doctor",
            "tell|give|share|send|provide ?it|them ?to|with the|our @site team|staff|doctor|nurse|coordinator",
            "text|email|message|reply for|about|does|is|will",
            "@site ..2 may|will|can|might ask",
            "share ..2 flyer|study|message|page|link",
        ],
        unless: &["bring ..3 list"],
        may_be_open: false,
    },
    Rule {
        id: LanguageRule::ContactNotApproved,
        phrases: &[
            "dm|pm|inbox|whatsapp|telegram|facebook us|me",
            "message|dm|find|follow|reach|contact|write|chat|text|us ?to|us|me|with|out on|via|through|by|over|in ..1 @network",
        ],
        allow: &[],
        unless: &[],
        may_be_open: false,
    },
];
