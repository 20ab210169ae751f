"""See deploy/prove. Everything that is started here stands in compose.yaml and the Dockerfile; what is replaced is said where it is."""

import http.client
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import yaml

from local import REPOSITORY, Failed, Postgres, free_port, make_secrets, must, place, run, stop

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(duration):
    return sum(float(count) * SECONDS[unit] for count, unit in re.findall(r"([\d.]+)(ms|s|m|h)", duration))


def image():
    """ENV, ENTRYPOINT and the health check of the last stage."""
    with open(f"{REPOSITORY}/Dockerfile", encoding="utf-8") as file:
        stage = re.split(r"^FROM ", file.read().replace("\\\n", " "), flags=re.M)[-1]
    environment = dict(word.split("=", 1) for line in re.findall(r"^ENV (.*)$", stage, re.M) for word in shlex.split(line))
    entrypoint = json.loads(re.search(r"^ENTRYPOINT (.*)$", stage, re.M)[1])
    return environment, entrypoint, json.loads(re.search(r"^HEALTHCHECK .*CMD (.*)$", stage, re.M)[1])


def confined(user):
    """A prefix that takes from a process what the container takes: the user, capabilities, the writable file system."""
    if os.geteuid() != 0:
        return [], "as this user"
    uid, gid = user.split(":")
    prefix = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--"]
    writable = run(["unshare", "--mount", "true"], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    if writable.returncode != 0:
        return prefix, f"as {user} without capabilities"
    # What is mounted below the root stays as it is, and so does /tmp where it is a file system of its own.
    script = 'mount --make-rprivate / && for at in / /tmp; do mount -o remount,bind,ro "$at" 2>/dev/null || mount --bind -o ro "$at" "$at"; done; exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, "sh", *prefix]
    if run([*prefix, "touch", f"/tmp/handoff-proof-{os.getpid()}"], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}).returncode == 0:
        raise Failed("the file system that should be read-only is not")
    return prefix, f"as {user} without capabilities, on a read-only file system"


