// The manager and the planner compute one identity: the golden vectors are those of the planner's own tests.
import { expect, test } from "bun:test";
import { blake3 } from "@noble/hashes/blake3.js";
import vectors from "../../tests/golden/identity/envid-1.json";
import { identityOf, preimageOf, type RecordedInput } from "./identity.ts";

const hashOf = (content: Uint8Array): string => Buffer.from(blake3(content)).toString("hex");

test.each(vectors.map((vector) => [vector.title, vector] as const))("golden vector: %s", (_, vector) => {
  const inputs: RecordedInput[] = vector.records.map(({ kind, name, mode, contentHex }) => {
    const content = Buffer.from(contentHex, "hex");
    return { kind, name, mode, size: content.length, blake3: hashOf(content) };
  });
  expect(preimageOf(inputs).toString("hex")).toBe(vector.preimageHex);
  expect(identityOf(inputs)).toBe(vector.envIdentity);
  expect(identityOf(inputs.toReversed())).toBe(vector.envIdentity);
});

const platform: RecordedInput = {
  kind: "platform",
  name: "platform",
  mode: "",
  size: 11,
  blake3: hashOf(Buffer.from("linux/amd64")),
  value: "linux/amd64",
};

test("a recorded value must have its recorded hash", () => {
  expect(identityOf([platform])).toHaveLength(64);
  expect(identityOf([{ ...platform, value: "linux/arm64" }])).toBeNull();
});

test("no input, and one twice, have no identity", () => {
  expect(identityOf([])).toBeNull();
  expect(identityOf([platform, { ...platform }])).toBeNull();
});
