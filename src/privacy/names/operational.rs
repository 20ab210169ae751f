//! Names of what a referral is about as an operation: source, study, dates, owner, status, next action, end, feedback. They are no fields
//! of the contract; whoever maps a spreadsheet learns that such a column is one to be mapped, and not one to be left out.

use super::lexicon::Lexicon;
use super::tokens;

/// Words that carry an operational meaning, in five languages, without diacritics.
const CARRYING: &[&str] = &[
    // Where it came from.
    "source",
    "partner",
    "referrer",
    "referral",
    "referrals",
    "referring",
    "channel",
    "campaign",
    "utm",
    "tag",
    "handoff",
    "route",
    "origin",
    "attribution",
    "intake",
    "socio",
    "partenaire",
    "parceiro",
    "fuente",
    "canal",
    "quelle",
    "kanal",
    "zuweiser",
    "ueberweisung",
    "origem",
    "remision",
    "encaminhamento",
    "orientation",
    "vermittler", // What it is for.
    "study",
    "trial",
    "protocol",
    "nct",
    "studie",
    "estudio",
    "etude",
    "estudo",
    "ensayo",
    "essai",
    "ensaio",
    "protokoll",
    "protocolo",
    "protocole",
    "studienkuerzel",
    "studienkennung",
    "interest", // When.
    "received",
    "receipt",
    "recorded",
    "logged",
    "timestamp",
    "submitted",
    "created",
    "updated",
    "recepcion",
    "recibido",
    "reception",
    "recu",
    "recebido",
    "recebimento",
    "eingang",
    "eingangsdatum",
    "empfangen",
    "erhalten",
    "entrada", // Whose it is.
    "owner",
    "assigned",
    "assignee",
    "coordinator",
    "responsible",
    "backup",
    "queue",
    "responsable",
    "responsavel",
    "asignado",
    "assigne",
    "coordinador",
    "coordinateur",
    "coordenador",
    "zustaendig",
    "verantwortlich",
    "koordinator",
    "bearbeiter",
    "dueno", // Where it stands.
    "status",
    "state",
    "stage",
    "workflow",
    "statut",
    "estado",
    "etat",
    "situacao",
    "zustand",
    "stand",
    "phase",
    "etapa",
    "open",
    "pending",
    "blocker",
    "blocked",
    "aging",
    "overdue",
    "escalation", // What is next.
    "next",
    "action",
    "step",
    "due",
    "deadline",
    "followup",
    "task",
    "todo",
    "proxima",
    "proximo",
    "accion",
    "acao",
    "prochaine",
    "etape",
    "siguiente",
    "paso",
    "passo",
    "naechster",
    "naechste",
    "schritt",
    "faellig",
    "frist",
    "vencimiento",
    "echeance",
    "prazo",
    "aktion",
    // How it ended.
    "close",
    "closed",
    "closing",
    "closure",
    "disposition",
    "motivo",
    "cierre",
    "motif",
    "cloture",
    "fermeture",
    "encerramento",
    "grund",
    "abschluss",
    "abschlussgrund",
    "reason", // How the handoff went.
    "feedback",
    "quality",
    "incomplete",
    "missing",
    "volume",
    "wrong",
    "expectation",
    "gap",
    "materials",
    "clarification",
    "needed",
    "duplicate",
    "issue",
    "issues",
    "complete",
    "retour",
    "rueckmeldung",
    "calidad",
    "qualite",
    "qualidade",
    "qualitaet",
    "incompleto",
    "incomplet",
    "fehlend",
    "faltante",
    "manquant",
    "language",
    "version",
    "external",
    "reference",
    "acknowledged",
    "connected",
    "attempt",
    "attempts",
    "contacted",
    "basis",
    "path",
    "permission",
    "outcome",
    "capacity",
    "priority",
    "approval",
    "approved",
    "crm",
    "lead",
    "import",
    "batch",
    "funnel",
    "reopened",
    "reopen",
    "merged",
    "reviewer",
];

/// Words that stand beside a carrying one and change nothing.
const BESIDE: &[&str] = &[
    "id", "code", "ref", "name", "date", "at", "on", "to", "by", "of", "the", "de", "del", "du", "la", "le", "da", "do", "der",
    "die", "und", "flag", "field", "fields", "count", "total", "number", "no", "num", "key", "type", "is", "has", "time",
    "datum", "fecha", "data", "current", "last", "first", "contact", "record", "test", "level", "row", "url", "link", "site",
    "score", "rate", "kuerzel", "codigo", "nummer", "numero",
];

/// Longest slip that is forgiven needs a word of this many letters.
const LONG_ENOUGH: usize = 4;

/// Whether every word of a name is operational, and one at least carries a meaning.
pub fn is_operational(name: &str) -> bool {
    let words = tokens::split(name, Lexicon::get());
    let carries = |word: &String| knows(CARRYING, word);
    !words.is_empty() && words.iter().any(carries) && words.iter().all(|word| carries(word) || BESIDE.contains(&word.as_str()))
}

fn knows(list: &[&str], word: &str) -> bool {
    list.contains(&word) || (word.len() >= LONG_ENOUGH && list.iter().any(|known| is_slip(known, word)))
}

/// Whether one letter is missing, or two neighbours have changed places. Other letters are another word.
fn is_slip(known: &str, word: &str) -> bool {
    let (known, word) = (known.as_bytes(), word.as_bytes());
    if known.len() < LONG_ENOUGH {
        return false;
    }
    let same = known.iter().zip(word).take_while(|(a, b)| a == b).count();
    let rest = |text: &[u8], from: usize| text.get(from..).map(<[u8]>::to_vec).unwrap_or_default();
    if known.len() == word.len() + 1 {
        return rest(known, same + 1) == rest(word, same);
    }
    let crossed = known.get(same).zip(known.get(same + 1)) == word.get(same + 1).zip(word.get(same));
    known.len() == word.len() && same + 1 < known.len() && crossed && rest(known, same + 2) == rest(word, same + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operational_columns_are_known_in_every_style_and_language_and_others_are_not() {
        for name in [
            "source_partner",
            "Date Received",
            "nextAction",
            "next-step-due",
            "closeReasonCode",
            "statsu",
            "ownr",
            "motivo_de_cierre",
            "fecha_recepcion",
            "naechsterSchritt",
            "date_de_reception",
            "referral.source.tag",
            "assignedTo",
            "study_interest",
            "wrongStudyFlag",
            "dataRecebimento",
        ] {
            assert!(is_operational(name), "{name}");
        }
        for name in [
            "invoice_id",
            "hash",
            "etag",
            "extra",
            "temperature_outdoor",
            "title",
            "id",
            "code",
            "",
            "x",
            "payload",
            "patient_status_note",
        ] {
            assert!(!is_operational(name), "{name}");
        }
    }
}
