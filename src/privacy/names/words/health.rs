//! Words about health, in five languages. Written with diacritics where the language has them; the lexicon
//! folds them (and `ü` also to `ue`). General vocabulary only: drug classes and diseases of everyday
//! referrals, not a terminology.

use super::super::Category::{self, *};

/// Sensitive in any company.
pub(in super::super) const STRONG: &[(Category, &str)] = &[
    (
        Diagnosis,
        "diagnosis diagnoses diagnose diagnosed diagnostic dgn diagn dx ddx dxs icd icd9 icd10 icd11 icdcode
        snomed snomedct dsm5 comorbidity comorbidities comorbid disease illness sickness ailment
        disorder syndrome malady prognosis pathology infection infectious morbidity disability
        disabilities handicap impairment cancer carcinoma tumor tumour neoplasm malignancy metastasis
        metastases metastatic leukemia lymphoma melanoma sarcoma glioma myeloma diabetes diabetic
        prediabetes t1d t2d t1dm t2dm hypertension hypertensive htn hypotension hyperlipidemia
        dyslipidemia asthma copd emphysema pneumonia tuberculosis covid covid19 influenza stroke
        aneurysm infarction angina arrhythmia afib fibrillation chf hfref ckd esrd cirrhosis hepatitis
        fibrosis nafld nash gerd ibs ibd crohn crohns colitis celiac psoriasis eczema rosacea acne
        dermatitis lupus rheumatoid arthritis osteoarthritis osteoporosis gout fibromyalgia sciatica
        migraine epilepsy epileptic parkinson parkinsons alzheimer alzheimers dementia neuropathy
        sclerosis anemia anaemia hemophilia thrombosis embolism dvt sepsis hiv hivstatus hbv hcv hpv
        sti stis syphilis gonorrhea chlamydia herpes malaria obesity obese overweight cataract
        glaucoma retinopathy macular hypothyroidism hyperthyroidism hypothyroid endometriosis pcos
        allergic apnea apnoea insomnia narcolepsy lesion ulcer hernia fracture concussion tbi
        diagnóstico diagnósticos diagnostico enfermedad enfermedades padecimiento padecimientos dolencia
        trastorno comorbilidad comorbilidades patología patologías afección discapacidad cáncer
        hipertensión epilepsia infección
        maladie maladies comorbidité comorbidités pathologie affection cie10 cim10
        diabète hypertendu épilepsie handicapé
        diagnosen krankheit krankheiten erkrankung erkrankungen vorerkrankung vorerkrankungen
        begleiterkrankung begleiterkrankungen grunderkrankung komorbidität komorbiditäten leiden
        behinderung störung krebs bluthochdruck krankheitsbild hauptdiagnose nebendiagnose
        nebendiagnosen
        doença doenças enfermidade enfermidades moléstia comorbidade comorbidades patologia deficiência
        hipertensão câncer cancro cid10 transtorno quadroclinico condiciónmédica krankheitsbilder diagnóstica chronic autoimmune congenital
        palliative hospice oncologic",
    ),
    (
        Medication,
        "medication medications medicine medicines med meds rxnorm rxcui ndc prescription
        prescriptions prescribed prescriber drug drugs pharmacy pharmacist pharmaceutical pharma dose
        dosage dosing posology pill pills tablets insulin allergy allergies alrgy algy allrg immun vacc vax allergen
        allergens nka nkda antibiotic antibiotics antidepressant antidepressants anticoagulant
        anticoagulants statin statins opioid opioids steroid steroids chemo chemotherapy vaccine
        vaccines vaccination vaccinations vaccinated immunization immunizations immunisation
        immunisations inhaler metformin aspirin ibuprofen acetaminophen paracetamol warfarin heparin
        prednisone levothyroxine ozempic semaglutide humira adalimumab methotrexate gabapentin
        polypharmacy
        medicamento medicamentos medicación medicina medicinas fármaco fármacos receta recetas dosis
        alergia alergias vacuna vacunas vacunación posología prescripción tratamientofarmacologico
        médicament médicaments médication ordonnance ordonnances posologie allergie allergène vaccin
        vaccins traitementencours prescriptionmédicale
        medikament medikamente medikation medikamentenliste medikamentenplan medikationsplan arznei
        arzneimittel arzneien wirkstoff dosierung rezept rezepte verschreibung verordnung allergien
        unverträglichkeit unverträglichkeiten impfung impfungen impfstatus
        medicação medicações remédio remédios prescrição prescrições dosagem alergias vacina vacinas
        vacinação posologia",
    ),
    (
        TreatmentOrProcedure,
        "treatment treatments treated surgery surgeries surgical surgeon therapy therapies therapist
        radiotherapy radiation immunotherapy transplant transplants dialysis hospitalization
        hospitalizations hospitalisation hospitalized hospitalised inpatient outpatient admitted
        discharge discharged dischrg dischg dschg hosp surg trtmt tmt intubated ventilator implant implants prosthesis pacemaker rehab
        rehabilitation physio physiotherapy biopsy biopsies cpt cptcode hcpcs anesthesia anaesthesia
        careplan regimen regimens infusion transfusion amputation procedurecode psh pshx caretaker bypass chemo
        tratamiento tratamientos cirugía cirugías terapia terapias intervención quirúrgico quirúrgica
        hospitalización internación rehabilitación trasplante médica
        traitement traitements chirurgie thérapie thérapies hospitalisations rééducation
        greffe hospitalière
        behandlung behandlungen vorbehandlung therapie therapien operationen eingriff eingriffe
        krankenhausaufenthalt krankenhausaufenthalte klinikaufenthalt entlassung entlassbrief
        überweisungsgrund
        tratamento tratamentos cirurgia cirurgias terapias internação internações transplante
        reabilitação procedimento procedimentos",
    ),
    (
        TestResult,
        "vitals vitalsign vitalsigns biomarker biomarkers labs bloodwork bloodtest hba1c a1c hgba1c
        egfr gfr creatinine creat gluc chol trig hgba creatinin creatine glucose glycemia glycaemia cholesterol triglycerides
        triglyceride ldl hdl ldlc hdlc lipids lipid tsh ft4 psa cea ca125 ca199 afp crp esr wbc rbc hgb
        cbc lfts lft abg csf hemoglobin haemoglobin hematocrit hct platelets platelet neutrophils lymphocytes ptt
        troponin bnp ntprobnp ferritin albumin bilirubin potassium sodium calcium magnesium uric
        urinalysis urine cd4 cd8 viralload serology antibody antibodies antigen pcr
        bmi bodymass bp sbp dbp systolic diastolic spo2 o2sat oximetry heartrate pulseox fev1 fvc
        lvef ecg ekg eeg emg mri xray xrays ctscan petscan ultrasound sonogram sonography echocardiogram
        mammogram mammography colonoscopy endoscopy tomography radiology radiograph dexa histology
        cytology ecog karnofsky nyha phq phq2 phq9 gad7 mmse moca audit10 loinc fasting
        laboratorios laboratorio analítica analíticas análisis glucosa colesterol creatinina
        hemoglobina hemograma presión arterial glucemia radiografía ecografía resonancia signosvitales
        imc
         bilan bilansanguin glycémie cholestérol créatinine hémoglobine artérielle
        radiographie échographie irm prisedesang constantesvitales
        laborwert laborwerte laborbefund laborbefunde blutwert blutwerte blutbild blutdruck blutzucker
        befund befunde vorbefund vorbefunde befundbericht röntgen ultraschall vitalwerte vitalparameter körpergewicht
        körpergröße puls cholesterin hämoglobin
        exame exames glicose glicemia colesterol hemoglobina hemograma pressãoarterial ressonância
        ecografia tomografia sinaisvitais",
    ),
    (
        SymptomOrHistory,
        "symptom symptoms symptomatic sympt sympts symp symptomatology sx sxs complaint complaints hpi pmh pmhx pshx fhx
        fmhx famhx shx socialhx hx ros epikrise epicrisis epicrise epicrisi exacerbation flareup remission prodrome malaise anamnesis anamnese anamnesi pain painful painscore painlevel
        nausea vomiting fever cough fatigue dizziness headache headaches seizure seizures bleeding
        swelling rash itching dyspnea wheezing numbness palpitations diarrhea constipation weakness
        injury injuries wound trauma onset frailty functionalstatus
        smoker smoking tobacco cigarettes packyears
        síntoma síntomas sintoma sintomas anamnesis antecedentes antecedente dolor dolores molestia
        molestias fiebre historial historiaclinica tabaquismo fumador fumadora
        symptôme symptômes antécédent antécédents anamnèse douleur douleurs plainte plaintes fièvre
        tabagisme fumeur motifconsultation
        symptome beschwerde beschwerden anamnesen krankengeschichte krankheitsgeschichte vorgeschichte
        krankheitsverlauf leidensdruck schmerz schmerzen fieber raucher raucherstatus nikotin
        familienanamnese sozialanamnese
        queixa queixas históricomedico dor dores febre fumante tabagismo",
    ),
    (
        Genetic,
        "genetic genetics genome genomic genomics genotype gene genes dna rna brca brca1 brca2 karyotype
        mutation mutations chromosome chromosomal hereditary heredity polymorphism apoe
        genético genética genoma mutación génétique génome mutation genetik genetisch gentest erbgut
        mutação hereditário",
    ),
    (
        PregnancyOrReproductive,
        "pregnancy pregnant pregnancies gravida gravidity gestation gestational lmp menstrual
        menstruation menopause menopausal contraception contraceptive contraceptives fertility infertility
        ivf abortion abortions miscarriage miscarriages breastfeeding lactating lactation childbearing
        obstetric obstetrical obgyn gynecologic gynecological trimester antenatal prenatal postpartum
        embarazo embarazada embarazos menstruación menopausia anticonceptivo anticonceptivos aborto
        lactancia fertilidad
        grossesse grossesses enceinte ménopause contraceptif allaitement avortement fertilité
        schwanger schwangerschaft schwangerschaften stillzeit verhütung menstruationszyklus wechseljahre
        fehlgeburt kinderwunsch
        gravidez grávida gestante gestação menstruação amamentação anticoncepcional",
    ),
    (
        MentalHealthOrSubstance,
        "depression depressive depressed anxiety bipolar schizophrenia psychosis psychotic psychiatric
        psychiatry psychiatrist psychology psychological psychologist psychotherapy mentalhealth suicide
        suicidal suicidality selfharm ptsd adhd ocd autism autistic anorexia bulimia addiction
        addictions addicted alcohol alcoholism drinking drinks substanceuse substanceabuse cannabis
        marijuana cocaine heroin overdose sobriety detox relapse
        depresión ansiedad psiquiátrico psiquiátrica psicología psicológico suicidio adicción adicciones
        alcoholismo drogas drogadicción
        dépression anxiété psychiatrique psychologique toxicomanie alcool alcoolisme addictions drogue
        drogues
        depressionen angststörung psychisch psychische psychiatrisch psychiatrische sucht
        suchterkrankung alkohol alkoholkonsum drogen drogenkonsum suizid suizidalität
        depressão ansiedade psiquiátrico psicológico vício álcool alcoolismo drogas suicídio",
    ),
    (
        Anatomy,
        "anatomy anatomical abdomen abdominal thorax thoracic pelvis pelvic kidney kidneys liver lung
        lungs prostate ovary ovaries uterus uterine breast breasts spine spinal pancreas thyroid
         bladder esophagus stomach bodypart bodysite laterality
        riñón hígado pulmón próstata útero columna poumon foie rein reins prostate niere nieren leber
        lunge wirbelsäule gebärmutter fígado pulmão rins",
    ),
];

