// The command line as a process, against a real manager: its output is always one JSON document.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../manager/server.ts";
import { catalogOf, config, FixedCatalog, imageRef, PINNED, request } from "../testing/fixtures.ts";

const MAIN = join(import.meta.dir, "main.ts");
let folder: string;
let server: Bun.Server<undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  server = serve(config(), { catalog: new FixedCatalog(catalogOf()) });
});

afterEach(async () => {
  await server.stop(true);
  await rm(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<{ status: number; document: Record<string, unknown>; err: string }> {
  const child = Bun.spawn([process.execPath, MAIN, "--manager", server.url.href, ...argv], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, document: JSON.parse(out) as Record<string, unknown>, err };
}

async function file(document: unknown): Promise<string> {
  const path = join(folder, "document.json");
  await writeFile(path, JSON.stringify(document));
  return path;
}

test("health and ready are the manager's own answers", async () => {
  expect(await run("health")).toMatchObject({ status: 0, document: { status: "ok", lane: "v0.1" }, err: "" });
  expect(await run("ready")).toMatchObject({ status: 0, document: { database: "not-configured" } });
});

test("version asks no manager, and --json changes nothing", async () => {
  await server.stop(true);
  const ran = await run("version");
  expect(ran).toMatchObject({ status: 0, document: { bun: Bun.version }, err: "" });
  expect(ran.document.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(await run("--json", "version")).toEqual(ran);
});

test("a promoted imageRef resolves to its pinned image", async () => {
  const ran = await run("resolve", await file({ spec: { imageRef } }));
  expect(ran).toMatchObject({ status: 0, document: { status: "reused", image: PINNED }, err: "" });
});

test("what has to be built first exits 3, with the plan", async () => {
  const aipod = { spec: { imageRef: { ...imageRef, commitId: "f".repeat(40) } } };
  expect(await run("resolve", await file(aipod))).toMatchObject({ status: 3, document: { status: "build-required" } });
  expect(await run("run", await file(request({ aipod })))).toMatchObject({
    status: 3,
    document: { status: "build-required", plan: { decision: "build" } },
  });
});

test("bad input exits 2, with every fault", async () => {
  const ran = await run("run", await file(request({ prompt: "node:latest", extra: 1 })));
  expect(ran).toMatchObject({ status: 2, document: { error: "bad-request" }, err: "" });
  expect(ran.document.faults).toHaveLength(2);
});

test.each([
  [[]],
  [["unknown"]],
  [["constructor"]],
  [["resolve"]],
  [["health", "more"]],
  [["version", "more"]],
  [["--nope"]],
  [["run", "/nowhere"]],
])("%p is bad usage, and says so in JSON", async (argv) => {
  expect(await run(...argv)).toMatchObject({ status: 2, document: { error: "bad-input" }, err: "" });
});

test("a manager that lacks something exits 4", async () => {
  const ran = await run("run", await file(request()));
  expect(ran).toMatchObject({ status: 4, document: { error: "job-not-created" } });
});

test("a manager that is away exits 4", async () => {
  await server.stop(true);
  expect(await run("health")).toMatchObject({ status: 4, document: { error: "service-failed" }, err: "" });
});
