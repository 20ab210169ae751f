"""The report of what changed in the contract, and the control that shows that it sees what it is for.

    report.py EARLIER PRESENT [--fail-on-breaking]
    report.py --control
"""

import copy
import json
import sys

from compare import LEVELS, Comparison


def report(found):
    for level in LEVELS:
        for (_, place, message), operations in sorted((k, v) for k, v in found.items() if k[0] == level):
            names = sorted(operations - {""})
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            print(f"{level}: {place}: {message}" + (f"  [{', '.join(names[:3])}{more}]" if names else ""))
    counts = [sum(k[0] == level for k in found) for level in LEVELS]
    print("contract changes: " + ", ".join(f"{n} {level}" for n, level in zip(counts, ("breaking", "warnings", "additions"))))
    return counts[0]


def document():
    """A small one with something of everything."""
    ask = {
        "type": "object", "additionalProperties": False, "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 50, "minLength": 1, "pattern": "^[a-z]+$"},
            "size": {"type": ["integer", "null"], "maximum": 9},
            "kind": {"$ref": "#/components/schemas/Kind"},
            "place": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Place"}]},
        },
    }
    show = {
        "type": "object", "required": ["id", "kind"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "kind": {"$ref": "#/components/schemas/Kind"},
            "place": {"$ref": "#/components/schemas/Place"},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Show"}, "maxItems": 5},
        },
    }
    place = {"type": "object", "required": ["town"], "properties": {"town": {"type": "string"}, "road": {"type": "string"}}}
    answer = {"description": "", "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
              "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Show"}}, "text/csv": {"schema": {"type": "string"}}}}
    limit = {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer", "minimum": 1, "maximum": 200}}
    return {
        "openapi": "3.1.0",
        "paths": {"/things": {
            "get": {"operationId": "list_things", "parameters": [limit], "responses": {"200": answer, "202": answer, "404": {"description": ""}},
                    "security": [{"token": ["read"]}, {"key": []}]},
            "post": {"operationId": "make_thing", "responses": {"201": answer},
                     "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
                     "x-who-may": {"member_roles": ["admin", "coordinator"], "partner_keys": True, "site_key_scope": "things:write"}},
        }},
        "webhooks": {"event": {"post": {"operationId": "receive_event", "responses": {"200": {"description": ""}},
                                        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Show"}}}}}}},
        "components": {"schemas": {"Ask": ask, "Show": show, "Place": place, "Kind": {"type": "string", "enum": ["a", "b"]}},
                       "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "key": {"type": "http", "scheme": "bearer"}}},
    }


# What is done to it, the level, and what the finding says. `d` is the document, `s` its schemas, `g` and `p` its two operations.
CASES = [
    ("del d['paths']['/things']['get']", "breaking", "operation removed"),
    ("del d['webhooks']['event']", "breaking", "operation removed"),
    ("g['operationId'] = 'things'", "breaking", "is now things"),
    ("g['parameters'].clear()", "breaking", "query parameter limit: removed"),
    ("g['parameters'][0]['required'] = True", "breaking", "now required"),
    ("g['parameters'].append({'name': 'q', 'in': 'query', 'required': True, 'schema': {}})", "breaking", "added, required"),
    ("g['parameters'][0]['schema']['maximum'] = 100", "breaking", "maximum 200 is now 100"),
    ("g['parameters'][0]['schema']['minimum'] = 5", "breaking", "minimum 1 is now 5"),
    ("del p['requestBody']", "breaking", "body: removed"),
    ("p['requestBody']['required'] = True", "breaking", "body: now required"),
    ("s['Ask']['required'].append('kind')", "breaking", "kind: field now required"),
    ("s['Ask']['properties']['new'] = {}; s['Ask']['required'].append('new')", "breaking", "field added, required"),
    ("del s['Ask']['properties']['size']", "breaking", "size: field removed"),
    ("s['Ask']['properties']['size']['type'] = 'integer'", "breaking", "type integer, null is now integer"),
    ("s['Ask']['properties']['place'] = {'$ref': '#/components/schemas/Place'}", "breaking", "can no longer be null"),
    ("s['Ask']['properties']['name']['maxLength'] = 40", "breaking", "maxLength 50 is now 40"),
    ("s['Ask']['properties']['name']['pattern'] = '^[a-y]+$'", "breaking", "pattern"),
    ("s['Ask']['properties']['name']['type'] = 'integer'", "breaking", "type string is now integer"),
    ("s['Kind']['enum'].remove('b')", "breaking", 'Kind (requests): value "b" removed'),
    ("s['Kind']['enum'].append('c')", "warning", 'Kind (answers): value "c" added'),
    ("del s['Show']['properties']['kind']", "breaking", "kind: field removed"),
    ("s['Show']['required'].remove('kind')", "breaking", "kind: field may be missing"),
    ("s['Show']['properties']['id']['type'] = ['string', 'null']", "breaking", "type string is now null, string"),
    ("s['Show']['properties']['place'] = {'oneOf': [{'type': 'null'}, {'$ref': '#/components/schemas/Place'}]}", "breaking", "can be null"),
    ("del s['Show']['properties']['id']['format']", "breaking", "format uuid is now None"),
    ("s['Show']['properties']['parts']['maxItems'] = 9", "warning", "maxItems 5 is now 9"),
    ("s['Place']['required'].append('road')", "breaking", "Place (requests) road: field now required"),
    ("s['Place']['required'].clear()", "breaking", "Place (answers) town: field may be missing"),
    ("del g['responses']['202']", "breaking", "answer 202: removed"),
    ("g['responses']['203'] = {'description': ''}", "warning", "answer 203: added"),
    ("del g['responses']['404']", "addition", "answer 404: removed"),
    ("del g['responses']['200']['content']['text/csv']", "breaking", "text/csv removed"),
    ("del g['responses']['200']['headers']['ETag']", "breaking", "header ETag: removed"),
    ("g['responses']['200']['headers']['ETag']['required'] = False", "breaking", "header ETag: no longer required"),
    ("g['security'].pop()", "breaking", "no longer open to"),
    ("g['security'][0]['token'].append('admin')", "breaking", "no longer open to"),
    ("d['components']['securitySchemes']['key']['type'] = 'oauth2'", "breaking", "security scheme key: changed"),
    ("p['x-who-may']['member_roles'].pop()", "breaking", "closed to the role coordinator"),
    ("p['x-who-may']['partner_keys'] = False", "breaking", "closed to partner keys"),
    ("p['x-who-may']['site_key_scope'] = 'things:admin'", "breaking", "closed to site keys with things:write"),
    # What nobody needs to act on must not cry wolf.
    ("s['Ask']['properties']['new'] = {}", "addition", "field added"),
    ("s['Show']['properties']['new'] = {}", "addition", "field added"),
    ("g['parameters'][0]['schema']['maximum'] = 300", "addition", "maximum 200 is now 300"),
    ("s['Show']['required'].append('place')", "addition", "place: field now required"),
    ("p['security'] = [{}, {'key': []}]", "addition", "open to other credentials"),
]


def control():
    before = document()
    wrong = [] if not Comparison(before, copy.deepcopy(before)).found else ["nothing changed, and something was found"]
    for change, level, message in CASES:
        d = copy.deepcopy(before)
        names = {"d": d, "s": d["components"]["schemas"], "g": d["paths"]["/things"]["get"], "p": d["paths"]["/things"]["post"]}
        exec(change, names)  # noqa: S102: the table above
        found = Comparison(before, d).found
        gravest = min((LEVELS.index(k[0]) for k in found), default=None)
        if gravest != LEVELS.index(level) or not any(k[0] == level and message in f"{k[1]}: {k[2]}" for k in found):
            wrong.append(f"{change}: wanted {level}: {message}; found {sorted(found)}")
    for line in wrong:
        print(f"tests/contract-changes: the control is not seen: {line}", file=sys.stderr)
    print(f"contract changes: control: {len(CASES)} kinds of change, {len(CASES) - len(wrong)} told right")
    return bool(wrong)


if __name__ == "__main__":
    if sys.argv[1:] == ["--control"]:
        sys.exit(control())
    earlier, present = [json.load(open(name, encoding="utf-8")) for name in sys.argv[1:3]]
    breaking = report(Comparison(earlier, present).found)
    sys.exit(1 if breaking and "--fail-on-breaking" in sys.argv[3:] else 0)
