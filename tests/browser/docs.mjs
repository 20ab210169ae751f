// /docs/ in a real browser: a partner authorises, sends the document's own example, and sees a live 201. Nothing leaves for
// another host, and the browser has nothing to complain of. `run` starts the server (HANDOFF, with the sample's PARTNER_KEY)
// and this with the directory for pictures.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { authorize, elsewhere, execute, open, shoot, shootLive, tryOut, watch } from "./page.mjs";

const { HANDOFF: address, PARTNER_KEY: key } = process.env;
assert.ok(address && key, "HANDOFF and PARTNER_KEY are set by tests/browser/run");
const pictures = resolve(process.argv[2]);

/** Authorises, and sends the example as it stands, its idempotency key included. */
async function refer(page, credential, expected, picture) {
  const schemes = await authorize(page, "api_key", credential, picture);
  const block = await tryOut(page, "referrals-create_referral");
  const seen = await execute(block);
  assert.equal(seen.status, expected, JSON.stringify(seen.body));
  return { ...seen, schemes, block };
}

test("the documentation page", { timeout: 120_000 }, async (t) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Whatever a page asks for, no name but this machine's is found: the test sends nothing out, also when it fails.
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
  });
  t.after(() => browser.close());

  await t.test("a partner sends the document's example and sees a live 201", async () => {
    const { page, watched, close } = await open(browser, address);
    assert.equal(await page.title(), "Handoff API");
    await shoot(page, `${pictures}/page.png`);
    const { body, sent, schemes, block } = await refer(page, key, 201, `${pictures}/authorize.png`);
    assert.equal(body.study, sent.study);
    assert.match(body.handoff.code, /^[0-9A-Z]{10}$/);
    assert.equal(schemes.length, 2, schemes.join("\n"));
    await shootLive(page, block, `${pictures}/created.png`);
    const again = await execute(block);
    assert.equal(again.body.id, body.id, "the same key once more is a retry");
    await block.locator('tr[data-param-name="Idempotency-Key"] input').fill(`browser-${Date.now()}`);
    const another = await execute(block);
    assert.equal(another.status, 201, `the example can be sent again with a key of one's own: ${JSON.stringify(another.body)}`);
    assert.notEqual(another.body.id, body.id);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.equal(kept, '[{},{},""]', "nothing is kept in the browser");
    assert.deepEqual(elsewhere(watched.requests, address), []);
    assert.equal(watched.pages(), 1, "no other tab, whose requests would not be in the log");
    assert.ok(watched.requests.length >= 8, `the log has ${watched.requests.length} requests only`);
    assert.deepEqual(watched.complaints, []);
    await close();
  });

  await t.test("on a narrow screen the page does not scroll sideways", async () => {
    const { page, close } = await open(browser, address);
    const block = await tryOut(page, "referrals-create_referral");
    assert.ok(await block.isVisible());
    await page.setViewportSize({ width: 400, height: 900 });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await width(), 400);
    await shoot(page, `${pictures}/narrow.png`);
    // The control: something wide is seen.
    await page.evaluate(() => {
      const wide = document.body.appendChild(document.createElement("div"));
      Object.assign(wide.style, { width: "681px", height: "1px" });
    });
    assert.equal(await width(), 681);
    await close();
  });

  await t.test("control: a wrong key is seen as 401, and does not pass for 201", async () => {
    const wrong = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    const first = await open(browser, address);
    assert.equal((await refer(first.page, wrong, 401)).body.code, "invalid_credentials");
    await first.close();
    const second = await open(browser, address);
    await assert.rejects(refer(second.page, wrong, 201), /401 !== 201|invalid_credentials/);
    await second.close();
  });

  await t.test("control: the policy stops what the page does not do, and both watchers see it", async () => {
    const { page, watched, close } = await open(browser, address);
    const outcome = await page.evaluate(() => fetch("http://elsewhere.example/").then(() => "sent", () => "stopped"));
    assert.equal(outcome, "stopped");
    await page.evaluate(() => {
      document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = true" }));
    });
    assert.equal(await page.evaluate(() => window.ran), undefined);
    const violations = watched.complaints.filter((complaint) => /Content Security Policy/i.test(complaint));
    assert.ok(violations.length >= 2, watched.complaints.join("\n"));
    await close();
    // Without the policy the request is made, and it is in the log.
    const context = await browser.newContext();
    const bare = await context.newPage();
    const seen = await watch(context, bare);
    await bare.goto(`${address}/healthz`);
    await bare.evaluate(() => fetch("http://elsewhere.example/").catch(() => {}));
    assert.deepEqual(elsewhere(seen.requests, address), ["http://elsewhere.example/"]);
    await context.close();
  });
});
