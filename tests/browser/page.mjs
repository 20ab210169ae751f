// The documentation page as a person uses it, and two watchers: what it asks for over the network, and what goes wrong in it.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** A fresh tab at /docs/ with its watchers. Credentials of another tab are not there: nothing is kept. */
export async function open(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const watched = await watch(context, page);
  await page.goto(`${address}/docs/`);
  await page.locator(".opblock").first().waitFor();
  return { page, watched, close: () => context.close() };
}

/** Every address that the page asks for, by the protocol's own log, and every complaint of the browser. */
export async function watch(context, page) {
  const watched = { requests: [], complaints: [], pages: () => context.pages().length + context.serviceWorkers().length };
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", ({ request }) => watched.requests.push(request.url));
  session.on("Network.webSocketCreated", ({ url }) => watched.requests.push(url));
  // The log has what scripts print, and what the browser says by itself: refusals of the policy, files that are not there.
  await session.send("Log.enable");
  session.on("Log.entryAdded", ({ entry }) => {
    if (entry.level === "error" || entry.level === "warning") watched.complaints.push(`${entry.source}: ${entry.text} ${entry.url ?? ""}`);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) watched.complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => watched.complaints.push(`script: ${error.message}`));
  return watched;
}

/** The requests that went to another host. What is inside the page (`data:`, `blob:`) goes nowhere. */
export function elsewhere(requests, address) {
  return requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== address);
}

/** Types a key into the Authorize dialog; returns what the dialog says about each scheme. */
export async function authorize(page, scheme, value, picture) {
  await page.locator(".auth-wrapper .btn.authorize").click();
  const dialog = page.locator(".dialog-ux .modal-ux");
  const section = dialog.locator(".auth-container").filter({ has: page.locator("h4 code", { hasText: new RegExp(`^${scheme}$`) }) });
  await section.locator("input").fill(value);
  const schemes = await dialog.locator(".auth-container").allInnerTexts();
  if (picture) await shoot(dialog, picture);
  await section.locator("button.authorize").click();
  await section.getByRole("button", { name: "Remove authorization" }).waitFor();
  await section.locator("button.btn-done").click();
  return schemes;
}

/** Opens an operation and makes it ready to try out, with the document's own examples filled in. */
export async function tryOut(page, operation) {
  const block = page.locator(`#operations-${operation}`);
  await block.locator(".opblock-summary-control").click();
  await block.locator(".try-out__btn").click();
  return block;
}

/** Executes what is filled in; returns what was sent and what the page then shows of the answer. */
export async function execute(block) {
  const sent = JSON.parse(await block.locator(".body-param textarea").inputValue());
  // What is shown of an earlier answer goes away first, so that it does not pass for this one.
  const clear = block.locator(".btn-clear");
  if (await clear.count()) await clear.click();
  const live = block.locator(".live-responses-table .response").first();
  await live.waitFor({ state: "detached" });
  await block.locator("button.execute").click();
  await live.locator(".response-col_status").waitFor();
  const status = Number.parseInt(await live.locator(".response-col_status").innerText(), 10);
  const body = JSON.parse(await live.locator(".highlight-code code, .highlight-code pre").first().innerText());
  return { status, body, sent };
}

/** A picture of what is there, as PNG. */
export async function shoot(what, path) {
  await mkdir(dirname(path), { recursive: true });
  await what.screenshot({ path, animations: "disabled" });
}

/** A picture of an operation from its head to the end of its live answer; the documented answers below it are long. */
export async function shootLive(page, block, path) {
  const box = await block.boundingBox();
  const live = await block.locator(".live-responses-table").boundingBox();
  const scrolled = await page.evaluate(() => window.scrollY);
  const clip = { x: box.x, y: box.y + scrolled, width: box.width, height: live.y + live.height - box.y };
  await page.screenshot({ path, animations: "disabled", fullPage: true, clip });
}
