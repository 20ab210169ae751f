//! Words that say how a name is meant: operational words, decorations, and ordinary words that only look
//! like something else.

/// Words of operations: beside one of them a weak word (`phone`, `weight`, `health`) is not about a person.
pub(in super::super) const OPERATIONAL: &str = "study studies trial trials protocol partner partners site sites source sources
    referrer referring route routes routing channel channels tag tags campaign medium status statuses
    state stage step workflow queue owner owners owned ownership assignee assigned assign assignment coordinator
    coordinators staff team teams member members admin role account accounts org
    organization organisation company vendor sponsor center centre clinic department division office
    agency brand product service services system systems platform app application server host host
    cluster database db table column row field fields schema index cache cookie session
     response header headers query param parameter params event events webhook
    webhooks endpoint api key keys token secret hash nonce checksum etag version revision release build
    deploy deployment commit branch repo domain ip mac dns port
    proxy client agent browser device config configuration setting settings preference feature flag
    flags toggle template templates theme font layout page menu button icon logo banner
    color colour width margin line queue job jobs task tasks batch retry timeout limit quota rate
    schedule cron sync import export upload download log logs audit trace span metric metrics counter
    count counts total totals sum average avg min max minimum maximum threshold percent ratio volume
    report reports dashboard chart analytics export feed cursor offset sort order filter search group
        kind class priority rank severity shipping delivery invoice
    billing payment price cost discount tax quote currency warehouse inventory stock supplier customer
    contract license cert certificate handoff handover intake attribution outcome disposition next
    action actions due aging blocker close closed closure closing reason reasons reopen reopened
    feedback quality incomplete missing wrong gap gaps expectation materials clarification launch
    launched preflight duplicate duplicates merge merged resolve resolved resolution review reviewed
    reviewer approved approval approver effective expiry expires expired acknowledged acknowledgement
    acknowledge received receipt recorded created updated modified deleted sent sender
     scheduled completed opened started ended stalled escalated escalation reassigned
    transferred transfer withdrawn withdrawal language locale consent eligibility eligible enrolled
    enrollment randomized template notification notifications alert alerts verified enabled
    disabled required optional readonly visible hidden deprecated error errors warning exception
     basis attempt attempts attempted contacted tracking utm referer funnel conversion
    newsletter marketing landing outreach event training probe readiness liveness monitor
    endpoint gateway connector integration bot script function method handler module package test
    tests testing demo sandbox debug mock stub fixture supported outdoor indoor ambient room
    weather oven storage fridge freezer shipment cpu gpu disk memory battery engine tire
    tires vehicle car film book movie song album course lesson student grade crop soil plant water
    air tank spring peer remote subnet ipv4 ipv6 virtual broadcast socket wallet listen bind hw src dst
    estudio estudios ensayo protocolo socio centro fuente canal etiqueta estado etapa responsable
    propietario asignado coordinador equipo fecha recepción recibido creado actualizado cierre cerrado
    motivo razón siguiente acción accion paso próximo proxima próxima derivación remisión versión idioma
    étude essai protocole partenaire origine canal étiquette statut état étape propriétaire assigné
    responsable coordinateur coordonnateur équipe réception reçu créé clôture fermeture motif raison
    prochaine prochain étape suivante suivant orientation
    studie studien studienkürzel studienname protokoll partner zentrum standort quelle quellcode kanal
    zuweiser zuweisung verantwortlich verantwortlicher zuständig zuständiger besitzer bearbeiter eingang
    eingangsdatum empfangen erhalten erstellt geändert abschluss abschlussgrund schließungsgrund grund
    nächster nächste schritt aktion fällig sprache überweisung
    estudo ensaio protocolo parceiro fonte origem canal situação etapa responsável proprietário
    atribuído coordenador equipe recebimento recebido criado atualizado encerramento fechamento
    motivo razão próxima próximo ação passo encaminhamento idioma";

/// Words that add nothing: beside them a lone word (`name_txt`, `age_value`) still stands alone.
pub(in super::super) const DECORATION: &str =
    "value val values str string txt input fld frm raw new current curr my the his her their its
     of de del la el le les du des der die das do da dos das no a an and or e y et und u den l d
    jahre jahren años anos ans years yrs yr months mo weeks days cm kg lb lbs kilograms pounds inches inch feet ft meters metres mm
    mmhg mgdl mmol celsius fahrenheit degc degf c f units unit unidades at in on for to from by per with
    about any all other additional extra misc real actual legal full complete free open
    primary secondary main latest recent previous prior past old known existing ongoing self reported
           one two three avg measured b64 json xml html md clean
    normalized original enc encrypted plain referral referrals referred payload request requests
    object submission lead intake enquiry inquiry";

