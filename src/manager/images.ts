// Finds image references that a tag decides: what a payload or a prompt must never choose an image by (R13).

const HOST =
  "(?:localhost|[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+|\\[[0-9A-Fa-f:]+\\]|[A-Za-z0-9-]+(?=:[0-9]+/))(?::[0-9]{1,5})?";
// what follows :// is a URL, and what @sha256 follows is pinned
const TAGGED = new RegExp(
  `(?<![\\w/.@:-])${HOST}(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+:\\w[\\w.-]{0,127}(?!@sha256:)(?![\\w/@-])`,
);
// without a host, only the tag that is always mutable can be told from a file and line, or from a key and value
const LATEST = /(?<![\w/.@:-])[a-z0-9]+(?:[._/-]+[a-z0-9]+)*:latest(?![\w/.-])/;
const NAMES = new Set([
  "image",
  "imagename",
  "imagetag",
  "tag",
  "envimage",
  "envimagetag",
  "containerimage",
  "backendimage",
  "imageurl",
]);

export type Path = readonly (string | number)[];

function decidesByTag(text: string): boolean {
  return TAGGED.test(text) || LATEST.test(text);
}

function isImageName(name: string): boolean {
  return NAMES.has(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

/** Returns the JSON paths of every `image` field and every tagged image reference in a document, however deep. */
export function imagesChosenIn(document: unknown): Path[] {
  const found: Path[] = [];
  const pending: [unknown, Path][] = [[document, []]];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [value, path] = next;
    if (typeof value === "string" && decidesByTag(value)) found.push(path);
    if (typeof value !== "object" || value === null) continue;
    for (const [name, item] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(name) : name];
      if (!Array.isArray(value) && (isImageName(name) || decidesByTag(name))) found.push(at);
      else pending.push([item, at]);
    }
  }
  return found;
}
