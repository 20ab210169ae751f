//! Identifiers of persons, and numbers that are none.

use crate::privacy::guard::{Profile, Registered, Rule, check};

#[test]
fn all_patterns_compile() {
    assert!(super::compiles());
}

#[test]
fn identifiers_are_found() {
    for (rule, texts) in [
        (
            Rule::PhoneNumber,
            "cell (619) 555-0173|+44 7700 900123|06 12 34 56 78|tel 0171 5550123|móvil 612 345 678|text 5550142299|(11) 98765-4321",
        ),
        (Rule::EmailAddress, "a.b@gmail.com|write to jo.doe+x@mail.example.org"),
        (
            Rule::PostalAddress,
            "44 Elm St|PO Box 3312|Dayton OH 45402|12 rue des Lilas|Calle Mayor 12|Gartenstraße 14|12 Park Lane, Apt 4",
        ),
        (
            Rule::BirthDate,
            "DOB 3/4/61|born 12-09-1954|geb. 1.2.61|née le 3 mars 1959|fecha de nacimiento 14/02/1966|nascido em 22/10/1979|* 19.04.2020|b. 03/11/1988|YOB 1961|Jahrgang 1950",
        ),
        (Rule::IndividualAge, "62 yo male|48-year-old woman|hombre de 66 años|patiente de 72 ans|71-jährige Patientin"),
        (
            Rule::NationalId,
            "078-05-1120|ssn 219099999|last four of social 0962|CPF 123.456.789-09|DNI 12345678Z|AB 12 34 56 C|NI number: ZX998877B|national insurance no 12 34 56 7|SIN # 046 454 286",
        ),
        (
            Rule::MedicalRecordNumber,
            "MRN# A-339201|chart no. 55-20931|NHC 4471203|patient id 0093312|med rec no 55-02-913|FIN 8820017|UHID: DL.40029918|hospital number 7719320",
        ),
        (
            Rule::HealthPlanNumber,
            "member id XYZ884120937|Aetna W2291 44871|1EG4-TE5-MK73|membership 8841 2093|Versichertenkarte M118820934|KVNR A123456780",
        ),
        (Rule::AccountNumber, "card 3551662131872594|DE89 3704 0044 0532 0130 00"),
        (
            Rule::PersonName,
            "patient name: Robert Kowalczyk|me llamo Ana|Frau Lehmann|Mrs. Alvarez|Participant: Ngozi Eze-Obi|Patient: Ines M. Castro",
        ),
        (Rule::DiagnosisCode, "E11.9|F32.1; G47.33|dx C50"),
        (Rule::ClinicalRecord, "PID|1||X"),
        (Rule::Measurement, "BP 162/94|A1c 8.2|PHQ-9 = 17"),
    ] {
        let texts: Vec<&str> = if rule == Rule::ClinicalRecord { vec![texts] } else { texts.split('|').collect() };
        for text in texts {
            assert!(check(text, Profile::Strict, &Registered::NONE).rules.contains(rule), "{rule:?} {text}");
        }
    }
}

#[test]
fn numbers_of_work_are_no_identifiers() {
    for text in [
        "2026-06-27T14:05:00Z",
        "call back 2026-07-15 10:30",
        "REF-2026-000184",
        "EU CT number 2023-504871-22-00",
        "EudraCT 2021-004512-33",
        "NCT04658381",
        "ISRCTN45678912",
        "batch 00012/00040",
        "3f2b6c1e-7a44-4d1c-9a5b-0c7f2f9e1b11",
        "06/30/2026 3:15 PM",
        "Row 118 skipped, 12 of 40 done",
        "Unit 4, level 2",
        "Referral: Lakeside portal",
        "Encounter window 14 to 21",
        "FIN-2 closed",
        "Membership renewed for 2027",
        "adults 18-65, visits 1 to 6",
        "Protocol v4.0 amendment 2",
        "L'étude s'adresse aux femmes de 40 à 65 ans.",
    ] {
        assert!(!check(text, Profile::Strict, &Registered::NONE).sensitive, "{text}");
    }
}
