// What the manager is told at start, checked once.
import { z } from "zod";
import { isDatabaseUrl } from "./database.ts";

const environment = z.object({
  AGENTRUN_BOOT_COMMIT: z.string().regex(/^[0-9a-f]{40}$/, "must be a full commit id: 40 lower-case hex digits"),
  AGENTRUN_ENV_IDENTITY: z.string().regex(/^[0-9a-f]{64}$/, "must be an envIdentity: 64 lower-case hex digits"),
  AGENTRUN_SERVICE: z.string().min(1).default("agentrun-mgr"),
  AGENTRUN_LANE: z.string().regex(/^v\d+\.\d+$/, "must be a lane, as v0.1"),
  AGENTRUN_CATALOG_FILE: z.string().startsWith("/", "must be an absolute path").optional(),
  AGENTRUN_JOB_TEMPLATES: z.string().startsWith("/", "must be an absolute path").optional(),
  // it carries a password: a message never has it
  DATABASE_URL: z
    .string()
    .refine(isDatabaseUrl, "must be a postgres:// URL, with user and password percent-encoded")
    .optional(),
  PORT: z.coerce.number().int().min(0).max(65535).default(8080),
});

export interface Config {
  readonly commit: string;
  readonly envIdentity: string;
  readonly lane: string;
  readonly service: string;
  readonly port: number;
  readonly catalogFile: string | undefined;
  readonly jobTemplates: string | undefined;
  readonly databaseUrl: string | undefined;
}

export class ConfigError extends Error {}

/** Reads the configuration; a ConfigError names every variable that is wrong, not only the first. */
export function readConfig(source: Record<string, string | undefined>): Config {
  const parsed = environment.safeParse(source);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  - ${issue.path.join(".")}: ${issue.message}`);
    throw new ConfigError(["the environment is not valid", ...faults].join("\n"));
  }
  const { data } = parsed;
  return {
    commit: data.AGENTRUN_BOOT_COMMIT,
    envIdentity: data.AGENTRUN_ENV_IDENTITY,
    lane: data.AGENTRUN_LANE,
    service: data.AGENTRUN_SERVICE,
    port: data.PORT,
    catalogFile: data.AGENTRUN_CATALOG_FILE,
    jobTemplates: data.AGENTRUN_JOB_TEMPLATES,
    databaseUrl: data.DATABASE_URL,
  };
}
