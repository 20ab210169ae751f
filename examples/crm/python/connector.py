"""Keeps the CRM's tables (../schema.sql) and Handoff's referrals the same. ../README.md says how and why."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from handoff_client import AuthenticatedClient
from handoff_client.api.events import list_events
from handoff_client.api.referrals import (
    create_referral, get_referral, list_referral_actions, list_referrals, transition_referral, update_referral,
)
from handoff_client.models import (
    CreateReferral, EventPage, FeedStart, PartnerReferralView, Problem, ReferralActions, ReferralPage, ReferralView, TransitionReferral,
    UpdateReferral,
)
from handoff_client.types import UNSET, Response
from webhook import listen

COLUMNS = ("partner", "study", "status", "owner_id", "next_action", "next_action_due_at", "blocker", "close_reason", "external_ref")
Row = dict[str, Any]
T = TypeVar("T")


class Later(Exception):
    """Handoff is away or busy: the same again, with the same key, after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def later_if_busy(response: httpx.Response) -> None:
    if response.status_code == 429 or response.status_code >= 500:
        wait = response.headers.get("retry-after", "")
        raise Later(float(wait) if wait.isdigit() else 1.0)


def code_of(answer: Response[Any]) -> str:
    return answer.parsed.code if isinstance(answer.parsed, Problem) else f"status_{answer.status_code}"


def expect(kind: type[T], answer: Response[Any]) -> T:
    """For what is answered unless the key or this program is wrong: then a person has to look."""
    if not isinstance(answer.parsed, kind):
        raise SystemExit(f"Handoff answered {answer.status_code} {code_of(answer)}")
    return answer.parsed


def row_of(view: ReferralView | PartnerReferralView) -> Row:
    shown = view.to_dict()
    return {column: shown[column] for column in COLUMNS}


@dataclass(frozen=True)
class Found:
    """A referral as Handoff has it; without a row: there is none."""

    id: str
    etag: str
    row: Row | None

    def among(self, columns: Row) -> Row:
        return {column: self.row[column] for column in columns} if self.row else {}


@dataclass(frozen=True)
class Edit:
    """A row of the outbox."""

    seq: int
    kind: str
    record_id: str
    referral_id: str | None
    body: Row
    seen: Row
    etag: str | None
    idempotency_key: str

    @property
    def wants(self) -> Row:
        """What the mirror shows once it is done."""
        if self.kind == "change":
            return {column: value for column, value in self.body.items() if column != "reason"}
        extra = {"closed": {"close_reason": self.body.get("reason")}, "on_hold": {"blocker": self.body.get("blocker")}}
        return {"status": self.body["to"], **extra.get(self.body["to"], {})}


