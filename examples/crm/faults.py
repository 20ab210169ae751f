"""Kills what keeps a CRM and Handoff the same, on both sides, while both sides are edited; then judges whether they are the same.

    faults.py BINARY NAME SECONDS COMMAND...     COMMAND starts a connector

A real server with its sample site, a port of its own and its data in a temporary directory; partners refer, coordinators and the CRM's
people edit. Server and connector are killed (SIGKILL) and started again, and the connector lives some of its lives without its receiver.
The judge reads the server's audit trail, which no connector writes."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import signal
import sqlite3
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from judge import COLUMNS, Journal, differences, judge, repairs_of_what_was_told
from scene import Away, Json, Scene

PLANS = ("attempt_contact", "request_partner_completion", "await_study_team", "arrange_handoff")
MOVES = {
    "received": ("acknowledged", "contacting"), "acknowledged": ("contacting",), "contacting": ("connected",), "connected": ("handed_off",),
    "handed_off": ("connected",), "on_hold": (), "quarantined": (), "closed": (),
}


class Actors:
    """Those who know nothing of one another."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.stop = scene, threading.Event()
        self.journal = Journal()
        self.at_site = 0
        self.threads = [threading.Thread(target=self.again, args=it) for it in ((self.refer, 0.5), (self.work, 0.25), (self.use_crm, 0.35))]
        self.failed: BaseException | None = None

    def again(self, act: Callable[[], None], pause: float) -> None:
        while not self.stop.is_set():
            try:
                act()
            except Away:
                pass
            except BaseException as error:
                self.failed = error
                return
            self.stop.wait(random.uniform(0.5, 1.5) * pause)

    def refer(self) -> None:
        """A partner, who retries with the same key until there is an answer."""
        reference = f"FAULT-{len(self.journal.references) + 1:05}"
        body = {
            "study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake",
            "partner_reference": reference,
        }
        self.scene.done("POST", "/v1/referrals", self.scene.partner, body)
        self.journal.references.append(reference)

    def work(self) -> None:
        """A coordinator, who reads and then writes. Whoever was faster was faster."""
        page = self.scene.done("GET", "/v1/referrals?limit=14", self.scene.coordinator)
        self.edit_at_site(random.choice(page["data"])["id"], random.choice(("move", "owner", "plan")))

    def edit_at_site(self, id: str, kind: str) -> None:
        _, now, etag = self.scene.call("GET", f"/v1/referrals/{id}", self.scene.coordinator)
        if now["status"] == "closed":
            return
        if kind == "move":
            step = random.choice((*MOVES[now["status"]], "on_hold" if now["status"] != "on_hold" else now["held_status"], "closed"))
            extra = {"closed": {"reason": "no_longer_interested"}, "on_hold": {"blocker": "awaiting_person_reply"}}.get(step, {})
            path, method, body = f"/v1/referrals/{id}/transitions", "POST", {"to": step, **extra}
        else:
            field, values = ("owner_id", self.scene.owners) if kind == "owner" else ("next_action", PLANS)
            value = random.choice([value for value in values if value != now[field]])
            path, method, body = f"/v1/referrals/{id}", "PATCH", {field: value, "reason": "workload"}
        status, _, _ = self.scene.call(method, path, self.scene.coordinator, body, If_Match=etag)
        self.at_site += status == 200

    def use_crm(self) -> None:
        """Somebody at the CRM, who knows its tables alone."""
        with self.scene.crm() as db:
            self.new_record(db) if random.random() < 0.2 else self.edit_in_crm(db)

    def new_record(self, db: sqlite3.Connection, refused: str = "") -> None:
        record = refused or f"CRM-{uuid.uuid4()}"
        body = {
            "study": "heart-2026", "partner": "lakeside-cardiology", "channel": "phone_handoff", "contact_basis": "permission_to_contact",
            "contact_path": "site_record", "external_ref": record,
        }
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO record (id, created_by) VALUES (?, 'crm')", (record,))
        db.execute(
            "INSERT INTO outbox (kind, record_id, body, seen, idempotency_key) VALUES ('create', ?, ?, '{}', ?)",
            (record, json.dumps(body), str(uuid.uuid4())),
        )
        db.execute("COMMIT")
        (self.journal.refused if refused else self.journal.records).append(record)

    def edit_in_crm(self, db: sqlite3.Connection) -> str | None:
        """The id of the referral that is edited. Newer ids are greater: both sides work on what came last."""
        db.execute("BEGIN IMMEDIATE")
        rows = db.execute(
            "SELECT * FROM (SELECT * FROM referral WHERE status <> 'closed' ORDER BY id DESC LIMIT 40) "
            "WHERE external_ref IS NOT NULL AND external_ref NOT IN (SELECT record_id FROM outbox)"
        ).fetchall()
        if not rows:
            db.execute("COMMIT")
            return None
        row, kind = random.choice(rows), random.choice(("move", "owner_id", "next_action"))
        if kind == "move":
            to = random.choice((*MOVES[row["status"]], "closed"))
            wants: Json = {"status": to, "close_reason": "unreachable_after_attempts"} if to == "closed" else {"status": to}
            body, seen = {"to": to} | ({"reason": wants["close_reason"]} if to == "closed" else {}), {"status": row["status"]}
        else:
            values = self.scene.owners if kind == "owner_id" else PLANS
            wants = {kind: random.choice([value for value in values if value != row[kind]])}
            body, seen = {**wants, "reason": "better_placed"}, {kind: row[kind]}
        texts = (json.dumps(body), json.dumps(seen), row["etag"], str(uuid.uuid4()))
        seq = db.execute(
            "INSERT INTO outbox (kind, record_id, referral_id, body, seen, etag, idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?)",
            ("move" if kind == "move" else "change", row["external_ref"], row["id"], *texts),
        ).lastrowid
        db.execute("COMMIT")
        assert seq is not None
        self.journal.edits[seq] = (row["id"], seen, wants)
        return str(row["id"])

    def burst(self, count: int, contested: int) -> None:
        """Edits that the next kill meets on their way; some of them against somebody at the site."""
        with self.scene.crm() as db:
            ids = [id for id in (self.edit_in_crm(db) for _ in range(count)) if id]
            for _ in range(3):
                self.new_record(db)
        for id in ids[:contested]:
            for kind in ("move", "owner"):
                with suppress(Away):
                    self.edit_at_site(id, kind)


