//! The word lists. They hold general vocabulary in English, Spanish, French, German and Portuguese, by what
//! a word says about a field; how the lists are used is `lexicon`'s business.

pub(super) mod health;
pub(super) mod person;
pub(super) mod phrases;
pub(super) mod plain;

/// Beginnings that mark an unlisted word as sensitive: international medical stems and German first parts.
pub(super) const STEMS: &[(super::Category, &str)] = {
    use super::Category::*;
    &[
        (
            Diagnosis,
            "diagnos diagnóst krankheit erkrank vorerkrank enfermed comorbid komorbid diabet hyperten hipertens onkolog carcino tumor krebs neoplas patholog patolog",
        ),
        (
            Medication,
            "medicat medicac medicam medikam arznei allerg alergi vaccin vacun vacin impf prescri prescriç verschreib pharmac farmac antibio",
        ),
        (TreatmentOrProcedure, "chirurg cirurg cirug therapi terapé behandl hospitali radiother chemother quimioter transplant"),
        (
            TestResult,
            "blut laborw laborb hemoglob haemoglob glucos glicem glykäm cholester colester kreatin creatin radiolog röntgen echocard",
        ),
        (SymptomOrHistory, "symptom síntom anamnes krankeng schmerz beschwerd antecedent"),
        (Insurance, "versicher krankenvers krankenk assurance asegur"),
        (GovernmentId, "sozialvers ausweis reisepass"),
        (BirthDate, "geburts nacimien naissanc nascim"),
        (Contact, "telefon teléfon téléphon handynum"),
        (PregnancyOrReproductive, "schwanger embaraz gynäkol gynecol ginecol menstru contracep"),
        (MentalHealthOrSubstance, "psychi psycho psiqui psico suicid alkohol alcoh schizo depressi"),
        (Genetic, "genotyp chromos"),
        (Demographics, "ethnic staatsang religi"),
    ]
};

/// Endings of diseases, procedures and drug classes (USAN and INN stems).
pub(super) const ENDINGS: &[(super::Category, &str)] = {
    use super::Category::*;
    &[
        (Diagnosis, "itis emia aemia opathy sclerosis carcinoma sarcoma lymphoma plegia phrenia dystrophy"),
        (TreatmentOrProcedure, "ectomy oscopy oplasty ostomy otherapy ektomie oskopie therapie"),
        (
            Medication,
            "statin sartan prazole cillin mycin tinib gliptin gliflozin glutide azepam zolam oxetine triptan floxacin cycline olimus parin umab izumab ximab dipine",
        ),
        (SymptomOrHistory, "algia"),
    ]
};

/// Spellings that phrases treat as the same word.
pub(super) const SAME_WORD: &[(&str, &str)] = &[
    ("no", "number"),
    ("num", "number"),
    ("nr", "number"),
    ("nbr", "number"),
    ("nmbr", "number"),
    ("numero", "number"),
    ("nummer", "number"),
    ("txt", "text"),
    ("msg", "message"),
    ("info", "information"),
    ("addr", "address"),
    ("adr", "address"),
    ("nm", "name"),
    ("dt", "date"),
    ("tel", "phone"),
    ("telephone", "phone"),
    ("ph", "phone"),
    ("phn", "phone"),
    ("hx", "history"),
    ("hist", "history"),
    ("med", "medical"),
    ("fam", "family"),
    ("grp", "group"),
    ("mbr", "member"),
    ("memb", "member"),
    ("acct", "account"),
    ("acc", "account"),
    ("lic", "license"),
    ("licence", "license"),
    ("cert", "certificate"),
    ("frst", "first"),
    ("fst", "first"),
    ("lst", "last"),
    ("mid", "middle"),
    ("emerg", "emergency"),
    ("rec", "record"),
    ("cd", "code"),
    ("dtl", "details"),
    ("dtls", "details"),
    ("detail", "details"),
    ("addl", "additional"),
    ("ident", "id"),
    ("identifier", "id"),
    ("rslt", "result"),
    ("rslts", "results"),
    ("rsn", "reason"),
    ("hlth", "health"),
    ("natl", "national"),
    ("soc", "social"),
    ("sec", "security"),
    ("subscr", "subscriber"),
    ("bene", "beneficiary"),
    ("pol", "policy"),
    ("prob", "problem"),
    ("conds", "conditions"),
    ("cond", "condition"),
    ("smry", "summary"),
    ("rpt", "report"),
];
