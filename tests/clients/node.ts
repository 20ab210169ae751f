// Drives the generated client from Node.js.
import { drive } from "./drive.js";

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const did = await drive({
  address: setting("HANDOFF"), adminToken: setting("ADMIN_TOKEN"), partnerKey: setting("PARTNER_KEY"), study: setting("STUDY"),
});
console.log(`TypeScript: ${did}`);