/// Sensitive unless an operational word stands beside it (`font_weight`, `health_check_route`).
pub(in super::super) const WEAK: &[(Category, &str)] = &[
    (
        SymptomOrHistory,
        "medical medically zustand health clinical clinically clin patho condition conditions anamn medhx
        healthcondition clínico clínica clínicos clínicas médico médica médicos médicas salud sanitario
        médical médicale médicaux santé clinique cliniques medizinisch medizinische medizinischer
        klinisch klinische klinischer gesundheit gesundheitszustand gesundheitsdaten saúde krank
        kranken affliction afflictions tobaccouse",
    ),
    (
        TestResult,
        "lab laboratory inr bun bpm titer rx plt weight pulse temperature pressure specimen oxygen respiratory
        respiration heart blood gewicht peso poids labor sangre sang blut sangue temperatura température
        temperatur waist circumference ph analyses tension tablet",
    ),
    (
        TreatmentOrProcedure,
        "procedure procedures procedimiento procedimientos intervention interventions admission
        hospitalstay surgeryhx",
    ),
    (Diagnosis, "indication indicación problem problems problema problemas problème diag"),
    (Medication, "dosages supplement supplements tablette atc pillen drogue"),
    (Anatomy, "knee hip shoulder brain skin bone bones muscle joint eye eyes ear ears throat"),
    (BiometricOrPhoto, "biometric biometrics"),
];
