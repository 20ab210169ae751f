//! Words about who a person is and how to reach them, in five languages.

use super::super::Category::{self, *};

/// Sensitive in any company.
pub(in super::super) const STRONG: &[(Category, &str)] = &[
    (
        Name,
        "firstname lastname middlename fullname maidenname givenname familyname surname surnames forename
        forenames fname lname mname nickname ptname patname salutation honorific pname
        apellido apellidos nombrecompleto nombredepila
        prénom prénoms nomdefamille nomcomplet
        vorname vornamen nachname nachnamen familienname geburtsname rufname patientenname
        sobrenome sobrenomes apelido nomecompleto nomedamae",
    ),
    (
        Contact,
        "phonenumber phoneno phonenum telephone telephones cellphone cellular homephone workphone
        mobilephone mobileno whatsapp wechat instagram facebook snapchat tiktok viber linkedin
        emergencycontact nextofkin voicemail
        teléfono teléfonos telefono telefonos móvil celular correoelectronico correoe
        téléphone téléphones courriel numérodetéléphone
        telefon telefonnummer telefonnummern handy handynummer handynr mobilnummer mobiltelefon festnetz
        rückrufnummer rufnummer faxnummer erreichbarkeit kontaktdaten
        telefone telefones telemóvel celulares",
    ),
    (
        Address,
        "zipcode zip4 postcode postalcode streetaddress homeaddress homeaddr mailingaddress residence
        residential streetname housenumber
        domicilio direcciones códigopostal calle colonia vivienda
         codepostal
        anschrift wohnanschrift wohnort wohnadresse hausnummer hausnr plz postleitzahl straße
        endereço endereços logradouro moradia cep bairro códigopostal",
    ),
    (
        BirthDate,
        "dob dobs birth born birthdate birthday birthdays birthdt birthyear birthplace bday bdate yob
        dateofbirth doby
        dofb birthd brth brthdt nais nacimiento fechanacimiento cumpleaños fnac fechanac
        naissance datenaissance datedenaissance ddn anniversaire
        geboren geburt geburtsdatum geburtstag geburtsjahr geburtsort geb gebdat gebdatum
        nascimento datanascimento datadenascimento aniversário dtnasc",
    ),
    (
        Demographics,
        "gender gndr ethn sex sexual orientation ethnicity ethnic ethnicgroup religion religious nationality
        citizenship marital maritalstatus occupation immigration immigrant veteran pronoun pronouns
        demographics demographic agegroup ageband agerange ageyears agey patientage ptage
        género edad sexo etnia religión nacionalidad estadocivil ocupación
        sexe ethnie nationalité étatcivil situationfamiliale
        geschlecht religionszugehörigkeit konfession staatsangehörigkeit nationalität familienstand
        lebensalter beruf
        idade gênero nacionalidade religião raça estadocivil profissão",
    ),
    (
        GovernmentId,
        "ssn ssns ssnlast4 last4ssn socialsecurity passport passportno driverslicense driverlicense
        drivinglicence nationalid nationalinsurance nino nhsno nhsnumber citizenid aadhaar aadhar nric
        tfn visanumber licenseplate vin greencard taxpayer
        dni nie nif curp nss pasaporte cédula seguridadsocial numerodeidentidad documentoidentidad
        nir insee numérosécu sécuritésociale sécu passeport cni carteidentite pieceidentite
        personalausweis personalausweisnummer ausweis ausweisnummer reisepass reisepassnummer
        sozialversicherungsnummer rentenversicherungsnummer steuernummer svnr svnummer steuerid
        steueridentifikationsnummer führerschein
        cpf bsn pesel passaporte identidade segurançasocial cartãocidadao niss",
    ),
    (
        MedicalRecordNumber,
        "mrn mrns mrnumber medrecnum medrecno medrec medicalrecord medicalrecordnumber recordnumbermed
        patientid patid ptid patno patientno chartnumber chartno chartid ehrid emrid hospno
        hospitalnumber nummerpatient
        nhc numhistoria expedienteclinico numerohistoriaclinica
        ipp dossierpatient numéropatient dossiermedical
        patientennummer patientenid patientennr fallnummer aktenzeichenpatient krankenakte patientenakte
        prontuário prontuarios numeroprontuario",
    ),
    (
        Insurance,
        "insurance insur insr insurances insurer insured insureds medicare medicaid tricare mbi hicn hmo ppo copay
        copayment deductible policyholder healthplan payor beneficiary beneficiaries
        seguro aseguradora póliza mutua asegurado prepaga obrasocial
        assurance assurances assuré mutuelle cartevitale assurancemaladie
        versicherung versicherungsnummer versichertennummer versicherten versicherter krankenkasse
        krankenkassen krankenversicherung krankenversicherungsnummer kvnr kassenzeichen versichertenstatus
        convênio planodesaude seguradora carteirinha",
    ),
    (
        Financial,
        "iban bic cvv cvc creditcard cardnumber ccnum ccnumber bankaccount salary income wage
        wages creditscore bankname sortcode debitcard
        tarjetacredito cuentabancaria salario ingresos sueldo
        salaire revenu revenus comptebancaire cartebancaire
        kontonummer bankverbindung gehalt einkommen bankleitzahl kreditkarte
        salário contabancaria cartãodecredito renda",
    ),
    (
        BiometricOrPhoto,
        "biometric biometrics selfie selfies headshot faceid facescan facephoto voiceprint retina retinal irisscan fingerprints
        passportphoto mugshot faceimage
        huelladactilar huellas empreintedigitale fingerabdruck fingerabdrücke gesichtsfoto lichtbild
        impressãodigital",
    ),
    (
        FreeText,
        "note notes nts cmt cmts cmnt cmnts rmk rmks narr comment comments commentary remark remarks memo memos narrative narratives freetext
        freeform transcript transcripts transcription transcriptions progressnote progressnotes
        clinicalnote clinicalnotes casenotes soapnote doctorsletter referralletter additionalinfo
        additionalinformation anythingelse backgroundinfo otherinfo moreinfo furtherinfo observations
         jotting dictation
        nota notas comentario comentarios observación observaciones anotación anotaciones apunte apuntes
        relato
        commentaire commentaires remarque remarques compterendu
        notiz notizen anmerkung anmerkungen bemerkung bemerkungen kommentar kommentare freitext
        arztbrief arztbericht befundtext hinweistext beobachtung beobachtungen mitteilung
        observação observações comentário comentários anotação anotações",
    ),
];

