"""The tables that are touched, with the columns that are read or written; the project's migrations make them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, LargeBinary, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Key = Annotated[UUID, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    type_annotation_map = {
        str: Text, bytes: LargeBinary, datetime: DateTime(timezone=True), list[str]: ARRAY(Text),
    }


class Site(Base):
    __tablename__ = "sites"
    site_id: Mapped[Key]
    name: Mapped[str]
    time_zone: Mapped[str]
    default_phone_region: Mapped[str]
    intake_url: Mapped[str]
    acknowledge_due_hours: Mapped[int]
    contact_due_hours: Mapped[int]
    follow_up_due_hours: Mapped[int]
    suppression_threshold: Mapped[int]
    is_sample: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Study(Base):
    __tablename__ = "studies"
    site_id: Mapped[Key]
    id: Mapped[Key]
    code: Mapped[str]
    status: Mapped[str]


class Partner(Base):
    __tablename__ = "partners"
    site_id: Mapped[Key]
    id: Mapped[Key]
    code: Mapped[str]
    partner_type: Mapped[str]
    status: Mapped[str]


class ApiKey(Base):
    __tablename__ = "api_keys"
    site_id: Mapped[Key]
    id: Mapped[Key]
    principal_id: Mapped[UUID]
    partner_id: Mapped[UUID | None]
    scopes: Mapped[list[str]]
    is_test: Mapped[bool]
    key_hash: Mapped[bytes]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Route(Base):
    __tablename__ = "handoff_routes"
    site_id: Mapped[Key]
    id: Mapped[Key]
    partner_id: Mapped[UUID]
    study_id: Mapped[UUID]
    channels: Mapped[list[str]]
    source_tag: Mapped[str]
    intake_url: Mapped[str | None]
    instruction: Mapped[list[str]]
    owner_id: Mapped[UUID]
    backup_owner_id: Mapped[UUID]
    duplicate_policy: Mapped[str]
    approval_reference: Mapped[str | None]
    acknowledge_due_hours: Mapped[int | None]
    contact_due_hours: Mapped[int | None]
    follow_up_due_hours: Mapped[int | None]
    status: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Referral(Base):
    __tablename__ = "referrals"
    site_id: Mapped[Key]
    id: Mapped[Key]
    partner_id: Mapped[UUID | None]
    study_id: Mapped[UUID]
    route_id: Mapped[UUID | None]
    channel: Mapped[str]
    source_tag: Mapped[str | None]
    attribution: Mapped[str]
    contact_basis: Mapped[str]
    contact_path: Mapped[str]
    handoff_code: Mapped[str | None]
    partner_reference: Mapped[str | None]
    external_ref: Mapped[str | None]
    late_reason: Mapped[str | None]
    owner_id: Mapped[UUID]
    status: Mapped[str]
    held_status: Mapped[str | None]
    quarantine_reason: Mapped[str | None]
    blocker: Mapped[str | None]
    held_blocker: Mapped[str | None]
    blocked_since: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    reopen_reason: Mapped[str | None]
    next_action: Mapped[str | None]
    next_action_due_at: Mapped[datetime | None]
    first_due_at: Mapped[datetime | None]
    first_due_by_receipt_at: Mapped[datetime | None]
    escalation: Mapped[str | None]
    escalate_at: Mapped[datetime | None]
    merged_into_id: Mapped[UUID | None]
    language_version_id: Mapped[UUID | None]
    handoff_issues: Mapped[list[str]]
    is_test: Mapped[bool]
    version: Mapped[int]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    clock_started_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    contacting_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    handed_off_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    partner_withdrawn_at: Mapped[datetime | None]


class ReferralDigest(Base):
    __tablename__ = "referral_digests"
    site_id: Mapped[Key]
    referral_id: Mapped[Key]
    kind: Mapped[Annotated[str, mapped_column(primary_key=True)]]
    partner_id: Mapped[UUID | None]
    digest: Mapped[bytes]
    key_id: Mapped[bytes | None]


class ContactWithdrawal(Base):
    __tablename__ = "contact_withdrawals"
    site_id: Mapped[Key]
    id: Mapped[Key]
    kind: Mapped[str]
    digest: Mapped[bytes]
    is_test: Mapped[bool]


class KeptAnswer(Base):
    __tablename__ = "idempotency_keys"
    site_id: Mapped[Key]
    principal_id: Mapped[Key]
    operation: Mapped[Annotated[str, mapped_column(primary_key=True)]]
    key_digest: Mapped[Annotated[bytes, mapped_column(primary_key=True)]]
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    location: Mapped[str | None]
    etag: Mapped[str | None]
    body: Mapped[str | None]
    created_at: Mapped[datetime]


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    site_id: Mapped[Key]
    id: Mapped[Key]
    recorded_at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    api_key_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    operation: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    request_id: Mapped[str | None]
    after: Mapped[str | None]
    salt: Mapped[bytes | None]
    values_digest: Mapped[bytes]


# The number that the database gives to an event and to a queued entry is not among their columns: a partner may insert
# there and not read, so that nothing may be returned.
class Event(Base):
    __tablename__ = "events"
    site_id: Mapped[Key]
    id: Mapped[Key]
    audit_id: Mapped[UUID]
    event_type: Mapped[str]
    is_test: Mapped[bool]
    subject_id: Mapped[UUID]
    version: Mapped[int]
    partner_id: Mapped[UUID | None]
    study_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    status_after: Mapped[str | None]
    owner_id: Mapped[UUID | None]


class QueuedEntry(Base):
    __tablename__ = "journal_queue"
    site_id: Mapped[Key]
    id: Mapped[Key]
    stream: Mapped[str]
    partner_id: Mapped[UUID | None]


class MatchResult(Base):
    __tablename__ = "match_results"
    site_id: Mapped[Key]
    referral_id: Mapped[Key]
    partner_id: Mapped[UUID | None]
    queued_at: Mapped[datetime]
