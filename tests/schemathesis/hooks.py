"""What a caller does that has read the contract and a schema cannot say, and which refusals of well-formed requests are right.

Only parts that schemathesis meant to be valid are touched, and never the value that it is trying out: what is meant to be wrong stays so.
"""

import atexit
import collections
import datetime
import itertools
import json
import os
import re

import requests
import schemathesis

BASE = os.environ["HANDOFF"]
SESSION = requests.Session()
SESSION.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
# Who is asking, when it is a member: it must not take away its own role.
MYSELF = os.environ.get("MYSELF")

# Fields and parameters that name something of the site, the list that has it, and the member of the list's items.
REFERENCES = {
    "study": ("/v1/studies", "code"),
    "partner": ("/v1/partners", "code"),
    "owner": ("/v1/members", "id"),
    "owner_id": ("/v1/members", "id"),
    "backup_owner_id": ("/v1/members", "id"),
    "reassign_to": ("/v1/members", "id"),
    "member_id": ("/v1/members", "id"),
    "referral_id": ("/v1/referrals", "id"),
    "route": ("/v1/routes", "id"),
    "version_id": ("/v1/language-versions", "id"),
    "against": ("/v1/language-versions", "id"),
}
# A partner's key does not read these lists.
KNOWN = {"study": ["heart-2026"], "partner": ["lakeside-cardiology"]}
CURRENT = SESSION.get(f"{BASE}/v1/language/current", params={"study": "heart-2026"}, timeout=20)
if CURRENT.status_code == 200:
    KNOWN["version_id"] = [CURRENT.json()["version_id"]]
# Times that only make sense beside the present one, in hours from now.
TIMES = {
    "received_at": -2, "next_action_due_at": 48, "starts_at": 24, "ends_at": 48, "expires_at": 720, "valid_until": 720,
    "from": -720, "until": -1, "changed_on": -360, "before_from": -960, "before_until": -720, "after_from": -360, "after_until": -24,
}

turns = collections.defaultdict(itertools.count)
lists = {}
pages = {}
answers = collections.defaultdict(collections.Counter)


def most(what, of=5):
    """Four times in five: the fifth goes out as it was made."""
    return (next(turns[what]) + 1) % of != 0


def listed(path):
    """The newest fifty of a list, asked for again after thirty uses, and sooner when there was nothing: things come and go."""
    uses, found = lists.get(path, (30, []))
    if uses >= (30 if found else 3):
        answer = SESSION.get(BASE + path, params={"limit": 50}, timeout=20)
        uses, found = 0, answer.json()["data"] if answer.status_code == 200 else []
    lists[path] = (uses + 1, found)
    return found


def one_of(path, member, instead=()):
    values = [item[member] for item in listed(path) if item.get(member)] or list(instead)
    return values[next(turns[path, member]) % len(values)] if values else None


def tried(case, name):
    """Whether this is the value that schemathesis is trying out here."""
    data = getattr(case.meta.phase, "data", None)
    return name == getattr(data, "parameter", None) or f"/{name}" in (getattr(data, "location", None) or "")


def meant_valid(case, place):
    # Examples have no parts of their own.
    part = next((info for location, info in case.meta.components.items() if location.value == place), case.meta.generation)
    return part.mode.value == "positive"


