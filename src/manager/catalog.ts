// From an imageRef to the digest-pinned image that the promoted catalog records for it, or to what must be built (R13).
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type ImageRef, imageRefSchema } from "./aipod.ts";
import { identityOf, recordedInput, SCHEME } from "./identity.ts";

const entry = z.looseObject({
  serviceId: z.string(),
  lane: z.string(),
  imageRef: imageRefSchema,
  image: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  repositoryDigest: z.string(),
  envIdentity: z.string().regex(/^[0-9a-f]{64}$/),
  bootCommit: z.string().regex(/^[0-9a-f]{40}$/),
  toolchainInputs: z.looseObject({ scheme: z.string(), inputs: z.array(recordedInput) }),
});
const catalog = z.looseObject({
  schemaVersion: z.literal("agentrun.runtime-catalog/1"),
  lane: z.string(),
  services: z.array(entry),
});

const BUILD = "invoke aipod.resolve FILE in the source repository, then invoke trigger-current";

export type Catalog = z.infer<typeof catalog>;
type Entry = Catalog["services"][number];

export interface Plan {
  readonly serviceId: string | null;
  readonly decision: "reuse" | "build" | "blocked";
  readonly reason: string;
  readonly detail: string;
  readonly next: string;
}

interface Answer {
  readonly schemaVersion: "agentrun.aipod-resolution/1";
  readonly lane: string;
  readonly imageRef: ImageRef;
  readonly plan: Plan;
}

export interface Reused extends Answer {
  readonly status: "reused";
  readonly image: string;
  readonly digest: string;
  readonly envIdentity: string;
  readonly bootCommit: string;
}

export interface NotReused extends Answer {
  readonly status: "build-required" | "blocked";
  readonly image: null;
  readonly digest: null;
  readonly envIdentity: null;
}

export type Resolution = Reused | NotReused;

/** Where the promoted catalog is read; a failure is a CatalogError. */
export interface CatalogSource {
  read(): Promise<Catalog>;
}

export class CatalogError extends Error {}

/** What the promoted catalog says of images, as a file that a ConfigMap keeps up to date: read anew for every question. */
export class CatalogFile implements CatalogSource {
  constructor(private readonly path: string) {}

  async read(): Promise<Catalog> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch {
      throw new CatalogError(`${this.path} can't be read`);
    }
    return parseCatalog(text, this.path);
  }
}

export function parseCatalog(text: string, where: string): Catalog {
  try {
    return catalog.parse(JSON.parse(text));
  } catch {
    throw new CatalogError(`${where} is not an artifact catalog`);
  }
}

/** Resolves `imageRef` against the catalog alone: a registry's tag, a payload and a prompt have no say. */
export function resolve(imageRef: ImageRef, from: Catalog, lane: string): Resolution {
  const base = { schemaVersion: "agentrun.aipod-resolution/1", lane, imageRef } as const;
  const none = { ...base, image: null, digest: null, envIdentity: null };
  const entries = from.services.filter((one) => isSame(one.imageRef, imageRef));
  const believed = entries.find((one) => faultOf(one, from, lane) === null);
  if (believed) {
    const { serviceId, repositoryDigest, digest, envIdentity, bootCommit } = believed;
    const detail = `the catalog has it for ${serviceId}`;
    const plan = { serviceId, decision: "reuse", reason: "proven", detail, next: "" } as const;
    return { ...base, status: "reused", image: repositoryDigest, digest, envIdentity, bootCommit, plan };
  }
  const [broken] = entries;
  const fault = broken && faultOf(broken, from, lane);
  if (broken && fault) {
    const { serviceId } = broken;
    if (fault.reason === "scheme-changed") {
      return { ...none, status: "build-required", plan: { serviceId, decision: "build", ...fault, next: BUILD } };
    }
    const next = "invoke catalog.verify";
    return { ...none, status: "blocked", plan: { serviceId, decision: "blocked", ...fault, next } };
  }
  const plan = {
    serviceId: null,
    decision: "build",
    reason: "image-ref-not-promoted",
    detail: `no promoted image has this imageRef; the catalog has ${from.services.length}`,
    next: BUILD,
  } as const;
  return { ...none, status: "build-required", plan };
}

function isSame(one: ImageRef, other: ImageRef): boolean {
  return (["kind", "repoUrl", "commitId", "dockerfilePath"] as const).every((key) => one[key] === other[key]);
}

/** Says why an entry is not to be believed, in the plan's words, or null. */
function faultOf(one: Entry, from: Catalog, lane: string): { reason: string; detail: string } | null {
  const { scheme, inputs } = one.toolchainInputs;
  if (scheme !== SCHEME) {
    return { reason: "scheme-changed", detail: `the catalog's entry has the scheme ${scheme}, this is ${SCHEME}` };
  }
  if (one.lane !== lane || from.lane !== lane) {
    return { reason: "lane-disagrees", detail: `it is of lane ${one.lane}, not ${lane}` };
  }
  const recorded = new Map(inputs.map(({ name, value }) => [name, value]));
  const isRecorded = (field: "repoUrl" | "commitId" | "dockerfilePath"): boolean =>
    recorded.get(`imageRef.${field}`) === one.imageRef[field];
  if (!isRecorded("repoUrl") || !isRecorded("commitId") || !isRecorded("dockerfilePath")) {
    return { reason: "source-disagrees", detail: "the inputs of its envIdentity record another imageRef" };
  }
  if (identityOf(inputs) !== one.envIdentity) {
    return { reason: "inputs-disagree", detail: "the recorded inputs do not give the recorded envIdentity" };
  }
  const [repository, pinned] = one.repositoryDigest.split("@");
  if (one.image !== `${repository}:${one.envIdentity}`) {
    return { reason: "repository-disagrees", detail: "image is not the repository with the envIdentity as its tag" };
  }
  if (pinned !== one.digest) {
    return { reason: "digest-disagrees", detail: "repositoryDigest does not end in the digest" };
  }
  return null;
}
