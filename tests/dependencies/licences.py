"""Reads what `cargo metadata` prints, and fails on a dependency whose licence does not allow what a site does with Handoff.

    cargo metadata --format-version 1 | python3 licences.py
    python3 licences.py --control      that it sees what it must
"""

import json
import re
import sys

ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "MPL-2.0", "PostgreSQL",
    # As free as those, or public domain.
    "0BSD", "BSL-1.0", "CC0-1.0", "Unlicense", "Unicode-3.0", "CDLA-Permissive-2.0", "OpenSSL",
}  # fmt: skip
# A permission on top of a licence that is allowed by itself.
EXCEPTIONS = {"LLVM-exception"}


def allows(expression: str) -> bool:
    """Whether an SPDX expression leaves a choice of allowed licences alone: one side of each OR, both of each AND."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    place = 0

    def either() -> bool:
        nonlocal place
        found = both()
        while place < len(tokens) and tokens[place].upper() == "OR":
            place += 1
            found = both() or found
        return found

    def both() -> bool:
        nonlocal place
        found = one()
        while place < len(tokens) and tokens[place].upper() == "AND":
            place += 1
            found = one() and found
        return found

    def one() -> bool:
        nonlocal place
        token = tokens[place] if place < len(tokens) else ""
        place += 1
        if token == "(":
            found = either()
            place += 1
            return found
        found = token in ALLOWED
        if place + 1 < len(tokens) and tokens[place].upper() == "WITH":
            found = found and tokens[place + 1] in EXCEPTIONS
            place += 2
        return found

    return either() and place == len(tokens)


def control() -> None:
    good = ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "ISC AND (Apache-2.0 OR ISC)", "Apache-2.0 WITH LLVM-exception OR MIT"]
    bad = ["GPL-3.0-only", "MIT AND GPL-2.0", "", "LGPL-2.1", "AGPL-3.0 OR GPL-3.0", "MIT AND (GPL-2.0 OR LGPL-3.0)", "Apache-2.0 WITH Commons-Clause", "MIT)"]
    wrong = [one for one in good if not allows(one)] + [one for one in bad if allows(one)]
    if wrong:
        sys.exit(f"licences: judged wrongly: {wrong}")


def main() -> None:
    packages = {}
    for line in sys.stdin:
        for package in json.loads(line)["packages"]:
            packages[f"{package['name']} {package['version']}"] = package["license"] or ""
    refused = [f"{name}: {licence or 'none said'}" for name, licence in sorted(packages.items()) if not allows(licence)]
    print(f"licences: {len(packages)} packages, {len(refused)} that do not allow it")
    if refused or not packages:
        sys.exit("\n".join(refused) or "licences: no packages")


control() if "--control" in sys.argv else main()
