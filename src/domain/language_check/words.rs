//! Classes of words that rules share, each as words of the pattern language.

/// The words of a class.
pub(super) fn class(name: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

const CLASSES: &[(&str, &str)] = &[
    // What is tested, and what somebody might take it for.
    (
        "drug",
        "treatment* therap* medication* medicine* drug* pill pills tablet* vaccine* injection* remed* device* implant* cream gel \
         procedure* capsule* infusion*",
    ),
    ("care", "treatment* therap* medication* medicine* drug* care healthcare prescription* surgery"),
    ("study", "study studies trial trials research program programme project"),
    ("people", "you participants volunteers patients people everyone everybody anyone subjects members"),
    ("all", "everyone everybody anyone all every"),
    (
        "illness",
        "pain symptom* discomfort suffering disease* condition* illness* palpitation* migraine* headache* anxiety depression insomnia \
         fatigue asthma arthritis diabetes disorder* tremor* itch* swelling",
    ),
    (
        "really",
        "really truly already automatically definitely certainly clearly probably likely now also fully just actually all always hereby",
    ),
    ("wholly", "completely totally fully perfectly absolutely entirely 100% strictly utterly"),
    ("great", "perfect ideal great good excellent strong natural suitable right exact"),
    ("doctor", "doctor doctors physician physicians clinician nurse therapist specialist cardiologist provider surgeon"),
    ("place", "spot spots place places slot slots space spaces seat seats opening openings"),
    ("joining", "join joining participate participating part enter entering enrol enroll enrolling study trial volunteer"),
    ("give", "send email reply respond give provide submit upload attach fax text tell share enter write message"),
    (
        "private",
        "diagnos* symptom* medication* medicine* prescription* history birth birthdate birthday results ssn mrn allerg* conditions records record",
    ),
    ("network", "instagram facebook whatsapp telegram twitter tiktok messenger snapchat linkedin signal"),
    ("site", "study research site team investigator* researcher*"),
];
