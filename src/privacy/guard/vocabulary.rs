//! What a verdict may say: closed lists of categories and rules, and sets of them.
//!
//! Categories are those of clinical entity services (AWS Comprehend Medical), in lower case; rules of protected health information follow
//! the identifiers of HIPAA's Safe Harbor list, 45 CFR 164.514(b)(2).

/// Declares a closed list with its spelling in answers.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item_doc])* $item,)+ }

        impl $name {
            /// Every member, in the order of the document.
            pub const ALL: &[$name] = &[$($name::$item),+];

            /// The member as it stands in an answer.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$item => $text,)+ }
            }
        }

        impl SetMember for $name {
            const ALL: &'static [Self] = $name::ALL;
            fn bit(self) -> u32 { 1 << self as u32 }
        }
    };
}

closed_list! {
    /// Kinds of protected content.
    Category {
        /// Drugs, doses, allergies to them.
        Medication = "medication",
        /// Diseases, symptoms and signs.
        MedicalCondition = "medical_condition",
        /// What identifies or reaches a person.
        ProtectedHealthInformation = "protected_health_information",
        /// Tests, treatments, operations and stays.
        TestTreatmentProcedure = "test_treatment_procedure",
        /// Parts of the body.
        Anatomy = "anatomy",
        /// When something happened to somebody.
        TimeExpression = "time_expression",
        /// Habits and circumstances.
        BehavioralEnvironmentalSocial = "behavioral_environmental_social",
        /// Text in disguise: its content is not judged.
        Obfuscation = "obfuscation",
    }
}

closed_list! {
    /// Why a text is refused.
    Rule {
        /// Control, format, bidirectional, tag or zero-width characters.
        HiddenCharacter = "hidden_character",
        /// Letters of several scripts within a word, or a word of look-alikes.
        MixedScript = "mixed_script",
        /// Full-width, mathematical, enclosed or otherwise styled letters.
        StyledLetters = "styled_letters",
        /// Stacked or misplaced combining marks.
        CombiningMarks = "combining_marks",
        /// HTML character references.
        HtmlEntity = "html_entity",
        /// Percent-encoded letters, backslash escapes.
        EscapeSequence = "escape_sequence",
        /// Base64, hexadecimal or binary that spells text.
        EncodedText = "encoded_text",
        /// L e t t e r s with something between them.
        SpacedLetters = "spaced_letters",
        /// Digits and signs for letters.
        Leetspeak = "leetspeak",
        /// A telephone or fax number.
        PhoneNumber = "phone_number",
        /// An e-mail address.
        EmailAddress = "email_address",
        /// A postal address.
        PostalAddress = "postal_address",
        /// A birth date, or an age with a person.
        BirthDate = "birth_date",
        /// Age and sex of one person.
        IndividualAge = "individual_age",
        /// A social security or other national number.
        NationalId = "national_id",
        /// A medical record number.
        MedicalRecordNumber = "medical_record_number",
        /// A health plan number.
        HealthPlanNumber = "health_plan_number",
        /// A bank account or card.
        AccountNumber = "account_number",
        /// A person's name after a cue.
        PersonName = "person_name",
        /// A diagnosis code.
        DiagnosisCode = "diagnosis_code",
        /// A record in a format of clinical systems.
        ClinicalRecord = "clinical_record",
        /// A measurement with its value.
        Measurement = "measurement",
        /// Health words together with one person.
        PersonWithClinical = "person_with_clinical",
        /// Health words.
        ClinicalTerms = "clinical_terms",
        /// The score of the whole wording.
        NarrativeModel = "narrative_model",
    }
}

/// What a `Set` may hold.
pub trait SetMember: Copy + 'static {
    /// Every member.
    const ALL: &'static [Self];
    /// The member's own bit.
    fn bit(self) -> u32;
}

/// A set of categories or rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Set<T> {
    bits: u32,
    members: std::marker::PhantomData<T>,
}

impl<T: SetMember> Set<T> {
    /// The empty set.
    pub const EMPTY: Set<T> = Set { bits: 0, members: std::marker::PhantomData };

    /// Adds a member.
    pub fn insert(&mut self, member: T) {
        self.bits |= member.bit();
    }

    /// Whether a member is in the set.
    pub fn contains(self, member: T) -> bool {
        self.bits & member.bit() != 0
    }

    /// Whether nothing is.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The members in the order of the document.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |member| self.contains(*member))
    }
}

impl<T: SetMember + std::fmt::Debug> std::fmt::Debug for Set<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl Rule {
    /// Whether the rule is about the form of the text.
    pub const fn is_obfuscation(self) -> bool {
        (self as u32) <= Rule::Leetspeak as u32
    }

    /// The category a rule of form or of identifiers stands for.
    pub const fn category(self) -> Category {
        match self {
            rule if rule.is_obfuscation() => Category::Obfuscation,
            Rule::DiagnosisCode | Rule::PersonWithClinical | Rule::ClinicalTerms | Rule::NarrativeModel => {
                Category::MedicalCondition
            }
            Rule::Measurement => Category::TestTreatmentProcedure,
            _ => Category::ProtectedHealthInformation,
        }
    }
}
