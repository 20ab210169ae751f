"""See tests/pgbouncer/run: clients of three sites at two servers, and the judge of what they saw."""

import collections
import copy
import http.client
import json
import random
import re
import sys
import threading
import time

REFERRAL = {"study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake"}
PARTNER = "lakeside-cardiology"
WRITERS, SITES = 3, ("1", "2")


class Clients:
    """Threads that send until the time is over, and what they saw."""

    def __init__(self, seconds, home, addresses):
        self.ends, self.addresses, self.lock = time.monotonic() + seconds, addresses, threading.Lock()
        self.callers, self.cursors, self.failures = {}, {}, []
        for site in (*SITES, "3"):
            with open(f"{home}/site-{site}", encoding="utf-8") as file:
                self.callers[site] = dict(re.findall(r"^(\w+_(?:KEY|TOKEN))=(\S+)$", file.read(), re.M))
        # The ids that each key was answered with, by site; the ids that each caller saw; answers that nobody should get.
        self.made = {site: collections.defaultdict(list) for site in SITES}
        self.seen, self.wrong, self.counts = collections.defaultdict(set), collections.Counter(), collections.Counter()

    def run(self):
        threads = [threading.Thread(target=self.guard, args=(self.follow, "3", 0), daemon=True)]
        for site in SITES:
            threads += [threading.Thread(target=self.guard, args=(self.send, site, each), daemon=True) for each in range(WRITERS)]
            threads += [threading.Thread(target=self.guard, args=(loop, site, 0), daemon=True) for loop in (self.read, self.follow, self.pry)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.ends - time.monotonic() + 60)
            if thread.is_alive():
                raise SystemExit("a client got no answer for a minute")
        if self.failures:
            raise self.failures[0]

    def guard(self, loop, site, each):
        try:
            connections = [http.client.HTTPConnection(*address.split(":"), timeout=30) for address in self.addresses]
            for turn in range(10**9):
                if time.monotonic() > self.ends:
                    return
                loop(connections, site, each, turn)
                time.sleep(random.random() * 0.02)
        except Exception as error:  # a fault of this driver must end in red
            self.failures.append(error)

    def ask(self, connection, site, who, method, path, expected, body=None, **headers):
        """The body of an answer, if it is the one that is expected."""
        headers = {"Authorization": f"Bearer {self.callers[site][who]}", "Content-Type": "application/json", **headers}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        with self.lock:
            self.counts["requests"] += 1
            if answer.status != expected:
                self.wrong[f"{method} {re.sub('[?].*|[0-9a-f-]{36}', '', path)} {answer.status}"] += 1
                return None
        return json.loads(content)

    def saw(self, site, who, ids):
        with self.lock:
            self.seen[site, who].update(ids)
            self.counts["ids"] += len(ids)

    def send(self, connections, site, each, turn):
        """A referral at one server and again at the other, under a key that the other site uses too."""
        key = f"pooled-{each}-{turn}"
        body = {**REFERRAL, "partner_reference": key, "match": {"email": f"{key}@mail.example"}}
        for server in (turn, turn + 1):
            answer = self.ask(connections[server % len(connections)], site, "PARTNER_KEY", "POST", "/v1/referrals", 201, body,
                              **{"Idempotency-Key": key})
            if answer:
                with self.lock:
                    self.made[site][key].append(answer["id"])
                self.saw(site, "PARTNER_KEY", [answer["id"]])

    def read(self, connections, site, _each, turn):
        who = ("PARTNER_KEY", "SITE_KEY", "COORDINATOR_TOKEN")[turn % 3]
        page = self.ask(connections[turn // 3 % len(connections)], site, who, "GET", "/v1/referrals?limit=50", 200)
        if page:
            self.saw(site, who, [referral["id"] for referral in page["data"]])

    def follow(self, connections, site, _each, turn):
        """The feed from its beginning again and again; where nothing is, nothing may come."""
        cursor = self.cursors.get(site, "")
        page = self.ask(connections[turn % len(connections)], site, "SITE_KEY", "GET", f"/v1/events?limit=200{cursor}", 200)
        if page:
            self.cursors[site] = f"&cursor={page['next_cursor']}" if page["has_more"] else ""
            self.saw(site, "SITE_KEY", [event["referral_id"] for event in page["data"] if event["referral_id"]])
        if site == "3":
            page = self.ask(connections[turn % len(connections)], site, "SITE_KEY", "GET", "/v1/referrals", 200)
            self.saw(site, "SITE_KEY", [referral["id"] for referral in page["data"]] if page else [])

    def pry(self, connections, site, _each, turn):
        """What the other site made is not there to read and not there to move."""
        with self.lock:
            theirs = [ids[0] for ids in self.made[SITES[site == SITES[0]]].values()]
        if not theirs:
            return
        path, connection = f"/v1/referrals/{random.choice(theirs)}", connections[turn % len(connections)]
        if turn % 2:
            who = ("PARTNER_KEY", "SITE_KEY")[turn // 2 % 2]
            self.ask(connection, site, who, "GET", path, 404)
        else:
            self.ask(connection, site, "COORDINATOR_TOKEN", "POST", f"{path}/transitions", 404, {"to": "contacting"}, **{"If-Match": '"1"'})
        with self.lock:
            self.counts["foreign"] += 1


def rows(path):
    with open(path, encoding="utf-8") as file:
        return {id: (site, partner) for id, site, partner in (line.rstrip("\n").split("|") for line in file)}


def faults(observed, before, after, sites):
    """Everything that must not be, as sentences."""
    found = [f"{count} times {what}" for what, count in observed["wrong"].items()]
    for site, who, ids in observed["seen"]:
        own = {id for id, (of, partner) in after.items() if of == sites[site] and (who != "PARTNER_KEY" or partner == PARTNER)}
        if strangers := set(ids) - own:
            found.append(f"{who} of site {site} saw {len(strangers)} referrals that are not its own")
    for site, made in observed["made"].items():
        different = sum(len(set(ids)) != 1 for ids in made.values())
        unsure = sum(len(ids) != 2 for ids in made.values())
        if different or unsure:
            found.append(f"site {site}: {different} keys were answered with two referrals, {unsure} not twice")
        stored = {id for id, (of, _) in after.items() if of == sites[site]} - set(before)
        if stored != {id for ids in made.values() for id in ids} or len(stored) != len(made):
            found.append(f"site {site} has {len(stored)} new referrals after {len(made)} keys")
    if any(after.get(id) != of for id, of in before.items()):
        found.append("a referral of before is gone or another's now")
    if min(len(made) for made in observed["made"].values()) < 20 or observed["counts"].get("foreign", 0) < 20 or len(observed["seen"]) < 7:
        found.append(f"too little was asked to prove anything: {observed['counts']}")
    return found


def spoiled(observed, after, sites):
    """The same with one thing wrong in it, each time another."""
    def change(how):
        changed = copy.deepcopy((observed, after))
        how(*changed)
        return changed

    own, theirs = observed["made"]["1"], next(iter(observed["made"]["2"].values()))[0]
    key, another = list(own)[:2]
    for at, (site, who, _) in enumerate(observed["seen"]):
        if site != "2":
            yield f"a referral of another site in what {who} of site {site} saw", change(lambda it, _: it["seen"][at][2].append(theirs))
    yield "a referral of another site for one's own", change(lambda it, _: it["made"]["1"].update({key: [theirs, theirs]}))
    yield "a second referral for a key", change(lambda it, _: it["made"]["1"].update({key: [own[key][0], own[another][0]]}))
    yield "a referral that is not there", change(lambda _, rows: rows.pop(own[key][0]))
    yield "a referral that nobody sent", change(lambda it, _: it["made"]["1"].pop(key))
    yield "a referral that changed hands", change(lambda _, rows: rows.update({own[key][0]: (sites["2"], PARTNER)}))
    yield "an answer that nobody should get", change(lambda it, _: it["wrong"].update({"GET /v1/referrals/ 200": 1}))


def judge(observed, before, after, *ids):
    sites = dict(zip((*SITES, "3"), ids))
    with open(observed, encoding="utf-8") as file:
        observed = json.load(file)
    before, after = rows(before), rows(after)
    if found := faults(observed, before, after, sites):
        print("; ".join(found[:10]))
        sys.exit(1)
    controls = 0
    for what, (seen, there) in spoiled(observed, after, sites):
        controls += 1
        if not faults(seen, before, there, sites):
            print(f"not told: {what}")
            sys.exit(1)
    counts, made = observed["counts"], [len(made) for made in observed["made"].values()]
    print(f"{counts['requests']} requests of three sites, none refused; {' and '.join(map(str, made))} referrals, each sent to both servers "
          f"and there once; of {counts['ids']} ids in what callers saw none another site's; another site's asked for {counts['foreign']} "
          f"times: 404; {controls} spoiled observations told")


def main(what, *arguments):
    if what == "load":
        seconds, home, path, *addresses = arguments
        clients = Clients(float(seconds), home, addresses)
        clients.run()
        seen = [[site, who, sorted(ids)] for (site, who), ids in clients.seen.items()]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"made": clients.made, "seen": seen, "wrong": clients.wrong, "counts": clients.counts}, file)
    elif what == "judge":
        judge(*arguments)
    else:
        with open(arguments[0], encoding="utf-8") as file:
            observed = json.load(file)
        print(f"{sum(observed['wrong'].values())} of {observed['counts']['requests']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
