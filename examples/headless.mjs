// A phone without a screen and without a library: it enrols, synchronises, and reports. Node.js 20 or newer runs it.
//
//   node examples/headless.mjs API FILE enrol CODE     exchange a clinic's one-time code for tokens
//   node examples/headless.mjs API FILE sync           bring what changed, send what was made
//   node examples/headless.mjs API FILE report PAIN [EXERCISE…]   make a check-in, offline, with the exercises that were done
//   node examples/headless.mjs API FILE show           what the phone knows, offline
//
// API is such as http://127.0.0.1:8000/api/v1; FILE holds all that the phone knows.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { confirmWiped, sessionOf } from "./session.mjs";

const SCHEMA_VERSION = 5;
const [api, file, command, argument, ...done] = process.argv.slice(2);
const phone = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { cursor: "", rows: {}, unsent: {} };

const store = {
  load: () => phone.tokens,
  save(tokens) {
    phone.tokens = tokens;
    save();
  },
};
const session = sessionOf({ base: api, store, removed: forget });

async function call(method, path, body, send = session.fetch) {
  const headers = { "Content-Type": "application/json" };
  const response = await send(api + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(`${method} ${path}: ${response.status} ${answer.code}`), answer);
  return answer;
}

// The clinic removed this phone: it forgets everything but a token, with which it says so until that is heard.
async function forget(token) {
  writeFileSync(file, JSON.stringify({ forgotten: token }), { mode: 0o600 });
  if (await confirmWiped(api, token)) rmSync(file);
}

async function pull() {
  const answer = await call("GET", `/sync/watermelon?last_pulled_at=${phone.cursor}&schema_version=${SCHEMA_VERSION}`);
  if (answer.experimentalStrategy === "replacement") phone.rows = {};
  for (const [name, { updated, deleted }] of Object.entries(answer.changes)) {
    const rows = (phone.rows[name] ??= {});
    for (const row of updated) rows[row.id] = row;
    for (const id of deleted) delete rows[id];
  }
  phone.cursor = answer.timestamp;
}

// Sending the same rows again changes nothing, so what was sent is forgotten only after the answer.
async function push() {
  const changes = Object.entries(phone.unsent).map(([name, updated]) => [name, { created: [], updated, deleted: [] }]);
  if (changes.length === 0) return;
  await call("POST", `/sync/watermelon?last_pulled_at=${phone.cursor}`, Object.fromEntries(changes));
  phone.unsent = {};
}

async function sync() {
  await pull();
  await push().catch((error) => {
    if (error.code !== "conflict") throw error; // rows changed since the pull: pull again, then push
    return pull().then(push);
  });
  await pull(); // what became of it: the server may have merged it, or told us to let it go
}

const activeEpisode = () => Object.values(phone.rows.episodes ?? {}).find(({ status }) => status === "active");

// What is to be ticked off on a day, such as 2026-03-02 by the clinic's calendar: the exercises with a window that holds.
function exercisesOn(day) {
  const exercises = JSON.parse(activeEpisode()?.exercises ?? "[]");
  const holds = ({ from_on, through_on }) => from_on <= day && (through_on === null || day <= through_on);
  return exercises.filter(({ windows }) => windows.some(holds)).map(({ key }) => key);
}

function today() {
  const [card] = Object.values(phone.rows.safety_cards ?? {});
  return new Intl.DateTimeFormat("sv-SE", { timeZone: card?.time_zone }).format(new Date());
}

function report(pain) {
  const exercises = JSON.stringify(done);
  const checkIn = { id: randomUUID(), episode_id: activeEpisode().id, reported_at: Date.now(), pain, exercises };
  (phone.unsent.check_ins ??= []).push(checkIn);
}

function show() {
  const count = (name) => Object.keys(phone.rows[name] ?? {}).length;
  const unsent = Object.values(phone.unsent).flat().length;
  console.log(`${count("milestones")} milestones, ${count("check_ins")} check-ins, ${unsent} unsent`);
  console.log(`to tick off: ${exercisesOn(today()).join(", ") || "nothing"}`);
}

function save() {
  writeFileSync(file, JSON.stringify(phone), { mode: 0o600 });
}

if (phone.forgotten) {
  await forget(phone.forgotten);
  throw new Error("this phone was removed: enrol it again");
}
if (command === "enrol") phone.tokens = await call("POST", "/devices", { code: argument }, fetch);
else if (command === "sync") await sync();
else if (command === "report") report(Number(argument));
else if (command !== "show") throw new Error("expected enrol, sync, report or show");
save();
show();
