"""The write and the read that the benchmark compares, as a team would write them with FastAPI and SQLAlchemy."""

import hashlib
import hmac
import os
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import and_, any_, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from contract import ListReferrals, NewReferral, PartnerReferral, PresentedKey, Problem, ReferralPage, fault, idempotency_key, \
    presented_key, problem_of
from models import ApiKey, AuditEntry, ContactWithdrawal, Event, KeptAnswer, MatchResult, Partner, QueuedEntry, Referral, \
    ReferralDigest, Route, Site, Study
from rules import KEPT_FOR, KEY_ID, check, digests_of, facts_of, framed, handoff_code, mac, open_cursor, seal_cursor, uuid7, view_of

OPERATION = "create_referral"
LOCK_NOT_AVAILABLE = "55P03"
FIND_KEY = text("SELECT site_id, api_key_id FROM directory.find_api_key(:digest)")
# Whose rows the policies show, until the transaction ends.
ENTER_SITE = text("SELECT set_config('app.site_id', :id, true)")
ENTER_PARTNER = text("SELECT set_config('app.partner_id', :id, true)")
TAKE_TURNS = text("SELECT pg_advisory_xact_lock_shared(name) FROM unnest(CAST(:names AS bigint[])) AS turns (name)")

# Of each worker. Two of them have as many connections together as the server that they are compared with has by default.
engine = create_async_engine(
    make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=8,
    max_overflow=0,
    hide_parameters=True,
    connect_args={"server_settings": {
        "statement_timeout": "10000", "idle_in_transaction_session_timeout": "10000", "lock_timeout": "250",
    }},
)
Session = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def lifespan(_: FastAPI):
    yield
    await engine.dispose()


app = FastAPI(title="Referrals", lifespan=lifespan)


@app.exception_handler(Problem)
async def refuse(_: Request, refused: Problem) -> JSONResponse:
    return refused.response()


@app.exception_handler(RequestValidationError)
async def refuse_invalid(_: Request, invalid: RequestValidationError) -> JSONResponse:
    return problem_of(invalid).response()


@dataclass(frozen=True)
class Caller:
    site_id: UUID
    partner_id: UUID
    principal_id: UUID
    key_id: UUID
    is_test: bool


async def authenticate(session: AsyncSession, presented: PresentedKey, now: datetime) -> Caller:
    found = (await session.execute(FIND_KEY, {"digest": presented.digest})).first()
    if found is None:
        raise Problem(401, "invalid_credentials")
    await session.execute(ENTER_SITE, {"id": str(found.site_id)})
    row = (await session.execute(
        select(ApiKey, Partner.status)
        .outerjoin(Partner, and_(Partner.site_id == ApiKey.site_id, Partner.id == ApiKey.partner_id))
        .where(ApiKey.site_id == found.site_id, ApiKey.id == found.api_key_id)
    )).first()
    if row is None:
        raise Problem(401, "invalid_credentials")
    key, status = row
    same = hmac.compare_digest(key.key_hash, presented.digest) and key.is_test == presented.is_test
    if not same or key.revoked_at is not None or status == "ended":
        raise Problem(401, "invalid_credentials")
    if key.expires_at is not None and key.expires_at <= now:
        raise Problem(401, "expired_credentials")
    if key.partner_id is None:
        raise Problem(403, "forbidden")
    await session.execute(ENTER_PARTNER, {"id": str(key.partner_id)})
    return Caller(key.site_id, key.partner_id, key.principal_id, key.id, key.is_test)


async def site_of(session: AsyncSession, caller: Caller) -> Site:
    return (await session.scalars(select(Site).where(Site.site_id == caller.site_id))).one()


async def is_withdrawn(session: AsyncSession, caller: Caller, digests: dict[str, bytes]) -> bool:
    """Beyond what a partner sees, and in turn with whoever records a withdrawal of the same details."""
    if not digests:
        return False
    await session.execute(ENTER_PARTNER, {"id": ""})
    # In one order, so that nobody waits in a circle.
    turns = sorted({int.from_bytes(digest[:8], "big", signed=True) for digest in digests.values()})
    await session.execute(TAKE_TURNS, {"names": turns})
    withdrawn = await session.scalar(select(exists().where(
        ContactWithdrawal.site_id == caller.site_id, ContactWithdrawal.is_test == caller.is_test,
        ContactWithdrawal.kind == any_(list(digests)), ContactWithdrawal.digest == any_(list(digests.values())),
    )))
    await session.execute(ENTER_PARTNER, {"id": str(caller.partner_id)})
    return withdrawn


