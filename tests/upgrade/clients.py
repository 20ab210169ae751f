"""See tests/upgrade/run: eight clients that send, read, move, list, report and follow, check every answer, and keep what they were told."""

import collections
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../rollover"))
from rollover import PATIENCE, REFERRAL, Connection, Dropped  # noqa: E402

REPORTS = {
    "/v1/reports/movement": ("funnel", "received", "transitions"),
    "/v1/reports/blockers": ("blockers", "open", "owners"),
    "/v1/reports/next-actions": ("next_actions", "open", "overdue"),
    "/v1/reports/source-quality": ("sources", "total"),
    "/v1/queue/counts": ("open", "overdue", "owners"),
    "/v1/feedback?partner=lakeside-cardiology": ("periods", "collecting"),
}
# What a coordinator does with a referral: where it goes, and why.
MOVES = ({"to": "contacting"}, {"to": "connected"}, {"to": "closed", "reason": "no_longer_interested"})


class Clients:
    """Threads that send until they are stopped, and what became of it."""

    def __init__(self, address, keys, name):
        self.address, self.keys, self.name = address, keys, name
        self.stopping, self.lock, self.own = threading.Event(), threading.Lock(), threading.local()
        self.phase, self.failure, self.cursor = "", None, "&start=oldest"
        # The ids that each key was answered with, the states that each referral was said to go to, and what the feed told of referrals.
        self.made, self.moved = collections.defaultdict(list), collections.defaultdict(list)
        self.received, self.position, self.latest = collections.Counter(), 0, None
        self.counts, self.refused, self.dropped, self.wrong = (collections.Counter() for _ in range(4))
        # By phase, in its order: how many requests, and the slowest.
        self.phases = {}
        loops = [self.send] * 3 + [self.work] * 2 + [self.list, self.report, self.follow]
        self.threads = [threading.Thread(target=self.run, args=(loop, each), daemon=True) for each, loop in enumerate(loops)]

    def start(self, phase):
        self.enter(phase)
        for thread in self.threads:
            thread.start()

    def enter(self, phase):
        """What is asked from now on belongs to this phase."""
        with self.lock:
            self.phases[phase] = [0, 0.0]
            self.phase = phase

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE + 10)
            if thread.is_alive():
                self.wrong["a client that got no answer"] += 1
        if self.failure:
            raise self.failure

    def run(self, loop, each):
        try:
            for turn in range(10**9):
                if self.stopping.is_set():
                    return
                loop(each, turn)
                self.stopping.wait(random.random() * 0.02)
        except Exception as error:  # a fault of this driver must end in red
            self.failure = error

    def ask(self, kind, who, method, path, expected, body=None, headers=()):
        """The answer, if it is one of 2xx; `None` after any other, or none. One connection a thread, for as long as the server keeps it."""
        phase, began = self.phase, time.monotonic()
        try:
            connection = getattr(self.own, "connection", None)
            if connection and connection.gone():
                connection.close()
                connection = None
            self.own.connection = connection = connection or Connection(self.address)
            status, content, closes = connection.ask(method, path, self.keys[who], body, headers)
        except Dropped as error:
            self.own.connection = None
            with self.lock:
                self.dropped[f"{kind}: {error}"] += 1
            return None
        took = time.monotonic() - began
        if closes:
            connection.close()
            self.own.connection = None
        answer = json.loads(content)
        with self.lock:
            self.counts[kind] += 1
            of_phase = self.phases[phase]
            of_phase[0] += 1
            of_phase[1] = max(of_phase[1], took)
            if not 200 <= status < 300:
                self.refused[f"{status} {answer.get('code')}: {kind}, {phase}"] += 1
                return None
            if status != expected:
                self.wrong[f"{kind}: {status} instead of {expected}"] += 1
        return answer

    def check(self, kind, holds):
        if not holds:
            with self.lock:
                self.wrong[f"{kind}: something else than was asked for"] += 1

    def create(self, key):
        """A referral under this key, which may have been used before."""
        body = {**REFERRAL, "partner_reference": key}
        answer = self.ask("create", "PARTNER_KEY", "POST", "/v1/referrals", 201, body, [f"Idempotency-Key: {key}"])
        if answer:
            self.check("create", answer["partner_reference"] == key and answer["status"] == "accepted_for_review")
            with self.lock:
                if key not in self.made:
                    self.latest = answer["id"]
                self.made[key].append(answer["id"])
        return answer and answer["id"]

    def send(self, each, turn):
        """A new one, read back by the partner and the site; and now and then an old key again, which another binary may have answered."""
        key = f"{self.name}-{each}-{turn}"
        if not (id := self.create(key)):
            return
        for who, view in (("PARTNER_KEY", "partner"), ("SITE_KEY", "site")):
            if answer := self.ask("read", who, "GET", f"/v1/referrals/{id}", 200):
                self.check("read", (answer["id"], answer["view"], answer["partner_reference"]) == (id, view, key))
        if turn % 4 == 3:
            with self.lock:
                again = random.choice(list(self.made))
            self.create(again)

    def work(self, each, turn):
        """One from its beginning to its end: each move is refused if it is not of the version that the one before made."""
        if not (id := self.create(f"{self.name}-{each}-{turn}")):
            return
        for version, move in enumerate(MOVES, 1):
            answer = self.ask("transition", "COORDINATOR_TOKEN", "POST", f"/v1/referrals/{id}/transitions", 200, move, [f'If-Match: "{version}"'])
            if not answer:
                return
            self.check("transition", answer["id"] == id and answer["status"] == move["to"])
            with self.lock:
                self.moved[id].append(move["to"])

    def list(self, _each, turn):
        """The newest, the one among them that was answered last before."""
        if turn % 3 == 2:
            # What a load balancer asks.
            self.ask("ready", "SITE_KEY", "GET", "/readyz", 200)
            return
        latest = self.latest
        page = self.ask("list", ("PARTNER_KEY", "SITE_KEY")[turn % 3], "GET", "/v1/referrals?limit=100", 200)
        if page:
            ids = [each["id"] for each in page["data"]]
            self.check("list", len(set(ids)) == len(ids) and (latest is None or latest in ids))

    def report(self, _each, turn):
        path = list(REPORTS)[turn % len(REPORTS)]
        if answer := self.ask("report", "ADMIN_TOKEN", "GET", path, 200):
            self.check("report", all(name in answer for name in REPORTS[path]))

    def follow(self, _each, _turn):
        """The feed from its beginning to its end and on, in its order. Says whether there is more."""
        page = self.ask("follow", "SITE_KEY", "GET", f"/v1/events?type=referral.received&limit=200{self.cursor}", 200)
        if not page:
            return True
        positions = [self.position, *(event["position"] for event in page["data"])]
        self.check("follow", positions == sorted(set(positions)) and all(event["type"] == "referral.received" for event in page["data"]))
        self.position = positions[-1]
        self.received.update(event["referral_id"] for event in page["data"])
        self.cursor = f"&cursor={page['next_cursor']}"
        return page["has_more"]

    def follow_up(self, within):
        """Reads on, after the load, until the feed has told of all that were made, or it does not."""
        wanted = {id for ids in self.made.values() for id in ids}
        ends = time.monotonic() + within
        while self.follow(0, 0) or (not wanted <= self.received.keys() and time.monotonic() < ends):
            if time.monotonic() > ends:
                break
            time.sleep(0.05)

    def observed(self):
        """What the judge needs."""
        return {
            "made": dict(self.made), "moved": dict(self.moved), "received": dict(self.received), "counts": dict(self.counts),
            "refused": dict(self.refused), "dropped": dict(self.dropped), "wrong": dict(self.wrong),
            "slowest": max(slowest for _, slowest in self.phases.values()), "requests": {phase: count for phase, (count, _) in self.phases.items()},
        }
