// Readiness against a real Postgres, where its programs are installed.
import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "./database.ts";

const PROGRAMS = "/usr/lib/postgresql";
// a scan of a folder that is not there throws
const found = existsSync(PROGRAMS) ? [...new Bun.Glob("*/bin/initdb").scanSync({ cwd: PROGRAMS, absolute: true })] : [];
const [initdb] = found.sort().reverse();
// Postgres refuses to run as root, and as a user without a name: this one is nobody's
const USER = 65534;
const drop = process.getuid?.() === 0 ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];

interface Postgres {
  readonly port: number;
  stop(): Promise<void>;
}

async function startPostgres(initdbPath: string): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), "postgres-"));
  chmodSync(folder, 0o700);
  if (drop.length > 0) chownSync(folder, USER, USER);
  const data = join(folder, "data");
  const quiet = { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const make = [...drop, initdbPath, "--auth=trust", "--username=agentrun", "--no-sync", "-D", data];
  expect(await Bun.spawn(make, quiet).exited).toBe(0);
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  const options = ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, "-F"];
  const server = Bun.spawn([...drop, join(initdbPath, "../postgres"), ...options], quiet);
  return {
    port,
    stop: async () => {
      server.kill("SIGINT");
      await server.exited;
      rmSync(folder, { recursive: true });
    },
  };
}

test.skipIf(!initdb)(
  "a database answers once it is up, not under another name, and no longer when it is down",
  async () => {
    const postgres = await startPostgres(initdb ?? "");
    const open = (name: string) => openDatabase(`postgres://agentrun:p%40ss%2Fword@127.0.0.1:${postgres.port}/${name}`);
    const [database, other] = [open("postgres"), open("agentrun_v99")];
    try {
      while (!(await database.answers())) await Bun.sleep(50);
      expect(await other.answers()).toBe(false);
    } finally {
      await postgres.stop();
    }
    expect(await database.answers()).toBe(false);
  },
  30_000,
);
