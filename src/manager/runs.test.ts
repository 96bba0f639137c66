// A run through the manager's door: the resolved image alone reaches the Job.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BOOT_COMMIT,
  catalogOf,
  config,
  entry,
  FixedCatalog,
  IDENTITY,
  imageRef,
  PINNED,
  request,
  template,
} from "../testing/fixtures.ts";
import { type Job, type Jobs, JobsError, Templates } from "./jobs.ts";
import { type Parts, serve } from "./server.ts";

class RecordedJobs implements Jobs {
  readonly created: Job[] = [];

  async create(job: Job): Promise<{ name: string; namespace: string }> {
    this.created.push(job);
    return { name: `${job.metadata.generateName}x7k2p`, namespace: job.metadata.namespace };
  }
}

let folder: string;
let jobs: RecordedJobs;
let parts: Parts;
let stop: (() => Promise<void>) | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "templates-"));
  await mkdir(join(folder, "agentrun-runner"));
  await writeFile(join(folder, "agentrun-runner/codex.json"), JSON.stringify(template));
  jobs = new RecordedJobs();
  parts = { catalog: new FixedCatalog(catalogOf()), templates: new Templates(folder), jobs };
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  await rm(folder, { recursive: true });
});

async function post(path: string, body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  const server = serve(config(), parts);
  stop = () => server.stop(true);
  const response = await fetch(new URL(path, server.url), { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

function environmentOf(job: Job | undefined): Record<string, string | undefined> {
  const [container] = job?.spec.template.spec.containers ?? [];
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
}

test("a run of a promoted imageRef creates the provider's Job with the pinned image", async () => {
  const { status, answer } = await post("/v1/runs", request({ payload: { issue: 7 } }));
  expect(status).toBe(201);
  expect(answer).toMatchObject({
    status: "reused",
    image: PINNED,
    job: { name: "agentrun-runner-codex-x7k2p", namespace: "agentrun-v01" },
  });
  expect(jobs.created).toHaveLength(1);
  const [job] = jobs.created;
  expect(job?.spec.template.spec.containers.map(({ image }) => image)).toEqual([PINNED]);
  expect(environmentOf(job)).toEqual({
    AGENTRUN_BOOT_COMMIT: BOOT_COMMIT,
    AGENTRUN_ENV_IDENTITY: IDENTITY,
    AGENTRUN_RUN_ID: answer.runId as string,
    AGENTRUN_TASK: JSON.stringify({ prompt: "Say hello", payload: { issue: 7 } }),
    CODEX_HOME: "/var/lib/agentrun/codex",
  });
  expect(job?.metadata.labels).toMatchObject({
    "agentrun.dev/lane": "v0.1",
    "agentrun.dev/run": answer.runId as string,
  });
  expect(job?.spec).toMatchObject({ backoffLimit: 0, template: { spec: { restartPolicy: "Never" } } });
});

test("Kubernetes expands nothing in a prompt", async () => {
  await post("/v1/runs", request({ prompt: "print $(CODEX_HOME) and $HOME" }));
  expect(environmentOf(jobs.created[0]).AGENTRUN_TASK).toContain("print $$(CODEX_HOME) and $$HOME");
});

test("an imageRef that was never promoted is a conflict with the plan, and no Job", async () => {
  const other = { spec: { imageRef: { ...imageRef, commitId: "f".repeat(40) } } };
  const { status, answer } = await post("/v1/runs", request({ aipod: other }));
  expect(status).toBe(409);
  expect(answer).toMatchObject({ status: "build-required", image: null, plan: { reason: "image-ref-not-promoted" } });
  expect(jobs.created).toEqual([]);
});

test("an entry that proves nothing is a conflict, and no Job", async () => {
  parts = { ...parts, catalog: new FixedCatalog(catalogOf([{ ...entry, lane: "v0.2" }])) };
  const { status, answer } = await post("/v1/runs", request());
  expect([status, answer.status]).toEqual([409, "blocked"]);
  expect(jobs.created).toEqual([]);
});

test.each([
  ["a tag in the prompt", { prompt: "use 127.0.0.1:5000/agentrun/agentrun-mgr-env:latest" }, "$.prompt"],
  ["an image in the payload", { payload: { deep: [{ image: PINNED }] } }, "$.payload.deep[0].image"],
  ["an image beside the Aipod", { image: "evil:1" }, "$.image"],
  ["another provider", { provider: "other" }, "$.provider"],
  ["a provider that is a path", { provider: "../../etc/x" }, "$.provider"],
])("%s is refused, and no Job", async (_, change, where) => {
  const { status, answer } = await post("/v1/runs", request(change));
  expect(status).toBe(400);
  expect((answer.faults as { where: string }[]).map((fault) => fault.where)).toContain(where);
  expect(jobs.created).toEqual([]);
});

test("with two runners, one must be named", async () => {
  await mkdir(join(folder, "other-runner"));
  const { status, answer } = await post("/v1/runs", request());
  expect(status).toBe(502);
  expect(answer.what).toContain("agentrun-runner, other-runner");
  await stop?.();
  expect((await post("/v1/runs", request({ runner: "agentrun-runner" }))).status).toBe(201);
});

test.each([
  ["catalog", 503, "AGENTRUN_CATALOG_FILE"],
  ["templates", 502, "AGENTRUN_JOB_TEMPLATES"],
  ["jobs", 502, "cluster"],
] as const)("without %s a run says what is missing", async (name, expected, word) => {
  const { [name]: _, ...rest } = parts;
  parts = rest;
  const { status, answer } = await post("/v1/runs", request());
  expect(status).toBe(expected);
  expect(answer.what).toContain(word);
});

test("a cluster that refuses is told, with its reason", async () => {
  parts = {
    ...parts,
    jobs: {
      create: async () => {
        throw new JobsError("the Kubernetes API refused the Job: 403 Forbidden: quota");
      },
    },
  };
  const { status, answer } = await post("/v1/runs", request());
  expect(status).toBe(502);
  expect(answer).toEqual({ error: "job-not-created", what: expect.stringContaining("quota") });
});

test("resolve answers, and starts nothing", async () => {
  const { status, answer } = await post("/v1/aipod/resolve", { spec: { imageRef } });
  expect(status).toBe(200);
  expect(answer).toMatchObject({ status: "reused", image: PINNED });
  expect(jobs.created).toEqual([]);
});

async function getResolved(query: string): Promise<{ status: number; answer: Record<string, unknown> }> {
  const server = serve(config(), parts);
  stop = () => server.stop(true);
  const response = await fetch(new URL(`/v1/aipod/resolve?${query}`, server.url));
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

test("an imageRef in a query resolves as one in an Aipod does", async () => {
  const { status, answer } = await getResolved(`${new URLSearchParams(imageRef)}`);
  expect(status).toBe(200);
  expect(answer).toMatchObject({ status: "reused", image: PINNED });
  expect(jobs.created).toEqual([]);
});

test.each([
  ["a tag beside it", { ...imageRef, tag: "latest" }, "", "$.tag"],
  ["a short commit", { ...imageRef, commitId: "abc1234" }, "", "$.commitId"],
  ["a field missing", { kind: imageRef.kind }, "", "$.repoUrl"],
  ["a commit twice", imageRef, `&commitId=${"f".repeat(40)}`, "$"],
])("an imageRef in a query with %s is refused", async (_, fields, more, where) => {
  const { status, answer } = await getResolved(`${new URLSearchParams(fields as Record<string, string>)}${more}`);
  expect(status).toBe(400);
  expect((answer.faults as { where: string }[]).map((fault) => fault.where)).toContain(where);
});
