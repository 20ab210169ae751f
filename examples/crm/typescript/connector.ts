// Keeps the CRM's tables (../schema.sql) and Handoff's referrals the same. ../README.md says how and why.
import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";
import { listen } from "./webhook.js";

type Schemas = components["schemas"];
const COLUMNS = [
  "partner", "study", "status", "owner_id", "next_action", "next_action_due_at", "blocker", "close_reason", "external_ref",
] as const;
type Row = Pick<Schemas["ReferralView"], (typeof COLUMNS)[number]>;
type Columns = Partial<Row>;
type Mirrored = Row & { id: string; etag: string };

/** A referral as Handoff has it; without a row: there is none. */
type Found = { id: string; etag: string; row: Row | null };

/** A row of the outbox. */
type Edit = { seq: number; record_id: string; seen: Columns; idempotency_key: string } & (
  | { kind: "create"; referral_id: null; etag: null; body: Schemas["CreateReferral"] }
  | { kind: "move"; referral_id: string; etag: string; body: Schemas["TransitionReferral"] }
  | { kind: "change"; referral_id: string; etag: string; body: Schemas["UpdateReferral"] }
);
type Sent = Exclude<Edit, { kind: "create" }>;

/** Handoff is away or busy: the same again, with the same key, after a while. */
class Later extends Error {
  constructor(readonly seconds: number) {
    super("later");
  }
}

/** Reads each answer whole, so that one that breaks off is known here, and not taken for a fault of this program. */
async function reach(request: Request): Promise<Response> {
  let [response, body]: [Response | undefined, ArrayBuffer | undefined] = [undefined, undefined];
  try {
    response = await fetch(request, { signal: AbortSignal.timeout(15_000) });
    body = await response.arrayBuffer();
  } catch {
    throw new Later(1);
  }
  if (response.status === 429 || response.status >= 500) throw new Later(Number(response.headers.get("retry-after") ?? 1) || 1);
  return new Response(body.byteLength > 0 ? body : null, response);
}

type Answer<T> = { data?: T; error?: Schemas["Problem"]; response: Response };

/** For what is answered unless the key or this program is wrong: then a person has to look. */
function expect<T>(answer: Answer<T>): T {
  if (answer.data === undefined) throw new Error(`Handoff answered ${answer.response.status} ${answer.error?.code}`);
  return answer.data;
}

function siteView(view: Schemas["ReferralBody"]): Schemas["ReferralView"] {
  if (view.view !== "site") throw new Error("the key is a partner's");
  return view;
}

function rowOf(view: Schemas["ReferralBody"]): Row {
  const shown = siteView(view);
  return Object.fromEntries(COLUMNS.map((column) => [column, shown[column]])) as Row;
}

function refusal(answer: Answer<unknown>): string | null {
  if (answer.data !== undefined) return null;
  if (answer.response.status === 401 || answer.response.status === 403) expect(answer);
  if (answer.error?.code === "idempotency_in_flight") throw new Later(1);
  return answer.error?.code ?? `status_${answer.response.status}`;
}

/** What the mirror shows once the edit is done. */
function wantsOf(edit: Sent): Columns {
  if (edit.kind === "change") {
    const { reason: _, ...columns } = edit.body;
    return columns as Columns;
  }
  const { to, reason, blocker } = edit.body;
  if (to === "closed") return { status: to, close_reason: (reason ?? null) as Row["close_reason"] };
  return to === "on_hold" ? { status: to, blocker: blocker ?? null } : { status: to };
}

function holds(row: Row | null, columns: Columns): boolean {
  return row !== null && Object.entries(columns).every(([column, value]) => row[column as keyof Row] === value);
}

export class Connector {
  private readonly db: Database.Database;
  private readonly api;
  private suspects = new Map<string, { etag: string | null; columns: Set<string> }>();

