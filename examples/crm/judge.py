"""Whether a CRM and a server are the same, and whether what became of every edit is right."""

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field as initially
from datetime import datetime
from pathlib import Path
from typing import Any

from scene import Json, Scene

COLUMNS = ("partner", "study", "status", "owner_id", "next_action", "next_action_due_at", "blocker", "close_reason", "external_ref")


@dataclass
class Journal:
    """What was sent: the partner's references, the CRM's new records, those that have to be refused, and its edits by their place in the outbox."""

    references: list[str] = initially(default_factory=list)
    records: list[str] = initially(default_factory=list)
    refused: list[str] = initially(default_factory=list)
    edits: dict[int, tuple[str, Json, Json]] = initially(default_factory=dict)


def comparable(column: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if column.endswith("_at") and value else value


def differences(database: Path, listed: list[Json], etags: dict[str, str] | None = None) -> list[str]:
    """Places where the CRM's mirror is not what the server has."""
    with sqlite3.connect(database, timeout=20) as db:
        db.row_factory = sqlite3.Row
        mirror = {row["id"]: row for row in db.execute("SELECT * FROM referral")}
    at_server = {view["id"]: view for view in listed}
    wrong = [f"{id}: missing" for id in at_server.keys() - mirror.keys()] + [f"{id}: too many" for id in mirror.keys() - at_server.keys()]
    for id in at_server.keys() & mirror.keys():
        have, is_now = mirror[id], at_server[id]
        wrong += [f"{id}: {one}" for one in COLUMNS if comparable(one, have[one]) != comparable(one, is_now[one])]
        if etags is not None and have["etag"] != etags[id]:
            wrong.append(f"{id}: etag")
    return wrong


def repairs_of_what_was_told(scene: Scene) -> list[str]:
    with scene.crm() as db:
        return [row["referral_id"] for row in db.execute("SELECT * FROM repair")]


def judge(scene: Scene, journal: Journal, listed: list[Json]) -> list[str]:
    """What is wrong with the edits: lost, made twice, or a conflict that nobody explains."""
    with scene.crm() as db:
        conflicts = {row["seq"]: row for row in db.execute("SELECT * FROM conflict")}
        wrong = [f"edit {row['seq']} still waits" for row in db.execute("SELECT seq FROM outbox")]
    trail: dict[str, list[Json]] = {}
    for entry in scene.all_of("/v1/audit?subject_kind=referral&"):
        trail.setdefault(entry["subject"]["id"], []).append(entry)

    def changes(id: str, by_crm: bool, field: str) -> list[tuple[Any, Any]]:
        """From what to what, as the trail has it."""
        entries = [entry for entry in trail.get(id, []) if (entry["api_key_id"] == scene.key_id) is by_crm]
        return [(change["before"], change["after"]) for entry in entries for change in entry["changes"] if change["field"] == field]

    def overwritten(seq: int) -> bool:
        """Whether it arrived, its answer was lost, and somebody else changed the same before the connector asked again."""
        id, seen, wants = journal.edits[seq]
        arrived = all((value, wants[field]) in changes(id, True, field) for field, value in seen.items())
        return arrived and any(before == wants[field] for field in seen for before, _ in changes(id, False, field))

    late = {seq for seq, row in conflicts.items() if row["reason"] == "changed_meanwhile" and seq in journal.edits and overwritten(seq)}
    kept = {seq: edit for seq, edit in journal.edits.items() if seq not in conflicts or seq in late}
    for seq, (id, _, wants) in kept.items():
        for field, value in wants.items():
            if all(after != value for by_crm in (True, False) for _, after in changes(id, by_crm, field)):
                wrong.append(f"edit {seq} is lost")
    refused = {seq: row for seq, row in conflicts.items() if row["kind"] == "create"}
    if [row["record_id"] for row in refused.values()] != journal.refused:
        wrong.append(f"{len(refused)} records were refused, and not {len(journal.refused)}")
    for seq, row in ((seq, row) for seq, row in conflicts.items() if seq not in refused):
        id, seen, wants = journal.edits.get(seq, ("", {}, {}))
        if row["reason"] == "changed_meanwhile":
            explained = seq in late or any(before == value for field, value in seen.items() for before, _ in changes(id, False, field))
        else:
            # A plan for what somebody else closed.
            closed = any(after == "closed" for _, after in changes(id, False, "status"))
            explained = row["reason"] == "state_conflict" and "status" not in wants and closed
        if not explained:
            wrong.append(f"conflict {seq}: {row['reason']}, and nobody else was there")
    for id, entries in trail.items():
        own = [entry for entry in entries if entry["api_key_id"] == scene.key_id and entry["operation"] != "create_referral"]
        edits = [edit for edit in kept.values() if edit[0] == id]
        # One more: the record's id that the CRM told.
        if len(own) > len(edits) + 1:
            wrong.append(f"{id}: {len(own)} changes by the CRM for {len(edits)} edits")
        for entry in own:
            did = {(change["field"], change["before"], change["after"]) for change in entry["changes"]}
            meant = {(field, value, wants[field]) for _, seen, wants in edits for field, value in seen.items()}
            if not did & meant and all(field != "external_ref" for field, _, _ in did):
                wrong.append(f"{id}: the CRM overwrote what its person had not seen")
    sent = Counter(view["partner_reference"] for view in listed)
    known = Counter(view["external_ref"] for view in listed)
    wrong += [f"{one}: {sent[one]} referrals" for one in journal.references if sent[one] != 1]
    wrong += [f"{one}: {known[one]} referrals" for one in journal.records if known[one] != 1]
    wrong += [f"{view['id']}: without a record" for view in listed if view["external_ref"] is None]
    return wrong + [f"{id}: the feed told of it, and the mirror missed it" for id in repairs_of_what_was_told(scene)]
