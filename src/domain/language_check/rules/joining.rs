//! Enrolment and consent: both belong to the study team, and neither happens in a draft.

use super::Rule;
use crate::domain::language_check::vocabulary::LanguageRule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: LanguageRule::EnrolmentStatement,
        phrases: &[
            "you are|were|will|have|get ?@really ?be|been|get ?@really enrolled|enroled|randomised|randomized",
            "you will|are ?@really ?be|become ?@really ?a|an participant|subject",
            "automatically enrolled|enroled|enroll|enrol|registered",
            "< ?please|simply|just enroll|enrol ?in|yourself|me ..6",
            "enroll|enrol ..1 now|today|here|online|immediately|tonight",
            "call|click|contact|text|visit|reply|write|come|fill|complete|return|send|scan|use|press|phone|apply ..8 to enroll|enrol",
            "@really|we|i|staff|nurse|nurses|receptionist|clinic|office|desk ..3 enroll|enrol|register you",
            "enroll|enrol|register|sign you ?up ?right ?for|in|into|on|over|here ..4 study|trial|phone|spot|clinic|desk|minutes",
            "we|staff|team|nurses ..2 sign you up",
            "sign|signing up ?now|today|here for|to|in ?the|our|a|this|participate|join ..2 study|trial|research|join|participate",
            "sign up ..1 now|today|here|immediately",
            "< ?please|to register|apply ?now|today|here for|in|to ..3 study|trial|research",
            "register|apply now|today",
            "join ..4 by clicking|replying|calling|filling|signing|texting|completing",
            "click|tap|press ..3 to join|participate|take",
            "join now",
            "secure|claim|reserve|book|save your @place",
            "enrollment|enrolment is|has ?been|now complete|completed|confirmed",
            "welcome to ?the|our study|trial as|you",
        ],
        allow: &[
            "if|when|once|until|unless|before|after|while|whether you",
            "sign up for|to ..4 newsletter|updates|information|talk|webinar|list|alerts|news|learn",
            "only ..3 @site ..3 enroll|enrol",
            "people|patients|adults|participants|volunteers|who to|can enroll|enrol",
        ],
        unless: &[],
        may_be_open: true,
    },
    Rule {
        id: LanguageRule::ConsentStatement,
        phrases: &[
            "by ..6 you ?@really ?@really consent|agree|authorize|authorise",
            "when|once|if you ..6 you ?@really consent|agree to ..4 study|trial|participate|join|part|research",
            "means|mean|shows|implies|indicates|confirms ?that you ?@really ?give|agree|consent ..2 consent|participate|part|join|take|to",
            "counts|count|constitutes|constitute|equals|serves|serve|means|implies|gives|signals ..3 consent",
            "is your consent",
            "i ?@really consent|agree to ..4 study|trial|participate|join|part|research",
            "no ?informed consent ..2 needed|required|necessary",
            "consent|signature is|was|are not ?even required|needed|necessary",
            "skip ..2 consent",
            "without ..3 consent form|paperwork|forms",
            "take|takes|collect|collects|obtain|get|gather|record|capture|accept ?your|the|their|a|verbal|written ?written|informed consent|signature|signatures",
            "give ?us ?your consent now|here|online|today|by|over|below",
            "< ?please ..5 sign ..4 consent",
            "sign ..3 consent ?form|forms ?that ?is below|attached|enclosed|online|here|now|today",
            "answer|answers|explain|explains ..4 consent form",
            "questions ..4 consent form|process",
        ],
        allow: &[
            "@site ..3 will|can|may|answer|answers|explain|explains|obtain|take|get|ask ..6 consent",
            "@site ..2 answer|answers|explain|explains",
            "ask ..4 questions",
            "before you|any",
        ],
        unless: &["asked to ..4 sign", "before you|any ..6 consent|agree"],
        may_be_open: false,
    },
];
