"""See tests/rollover/run. One listening socket, servers that come and go on it, and clients that must not notice."""

import argparse
import collections
import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy"))
from local import REPOSITORY, Failed, Postgres, free_port, make_secrets, must, place, stop  # noqa: E402

REFERRAL = {"study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake"}
# Longer than any drain: a request that waits for one to end is not lost, and is seen in the slowest answer.
PATIENCE = 60
STOPS_WITHIN = 60


class Dropped(Exception):
    """A request that got no answer, in a word."""


class Connection:
    """HTTP/1.1 by hand: a library would hide what is asked here, when exactly the other side went."""

    def __init__(self, address):
        try:
            self.socket = socket.create_connection(address, timeout=PATIENCE)
        except OSError as error:
            raise Dropped(f"connecting: {type(error).__name__}") from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def gone(self):
        """Whether the server has closed it between two requests, which it may. A reset is something else."""
        readable, _, _ = select.select([self.socket], [], [], 0)
        if not readable:
            return False
        try:
            if self.socket.recv(1, socket.MSG_PEEK):
                raise Dropped("an answer nobody asked for")
        except ConnectionError:
            raise Dropped("reset between two requests") from None
        return True

    def ask(self, method, path, key, body=None, headers=(), close=False, pause=0.0):
        """The status, the body, and whether the server closes after it."""
        data = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: handoff.example", f"Authorization: Bearer {key}", *headers]
        lines += [f"Content-Length: {len(data)}", "Content-Type: application/json"] if data else []
        lines += ["Connection: close"] if close else []
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        try:
            if pause and data:
                # Its second half is still to come when the server is told to stop.
                self.socket.sendall(head + data[:20])
                time.sleep(pause)
                self.socket.sendall(data[20:])
            else:
                self.socket.sendall(head + data)
            return self._answer()
        except socket.timeout:
            raise Dropped("no answer in time") from None
        except OSError as error:
            raise Dropped(f"sent and {type(error).__name__}") from None

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Dropped("sent and closed without a whole answer")
        self.buffer += data

    def _answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        head = head.decode("latin-1").lower()
        length = re.search(r"\r\ncontent-length: (\d+)", head)
        if not length:
            raise Failed(f"an answer without a length: {head[:200]}")
        while len(self.buffer) < int(length[1]):
            self._more()
        body, self.buffer = self.buffer[: int(length[1])], self.buffer[int(length[1]):]
        return int(head.split(" ", 2)[1]), body, "\r\nconnection: close" in head

    def close(self):
        self.socket.close()


