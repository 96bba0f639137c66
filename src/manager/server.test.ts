import { afterEach, expect, test } from "bun:test";
import { ConfigError, readConfig } from "./config.ts";
import { serve } from "./server.ts";

const good = {
  AGENTRUN_BOOT_COMMIT: "a".repeat(40),
  AGENTRUN_ENV_IDENTITY: "b".repeat(64),
  AGENTRUN_LANE: "v0.1",
  PORT: "0",
};

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

test("health names the commit, the identity and the lane", async () => {
  const server = serve(readConfig(good));
  stop = () => server.stop(true);
  const response = await fetch(new URL("/health", server.url));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    status: "ok",
    commit: good.AGENTRUN_BOOT_COMMIT,
    envIdentity: good.AGENTRUN_ENV_IDENTITY,
    lane: "v0.1",
  });
});

test("an unknown path is 404 and JSON", async () => {
  const server = serve(readConfig(good));
  stop = () => server.stop(true);
  const response = await fetch(new URL("/nowhere", server.url));
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({ error: "not-found" });
});

test("every wrong variable is named at once", () => {
  const read = () => readConfig({ AGENTRUN_BOOT_COMMIT: "abc", PORT: "x" });
  expect(read).toThrow(ConfigError);
  for (const name of ["AGENTRUN_BOOT_COMMIT", "AGENTRUN_ENV_IDENTITY", "AGENTRUN_LANE", "PORT"]) {
    expect(read).toThrow(name);
  }
});