class Compose:
    """The services of compose.yaml, run as processes of this machine."""

    def __init__(self, binary, home, postgres):
        with open(f"{REPOSITORY}/compose.yaml", encoding="utf-8") as file:
            self.services = yaml.safe_load(file)["services"]
        self.home, self.postgres = home, postgres
        self.image, self.entrypoint, self.health = image()
        # The image has it on its PATH.
        os.mkdir(f"{home}/bin", 0o755)
        shutil.copy(binary, f"{home}/bin/{self.entrypoint[0]}")
        self.port = free_port()
        self.prefix, self.how = confined(self.services["handoff"]["user"])

    def secrets_of(self, name):
        """The files that this service is given, and no others, where it reads them; others are in a directory it cannot enter."""
        directory = f"{self.home}/run-secrets-{name}"
        if not os.path.exists(directory):
            os.mkdir(directory, 0o755)
            for secret in self.services[name].get("secrets", []):
                shutil.copy(f"{self.home}/secrets/{secret}", directory)
        return directory

    def environment(self, name):
        environment = dict(self.services[name].get("environment", {}))
        return {key: value.replace("/run/secrets", self.secrets_of(name)) for key, value in environment.items()}

    def command(self, name, arguments=None):
        """The command line of a service, or another one in its container, and its environment."""
        environment = {**self.image, **self.environment(name), "PATH": f"{self.home}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        # Port 8080 may be somebody's here.
        environment["HANDOFF_LISTEN"] = f"127.0.0.1:{self.port}"
        return [*self.prefix, *(arguments or [*self.entrypoint, *self.services[name].get("command", [])])], environment

    def run(self, name, *arguments):
        command, environment = self.command(name, [*self.entrypoint, *arguments] if arguments else None)
        return run(command, environment, cwd="/")

    def must(self, name, *arguments):
        done = self.run(name, *arguments)
        if done.returncode != 0:
            raise Failed(f"{name} {' '.join(arguments)} ended with {done.returncode}: {done.stdout[-2000:]}")
        return done.stdout

    def refuses(self, name, because):
        """Serving must end at once, and say this."""
        command, environment = self.command(name)
        try:
            done = run(command, environment, cwd="/", timeout=20)
        except subprocess.TimeoutExpired:
            raise Failed(f"it serves although {because}") from None
        if done.returncode == 0 or because not in done.stdout:
            raise Failed(f"it should refuse because of {because!r} and says: {done.stdout[-500:]}")


def arguments_of_postgres(services):
    words = services["postgres"]["command"]
    words = shlex.split(words) if isinstance(words, str) else list(words)
    if words[0] != "postgres":
        raise Failed("the command of the service postgres is not postgres")
    return words[1:]


def ready(compose, process, patience=60):
    command, environment = compose.command("handoff", compose.health)
    began = time.monotonic()
    while run(command, environment, cwd="/").returncode != 0:
        if process.poll() is not None or time.monotonic() - began > patience:
            raise Failed("it does not become healthy")
        time.sleep(0.1)
    return time.monotonic() - began


def get(port, path, key):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def main(binary):
    directory = place()
    home, processes, postgres = directory.name, [], None
    try:
        with open(f"{REPOSITORY}/compose.yaml", encoding="utf-8") as file:
            services = yaml.safe_load(file)["services"]
        postgres = Postgres(home, arguments_of_postgres(services))
        make_secrets(f"{home}/elsewhere", "")
        secrets = make_secrets(f"{home}/secrets", f"127.0.0.1:{postgres.port}")
        compose = Compose(binary, home, postgres)
        postgres.extra = compose.environment("postgres")
        scripts = f"{REPOSITORY}/deploy/postgres"
        # The database's user need not be able to enter the repository.
        shutil.copytree(scripts, f"{home}/initdb.d")
        os.chmod(f"{home}/initdb.d", 0o755)
        postgres.initialise(f"{compose.secrets_of('postgres')}/postgres_password",
                            [f"{home}/initdb.d/{name}" for name in sorted(os.listdir(scripts))])
        postgres.start()
        test = services["postgres"]["healthcheck"]["test"]
        must([f"{postgres.bin}/{test[1]}", *test[2:]], postgres.env)

        compose.refuses("handoff", "migration(s) are pending")
        began = time.monotonic()
        compose.must("migrate")
        migrated = time.monotonic() - began
        compose.must("migrate")
        compose.must("handoff", "check")

        command, environment = compose.command("handoff")
        with open(f"{home}/log", "w", encoding="utf-8") as log:
            serving = subprocess.Popen(command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        processes.append(serving)
        healthy = ready(compose, serving)
        compose.must("handoff", "site", "create", "--name", "Riverside", "--time-zone", "America/New_York", "--phone-region", "US",
                     "--intake-url", "https://intake.riverside.example/", "--admin-name", "Alex", "--admin-email", "alex@riverside.example")
        made = compose.must("handoff", "key", "create", "--name", "proof", "--scope", "config:read")
        key = re.search(r"hk_live_\w+", made)[0]
        status, site = get(compose.port, "/v1/site", key)
        if (status, site.get("name")) != (200, "Riverside"):
            raise Failed(f"GET /v1/site answers {status} {site}")
        grace = seconds(services["handoff"]["stop_grace_period"])
        stopped = stop(serving, grace)
        if serving.returncode != 0:
            raise Failed(f"it ended with {serving.returncode} after SIGTERM")
        with open(f"{home}/log", encoding="utf-8") as file:
            said = file.read() + postgres.log()
        for name, value in {**secrets, "the key": key}.items():
            if value in said:
                raise Failed(f"a log shows {name}")

        # The controls: what must not be served with is refused, and the settings of the database's log are really looked at.
        for power, because in (("SUPERUSER", "superuser"), ("BYPASSRLS", "BYPASSRLS")):
            postgres.sql(f"ALTER ROLE handoff_app {power}")
            compose.refuses("handoff", because)
            postgres.sql(f"ALTER ROLE handoff_app NO{power}")
        postgres.stop()
        postgres.start(arguments=[])
        done = compose.run("handoff", "check")
        if done.returncode == 0 or "log_error_verbosity" not in done.stdout:
            raise Failed("check finds nothing in the log settings of a PostgreSQL that has none")
        print(f"compose: {compose.how}: migrated in {migrated:.1f} s, healthy after {healthy:.1f} s, a site, a key and an endpoint, "
              f"stopped in {stopped:.1f} s of {grace:.0f}; refused before migration, as superuser and with BYPASSRLS")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if postgres:
            postgres.close()
        directory.cleanup()


if __name__ == "__main__":
    try:
        main(os.path.abspath(sys.argv[1]))
    except Failed as failed:
        sys.exit(f"deploy/prove: {failed}")
