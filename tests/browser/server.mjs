// The real thing for a test: its own PostgreSQL, the sample site, a port nobody has.
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_LIMIT = 60_000;

/** Starts `binary`; resolves to its address, the values of its demo.txt, and the way to stop it. */
export async function start(binary) {
  const home = await mkdtemp(join(tmpdir(), "handoff-browser-"));
  // As root the database server runs as somebody else, who has to pass through here.
  await chmod(home, 0o755);
  const data = join(home, "data");
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, HANDOFF_DATA_DIR: data, HANDOFF_LISTEN: "127.0.0.1:0" };
  const child = spawn(binary, [], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(killer);
    await rm(home, { recursive: true, force: true });
  };
  try {
    const address = await until(START_LIMIT, () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${said}`);
      return said.includes("serving on ") ? said.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0] : undefined;
    });
    const lines = await readFile(join(data, "demo.txt"), "utf8");
    const value = (name) => {
      const found = lines.match(new RegExp(`^${name}=(.+)$`, "m"));
      if (!found) throw new Error(`demo.txt has no ${name}`);
      return found[1];
    };
    return { address, value, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function until(limit, look) {
  const deadline = Date.now() + limit;
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`the server was not ready within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
