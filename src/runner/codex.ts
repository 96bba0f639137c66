// A Codex app-server as a child process: newline-delimited JSON-RPC over its standard input and output.
import { z } from "zod";

const LONGEST_LINE = 16 << 20;
const KILL_AFTER_MILLISECONDS = 1000;
// Codex leaves out JSON-RPC's version field
const message = z.looseObject({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});

type Message = z.infer<typeof message>;

export interface Notification {
  readonly method: string;
  readonly params: unknown;
}

/** Codex could not be started, ended early, refused a request, or said what is no JSON-RPC. */
export class CodexError extends Error {}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class Codex {
  private readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  private readonly waiting = new Map<number, Waiting>();
  private readonly reading: Promise<void>;
  private nextId = 0;
  private fault: CodexError | null = null;

  constructor(
    command: readonly string[],
    environment: Record<string, string | undefined>,
    private readonly onNotification: (notification: Notification) => void,
    private readonly onFault: (fault: CodexError) => void,
  ) {
    try {
      this.child = Bun.spawn([...command], { env: environment, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    } catch (error) {
      throw new CodexError(`${command[0]} can't be started: ${error instanceof Error ? error.message : "unknown"}`);
    }
    this.reading = this.read();
  }

  /** Asks for something and waits for its result. */
  async request(method: string, params: object): Promise<unknown> {
    if (this.fault) throw this.fault;
    const id = this.nextId++;
    const answer = new Promise<unknown>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.send({ id, method, params });
    return answer;
  }

  notify(method: string): void {
    this.send({ method });
  }

  /** Ends the child: politely, then for good. Resolves when it is gone and what it said was read. */
  async end(): Promise<void> {
    const last = setTimeout(() => this.child.kill("SIGKILL"), KILL_AFTER_MILLISECONDS);
    this.child.kill("SIGTERM");
    await this.child.exited;
    clearTimeout(last);
    // what Codex started may still hold its output open
    await Promise.race([this.reading, Bun.sleep(KILL_AFTER_MILLISECONDS)]);
  }

  private send(content: object): void {
    // a child that is gone shows in read(), with its status
    try {
      this.child.stdin.write(`${JSON.stringify(content)}\n`);
      void Promise.resolve(this.child.stdin.flush()).catch(() => undefined);
    } catch {}
  }

  private async read(): Promise<void> {
    let kept = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.child.stdout) {
        const lines = (kept + decoder.decode(chunk, { stream: true })).split("\n");
        kept = lines.pop() ?? "";
        if (kept.length > LONGEST_LINE)
          throw new CodexError(`codex wrote a line of more than ${LONGEST_LINE} characters`);
        for (const line of lines) if (line.trim() !== "") this.take(parseMessage(line));
      }
      const status = await this.child.exited;
      throw new CodexError(`codex ended with ${this.child.signalCode ?? `status ${status}`}`);
    } catch (error) {
      this.fault = error instanceof CodexError ? error : new CodexError(`codex can't be read: ${String(error)}`);
      this.child.kill("SIGTERM");
      for (const one of this.waiting.values()) one.reject(this.fault);
      this.waiting.clear();
      this.onFault(this.fault);
    }
  }

  private take({ id, method, params, result, error }: Message): void {
    if (method !== undefined && id !== undefined) {
      // nobody is here to approve what Codex asks for
      this.send({ id, error: { code: -32601, message: `this client answers no ${method}` } });
    } else if (method !== undefined) {
      this.onNotification({ method, params });
    } else {
      const asked = this.waiting.get(Number(id));
      this.waiting.delete(Number(id));
      if (error) asked?.reject(new CodexError(`codex refused: ${error.message} (${error.code})`));
      else asked?.resolve(result);
    }
  }
}

function parseMessage(line: string): Message {
  try {
    return message.parse(JSON.parse(line));
  } catch {
    throw new CodexError("codex wrote a line that is no JSON-RPC");
  }
}
