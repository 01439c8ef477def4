// The digests by which a device finds that it differs from the server. FNV-1a of 32 bits over UTF-8; no dependencies.
const utf8 = new TextEncoder();

// `values` are the row's columns in the order of the schema, without `id` and `rev`.
export function rowDigest(id, values) {
  const told = [id, ...values.map((value) => (typeof value === "boolean" ? Number(value) : value ?? null))];
  let digest = 0x811c9dc5;
  for (const byte of utf8.encode(JSON.stringify(told))) digest = Math.imul(digest ^ byte, 0x01000193) >>> 0;
  return digest;
}

export const sumDigests = (digests) => digests.reduce((sum, each) => (sum + each) >>> 0, 0);
