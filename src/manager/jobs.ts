// A run's Job: the rendered template of its provider, with the resolved image and the task put in.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Reused } from "./catalog.ts";
import type { Run } from "./aipod.ts";

const PINNED = /@sha256:[0-9a-f]{64}$/;
const metadata = z.looseObject({
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
});
const variable = z.looseObject({ name: z.string(), value: z.string().optional() });
const container = z.looseObject({ name: z.string(), image: z.string(), env: z.array(variable).default([]) });
const template = z.looseObject({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("Job"),
  metadata: metadata.extend({ generateName: z.string(), namespace: z.string() }),
  spec: z.looseObject({
    template: z.looseObject({ metadata, spec: z.looseObject({ containers: z.array(container).length(1) }) }),
  }),
});

export type Job = z.infer<typeof template>;

/** Creates Jobs; a failure is a JobsError. */
export interface Jobs {
  create(job: Job): Promise<{ name: string; namespace: string }>;
}

export class JobsError extends Error {}

/** The templates that the manifests mount: a folder per runner, a file per provider. */
export class Templates {
  constructor(private readonly folder: string) {}

  /** Returns a provider's template, or null where there is none; `runner` may be left out where there is but one. */
  async find(provider: string, runner?: string): Promise<Job | null> {
    const runners = runner === undefined ? await this.runners() : [runner];
    if (runners.length !== 1) {
      throw new JobsError(`there are ${runners.length} runners here; name one of: ${runners.join(", ") || "none"}`);
    }
    const path = join(this.folder, runners.join(), `${provider}.json`);
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch {
      return null;
    }
    try {
      return template.parse(JSON.parse(text));
    } catch {
      throw new JobsError(`${path} is not a Job template`);
    }
  }

  private async runners(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => !name.startsWith(".")).sort();
    } catch {
      throw new JobsError(`${this.folder} can't be read`);
    }
  }
}

/** Returns the Job of one run. Its image is the resolved one, whatever the template or the request says. */
export function runnerJob(from: Job, found: Reused, run: Run, runId: string): Job {
  if (!PINNED.test(found.image)) throw new JobsError(`${found.image} is not pinned by digest`);
  const job = structuredClone(from);
  for (const described of [job.metadata, job.spec.template.metadata]) {
    described.labels["agentrun.dev/run"] = runId;
    described.annotations["agentrun.dev/env-identity"] = found.envIdentity;
  }
  const own: Record<string, string> = {
    AGENTRUN_BOOT_COMMIT: found.bootCommit,
    AGENTRUN_ENV_IDENTITY: found.envIdentity,
    AGENTRUN_RUN_ID: runId,
    AGENTRUN_TASK: JSON.stringify({ prompt: run.prompt, payload: run.payload }),
  };
  for (const one of job.spec.template.spec.containers) {
    one.image = found.image;
    const kept = one.env.filter((item) => !(item.name in own));
    one.env = [...kept, ...Object.entries(own).map(([name, value]) => ({ name, value: literal(value) }))];
  }
  return job;
}

/** Keeps Kubernetes from expanding `$(NAME)` in a value. */
function literal(value: string): string {
  return value.replaceAll("$", "$$$$");
}