def settle(scene: Scene, seconds: float) -> float:
    """How long it takes until both sides are equal. They have to come nearer within every so many seconds."""
    began = moved = time.monotonic()
    nearest: tuple[int, int] | None = None
    while True:
        scene.alive()
        listed = scene.all_of("/v1/referrals?")
        with scene.crm() as db:
            waiting = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        wrong = differences(scene.database, listed)
        now = time.monotonic()
        if not waiting and not wrong:
            return now - began
        if nearest is None or (waiting, len(wrong)) < nearest:
            nearest, moved = (waiting, len(wrong)), now
        if now > moved + seconds:
            raise SystemExit(f"not equal, and no nearer for {seconds:.0f} s: {waiting} edits wait; {wrong[:10]}\n" + scene.tail("connector.log"))
        time.sleep(0.2)


def settle_to_the_version(scene: Scene) -> tuple[list[Json], dict[str, str]]:
    """The same again, ETags included; a job of the server may still come between."""
    for _ in range(5):
        listed = scene.all_of("/v1/referrals?")
        etags = {view["id"]: scene.call("GET", f"/v1/referrals/{view['id']}", scene.admin)[2] for view in listed}
        wrong = differences(scene.database, listed, etags)
        if not wrong:
            return listed, etags
        time.sleep(3)
    raise SystemExit(f"not equal: {wrong[:10]}")


def check_receiver(scene: Scene, actors: Actors) -> None:
    """Genuine messages are taken, others are not, and a nudge beats the poll."""
    if not scene.done("POST", f"/v1/webhook-endpoints/{scene.hook_id}/tests", scene.key)["delivered"]:
        raise SystemExit("the receiver refused a genuine message")
    body, key = b"{}", base64.b64decode(scene.hook_secret.removeprefix("whsec_"))
    for what, at, secret, expected in (("genuine", 0, key, 204), ("old", -400, key, 401), ("forged", 0, b"x" * 32, 401)):
        stamp = str(int(time.time()) + at)
        signature = base64.b64encode(hmac.digest(secret, f"msg_1.{stamp}.".encode() + body, hashlib.sha256)).decode()
        connection = http.client.HTTPConnection("127.0.0.1", scene.hook_port, timeout=10)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
        connection.request("POST", "/handoff", body, headers)
        status = connection.getresponse().status
        if status != expected:
            raise SystemExit(f"the receiver answered {status} to a message that is {what}")
    # From its first look on it reads nothing by itself for minutes: what arrives then was told by a message, and nothing arrives without.
    for receives in (False, True):
        scene.kill(scene.connector)
        actors.refer()
        scene.start_connector(receives, poll=600, compare=600)
        settle(scene, 60)
        for _ in range(3 if receives else 1):
            actors.refer()
            if receives:
                settle(scene, 60)
            else:
                time.sleep(5)
                if not differences(scene.database, scene.all_of("/v1/referrals?")):
                    raise SystemExit("the control is not red: nobody told of it, and it was read")
    scene.kill(scene.connector)
    scene.start_connector()


