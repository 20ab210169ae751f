"""Receives webhooks (Standard Webhooks 1.0.0). A message that is genuine is a nudge to read the feed now; what it says is not used."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 5 * 60
LARGEST = 64 * 1024


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether somebody who knows the secret signed exactly this body, lately. Two signatures come while the secret is rotated."""
    sent_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_id or not (sent_at.isascii() and sent_at.isdigit()) or abs(now - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.digest(key, f"{sent_id}.{sent_at}.".encode() + body, hashlib.sha256)
    genuine = False
    for signature in headers.get("webhook-signature", "").split():
        version, _, encoded = signature.partition(",")
        try:
            genuine |= version == "v1" and hmac.compare_digest(base64.b64decode(encoded, validate=True), expected)
        except (binascii.Error, ValueError):
            continue
    return genuine


def listen(port: int, secret: str, nudge: threading.Event) -> None:
    """Serves in the background. Put a proxy that speaks TLS before it."""

    class Receiver(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()) or int(length) > LARGEST:
                self.answer(413)
                return
            # The body as it came: parsing it first would be trusting it first.
            body = self.rfile.read(int(length))
            if is_genuine(secret, dict(self.headers_in_lower_case()), body, time.time()):
                nudge.set()
                self.answer(204)
            else:
                self.answer(401)

        def headers_in_lower_case(self) -> list[tuple[str, str]]:
            return [(name.lower(), value) for name, value in self.headers.items()]

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.send_header("connection", "close")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing of a message goes into a log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
