"""See tests/upgrade/run. The previous binary under load, the schema of the new one made beside it, and then the new one in its place."""

import argparse
import glob
import os
import re
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../rollover"), os.path.join(HERE, "../../deploy")]
from clients import Clients  # noqa: E402
from judge import ROWS, faults, rows, server_errors, spoiled  # noqa: E402
from local import REPOSITORY, Failed, must, place, stop  # noqa: E402
from rollover import STOPS_WITHIN, Servers, prepare  # noqa: E402

BEFORE, MIGRATING, OLD_ON_NEW, BOTH, NEW = "before", "migrating", "previous binary on the new schema", "both binaries", "new binary"
# What no expand step does: the binary that serves names the column in its queries.
CONTRACT = "ALTER TABLE referrals RENAME COLUMN partner_reference TO reference_of_partner"
TAKEN_BACK = "ALTER TABLE referrals RENAME COLUMN reference_of_partner TO partner_reference"


class Schema:
    """The migrations of this repository and what the database has of them."""

    def __init__(self, postgres):
        self.postgres = postgres
        # diesel's version of a migration is its directory's name up to the underscore, without hyphens.
        directories = sorted(glob.glob(f"{REPOSITORY}/migrations/*/"))
        self.directories = {os.path.basename(each[:-1]).split("_")[0].replace("-", ""): each for each in directories}

    def versions(self):
        return set(self.postgres.sql("SELECT version FROM __diesel_schema_migrations", "handoff").split())

    def as_owner(self, statements):
        """In one transaction that lets go, as a migration does."""
        self.postgres.sql(f"SET ROLE handoff_owner; SET lock_timeout = '2s'; {statements}", "handoff")

    def pending(self):
        return sorted(self.directories.keys() - self.versions())

    def take_back(self, count):
        """For developing with one binary: as if the last ones had not been run yet."""
        for version in sorted(self.versions())[-count:][::-1]:
            with open(f"{self.directories[version]}down.sql", encoding="utf-8") as file:
                self.as_owner(f"{file.read()}; DELETE FROM __diesel_schema_migrations WHERE version = '{version}'")

    def altered(self, versions):
        """The tables of before that these migrations alter, and so wait for: a validation and a new table wait for no reader."""
        text = "".join(open(f"{self.directories[version]}up.sql", encoding="utf-8").read() for version in versions)
        made = {made or renamed for made, renamed in re.findall(r"^\s*CREATE TABLE (\w+)|RENAME TO (\w+)", text, re.M)}
        return sorted(set(re.findall(r"^\s*ALTER TABLE (\w+)\b(?!\s+VALIDATE)", text, re.M)) - made)


class Reader(threading.Thread):
    """A long ANALYZE: it reads these tables for some seconds and lets no change of their schema by, not even one that readers may stand beside."""

    def __init__(self, postgres, tables, seconds):
        super().__init__(daemon=True)
        self.postgres, self.tables, self.seconds, self.failure = postgres, tables, seconds, None
        self.start()
        ends = time.monotonic() + 10
        while not int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")):
            if self.failure or time.monotonic() > ends:
                raise Failed(f"the reader does not read: {self.failure}")
            time.sleep(0.05)

    def run(self):
        try:
            self.postgres.sql(f"BEGIN; LOCK TABLE {', '.join(self.tables)} IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep({self.seconds}); COMMIT", "handoff")
        except Failed as failed:
            self.failure = failed


def gave_up(postgres, role):
    """How often a statement of this role gave up waiting for a lock, as PostgreSQL's log says."""
    return len(re.findall(rf"^{role}: ERROR: .*due to lock timeout", postgres.log(), re.M))


def answered(servers, process):
    """How many requests this process has answered; patterns of routes have braces of their own."""
    _, text = servers.told(process, "/metrics")
    return int(sum(float(count) for count in re.findall(r"^handoff_http_requests_total\{.*\} (\S+)$", text, re.M)))


