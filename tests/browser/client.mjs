// The generated TypeScript client in a real browser, as a front end has it: served from an origin of its own, which the operator listed
// (HANDOFF_CORS_ORIGINS). `tests/clients/run` has compiled it, starts the server, and this with ORIGIN.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";

import { chromium } from "playwright-core";

const { HANDOFF, ADMIN_TOKEN, PARTNER_KEY, STUDY, ORIGIN } = process.env;
assert.ok(HANDOFF && ADMIN_TOKEN && PARTNER_KEY && STUDY && ORIGIN, "tests/clients/run sets what this needs");
const setting = { address: HANDOFF, adminToken: ADMIN_TOKEN, partnerKey: PARTNER_KEY, study: STUDY };

const clients = new URL("../clients/", import.meta.url);
const page = `<!doctype html><title>Front end</title>
<script type="importmap">{"imports": {"openapi-fetch": "/openapi-fetch.js"}}</script>`;
const files = {
  "/": ["text/html", () => page],
  "/drive.js": ["text/javascript", () => readFile(new URL("built/drive.js", clients))],
  "/openapi-fetch.js": ["text/javascript", () => readFile(new URL("node_modules/openapi-fetch/dist/index.mjs", clients))],
};

/** Serves the front end on a port of this machine; any, when it is 0. */
function serve(port) {
  const server = createServer(async ({ url }, response) => {
    const [kind, text] = files[url] ?? ["text/plain", () => ""];
    response.writeHead(url in files ? 200 : 404, { "content-type": kind }).end(await text());
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

test("the generated client in a browser", { timeout: 120_000 }, async (t) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
  });
  t.after(() => browser.close());
  const front = await serve(Number(new URL(ORIGIN).port));
  t.after(() => front.close());
  const drive = async (origin) => {
    const tab = await browser.newPage();
    try {
      await tab.goto(origin);
      return await tab.evaluate(async (setting) => (await import("/drive.js")).drive(setting), setting);
    } finally {
      await tab.close();
    }
  };

  await t.test("onboards, refers, works the referral and reads the report", async () => {
    const did = await drive(ORIGIN);
    assert.match(did, /one referral from sending to the report/);
    console.log(`Chromium ${browser.version()}: ${did}`);
  });

  await t.test("control: an origin that nobody listed gets nothing", async () => {
    const stranger = await serve(0);
    await assert.rejects(drive(`http://127.0.0.1:${stranger.address().port}`), /Failed to fetch/);
    stranger.close();
  });
});
