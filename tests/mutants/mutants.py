"""See tests/mutants/run. Reads the faults (`*.toml`, a subject each), builds them into a copy, and judges the tests by them.

A fault replaces an expression that occurs once in its file (`original`), or once in the item whose first line has the words of `within`.
Both must be of one type. `api` and `lib` name the tests that are there for it; `also` lists further places of the same fault, for what is
checked twice. The tests run in the process that is told of the fault: a binary that they start is not, so that none of those is named.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
# How many in a hundred have to be caught.
WANTED = collections.defaultdict(lambda: 90, tenancy=100)
CONTROL = "control"
# Where the crates begin that have faults planted; each asks for itself which one is awake.
ROOTS = ["src/data.rs", "src/lib.rs", "src/rules.rs"]
MODULE = """\
//! Which planted fault is awake.

/// Whether this one is: the environment says so, once for the process.
pub fn on(number: u32) -> bool {
    static AWAKE: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    *AWAKE.get_or_init(|| std::env::var("HANDOFF_MUTANT").ok()?.parse().ok()) == Some(number)
}
"""

Mutant = collections.namedtuple("Mutant", "number name subject places tests")
Place = collections.namedtuple("Place", "file start end line mutated number")


class Wrong(Exception):
    """A sentence about what keeps the suite from judging."""


def source(file):
    return (REPOSITORY / file).read_text()


def region(text, within):
    """From the line with these words to the end of the item that begins there. The sources are formatted, so that indentation tells."""
    if within is None:
        return 0, len(text)
    if text.count(within) != 1:
        raise Wrong(f"`{within}` occurs {text.count(within)} times")
    start = text.rindex("\n", 0, text.index(within)) + 1
    indentation = re.match(" *", text[start:])[0]
    end = re.compile(rf"^{indentation}\}}", re.MULTILINE).search(text, start)
    return start, end.end() if end else len(text)


def place(number, entry, file):
    text, original = source(file), entry["original"]
    start, end = region(text, entry.get("within"))
    if text.count(original, start, end) != 1:
        raise Wrong(f"{file}: `{original}` occurs {text.count(original, start, end)} times")
    at = text.index(original, start, end)
    return Place(file, at, at + len(original), text.count("\n", 0, at) + 1, entry["mutated"], number)


def read():
    """Every fault, numbered."""
    mutants, wrong = [], []
    known = "\n".join(path.read_text() for part in ("src", "tests/api") for path in sorted((REPOSITORY / part).rglob("*.rs")))
    for path in sorted(HERE.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutant"]:
            name, tests = entry["name"], {"lib": entry.get("lib", []), "api": entry.get("api", [])}
            try:
                ones = [entry, *entry.get("also", [])]
                places = [place(len(mutants) + 1, one, one.get("file", entry["file"])) for one in ones]
                strange = [test for test in tests["lib"] + tests["api"] if f"fn {test.rsplit('::')[-1]}(" not in known]
                if strange or not any(tests.values()):
                    raise Wrong(f"there is no test {', '.join(strange)}" if strange else "names no test")
                if name in [mutant.name for mutant in mutants]:
                    raise Wrong("is there twice")
                mutants.append(Mutant(len(mutants) + 1, name, path.stem, places, tests))
            except Wrong as error:
                wrong.append(f"{path.name}: {name}: {error}")
    if wrong:
        raise Wrong("\n".join(wrong))
    return mutants


def planted(text, start, end, places):
    """The text from `start` to `end` with these places, which are in order and may lie within one another."""
    out, at = [], start
    while places:
        first = places[0]
        same = [one for one in places if (one.start, one.end) == (first.start, first.end)]
        inside = [one for one in places if one not in same and one.start < first.end]
        if any(one.end > first.end for one in inside):
            raise Wrong(f"{first.file}:{first.line}: two faults overlap")
        places = [one for one in places if one.start >= first.end]
        choices = "".join(f"if crate::mutants::on({one.number}) {{ {one.mutated} }} else " for one in same)
        out.append(f"{text[at:first.start]}({choices}{{ {planted(text, first.start, first.end, inside)} }})")
        at = first.end
    return "".join(out) + text[at:end]


def rewritten(text, places):
    places = sorted(places, key=lambda one: (one.start, -one.end, one.number))
    # A constant function can ask nobody which fault is awake.
    for one in places:
        *_, function = re.finditer(r"\b(const )?fn \w+", text[: one.start])
        if function[1]:
            text = text[: function.start()] + "\0" * len(function[1]) + text[function.end(1) :]
    return planted(text, 0, len(text), places).replace("\0", "")


def copy(mutants, into):
    """The repository as it stands, tracked or not yet, with every fault planted and asleep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(into, ignore_errors=True)
    for file in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / file).is_file():
            (into / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / file, into / file)
    by_file = collections.defaultdict(list)
    for mutant in mutants:
        for one in mutant.places:
            by_file[one.file].append(one)
    texts = {file: rewritten(source(file), places) for file, places in by_file.items()}
    # What is planted is not written as people write.
    for root in ROOTS:
        texts[root] = "#![allow(unused, missing_docs)]\n" + texts.get(root, source(root)) + "\nmod mutants;\n"
    texts["src/mutants.rs"] = MODULE
    # As old as what it was made of: what is the same again is not built again.
    made_of = [REPOSITORY / file for file in [*by_file, *ROOTS]] + list(HERE.iterdir())
    age = max(path.stat().st_mtime for path in made_of)
    for file, text in texts.items():
        (into / file).write_text(text)
        os.utime(into / file, (age, age))


