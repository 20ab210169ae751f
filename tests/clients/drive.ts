// What a front end does with the generated client: onboards a partner, refers, works the referral and reads a report, against a live
// server, in Node.js (`node.ts`) and in a browser (`../browser/client.mjs`). It is compiled strictly: what the document does not say does
// not compile.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

/** Where the server is, and who calls it. */
export interface Setting {
  address: string;
  adminToken: string;
  partnerKey: string;
  study: string;
}

type Answer<T> = { data?: T; error?: Schemas["Problem"]; response: Response };

function done<T>(what: string, answer: Answer<T>): T {
  if (answer.data === undefined) throw new Error(`${what}: ${answer.response.status} ${answer.error?.code} ${answer.error?.detail}`);
  return answer.data;
}

function tag(answer: { response: Response }): string {
  const etag = answer.response.headers.get("etag");
  if (!etag) throw new Error("an answer without its tag");
  return etag;
}

const fresh = () => ({ "Idempotency-Key": crypto.randomUUID() });

/** Says what it did; anything else than what it expects is an error. */
export async function drive({ address, adminToken, partnerKey, study }: Setting): Promise<string> {
  const as = (credentials: string) =>
    createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${credentials}` } });
  const [admin, partner] = [as(adminToken), as(partnerKey)];

  // Onboarding, up to what still stands in the way of a launch.
  const code = `client-${Date.now()}`;
  const wanted: Schemas["CreatePartner"] = {
    code, name: "Generated Client Clinic", partner_type: "specialty_clinic", jurisdiction: "US-NY", remuneration_basis: "none",
  };
  const made = await admin.POST("/v1/partners", { params: { header: fresh() }, body: wanted });
  const organisation = done("create_partner", made);
  const moved = await admin.POST("/v1/partners/{id}/transitions", {
    params: { path: { id: organisation.id }, header: { ...fresh(), "If-Match": tag(made) } },
    body: { to: "language_pending" },
  });
  const status: Schemas["PartnerStatus"] = done("transition_partner", moved).status;
  if (status !== "language_pending") throw new Error(status);
  const members = done("list_members", await admin.GET("/v1/members", {}));
  const [owner, backup] = members.data.filter((member) => member.active && member.role !== "viewer");
  if (!owner || !backup) throw new Error("the sample site has two people at least");
  const route = done("create_route", await admin.POST("/v1/routes", {
    params: { header: fresh() },
    body: {
      partner: code, study, source_tag: `${code}.tag`, duplicate_policy: "review_all", owner_id: owner.id, backup_owner_id: backup.id,
      channels: [{ channel: "secure_form", instruction: "Give the person the code and the intake address." }],
    },
  }));
  const check = done("get_launch_check", await admin.GET("/v1/routes/{id}/launch-check", { params: { path: { id: route.id } } }));
  const missing = check.checks.filter((one) => !one.passed).map((one) => one.what_to_do);
  if (check.ready || missing.length === 0 || missing.some((hint) => hint === null)) throw new Error("nothing skips its proof");

  // A referral of a partner that is active, with both views of it.
  const body: Schemas["CreateReferral"] = {
    study, channel: "secure_form", contact_basis: "permission_to_contact", contact_path: "person_uses_intake",
  };
  const here = done("list_events, the end", await admin.GET("/v1/events", { params: { query: { start: "latest" } } }));
  const key = fresh();
  const sent = done("create_referral", await partner.POST("/v1/referrals", { params: { header: key }, body }));
  const again = done("create_referral, again", await partner.POST("/v1/referrals", { params: { header: key }, body }));
  if (sent.id !== again.id) throw new Error("a retry made another one");
  // The union is told apart by its discriminator.
  if (sent.view !== "partner") throw new Error(sent.view);
  const code4: Schemas["PartnerReferralStatus"] = sent.status;
  if (code4 !== "accepted_for_review") throw new Error(code4);
  const seen = await admin.GET("/v1/referrals/{id}", { params: { path: { id: sent.id } } });
  const referral = done("get_referral", seen);
  if (referral.view !== "site") throw new Error(referral.view);
  const worked = await admin.POST("/v1/referrals/{id}/transitions", {
    params: { path: { id: referral.id }, header: { ...fresh(), "If-Match": tag(seen) } },
    body: { to: "contacting" },
  });
  if (done("transition_referral", worked).status !== "contacting") throw new Error("it did not move");
  const stale = await admin.POST("/v1/referrals/{id}/transitions", {
    params: { path: { id: referral.id }, header: { ...fresh(), "If-Match": tag(seen) } },
    body: { to: "connected" },
  });
  if (stale.response.status !== 412 || stale.error?.code !== "stale_version") throw new Error("a stale version was taken");

  // What came of it.
  const report = done("get_source_quality_report", await admin.GET("/v1/reports/source-quality", { params: { query: { study } } }));
  // The same operation answers tables and pictures to whoever asks for them.
  if (typeof report === "string") throw new Error("JSON was asked for");
  const first = report.total.time_to_first_action.p50_seconds;
  if (report.total.volume < 1 || (first !== null && first < 0)) throw new Error("the report lacks it");
  const events = done("list_events", await admin.GET("/v1/events", { params: { query: { cursor: here.next_cursor, wait_seconds: 10 } } }));
  if (!events.data.some((event) => event.referral_id === referral.id)) throw new Error("the feed lacks it");

  // The control: none of these compiles, or the compiler says so.
  const control = (): void => {
    // @ts-expect-error a word that the vocabulary does not have
    const wrong: Schemas["Channel"] = "fax";
    // @ts-expect-error a field that the contract does not have
    const strange: Schemas["CreateReferral"] = { ...body, diagnosis: "x" };
    // @ts-expect-error a field that is required
    const lacking: Schemas["CreateReferral"] = { study, channel: "secure_form", contact_basis: "permission_to_contact" };
    // @ts-expect-error the key that is required
    void partner.POST("/v1/referrals", { body });
    // @ts-expect-error what a partner does not see
    if (sent.view === "partner") void sent.owner_id;
    void [wrong, strange, lacking];
  };
  void control;
  return `${code} onboarded up to ${missing.length} open checks, one referral from sending to the report (${report.total.volume} in it)`;
}
