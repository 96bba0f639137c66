// Creates Jobs through the Kubernetes API, as the pod's own ServiceAccount.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Job, type Jobs, JobsError } from "./jobs.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const DEADLINE_MILLISECONDS = 10_000;
const created = z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string() }) });
const failure = z.looseObject({ reason: z.string().optional(), message: z.string().optional() });

export class KubernetesJobs implements Jobs {
  constructor(
    private readonly api: string,
    private readonly account: string = ACCOUNT,
  ) {}

  /** Returns the cluster that this pod runs in, or null outside of one. */
  static inCluster(environment: Record<string, string | undefined>): KubernetesJobs | null {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
    if (!host || !port) return null;
    return new KubernetesJobs(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  }

  async create(job: Job): Promise<{ name: string; namespace: string }> {
    const url = `${this.api}/apis/batch/v1/namespaces/${encodeURIComponent(job.metadata.namespace)}/jobs`;
    let answer: Response;
    let body: unknown;
    try {
      // read anew each time: the kubelet replaces both before they expire
      const [token, ca] = await Promise.all(
        ["token", "ca.crt"].map((name) => readFile(join(this.account, name), "utf8")),
      );
      answer = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token?.trim()}`, "content-type": "application/json" },
        body: JSON.stringify(job),
        redirect: "error",
        signal: AbortSignal.timeout(DEADLINE_MILLISECONDS),
        tls: { ca: ca ?? "" },
      });
      body = await answer.json().catch(() => ({}));
    } catch (error) {
      throw new JobsError(`the Kubernetes API did not answer: ${error instanceof Error ? error.message : "unknown"}`);
    }
    if (!answer.ok) {
      const { reason = "no reason", message = "" } = failure.safeParse(body).data ?? {};
      throw new JobsError(`the Kubernetes API refused the Job: ${answer.status} ${reason}: ${message}`);
    }
    const made = created.safeParse(body);
    if (!made.success) throw new JobsError(`the Kubernetes API answered ${answer.status}, and named no Job`);
    const { name, namespace } = made.data.metadata;
    return { name, namespace };
  }
}
