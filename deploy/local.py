"""A PostgreSQL on this machine as compose.yaml and its image make one, for the proofs: deploy/prove and tests/rollover/run."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Failed(Exception):
    """What is wrong, in one sentence."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, env, **options):
    """Runs it with this environment and no other; its output is one text."""
    return subprocess.run(command, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=options.pop("timeout", 300), **options)


def must(command, env, **options):
    done = run(command, env, **options)
    if done.returncode != 0:
        raise Failed(f"{command[0]} {command[1] if len(command) > 1 else ''} ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def stop(process, patience, by=signal.SIGTERM):
    """Signals it and says how long it took to end; one that does not end is killed and has failed."""
    began = time.monotonic()
    process.send_signal(by)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failed(f"a process did not end within {patience:.0f} s of {signal.Signals(by).name}") from None
    return time.monotonic() - began


def place():
    """A directory that goes away with whoever made it; others pass through it, for the database may be somebody else."""
    directory = tempfile.TemporaryDirectory(prefix="handoff-")
    os.chmod(directory.name, 0o711)
    return directory


def pg_bin():
    named = os.environ.get("HANDOFF_PG_BIN")
    found = shutil.which("initdb")
    for directory in [named, found and os.path.dirname(os.path.realpath(found)), *sorted(glob.glob("/usr/lib/postgresql/*/bin"))[::-1]]:
        if directory and all(os.path.exists(f"{directory}/{name}") for name in ("initdb", "pg_ctl", "psql", "pg_isready")):
            return directory
    raise Failed("no PostgreSQL is installed, or not with psql: set HANDOFF_PG_BIN to the directory of its binaries")


class Postgres:
    """What the image makes of an empty volume: initdb, a server on the socket alone for the scripts, then the real one."""

    def __init__(self, home, arguments=(), environment=None):
        self.bin, self.home, self.port = pg_bin(), f"{home}/postgres", free_port()
        self.data, self.arguments, self.extra = f"{self.home}/data", list(arguments), dict(environment or {})
        os.mkdir(self.home)
        # It refuses to run as root.
        self.user = {}
        if os.geteuid() == 0:
            entry = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if name in {each.pw_name for each in pwd.getpwall()})
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.home, entry.pw_uid, entry.pw_gid)
        self.env = {"PATH": f"{self.bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPORT": str(self.port)}

    def initialise(self, password_file, scripts):
        """`password_file` is the superuser's; `scripts` run as the image runs those of docker-entrypoint-initdb.d."""
        self._must(["initdb", "--username=postgres", f"--pwfile={password_file}", "--encoding=UTF8", self.data])
        with open(f"{self.data}/pg_hba.conf", "a", encoding="utf-8") as rules:
            rules.write("\nhost all all all scram-sha-256\n")
        with open(password_file, encoding="utf-8") as file:
            password = file.read()
        settings = {"POSTGRES_USER": "postgres", "POSTGRES_DB": "postgres", "POSTGRES_PASSWORD": password, "PGPASSWORD": password}
        self.start(addresses="")
        for script in scripts:
            self._must([script], {**settings, **self.extra, "PGHOST": self.home})
        self.stop()

    def start(self, addresses="127.0.0.1", arguments=None):
        chosen = self.arguments if arguments is None else arguments
        options = [*chosen, "-c", f"listen_addresses={addresses}", "-c", f"unix_socket_directories={self.home}"]
        self._must(["pg_ctl", "--pgdata", self.data, "--log", f"{self.home}/log", "--wait", "--options",
                    " ".join(f"'{option}'" for option in options), "start"])

    def stop(self):
        self._must(["pg_ctl", "--pgdata", self.data, "--mode=fast", "--wait", "stop"])

    def sql(self, statement, database="postgres"):
        """As the superuser, over the socket."""
        arguments = ["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--username=postgres"]
        return self._must(["psql", *arguments, "--dbname", database, "--command", statement], {"PGHOST": self.home}).strip()

    def log(self):
        with open(f"{self.home}/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if os.path.exists(f"{self.data}/postmaster.pid"):
            run([f"{self.bin}/pg_ctl", "--pgdata", self.data, "--mode=immediate", "stop"], self.env, **self.user)

    def _must(self, command, env=None):
        program = command[0] if "/" in command[0] else f"{self.bin}/{command[0]}"
        # From a directory that whoever runs it may enter.
        return must([program, *command[1:]], {**self.env, **(env or {})}, cwd=self.home, **self.user)


def make_secrets(directory, host):
    must([f"{REPOSITORY}/deploy/make-secrets", directory, host], {"PATH": "/usr/bin:/bin"})
    return {name: open(f"{directory}/{name}", encoding="utf-8").read() for name in os.listdir(directory)}