/// Ordinary words that must not be read as a misspelt or compound sensitive word.
pub(in super::super) const ORDINARY: &str =
    "title group level shape altitude attitude favorite favourite extension profile meta intent reference
    content participant valuecodeableconcept codeableconcept coding concept identifier resource encounter
    practitioner based requester performer authored instantiates canonical
    message average manage manager package storage storages usage usages voltage percentage message
    passage language languages damage image images advantage coverage garage mileage message garbage
    therapeutic sympathy empathy osmosis hypnosis nostalgia signal signature signed single singles
    restore resource resources record records recording recorder private public person personal
    personalized personalised persona prescreen prescreening describe described describes subscription
    subscriptions subscribe subscriber subscribers transcribe inscription conscription admin administer
    administration administrator address addressed addressing dressing emailed mailing mailbox mailer
    phoned headphone microphone smartphone telephoned mobility automobile cellar cancel cancelled
    cancelled canceled cancellation canceler cancels candidate certified diagnostics general generation
    generator generated generic generics genre gender agenda legend legends heartbeat heartbeats
    healthy healthz healthcheck history historical contactless contacting weights weighted weighting
    lightweight birth rebirth namely named namespace namespaces filename hostname username usernames
    nickname rename renamed rename typename classname tablename pathname surplus condition conditional
    unconditional airconditioning treaty retreat treatable drugstore medialist media median medians
    mediate mediator mediation medium medal comment commented commenter commentable commit commits
    committed notebook noted notify notified notification notable notice notices denote connote remark
    remarkable detailed details retail retailer address paint painting paints printer complain
    complaint compliant compliance complains symptom allergy alleged illegal therapy procedures process
    processing processor illness stillness illustration labelled label labels labeled collaboration
    collaborator elaborate labor laboratory syllabus flavors vital vitality vitals revital test testing
    tests latest greatest fastest contest protest attest testimonial pressure presser impression
    impressions compression decompression expression expressions depression depress pulse impulse
    temperature temperament temporary temporal template tempo temp scanner scanned scanning scandal
    escalate escape landscape surgery urgent urgency insurgency emergency emergent merge merger
    medicalize race racecar trace traces raced brace braces terrace surname insurance assurance
    reinsurance ensure ensured insure sure secure security securities passport pass passed password
    passwords passwd passenger passcode transport export exporter exports support supported supporter
    social socials society socket security salary calendar salad wage wager wages sewage income incoming
    outcome outcomes welcome become photo photos photon photonic teleport telemetry televised television
    telework template mobile mobilize city cities capacity velocity electricity publicity simplicity
    specificity elasticity toxicity authenticity street streaming stream streams strict stretch
    zip zipped unzip zipfile archive codec encoder decoder barcode qrcode codebase geocode postal
    postpone posted posting posts poster county country countries counter account accounting accounts
    discount discounts mount amount amounts encountered sextant sextet sexism generalist generate
    ethics ethical ethnic ages aged agent agents agency agile aging agenda stage staged stages stager
    backstage engage engaged engagement page pages paged pagination pager sage dosage message messages
    messaging messenger message sausage cottage tillage village pillage collage storage image
    ontology topology technology methodology terminology chronology ideology apology analogy logout
    login logic logical logistic logistics logged logger logistics catalog catalogue dialog dialogue
    tonality modality modalities quality qualities equality locality formality plurality
    parser parsers sparse parse parsed pars skin skins skinned kin kind kinds kindle kingdom
    hip chip chips shipping ship ships shipped relationship ownership membership leadership internship
    scholarship township hipster shipping joint joints jointly muscle brain bonekey backbone bones
    eye eyes eyebrow ear earn earned early search searched research researcher year years yearly clear
    nuclear linear gear wear heart hearted hear heard hearing sheart throat thread threads
    orient orientation oriented patience impatient efficient sufficient recipient recipients ingredient
    gradient client clients transient orient quotient deficient coefficient patent patents
    operator operators operation operations operative cooperation cooperative opera
    serial series serie severe severed several server servers service serve served
    drift driver drivers drive driven drug rug draft drafts
    seguir seguro seguridad segment segments segmentation
    dosser dossier versioned versions versicherung diagonal diagonals diagram diagrams
    calle called caller calls callback calling recall
    rue true rules rule ruler ruled
    ort port ports portal portals report reported reporter reporting sort sorted sorting short shorten
    stadt start starts stat stats static statistics statistic statement statements statute
    morada parada sexta sector sectors section sections
    situation situated situations site sited website websites visit visits visitor visitors visited
    position positions positioned disposition deposit deposits composition composer posit
    weekday weekly weekend monthly daily hourly interval intervals duration lifetime deadline
    timestamp timezone time times timer datetime date dates day hour hours minute minutes second seconds
    month week quarter year today tomorrow yesterday now since until before after during start end
    begin begun finish ready pending active inactive paused draft archived locked frozen valid invalid
    true false yes none null unknown undefined default custom manual automatic auto
    alpha beta gamma delta asdf foo bar baz qux lorem ipsum temp tmp misc obj object prop props attr attrs attribute
    attributes data datum dataset datasets node nodes edge edges graph tree leaf root child parent
    sibling head tail body footer header top bottom left right center middle inner outer size length
    depth width height radius diameter area volume mass speed distance direction angle scale ratio
    number numeric integer float double boolean char byte bytes bit bits array lists map maps dict
    hash enum union struct tuple pair pairs json yaml csv xml html css sql http https ssl tls tcp udp
    ftp ssh smtp imap oauth jwt saml oidc sso csrf cors xss mime base64 utf ascii unicode regex
    north south east west continent planet ocean river mountain forest garden animal animals dog cat
    bird fish horse fruit vegetable meal recipe restaurant kitchen hotel flight airport airline train
    station ticket tickets seat booking reservation event concert music artist sport player score
    match matches matched game games league team coach weather rain snow wind sunny cloud storm season
    language grammar spelling word words letter letters paragraph sentence chapter quote quotes editor
    author publisher journal article news press blog post draft tag
    school university college teacher professor exam homework class degree diploma
    red green blue yellow orange purple black white gray grey pink brown hex rgb opacity
    bank store shop market retail wholesale sale sales order purchase cart basket coupon voucher
    refund merchant subscription plan plans tier tiers premium trial renewal sku upc ean asin
    employee manager director boss hire hiring vacancy resume interview office desk meeting
    room floor building tower bridge road highway parking garage lobby elevator
    lot lots lat lon alt src dst ref refs rel idx pos len cnt qty amt pct std dev avg num nums
    uid uuid guid oid gid pid ppid tid sid cid vid xid did rid aid
    foobar hello world example examples dummy placeholder blank empty filler test1 test2
    provider providers doctor physician nurse pharmacist hospital hospitals caseworker investigator
    monitor interviewer recruiter recruitment advocacy registry community specialty outreach
    primary care healthcare wellness fitness nutrition sponsor oncology cardiology neurology
    dermatology pediatrics urology nephrology gastroenterology endocrinology hematology
    pulmonology rheumatology ophthalmology therapeuticarea nbr nmbr nm dt mbr memb acct acc lic frst fst lst dtl dtls addl rslt rslts rsn
    natl subscr pol prob smry rpt cd revenue revenues is has was list array item items entry entries set long short
    inform informs claim claims claimed prestate deliver delivers delivered denom plaintext resume resumed
    fingerprint scan scans saturation alias aliases pager capsule operations user users url uri path file files folder link
    code codes type types category categories sample screen screening image check checks submitted
    render rendered renderer tender fender sender eight eighty freight rather gather further
    dancer strike stroked injection inspection selection detection collection reflection inflection
    dedication meditation addition additions edition indicator indicators variation rotation notation
    station portion spelling selling dwelling breeding blending bleed facture lecture fixture texture
    posture picture capture future feature nature mature stature satin stating rating dating
    gating listing linking thinking parking marking working networking king ring string strings
    mission session admission permission permissions commission emission omission submission
    transmission pension tension dimension extension suspension recession discussion percussion
    martial marital initial partial spatial trial serial material materials
    decease release please lease increase decrease database phrase purchase showcase usecase
    another mothers fathers brother sister heroine heroic anemone dosed doser closed
    assess assessment investment management requirement deployment department element comment
    environment enrollment enrolment appointment appointments scheduling scheduler
    notion motion emotion emotions potion lotion promotion
    dialog analysis analyze analyst analytics catalyst paralysis
    contract contrast contest contents contain container containers contacts
    backup backups fallback rollback feedback playback
    accessibility access accessed accessor success process excess
    visibility validity priority minority majority authority security identity entity quantity
    utility facility activity ability stability availability
    location locations relocation allocation vocation education application publication
    consent consents content intent patents potent component
    remarketing retargeting benchmark bookmark trademark landmark watermark
    emoji emitter email gmail thumbnail
    phonetic telephony symphony saxophone
    drag dragged dragon drugged
    doses dozen dock docker docket
    preview overview interview viewport viewed viewer reviewer
    injured conjure perjury jury
    prescriptive descriptive descriptor subscript manuscript typescript javascript postscript";