def alive(clients, servers, seconds):
    """Waits while the clients send; whoever died is told at once."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.1)
        if clients.failure:
            raise clients.failure
        for process in servers.running:
            if process.poll() not in (None, 0):
                raise Failed(f"a server ended with {process.returncode}: {servers.said(process)}")


def start(servers, binary, what):
    servers.binary = binary
    try:
        return servers.start()
    except Failed as failed:
        raise Failed(f"{what}: {failed}") from None


def end(servers, process):
    took = stop(process, STOPS_WITHIN)
    if process.returncode != 0:
        raise Failed(f"a server ended with {process.returncode}: {servers.said(process)}")
    return took


def upgrade(options, schema, servers, clients, migrate):
    """The run itself; tells what it measured, and returns who answered how many requests."""
    old = start(servers, options.old, "the previous binary")
    if options.take_back:
        schema.take_back(options.take_back)
    pending = schema.pending()
    altered = schema.altered(pending)
    clients.start(BEFORE)
    alive(clients, servers, options.seconds / 4)

    clients.enter(MIGRATING)
    reader = Reader(schema.postgres, altered or ["referrals"], options.hold) if options.hold else None
    began = time.monotonic()
    said = migrate(options.new)
    took = time.monotonic() - began
    ran = int(re.search(r"(\d+) migration\(s\) run", said)[1])
    on_new = answered(servers, old)
    clients.enter(OLD_ON_NEW)
    let_go, held_up = (gave_up(schema.postgres, role) for role in ("handoff_owner", "handoff_app"))
    names = ", ".join(os.path.basename(schema.directories[version][:-1]) for version in pending)
    print(f"upgrade: {ran} migration(s) run under load in {took:.1f} s ({names or 'none'}); "
          f"{', '.join(altered) or 'no table of before'} altered, read by another for {options.hold:g} s: "
          f"migrations let go {let_go} times, statements of requests and jobs gave up {held_up} times")
    if ran == 0:
        print("upgrade: THE NEW BINARY HAD NO MIGRATION TO RUN: nothing is said about a new schema")
        if not options.same:
            raise Failed("the new binary has no migration that the previous one lacks; --same lets that pass, for developing")
    if schema.pending() or ran != len(pending):
        raise Failed(f"{ran} migrations ran where migrations/ has {len(pending)} more: is the new binary that of this directory?")
    if altered and options.hold > 2.5 and not let_go:
        raise Failed("the migration did not let go of a table that another reads for so long")
    if not altered:
        print("upgrade: no migration waits for a table of before: letting go is not tested")

    alive(clients, servers, options.seconds)
    if reader:
        reader.join()
    # What the operator's own monitoring asks: migrations that it does not know are no reason to send it nothing.
    ready = servers.told(old, "/readyz")
    if ready[0] != 200:
        raise Failed(f"the previous binary says on the new schema that it is not ready: {ready[1]}")
    clients.enter(BOTH)
    new = start(servers, options.new, "the new binary")
    alive(clients, servers, 1)
    on_new = answered(servers, old) - on_new
    stopped = end(servers, old)
    clients.enter(NEW)
    alive(clients, servers, options.seconds)
    by_new = answered(servers, new)
    clients.stop()
    clients.follow_up(20)
    print(f"upgrade: the previous binary stopped within {stopped:.1f} s; "
          + "; ".join(f"{phase}: {count} requests, slowest {slowest * 1000:.0f} ms" for phase, (count, slowest) in clients.phases.items()))
    return new, {OLD_ON_NEW: on_new, NEW: by_new}


def contract(schema, servers, clients):
    """The control: a step that takes away what the serving binary reads."""
    clients.start("a column renamed")
    alive(clients, servers, 1)
    schema.as_owner(CONTRACT)
    alive(clients, servers, 2)
    schema.as_owner(TAKEN_BACK)
    clients.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--seconds", type=float, default=12.0, help="of load for each binary on the new schema")
    parser.add_argument("--hold", type=float, default=5.0, help="seconds that somebody reads what the migrations alter (0: nobody)")
    parser.add_argument("--same", action="store_true", help="for developing: no migration to run is no failure")
    parser.add_argument("--take-back", type=int, default=0, metavar="N",
                        help="for developing with one binary: its last N migrations are taken back first")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    # As at an interrupt: everything is taken down on the way out.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _: sys.exit(128 + number))
    directory = place()
    home, postgres, servers = directory.name, None, None
    try:
        postgres, secrets = prepare(home)
        postgres.arguments += ["-c", "log_line_prefix=%u: ", "-c", "log_min_error_statement=panic"]
        postgres.initialise(f"{home}/for-postgres/postgres_password", [f"{home}/10-roles.sh"])
        postgres.start()
        base = {"PATH": "/usr/bin:/bin", "HANDOFF_EMBEDDED": "off", "RUST_LOG": "info"}
        # Eight clients are few keys: what is asked is whether a request gets through, not whether it is too many.
        environment = {**base, "DATABASE_URL_FILE": f"{secrets}/app_url", "HANDOFF_MASTER_KEY_FILE": f"{secrets}/master_key",
                       **{f"HANDOFF_RATE_LIMIT_{each}": "0" for each in ("KEY", "SITE", "ADDRESS")}}

        def migrate(binary):
            return must([binary, "migrate"], {**base, "HANDOFF_MIGRATE_DATABASE_URL_FILE": f"{secrets}/owner_url"})

        migrate(options.old)
        keys = dict(re.findall(r"^(\w+_(?:KEY|TOKEN))=(\S+)$", must([options.old, "demo"], environment), re.M))
        schema, servers = Schema(postgres), Servers(options.old, home, environment, False)

        clients = Clients(servers.address, keys, "upgrade")
        new, answered_by = upgrade(options, schema, servers, clients, migrate)
        observed = {**clients.observed(), "answered_by": answered_by}
        stored = rows(postgres.sql(ROWS.format(name="upgrade"), "handoff"))
        found = faults(observed, stored)
        total, made = sum(observed["counts"].values()), observed["made"]
        print(f"upgrade: {total} requests, {answered_by[OLD_ON_NEW]} of them answered by the previous binary on the new schema and "
              f"{answered_by[NEW]} by the new one: non-2xx {sum(observed['refused'].values())} (5xx {server_errors(observed)}), "
              f"resets {sum(observed['dropped'].values())}, wrong {sum(observed['wrong'].values())}; {len(made)} referrals under "
              f"{sum(map(len, made.values()))} answers, {sum(map(len, observed['moved'].values()))} moves; "
              f"slowest answer {observed['slowest'] * 1000:.0f} ms")
        for what, count in observed["refused"].items():
            print(f"upgrade: {what} ({count} times)")
        must([options.new, "audit", "verify", "--anchors", "/dev/null"], environment)

        # The judge's own controls: each has to be told beside what is wrong already. Then the one that is lived through, by the previous
        # binary: that it starts on the new schema too is what a crash between the two steps asks of it.
        controls = list(spoiled(observed, stored))
        untold = [what for what, spoilt in controls if not set(faults(*spoilt)) - set(found)]
        end(servers, new)
        old = start(servers, options.old, "the previous binary, started anew on the new schema")
        others = Clients(servers.address, keys, "control")
        contract(schema, servers, others)
        broken = {**others.observed(), "answered_by": {}}
        red = faults(broken, rows(postgres.sql(ROWS.format(name="control"), "handoff")))
        end(servers, old)
        print(f"upgrade: controls: a column renamed under the previous binary: 5xx {server_errors(broken)} of {sum(broken['counts'].values())}, "
              f"the judge says {len(red)} things ({red[0] if red else 'nothing'}); "
              f"{len(controls) - len(untold)} of {len(controls)} spoiled observations told")
        if found:
            raise Failed("; ".join(found[:12]))
        if untold:
            raise Failed(f"not told: {untold[0]}")
        if not server_errors(broken) or not any(each.startswith("answered: 5") for each in red):
            raise Failed("a column that is renamed under a binary does no harm: then what was tested?")
    finally:
        if servers:
            servers.close()
        if postgres:
            postgres.close()
        directory.cleanup()


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"tests/upgrade: {failed}")
