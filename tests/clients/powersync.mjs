// PowerSync's SDK on SQLite, in the folder that the test gives. `schemaOf` and `connect` are what an app has.
import { column, PowerSyncDatabase, Schema, Table } from "@powersync/node";
import { byId, serve, shown } from "./pipe.mjs";

// Writable tables remember what the server had: uploads carry it as `old`, which the server merges against.
function schemaOf({ collections }) {
  const types = { string: column.text, number: column.real, boolean: column.integer };
  const tables = Object.entries(collections).map(([name, { columns, writable }]) => [
    name,
    new Table(Object.fromEntries(columns.map(({ name, type }) => [name, types[type]])), { trackPrevious: !!writable }),
  ]);
  return new Schema(Object.fromEntries(tables));
}

function connect(database, { base, session, retry_ms = 5000 }) {
  const endpoint = `${base}/sync/powersync`;
  let token, refused;
  const connector = {
    fetchCredentials: async () => ({ endpoint, token: (token = await session.token(refused)) }),
    invalidateCredentials: () => (refused = token),
    async uploadData(database) {
      const batch = await database.getCrudBatch(100);
      if (!batch) return;
      const body = JSON.stringify({ client_id: await database.getClientId(), crud: batch.crud });
      const response = await session.fetch(`${endpoint}/crud`, { method: "POST", body });
      if (!response.ok) throw new Error(`upload ${response.status}`);
      await batch.complete();
    },
  };
  return database.connect(connector, { retryDelayMs: retry_ms, crudUploadThrottleMs: Math.min(retry_ms, 1000) });
}

let database, given;
let opened = 0;
let live = false;

async function open(options) {
  await database?.close();
  [given, live] = [options, false];
  database = new PowerSyncDatabase({
    schema: schemaOf(given.schema),
    database: { dbFilename: `phone${(opened += 1)}.sqlite3`, dbLocation: given.folder, readWorkerCount: 1 },
  });
  await database.init();
}

// The app is updated: the same data under a newer schema.
async function upgrade({ schema }) {
  given = { ...given, schema };
  await database.updateSchema(schemaOf(schema));
}

// A checkpoint is applied, which moves `lastSyncedAt`, only once everything local is uploaded and has come back.
async function sync() {
  const before = database.currentStatus.lastSyncedAt ?? 0;
  if (!live) connect(database, given);
  await database.waitForStatus((status) => status.lastSyncedAt > before);
  if (!live) await database.disconnect();
}

const columnsOf = (collection) => given.schema.collections[collection].columns;

// SQLite has no booleans: an app writes and reads 1 and 0.
function read(collection, row) {
  const booleans = columnsOf(collection).filter(({ name, type }) => type === "boolean" && row[name] !== null);
  return { ...row, ...Object.fromEntries(booleans.map(({ name }) => [name, Boolean(row[name])])) };
}

const written = (values) => Object.values(values).map((value) => (typeof value === "boolean" ? Number(value) : value));

serve({
  open,
  upgrade,
  sync,
  async live() {
    await connect(database, given);
    live = true;
  },
  async stop() {
    await database.disconnect();
    live = false;
  },
  list: async ({ collection }) => {
    const rows = await database.getAll(`SELECT * FROM ${collection}`);
    return byId(rows.map((row) => shown(read(collection, row), given.schema.collections[collection])));
  },
  create: async ({ collection, row }) => {
    const values = { id: crypto.randomUUID(), ...row };
    const marks = Object.keys(values).map(() => "?");
    await database.execute(`INSERT INTO ${collection} (${Object.keys(values)}) VALUES (${marks})`, written(values));
    return values.id;
  },
  update: async ({ collection, id, changes }) => {
    const sets = Object.keys(changes).map((name) => `${name} = ?`);
    await database.execute(`UPDATE ${collection} SET ${sets} WHERE id = ?`, [...written(changes), id]);
  },
  delete: async ({ collection, id }) => {
    await database.execute(`DELETE FROM ${collection} WHERE id = ?`, [id]);
  },
});
