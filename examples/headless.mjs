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

const SCHEMA_VERSION = 5;
const [api, file, command, argument, ...done] = process.argv.slice(2);
const phone = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { cursor: "", rows: {}, unsent: {} };

async function call(method, path, body, token = phone.tokens?.access_token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (response.ok) return answer;
  if (answer.code === "device_revoked") await forget(phone.tokens.refresh_token);
  throw Object.assign(new Error(`${method} ${path}: ${response.status} ${answer.code}`), answer);
}

// The clinic removed this phone: it forgets everything but a token, with which it says so until that is heard.
async function forget(token) {
  writeFileSync(file, JSON.stringify({ forgotten: token }), { mode: 0o600 });
  const told = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) };
  const { status } = await fetch(`${api}/devices/wiped`, told);
  if ([204, 401, 409].includes(status)) rmSync(file);
}

// An access token lasts an hour. A refresh token is used once; whoever uses one twice loses the device.
async function withToken(work) {
  try {
    return await work();
  } catch (error) {
    if (error.code !== "unauthenticated") throw error;
    phone.tokens = await call("POST", "/tokens/refresh", { refresh_token: phone.tokens.refresh_token }, null);
    save();
    return work();
  }
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
if (command === "enrol") phone.tokens = await call("POST", "/devices", { code: argument }, null);
else if (command === "sync") await withToken(sync);
else if (command === "report") report(Number(argument));
else if (command !== "show") throw new Error("expected enrol, sync, report or show");
save();
show();
