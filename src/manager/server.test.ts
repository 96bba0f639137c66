import { afterEach, expect, test } from "bun:test";
import { ConfigError, readConfig } from "./config.ts";
import { type Database, openDatabase } from "./database.ts";
import { type Parts, serve } from "./server.ts";
import { config } from "../testing/fixtures.ts";

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

async function get(path: string, parts: Parts = {}): Promise<{ status: number; answer: unknown }> {
  const server = serve(config(), parts);
  stop = () => server.stop(true);
  const response = await fetch(new URL(path, server.url));
  return { status: response.status, answer: await response.json() };
}

function databaseThat(answers: boolean): Database {
  return { answers: async () => answers };
}

test("health names the commit, the identity and the lane", async () => {
  const { status, answer } = await get("/health");
  expect(status).toBe(200);
  expect(answer).toEqual({
    status: "ok",
    commit: "a".repeat(40),
    envIdentity: "b".repeat(64),
    lane: "v0.1",
    service: "agentrun-mgr",
    uptimeSeconds: expect.any(Number),
  });
});

test("health does not depend on the database: a restart would not help it", async () => {
  expect((await get("/health", { database: databaseThat(false) })).status).toBe(200);
});

test("ready tells whether the database answers", async () => {
  expect(await get("/ready")).toEqual({ status: 200, answer: { status: "ready", database: "not-configured" } });
  await stop?.();
  const good = await get("/ready", { database: databaseThat(true) });
  expect(good).toEqual({ status: 200, answer: { status: "ready", database: "ok" } });
  await stop?.();
  const bad = await get("/ready", { database: databaseThat(false) });
  expect(bad).toEqual({ status: 503, answer: { status: "not-ready", database: "unreachable" } });
});

test("a database that is away, and one that never answers, are unreachable", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  for (const port of [1, silent.port]) {
    const database = openDatabase(`postgres://user:word@127.0.0.1:${port}/agentrun_v01`);
    expect(await database.answers()).toBe(false);
  }
  silent.stop(true);
});

test("an unknown path is 404 and JSON", async () => {
  expect(await get("/nowhere")).toEqual({ status: 404, answer: { error: "not-found" } });
});

test.each([
  ["a password that is not percent-encoded", "postgres://robot:hunter%zz2@host/agentrun_v01"],
  ["a password with a # in it", "postgres://robot:hunter#2@host/agentrun_v01"],
  ["a port that is none", "postgres://robot:hunter2@host:port/agentrun_v01"],
  ["no host", "postgres://robot:hunter2@/agentrun_v01"],
])("a DATABASE_URL with %s is named, and not shown", (_, url) => {
  const read = () => config({ DATABASE_URL: url });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow("DATABASE_URL");
  expect(read).not.toThrow("hunter");
});

test("every wrong variable is named at once, and a password is never shown", () => {
  const source = {
    AGENTRUN_BOOT_COMMIT: "abc",
    PORT: "x",
    AGENTRUN_CATALOG_FILE: "x",
    DATABASE_URL: "mysql://u:hunter2@h",
  };
  const read = () => readConfig(source);
  expect(read).toThrow(ConfigError);
  for (const name of [...Object.keys(source), "AGENTRUN_ENV_IDENTITY", "AGENTRUN_LANE"]) expect(read).toThrow(name);
  expect(read).not.toThrow("hunter2");
});
