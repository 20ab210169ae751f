"""See deploy/check: what no linter knows about Dockerfile, compose.yaml and the units of systemd, and the linters' own findings."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatch

import compose_spec
import yaml

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.dirname(sys.executable)
UNITS = ["handoff.socket", "handoff@.service", "handoff-migrate.service"]
CHECKED = ["Dockerfile", ".dockerignore", "compose.yaml", *(f"deploy/systemd/{unit}" for unit in UNITS)]
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|MASTER_KEY|_URL\b|://[^/ ]*:[^/ ]*@", re.I)
# The exposure that systemd-analyze computes, in tenths: what is left is that a server has a network.
EXPOSURE = 15


def tool(*command, silent=False):
    """A linter's findings: its output, when it says that there are some, or when it says nothing to what is good (`silent`)."""
    done = subprocess.run(command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    return said or [f"{command[0]} failed"] if done.returncode != 0 else said if silent else []


def stages(text):
    """The instructions of each stage, as (name, arguments)."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for name, _, arguments in (line.strip().partition(" ") for line in lines):
        if name.upper() == "FROM":
            found.append([])
        if found:
            found[-1].append((name.upper(), arguments.strip()))
    return found


def sources(instructions):
    """What is copied from the repository, each with where it goes."""
    for name, arguments in instructions:
        words = shlex.split(arguments)
        if name == "COPY" and not any(word.startswith("--from") for word in words):
            *paths, to = [word for word in words if not word.startswith("--")]
            yield from ((path.rstrip("/"), os.path.join(to, os.path.basename(path)) if to.endswith("/") else to) for path in paths)


def ignored(path, rules):
    """Whether .dockerignore keeps this file out: the last rule that names it, or a directory above it, decides."""
    above = ["/".join(path.split("/")[:length]) for length in range(1, path.count("/") + 2)]
    out = False
    for rule in rules:
        pattern = rule.lstrip("!").strip("/")
        if any(fnmatch(each, pattern) and (each.count("/") == pattern.count("/") or "**" in pattern) for each in above):
            out = not rule.startswith("!")
    return out


def check_dockerfile(root):
    with open(f"{root}/Dockerfile", encoding="utf-8") as file:
        every = stages(file.read())
    for name, arguments in (instruction for stage in every for instruction in stage):
        if name in ("ENV", "ARG") and SECRET.search(arguments):
            yield f"Dockerfile: {name} holds a secret, which everybody who has the image reads"
    last = every[-1]
    said = dict(last)
    user = said.get("USER", "root").split(":")[0]
    # A name says nothing to whoever decides, outside, whether a container may run as root.
    if not user.isdigit() or user == "0":
        yield "Dockerfile: the image has no USER with a number, or it is root"
    if "HEALTHCHECK" not in said or said["HEALTHCHECK"] == "NONE":
        yield "Dockerfile: no HEALTHCHECK"
    if not said.get("ENTRYPOINT", "").startswith("["):
        yield "Dockerfile: ENTRYPOINT is not in exec form: signals would not arrive"


def tracked():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
    return [path for path in listed.stdout.decode().split("\0") if path and os.path.exists(f"{REPOSITORY}/{path}")]


def targets(directory):
    command = ["cargo", "metadata", "--offline", "--no-deps", "--format-version", "1"]
    done = subprocess.run(command, cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise ValueError(" ".join(done.stderr.split())[:300])
    seen = json.loads(done.stdout)
    every = [each for package in seen["packages"] for each in package["targets"]]
    return [(each["kind"][0], each["name"], os.path.relpath(each["src_path"], seen["workspace_root"])) for each in every]


def check_context(root):
    """What the build stage copies is all that the build needs, and .dockerignore lets it through."""
    with open(f"{root}/Dockerfile", encoding="utf-8") as file:
        copied = list(sources(stages(file.read())[0]))
    with open(f"{root}/.dockerignore", encoding="utf-8") as file:
        rules = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    files = tracked()
    with tempfile.TemporaryDirectory() as build:
        for path, to in copied:
            found = [file for file in files if file == path or file.startswith(f"{path}/")]
            kept = [file for file in found if not ignored(file, rules)]
            if not found:
                yield f"Dockerfile: COPY {path}: the repository has no such thing"
            elif len(kept) < len(found):
                yield f".dockerignore: keeps {sorted(set(found) - set(kept))[0]} out, which the Dockerfile copies"
            for file in kept:
                target = f"{build}/{to}{file[len(path):]}"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(f"{REPOSITORY}/{file}", target)
        try:
            seen = targets(build)
            for kind, name, path in targets(REPOSITORY):
                # Examples are found where they lie, and no image needs them.
                if kind != "example" and ((kind, name, path) not in seen or not os.path.exists(f"{build}/{path}")):
                    yield f"Dockerfile: Cargo does not find the {kind} {name} in what is copied"
        except ValueError as error:
            yield f"Dockerfile: Cargo refuses what is copied: {error}"
        yield from (f"Dockerfile: {file} needs {needed}, which is not copied" for file, needed in sorted(included(build)))
    loose = [path for path in ("secrets/master_key", ".git/config", ".env", "target/release/handoff") if not ignored(path, rules)]
    yield from (f".dockerignore: lets {path} into the build" for path in loose)


def included(build):
    """Files that the library and the binary take in when they are compiled, and that are not there."""
    for directory, _, names in os.walk(f"{build}/src"):
        for name in names:
            path = os.path.join(directory, name)
            if not name.endswith(".rs") or name == "tests.rs" or "/tests/" in path:
                continue
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for needed in re.findall(r'include(?:_str|_bytes)?!\(\s*"([^"]+)"', text):
                if not os.path.exists(os.path.join(directory, needed)):
                    yield os.path.relpath(path, build), needed
            for needed in [*re.findall(r'embed_migrations!\("([^"]+)"\)', text),
                           *re.findall(r'CARGO_MANIFEST_DIR"\), "/(\w+)/', text)]:
                if not os.path.isdir(f"{build}/{needed}"):
                    yield os.path.relpath(path, build), needed


def check_compose(root):
    with open(f"{root}/compose.yaml", encoding="utf-8") as file:
        document = yaml.safe_load(file)
    try:
        compose = compose_spec.PyCompose.from_yaml(yaml.safe_dump(document))
        compose.validate()
    except ValueError as error:
        yield f"compose.yaml: {error}"
        return
    services = document["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            if other not in services:
                yield f"compose.yaml: {name} depends on {other}, which is no service"
        for key, value in service.get("environment", {}).items():
            given = re.fullmatch(r"/run/secrets/(\w+)", str(value))
            if given and given[1] not in service.get("secrets", []):
                yield f"compose.yaml: {name}: {key} names the secret {given[1]}, which the service is not given"
            if not given and SECRET.search(f"{key}={value}"):
                yield f"compose.yaml: {name}: {key} holds a secret, or names one that is no file"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not os.path.exists(f"{REPOSITORY}/{source}"):
                yield f"compose.yaml: {name} mounts {source}, which is not there"
            if not source.startswith((".", "/")) and source not in document.get("volumes", {}):
                yield f"compose.yaml: {name} mounts the volume {source}, which is not declared"
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"compose.yaml: {name} is published as plain HTTP beyond this machine ({port})"


def settings(root, unit):
    with open(f"{root}/deploy/systemd/{unit}", encoding="utf-8") as file:
        return [line.strip() for line in file if "=" in line and not line.startswith("#")]


def check_units(root):
    # The binary need not be installed where this runs.
    with tempfile.TemporaryDirectory() as installed:
        for unit in UNITS:
            with open(f"{root}/deploy/systemd/{unit}", encoding="utf-8") as file:
                text = file.read()
            with open(f"{installed}/{unit}", "w", encoding="utf-8") as file:
                file.write(text.replace("/usr/local/bin/handoff", "/bin/true"))
        yield from tool("systemd-analyze", "verify", *(f"{installed}/{unit}" for unit in UNITS), silent=True)
        for unit in UNITS[1:]:
            says = tool("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", f"{installed}/{unit}")
            yield from says[-1:]
    serves, migrates = settings(root, "handoff@.service"), settings(root, "handoff-migrate.service")
    for line in [*serves, *migrates]:
        for name in re.findall(r"%d/(\w+)", line):
            owner = serves if line in serves else migrates
            if f"LoadCredential={name}:/etc/handoff/{name}" not in owner:
                yield f"deploy/systemd: {line.split('=')[0]} names the credential {name}, which is not loaded"
    # They are confined alike, from the user on.
    confined = serves[serves.index("User=handoff"):serves.index("WantedBy=multi-user.target")]
    if confined != migrates[migrates.index("User=handoff"):]:
        yield "deploy/systemd: handoff@.service and handoff-migrate.service are not confined alike"
    with open(f"{root}/compose.yaml", encoding="utf-8") as file:
        grace = re.search(r"stop_grace_period: (\w+)", file.read())
    if not grace or f"TimeoutStopSec={grace[1]}" not in serves:
        yield "compose.yaml, deploy/systemd: they do not give a stopping server the same time"


def findings(root, of=None):
    """What is wrong below `root`; with `of` only in what this file is part of."""
    for part, check in CHECKS:
        if of is None or of.startswith(part):
            yield from check(root)


def lint_dockerfile(root):
    yield from tool(f"{TOOLS}/hadolint", "--no-color", "--config", f"{REPOSITORY}/deploy/hadolint.yaml", f"{root}/Dockerfile")


def lint_compose(root):
    yield from tool(f"{TOOLS}/compose-lint", "check", "--strict-config", "--skip-suppressed", "--no-merge-overrides", "--no-env",
                    "--fail-on=low", f"--config={REPOSITORY}/deploy/compose-lint.yml", f"{root}/compose.yaml")


CHECKS = [
    (("Dockerfile",), lint_dockerfile),
    (("Dockerfile",), check_dockerfile),
    (("Dockerfile", ".dockerignore"), check_context),
    (("compose.yaml",), lint_compose),
    (("compose.yaml",), check_compose),
    (("compose.yaml", "deploy/systemd"), check_units),
]


# What is spoiled, and a word of what must then be found.
CONTROLS = [
    ("Dockerfile", "debian:bookworm-slim", "debian:latest", "DL3007"),
    ("Dockerfile", "debian:bookworm-slim", "debian", "DL3006"),
    ("Dockerfile", "ca-certificates && rm -rf /var/lib/apt/lists/*", "ca-certificates", "DL3009"),
    ("Dockerfile", "--no-install-recommends ca-certificates", "ca-certificates", "DL3015"),
    ("Dockerfile", "COPY src src", "ADD src src", "DL3020"),
    ("Dockerfile", "USER 10001:10001", "", "no USER"),
    ("Dockerfile", "USER 10001:10001", "USER 0", "no USER"),
    ("Dockerfile", "HEALTHCHECK", "# HEALTHCHECK", "no HEALTHCHECK"),
    ("Dockerfile", 'ENTRYPOINT ["handoff"]', "ENTRYPOINT handoff", "exec form"),
    ("Dockerfile", "HANDOFF_LOG_FORMAT=json", "DATABASE_URL=postgresql://a:b@c/d", "holds a secret"),
    ("Dockerfile", "COPY benches benches\n", "", "the bench guard"),
    ("Dockerfile", "COPY tests/api tests/api\n", "", "the test api"),
    ("Dockerfile", "COPY Cargo.toml Cargo.lock ./", "COPY Cargo.lock ./", "Cargo refuses what is copied"),
    ("Dockerfile", "COPY assets assets\n", "", "needs assets"),
    ("Dockerfile", "COPY crates crates\n", "", "Cargo refuses what is copied"),
    ("Dockerfile", "COPY migrations migrations\n", "", "needs migrations"),
    ("Dockerfile", "COPY assets assets", "COPY asets assets", "no such thing"),
    (".dockerignore", "!migrations\n", "", "keeps migrations/"),
    (".dockerignore", "*\n", "", "lets secrets/master_key"),
    ("compose.yaml", "cap_drop: [ALL]", "privileged: true", "CL-0002"),
    ("compose.yaml", "service_healthy", "service_helthy", "unknown variant"),
    ("compose.yaml", "secrets: [app_url, master_key]", "secrets: [app_url]", "is not given"),
    ("compose.yaml", "DATABASE_URL_FILE: /run/secrets/app_url", "DATABASE_URL: postgresql://a:b@postgres/d", "holds a secret"),
    ("compose.yaml", "./deploy/postgres:", "./deploy/postgre:", "is not there"),
    ("compose.yaml", '"127.0.0.1:8080:8080"', '"8080:8080"', "beyond this machine"),
    ("compose.yaml", "stop_grace_period: 60s", "stop_grace_period: 10s", "the same time"),
    ("deploy/systemd/handoff@.service", "ProtectSystem=strict", "ProtectSistem=strict", "ProtectSistem"),
    ("deploy/systemd/handoff@.service", "SystemCallFilter=@system-service\n", "", "confined alike"),
    ("deploy/systemd/handoff@.service", "LoadCredential=app_url:/etc/handoff/app_url", "", "is not loaded"),
    ("deploy/systemd/handoff-migrate.service", "User=handoff\nDynamicUser=yes", "User=handoff\nPrivateNetwork=no", "confined alike"),
]


def main():
    found = list(findings(REPOSITORY))
    unseen = []
    for path, old, new, word in CONTROLS:
        with tempfile.TemporaryDirectory() as root:
            for each in CHECKED:
                os.makedirs(os.path.dirname(f"{root}/{each}"), exist_ok=True)
                shutil.copy(f"{REPOSITORY}/{each}", f"{root}/{each}")
            with open(f"{root}/{path}", encoding="utf-8") as file:
                text = file.read()
            if old not in text:
                unseen.append(f"deploy/check: the control {old!r} is not in {path}")
                continue
            with open(f"{root}/{path}", "w", encoding="utf-8") as file:
                file.write(text.replace(old, new))
            said = list(findings(root, path))
            if not any(word in line for line in said):
                unseen.append(f"deploy/check: {path} with {new!r} instead of {old!r} is not found; found: {said}")
    print(*found, *unseen, sep="\n", end="\n" if found or unseen else "")
    print(f"deployment: {len(found)} findings; {len(CONTROLS) - len(unseen)} of {len(CONTROLS)} spoiled files are found")
    return 1 if found or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
