// The pipe between a test and a client: a JSON command a line on standard input, a JSON answer a line on standard
// output, in order. Whatever a client prints goes to standard error. The end of the input ends the program.
import { Console } from "node:console";
import { createInterface } from "node:readline";
import { sessionOf } from "../../examples/session.mjs";

const lost = { what: null, next: 0, of: "" };
const others = { of: "", skip: 0, requests: [] };
const network = globalThis.fetch;
const removal = { token: null, count: 0, told: () => {} };

globalThis.console = new Console(process.stderr, process.stderr);
globalThis.fetch = async (resource, init) => {
  if (init?.headers?.Accept === "text/event-stream") return network(resource, init); // it ends only with the client
  const exchange = `${init?.method ?? "GET"} ${resource}`;
  await letOthersAct(exchange);
  const fault = nextFault(exchange);
  if (fault === "request") throw new TypeError("fetch failed: the request was lost");
  const response = await network(resource, init);
  if (fault !== "response") return response;
  // PowerSync's stream is held open while there is no news: what has come of it is lost, and nobody waits for its end.
  const isStream = response.headers.get("Content-Type")?.startsWith("application/x-ndjson");
  await (isStream ? response.body.cancel() : response.arrayBuffer());
  throw new TypeError("fetch failed: the response was lost");
};

function nextFault(exchange) {
  if (lost.next === 0 || !exchange.includes(lost.of)) return null;
  lost.next -= 1;
  return lost.what;
}

// Makes the next HTTP exchanges fail, before they are sent ("request") or after the server has answered ("response").
// Only those count whose method and URL, such as "POST http://...", contain `of`. Answers how many were still to be lost.
function lose({ what, next, of = "" }) {
  const left = lost.next;
  Object.assign(lost, { what, next, of });
  return left;
}

async function letOthersAct(exchange) {
  if (!exchange.includes(others.of) || others.requests.length === 0 || (others.skip -= 1) >= 0) return;
  for (const { url, ...init } of others.requests.splice(0)) {
    const response = await network(url, init);
    if (!response.ok) throw new Error(`${init.method} ${url}: ${response.status} ${await response.text()}`);
  }
}

// Sends requests of somebody else's just before an exchange that has `of` in it, after `skip` such exchanges. Answers
// how many were still to be sent.
function meanwhile({ of, skip, requests }) {
  const left = others.requests.length;
  Object.assign(others, { of, skip, requests });
  return left;
}

// The session of the phone that was opened last, which keeps its tokens in memory.
function sessionFor({ base, token, refresh_token }) {
  let tokens = { access_token: token, refresh_token };
  const store = { load: async () => tokens, save: async (given) => (tokens = given) };
  const removed = async (token) => {
    [removal.token, removal.count] = [token, removal.count + 1];
    removal.told();
  };
  return sessionOf({ base, store, removed });
}

// What goes on when the clinic has removed the phone is over: clients would try for ever.
function unlessRemoved(work) {
  const removed = new Promise((_, reject) => (removal.told = () => reject(new Error("the phone was removed"))));
  return Promise.race([work, removed]);
}

async function answer(commands, { command, ...given }) {
  try {
    if (command === "open") [removal.token, removal.count, given.session] = [null, 0, sessionFor(given)];
    const wiped = () => ({ token: removal.token, count: removal.count });
    return { ok: (await unlessRemoved({ ...commands, lose, meanwhile, wiped }[command](given))) ?? null };
  } catch (error) {
    return { error: [error?.stack ?? error, error?.cause?.stack].filter(Boolean).join("\ncaused by ") };
  }
}

export async function serve(commands) {
  process.stdin.on("end", () => process.exit()); // whatever is still under way
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(commands, JSON.parse(line)))}\n`);
  }
}

// A row as every client shows it: its id and the columns of the schema, nothing that the client keeps beside them.
export function shown(row, { columns }) {
  return Object.fromEntries(["id", ...columns.map((column) => column.name)].map((name) => [name, row[name] ?? null]));
}

export function byId(rows) {
  return rows.sort((one, other) => (one.id < other.id ? -1 : 1));
}
