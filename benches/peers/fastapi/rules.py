"""What follows from the rules alone, without the database."""

import base64
import hashlib
import hmac
import json
import secrets
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers
from sqlalchemy import Row

from contract import Handoff, MatchDetails, NewReferral, PartnerReferral, Problem, fault
from models import Partner, Referral, Route, Site, Study

# No secret: what it digests is what the benchmark makes up.
KEY = hashlib.sha256(b"a key of the benchmark").digest()
KEY_ID = hashlib.sha256(KEY).digest()[:8]
KEPT_FOR = timedelta(hours=24)
OLDEST, CLOCK_TOLERANCE = timedelta(days=366), timedelta(minutes=2)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NOT_ACCEPTED = {"wrong_study", "wrong_site", "study_not_accepting", "site_capacity", "incomplete_handoff", "channel_not_approved"}


def framed(*parts: bytes) -> bytes:
    """Each part follows its length, so that parts cannot run into one another."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def mac(*parts: bytes) -> bytes:
    return hmac.digest(KEY, framed(*parts), "sha256")


def uuid7(now: datetime) -> UUID:
    """Ids in the order of time, as indexes and pages expect them."""
    millis = int(now.timestamp() * 1000)
    return UUID(int=millis << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))


def handoff_code() -> str:
    bits = secrets.randbits(50)
    return "".join(CROCKFORD[bits >> shift & 31] for shift in range(0, 50, 5))


def digests_of(details: MatchDetails | None, region: str) -> dict[str, bytes]:
    digests = {}
    if details and details.email is not None:
        email = unicodedata.normalize("NFC", details.email.strip()).lower()
        domain = email.rpartition("@")[2]
        if any(sign.isspace() for sign in email) or domain.startswith(".") or domain.endswith("."):
            raise fault("/match/email", "bad_format")
        digests["email"] = mac(b"email", email.encode())
    if details and details.phone is not None:
        try:
            number = phonenumbers.parse(details.phone.strip(), region)
        except phonenumbers.NumberParseException:
            raise fault("/match/phone", "bad_format") from None
        if not phonenumbers.is_valid_number(number):
            raise fault("/match/phone", "bad_format")
        digests["phone"] = mac(b"phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).encode())
    return digests


def check(body: NewReferral, route: Route, partner: Partner, study: Study, now: datetime) -> None:
    clinical = partner.partner_type in ("specialty_clinic", "primary_care", "registry")
    waiver = route.approval_reference is not None and (clinical or partner.partner_type == "recruitment_vendor")
    if not {"hipaa_authorization": clinical, "irb_partial_waiver": waiver}.get(body.contact_basis, True):
        raise fault("/contact_basis", "inconsistent")
    if body.received_at and not now - OLDEST <= body.received_at <= now + CLOCK_TOLERANCE:
        raise fault("/received_at", "out_of_range")
    if route.status != "launched":
        raise Problem(409, "route_not_launched")
    if study.status != "open":
        raise Problem(409, "study_not_open")
    if partner.status != "active":
        raise Problem(409, "language_lapsed" if partner.status == "suspended" else "partner_not_active")
    if body.channel not in route.channels:
        raise fault("/channel", "inconsistent")


def facts_of(referral: Referral) -> str:
    """What the audit trail keeps: codes, ids and times; of what may point at a person, only that it is there."""
    plain = ("partner_id", "study_id", "route_id", "channel", "attribution", "contact_basis", "contact_path", "owner_id", "status",
             "quarantine_reason", "next_action", "next_action_due_at", "handoff_issues", "is_test", "received_at", "first_due_at",
             "first_due_by_receipt_at")
    facts = {name: getattr(referral, name) for name in plain}
    facts |= {name: getattr(referral, name) and "changed" for name in ("source_tag", "handoff_code", "partner_reference")}

    def written(value: UUID | datetime) -> str:
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else str(value)

    told = {name: value for name, value in facts.items() if value is not None}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), default=written)


def class_of(referral: Referral, site: Site, now: datetime) -> tuple[str, str | None]:
    """A partner is told four classes, and of an end only when its time tells nothing."""
    if referral.partner_withdrawn_at:
        return "closed", None
    if referral.status == "closed":
        if referral.close_reason in NOT_ACCEPTED:
            return "not_accepted", referral.close_reason
        earliest = max(referral.closed_at, referral.recorded_at + timedelta(days=30)).astimezone(ZoneInfo(site.time_zone))
        shows_from = datetime(earliest.year + earliest.month // 12, earliest.month % 12 + 1, 1, tzinfo=earliest.tzinfo)
        return ("closed" if now >= shows_from else "accepted_for_review"), None
    waits_for_partner = (referral.held_blocker or referral.blocker) == "awaiting_partner_completion"
    return ("needs_partner_action" if waits_for_partner else "accepted_for_review"), None


def view_of(referral: Referral, study: str, route: Route | Row, site: Site, now: datetime) -> PartnerReferral:
    status, reason = class_of(referral, site, now)
    instruction = dict(zip(route.channels, route.instruction)).get(referral.channel)
    return PartnerReferral(
        id=referral.id, partner_reference=referral.partner_reference, study=study, channel=referral.channel, status=status,
        not_accepted_reason=reason, received_at=referral.received_at,
        handoff=Handoff(code=referral.handoff_code, intake_url=route.intake_url or site.intake_url, instruction=instruction),
    )


def seal_cursor(reader: bytes, last: UUID, now: datetime) -> str:
    place = last.bytes + int(now.timestamp()).to_bytes(8, "big")
    return base64.urlsafe_b64encode(place + mac(b"cursor", reader, place)[:16]).decode().rstrip("=")


def open_cursor(reader: bytes, cursor: str, now: datetime) -> UUID:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise Problem(400, "invalid_cursor") from None
    place, seal = raw[:-16], raw[-16:]
    if len(place) != 24 or not hmac.compare_digest(mac(b"cursor", reader, place)[:16], seal):
        raise Problem(400, "invalid_cursor")
    if now.timestamp() - int.from_bytes(place[16:], "big") > KEPT_FOR.total_seconds():
        raise Problem(400, "invalid_cursor")
    return UUID(bytes=place[:16])
