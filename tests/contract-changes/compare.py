"""What a change of the document means to whoever wrote against the earlier one.

The direction decides: a request that was good must stay good, and an answer must stay within what it said it would be.

- breaking: a caller that followed the earlier document may fail.
- warning: one may that took a closed vocabulary, a bound or the set of answers for final.
- addition: nobody has to do anything.
"""

import json

LEVELS = ("breaking", "warning", "addition")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
UPPER, LOWER = ("maximum", "maxLength", "maxItems"), ("minimum", "minLength", "minItems")


class Comparison:
    def __init__(self, earlier, present):
        self.documents = (earlier, present)
        self.found = {}  # (level, place, message) -> operations
        self.operation = ""
        self.operations(*[self.table("", d.get("paths", {})) for d in self.documents], answers=False)
        # What a webhook's body is to its receiver is what an answer's is to a caller.
        self.operations(*[self.table("webhook ", d.get("webhooks", {})) for d in self.documents], answers=True)
        for name, old, new in self.both(*[d.get("components", {}).get("securitySchemes", {}) for d in self.documents]):
            if old and (not new or any(old.get(k) != new.get(k) for k in ("type", "scheme", "in", "name"))):
                self.say("breaking", f"security scheme {name}", "changed" if new else "removed")

    def say(self, level, place, message):
        self.found.setdefault((level, place, message), set()).add(self.operation)

    def resolve(self, side, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.documents[side]
            for part in node["$ref"].removeprefix("#/").split("/"):
                # What is named and not there promises nothing.
                target = target.get(part.replace("~1", "/").replace("~0", "~"), {})
            node = target
        return node

    def both(self, old, new):
        return [(key, self.resolve(0, old.get(key)), self.resolve(1, new.get(key))) for key in sorted(old.keys() | new.keys())]

    @staticmethod
    def table(kind, paths):
        return {f"{kind}{method.upper()} {path}": {**operation, "parameters": [*item.get("parameters", []), *operation.get("parameters", [])]}
                for path, item in paths.items() for method, operation in item.items() if method in METHODS}

    def operations(self, old, new, answers):
        for place, before, after in self.both(old, new):
            self.operation = (before or after).get("operationId", "")
            if before and after:
                self.one_operation(place, before, after, answers)
            else:
                self.say("breaking" if before else "addition", place, "operation removed" if before else "operation added")
        self.operation = ""

    def one_operation(self, place, old, new, answers):
        if old.get("operationId") != new.get("operationId"):
            # Generated clients call it by that name.
            self.say("breaking", place, f"operationId {old.get('operationId')} is now {new.get('operationId')}")
        keyed = [{f"{p['in']} parameter {p['name'].lower() if p['in'] == 'header' else p['name']}": p
                  for p in (self.resolve(side, p) for p in o["parameters"])} for side, o in enumerate((old, new))]
        for name, before, after in self.both(*keyed):
            self.part(name, before, after, answers)
        self.part("body", *[self.resolve(side, o.get("requestBody")) for side, o in enumerate((old, new))], answers)
        for status, before, after in self.both(old["responses"], new["responses"]):
            if before and after:
                self.contents(f"answer {status}", before, after, not answers)
                for name, *headers in self.both(before.get("headers", {}), after.get("headers", {})):
                    self.part(f"answer {status[0]}xx header {name}", *headers, not answers)
            else:
                level = "addition" if status[0] in "45" else "breaking" if before else "warning"
                self.say(level, f"answer {status}", "removed" if before else "added")
        self.security(place, *[o.get("security", d.get("security", [])) for o, d in zip((old, new), self.documents)])
        self.who_may(place, old.get("x-who-may") or {}, new.get("x-who-may") or {})

    def part(self, place, old, new, answers):
        """A parameter, a header or a request body, each with `required`."""
        must = [bool(p and p.get("required")) for p in (old, new)]
        if old and new:
            if must[0] != must[1]:
                self.say("breaking" if must[1] != answers else "addition", place, "now required" if must[1] else "no longer required")
            self.schema(place, old.get("schema", {}), new.get("schema", {}), answers, ())
            self.contents(place, old, new, answers)
        elif old or new:
            level = "breaking" if old or must[1] and not answers else "addition"
            self.say(level, place, "removed" if old else "added, required" if must[1] else "added")

    def contents(self, place, old, new, answers):
        for media, before, after in self.both(old.get("content", {}), new.get("content", {})):
            if before is not None and after is not None:
                self.schema(f"{self.operation} {place}", before.get("schema", {}), after.get("schema", {}), answers, ())
            else:
                self.say("addition" if before is None else "breaking", place, f"{media} {'added' if before is None else 'removed'}")

    def security(self, place, old, new):
        """Whoever could satisfy one of the earlier alternatives must satisfy one of the present ones."""
        for alternative in old or [{}]:
            if new and not any(all(k in alternative and set(s) <= set(alternative[k]) for k, s in other.items()) for other in new):
                self.say("breaking", place, f"no longer open to {json.dumps(alternative)}")
        if any(other not in (old or [{}]) for other in new or [{}]):
            self.say("addition", place, "open to other credentials")

    def who_may(self, place, old, new):
        members = [{f"the role {r}" for r in w.get("member_roles", [])} | ({"partner keys"} if w.get("partner_keys") else set())
                   | ({f"site keys with {w['site_key_scope']}"} if w.get("site_key_scope") else set()) for w in (old, new)]
        if old and new:
            for who in sorted(members[0] ^ members[1]):
                self.say("breaking" if who in members[0] else "addition", place, f"{'closed' if who in members[0] else 'opened'} to {who}")

    @staticmethod
    def variants(schema):
        """What it may be, by a name: a schema that is no union is a union of one."""
        choices = schema.get("oneOf") or schema.get("anyOf") or [schema]
        named = {"null" if c.get("type") == "null" else c.get("$ref"): c for c in choices}
        named.pop(None, None)
        # Of inline ones the place in the list tells them apart.
        return named | {f"inline {i}": c for i, c in enumerate(c for c in choices if c.get("type") != "null" and "$ref" not in c)}

    def schema(self, place, old, new, answers, above):
        was, now = self.variants(old), self.variants(new)
        gone, come = [n for n in was if n not in now], [n for n in now if n not in was]
        # A component that got another name is the same on the wire.
        renamed = list(zip([n for n in gone if n != "null"], [n for n in come if n != "null"]))
        for name in set(gone) - {a for a, _ in renamed}:
            self.say("addition" if answers else "breaking", place, f"can no longer be {name.rpartition('/')[2]}")
        for name in set(come) - {b for _, b in renamed}:
            level = "addition" if not answers else "breaking" if name == "null" else "warning"
            self.say(level, place, f"can be {name.rpartition('/')[2]}")
        for a, b in [(n, n) for n in was if n in now] + renamed:
            before, after = was[a], now[b]
            named, step = "$ref" in before and "$ref" in after, (a, b, answers)
            if named and step in above:
                continue
            inner = f"{a.rpartition('/')[2]} ({'answers' if answers else 'requests'})" if named else place
            deeper = (*above, step) if named else above
            before, after = self.resolve(0, before), self.resolve(1, after)
            union = {"oneOf", "anyOf"} & (before.keys() | after.keys())
            (self.schema if union else self.one_schema)(inner, before, after, answers, deeper)

    def one_schema(self, place, old, new, answers, above):
        def say(narrower, message, wider="breaking", at=place):
            """Narrower breaks requests, wider breaks answers."""
            self.say((("addition" if narrower else wider) if answers else ("breaking" if narrower else "addition")), at, message)

        types = [set(t if isinstance(t, list) else [t]) for t in (s.get("type", "anything") for s in (old, new))]
        if types[0] != types[1]:
            message = f"type {', '.join(sorted(types[0]))} is now {', '.join(sorted(types[1]))}"
            # Every integer is a number, and everything is anything.
            wide = [t | ({"integer"} if "number" in t else set()) for t in types]
            narrower, wider = "anything" in types[0] or wide[1] < wide[0], "anything" in types[1] or wide[0] < wide[1]
            say(narrower, message) if narrower or wider else self.say("breaking", place, message)
        for key in ("format", "pattern", "multipleOf", "uniqueItems"):
            was, now = old.get(key), new.get(key)
            if was != now:
                # What another pattern lets through cannot be judged here: to be looked at.
                worse = not answers or key == "format"
                level = "addition" if (was if answers else now) is None else "breaking" if worse else "warning"
                self.say(level, place, f"{key} {was} is now {now}")
        for key in (*UPPER, *LOWER):
            was, now = old.get(key), new.get(key)
            if was != now:
                narrower = was is None or now is not None and (now < was if key in UPPER else now > was)
                say(narrower, f"{key} {was} is now {now}", "warning")
        was, now = [[s["const"]] if "const" in s else s.get("enum") for s in (old, new)]
        if (was is None) != (now is None):
            say(was is None, "is now one of a list" if was is None else "is no longer one of a list")
        elif was is not None:
            for value in [v for v in was + now if (v in was) != (v in now)]:
                say(value in was, f"value {json.dumps(value)} {'removed' if value in was else 'added'}", "warning")
        was, now = [set(s.get("x-extensible-enum", [])) for s in (old, new)]
        for code in sorted(was ^ now):
            self.say("warning" if code in was else "addition", place, f"code {code} {'removed' if code in was else 'added'}")
        required = [set(s.get("required", [])) for s in (old, new)]
        was, now = old.get("properties", {}), new.get("properties", {})
        for name in sorted(was.keys() | now.keys()):
            inner, must = f"{place} {name}" if place.endswith(")") else f"{place}.{name}", name in required[1]
            if name in was and name in now:
                if must != (name in required[0]):
                    say(must, "field now required" if must else "field may be missing", at=inner)
                self.schema(inner, was[name], now[name], answers, above)
            else:
                # Removed from a request is breaking too: unknown fields are refused.
                level = "breaking" if name in was or must and not answers else "addition"
                self.say(level, inner, "field removed" if name in was else "field added, required" if must else "field added")
        was, now = [s.get("additionalProperties", True) for s in (old, new)]
        if bool(was) != bool(now):
            say(not now, "other fields are let in" if now else "other fields are refused", "addition")
        elif isinstance(was, dict) and isinstance(now, dict):
            self.schema(f"{place}.*", was, now, answers, above)
        if "items" in old and "items" in new:
            self.schema(f"{place}[]", old["items"], new["items"], answers, above)