/// Sensitive unless an operational word stands beside it (`site_phone`, `partner_email`, `ip_address`).
pub(in super::super) const WEAK: &[(Category, &str)] = &[
    (
        Contact,
        "phone phones tel phon telno telnr email emails mail emailaddress mobile mobil mob phn cell fax contact
        contactinfo contactdetails telegram skype twitter correo kontakt contacto contato coordonnées",
    ),
    (
        Address,
        "address addresses addr adr adress street city town village zip postal postbox pobox county
        suburb neighborhood neighbourhood apartment apt latitude longitude lat lon lng gps geolocation
        geocode coordinates dirección ciudad municipio adresse adresses rue ville commune
        cidade morada rua ort stadt",
    ),
    (BirthDate, "deathdate dateofdeath death deceased died fallecimiento décès todesdatum óbito"),
    (Demographics, "employer employment education schooling literacy household"),
    (Insurance, "coverage payer coinsurance"),
    (Name, "initials firstlast"),
    (BiometricOrPhoto, "photo photos photograph picture pictures foto fotos"),
    (FreeText, "story backstory anecdote testimony bericht informe relatório"),
];

/// Sensitive only alone, among decorations, or beside a person or health word (`name` but not `file_name`).
pub(in super::super) const LONE: &[(Category, &str)] = &[
    (Name, "name names nombre nombres nom noms nome nomes first last fn ln "),
    (Demographics, "age alter âge race raza cor"),
    (TestResult, "height taille talla altura wt ht hgt wgt größe groesse stature estatura results"),
    (SymptomOrHistory, "history histories hist historia histórico historique historiques background situation verlauf"),
    (
        FreeText,
        "details detail description descriptions desc descripción descrição beschreibung message msg
        mensaje mensagem nachricht text texto texte summary summaries resumen resumo
        zusammenfassung letter statement explanation detalles détails",
    ),
    (BiometricOrPhoto, "face iris"),
    (Diagnosis, "dg"),
    (SymptomOrHistory, "cc"),
];

/// Words for the person a referral is about, or somebody close to them.
pub(in super::super) const PERSON: &str =
    "patient patients pt pts pat ptnt person persons individual subject participant candidate enrollee
    caregiver carer guardian spouse husband wife mother father mom dad relative relatives sibling kin
     family emergency son daughter applicant proband survivor
    paciente pacientes persona sujeto participante cuidador cuidadora familiar madre padre
    patiente personne sujet aidant mère père conjoint proche
    patienten patientin patientinnen teilnehmer teilnehmerin angehörige angehöriger mutter vater
    ehepartner betreuer pessoa mãe pai cuidadores client clients cliente parent child";

/// Words that are sensitive even alone, because whatever they hold is about the patient.
pub(in super::super) const PATIENT: &[&str] = &["patient", "patients", "paciente", "pacientes", "patienten", "patientin"];

/// What is sensitive beside a person word, and harmless without one.
pub(in super::super) const ATTRIBUTE: &[(Category, &str)] = &[
    (
        MedicalRecordNumber,
        "id ids ident identifiant identificador guid uuid code codes código kode kennzeichen ref identifier identifiers number no nr num numero número numéro nummer record chart file
        akte dossier kennung",
    ),
    (
        FreeText,
        "info information data profile form document attachment content report body answer answers
        response responses question concerns statement datos daten dados données perfil profil
        overview bio",
    ),
    (Demographics, "language country nationality state region school job lang"),
    (Contact, "handle user username url website social call home work"),
    (BiometricOrPhoto, "image signature video audio voice"),
    (BirthDate, "year date"),
    (Name, "title label prefix suffix"),
];

/// Person words that are technical words too (`client_id`, `parent_id`): beside them only a name, an age or a
/// history is personal, not an id or a number.
pub(in super::super) const SOFT_PERSON: &[&str] =
    &["client", "clients", "cliente", "parent", "child", "family", "familiar", "individual", "emergency", "candidate", "person"];
