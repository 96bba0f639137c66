// Jobs against an HTTP server that answers as the Kubernetes API does.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { template } from "../testing/fixtures.ts";
import type { Job } from "./jobs.ts";
import { JobsError } from "./jobs.ts";
import { KubernetesJobs } from "./kubernetes.ts";

const job = structuredClone(template) as unknown as Job;
let account: string;
let server: Bun.Server<undefined>;
let answer: () => Response;
let asked: { method: string; path: string; token: string | null; body: unknown }[];

beforeEach(async () => {
  account = await mkdtemp(join(tmpdir(), "account-"));
  await writeFile(join(account, "token"), "first\n");
  await writeFile(join(account, "ca.crt"), "");
  asked = [];
  answer = () => Response.json({ metadata: { name: "made", namespace: "agentrun-v01" } }, { status: 201 });
  server = Bun.serve({
    port: 0,
    fetch: async (request) => {
      const { method, url, headers } = request;
      asked.push({
        method,
        path: new URL(url).pathname,
        token: headers.get("authorization"),
        body: await request.json(),
      });
      return answer();
    },
  });
});

afterEach(async () => {
  await server.stop(true);
  await rm(account, { recursive: true });
});

function jobs(): KubernetesJobs {
  return new KubernetesJobs(server.url.origin, account);
}

test("a Job is posted as the ServiceAccount, with the token of the moment", async () => {
  const subject = jobs();
  expect(await subject.create(job)).toEqual({ name: "made", namespace: "agentrun-v01" });
  await writeFile(join(account, "token"), "second\n");
  await subject.create(job);
  const path = "/apis/batch/v1/namespaces/agentrun-v01/jobs";
  expect(asked).toEqual([
    { method: "POST", path, token: "Bearer first", body: template },
    { method: "POST", path, token: "Bearer second", body: template },
  ]);
});

test("a refusal has the API's status, reason and message", async () => {
  answer = () => Response.json({ reason: "Forbidden", message: "quota exceeded" }, { status: 403 });
  await expect(jobs().create(job)).rejects.toThrow("403 Forbidden: quota exceeded");
});

test("a redirect is not followed: it would get the token", async () => {
  answer = () => Response.redirect("http://127.0.0.1:1/");
  await expect(jobs().create(job)).rejects.toThrow(JobsError);
});

test("an answer that names no Job is an error of this kind", async () => {
  answer = () => new Response("<html>", { status: 200 });
  await expect(jobs().create(job)).rejects.toThrow(JobsError);
});

test.skipIf(!Bun.which("openssl"))("only an API that the ServiceAccount's CA signed gets the token", async () => {
  const make = async (name: string): Promise<{ key: string; cert: string }> => {
    const [key, cert] = [join(account, `${name}.key`), join(account, `${name}.crt`)];
    const args = ["-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
    await Bun.$`openssl req -x509 -days 1 -keyout ${key} -out ${cert} ${args}`.quiet();
    return { key: await Bun.file(key).text(), cert: await Bun.file(cert).text() };
  };
  const [own, foreign] = [await make("own"), await make("foreign")];
  const tokens: (string | null)[] = [];
  const api = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: own,
    fetch: ({ headers }) => {
      tokens.push(headers.get("authorization"));
      return answer();
    },
  });
  try {
    const subject = new KubernetesJobs(`https://127.0.0.1:${api.port}`, account);
    await writeFile(join(account, "ca.crt"), foreign.cert);
    await expect(subject.create(job)).rejects.toThrow("did not answer");
    expect(tokens).toEqual([]);
    await writeFile(join(account, "ca.crt"), own.cert);
    expect(await subject.create(job)).toEqual({ name: "made", namespace: "agentrun-v01" });
  } finally {
    await api.stop(true);
  }
});

test("an API that is away is an error of this kind", async () => {
  const subject = jobs();
  await server.stop(true);
  await expect(subject.create(job)).rejects.toThrow("did not answer");
});

test("outside of a cluster there is none", () => {
  expect(KubernetesJobs.inCluster({})).toBeNull();
  expect(KubernetesJobs.inCluster({ KUBERNETES_SERVICE_HOST: "::1", KUBERNETES_SERVICE_PORT: "443" })).not.toBeNull();
});
