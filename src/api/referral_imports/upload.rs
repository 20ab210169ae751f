//! A file on its way in: read in bounded pieces, checked off the async threads, and kept batch by batch. What breaks off leaves nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{self, Bytes, BytesMut, Data};
use actix_web::{HttpMessage as _, HttpRequest};
use encoding_rs::Encoding;
use sha2::{Digest as _, Sha256};

use crate::api::extract::{record_refusal, refusal_code, registered};
use crate::api::read::context;
use crate::auth::permission::{ImportReferrals, Permission as _};
use crate::auth::{self, Caller, Identified, SiteScope};
use crate::domain::ids::ReferralImportId;
use crate::domain::imports::ImportFormat;
use crate::error::{AppError, ErrorCode};
use crate::ops::receive_referral_import::{self, Reading};
use crate::privacy::keys::Purpose;
use crate::state::AppState;
use crate::store;
use crate::store::referral_imports::Staged;

use super::reader::{Reader, malformed};
use super::row::Ground;

/// Bytes that are read and checked at once.
const PIECE: usize = 256 * 1024;
/// Rows of a batch: one transaction when they come in, and one when they are done.
const BATCH: usize = 200;
/// How long nothing may come.
const STALLED: Duration = Duration::from_secs(30);
/// How long a file may take to come in.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A long upload proves again after this time that its sender still may: a revocation works everywhere within five seconds.
const PROVE_EVERY: Duration = Duration::from_secs(4);

/// What a request says that it sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced {
    pub(super) format: ImportFormat,
    pub(super) charset: Option<&'static Encoding>,
}

/// What came in.
pub(super) struct Received {
    pub(super) import: Unfinished,
    pub(super) reading: Reading,
    /// SHA-256 of the file.
    pub(super) digest: [u8; 32],
}

/// What the headers say of the body.
///
/// # Errors
/// 415 for anything but a file of referrals, 413 for one that is too large.
pub(super) fn announced(request: &HttpRequest, most: u64) -> Result<Announced, AppError> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let detail = "Send the file as `Content-Type: text/csv` or `application/x-ndjson`, without a content encoding.";
    let unsupported = || AppError::new(ErrorCode::UnsupportedMediaType).with_detail(detail);
    let content_type = header(CONTENT_TYPE).ok_or_else(unsupported)?.to_ascii_lowercase();
    let (kind, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let charset = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("charset="))
        .map(|label| label.trim_matches('"'));
    let charset = charset.map(|label| Encoding::for_label(label.as_bytes()).ok_or_else(unsupported)).transpose()?;
    let format = match kind.trim() {
        "text/csv" => ImportFormat::Csv,
        "application/x-ndjson" if charset.is_none_or(|charset| charset == encoding_rs::UTF_8) => ImportFormat::Ndjson,
        _ => return Err(unsupported()),
    };
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported());
    }
    if header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    Ok(Announced { format, charset })
}

fn too_large(most: u64) -> AppError {
    let detail = format!(
        "The file is larger than {} MiB. Nothing of it was kept. Send it in several, each with a header line.",
        most / 1024 / 1024
    );
    AppError::new(ErrorCode::BodyTooLarge).with_detail(detail)
}

/// Takes the file in.
///
/// # Errors
/// What refuses it as a whole: then nothing of it is kept.
pub(super) async fn receive(
    app: &Data<AppState>,
    caller: &Caller<ImportReferrals>,
    request: &HttpRequest,
    payload: web::Payload,
    announced: Announced,
    (dry_run, dropped): (bool, Vec<String>),
) -> Result<Received, AppError> {
    let begun = context(app, caller);
    let (id, site) = app
        .db
        .transact(caller.scope, caller.deadline, move |conn| {
            let site = store::sites::current(conn, &begun.scope)?;
            Ok((receive_referral_import::begin(conn, &begun, announced.format, dry_run)?, site))
        })
        .await?;
    let keyring = app.master.keyring(Purpose::ContactDigest, caller.scope.site());
    // It was let in with the transaction above.
    if let Some(known) = request.extensions_mut().get_mut::<Identified>() {
        known.deadline = known.deadline.admitted();
    }
    let ground = Arc::new(Ground { site, registered: registered(request).await?, keyring });
    let import = Unfinished { app: app.clone(), scope: caller.scope, id: Some(id) };
    let upload = Upload { app, caller, request, id, ground };
    match upload.run(payload, Reader::new(announced.format, announced.charset, dropped)).await {
        Ok((reading, digest)) => Ok(Received { import, reading, digest }),
        Err(error) => {
            import.forget().await;
            // A file takes its time; what is noted of it is a request of its own.
            if let Some(known) = request.extensions_mut().get_mut::<Identified>() {
                known.deadline = app.deadline().admitted();
            }
            Err(match refusal_code(&error) {
                Some(code) => record_refusal(request, error, code, (None, None)).await,
                None => error,
            })
        }
    }
}

