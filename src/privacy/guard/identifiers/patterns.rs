//! The table of identifier patterns. They run over folded text, bytes, without case; `(?-i:…)` where capitals matter.
//! English, Spanish, French, German and Portuguese cues.

use crate::privacy::guard::vocabulary::Rule;

/// What a text must contain for the pattern to be worth a search.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Digit,
    At,
    Capital,
}

/// When a match is no disclosure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exempt {
    Never,
    /// A site or study team gives its own contact.
    OwnContact,
    /// A criterion for many, not a finding about one.
    Group,
}

pub(super) struct Pattern {
    pub(super) rule: Rule,
    pub(super) needs: Needs,
    pub(super) exempt: Exempt,
    pub(super) source: &'static str,
}

const fn digits(rule: Rule, exempt: Exempt, source: &'static str) -> Pattern {
    Pattern { rule, needs: Needs::Digit, exempt, source }
}

const fn email(exempt: Exempt, source: &'static str) -> Pattern {
    Pattern { rule: Rule::EmailAddress, needs: Needs::At, exempt, source }
}

const fn named(exempt: Exempt, source: &'static str) -> Pattern {
    Pattern { rule: Rule::PersonName, needs: Needs::Capital, exempt, source }
}

use Exempt::{Group, Never, OwnContact};
use Rule::*;

