// One task as one turn of a Codex thread.
import { z } from "zod";
import { Codex, CodexError, type Notification } from "./codex.ts";
import type { Task } from "./config.ts";

const started = z.looseObject({ thread: z.looseObject({ id: z.string() }) });
const completed = z.looseObject({
  turn: z.looseObject({
    status: z.enum(["completed", "interrupted", "failed"]),
    error: z.looseObject({ message: z.string() }).nullish(),
  }),
});

export interface Outcome {
  readonly status: "completed" | "interrupted" | "failed";
  readonly error: string | null;
}

export interface Turn {
  readonly outcome: Promise<Outcome>;
  /** Ends Codex, whatever it does; the outcome rejects if it had not come yet. */
  end(): Promise<void>;
}

/** Starts Codex and gives it the task; every notification goes to `onEvent` as it comes. */
export function startTurn(
  command: readonly string[],
  environment: Record<string, string | undefined>,
  task: Task,
  onEvent: (event: Notification) => void,
): Turn {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const onNotification = (event: Notification): void => {
    onEvent(event);
    if (event.method !== "turn/completed") return;
    const parsed = completed.safeParse(event.params);
    if (!parsed.success) return reject(new CodexError("turn/completed has no status"));
    const { status, error } = parsed.data.turn;
    resolve({ status, error: error?.message ?? null });
  };
  const codex = new Codex(command, environment, onNotification, reject);
  converse(codex, task).catch(reject);
  return { outcome: promise, end: () => codex.end() };
}

async function converse(codex: Codex, task: Task): Promise<void> {
  await codex.request("initialize", { clientInfo: { name: "agentrun-runner", title: "AgentRun", version: "0.1.0" } });
  codex.notify("initialized");
  const answer = started.safeParse(
    // the pod is what confines it, and nobody is here to be asked
    await codex.request("thread/start", { cwd: process.cwd(), approvalPolicy: "never" }),
  );
  if (!answer.success) throw new CodexError("thread/start gave no thread");
  const input = [{ type: "text", text: textOf(task) }];
  await codex.request("turn/start", { threadId: answer.data.thread.id, input });
}

function textOf({ prompt, payload }: Task): string {
  return Object.keys(payload).length === 0 ? prompt : `${prompt}\n\n${JSON.stringify(payload, null, 2)}`;
}