/// An import whose file is not taken yet. When its request ends otherwise, with its connection for instance, it is forgotten.
pub(super) struct Unfinished {
    app: Data<AppState>,
    scope: SiteScope,
    id: Option<ReferralImportId>,
}

impl Unfinished {
    /// Which.
    pub(super) fn id(&self) -> Option<ReferralImportId> {
        self.id
    }

    /// It was taken.
    pub(super) fn taken(mut self) {
        self.id = None;
    }

    /// It is not taken.
    pub(super) async fn forget(mut self) {
        if let Some(id) = self.id.take() {
            forget(self.app.clone(), self.scope, id).await;
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            actix_web::rt::spawn(forget(self.app.clone(), self.scope, id));
        }
    }
}

/// Forgets what came in and was not taken. Where that fails, housekeeping does it.
async fn forget(app: Data<AppState>, scope: SiteScope, id: ReferralImportId) {
    let work = move |conn: &mut _| Ok(store::referral_imports::forget_receiving(conn, &scope, id)?);
    if let Err(error) = app.db.transact(scope, app.deadline().admitted(), work).await {
        log::warn!("an import that broke off waits to be forgotten: {}", error.code.as_str());
    }
}

struct Upload<'a> {
    app: &'a Data<AppState>,
    caller: &'a Caller<ImportReferrals>,
    request: &'a HttpRequest,
    id: ReferralImportId,
    ground: Arc<Ground>,
}

impl Upload<'_> {
    async fn run(&self, mut payload: web::Payload, mut reader: Reader) -> Result<(Reading, [u8; 32]), AppError> {
        let (begun, mut proven) = (Instant::now(), Instant::now());
        let (mut hash, mut size, mut waiting) = (Sha256::new(), 0_u64, Vec::new());
        loop {
            let (piece, last) = next_piece(&mut payload).await?;
            if begun.elapsed() > LONGEST {
                return Err(AppError::new(ErrorCode::DeadlineExceeded));
            }
            if proven.elapsed() > PROVE_EVERY {
                proven = Instant::now();
                let known = auth::authenticate(self.app, self.request.headers(), self.caller.request_id.clone()).await?;
                ImportReferrals::ROW.check(&known.actor)?;
            }
            size += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if size > self.app.import_bytes {
                return Err(too_large(self.app.import_bytes));
            }
            hash.update(&piece);
            let (read, rows) = self.read(reader, piece, last).await?;
            reader = read;
            waiting.extend(rows);
            while waiting.len() >= BATCH || (last && !waiting.is_empty()) {
                let rest = waiting.split_off(waiting.len().min(BATCH));
                self.keep(std::mem::replace(&mut waiting, rest)).await?;
            }
            if last {
                return Ok((reader.reading(), hash.finalize().into()));
            }
        }
    }

    async fn read(&self, mut reader: Reader, piece: Bytes, last: bool) -> Result<(Reader, Vec<(i32, Staged)>), AppError> {
        let ground = Arc::clone(&self.ground);
        let read = web::block(move || reader.feed(&piece, last, &ground).map(|rows| (reader, rows.0))).await;
        read.map_err(AppError::internal)?
    }

    async fn keep(&self, rows: Vec<(i32, Staged)>) -> Result<(), AppError> {
        let (context, id) = (context(self.app, self.caller), self.id);
        let stage = move |conn: &mut _| receive_referral_import::stage(conn, &context, id, &rows);
        self.app.db.transact(self.caller.scope, self.app.deadline().admitted(), stage).await
    }
}

/// The next bytes, of a slow sender what comes within a second, and whether they are the last.
async fn next_piece(payload: &mut web::Payload) -> Result<(Bytes, bool), AppError> {
    let (mut piece, begun) = (BytesMut::new(), Instant::now());
    while piece.is_empty() || (piece.len() < PIECE && begun.elapsed() < Duration::from_secs(1)) {
        let next = std::future::poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut *payload), cx));
        match tokio::time::timeout(STALLED, next).await {
            Err(_) => {
                return Err(AppError::new(ErrorCode::DeadlineExceeded)
                    .with_detail("Nothing of the file came for 30 seconds. Nothing of it was kept."));
            }
            Ok(None) => return Ok((piece.freeze(), true)),
            Ok(Some(Err(_))) => return Err(malformed("The file broke off. Nothing of it was kept.")),
            Ok(Some(Ok(chunk))) => piece.extend_from_slice(&chunk),
        }
    }
    Ok((piece.freeze(), false))
}