class Clients:
    """Threads that send until they are stopped, and what became of it."""

    def __init__(self, address, keys):
        self.address, self.keys = address, keys
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.counts, self.dropped, self.refused = collections.Counter(), collections.Counter(), collections.Counter()
        self.made, self.slowest, self.failure = [], 0.0, None
        kinds = [(self.keeps, 0.01)] * 12 + [(self.keeps, 2.0)] * 4 + [(self.fresh, 0.03)] * 4 + [(self.follows, 0.0)] * 2
        self.threads = [threading.Thread(target=self.guard, args=kind, daemon=True) for kind in kinds]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE + 10)
        if self.failure:
            raise self.failure

    def guard(self, loop, think):
        try:
            loop(think)
        except Exception as error:  # a fault of this driver must end in red
            self.failure = error

    def exchange(self, connection, kind, *request, **options):
        """One request; `None` when the connection is of no more use."""
        began = time.monotonic()
        status, body, closes = connection.ask(*request, **options)
        with self.lock:
            self.counts[kind] += 1
            if kind != "polls":
                self.slowest = max(self.slowest, time.monotonic() - began)
            if not 200 <= status < 300:
                self.refused[status] += 1
            elif kind == "posts":
                self.made.append(json.loads(body)["id"])
        return not closes, body

    def drop(self, error):
        with self.lock:
            self.dropped[str(error)] += 1

    def send(self, connection, draw, **options):
        if draw.random() < 0.5:
            return self.exchange(connection, "gets", "GET", "/v1/referrals?limit=5", self.keys["PARTNER_KEY"], **options)
        headers = [f"Idempotency-Key: {uuid.uuid4()}"]
        pause = 0.02 if draw.random() < 0.2 else 0.0
        return self.exchange(connection, "posts", "POST", "/v1/referrals", self.keys["PARTNER_KEY"], REFERRAL, headers, pause=pause, **options)

    def connect(self, kind):
        connection = Connection(self.address)
        with self.lock:
            self.counts[kind] += 1
        return connection

    def keeps(self, think):
        """One connection for as long as the server keeps it."""
        draw, connection = random.Random(), None
        while not self.stopping.is_set():
            try:
                if connection and connection.gone():
                    connection.close()
                    connection = None
                connection = connection or self.connect("kept")
                goes_on, _ = self.send(connection, draw)
                if not goes_on:
                    connection.close()
                    connection = None
            except Dropped as error:
                self.drop(error)
                connection = None
            self.stopping.wait(draw.random() * think)

    def fresh(self, think):
        """A connection for each request; every other one says that it is the last."""
        draw = random.Random()
        while not self.stopping.is_set():
            try:
                connection = self.connect("fresh")
                self.send(connection, draw, close=draw.random() < 0.5)
                connection.close()
            except Dropped as error:
                self.drop(error)
            self.stopping.wait(draw.random() * think)

    def follows(self, _think):
        """Waits for events that never come: asked for is a type that nothing here makes."""
        path, cursor, connection = "/v1/events?type=route.launched&wait_seconds=10", "&start=latest", None
        while not self.stopping.is_set():
            try:
                if connection and connection.gone():
                    connection.close()
                    connection = None
                connection = connection or self.connect("kept")
                goes_on, body = self.exchange(connection, "polls", "GET", path + cursor, self.keys["FOLLOWER_KEY"])
                cursor = f"&cursor={json.loads(body).get('next_cursor', '')}"
                if not goes_on:
                    connection.close()
                    connection = None
            except Dropped as error:
                self.drop(error)
                connection = None


