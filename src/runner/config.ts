// What a runner is told at start, checked once.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const task = z.strictObject({ prompt: z.string().min(1), payload: z.record(z.string(), z.json()).default({}) });
const place = z.string().startsWith("/", "must be an absolute path");
const environment = z.object({
  AGENTRUN_PROVIDER_DIR: place,
  CODEX_HOME: place,
  AGENTRUN_TASK: fromJson(task),
  AGENTRUN_CODEX_COMMAND: fromJson(z.array(z.string()).min(1)).default(() => codexCommand(join(import.meta.dir, "../.."))),
});

export type Task = z.infer<typeof task>;

export interface RunnerConfig {
  readonly providerDir: string;
  readonly codexHome: string;
  readonly task: Task;
  readonly command: readonly string[];
}

export class RunnerConfigError extends Error {}

/** Codex as a package of the environment, run by this very Bun; where there is none, the program on PATH. */
export function codexCommand(root: string): string[] {
  const script = join(root, "node_modules/@openai/codex/bin/codex.js");
  return [...(existsSync(script) ? [process.execPath, script] : ["codex"]), "app-server"];
}

/** Reads the configuration; the error names every variable that is wrong, and shows no value. */
export function readRunnerConfig(source: Record<string, string | undefined>): RunnerConfig {
  const parsed = environment.safeParse(source);
  if (!parsed.success) {
    throw new RunnerConfigError(parsed.error.issues.map((one) => `${one.path.join(".")}: ${one.message}`).join("; "));
  }
  const { data } = parsed;
  return {
    providerDir: data.AGENTRUN_PROVIDER_DIR,
    codexHome: data.CODEX_HOME,
    task: data.AGENTRUN_TASK,
    command: data.AGENTRUN_CODEX_COMMAND,
  };
}

function fromJson<T extends z.ZodType>(schema: T): z.ZodPipe<z.ZodTransform<unknown, unknown>, T> {
  return z
    .transform((value, context) => {
      try {
        return JSON.parse(String(value)) as unknown;
      } catch {
        context.issues.push({ code: "custom", message: "must be JSON", input: undefined });
        return z.NEVER;
      }
    })
    .pipe(schema);
}
