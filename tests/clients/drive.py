"""What a site's IT does with the generated client: reads the configuration, onboards a partner, refers, works the referral and reads a
report, against a live server. It is checked strictly: what the document does not say is an error of the type checker."""

import io
import os
import time
import uuid
from typing import TypeVar

from handoff_client import AuthenticatedClient
from handoff_client.api.events import list_events
from handoff_client.api.imports import create_referral_import, get_referral_import
from handoff_client.api.members import list_members
from handoff_client.api.partners import create_partner, transition_partner
from handoff_client.api.referrals import create_referral, get_referral, transition_referral
from handoff_client.api.reports import get_source_quality_report
from handoff_client.api.routes import create_route, get_launch_check
from handoff_client.models import (
    Channel, ContactBasis, ContactPath, CreatePartner, CreateReferral, CreateRoute, DuplicatePolicy, EventPage, EventType, FeedStart, ImportStatus,
    LaunchCheckView, MemberPage, PartnerReferralStatus, PartnerReferralView, PartnerStatus, PartnerType, PartnerView, Problem, ReferralImportView, ReferralStatus, ReferralView,
    RemunerationBasis, Role, ChannelSetup, RouteView, SourceQualityReport, TransitionPartner, TransitionReferral,
)
from handoff_client.types import File, Response

T = TypeVar("T")
Parsed = TypeVar("Parsed")


def done(what: str, kind: type[T], answer: Response[Parsed]) -> T:
    parsed = answer.parsed
    if not isinstance(parsed, kind):
        code = parsed.code if isinstance(parsed, Problem) else None
        raise SystemExit(f"{what}: {answer.status_code} {code}")
    return parsed


def fresh() -> str:
    return str(uuid.uuid4())


def client(credentials: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["HANDOFF"], token=os.environ[credentials])


admin, partner, study = client("ADMIN_TOKEN"), client("PARTNER_KEY"), os.environ["STUDY"]

# Onboarding, up to what still stands in the way of a launch.
code = f"python-{time.time_ns()}"
wanted = CreatePartner(
    code=code, name="Generated Client Clinic", partner_type=PartnerType.SPECIALTY_CLINIC, jurisdiction="US-NY",
    remuneration_basis=RemunerationBasis.NONE,
)
made = create_partner.sync_detailed(client=admin, body=wanted, idempotency_key=fresh())
organisation = done("create_partner", PartnerView, made)
moved = transition_partner.sync_detailed(
    organisation.id, client=admin, body=TransitionPartner(to=PartnerStatus.LANGUAGE_PENDING), if_match=made.headers["etag"], idempotency_key=fresh()
)
assert done("transition_partner", PartnerView, moved).status is PartnerStatus.LANGUAGE_PENDING
members = done("list_members", MemberPage, list_members.sync_detailed(client=admin)).data
owner, backup = [member.id for member in members if member.active and member.role is not Role.VIEWER][:2]
route = done("create_route", RouteView, create_route.sync_detailed(client=admin, idempotency_key=fresh(), body=CreateRoute(
    partner=code, study=study, source_tag=f"{code}.tag", duplicate_policy=DuplicatePolicy.REVIEW_ALL, owner_id=owner, backup_owner_id=backup,
    channels=[ChannelSetup(channel=Channel.SECURE_FORM, instruction="Give the person the code and the intake address.")],
)))
check = done("get_launch_check", LaunchCheckView, get_launch_check.sync_detailed(route.id, client=admin))
missing = [one.what_to_do for one in check.checks if not one.passed]
assert not check.ready and missing and all(missing), "nothing skips its proof"

# A referral of a partner that is active, with both views of it.
body = CreateReferral(
    study=study, channel=Channel.SECURE_FORM, contact_basis=ContactBasis.PERMISSION_TO_CONTACT, contact_path=ContactPath.PERSON_USES_INTAKE
)
here = done("list_events, the end", EventPage, list_events.sync_detailed(client=admin, start=FeedStart.LATEST)).next_cursor
key = fresh()
sent = done("create_referral", PartnerReferralView, create_referral.sync_detailed(client=partner, body=body, idempotency_key=key))
again = done("create_referral, again", PartnerReferralView, create_referral.sync_detailed(client=partner, body=body, idempotency_key=key))
assert sent.id == again.id and sent.status is PartnerReferralStatus.ACCEPTED_FOR_REVIEW
seen = get_referral.sync_detailed(sent.id, client=admin)
referral = done("get_referral", ReferralView, seen)
to = TransitionReferral(to=ReferralStatus.CONTACTING)
worked = transition_referral.sync_detailed(referral.id, client=admin, body=to, if_match=seen.headers["etag"], idempotency_key=fresh())
assert done("transition_referral", ReferralView, worked).status is ReferralStatus.CONTACTING
stale = transition_referral.sync_detailed(referral.id, client=admin, body=to, if_match=seen.headers["etag"], idempotency_key=fresh())
assert done("a stale transition", Problem, stale).code == "stale_version"

# What came of it.
report = done("get_source_quality_report", SourceQualityReport, get_source_quality_report.sync_detailed(client=admin, study=study))
events = done("list_events", EventPage, list_events.sync_detailed(client=admin, cursor=here, wait_seconds=10))
assert report.total.volume >= 1 and any(
    event.referral_id == referral.id and event.type_ is EventType.REFERRAL_RECEIVED for event in events.data
)

# A file of referrals, tried out.
table = f"row_key,partner,study,channel,contact_basis,contact_path\n{code}.1,{code},{study},secure_form,permission_to_contact,person_uses_intake\n"
crm = client("SITE_KEY")
sent_file = create_referral_import.sync_detailed(client=crm, body=File(payload=io.BytesIO(table.encode())), dry_run=True, idempotency_key=fresh())
imported = done("create_referral_import", ReferralImportView, sent_file)
while imported.status in (ImportStatus.QUEUED, ImportStatus.RUNNING):
    time.sleep(0.2)
    imported = done("get_referral_import", ReferralImportView, get_referral_import.sync_detailed(imported.id, client=crm))
assert (imported.status, imported.rows, imported.refused) == (ImportStatus.COMPLETED, 1, 1), "its route is not launched"
print(f"Python: {code} onboarded up to {len(missing)} open checks, one referral from sending to the report ({report.total.volume} in it)")
