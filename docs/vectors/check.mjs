// Holds an implementation against the samples: `node check.mjs [./progress.mjs]`. With `-` as a second argument it reads
// cases without outputs from standard input, and writes how each stands on each of its days.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

const implementation = await import(process.argv[2] ?? "./progress.mjs");
const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const on = ({ milestones, facts }, day) => implementation.courseOn(milestones, facts, day);

function faults() {
  const found = [];
  for (const one of read("progress.json").cases) {
    for (const day of one.days) {
      const got = on(one, day.on);
      if (!isDeepStrictEqual(got, day)) found.push({ case: one.name, expected: day, got });
    }
  }
  for (const { instant, zone, day0, clinic_day, pod } of read("medical_day.json").samples) {
    const got = { clinic_day: implementation.clinicDay(instant, zone), pod: implementation.postoperativeDay(instant, zone, day0) };
    if (!isDeepStrictEqual(got, { clinic_day, pod })) found.push({ instant, zone, expected: { clinic_day, pod }, got });
  }
  return found;
}

if (process.argv[3] === "-") {
  const cases = JSON.parse(readFileSync(0, "utf8"));
  console.log(JSON.stringify(cases.map((one) => one.days.map((day) => on(one, day)))));
} else {
  const found = faults();
  for (const fault of found) console.error(JSON.stringify(fault));
  console.log(`${found.length} differences`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