class Connector:
    def __init__(self, database: str, client: AuthenticatedClient) -> None:
        self.client = client
        self.db = sqlite3.connect(database, timeout=10, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript((Path(__file__).parent.parent / "schema.sql").read_text())
        self.suspects: dict[str, tuple[str | None, set[str]]] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    # In: from Handoff to the CRM.

    def pull(self) -> None:
        """Reads the feed to its end. The rows that a page leads to and the cursor after it are one transaction."""
        while True:
            at = self.db.execute("SELECT cursor FROM feed").fetchone()
            answer = list_events.sync_detailed(client=self.client, cursor=at["cursor"], limit=100) if at else None
            if answer is None or code_of(answer) == "invalid_cursor":
                self.begin()
                continue
            page = expect(EventPage, answer)
            # An event is thin, and may be older than what is there now: the referral itself is what counts, once for a page.
            found = [self.read(str(id)) for id in dict.fromkeys(event.referral_id for event in page.data) if id]
            with self.transaction():
                for one in found:
                    self.mirror(one)
                self.db.execute("UPDATE feed SET cursor = ?", (page.next_cursor,))
            if not page.has_more:
                return

    def begin(self) -> None:
        """The first start, and the first after Handoff was restored from a backup. The feed's end comes first: what happens while
        the list is read is told after it. A crash on the way begins anew."""
        end = expect(EventPage, list_events.sync_detailed(client=self.client, start=FeedStart.LATEST))
        mirrored = [row["id"] for row in self.db.execute("SELECT id FROM referral")]
        for id in dict.fromkeys([*(str(view.id) for view in self.listed()), *mirrored]):
            found = self.read(id)
            with self.transaction():
                self.mirror(found)
        with self.transaction():
            self.db.execute("INSERT OR REPLACE INTO feed (only_row, cursor) VALUES (1, ?)", (end.next_cursor,))

    def listed(self) -> Iterator[ReferralView | PartnerReferralView]:
        cursor: str | None = None
        while True:
            answer = list_referrals.sync_detailed(client=self.client, limit=200, cursor=cursor or UNSET)
            page = expect(ReferralPage, answer)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def read(self, id: str) -> Found:
        answer = get_referral.sync_detailed(UUID(id), client=self.client)
        if answer.status_code == 404:
            return Found(id, "", None)
        return Found(id, answer.headers["etag"], row_of(expect(ReferralView, answer)))

    def mirror(self, found: Found) -> None:
        """Within a transaction."""
        if found.row is None:
            self.db.execute("DELETE FROM referral WHERE id = ?", (found.id,))
            return
        marks = ", ".join("?" * (2 + len(COLUMNS)))
        values = (found.id, found.etag, *found.row.values())
        self.db.execute(f"INSERT OR REPLACE INTO referral (id, etag, {', '.join(COLUMNS)}) VALUES ({marks})", values)
        reference = found.row["external_ref"]
        if reference is not None:
            self.db.execute(
                "INSERT INTO record (id, referral_id, created_by) VALUES (?, ?, 'handoff') "
                "ON CONFLICT (id) DO UPDATE SET referral_id = excluded.referral_id",
                (reference, found.id),
            )
        elif self.db.execute("SELECT 1 FROM record WHERE referral_id = ?", (found.id,)).fetchone() is None:
            # A record for it, and word of that to Handoff: an edit like any other.
            record = f"CRM-{uuid4()}"
            self.db.execute("INSERT INTO record (id, referral_id, created_by) VALUES (?, ?, 'handoff')", (record, found.id))
            self.db.execute(
                "INSERT INTO outbox (kind, record_id, referral_id, body, seen, etag, idempotency_key) "
                "VALUES ('change', ?, ?, ?, ?, ?, ?)",
                (record, found.id, json.dumps({"external_ref": record}), json.dumps({"external_ref": None}), found.etag, str(uuid4())),
            )

    def reconcile(self) -> None:
        """Compares the list with the mirror, and puts right what the feed did not tell: what differs at two looks in a row though the
        feed was read in between."""
        suspects: dict[str, tuple[str | None, set[str]]] = {}
        for view in self.listed():
            id, listed = str(view.id), row_of(view)
            have = self.db.execute("SELECT * FROM referral WHERE id = ?", (id,)).fetchone()
            differing = {column for column in COLUMNS if have is None or have[column] != listed[column]}
            if not differing:
                continue
            etag, before = have["etag"] if have else None, self.suspects.get(id)
            if before is None or before[0] != etag:
                suspects[id] = (etag, differing)
                continue
            found = self.read(id)
            columns = json.dumps(sorted(differing & before[1]))
            with self.transaction():
                self.mirror(found)
                self.db.execute("INSERT INTO repair (referral_id, columns) VALUES (?, ?)", (id, columns))
        self.suspects = suspects

    # Out: from the CRM to Handoff.

    def push(self) -> None:
        for row in self.db.execute("SELECT * FROM outbox ORDER BY seq").fetchall():
            columns = {**row, "body": json.loads(row["body"]), "seen": json.loads(row["seen"])}
            edit = Edit(**columns)
            if edit.referral_id is None:
                self.create(edit)
            else:
                self.send(edit, edit.referral_id)

    def create(self, edit: Edit) -> None:
        """Finds the record's referral or makes it. The key answers a retry for 24 hours, and the look-up after that too."""
        none, known = Found("", "", None), list_referrals.sync_detailed(client=self.client, external_ref=edit.record_id)
        if not isinstance(known.parsed, ReferralPage):
            # Such as an id that Handoff does not take for a code. The other records do not wait for it.
            self.settle(edit, none, self.refusal(known))
            return
        if len(known.parsed.data) > 1:
            self.settle(edit, none, "ambiguous")
            return
        if known.parsed.data:
            self.settle(edit, self.read(str(known.parsed.data[0].id)))
            return
        body = CreateReferral.from_dict(edit.body)
        made = create_referral.sync_detailed(client=self.client, body=body, idempotency_key=edit.idempotency_key)
        if isinstance(made.parsed, ReferralView):
            # A replayed answer is the first one and may be old by now, and so what counts is read.
            self.settle(edit, self.read(str(made.parsed.id)))
        else:
            self.settle(edit, none, self.refusal(made))

    def send(self, edit: Edit, id: str) -> None:
        answer: Response[Any]
        if edit.kind == "move":
            move = TransitionReferral.from_dict(edit.body)
            answer = transition_referral.sync_detailed(
                UUID(id), client=self.client, body=move, if_match=edit.etag or "", idempotency_key=edit.idempotency_key
            )
        else:
            change = UpdateReferral.from_dict(edit.body)
            answer = update_referral.sync_detailed(UUID(id), client=self.client, body=change, if_match=edit.etag or "")
        refusal = None if answer.status_code == 200 else self.refusal(answer)
        now = self.read(id)
        if refusal != "stale_version":
            self.settle(edit, now, refusal)
        elif now.among(edit.wants) == edit.wants:
            # Our own attempt whose answer was lost, or somebody who wanted the same.
            self.settle(edit, now)
        elif now.among(edit.seen) != edit.seen:
            self.settle(edit, now, "changed_meanwhile")
        elif edit.kind == "move" and not self.is_allowed(edit, id):
            self.settle(edit, now, "not_allowed")
        else:
            # Somebody changed something else: what the person decided still holds, and goes out with the next round.
            with self.transaction():
                self.mirror(now)
                self.db.execute("UPDATE outbox SET etag = ? WHERE seq = ?", (now.etag, edit.seq))

    def is_allowed(self, edit: Edit, id: str) -> bool:
        now = expect(ReferralActions, list_referral_actions.sync_detailed(UUID(id), client=self.client))
        reason = edit.body.get("reason")
        return any(move.to == edit.body["to"] and (reason in move.reasons if move.reasons else reason is None) for move in now.actions)

    def refusal(self, answer: Response[Any]) -> str:
        if answer.status_code in (401, 403):
            raise SystemExit(f"Handoff answered {answer.status_code} {code_of(answer)}")
        if code_of(answer) == "idempotency_in_flight":
            raise Later(1.0)
        return code_of(answer)

    def settle(self, edit: Edit, now: Found, conflict: str | None = None) -> None:
        """The edit is over: what came of it and that it waits no more are one transaction."""
        with self.transaction():
            if now.id:
                self.mirror(now)
            if conflict is not None:
                found = json.dumps(now.among({**edit.seen, **edit.wants}) if now.row else {})
                self.db.execute(
                    "INSERT INTO conflict (seq, kind, record_id, referral_id, body, seen, found, reason) "
                    "SELECT seq, kind, record_id, referral_id, body, seen, ?, ? FROM outbox WHERE seq = ?",
                    (found, conflict, edit.seq),
                )
            self.db.execute("DELETE FROM outbox WHERE seq = ?", (edit.seq,))

    def run(self, nudge: threading.Event, poll: float, compare: float) -> None:
        read_at, compare_at = 0.0, time.monotonic() + compare
        while True:
            wait = 1.0
            try:
                if nudge.is_set() or time.monotonic() >= read_at:
                    # Before it is read: what a nudge tells of while it is read needs another round.
                    nudge.clear()
                    self.pull()
                    read_at = time.monotonic() + poll
                self.push()
                if time.monotonic() >= compare_at:
                    self.pull()
                    self.reconcile()
                    compare_at = time.monotonic() + compare
            except Later as later:
                read_at, wait = 0.0, later.seconds
            except httpx.TransportError:
                read_at = 0.0
            if wait > 1.0:
                time.sleep(wait)
            else:
                nudge.wait(wait)


def main() -> None:
    setting = os.environ.get
    client = AuthenticatedClient(
        base_url=os.environ["HANDOFF"], token=os.environ["HANDOFF_KEY"], timeout=httpx.Timeout(15),
        httpx_args={"event_hooks": {"response": [later_if_busy]}},
    )
    nudge = threading.Event()
    if port := setting("WEBHOOK_PORT"):
        listen(int(port), os.environ["WEBHOOK_SECRET"], nudge)
    connector = Connector(os.environ["CRM_DATABASE"], client)
    connector.run(nudge, float(setting("POLL_SECONDS", "30")), float(setting("COMPARE_SECONDS", "900")))


if __name__ == "__main__":
    main()