def controls(scene: Scene, actors: Actors, listed: list[Json], etags: dict[str, str]) -> None:
    """What has to be found is found: one altered value of each column, and a cursor that was moved on apart from its rows."""
    copy = scene.home / "altered.sqlite"
    for column in (*COLUMNS, "etag"):
        with scene.crm() as db, sqlite3.connect(copy) as altered:
            db.backup(altered)
            value = "2026-01-01T00:00:00Z" if column.endswith("_at") else "altered"
            altered.execute(f"UPDATE referral SET {column} = ? WHERE id = (SELECT max(id) FROM referral)", (value,))
        if len(differences(copy, listed, etags)) != 1:
            raise SystemExit(f"the control is not red: {column}")
    scene.kill(scene.connector)
    actors.refer()
    for view in listed[:3]:
        actors.edit_at_site(view["id"], "move")
    time.sleep(2)
    end = scene.done("GET", "/v1/events?start=latest", scene.key)["next_cursor"]
    with scene.crm() as db:
        db.execute("UPDATE feed SET cursor = ?", (end,))
    scene.start_connector()
    until = time.monotonic() + 90
    while not repairs_of_what_was_told(scene):
        if time.monotonic() > until:
            raise SystemExit("the control is not red: a cursor that was moved on apart from its rows")
        time.sleep(0.5)


def check_new_start(scene: Scene) -> None:
    """A cursor that Handoff refuses, as after a restore, and a mirror that has not everything."""
    scene.kill(scene.connector)
    with scene.crm() as db:
        db.execute("DELETE FROM referral WHERE rowid % 3 = 0")
        db.execute("UPDATE feed SET cursor = 'AAAA'")
    scene.start_connector()
    settle(scene, 60)


def main() -> None:
    binary, name, seconds, *command = sys.argv[1:]
    scene = Scene(binary, command)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        scene.set_up()
        scene.start_connector()
        settle(scene, 60)
        actors, faults, receives = Actors(scene), Counter[str](), True
        with scene.crm() as db:
            # An id that says too much is refused, and nothing else waits for it.
            actors.new_record(db, refused="CRM-asthma-since-2019")
        for thread in actors.threads:
            thread.start()
        until, began = time.monotonic() + float(seconds), time.monotonic()
        try:
            while time.monotonic() < until:
                # Now and then before it has come to itself from the last one.
                time.sleep(random.uniform(0.2, 1) if random.random() < 0.3 else random.uniform(1.5, 3))
                scene.alive()
                if actors.failed is not None:
                    raise actors.failed
                actors.burst(10, 4)
                # While they are on their way.
                time.sleep(random.uniform(0, 1.2))
                if random.random() < 0.4:
                    faults["server"] += 1
                    scene.kill(scene.server)
                    time.sleep(random.uniform(0, 1.5))
                    scene.start_server()
                else:
                    faults["connector"] += 1
                    scene.kill(scene.connector)
                    time.sleep(random.uniform(0, 2))
                    receives = random.random() < 0.6
                    faults["receiver"] += not receives
                    scene.start_connector(receives)
        finally:
            actors.stop.set()
            for thread in actors.threads:
                thread.join()
        ran = time.monotonic() - began
        if not receives:
            scene.kill(scene.connector)
            scene.start_connector()
        if actors.failed is not None:
            raise actors.failed
        took = settle(scene, 60)
        check_receiver(scene, actors)
        listed, etags = settle_to_the_version(scene)
        if wrong := judge(scene, actors.journal, listed):
            raise SystemExit(f"{name}: {len(wrong)} faults\n" + "\n".join(wrong[:20]))
        with scene.crm() as db:
            conflicts, repairs = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("conflict", "repair"))
        controls(scene, actors, listed, etags)
        check_new_start(scene)
        sent = actors.journal
        print(
            f"{name}: {len(listed)} referrals ({len(sent.records)} from the CRM), {actors.at_site} edits at the site, {len(sent.edits)} in "
            f"the CRM, {conflicts} conflicts, all explained; in {ran:.0f} s {faults['server']} kills of the server, {faults['connector']} "
            f"of the connector, {faults['receiver']} lives without receiver; equal after {took:.1f} s, {repairs} rows by comparison; "
            "the controls are red"
        )
    finally:
        scene.close()


if __name__ == "__main__":
    main()
