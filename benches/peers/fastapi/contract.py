"""What comes in and what goes out: bodies, headers, refusals."""

import hashlib
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Header
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MatchDetails(Strict):
    email: Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@ ]+@[^@ ]+[.][^@ ]+$")] | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+()./ -]{3,40}$")] | None = None

    @model_validator(mode="after")
    def holds_something(self):
        if self.email is None and self.phone is None:
            raise ValueError("Send `email`, `phone` or both.")
        return self


class NewReferral(Strict):
    study: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")]
    channel: Literal["self_referral", "secure_form", "phone_handoff", "coordinator_queue"]
    contact_basis: Literal["self_referral", "permission_to_contact", "hipaa_authorization", "irb_partial_waiver"]
    contact_path: Literal["person_uses_intake"]
    partner_reference: Reference | None = None
    received_at: AwareDatetime | None = None
    source_tag: Reference | None = None
    match: MatchDetails | None = None


class Handoff(Strict):
    code: str | None
    intake_url: str
    instruction: str | None


class PartnerReferral(Strict):
    view: Literal["partner"] = "partner"
    id: UUID
    partner_reference: str | None
    study: str
    channel: str
    status: Literal["accepted_for_review", "needs_partner_action", "not_accepted", "closed"]
    not_accepted_reason: str | None
    received_at: datetime
    handoff: Handoff


class ReferralPage(Strict):
    data: list[PartnerReferral]
    next_cursor: str | None


class ListReferrals(Strict):
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")


class Problem(Exception):
    def __init__(self, status: int, code: str, **more):
        self.status, self.code, self.more = status, code, more

    def response(self) -> JSONResponse:
        body = {"type": f"urn:handoff:problem:{self.code}", "status": self.status, "code": self.code, **self.more}
        return JSONResponse(body, self.status, media_type="application/problem+json")


def fault(pointer: str, code: str) -> Problem:
    return Problem(422, "invalid_body", errors=[{"pointer": pointer, "code": code}])


def problem_of(invalid: RequestValidationError) -> Problem:
    """The framework's own answer quotes what was sent; this one names places and kinds alone."""
    errors = invalid.errors()
    kinds = {error["type"] for error in errors}
    if "json_invalid" in kinds:
        return Problem(400, "malformed_json")
    if any(error["loc"][0] == "query" for error in errors):
        return Problem(400, "invalid_parameter")
    # The name of an unknown field may say something itself: told is what the field stands in.
    places = [error["loc"][1:-1] if error["type"] == "extra_forbidden" else error["loc"][1:] for error in errors]
    faults = [{"pointer": "".join(f"/{part}" for part in place), "code": error["type"]} for place, error in zip(places, errors)]
    return Problem(422, "unknown_field" if "extra_forbidden" in kinds else "invalid_body", errors=faults)


@dataclass(frozen=True)
class PresentedKey:
    digest: bytes
    is_test: bool


def presented_key(authorization: Annotated[str | None, Header()] = None) -> PresentedKey:
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Problem(401, "unauthenticated")
    found = re.fullmatch(r"hk_(live|test)_([0-9A-Za-z]{32})([0-9A-Za-z]{6})", key)
    if not found or checksum(found[2]) != found[3]:
        raise Problem(401, "invalid_credentials")
    return PresentedKey(hashlib.sha256(key.encode()).digest(), found[1] == "test")


def checksum(random: str) -> str:
    rest, digits = zlib.crc32(random.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    return digits


def idempotency_key(idempotency_key: Annotated[str | None, Header()] = None) -> str:
    if idempotency_key is None:
        raise Problem(400, "idempotency_key_required")
    key = idempotency_key.strip().strip('"')
    if not re.fullmatch(r"[A-Za-z0-9._:-]{8,128}", key):
        raise Problem(400, "idempotency_key_invalid")
    return key
