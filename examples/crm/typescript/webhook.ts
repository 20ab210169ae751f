// Receives webhooks (Standard Webhooks 1.0.0). A message that is genuine is a nudge to read the feed now; what it says is not used.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;
const LARGEST = 64 * 1024;

/** Whether somebody who knows the secret signed exactly this body, lately. Two signatures come while the secret is rotated. */
export function isGenuine(secret: string, headers: IncomingHttpHeaders, body: Buffer, now: number): boolean {
  const [id, at, signatures] = [headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]];
  if (typeof id !== "string" || typeof at !== "string" || typeof signatures !== "string") return false;
  if (!/^[0-9]{1,12}$/.test(at) || Math.abs(now - Number(at)) > TOLERANCE_SECONDS) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const sent = signature.startsWith("v1,") ? Buffer.from(signature.slice(3), "base64") : Buffer.alloc(0);
    return sent.length === expected.length && timingSafeEqual(sent, expected);
  });
}

/** Serves beside the connector. Put a proxy that speaks TLS before it. */
export function listen(port: number, secret: string, nudge: () => void): void {
  const server = createServer(async (request, response) => {
    const answer = (status: number) => response.writeHead(status, { connection: "close" }).end();
    try {
      const parts: Buffer[] = [];
      let length = 0;
      for await (const part of request as AsyncIterable<Buffer>) {
        length += part.length;
        if (length > LARGEST) return answer(413);
        parts.push(part);
      }
      // The body as it came: parsing it first would be trusting it first.
      if (request.method !== "POST" || !isGenuine(secret, request.headers, Buffer.concat(parts), Date.now() / 1000)) return answer(401);
      nudge();
      return answer(204);
    } catch {
      return response.destroy();
    }
  });
  server.requestTimeout = 10_000;
  server.listen(port, "127.0.0.1");
}
