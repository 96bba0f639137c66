// The envIdentity that recorded inputs give: the same bytes, hashed the same way, as where it was planned (R2, R6).
import { blake3 } from "@noble/hashes/blake3.js";
import { z } from "zod";

export const SCHEME = "envid/1";

export const recordedInput = z.looseObject({
  kind: z.string(),
  name: z.string(),
  mode: z.string(),
  size: z.number().int().nonnegative(),
  blake3: z.string().regex(/^[0-9a-f]{64}$/),
  value: z.string().optional(),
});

export type RecordedInput = z.infer<typeof recordedInput>;

/** Returns the identity of `inputs`, or null where they are none: empty, one twice, or a value of another hash. */
export function identityOf(inputs: readonly RecordedInput[]): string | null {
  const ordered = [...inputs].sort(byKindAndName);
  const isTwice = ordered.some((item, at) => at > 0 && byKindAndName(ordered[at - 1] ?? item, item) === 0);
  if (ordered.length === 0 || isTwice || !ordered.every(hasItsHash)) return null;
  return hexOf(preimageOf(ordered));
}

/** Returns the canonical bytes that the identity is the hash of; docs/identity.md has their layout. */
export function preimageOf(inputs: readonly RecordedInput[]): Buffer {
  const parts = [frame(Buffer.from(SCHEME)), u64(inputs.length)];
  for (const { kind, name, mode, size, blake3: hash } of [...inputs].sort(byKindAndName)) {
    const fields = [Buffer.from(kind), Buffer.from(name), Buffer.from(mode), u64(size), Buffer.from(hash, "hex")];
    parts.push(...fields.map(frame));
  }
  return Buffer.concat(parts);
}

function hasItsHash({ value, blake3: hash }: RecordedInput): boolean {
  return value === undefined || hexOf(Buffer.from(value)) === hash;
}

/** Orders by bytes: a string's own order is that of UTF-16. */
function byKindAndName(one: RecordedInput, other: RecordedInput): number {
  return (
    Buffer.compare(Buffer.from(one.kind), Buffer.from(other.kind)) ||
    Buffer.compare(Buffer.from(one.name), Buffer.from(other.name))
  );
}

function hexOf(content: Uint8Array): string {
  return Buffer.from(blake3(content)).toString("hex");
}

function frame(content: Buffer): Buffer {
  return Buffer.concat([u64(content.length), content]);
}

function u64(number: number): Buffer {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64BE(BigInt(number));
  return eight;
}
