// The manager's HTTP door: health and readiness, what an imageRef resolves to, and the start of a run.
import { BadRequest, parseAipod, parseImageRef, parseRun } from "./aipod.ts";
import { CatalogError, type CatalogSource, type Resolution, resolve } from "./catalog.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database.ts";
import { type Jobs, JobsError, runnerJob, type Templates } from "./jobs.ts";

const LARGEST_BODY_BYTES = 1 << 20;

/** What the manager works with; what is left out is not configured. */
export interface Parts {
  readonly database?: Database;
  readonly catalog?: CatalogSource;
  readonly templates?: Templates;
  readonly jobs?: Jobs;
}

export interface Health {
  readonly status: "ok";
  readonly commit: string;
  readonly envIdentity: string;
  readonly lane: string;
  readonly service: string;
  readonly uptimeSeconds: number;
}

export function health({ commit, envIdentity, lane, service }: Config): Health {
  return { status: "ok", commit, envIdentity, lane, service, uptimeSeconds: Math.floor(process.uptime()) };
}

export function serve(config: Config, parts: Parts = {}): Bun.Server<undefined> {
  return Bun.serve({
    port: config.port,
    maxRequestBodySize: LARGEST_BODY_BYTES,
    routes: {
      "/health": { GET: () => Response.json(health(config)) },
      "/ready": { GET: () => ready(parts) },
      "/v1/aipod/resolve": {
        GET: ({ url }) =>
          answered(async () =>
            Response.json(await resolved(config, parts, parseImageRef(new URL(url).searchParams))),
          ),
        POST: (request) =>
          answered(async () =>
            Response.json(await resolved(config, parts, parseAipod(await request.text()).spec.imageRef)),
          ),
      },
      "/v1/runs": { POST: (request) => answered(async () => startRun(config, parts, await request.text())) },
    },
    fetch: () => refusal(404, "not-found"),
  });
}

async function ready(parts: Parts): Promise<Response> {
  if (!parts.database) return Response.json({ status: "ready", database: "not-configured" });
  if (await parts.database.answers()) return Response.json({ status: "ready", database: "ok" });
  return Response.json({ status: "not-ready", database: "unreachable" }, { status: 503 });
}

async function resolved(config: Config, parts: Parts, imageRef: Parameters<typeof resolve>[0]): Promise<Resolution> {
  if (!parts.catalog) throw new CatalogError("no artifact catalog is configured: AGENTRUN_CATALOG_FILE");
  return resolve(imageRef, await parts.catalog.read(), config.lane);
}

async function startRun(config: Config, parts: Parts, body: string): Promise<Response> {
  const run = parseRun(body);
  const found = await resolved(config, parts, run.aipod.spec.imageRef);
  if (found.status !== "reused") return Response.json(found, { status: 409 });
  if (!parts.templates) throw new JobsError("no Job templates are configured: AGENTRUN_JOB_TEMPLATES");
  if (!parts.jobs) throw new JobsError("this manager runs in no cluster");
  const template = await parts.templates.find(run.provider, run.runner);
  if (!template) throw new BadRequest([{ where: "$.provider", problem: `no runner has the provider ${run.provider}` }]);
  const runId = crypto.randomUUID();
  const job = await parts.jobs.create(runnerJob(template, found, run, runId));
  return Response.json({ ...found, runId, job }, { status: 201 });
}

/** Turns what a request may run into an answer; anything else is a defect, and is not shown to the asker. */
async function answered(answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof BadRequest) return refusal(400, "bad-request", { faults: error.faults });
    if (error instanceof CatalogError) return refusal(503, "catalog-unavailable", { what: error.message });
    if (error instanceof JobsError) return refusal(502, "job-not-created", { what: error.message });
    console.error(error);
    return refusal(500, "internal");
  }
}

function refusal(status: number, error: string, more: object = {}): Response {
  return Response.json({ error, ...more }, { status });
}