pub(super) const PATTERNS: &[Pattern] = &[
    // Telephone: with country code, in national groups, and bare digits after a cue. Dates have other groups.
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w+])\+\d(?:[ ().-]{0,2}\d){7,14}"),
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w.-])00[1-9]\d?(?:[ .()-]{1,2}\d{1,4}){2,6}\b"),
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w.-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ ./-])\d{3}[ .-]\d{4}\b"),
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w.-])0\d(?:[ .-]\d\d){4}\b"),
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w.-])\(?0\d{2,4}\)?(?:[ /-]\d{6,8}| \d{3,4} \d{3,4})\b"),
    digits(PhoneNumber, OwnContact, r"(?:^|[^\w.-])[679]\d\d[ .]\d{3}[ .]\d{3}\b|(?:^|[^\w.-])\(\d\d\) ?9?\d{4}-\d{4}\b"),
    digits(
        PhoneNumber,
        OwnContact,
        concat!(
            r"\b(?:phone|telephone|tel|cell|mobile|whatsapp|sms|fax|desk|office|call|text|reach|number|registered|pager|contact|",
            r"telefono|movil|celular|numero|llamar|llamen?|portable|joindre|appeler|telefon|handy|mobil|nummer|erreichbar|",
            r"anrufen|telefone|ligar)\b\W{0,4}(?:[a-z']+\W{1,3}){0,4}?\(?(?:\d{3}[ .-]\d{4}|\d{3}[ .-]\d{3}[ .-]\d{3,4}|",
            r"\d{9,11}|0\d{1,4}[ /-]\d{6,9}|\d\d[ .-]\d{3}[ .-]\d{3}[ .-]\d{2,4}|\d{3}(?:[ .-]\d\d){3}|\d{5}[ -]\d{4,6}|",
            r"\d{4} \d{3} \d{3})\b"
        ),
    ),
    digits(PhoneNumber, OwnContact, r"\d{3}[ .-]\d{4}(?:x\d{2,5}| ?(?:-?office|-?fax|-?cell|-?mobile|-?home|ext))\b"),
    digits(
        PersonName,
        OwnContact,
        r"\b(?:call|reach|contact|text|phone)(?:ing)? (?-i:[A-Z][a-z]+)(?: (?-i:[A-Z][a-z]+))? (?:at|on|under|via) \W?\d",
    ),
    digits(
        PostalAddress,
        OwnContact,
        r"\bp\.? ?o\.? ?box \d|\bapartado(?: de correos)? \d|\bpostfach \d|\bapt\.? ?#?\d|\bapartment #?\d|\bsuite \d{2,4}\b",
    ),
    digits(
        PostalAddress,
        OwnContact,
        concat!(
            r"(?:^|[^\w-])\d{1,6} (?:[nsew]\.? )?(?:(?-i:[A-Z0-9])[\w.'-]*,? ){1,4}?(?:st|street|ave|avenue|rd|road|blvd|",
            r"boulevard|ln|lane|dr|drive|ct|court|way|terrace|cir|circle|hwy|highway|pkwy|parkway|trail|square|close|crescent)\b"
        ),
    ),
    digits(
        PostalAddress,
        OwnContact,
        concat!(
            r"\b(?-i:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]|",
            r"W[AVIY]),? \d{5}(?:-\d{4})?\b|\b(?-i:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})\b"
        ),
    ),
    digits(
        PostalAddress,
        OwnContact,
        concat!(
            r"\b(?:rue|boulevard|chemin|allee|impasse|calle|avda\.?|avenida|paseo|rua|travessa|(?-i:Via|Viale|Piazza|Plaza|",
            r"Avenue)) (?:[\w'.-]+ ){0,4}?[\w'.-]+,? ?(?:n[o.]{1,2} ?)?\d{1,4}\b"
        ),
    ),
    digits(PostalAddress, OwnContact, r"\bc/ ?(?-i:[A-Z])[\w'.-]+(?: [\w'.-]+){0,3},? ?(?:n[o.]{1,2} ?)?\d{1,4}\b"),
    digits(PostalAddress, OwnContact, r"\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|chemin|allee|impasse|quai) \w"),
    digits(
        PostalAddress,
        OwnContact,
        concat!(
            r"\b(?-i:[A-Z])[a-z]+(?:strasse|str\.|gasse|platz|allee|weg) \d{1,4} ?[a-z]?\b|",
            r"\b(?:strasse|landstrasse|gasse|weg|platz|allee|str\.) \d{1,4} ?[a-z]?\b"
        ),
    ),
    digits(
        PostalAddress,
        OwnContact,
        concat!(
            r"\b(?:lives? (?:at|on)|resid(?:es|ing) at|(?:home|mailing|billing|postal|street) address|address is|here's .{1,30}",
            r"address|domicilio|direccion|wohnhaft|wohnt in|anschrift|vive en|habite|adresse ?:|endereco|(?:ship|deliver) to:)\W{1,4}",
            r"(?:[\w'.-]+\W{1,3}){0,6}?\d{1,6}\b"
        ),
    ),
    // Dates of birth and ages of one person.
    digits(
        BirthDate,
        Never,
        concat!(
            r"\b(?:d\.? ?o\.? ?b\b|birth ?-?da(?:te|y)|date of birth|born\b|nacid[oa]|nacimiento|f\. ?nac|fecha (?:de )?nac|naissance|nee? le |",
            r"geb\.|geboren|geburtsdatum|geburtstag|nascid[oa]|nascimento|nat[oa] il ).{0,24}?\d"
        ),
    ),
    digits(BirthDate, Never, r"(?:^|[ ,(])(?:\* ?|b\. ?|bn\. ?)\d{1,2}[./-]\d{1,2}[./-](?:(?:19|20)\d\d|\d\d\b)"),
    digits(
        BirthDate,
        Never,
        concat!(
            r"\b(?:yob|year of birth|birth ?year|b-?day|ano de nac(?:imiento|imento)|annee de naissance|geburtsjahr|jahrgang|jg\.)",
            r"\W{0,4}(?:(?:is|in|was|on)\W{1,2})?\d"
        ),
    ),
    digits(
        BirthDate,
        Never,
        r"\b(?:turn(?:s|ing|ed)|will be|'ll be|cumple|wird) \d{1,3} (?:on|in|this|next|el|am|en) .{0,20}?\d",
    ),
    digits(
        IndividualAge,
        Group,
        r"\b\d{1,3} ?(?:yo|y/o|y\.o\.?),? (?:\w+ )?(?:man|woman|male|female|m|f|wm|wf|bm|bf|gentleman|lady|pt|patient|boy|girl)\b",
    ),
    digits(
        IndividualAge,
        Group,
        concat!(
            r"\b\d{1,3}[- ]?(?:years?|yrs?|months?|weeks?)[- ]old,? (?:[\w-]+ ){0,3}?(?:man|woman|male|female|boy|girl|",
            r"gentleman|lady|patient|veteran|pt|infant|child|son|daughter)\b"
        ),
    ),
    digits(
        IndividualAge,
        Group,
        concat!(
            r"\b(?:mujer|varon|hombre|paciente|nin[oa]|senora?|homem|mulher|menin[oa]|homme|femme|patiente?|garcon|fillette|",
            r"enfant)(?: agee?)?(?: de)? \d{1,3} (?:anos|ans|meses|mois)\b"
        ),
    ),
    digits(
        IndividualAge,
        Group,
        r"\b\d{1,3}[- ]?(?:jahrige[rsn]?|jaehrige[rsn]?|j\.) (?:[\w-]+ )?(?:patient(?:in)?|pat\.?|mann|frau|junge|madchen|herr)\b",
    ),
    digits(IndividualAge, Group, r"\b(?:edad|age|alter|idade) ?[:=] ?\d{1,3}\b.{0,12}\b(?:sexo?|sexe|geschlecht|gender) ?[:=]"),
    // Numbers of states, records, plans and banks.
    digits(NationalId, Never, r"(?:^|[^\w-])\d{3}-\d\d-\d{4}(?:[^\w-]|$)"),
    digits(
        NationalId,
        Never,
        concat!(
            r"\b(?:ssn|ss ?#|social security|soc ?sec|last (?:four|4)|(?:her|his|my|their|patient'?s|pt'?s) social)[^0-9\n]{0,24}",
            r"\d(?:[ -]?\d){3,8}\b"
        ),
    ),
    digits(
        NationalId,
        Never,
        concat!(
            r"\b\d{3}\.\d{3}\.\d{3}-\d\d\b|\b(?-i:\d{8}-?[A-HJ-NP-TV-Z])\b|\b(?-i:[XYZ]-?\d{7}-?[A-Z])\b|",
            r"\b(?-i:[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d)\b"
        ),
    ),
    // National insurance (United Kingdom), and numbers after the words of other countries.
    digits(NationalId, Never, r"\bsin ?#\W{0,3}\d[\d -]{6,}"),
    digits(NationalId, Never, r"\b(?-i:[A-Z]{2}) ?\d\d ?\d\d ?\d\d ?(?-i:[A-D])\b"),
    digits(
        NationalId,
        Never,
        concat!(
            r"\b(?:national insurance|ni (?:no|number|num|#)|nino|social insurance|sin (?:no|number)|tfn|itin|aadhaar|pesel|bsn|ppsn?|",
            r"amka|codice fiscale|personnummer|cedula|rut|national id|tax id|green card|rg)\b\W{0,4}(?:(?:no|nr|number|is)\W{1,3})?",
            r"(?-i:[A-Z]{0,3})[ -]?\d[\d .-]{4,}"
        ),
    ),
    digits(NationalId, Never, r"\b[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d[\dab] ?\d{3} ?\d{3} ?\d\d\b"),
    digits(
        NationalId,
        Never,
        concat!(
            r"\b(?:passport|passeport|pasaporte|reisepass|passnummer|ausweis|personalausweis|dni|nie|nif|curp|cpf|nhs|steuer-?id|",
            r"driver'?s? licen[sc]e|licen[sc]e plate|sozialversicherungsnummer|securite sociale|secu|tarjeta sanitaria|nss|nass|",
            r"cartao sus)\b\W{0,4}(?:[a-z.#]{1,10}\W{1,3}){0,3}?(?-i:[A-Z]{0,3})[ -]?\d[\d ./-]{3,}"
        ),
    ),
    digits(
        MedicalRecordNumber,
        Never,
        concat!(
            r"\b(?:mrn|nhc|epic id|patientennummer|patienten-?id|fallnummer|prontuario|(?:medical )?record (?:no|number|#|id)|",
            r"(?:chart|patient|pt|hospital|dossier|akte|historia(?: clinica)?|case file) ?(?:id|no|nr|num|number|numero|#))",
            r"\W{0,5}(?:(?:no|nr|number|is|num)\b\W{0,3})?(?-i:[A-Z]{0,5})-?\d[\dA-Z-]{2,}"
        ),
    ),
    digits(
        MedicalRecordNumber,
        Never,
        concat!(
            r"\b(?:med(?:ical)? rec(?:ord)?s?|hosp(?:ital)?|unit|chi|ur|uhid|upi|emr|ehr|fin|csn|encounter|accession|registro|aufnahme|ipp|nip)",
            r" ?(?:id|no|nr|num|number|#)?\.?\W{0,4}(?-i:[A-Z]{0,4})[.-]?\d[\d-]{4,}"
        ),
    ),
    digits(
        HealthPlanNumber,
        Never,
        concat!(
            r"\b(?:membership|versichertenkarte|versichertennr|kvnr|egk|krankenkassennummer|carte de mutuelle|private cover|cover(?:age)? with)",
            r"\b\W{0,4}(?:[a-z#]{1,12}\W{1,3}){0,3}?(?-i:[A-Z]{0,5})[ -]?\d[\dA-Z -]{5,}"
        ),
    ),
    digits(
        HealthPlanNumber,
        Never,
        concat!(
            r"\b(?:member|subscriber|beneficiary|policy|group|insurance|insured|health plan|versicherten|versicherungs|",
            r"asegurad[oa]|poliza|assure|beneficiario)[ -]?(?:id|no|nr|number|nummer|numero|#|card)\W{0,5}(?:(?:is|no|nr)\W{1,3})?",
            r"(?-i:[A-Z]{0,5})[ -]?\d[\dA-Z -]{3,}"
        ),
    ),
    digits(
        HealthPlanNumber,
        Never,
        concat!(
            r"\b(?:aetna|bcbs|cigna|humana|kaiser|anthem|blue (?:cross|shield)|united ?healthcare|uhc|tricare|medicare|medicaid|",
            r"medi-?cal|wellcare|highmark|bupa|axa|techniker|tk|dak|ikk|cpam|asisa|adeslas|mapfre|molina|mutuelle|carte vitale|aok|barmer|krankenkasse|sanitas|unimed|carteirinha)\b\W{1,3}(?:[a-z#]{1,12}\W{1,3}){0,3}?",
            r"(?-i:[A-Z]{0,4})-?\d[\dA-Z-]{2,}"
        ),
    ),
    digits(HealthPlanNumber, Never, r"\b(?-i:[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d\d)\b"),
    digits(
        AccountNumber,
        Never,
        r"\b(?:card|credit|debit|account|iban|bank|konto(?:nummer)?|tarjeta|carte|cuenta|cartao)\b[^0-9\n]{0,30}\d(?:[ -]?\d){7,18}\b",
    ),
    digits(AccountNumber, Never, r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{3,4}\b|\b[3-6]\d{14,15}\b"),
    digits(AccountNumber, Never, r"\b(?-i:[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)\b"),
    // Codes, records and measurements.
    digits(DiagnosisCode, Group, r"(?:^|[^\w.-])(?-i:[A-TV-Z]\d[0-9AB]\.[0-9A-Z]{1,4})(?:[^\w.-]|[.]?$|[.] )"),
    digits(
        DiagnosisCode,
        Group,
        concat!(
            r"\b(?:icd|cie|cim|dx|diagnos[a-z]*)\b\W{0,3}(?:-?(?:9|10)(?:-?(?:cm|gm|am))?\b)?\W{0,3}(?:codes?\W{0,3})?",
            r"(?-i:[A-TV-Z])\d\d"
        ),
    ),
    digits(ClinicalRecord, Never, r"\b(?-i:PID|OBX|OBR|DG1|NK1|PV1|IN1|AL1|RXE)\|"),
    digits(Measurement, Group, r"\b(?:bp|blood pressure|ta|rr|tension|presion) ?[:=]? ?(?:is |of |was )?\d{2,3} ?/ ?\d{2,3}\b"),
    digits(
        Measurement,
        Group,
        concat!(
            r"\b(?:bmi|imc|hba1c|a1c|e?gfr|ldl|psa|phq-?[29]|gad-?7|inr|lvef|cd4|hgb|fev1|tsh|spo2|creatinine|kreatinin|",
            r"creatinina|troponin|ferritin|mmse|moca|ecog|bnp)\b ?(?:of|is|was|at|=|:|>|<|level|over|under|above|around|score|",
            r"de|a|en| ){0,4} ?\d"
        ),
    ),
    // Accounts with a free mail provider are nobody's study line.
    email(
        Never,
        concat!(
            r"@(?:gmail|googlemail|yahoo|hotmail|outlook|aol|icloud|live|msn|protonmail|proton|gmx|web|t-online|orange|wanadoo|",
            r"free|laposte|uol|bol)\.[a-z]"
        ),
    ),
    email(OwnContact, r"[\w.+-]@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"),
    named(
        Never,
        concat!(
            r"\b(?:patient(?:'s)?|pt(?:'s)?|his|her|my|full|first|last|legal|caller|child's|daughter's|son's|mother's|person's) ",
            r"name ?(?:is|:|=|was|-)?:? ?(?-i:[A-Z][a-z]+)"
        ),
    ),
    named(
        Never,
        concat!(
            r"(?:^|\n|[;,|>] ?|\d )(?:name|nombre(?: y apellidos)?|apellidos|nom(?: du patient)?|nachname|vorname|",
            r"nome(?: completo)?) ?[:=] ?(?-i:[A-Z][a-z]+)"
        ),
    ),
    named(
        Never,
        concat!(
            r"\b(?:je m'appelle|me llamo|mi nombre es|se llama|mein name ist|ich heisse|sie heisst|er heisst|me chamo|",
            r"meu nome e|she's called|named) (?-i:[A-Z][a-z]+)"
        ),
    ),
    named(OwnContact, r"\b(?-i:Mrs|Mr|Ms|Miss|Mme|Mlle|Frau|Herrn?|Sra|Sr|Senora|Dona)\.? (?-i:[A-Z][a-z]+)"),
    named(
        Never,
        concat!(
            r"\b(?:participant|patient|patientin|paciente|candidate|referred|referral|caller|teilnehmer(?:in)?|participante|person) ?[:=] ?",
            r"(?-i:[A-Z][a-z]+(?:-[A-Z][a-z]+)? (?:[A-Z]\. )?[A-Z][a-z]+(?:-[A-Z][a-z]+)?)(?:[^\w]|$)"
        ),
    ),
];
