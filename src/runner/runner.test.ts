// The runner as a process, with a Codex app-server that is another one.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codexCommand } from "./config.ts";

const MAIN = join(import.meta.dir, "main.ts");
const FAKE = join(import.meta.dir, "../testing/fake-codex.ts");
const SECRET = "s3cret-token";

let folder: string;
let provider: string;
let environment: Record<string, string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "runner-"));
  provider = join(folder, "provider");
  await mkdir(provider);
  await writeFile(join(provider, "auth.json"), JSON.stringify({ token: SECRET }), { mode: 0o440 });
  await writeFile(join(provider, "config.toml"), 'model = "x"\n', { mode: 0o440 });
  environment = {
    PATH: process.env.PATH ?? "",
    AGENTRUN_PROVIDER_DIR: provider,
    CODEX_HOME: join(folder, "home"),
    AGENTRUN_TASK: JSON.stringify({ prompt: "Say hello" }),
  };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function start(way: string): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  const command = JSON.stringify([process.execPath, FAKE, way]);
  return Bun.spawn([process.execPath, MAIN], {
    env: { AGENTRUN_CODEX_COMMAND: command, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

interface Ran {
  readonly status: number;
  readonly events: Record<string, unknown>[];
  readonly text: string;
}

async function run(way = "well"): Promise<Ran> {
  const child = start(way);
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const events = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status: await child.exited, events, text: out + err };
}

test("a task becomes a turn, and every event is a line of JSON", async () => {
  const ran = await run();
  expect(ran.status).toBe(0);
  expect(ran.events.map(({ event, method }) => [event, method])).toEqual([
    ["started", undefined],
    ["codex", "item/completed"],
    ["codex", "turn/completed"],
    ["completed", undefined],
  ]);
  expect(ran.events[1]).toMatchObject({
    params: { input: { threadId: "thread-1", input: [{ type: "text", text: "Say hello" }] } },
  });
});

test("Codex gets the provider's files in a home of its own, and the task by its protocol only", async () => {
  const ran = await run();
  expect(ran.events[1]).toMatchObject({
    params: {
      files: [
        { name: "auth.json", mode: "600", bytes: JSON.stringify({ token: SECRET }).length },
        { name: "config.toml", mode: "600", bytes: 12 },
      ],
      taskInEnvironment: false,
    },
  });
  expect(ran.text).not.toContain(SECRET);
});

test("what a former run left in the home is replaced", async () => {
  await mkdir(environment.CODEX_HOME ?? "");
  const old = join(environment.CODEX_HOME ?? "", "auth.json");
  await writeFile(old, "old, and longer than the new one is by a good deal of characters");
  await chmod(old, 0o644);
  expect((await run()).events[1]).toMatchObject({ params: { files: [{ mode: "600", bytes: 24 }, {}] } });
});

test("the payload follows the prompt", async () => {
  environment.AGENTRUN_TASK = JSON.stringify({ prompt: "Look", payload: { issue: 7 } });
  const { events } = await run();
  expect(events[1]).toMatchObject({ params: { input: { input: [{ text: 'Look\n\n{\n  "issue": 7\n}' }] } } });
});

test("text that arrives byte by byte is read whole", async () => {
  const { events } = await run("slowly");
  expect(events[2]).toMatchObject({ method: "item/agentMessage/delta", params: { delta: "grüße 你好" } });
});

test("a request of Codex's own is answered, and does not stop the turn", async () => {
  const ran = await run("asks");
  expect(ran.status).toBe(0);
  expect(ran.events[2]).toMatchObject({ params: { answered: -32601 } });
});

test.each([
  ["fails", 1, "no quota"],
  ["garbage", 4, "no JSON-RPC"],
  ["dies", 4, "status 7"],
  ["refuses", 4, "Not initialized"],
])("when Codex %s, the status is %d and the last line says %s", async (way, status, word) => {
  const ran = await run(way);
  expect(ran.status).toBe(status);
  expect(JSON.stringify(ran.events.at(-1))).toContain(word);
});

test("a Codex that can't be started is named", async () => {
  environment.AGENTRUN_CODEX_COMMAND = JSON.stringify(["/nowhere/codex"]);
  const ran = await run();
  expect(ran.status).toBe(4);
  expect(ran.events).toEqual([{ event: "error", what: expect.stringContaining("/nowhere/codex") }]);
});

test.each(["auth.json", "config.toml"])("without %s nothing is started", async (name) => {
  await rm(join(provider, name));
  const ran = await run();
  expect(ran.status).toBe(3);
  expect(ran.events).toEqual([{ event: "error", what: expect.stringContaining(name) }]);
});

test.each([
  ["AGENTRUN_TASK", "no JSON"],
  ["AGENTRUN_TASK", "{}"],
  ["AGENTRUN_CODEX_COMMAND", "[]"],
  ["CODEX_HOME", "relative"],
  ["AGENTRUN_PROVIDER_DIR", ""],
])("%s as %p is refused by its name", async (name, value) => {
  environment[name] = value;
  const ran = await run();
  expect(ran.status).toBe(2);
  expect(JSON.stringify(ran.events)).toContain(name);
});

test("SIGTERM ends the runner and a Codex that does not want to", async () => {
  const child = start("hangs");
  const reader = child.stdout.getReader();
  let seen = "";
  while (!seen.includes("item/completed")) seen += new TextDecoder().decode((await reader.read()).value);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  const pid = Number(/"pid":(\d+)/.exec(seen)?.[1]);
  expect(pid).toBeGreaterThan(0);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("Codex is the environment's package where it has one, and needs no node; otherwise the program on PATH", async () => {
  expect(codexCommand(folder)).toEqual(["codex", "app-server"]);
  const bin = join(folder, "node_modules/@openai/codex/bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "codex.js"), "");
  expect(codexCommand(folder)).toEqual([process.execPath, join(bin, "codex.js"), "app-server"]);
});

test("a runner without Codex says so, and exits 4", async () => {
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { ...environment, PATH: folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(JSON.parse((await child.stdout.text()).trim().split("\n").at(-1) ?? "")).toMatchObject({ event: "error" });
  expect(await child.exited).toBe(4);
});