async def keep(session: AsyncSession, caller: Caller, body: NewReferral, now: datetime) -> PartnerReferral:
    site = await site_of(session, caller)
    # Held, so that what is let in by their states cannot land after a pause.
    found = (await session.execute(
        select(Route, Partner, Study)
        .join(Partner, and_(Partner.site_id == Route.site_id, Partner.id == Route.partner_id))
        .join(Study, and_(Study.site_id == Route.site_id, Study.id == Route.study_id))
        .where(Route.site_id == caller.site_id, Study.code == body.study, Route.partner_id == caller.partner_id)
        .order_by((Route.status == "retired").asc(), Route.id.desc()).limit(1).with_for_update(read=True)
    )).first()
    if found is None:
        raise fault("/study", "unknown_reference")
    route, partner, study = found
    digests = digests_of(body.match, site.default_phone_region)
    check(body, route, partner, study, now)
    withdrawn = await is_withdrawn(session, caller, digests)

    received_at = min(body.received_at or now, now).astimezone(UTC)
    hours = timedelta(hours=route.acknowledge_due_hours or site.acknowledge_due_hours)
    source_tag = body.source_tag or route.source_tag
    owned = {"site_id": caller.site_id, "partner_id": caller.partner_id}
    values = owned | dict(
        id=uuid7(now), study_id=study.id, route_id=route.id, channel=body.channel, source_tag=source_tag,
        attribution="verified" if source_tag == route.source_tag else "unverified", contact_basis=body.contact_basis,
        contact_path=body.contact_path, handoff_code=handoff_code(), partner_reference=body.partner_reference,
        owner_id=route.owner_id, status="quarantined" if withdrawn else "received",
        quarantine_reason="contact_withdrawn" if withdrawn else None, next_action="acknowledge", next_action_due_at=now + hours,
        first_due_at=now + hours, first_due_by_receipt_at=received_at + hours, escalate_at=now + hours, handoff_issues=[],
        is_test=False, version=1, received_at=received_at, recorded_at=now, clock_started_at=now, updated_at=now,
    )
    if (await session.execute(insert(Referral).values(values).on_conflict_do_nothing())).rowcount == 0:
        used_by = await session.scalar(select(Referral.id).where(
            Referral.site_id == caller.site_id, Referral.partner_id == caller.partner_id,
            Referral.partner_reference == body.partner_reference, Referral.is_test.is_(False),
        ))
        raise Problem(409, "partner_reference_used", referral_id=str(used_by))
    referral = Referral(**values)

    after, salt = facts_of(referral), secrets.token_bytes(16)
    # 0: nothing was before. 1: something is after.
    values_digest = hashlib.sha256(framed(salt) + b"\0\1" + framed(after.encode())).digest()
    entry = AuditEntry(
        **owned, id=uuid7(now), recorded_at=now, actor_kind="partner_key", actor_id=caller.principal_id, api_key_id=caller.key_id,
        operation=OPERATION, subject_kind="referral", subject_id=referral.id, request_id=str(uuid7(now)), after=after, salt=salt,
        values_digest=values_digest,
    )
    session.add_all([
        *(ReferralDigest(**owned, referral_id=referral.id, kind=kind, digest=digest, key_id=KEY_ID) for kind, digest in digests.items()),
        MatchResult(**owned, referral_id=referral.id, queued_at=now),
        entry,
    ])
    # The event refers to its entry, which has to be there first.
    await session.flush()
    event = Event(
        **owned, id=uuid7(now), audit_id=entry.id, event_type="referral.received", is_test=False, subject_id=referral.id, version=1,
        study_id=study.id, occurred_at=now, status_after=referral.status, owner_id=referral.owner_id,
    )
    session.add_all([event, QueuedEntry(**owned, id=entry.id, stream="audit"), QueuedEntry(**owned, id=event.id, stream="event")])
    await session.flush()
    return view_of(referral, study.code, route, site, now)


