"""A real server with its sample site, and a connector: started, killed and asked."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Away(Exception):
    """The server is being killed."""


def free_port() -> int:
    """Below those that outgoing connections get: it has to be free again whenever the server comes back."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Scene:
    def __init__(self, binary: str, command: list[str]) -> None:
        self.binary, self.command = binary, command
        self.home = Path(tempfile.mkdtemp())
        # As root the database server runs as somebody else, who has to pass through here.
        self.home.chmod(0o755)
        self.port, self.hook_port = free_port(), free_port()
        self.database = self.home / "crm.sqlite"
        self.server: subprocess.Popen[bytes] | None = None
        self.connector: subprocess.Popen[bytes] | None = None
        kept = {"HANDOFF_PG_BIN", "HANDOFF_OFFLINE"}
        self.environment = {k: v for k, v in os.environ.items() if k in kept or not k.startswith("HANDOFF_") and k != "DATABASE_URL"}

    def start_server(self) -> None:
        settings = {
            "HANDOFF_DATA_DIR": str(self.home / "data"), "HANDOFF_LISTEN": f"127.0.0.1:{self.port}", "RUST_LOG": "info",
            "HANDOFF_OUTBOUND_ALLOW": f"127.0.0.1:{self.hook_port}", "HANDOFF_RATE_LIMIT_KEY": "0", "HANDOFF_RATE_LIMIT_SITE": "0",
            "HANDOFF_RATE_LIMIT_ADDRESS": "0",
        }
        with open(self.home / "server.log", "ab") as log:
            self.server = subprocess.Popen(
                [self.binary], env={**self.environment, **settings}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + 120
        while True:
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    return
            except Away:
                pass
            if self.server.poll() is not None or time.monotonic() > until:
                raise SystemExit("the server did not start:\n" + self.tail("server.log"))
            time.sleep(0.1)

    def start_connector(self, receives: bool = True, poll: int = 15, compare: int = 5) -> None:
        settings = {
            "HANDOFF": f"http://127.0.0.1:{self.port}", "HANDOFF_KEY": self.key, "CRM_DATABASE": str(self.database),
            "WEBHOOK_PORT": str(self.hook_port) if receives else "", "WEBHOOK_SECRET": self.hook_secret,
            "POLL_SECONDS": str(poll), "COMPARE_SECONDS": str(compare),
        }
        with open(self.home / "connector.log", "ab") as log:
            self.connector = subprocess.Popen(
                self.command, env={**self.environment, **settings}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self, process: subprocess.Popen[bytes] | None, how: signal.Signals = signal.SIGKILL) -> None:
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(30)

    def alive(self) -> None:
        """Nothing of this may end by itself."""
        if self.connector is not None and self.connector.poll() is not None:
            raise SystemExit("the connector ended:\n" + self.tail("connector.log"))

    def tail(self, name: str) -> str:
        """The end of a log, without the keys that a first start prints."""
        lines = (self.home / name).read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if "hk_" not in line and "TOKEN=" not in line][-20:])

    def close(self) -> None:
        self.kill(self.connector)
        self.kill(self.server, signal.SIGTERM)
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method: str, path: str, key: str = "", body: Json | None = None, **headers: str) -> tuple[int, Json, str]:
        """Status, body and ETag of one request."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {key}"} if key else {}
        sent |= {"Content-Type": "application/json"} if body is not None else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 503 and path != "/readyz":
                raise Away
            if answer.status == 500:
                raise SystemExit(f"{method} {path.split('?')[0]}: 500")
            return answer.status, json.loads(text) if text.startswith(b"{") else {}, answer.headers.get("etag", "")
        except (OSError, http.client.HTTPException) as gone:
            raise Away from gone
        finally:
            connection.close()

    def done(self, method: str, path: str, key: str, body: Json | None = None) -> Json:
        """Again while the server is away, with the same key."""
        headers, until = {"Idempotency_Key": str(uuid.uuid4())} if method == "POST" else {}, time.monotonic() + 60
        while True:
            try:
                status, answer, _ = self.call(method, path, key, body, **headers)
            except Away:
                if time.monotonic() > until:
                    raise SystemExit(f"{method} {path.split('?')[0]}: no answer") from None
                time.sleep(0.3)
                continue
            if answer.get("code") == "idempotency_in_flight":
                continue
            if status >= 300:
                raise SystemExit(f"{method} {path.split('?')[0]}: {status} {answer.get('code')}")
            return answer

    def all_of(self, path: str) -> list[Json]:
        found, cursor = [], ""
        while True:
            page = self.done("GET", f"{path}limit=200{cursor}", self.admin)
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def crm(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.database, timeout=20, isolation_level=None)
        db.row_factory = sqlite3.Row
        return db

    def set_up(self) -> None:
        self.start_server()
        lines = (self.home / "data/demo.txt").read_text().splitlines()
        words = dict(line.split("=", 1) for line in lines if "_KEY=" in line or "_TOKEN=" in line)
        self.admin, self.coordinator, self.partner = words["ADMIN_TOKEN"], words["COORDINATOR_TOKEN"], words["PARTNER_KEY"]
        for name in ("Kim", "Noor"):
            new = {"display_name": f"{name} Coordinator", "email": f"{name.lower()}@riverside.example", "role": "coordinator"}
            self.done("POST", "/v1/members", self.admin, new)
        members = self.done("GET", "/v1/members", self.admin)["data"]
        self.owners = [member["id"] for member in members if member["role"] != "viewer"]
        scopes = ["referrals:read", "referrals:write", "events:read", "webhooks:manage"]
        issued = self.done("POST", "/v1/api-keys", self.admin, {"name": "CRM", "scopes": scopes})
        self.key, self.key_id = issued["secret"], issued["id"]
        hook = self.done("POST", "/v1/webhook-endpoints", self.key, {"url": f"http://127.0.0.1:{self.hook_port}/handoff"})
        self.hook_id, self.hook_secret = hook["id"], hook["secret"]
        self.database.touch()
        with self.crm() as db:
            db.executescript((Path(__file__).parent / "schema.sql").read_text())
