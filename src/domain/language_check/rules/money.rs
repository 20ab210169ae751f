//! Money: treatment that is called free, and payment that stands out. What stands out by its form is in `emphasis`.

use super::Rule;
use crate::domain::language_check::vocabulary::LanguageRule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: LanguageRule::FreeTreatment,
        phrases: &[
            "free|complimentary|gratis ..1 @care",
            "@care ..8 free of charge|cost",
            "@care ..8 for free",
            "@care is|are|will|comes ..2 free",
            "@care ..8 at|with|for no|zero ?extra|additional cost|charge|expense",
            "@care ..8 without ?any charge|cost|charges|paying",
            "no|zero cost|charge ?for ..2 @care",
            "free of charge ..3 @care",
            "pay|paying nothing|zero ..4 @care",
            "pay nothing",
            "not|never ?have ?to pay for ..2 @care",
            "@care ..3 costs|cost ?you nothing",
        ],
        allow: &["free to|from|of ..3 @care", "feel free", "sugar|drug|gluten|hands free", "study|site|clinic visits|visit|parking ..4 free"],
        // FDA's distinction: what the study itself needs is not charged, and saying so promises nobody a treatment.
        unless: &["study|research|trial related", "investigational", "no ..4 free"],
        may_be_open: false,
    },
    Rule {
        id: LanguageRule::PaymentEmphasised,
        phrases: &[
            "get|getting|gets paid",
            "earn|earning|earns ?up ?to ?some|an|over|at ?least $|money|cash|extra|income|dollars|hundreds|thousands",
            "earn ..2 $",
            "make ?up ?to ?some|over|good|real|easy money|cash|$",
            "extra|easy|quick|fast|big|instant|fantastic cash|money|income|bucks|payment",
            "cash paid|reward|rewards|bonus|prize|incentive|in|payout",
            "paid ?clinical|medical|research|heart|phase ?1|i|research study|studies|trial|trials|volunteer|volunteers|opportunity|opportunities",
            "we|they ?will pay|pays you|cash|up|$",
            "win ..4 $|card|prize|ipad|cash|voucher|trip",
            "chance to win",
            "raffle|sweepstakes|giveaway|jackpot|payday",
            "generous|top|high|great|excellent|attractive|competitive|lucrative|handsome compensation|pay|payment|payments|stipend|reward|rates|money",
            "generously|handsomely|well compensated|paid|rewarded",
            "need|want|looking|short ?for|of ?some|a|extra ?extra cash|money|income",
            "$ ?per|each|a ..2 just|only for",
            "bonus of|for|if|when ?$|finishing|completing|every|each",
            "$ ..1 bonus",
            "fill your wallet|pocket",
        ],
        allow: &[],
        unless: &["nobody|none paid"],
        may_be_open: false,
    },
];