class Servers:
    """Processes of the binary, each with an admin listener of its own."""

    def __init__(self, binary, home, environment, own_socket):
        self.binary, self.home, self.environment, self.own_socket = binary, home, environment, own_socket
        self.running, self.count = [], 0
        if own_socket:
            self.address = ("127.0.0.1", free_port())
            return
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = listener.getsockname()
        # Where the protocol wants it; this process keeps it open, as the service manager does.
        if listener.fileno() != 3:
            os.dup2(listener.fileno(), 3)
        self.listener = listener

    def start(self):
        """Starts the next one and waits until it is ready."""
        self.count += 1
        admin = free_port()
        environment = {**self.environment, "HANDOFF_ADMIN_LISTEN": f"127.0.0.1:{admin}"}
        command, fds = [self.binary, "serve"], ()
        if self.own_socket:
            environment["HANDOFF_LISTEN"] = "{}:{}".format(*self.address)
        else:
            # LISTEN_PID is the process that the shell becomes.
            environment.update(LISTEN_FDS="1", LISTEN_FDNAMES="handoff.socket")
            command, fds = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command], (3,)
        with open(f"{self.home}/log-{self.count}", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, env=environment, pass_fds=fds, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        process.admin, process.log = admin, f"{self.home}/log-{self.count}"
        self.running.append(process)
        ends = time.monotonic() + 30
        while self.told(process, "/readyz")[0] != 200:
            if process.poll() is not None or time.monotonic() > ends:
                raise Failed(f"server {self.count} does not become ready: {self.said(process)}")
            time.sleep(0.02)
        return process

    def told(self, process, path):
        connection = http.client.HTTPConnection("127.0.0.1", process.admin, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def answered(self, process):
        """How many requests this process has answered."""
        _, text = self.told(process, "/metrics")
        return sum(float(value) for value in re.findall(r"^handoff_http_requests_total\{[^}]*\} ([\d.e+]+)$", text, re.M))

    def said(self, process):
        with open(process.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-1500:]

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()


def prepare(home):
    """A PostgreSQL with the roles of deploy/, and where the secrets are."""
    postgres = Postgres(home, ["-c", "max_connections=100"])
    secrets = f"{home}/secrets"
    make_secrets(secrets, f"127.0.0.1:{postgres.port}")
    # The database's user cannot pass through the directory of the secrets.
    os.mkdir(f"{home}/for-postgres", 0o755)
    for name in ("postgres_password", "owner_password", "app_password"):
        os.link(f"{secrets}/{name}", f"{home}/for-postgres/{name}")
    shutil.copy(f"{REPOSITORY}/deploy/postgres/10-roles.sh", home)
    postgres.extra = {f"HANDOFF_{role.upper()}_PASSWORD_FILE": f"{home}/for-postgres/{role}_password" for role in ("owner", "app")}
    return postgres, secrets


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rollovers", type=int, default=20)
    parser.add_argument("--between", type=float, default=1.0, help="seconds of traffic before each")
    parser.add_argument("--kill", action="store_true", help="the control: SIGKILL, which must be noticed")
    parser.add_argument("--own-socket", action="store_true", help="one server on a socket of its own, and no rollover: tries the clients")
    options = parser.parse_args()
    directory = place()
    home, postgres, servers = directory.name, None, None
    try:
        postgres, secrets = prepare(home)
        postgres.initialise(f"{home}/for-postgres/postgres_password", [f"{home}/10-roles.sh"])
        postgres.start()
        base = {"PATH": "/usr/bin:/bin", "HANDOFF_EMBEDDED": "off", "RUST_LOG": "info"}
        must([options.binary, "migrate"], {**base, "HANDOFF_MIGRATE_DATABASE_URL_FILE": f"{secrets}/owner_url"})
        # Sixteen clients are one key here: what is asked is whether a request gets through, not whether it is too many.
        environment = {**base, "DATABASE_URL_FILE": f"{secrets}/app_url", "HANDOFF_MASTER_KEY_FILE": f"{secrets}/master_key",
                       **{f"HANDOFF_RATE_LIMIT_{each}": "0" for each in ("KEY", "SITE", "ADDRESS")}}
        sample = must([options.binary, "demo"], environment)
        keys = dict(re.findall(r"^(\w+_KEY)=(\S+)$", sample, re.M))
        follower = must([options.binary, "key", "create", "--name", "follower", "--scope", "events:read"], environment)
        keys["FOLLOWER_KEY"] = re.search(r"hk_live_\w+", follower)[0]

        servers = Servers(options.binary, home, environment, options.own_socket)
        clients = Clients(servers.address, keys)
        old = servers.start()
        clients.start()
        drains, shares = [], []
        for _ in range(options.rollovers):
            time.sleep(options.between)
            if options.own_socket:
                continue
            new = servers.start()
            time.sleep(options.between)
            shares.append(servers.answered(old))
            drains.append(stop(old, STOPS_WITHIN, signal.SIGKILL if options.kill else signal.SIGTERM))
            if not options.kill and old.returncode != 0:
                raise Failed(f"a server ended with {old.returncode}: {servers.said(old)}")
            old = new
        time.sleep(options.between)
        shares.append(servers.answered(old))
        clients.stop()
        stop(old, STOPS_WITHIN)
        if min(shares) == 0:
            raise Failed("a server answered nothing: it was not tested")
        stored = set(postgres.sql("SELECT id FROM referrals", "handoff").split())
        lost = len(set(clients.made) - stored)
        twice = len(clients.made) - len(set(clients.made))
        counts, refused, dropped = clients.counts, sum(clients.refused.values()), sum(clients.dropped.values())
        by = "SIGKILLs" if options.kill else "SIGTERMs"
        print(f"rollover: {len(drains)} {by}, {counts['gets']} GET, {counts['posts']} POST, {counts['polls']} long polls over "
              f"{counts['kept']} kept and {counts['fresh']} fresh connections: non-2xx {refused}, resets {dropped}, lost {lost}; "
              f"slowest answer {clients.slowest * 1000:.0f} ms, slowest stop {max(drains, default=0):.1f} s")
        for what, found in (("status", clients.refused), ("dropped", clients.dropped)):
            for each, count in found.most_common():
                print(f"  {what} {each}: {count}")
        if options.kill:
            if dropped == 0:
                raise Failed("killed servers dropped nothing: the clients do not see it")
        elif refused or dropped or lost or twice:
            raise Failed("clients noticed")
    finally:
        if servers:
            servers.close()
        if postgres:
            postgres.close()
        directory.cleanup()


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"tests/rollover: {failed}")