def fill(case, node):
    """Names what is there instead of what might be."""
    for name, value in node.items():
        if isinstance(value, dict):
            fill(case, value)
        if not isinstance(value, (str, list)) or tried(case, name) or value == "me":
            continue
        if name in REFERENCES and isinstance(value, str) and most(name):
            node[name] = one_of(*REFERENCES[name], KNOWN.get(name, ())) or value
        elif name in TIMES and isinstance(value, str) and most(name):
            moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=TIMES[name])
            node[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ" if "T" in value else "%Y-%m-%d")
        elif name == "referral_ids" and isinstance(value, list) and most(name):
            node[name] = [one_of("/v1/referrals", "id") or each for each in value]
        elif name == "referrals" and isinstance(value, list) and most(name):
            for item, present in zip(value, listed("/v1/referrals")):
                if isinstance(item, dict) and isinstance(item.get("version"), int):
                    version = etag(f"/v1/referrals/{present['id']}").strip('"')
                    item.update({"id": present["id"], "version": int(version) if version.isdigit() else item["version"]})


def etag(path):
    return SESSION.get(BASE + path, timeout=20).headers.get("ETag", "")


def resource(case):
    """The longest start of the path that can be read and has an `ETag`."""
    paths, parts = case.operation.schema.raw_schema["paths"], case.operation.path.split("/")
    for end in range(len(parts), 2, -1):
        path = "/".join(parts[:end])
        if "ETag" in paths.get(path, {}).get("get", {}).get("responses", {}).get("200", {}).get("headers", {}):
            return re.sub(r"\{(\w+)\}", lambda m: requests.utils.quote(str(case.path_parameters[m[1]]), safe=""), path)
    return None


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None:
        return
    label = case.operation.label
    # Links bring the ids in the stateful phase.
    if meant_valid(case, "path") and case.meta.phase.name.value != "stateful":
        done = ""
        for part in case.operation.path.split("/")[1:]:
            name = part[1:-1] if part.startswith("{") else None
            if name in ("id", "window_id", "review_id") and not tried(case, name) and most(label):
                case.path_parameters[name] = one_of(done, "id") or case.path_parameters[name]
            done += "/" + (str(case.path_parameters[name]) if name else part)
    if MYSELF and case.operation.path.startswith("/v1/members/{id}") and case.method != "GET":
        while case.path_parameters.get("id") == MYSELF:
            others = [m["id"] for m in listed("/v1/members") if m["id"] != MYSELF]
            case.path_parameters["id"] = others[next(turns["others"]) % len(others)]
    if meant_valid(case, "query"):
        fill(case, case.query)
        if "wait_seconds" in case.query:
            # Nothing is learnt from half a minute of waiting.
            case.query["wait_seconds"] = "0"
        if "cursor" in case.query and not tried(case, "cursor"):
            if label in pages and most("cursor", 2):
                path_parameters, query = pages[label]
                case.path_parameters.update(path_parameters)
                case.query.clear()
                case.query.update(query)
            elif most("no cursor", 10):
                del case.query["cursor"]
    if meant_valid(case, "body") and isinstance(case.body, dict):
        fill(case, case.body)
        if case.operation.path == "/v1/bulk-actions" and {"transition", "reassign"} <= case.body.keys() and most("bulk"):
            # One action at a time.
            del case.body[("transition", "reassign")[next(turns["action"]) % 2]]
    if meant_valid(case, "header"):
        if "Idempotency-Key" in case.headers and not tried(case, "Idempotency-Key") and most("key", 10):
            case.headers["Idempotency-Key"] = f"schemathesis-{next(turns['keys'])}"
        if "If-Match" in case.headers and not tried(case, "If-Match") and most("etag", 10):
            path = resource(case)
            # What is not there yet is made with `*`.
            case.headers["If-Match"] = path and etag(path) or "*"


@schemathesis.hook
def after_call(context, case, response):
    answers[case.operation.label][response.status_code] += 1
    if response.status_code == 200 and b'"next_cursor":"' in response.content:
        query = {k: v for k, v in (case.query or {}).items() if k != "cursor"}
        pages[case.operation.label] = (dict(case.path_parameters), query | {"cursor": response.json()["next_cursor"]})


@schemathesis.deserializer("text/csv")
def read_csv(context, response):
    return response.text


@schemathesis.serializer("text/csv")
def write_csv(context, value):
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.serializer("application/x-ndjson")
def write_ndjson(context, value):
    return json.dumps(value).encode() + b"\n"


# Codes of a whole refusal that say nothing about the form of the request.
STATE = {
    "invalid_cursor": "cursors are signed and belong to one list, caller and set of filters",
    "idempotency_key_reused": "the key was used with another body",
}
# Codes of single faults. Types, lengths, bounds, formats and names of fields are not among them: there the document must say it all.
FAULTS = {
    "unknown_reference": "names something that the site does not have",
    "inconsistent": "contradicts another field",
    "address_not_allowed": "a network address that is not public",
    "forbidden_character": "the document says it in words: no pattern has the classes of Unicode",
    "not_normalized": "as above: normalisation form C",
    "not_approved": "a detail that no approved process opens",
    "sensitive_content": "the narrative guard",
}
# The same for one code in some fields only.
FAULTS_OF = {
    ("out_of_range", "received_at"): "not in the future, nor before what may still be logged",
    ("out_of_range", "expires_at"): "in the future",
    ("out_of_range", "starts_at"): "not long past",
    ("out_of_range", "ends_at"): "after it starts",
    ("out_of_range", "valid_from"): "not after its last day",
    ("out_of_range", "valid_until"): "in the future",
    ("out_of_range", "from"): "a period that has begun",
    ("out_of_range", "until"): "a period of bounded length",
    ("out_of_range", "changed_on"): "a day that has come",
    ("out_of_range", "after_position"): "a position that the feed has reached",
    ("out_of_range", "before_from"): "a period that has begun",
    ("out_of_range", "after_from"): "as above",
    ("out_of_range", "before_until"): "a period of bounded length",
    ("out_of_range", "after_until"): "as above",
    ("out_of_range", "expires_on"): "not past, and after it takes effect",
    ("out_of_range", "next_action_due_at"): "not past, and within a year",
    ("out_of_range", "business_hours"): "ends after it begins",
    ("unknown_value", "time_zone"): "a list of its own: IANA's",
    ("unknown_value", "interpreter_language"): "a list of its own: ISO 639-1's",
    ("unknown_value", "locale"): "as above, and ISO 3166's",
    ("unknown_value", "default_phone_region"): "a list of its own: ISO 3166's",
    ("missing_field", "partner"): "asked of whoever is not a partner",
    ("missing_field", "study"): "asked for when neither code nor tag names it",
    ("missing_field", "reason"): "asked for by some moves, and when a member decides otherwise than the plan",
    ("missing_field", "external_ref"): "asked for with details that the site's system holds",
    ("missing_field", "details"): "asked for by the approved process",
    ("missing_field", "blocker"): "asked for by the move that blocks",
    ("duplicate_item", "id"): "a referral named twice, with two versions: no schema sees that",
    ("duplicate_item", "holidays"): "the document says it in words: `uniqueItems` compares every pair, and these are up to 400",
    ("duplicate_item", "business_hours"): "as above",
    ("bad_format", "phone"): "a number that exists in its country's plan",
}


def value_at(fault, case):
    if "parameter" in fault:
        return (case.query or {}).get(fault["parameter"])
    value = case.body
    for part in fault.get("pointer", "").split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, dict) else None
    return value


