// Holds an implementation of the digests against the samples: `node check_digest.mjs [./digest.mjs]`. With `-` as a second
// argument it reads rows from standard input, and writes the digest of each, and of all together.
import { readFileSync } from "node:fs";

const { rowDigest, sumDigests } = await import(process.argv[2] ?? "./digest.mjs");
const digestsOf = (rows) => rows.map(({ id, values }) => rowDigest(id, values));

if (process.argv[3] === "-") {
  const digests = digestsOf(JSON.parse(readFileSync(0, "utf8")));
  console.log(JSON.stringify({ rows: digests, collection: sumDigests(digests) }));
} else {
  const { collections } = JSON.parse(readFileSync(new URL("digest.json", import.meta.url), "utf8"));
  const found = collections.flatMap(({ rows, digest }) => {
    const digests = digestsOf(rows);
    const wrong = rows.filter((row, place) => row.digest !== digests[place]);
    return sumDigests(digests) === digest ? wrong : [...wrong, { expected: digest, got: sumDigests(digests) }];
  });
  for (const fault of found) console.error(JSON.stringify(fault));
  console.log(`${found.length} differences`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
