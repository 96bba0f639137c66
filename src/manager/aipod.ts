// What may be asked of the manager: an AipodSpec, and a run of one. Strings from outside become these types here (R13).
import { z } from "zod";
import { imagesChosenIn, type Path } from "./images.ts";

const DEEPEST = 64;
const LONGEST_TASK_BYTES = 65_536;
const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "is not a name: lower case, digits and -");

const imageRef = z.strictObject({
  kind: z.literal("env-image-dockerfile"),
  repoUrl: z
    .string()
    .regex(
      /^(https:\/\/[A-Za-z0-9.-]+(:[0-9]+)?\/[\w.~/-]+|ssh:\/\/([\w.-]+@)?[A-Za-z0-9.-]+(:[0-9]+)?\/[\w.~/-]+|[\w.-]+@[A-Za-z0-9.-]+:[\w.~][\w.~/-]*)$/,
      "is not an https://, ssh:// or user@host:path repository URL",
    ),
  commitId: z.string().regex(/^[0-9a-f]{40}$/, "is not a full commit id: 40 lower-case hex digits"),
  dockerfilePath: z.string().refine(isInside, "is not a path inside the repository"),
});

const aipod = z.strictObject({
  $schema: z.string().optional(),
  apiVersion: z.string().max(128).optional(),
  kind: z.enum(["Aipod", "AipodSpec"]).optional(),
  metadata: z
    .strictObject({
      name: name.optional(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  // what stands beside imageRef belongs to the runtime's own specification
  spec: z.looseObject({ imageRef }),
});

const run = z.strictObject({
  aipod,
  provider: name.default("codex"),
  runner: name.optional(),
  prompt: z.string().min(1),
  payload: z.record(z.string(), z.json()).default({}),
});

export type ImageRef = z.infer<typeof imageRef>;
export type Aipod = z.infer<typeof aipod>;
export type Run = z.infer<typeof run>;
export const imageRefSchema = imageRef;

export interface Fault {
  readonly where: string;
  readonly problem: string;
}

/** The request is wrong; `faults` names everything that is, by JSON path. */
export class BadRequest extends Error {
  constructor(readonly faults: readonly Fault[]) {
    super(faults.map((fault) => `${fault.where}: ${fault.problem}`).join("\n"));
  }
}

export function parseAipod(text: string): Aipod {
  return checked(aipod, parseJson(text));
}

/** Parses an imageRef from a query, in which each of its fields stands once and nothing else does. */
export function parseImageRef(query: URLSearchParams): ImageRef {
  const fields = Object.fromEntries(query);
  if (Object.keys(fields).length !== query.size) {
    throw new BadRequest([{ where: "$", problem: "a field is given more than once" }]);
  }
  return checked(imageRef, fields);
}

/** Parses the request for a run. Its prompt and payload reach the runner, and never decide an image. */
export function parseRun(text: string): Run {
  const parsed = checked(run, parseJson(text));
  const { prompt, payload } = parsed;
  if (Buffer.byteLength(JSON.stringify({ prompt, payload })) > LONGEST_TASK_BYTES) {
    throw new BadRequest([{ where: "$", problem: `prompt and payload are longer than ${LONGEST_TASK_BYTES} bytes` }]);
  }
  return parsed;
}

function checked<T>(schema: z.ZodType<T>, document: unknown): T {
  const faults = imagesChosenIn(document).map((path) => ({
    where: jsonPath(path),
    problem: "an image or tag is not chosen here; it follows from spec.imageRef and the artifact catalog alone",
  }));
  const parsed = schema.safeParse(document);
  for (const issue of parsed.error?.issues ?? []) {
    faults.push({ where: jsonPath(issue.path as Path), problem: issue.message });
  }
  if (!parsed.success || faults.length > 0) throw new BadRequest(faults);
  return parsed.data;
}

function parseJson(text: string): unknown {
  let depth = 0;
  // brackets in strings count too: a bound on nesting needs no exact count
  for (const character of text) {
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    if (depth > DEEPEST) throw new BadRequest([{ where: "$", problem: `it is nested deeper than ${DEEPEST}` }]);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest([{ where: "$", problem: "it is not JSON" }]);
  }
}

function jsonPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return /^[A-Za-z_$][\w$]*$/.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`;
  }, "$");
}

function isInside(path: string): boolean {
  const parts = path.split("/");
  const bad = (part: string): boolean => ["", ".", ".."].includes(part) || part.toLowerCase() === ".git";
  return !parts.some(bad) && !/[\u0000-\u001f\u007f\\]/.test(path);
}
