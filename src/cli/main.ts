// The manager's command line: asks it something and prints its answer as one JSON document.
//
// Exit status: 0 done, 2 bad input or usage, 3 the image must be built first, 4 the manager failed or did not answer.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { version } from "../../package.json";

const USAGE =
  "usage: bun src/cli/main.ts [--json] [--manager URL] version | health | ready | resolve AIPOD_FILE | run RUN_FILE";
const ROUTES: Record<string, string> = {
  health: "/health",
  ready: "/ready",
  resolve: "/v1/aipod/resolve",
  run: "/v1/runs",
};
const DEADLINE_MILLISECONDS = 15_000;

function finish(document: unknown, status: number): number {
  console.log(JSON.stringify(document, null, 2));
  return status;
}

async function main(argv: string[], environment: Record<string, string | undefined>): Promise<number> {
  let manager: string;
  let words: string[];
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      // every command of the project takes --json; this one prints nothing else
      options: { manager: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    manager = values.manager ?? environment.AGENTRUN_MANAGER_URL ?? "http://127.0.0.1:8080";
    words = positionals;
  } catch (error) {
    return finish({ error: "bad-input", what: error instanceof Error ? error.message : "", next: USAGE }, 2);
  }
  const [command = "", file] = words;
  if (command === "version" && words.length === 1) {
    return finish({ version, bun: Bun.version, commit: environment.AGENTRUN_BOOT_COMMIT ?? null }, 0);
  }
  const route = Object.hasOwn(ROUTES, command) ? ROUTES[command] : undefined;
  const needsFile = command === "resolve" || command === "run";
  if (!route || words.length !== (needsFile ? 2 : 1)) {
    return finish({ error: "bad-input", what: "there is no such command", next: USAGE }, 2);
  }
  let body: string | undefined;
  try {
    if (file !== undefined) body = await readFile(file, "utf8");
  } catch {
    return finish({ error: "bad-input", what: `${file} can't be read`, next: "name a JSON file" }, 2);
  }
  try {
    const answer = await fetch(new URL(route, manager), {
      ...(body !== undefined && { method: "POST", body }),
      signal: AbortSignal.timeout(DEADLINE_MILLISECONDS),
    });
    const document: unknown = await answer.json();
    return finish(document, exitStatus(answer.status, document));
  } catch (error) {
    const what = `${manager} did not answer: ${error instanceof Error ? error.message : "unknown"}`;
    return finish({ error: "service-failed", what, next: "name the manager: --manager URL" }, 4);
  }
}

function exitStatus(http: number, document: unknown): number {
  const status = typeof document === "object" && document !== null && "status" in document ? document.status : "";
  if (http === 409 || status === "build-required" || status === "blocked") return 3;
  if (http < 300) return 0;
  return http < 500 ? 2 : 4;
}

process.exit(await main(process.argv.slice(2), process.env));