async def claim(session: AsyncSession, claimed: dict, fingerprint: bytes, now: datetime) -> bool:
    """Whether the key is this transaction's; one older than it is kept for is taken over."""
    new = insert(KeptAnswer).values(**claimed, fingerprint=fingerprint, created_at=now)
    fresh = {"fingerprint": new.excluded.fingerprint, "created_at": new.excluded.created_at}
    emptied = dict.fromkeys(("status", "location", "etag", "body"))
    taken_over = new.on_conflict_do_update(index_elements=list(claimed), set_=fresh | emptied, where=KeptAnswer.created_at < now - KEPT_FOR)
    try:
        return (await session.execute(taken_over)).rowcount == 1
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise Problem(409, "idempotency_in_flight") from error
        raise


@app.post("/v1/referrals", status_code=201, response_model=PartnerReferral)
async def create_referral(
    body: NewReferral, presented: Annotated[PresentedKey, Depends(presented_key)], key: Annotated[str, Depends(idempotency_key)]
) -> Response:
    now = datetime.now(UTC)
    async with Session.begin() as session:
        caller = await authenticate(session, presented, now)
        if caller.is_test:
            raise Problem(403, "no_open_test_run")
        digest = mac(b"key", caller.principal_id.bytes, OPERATION.encode(), key.encode())
        fingerprint = mac(b"body", body.model_dump_json(exclude_unset=True).encode())
        claimed = {"site_id": caller.site_id, "principal_id": caller.principal_id, "operation": OPERATION, "key_digest": digest}
        replayed = not await claim(session, claimed, fingerprint, now)
        if replayed:
            kept = await session.scalar(select(KeptAnswer).filter_by(**claimed))
            if kept is None or kept.body is None:
                raise Problem(409, "idempotency_in_flight")
            if not hmac.compare_digest(kept.fingerprint, fingerprint):
                raise Problem(422, "idempotency_key_reused")
            status, location, etag, content = kept.status, kept.location, kept.etag, kept.body
        else:
            referral = await keep(session, caller, body, now)
            status, location, content = 201, f"/v1/referrals/{referral.id}", referral.model_dump_json()
            etag = f'"{hashlib.sha256(content.encode()).hexdigest()[:24]}"'
            answer = update(KeptAnswer).filter_by(**claimed).values(status=status, location=location, etag=etag, body=content)
            await session.execute(answer, execution_options={"synchronize_session": False})
    headers = {"Location": location, "ETag": etag} | ({"Idempotency-Replayed": "true"} if replayed else {})
    return Response(content, status, headers, media_type="application/json")


@app.get("/v1/referrals")
async def list_referrals(
    query: Annotated[ListReferrals, Query()], presented: Annotated[PresentedKey, Depends(presented_key)], response: Response
) -> ReferralPage:
    now = datetime.now(UTC)
    async with Session.begin() as session:
        caller = await authenticate(session, presented, now)
        site = await site_of(session, caller)
        wanted = (
            select(Referral, Study.code, Route.intake_url, Route.channels, Route.instruction)
            .join(Study, and_(Study.site_id == Referral.site_id, Study.id == Referral.study_id))
            .join(Route, and_(Route.site_id == Referral.site_id, Route.id == Referral.route_id))
            .where(Referral.site_id == caller.site_id, Referral.is_test == caller.is_test, Referral.partner_id == caller.partner_id)
            .order_by(Referral.id.desc())
            # One more than is shown tells whether there are more.
            .limit(query.limit + 1)
        )
        if query.cursor:
            wanted = wanted.where(Referral.id < open_cursor(caller.principal_id.bytes, query.cursor, now))
        rows = (await session.execute(wanted)).all()
    shown = rows[: query.limit]
    following = seal_cursor(caller.principal_id.bytes, shown[-1].Referral.id, now) if len(rows) > query.limit else None
    if following:
        response.headers["Link"] = f'</v1/referrals?limit={query.limit}&cursor={following}>; rel="next"'
    return ReferralPage(data=[view_of(row.Referral, row.code, row, site, now) for row in shown], next_cursor=following)


@app.get("/readyz")
async def ready() -> dict[str, str]:
    async with engine.connect() as connection:
        await connection.execute(select(1))
    return {"status": "ready"}
