// A writable CODEX_HOME with the provider's files, copied from their read-only projection (R8).
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The keys of a provider's Secret. */
export const PROVIDER_FILES = ["auth.json", "config.toml"] as const;

export class ProviderError extends Error {}

/** Copies the provider's files, readable by this user alone: Codex renews its tokens in place. */
export async function prepareHome(providerDir: string, codexHome: string): Promise<void> {
  await mkdir(codexHome, { recursive: true, mode: 0o700 });
  const missing: string[] = [];
  for (const name of PROVIDER_FILES) {
    const target = join(codexHome, name);
    const content = await readFile(join(providerDir, name)).catch(() => null);
    if (content === null) {
      missing.push(name);
      continue;
    }
    await writeFile(target, content, { mode: 0o600 });
    // the mode above counts for a new file only
    await chmod(target, 0o600);
  }
  if (missing.length > 0) {
    throw new ProviderError(`${providerDir} has no ${missing.join(" and no ")}: give the provider's Secret these keys`);
  }
}
