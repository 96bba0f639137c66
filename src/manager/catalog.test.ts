// Only an entry that proves itself gives an image.
import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import doubted from "../testing/doubted-entries.json";
import { BOOT_COMMIT, catalogOf, catalogText, DIGEST, entry, IDENTITY, imageRef, PINNED } from "../testing/fixtures.ts";
import { CatalogError, CatalogFile, parseCatalog, resolve } from "./catalog.ts";

test("a promoted imageRef is reused by its digest", () => {
  const found = resolve(imageRef, catalogOf(), "v0.1");
  expect(found).toMatchObject({
    schemaVersion: "agentrun.aipod-resolution/1",
    status: "reused",
    image: PINNED,
    digest: DIGEST,
    envIdentity: IDENTITY,
    bootCommit: BOOT_COMMIT,
    plan: { serviceId: "agentrun-mgr", decision: "reuse" },
  });
});

test.each([
  ["repoUrl", "https://github.com/pikasTech/agentrun.git"],
  ["commitId", "f".repeat(40)],
  ["dockerfilePath", "images/Containerfile"],
])("another %s has to be built", (name, value) => {
  const found = resolve({ ...imageRef, [name]: value }, catalogOf(), "v0.1");
  expect(found).toMatchObject({ status: "build-required", image: null, plan: { decision: "build" } });
  expect(found.plan.next).toContain("invoke trigger-current");
});

test.each(doubted)("an entry that is doubted gives no image: %j", ({ change, status, reason }) => {
  const found = resolve(imageRef, catalogOf([{ ...entry, ...change }]), "v0.1");
  expect(found).toMatchObject({ status, image: null, plan: { reason } });
});

test.each([
  ["repoUrl", "https://github.com/pikasTech/agentrun.git"],
  ["commitId", "f".repeat(40)],
  ["dockerfilePath", "images/Containerfile"],
])("a %s that was edited into an entry gives no image", (name, value) => {
  const wanted = { ...imageRef, [name]: value };
  const found = resolve(wanted, catalogOf([{ ...entry, imageRef: wanted }]), "v0.1");
  expect(found).toMatchObject({ status: "blocked", image: null, plan: { reason: "source-disagrees" } });
});

test("a catalog of another lane is not believed", () => {
  expect(resolve(imageRef, catalogOf([entry], "v0.2"), "v0.1").status).toBe("blocked");
});

test("an entry that proves itself counts, whatever stands beside it", () => {
  const catalog = catalogOf([{ ...entry, serviceId: "a", lane: "v0.2" }, entry]);
  expect(resolve(imageRef, catalog, "v0.1").status).toBe("reused");
});

test.each(["", "[]", '{"schemaVersion":"agentrun.runtime-catalog/2","lane":"v0.1","services":[]}'])(
  "%p is no catalog",
  (text) => expect(() => parseCatalog(text, "it")).toThrow(CatalogError),
);

test("the file is read anew for every question", async () => {
  const folder = await mkdtemp(join(tmpdir(), "catalog-"));
  try {
    const file = new CatalogFile(join(folder, "catalog.json"));
    await expect(file.read()).rejects.toThrow(CatalogError);
    await writeFile(join(folder, "catalog.json"), catalogText([]));
    expect((await file.read()).services).toHaveLength(0);
    await writeFile(join(folder, "catalog.json"), catalogText());
    expect((await file.read()).services).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
