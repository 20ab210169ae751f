"""Schemathesis against a server with its sample site, as one caller.

    drive.py DIRECTORY WHAT...

WHAT is a caller (partner, site, coordinator, admin), whose log and reports are kept in DIRECTORY under its name; `control`, a document
that says what is not so, where every lie must be found; or `figures`, of all callers that ran before.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "openapi" / "openapi.json"
SCOPES = ["referrals:read", "referrals:write", "intake:write", "import:write", "events:read", "webhooks:manage", "config:read", "details:read"]
CALLERS = ["partner", "site", "coordinator", "admin"]


def may(operation):
    """Who may call it, from the fewest rights to the most. What has no rule is open to all."""
    who = operation.get("x-who-may")
    if who is None:
        return CALLERS
    allowed = ["partner"] * who["partner_keys"] + ["site"] * bool(who["site_key_scope"])
    return allowed + [role for role in CALLERS if role in who["member_roles"]]


def operations(document, caller):
    """All that the caller may call; in the short form those that nobody with fewer rights may."""
    every = [o for item in document["paths"].values() for o in item.values() if isinstance(o, dict) and "operationId" in o]
    short = "EXAMPLES" not in os.environ
    return [o["operationId"] for o in every if caller in (may(o)[:1] if short else may(o))]


def site_key():
    """The sample's own key has few scopes."""
    body = json.dumps({"name": "Schemathesis", "scopes": SCOPES}).encode()
    headers = {"Authorization": f"Bearer {os.environ['ADMIN_TOKEN']}", "Content-Type": "application/json", "Idempotency-Key": "schemathesis"}
    with urllib.request.urlopen(urllib.request.Request(f"{os.environ['HANDOFF']}/v1/api-keys", body, headers)) as answer:
        return json.load(answer)["secret"]


def credentials(caller):
    if caller == "partner":
        return {"TOKEN": os.environ["PARTNER_KEY"]}
    if caller == "site":
        return {"TOKEN": site_key()}
    token = os.environ[f"{caller.upper()}_TOKEN"]
    claims = token.split(".")[1]
    return {"TOKEN": token, "MYSELF": json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]}


def run(caller, document, output, ids, examples):
    command = ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", str(document), "--no-color",
               "--seed", os.environ.get("SEED", "1"), "--max-examples", examples,
               "--report", "json,ndjson", "--report-json-path", f"{output}.json", "--report-ndjson-path", f"{output}.ndjson"]
    for name in ids:
        command += ["--include-operation-id", name]
    environment = {**os.environ, **credentials(caller), "HERE": str(HERE), "TALLY": f"{output}.tally"}
    with open(f"{output}.log", "w", encoding="utf-8") as log:
        return subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode


def control(output):
    """What is no longer so, and the failure that has to tell of it."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    paths = document["paths"]

    def limit(path, maximum):
        next(p for p in paths[path]["get"]["parameters"] if p["name"] == "limit")["schema"]["maximum"] = maximum

    document["components"]["schemas"]["SiteView"]["properties"]["name"] = {"type": "integer"}
    del paths["/v1/studies/{id}"]["get"]["responses"]["404"]
    paths["/v1/members"]["get"]["responses"]["200"]["headers"]["X-Never"] = {"required": True, "schema": {"type": "string"}}
    limit("/v1/members", 5000)
    limit("/v1/partners", 3)
    paths["/healthz"]["get"]["security"] = [{"api_key": []}]
    expected = {
        "JsonSchemaError": "get_site", "UndefinedStatusCode": "get_study", "MissingHeaders": "list_members",
        "RejectedPositiveData": "list_members", "AcceptedNegativeData": "list_partners", "IgnoredAuth": "healthz",
    }
    spoiled = pathlib.Path(f"{output}.document.json")
    spoiled.write_text(json.dumps(document), encoding="utf-8")
    run("admin", spoiled, output, sorted(set(expected.values())), "10")
    found = {f["type"] for f in json.loads(pathlib.Path(f"{output}.json").read_text(encoding="utf-8"))["failures"]}
    missed = sorted(set(expected) - found)
    if missed:
        sys.exit(f"tests/schemathesis: the control is not seen: {', '.join(missed)} (see {output}.log)")
    print(f"schemathesis: {len(expected)} lies in a spoiled document, {len(expected)} found")


def figures(directory):
    examples, failures, seen, succeeded, errors = 0, 0, set(), set(), 0
    for output in (directory / caller for caller in CALLERS):
        report = json.loads(pathlib.Path(f"{output}.json").read_text(encoding="utf-8"))
        tally = json.loads(pathlib.Path(f"{output}.tally").read_text(encoding="utf-8"))
        examples += report["test_cases"]["generated"]
        failures += report["test_cases"]["unique_failures"]
        errors += len(report["errors"])
        seen |= tally.keys()
        succeeded |= {label for label, statuses in tally.items() if any(s.startswith("2") for s in statuses)}
    print(f"schemathesis: {examples} examples, {len(seen)} operations, {len(succeeded)} of them answered with success, "
          f"{failures} failures, {errors} errors")
    for label in sorted(seen - succeeded):
        print(f"schemathesis: never answered with success: {label}", file=sys.stderr)


def caller(who, output):
    ids = operations(json.loads(DOCUMENT.read_text(encoding="utf-8")), who)
    if run(who, DOCUMENT, output, ids, os.environ.get("EXAMPLES", "2")) == 0:
        return True
    lines = pathlib.Path(f"{output}.log").read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip("= ") in ("FAILURES", "ERRORS")), 0)
    print(f"tests/schemathesis: as {who}:", *lines[start:][:400], sep="\n", file=sys.stderr)
    return False


if __name__ == "__main__":
    directory, good = pathlib.Path(sys.argv[1]), True
    for what in sys.argv[2:]:
        if what == "control":
            control(directory / what)
        elif what == "figures":
            figures(directory)
        else:
            good = caller(what, directory / what) and good
    sys.exit(not good)
