// What the manager takes and what it refuses, each fault by its JSON path.
import { expect, test } from "bun:test";
import mentions from "../testing/image-mentions.json";
import { imageRef, request } from "../testing/fixtures.ts";
import { BadRequest, parseAipod, parseRun } from "./aipod.ts";
import { imagesChosenIn } from "./images.ts";

function faultsOf(parse: (text: string) => unknown, document: unknown): string[] {
  try {
    parse(typeof document === "string" ? document : JSON.stringify(document));
  } catch (error) {
    if (error instanceof BadRequest) return error.faults.map((fault) => fault.where);
    throw error;
  }
  return [];
}

test("a request is taken with what it leaves out filled in", () => {
  expect(parseRun(JSON.stringify(request()))).toEqual({
    aipod: { kind: "Aipod", spec: { imageRef } },
    provider: "codex",
    prompt: "Say hello",
    payload: {},
  });
});

test("what stands beside imageRef in spec is left to the runtime's own specification", () => {
  const aipod = { apiVersion: "agentrun/v1", metadata: { name: "x" }, spec: { imageRef, queue: { depth: 3 } } };
  expect(parseAipod(JSON.stringify(aipod)).spec).toMatchObject({ queue: { depth: 3 } });
});

test.each([
  [{ kind: "env-image" }, "$.spec.imageRef.kind"],
  [{ commitId: "abc1234" }, "$.spec.imageRef.commitId"],
  [{ commitId: "E".repeat(40) }, "$.spec.imageRef.commitId"],
  [{ commitId: "v0.1" }, "$.spec.imageRef.commitId"],
  [{ commitId: 7 }, "$.spec.imageRef.commitId"],
  [{ commitId: `${"e".repeat(40)}\n` }, "$.spec.imageRef.commitId"],
  [{ dockerfilePath: "../Containerfile" }, "$.spec.imageRef.dockerfilePath"],
  [{ dockerfilePath: "/Containerfile" }, "$.spec.imageRef.dockerfilePath"],
  [{ dockerfilePath: "a//b" }, "$.spec.imageRef.dockerfilePath"],
  [{ dockerfilePath: ".git/config" }, "$.spec.imageRef.dockerfilePath"],
  [{ dockerfilePath: "a\\b" }, "$.spec.imageRef.dockerfilePath"],
  [{ dockerfilePath: "" }, "$.spec.imageRef.dockerfilePath"],
  [{ repoUrl: "ext::sh -c x" }, "$.spec.imageRef.repoUrl"],
  [{ repoUrl: "file:///etc" }, "$.spec.imageRef.repoUrl"],
  [{ repoUrl: "https://user:word@example.com/x.git" }, "$.spec.imageRef.repoUrl"],
  [{ image: "x:1" }, "$.spec.imageRef.image"],
  [{ tag: "v1" }, "$.spec.imageRef.tag"],
])("an imageRef with %p is refused", (change, where) => {
  expect(faultsOf(parseAipod, { spec: { imageRef: { ...imageRef, ...change } } })).toContain(where);
});

test("every fault is named at once", () => {
  const faults = faultsOf(parseRun, request({ provider: "../codex", prompt: "", payload: { image: "a:1" } }));
  expect(faults.sort()).toEqual(["$.payload.image", "$.prompt", "$.provider"]);
});

test.each([
  ["not JSON", "{,}"],
  ["an empty body", ""],
  ["no object", "[]"],
  ["nested too deep", `{"spec":${"[".repeat(100_000)}`],
])("%s is a bad request", (_, text) => {
  expect(faultsOf(parseRun, text)).toEqual(["$"]);
});

test("a task that no Job could carry is refused", () => {
  expect(faultsOf(parseRun, request({ prompt: "ü".repeat(40_000) }))).toEqual(["$"]);
});

// ---- an image is never chosen by a tag

test.each(mentions.tagged)("%p is refused in a prompt and in a payload", (text) => {
  expect(faultsOf(parseRun, request({ prompt: text }))).toEqual(["$.prompt"]);
  expect(faultsOf(parseRun, request({ payload: { a: [{ b: text }] } }))).toEqual(["$.payload.a[0].b"]);
  expect(faultsOf(parseRun, request({ payload: { [text]: 1 } }))).toHaveLength(1);
});

test.each(mentions.fields)(
  "a field named %s is refused, however deep and whatever its value",
  (name) => {
    expect(imagesChosenIn({ a: [{ b: { [name]: { x: 1 } } }] })).toEqual([["a", 0, "b", name]]);
    expect(faultsOf(parseAipod, { spec: { imageRef, backend: { [name]: "x" } } })).toHaveLength(1);
  },
);

test.each(mentions.innocent)("%p is innocent", (text) => {
  expect(imagesChosenIn({ prompt: text })).toEqual([]);
});

test.each(mentions.innocentFields)("a field named %p is innocent", (name) => {
  expect(imagesChosenIn({ [name]: "x" })).toEqual([]);
});