@contextlib.contextmanager
def spared(binary):
    """The build puts the copy's binary where the repository's own is; that one comes back."""
    kept = binary.with_name(binary.name + ".kept")
    kept.unlink(missing_ok=True)
    if binary.exists():
        os.link(binary, kept)
    try:
        yield
    finally:
        binary.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(binary)


def build(into, target):
    """The test executables of the copy, by kind."""
    command = ["cargo", "test", "--locked", "--no-run", "--lib", "--test", "api", "--message-format=json-render-diagnostics"]
    # The copy is the same package as the repository to cargo, which would take the one's artifacts for the other's; what its members are
    # built through is all that makes them others, and dependencies stay shared.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTC_WORKSPACE_WRAPPER": "env"}
    with spared(target / "debug/handoff"):
        built = subprocess.run(command, cwd=into, env=environment, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise Wrong("the copy with the faults does not build")
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    tests = [message for message in messages if message.get("executable") and message["profile"]["test"]]
    executables = {"lib": [], "api": []}
    for message in tests:
        executables["lib" if "lib" in message["target"]["kind"] else "api"].append(message["executable"])
    return executables


class Judge:
    def __init__(self, executables, place, limit):
        self.place, self.limit = place, limit
        self.known = {kind: {one: self.runnable(one) for one in several} for kind, several in executables.items()}

    def runnable(self, executable):
        return self.listed(executable) - self.listed(executable, "--ignored")

    def listed(self, executable, *options):
        command = [executable, "--list", "--format", "terse", *options]
        lines = subprocess.run(command, cwd=self.place, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        return {line.removesuffix(": test") for line in lines if line.endswith(": test")}

    def failing(self, number, tests):
        """The first of these tests that fails while this fault is awake, or nothing; and what they said."""
        insta = {"INSTA_UPDATE": "no", "INSTA_WORKSPACE_ROOT": str(self.place)}
        # What they say goes through one pipe.
        how = {"cwd": self.place, "env": {**os.environ, "HANDOFF_MUTANT": str(number), **insta}, "timeout": self.limit, "text": True,
               "errors": "replace", "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}  # fmt: skip
        for kind, names in tests.items():
            if missing := set(names).difference(*self.known[kind].values()):
                raise Wrong(f"there is no test {', '.join(sorted(missing))}, or it is run by hand alone")
            for executable, known in self.known[kind].items():
                if not (own := [name for name in names if name in known]):
                    continue
                try:
                    ran = subprocess.run([executable, "--exact", *own], **how)
                except subprocess.TimeoutExpired:
                    return f"nothing ended within {self.limit} s", ""
                # Without its database no test says anything.
                if "a test server: " in ran.stdout:
                    raise Wrong(f"the tests have no database:\n{ran.stdout}")
                if ran.returncode != 0:
                    failed = re.search(r"^test (\S+) \.\.\. FAILED", ran.stdout, re.MULTILINE)
                    return failed[1] if failed else f"the tests ended with {ran.returncode}", ran.stdout
        return None, ""


def table(mutants, caught):
    """What came of each subject; whether that is enough."""
    enough = True
    print(f"\n{'subject':14}{'caught':>7}{'of':>5}{'per cent':>10}{'wanted':>8}")
    for subject in sorted({mutant.subject for mutant in mutants} - {CONTROL}):
        own = [mutant for mutant in mutants if mutant.subject == subject]
        count = sum(mutant.number in caught for mutant in own)
        enough = enough and 100 * count >= WANTED[subject] * len(own)
        print(f"{subject:14}{count:>7}{len(own):>5}{100 * count / len(own):>10.1f}{WANTED[subject]:>8}")
    return enough


def where(mutant):
    return ", ".join(f"{one.file}:{one.line}" for one in mutant.places)


def judged(mutants, judge, jobs):
    started = time.monotonic()
    everything = {kind: sorted({test for mutant in mutants for test in mutant.tests[kind]}) for kind in ("lib", "api")}
    failed, said = judge.failing(0, everything)
    if failed:
        raise Wrong(f"{said}\nno fault is awake, and {failed}: the tests have to pass first")
    count = sum(map(len, everything.values()))
    print(f"without any fault: all {count} tests pass, {time.monotonic() - started:.0f} s", flush=True)

    def one(mutant):
        begun = time.monotonic()
        return judge.failing(mutant.number, mutant.tests)[0], time.monotonic() - begun

    caught = set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for mutant, (failed, took) in zip(mutants, pool.map(one, mutants)):
            if failed:
                caught.add(mutant.number)
            verdict = f"caught    {failed}" if failed else "SURVIVED"
            print(f"{mutant.subject:12} {mutant.name}, {where(mutant)}, {took:.0f} s: {verdict}", flush=True)
    enough = table(mutants, caught)
    for mutant in mutants:
        if mutant.subject != CONTROL and mutant.number not in caught:
            print(f"survived: {mutant.name}, {where(mutant)}")
    if wrong := [mutant.name for mutant in mutants if mutant.subject == CONTROL and mutant.number in caught]:
        raise Wrong(f"what changes nothing was called caught: {', '.join(wrong)}")
    if not enough:
        raise Wrong("the tests would not notice enough")


def main():
    what = "Plants faults one by one and asks whether the tests notice."
    parser = argparse.ArgumentParser(prog="tests/mutants/run", description=what)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these faults or subjects alone, and the control")
    parser.add_argument("--list", "--check", action="store_true", help="say which faults there are, and whether each can be planted")
    parser.add_argument("--keep", action="store_true", help="leave the copy in target/mutants")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="faults at a time; the tests of one run side by side anyway")
    parser.add_argument("--limit", type=int, default=300, metavar="SECONDS", help="how long the tests of a fault may take; longer is caught")
    asked = parser.parse_args()
    mutants = read()
    only = set(asked.only or [])
    chosen = [mutant for mutant in mutants if not only or {mutant.name, mutant.subject} & {*only, CONTROL}]
    if unknown := only - {word for mutant in mutants for word in (mutant.name, mutant.subject)}:
        raise Wrong(f"there is no fault and no subject {', '.join(sorted(unknown))}")
    if asked.list:
        for file in sorted({one.file for mutant in mutants for one in mutant.places}):
            rewritten(source(file), [one for mutant in mutants for one in mutant.places if one.file == file])
        for mutant in chosen:
            print(f"{mutant.number:4} {mutant.subject:12} {mutant.name}, {where(mutant)}")
        counts = collections.Counter(mutant.subject for mutant in chosen)
        print(f"{len(chosen)} faults can be planted: {', '.join(f'{subject} {count}' for subject, count in sorted(counts.items()))}")
        return
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")).absolute()
    # Always the same place: another one would be another package, built from nothing and left in the target directory each time.
    into = target / "mutants"
    target.mkdir(parents=True, exist_ok=True)
    with open(target / "mutants.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Wrong(f"another run is under way in {into}") from None
        try:
            copy(mutants, into)
            judged(chosen, Judge(build(into, target), into, asked.limit), asked.jobs)
        finally:
            if not asked.keep:
                shutil.rmtree(into, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except Wrong as error:
        sys.exit(f"tests/mutants: {error}")