def justified(fault, case):
    name = fault.get("parameter") or re.sub(r"/\d+", "", fault.get("pointer", "")).rpartition("/")[2]
    value = value_at(fault, case)
    return (
        fault["code"] in FAULTS
        or (fault["code"], name) in FAULTS_OF
        # To JSON Schema 5.0 is an integer. Here whole numbers have no decimal point: not every parser reads one as the other.
        or (fault["code"] == "wrong_type" and isinstance(value, float) and value.is_integer())
        # Years are those from 1900 on; `format` knows them all.
        or (fault["code"] == "out_of_range" and isinstance(value, str) and re.match(r"(0\d|1[0-8])\d\d-", value) is not None)
    )


def is_file(case):
    """A file: no schema says what a table holds, and each row is judged by itself, in the import's results and not in the answer."""
    return case.method == "POST" and case.operation.path == "/v1/referral-imports"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if is_file(case) and type(failure).__name__ in ("RejectedPositiveData", "AcceptedNegativeData"):
        return False
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code not in (400, 422):
        return True
    problem = response.json()
    if problem["code"] in STATE:
        return False
    faults = problem.get("errors", [])
    return not faults or not all(justified(fault, case) for fault in faults)


@atexit.register
def tell():
    if "TALLY" in os.environ:
        with open(os.environ["TALLY"], "w", encoding="utf-8") as out:
            json.dump(answers, out, indent=1, sort_keys=True)
