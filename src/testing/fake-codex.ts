// Stands in for `codex app-server`: a real process that speaks the same protocol, and can go wrong in one way.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

type Way = "well" | "fails" | "garbage" | "dies" | "hangs" | "asks" | "slowly" | "refuses";
const way = (process.argv[2] ?? "well") as Way;
const home = process.env.CODEX_HOME ?? "";

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function fileFacts(name: string): object {
  const path = join(home, name);
  if (!existsSync(path)) return { name, mode: "absent" };
  return { name, mode: (statSync(path).mode & 0o777).toString(8), bytes: readFileSync(path).length };
}

async function runTurn(params: unknown): Promise<void> {
  const facts = {
    files: ["auth.json", "config.toml"].map(fileFacts),
    taskInEnvironment: "AGENTRUN_TASK" in process.env,
    pid: process.pid,
  };
  say({ method: "item/completed", params: { input: params, ...facts } });
  if (way === "garbage") process.stdout.write("this is no JSON\n");
  if (way === "dies") process.exit(7);
  if (way === "slowly") await writeInPieces({ method: "item/agentMessage/delta", params: { delta: "grüße 你好" } });
  if (way === "asks") return say({ id: "approval-1", method: "item/commandExecution/requestApproval", params: {} });
  if (way === "hangs") return;
  finishTurn();
}

function finishTurn(): void {
  const turn = way === "fails" ? { status: "failed", error: { message: "no quota" } } : { status: "completed" };
  say({ method: "turn/completed", params: { threadId: "thread-1", turn } });
}

async function writeInPieces(message: object): Promise<void> {
  for (const byte of Buffer.from(`${JSON.stringify(message)}\n`)) {
    await new Promise<void>((done) => process.stdout.write(Uint8Array.of(byte), () => done()));
  }
}

let initialized = false;
process.on("SIGTERM", () => {
  if (way !== "hangs") process.exit(0);
});
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, error } = JSON.parse(line);
  if (method === "initialize") say({ id, result: { userAgent: "fake" } });
  else if (method === "initialized") initialized = true;
  else if (id === "approval-1") {
    say({ method: "item/completed", params: { answered: error?.code } });
    finishTurn();
  } else if (!initialized || way === "refuses") say({ id, error: { code: -32600, message: "Not initialized" } });
  else if (method === "thread/start") say({ id, result: { thread: { id: "thread-1" }, asked: params } });
  else if (method === "turn/start") {
    say({ id, result: { turn: { id: "turn-1", status: "inProgress" } } });
    await runTurn(params);
  }
}
