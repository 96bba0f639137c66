// Runs one task with Codex, and prints what happens as one JSON object a line.
//
// Exit status: 0 done, 1 the turn failed, 2 the environment is not valid, 3 the provider's files are missing,
// 4 Codex failed, 143 ended by SIGTERM.
import { CodexError } from "./codex.ts";
import { readRunnerConfig, RunnerConfigError } from "./config.ts";
import { prepareHome, ProviderError } from "./home.ts";
import { startTurn } from "./turn.ts";

function print(event: string, more: object = {}): void {
  console.log(JSON.stringify({ event, ...more }));
}

async function main(): Promise<number> {
  let ended: number | null = null;
  let end = async (): Promise<void> => undefined;
  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    process.once(signal, () => {
      ended = status;
      print("ending", { signal });
      void end();
    });
  }
  try {
    const config = readRunnerConfig(process.env);
    await prepareHome(config.providerDir, config.codexHome);
    const { AGENTRUN_TASK: _, ...environment } = process.env;
    if (ended !== null) return ended;
    const turn = startTurn(config.command, environment, config.task, ({ method, params }) =>
      print("codex", { method, params }),
    );
    end = turn.end;
    print("started");
    try {
      const outcome = await turn.outcome;
      print(outcome.status, { error: outcome.error });
      return outcome.status === "completed" ? 0 : 1;
    } finally {
      await turn.end();
    }
  } catch (error) {
    if (ended !== null) return ended;
    const status = statusOf(error);
    if (status === null) throw error;
    print("error", { what: (error as Error).message });
    return status;
  }
}

function statusOf(error: unknown): number | null {
  if (error instanceof RunnerConfigError) return 2;
  if (error instanceof ProviderError) return 3;
  if (error instanceof CodexError) return 4;
  return null;
}

process.exit(await main());
