// A catalog, a Job template and a request that fit together.
import type { CatalogSource, Catalog } from "../manager/catalog.ts";
import { parseCatalog } from "../manager/catalog.ts";
import { type Config, readConfig } from "../manager/config.ts";
import { identityOf } from "../manager/identity.ts";
import { blake3 } from "@noble/hashes/blake3.js";

export const DIGEST = `sha256:${"d".repeat(64)}`;
export const REPOSITORY = "127.0.0.1:5000/agentrun/agentrun-mgr-env";
export const PINNED = `${REPOSITORY}@${DIGEST}`;
export const BOOT_COMMIT = "c".repeat(40);

export const imageRef = {
  kind: "env-image-dockerfile" as const,
  repoUrl: "git@github.com:pikasTech/agentrun.git",
  commitId: "e".repeat(40),
  dockerfilePath: "Containerfile",
};

function recorded(field: "repoUrl" | "commitId" | "dockerfilePath") {
  const value = imageRef[field];
  const hash = Buffer.from(blake3(Buffer.from(value))).toString("hex");
  return { kind: "image-ref", name: `imageRef.${field}`, mode: "", size: value.length, blake3: hash, value };
}

const inputs = [
  { kind: "containerfile", name: "Containerfile", mode: "100644", size: 3, blake3: "0".repeat(64) },
  recorded("commitId"),
  recorded("dockerfilePath"),
  recorded("repoUrl"),
];

export const IDENTITY = identityOf(inputs) ?? "";

export const entry = {
  serviceId: "agentrun-mgr",
  lane: "v0.1",
  imageRef,
  image: `${REPOSITORY}:${IDENTITY}`,
  digest: DIGEST,
  repositoryDigest: PINNED,
  envIdentity: IDENTITY,
  bootCommit: BOOT_COMMIT,
  toolchainInputs: { scheme: "envid/1", inputs },
};

export function catalogText(services: readonly object[] = [entry], lane = "v0.1"): string {
  return JSON.stringify({ schemaVersion: "agentrun.runtime-catalog/1", lane, services });
}

export function catalogOf(services?: readonly object[], lane?: string): Catalog {
  return parseCatalog(catalogText(services, lane), "catalog");
}

export class FixedCatalog implements CatalogSource {
  constructor(private readonly catalog: Catalog) {}

  async read(): Promise<Catalog> {
    return this.catalog;
  }
}

export const template = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: {
    generateName: "agentrun-runner-codex-",
    namespace: "agentrun-v01",
    labels: { "agentrun.dev/lane": "v0.1" },
  },
  spec: {
    backoffLimit: 0,
    template: {
      metadata: { labels: { "agentrun.dev/lane": "v0.1" } },
      spec: {
        restartPolicy: "Never",
        containers: [
          {
            name: "runner",
            image: `${REPOSITORY}@sha256:${"0".repeat(64)}`,
            env: [
              { name: "AGENTRUN_BOOT_COMMIT", value: "0".repeat(40) },
              { name: "CODEX_HOME", value: "/var/lib/agentrun/codex" },
            ],
            securityContext: { readOnlyRootFilesystem: true },
          },
        ],
      },
    },
  },
};

export function request(more: object = {}): Record<string, unknown> {
  return { aipod: { kind: "Aipod", spec: { imageRef } }, prompt: "Say hello", ...more };
}

export function config(more: Record<string, string> = {}): Config {
  return readConfig({
    AGENTRUN_BOOT_COMMIT: "a".repeat(40),
    AGENTRUN_ENV_IDENTITY: "b".repeat(64),
    AGENTRUN_LANE: "v0.1",
    PORT: "0",
    ...more,
  });
}
