//! Implied eligibility: only the study team reviews who may take part.

use super::Rule;
use crate::domain::language_check::vocabulary::LanguageRule;

pub(super) const RULES: &[Rule] = &[Rule {
    id: LanguageRule::ImpliedEligibility,
    phrases: &[
        "you ?@really qualify",
        "you are ?@really eligible|qualified|preapproved|preselected|prequalified|accepted|approved",
        "you will ?@really qualify",
        "you will ?@really be ?@really accepted|selected|included|admitted|eligible|approved",
        "you are|look|seem|sound|make ?like ?exactly ?a|an|the @great ..1 candidate|match|fit|choice|person",
        "you would|will be ?a|an|the @great ..1 candidate|match|fit|choice|person",
        "you were|are ?@really chosen|selected|matched|cleared",
        "you have ?@really ?been ?@really accepted|selected|chosen|approved|cleared|matched",
        "you have ?@really qualified|passed",
        "pre approved|selected|qualified|accepted|cleared",
        "preapproved|preselected|prequalified",
        "you ?@really meet|fulfil|fulfill|satisfy ?all ?of ?the|our|these ?study|entry|inclusion criteria|requirements|conditions",
        "you ?@really fit|match ?all ?of ?the|our ?study|trial|research|entry study|trial|profile|criteria|requirements",
        "eligibility ..2 confirmed|approved|guaranteed|established|certain",
        "@all ..5 qualify|qualifies",
        "@all ..5 is|are ?@really eligible|accepted|qualified",
        "@all ..5 will ?@really be accepted|eligible|included",
        "guaranteed|reserved ?a|your @place|acceptance|eligibility|entry|participation",
        "@place|acceptance|participation|entry is|are|has ..2 guaranteed|reserved|secured|assured|confirmed",
        "guarantee|guarantees ..2 acceptance|entry|eligibility|@place",
        "no screening ..2 required|needed|necessary",
        "this|our|the study|trial|research is ?@really right|perfect|ideal|made|meant for you",
        "we have|found ?just ?a|the ?@great match|study|trial for you",
    ],
    allow: &[
        "if|whether|when|once|until|unless|do|does|did|can|could|may|might|would|should|how|why|before|after you",
        "who|that is|are|qualify|qualifies|may|might|meet|meets",
        "selected|chosen ?at random|randomly|to|because to|receive|get",
        "parking @place",
        "once|after|until|when|if|before|whether ..4 eligibility",
        "all eligible|qualified",
    ],
    unless: &[],
    may_be_open: true,
}];