  constructor(database: string, address: string, key: string) {
    this.api = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${key}` }, fetch: reach });
    this.db = new Database(database, { timeout: 10_000 });
    this.db.exec(readFileSync(new URL("../../schema.sql", import.meta.url), "utf8"));
  }

  private transaction(work: () => void): void {
    this.db.transaction(work).immediate();
  }

  // In: from Handoff to the CRM.

  /** Reads the feed to its end. The rows that a page leads to and the cursor after it are one transaction. */
  async pull(): Promise<void> {
    for (;;) {
      const at = this.db.prepare<[], { cursor: string }>("SELECT cursor FROM feed").get();
      const answer = at && (await this.api.GET("/v1/events", { params: { query: { cursor: at.cursor, limit: 100 } } }));
      if (!answer || answer.error?.code === "invalid_cursor") {
        await this.begin();
        continue;
      }
      const page = expect(answer);
      // An event is thin, and may be older than what is there now: the referral itself is what counts, once for a page.
      const found: Found[] = [];
      for (const id of new Set(page.data.map((event) => event.referral_id))) if (id) found.push(await this.read(id));
      this.transaction(() => {
        for (const one of found) this.mirror(one);
        this.db.prepare("UPDATE feed SET cursor = ?").run(page.next_cursor);
      });
      if (!page.has_more) return;
    }
  }

  /** The first start, and the first after Handoff was restored from a backup. The feed's end comes first: what happens while the list
   * is read is told after it. A crash on the way begins anew. */
  private async begin(): Promise<void> {
    const end = expect(await this.api.GET("/v1/events", { params: { query: { start: "latest" } } }));
    const ids = new Set<string>();
    for await (const view of this.listed()) ids.add(view.id);
    for (const row of this.db.prepare<[], { id: string }>("SELECT id FROM referral").all()) ids.add(row.id);
    for (const id of ids) {
      const found = await this.read(id);
      this.transaction(() => this.mirror(found));
    }
    this.db.prepare("INSERT OR REPLACE INTO feed (only_row, cursor) VALUES (1, ?)").run(end.next_cursor);
  }

  private async *listed(): AsyncGenerator<Schemas["ReferralBody"]> {
    let cursor: string | null = null;
    do {
      const query: { limit: number; cursor?: string } = cursor === null ? { limit: 200 } : { limit: 200, cursor };
      const page: Schemas["ReferralPage"] = expect(await this.api.GET("/v1/referrals", { params: { query } }));
      yield* page.data;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  private async read(id: string): Promise<Found> {
    const answer = await this.api.GET("/v1/referrals/{id}", { params: { path: { id } } });
    if (answer.response.status === 404) return { id, etag: "", row: null };
    return { id, etag: answer.response.headers.get("etag") ?? "", row: rowOf(expect(answer)) };
  }

  /** Within a transaction. */
  private mirror({ id, etag, row }: Found): void {
    if (row === null) {
      this.db.prepare("DELETE FROM referral WHERE id = ?").run(id);
      return;
    }
    this.db
      .prepare(`INSERT OR REPLACE INTO referral (id, etag, ${COLUMNS.join(", ")}) VALUES (@id, @etag, @${COLUMNS.join(", @")})`)
      .run({ id, etag, ...row });
    if (row.external_ref !== null) {
      this.db
        .prepare(
          `INSERT INTO record (id, referral_id, created_by) VALUES (?, ?, 'handoff')
           ON CONFLICT (id) DO UPDATE SET referral_id = excluded.referral_id`,
        )
        .run(row.external_ref, id);
    } else if (!this.db.prepare("SELECT 1 FROM record WHERE referral_id = ?").get(id)) {
      // A record for it, and word of that to Handoff: an edit like any other.
      const record = `CRM-${randomUUID()}`;
      const texts = [JSON.stringify({ external_ref: record }), JSON.stringify({ external_ref: null })];
      this.db.prepare("INSERT INTO record (id, referral_id, created_by) VALUES (?, ?, 'handoff')").run(record, id);
      this.db
        .prepare(
          "INSERT INTO outbox (kind, record_id, referral_id, body, seen, etag, idempotency_key) VALUES ('change', ?, ?, ?, ?, ?, ?)",
        )
        .run(record, id, ...texts, etag, randomUUID());
    }
  }

  /** Compares the list with the mirror, and puts right what the feed did not tell: what differs at two looks in a row though the feed
   * was read in between. */
  async reconcile(): Promise<void> {
    const suspects: typeof this.suspects = new Map();
    for await (const view of this.listed()) {
      const listed = rowOf(view);
      const have = this.db.prepare<[string], Mirrored>("SELECT * FROM referral WHERE id = ?").get(view.id);
      const columns = new Set<string>(COLUMNS.filter((column) => !have || have[column] !== listed[column]));
      if (columns.size === 0) continue;
      const [etag, before] = [have?.etag ?? null, this.suspects.get(view.id)];
      if (!before || before.etag !== etag) {
        suspects.set(view.id, { etag, columns });
        continue;
      }
      const found = await this.read(view.id);
      const both = JSON.stringify([...columns].filter((column) => before.columns.has(column)).sort());
      this.transaction(() => {
        this.mirror(found);
        this.db.prepare("INSERT INTO repair (referral_id, columns) VALUES (?, ?)").run(view.id, both);
      });
    }
    this.suspects = suspects;
  }

  // Out: from the CRM to Handoff.

  async push(): Promise<void> {
    type Waiting = { body: string; seen: string };
    for (const row of this.db.prepare<[], Waiting>("SELECT * FROM outbox ORDER BY seq").all()) {
      const edit = { ...row, body: JSON.parse(row.body), seen: JSON.parse(row.seen) } as unknown as Edit;
      await (edit.kind === "create" ? this.create(edit) : this.send(edit));
    }
  }

  /** Finds the record's referral or makes it. The key answers a retry for 24 hours, and the look-up after that too. */
  private async create(edit: Exclude<Edit, Sent>): Promise<void> {
    const none: Found = { id: "", etag: "", row: null };
    const known = await this.api.GET("/v1/referrals", { params: { query: { external_ref: edit.record_id } } });
    // Such as an id that Handoff does not take for a code. The other records do not wait for it.
    if (!known.data) return this.settle(edit, none, refusal(known));
    const { data } = known.data;
    if (data.length > 1) return this.settle(edit, none, "ambiguous");
    if (data[0]) return this.settle(edit, await this.read(data[0].id), null);
    const made = await this.api.POST("/v1/referrals", { params: { header: { "Idempotency-Key": edit.idempotency_key } }, body: edit.body });
    const refused = refusal(made);
    if (refused !== null) return this.settle(edit, none, refused);
    // A replayed answer is the first one and may be old by now, and so what counts is read.
    this.settle(edit, await this.read(expect(made).id), null);
  }

  private async send(edit: Sent): Promise<void> {
    const [path, match] = [{ id: edit.referral_id }, { "If-Match": edit.etag }];
    const answer: Answer<unknown> =
      edit.kind === "move"
        ? await this.api.POST("/v1/referrals/{id}/transitions", {
            params: { path, header: { ...match, "Idempotency-Key": edit.idempotency_key } }, body: edit.body,
          })
        : await this.api.PATCH("/v1/referrals/{id}", { params: { path, header: match }, body: edit.body });
    const refused = refusal(answer);
    const now = await this.read(edit.referral_id);
    if (refused !== "stale_version") return this.settle(edit, now, refused);
    // Our own attempt whose answer was lost, or somebody who wanted the same.
    if (holds(now.row, wantsOf(edit))) return this.settle(edit, now, null);
    if (!holds(now.row, edit.seen)) return this.settle(edit, now, "changed_meanwhile");
    if (edit.kind === "move" && !(await this.isAllowed(edit.referral_id, edit.body))) return this.settle(edit, now, "not_allowed");
    // Somebody changed something else: what the person decided still holds, and goes out with the next round.
    this.transaction(() => {
      this.mirror(now);
      this.db.prepare("UPDATE outbox SET etag = ? WHERE seq = ?").run(now.etag, edit.seq);
    });
  }

  private async isAllowed(id: string, { to, reason }: Schemas["TransitionReferral"]): Promise<boolean> {
    const { actions } = expect(await this.api.GET("/v1/referrals/{id}/actions", { params: { path: { id } } }));
    const takes = (reasons: string[]) => (reasons.length > 0 ? reasons.includes(reason ?? "") : !reason);
    return actions.some((move) => move.to === to && takes(move.reasons));
  }

  /** The edit is over: what came of it and that it waits no more are one transaction. */
  private settle(edit: Edit, now: Found, conflict: string | null): void {
    this.transaction(() => {
      if (now.id) this.mirror(now);
      if (conflict !== null) {
        const columns = edit.kind === "create" ? [] : Object.keys({ ...edit.seen, ...wantsOf(edit) });
        const found = Object.fromEntries(columns.map((column) => [column, now.row?.[column as keyof Row]]));
        this.db
          .prepare(
            `INSERT INTO conflict (seq, kind, record_id, referral_id, body, seen, found, reason)
             SELECT seq, kind, record_id, referral_id, body, seen, ?, ? FROM outbox WHERE seq = ?`,
          )
          .run(JSON.stringify(found), conflict, edit.seq);
      }
      this.db.prepare("DELETE FROM outbox WHERE seq = ?").run(edit.seq);
    });
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const connector = new Connector(setting("CRM_DATABASE"), setting("HANDOFF"), setting("HANDOFF_KEY"));
const [poll, compare] = [Number(process.env["POLL_SECONDS"] ?? 30) * 1000, Number(process.env["COMPARE_SECONDS"] ?? 900) * 1000];
let [readAt, compareAt, nudged, wake] = [0, Date.now() + compare, false, () => {}];
const nudge = () => {
  nudged = true;
  wake();
};
if (process.env["WEBHOOK_PORT"]) listen(Number(process.env["WEBHOOK_PORT"]), setting("WEBHOOK_SECRET"), nudge);

for (;;) {
  let wait = 1;
  try {
    if (nudged || Date.now() >= readAt) {
      // Before it is read: what a nudge tells of while it is read needs another round.
      nudged = false;
      await connector.pull();
      readAt = Date.now() + poll;
    }
    await connector.push();
    if (Date.now() >= compareAt) {
      await connector.pull();
      await connector.reconcile();
      compareAt = Date.now() + compare;
    }
  } catch (error) {
    if (!(error instanceof Later)) throw error;
    [readAt, nudged, wait] = [0, false, error.seconds];
  }
  await new Promise<void>((resume) => {
    const timer = setTimeout(resume, wait * 1000);
    if (wait > 1) return;
    wake = () => (clearTimeout(timer), resume());
    if (nudged) wake();
  });
  wake = () => {};
}
