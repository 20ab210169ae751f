"""The judge of tests/upgrade/run: pure, so that it can be shown what it must refuse."""

import collections
import copy

# What stands in the database of each referral under our keys, as `ROWS` gives it.
Row = collections.namedtuple("Row", "key status created received moved transitioned")
ROWS = """SELECT r.id, r.partner_reference, r.status,
    (SELECT count(*) FROM audit_entries a WHERE a.site_id = r.site_id AND a.subject_id = r.id AND a.operation = 'create_referral'),
    (SELECT count(*) FROM events e WHERE e.site_id = r.site_id AND e.subject_id = r.id AND e.event_type = 'referral.received'),
    (SELECT count(*) FROM audit_entries a WHERE a.site_id = r.site_id AND a.subject_id = r.id AND a.operation = 'transition_referral'),
    (SELECT count(*) FROM events e WHERE e.site_id = r.site_id AND e.subject_id = r.id AND e.event_type = 'referral.transitioned')
  FROM referrals r WHERE r.partner_reference LIKE '{name}-%'"""
# The longest that a migration waits for a table, with everybody behind it, and a second for the work itself.
SLOWEST = 2.0 + 1.0
KINDS = ("create", "read", "transition", "list", "ready", "report", "follow")


def rows(text):
    """The rows as psql prints them."""
    found = {}
    for line in text.splitlines():
        id, key, status, *counts = line.split("|")
        found[id] = Row(key, status, *map(int, counts))
    return found


def server_errors(observed):
    return sum(count for what, count in observed["refused"].items() if what.startswith("5"))


def faults(observed, stored):
    """Everything that must not be, as sentences."""
    found = []
    for what, them in (("answered", observed["refused"]), ("not answered", observed["dropped"]), ("wrong", observed["wrong"])):
        found += [f"{what}: {each} ({count} times)" for each, count in sorted(them.items(), key=lambda item: -item[1])]
    if observed["slowest"] > SLOWEST:
        found.append(f"the slowest answer took {observed['slowest']:.2f} s ({SLOWEST:.0f} allowed)")

    answered = {}
    for key, ids in observed["made"].items():
        if len(set(ids)) != 1:
            found.append(f"{key} was answered with {len(set(ids))} referrals")
        answered.update((id, key) for id in ids)
    if len(answered) != len(observed["made"]):
        found.append(f"{len(observed['made'])} keys were answered with {len(answered)} referrals")
    for what, ids in (
        ("answered and not there", answered.keys() - stored.keys()),
        ("there and never answered", stored.keys() - answered.keys()),
        ("under another key", {id for id, key in answered.items() if id in stored and stored[id].key != key}),
        ("whose creation is not in the audit trail once", {id for id, row in stored.items() if row.created != 1}),
        ("whose creation is not an event once", {id for id, row in stored.items() if row.received != 1}),
        ("that the feed did not tell of once", {id for id in answered if observed["received"].get(id, 0) != 1}),
        ("whose moves are not in the audit trail once", {id for id, row in stored.items() if row.moved != len(observed["moved"].get(id, ()))}),
        ("whose moves are not an event once", {id for id, row in stored.items() if row.transitioned != len(observed["moved"].get(id, ()))}),
        ("not where they were said to go", {id for id, to in observed["moved"].items() if id in stored and stored[id].status != to[-1]}),
    ):
        if ids:
            found.append(f"{len(ids)} referrals {what}, such as {min(ids)}")

    for kind in KINDS:
        if observed["counts"].get(kind, 0) < 20:
            found.append(f"too little was asked to prove anything: {kind} {observed['counts'].get(kind, 0)} times")
    found += [f"nothing was asked: {phase}" for phase, count in observed["requests"].items() if count == 0]
    # Who answered is what the servers count themselves.
    found += [f"{who} answered nothing: it was not tested" for who, count in observed["answered_by"].items() if count < 20]
    return found


def spoiled(observed, stored):
    """The same with one thing wrong in it, each time another."""
    def change(how):
        changed = copy.deepcopy((observed, stored))
        how(*changed)
        return changed

    if len(observed["made"]) < 2 or not observed["moved"]:
        return
    (key, (id, *_)), (other, (another, *_)) = list(observed["made"].items())[:2]
    moved = next(iter(observed["moved"]))
    yield "an answered referral that is not there", change(lambda _, rows: rows.pop(id))
    yield "a second one for one key", change(lambda _, rows: rows.update({"another": rows[id]}))
    yield "one that is another key's", change(lambda it, _: it["made"].update({key: [another], other: [id]}))
    yield "two answers for one key", change(lambda it, _: it["made"][key].append(another))
    yield "a creation without an audit entry", change(lambda _, rows: rows.update({id: rows[id]._replace(created=0)}))
    yield "a creation with two events", change(lambda _, rows: rows.update({id: rows[id]._replace(received=2)}))
    yield "a referral that the feed passes over", change(lambda it, _: it["received"].pop(id))
    yield "a move without an audit entry", change(lambda _, rows: rows.update({moved: rows[moved]._replace(moved=0)}))
    yield "a move without an event", change(lambda _, rows: rows.update({moved: rows[moved]._replace(transitioned=0)}))
    yield "a move that was undone", change(lambda _, rows: rows.update({moved: rows[moved]._replace(status="received")}))
    yield "a 503", change(lambda it, _: it["refused"].update({"503 overloaded: create": 1}))
    yield "a reset", change(lambda it, _: it["dropped"].update({"create: sent and ConnectionResetError": 1}))
    yield "an answer to something else", change(lambda it, _: it["wrong"].update({"read: something else than was asked for": 1}))
    yield "a slow answer", change(lambda it, _: it.update(slowest=SLOWEST + 0.1))
    for who in observed["answered_by"]:
        yield f"nothing by {who}", change(lambda it, _: it["answered_by"].update({who: 0}))
