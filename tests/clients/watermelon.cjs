// WatermelonDB on LokiJS, in memory. `connect` and `checkDrift` are what an app has: everything else answers the test.
const { appSchema, Database, Model, tableSchema } = require("@nozbe/watermelondb");
const { default: LokiJSAdapter } = require("@nozbe/watermelondb/adapters/lokijs");
const { addColumns, createTable, schemaMigrations } = require("@nozbe/watermelondb/Schema/migrations");
const { hasUnsyncedChanges, synchronize } = require("@nozbe/watermelondb/sync");
const { getLastPulledAt } = require("@nozbe/watermelondb/sync/impl");

let adapter, database, schema, sync, given, rowDigest, sumDigests;

function connect({ base, session }) {
  const once = () =>
    synchronize({
      database,
      sendCreatedAsUpdated: true,
      migrationsEnabledAtVersion: 1,
      // A row that the phone and the clinic both made: the server decides, and keeps what does not stand.
      conflictResolver: (_table, local, _remote, resolved) => (local._status === "created" ? local : resolved),
      pullChanges: async ({ lastPulledAt, schemaVersion, migration }) => {
        const query = new URLSearchParams({
          last_pulled_at: lastPulledAt ?? "",
          schema_version: schemaVersion,
          migration: JSON.stringify(migration),
        });
        const response = await session.fetch(`${base}/sync/watermelon?${query}`);
        if (!response.ok) throw new Error(`pull ${response.status}`);
        return response.json();
      },
      pushChanges: async ({ changes, lastPulledAt }) => {
        const url = `${base}/sync/watermelon?last_pulled_at=${lastPulledAt}`;
        const response = await session.fetch(url, { method: "POST", body: JSON.stringify(changes) });
        if (!response.ok) throw new Error(`push ${response.status}`);
        return response.json();
      },
    });
  return () => once().catch(once);
}

// Once a day, when nothing waits to be pushed: has this phone what the server has? What it lacks comes with the next sync.
async function checkDrift({ base, session }) {
  if (await hasUnsyncedChanges({ database })) return "unsent";
  const cursor = await getLastPulledAt(database);
  const ask = async (told) => {
    const body = JSON.stringify({ cursor, schema_version: database.schema.version, collections: Object.fromEntries(told) });
    const response = await session.fetch(`${base}/sync/digest`, { method: "POST", body });
    if (!response.ok) throw new Error(`digest ${response.status}`);
    return response.json();
  };
  const digests = {};
  for (const { name, columnArray } of Object.values(database.schema.tables)) {
    const columns = columnArray.map((column) => column.name).filter((column) => column !== "rev");
    const rows = await database.get(name).query().fetch();
    const digestOf = ({ id, _raw }) => [id, rowDigest(id, columns.map((column) => _raw[column]))];
    digests[name] = Object.fromEntries(rows.map(digestOf));
  }
  const whole = (rows) => ({ count: Object.keys(rows).length, digest: sumDigests(Object.values(rows)) });
  const { state, collections } = await ask(Object.entries(digests).map(([name, rows]) => [name, whole(rows)]));
  if (state !== "differs") return state; // "same", or "behind": sync first
  const answer = await ask(collections.map((name) => [name, { rows: digests[name] }]));
  await database.write(async () => {
    for (const [name, { unknown }] of Object.entries(answer.healed ?? {})) {
      for (const id of unknown) await (await database.get(name).find(id)).destroyPermanently();
    }
  });
  return answer.state;
}

function modelOf(name, { columns }) {
  const model = class extends Model {};
  model.table = name;
  for (const column of columns) {
    Object.defineProperty(model.prototype, column.name, {
      get() {
        return this._getRaw(column.name);
      },
      set(value) {
        this._setRaw(column.name, value);
      },
    });
  }
  return model;
}

const columnsOf = ({ columns }) => columns.map(({ name, type, optional }) => ({ name, type, isOptional: !!optional }));

const tableOf = ([name, collection]) => ({ name, columns: columnsOf(collection) });

const collectionsOf = ({ collections }) => Object.entries(collections);

const tablesOf = (schema) =>
  appSchema({ version: schema.version, tables: collectionsOf(schema).map((each) => tableSchema(tableOf(each))) });

// What `schema` has and `before` has not. WatermelonDB wants a migration for every version up to the schema's.
function migrationsTo(schema, before = schema) {
  const steps = collectionsOf(schema).flatMap(([name, collection]) => {
    const known = before.collections[name];
    if (!known) return [createTable(tableOf([name, collection]))];
    const columns = columnsOf(collection).filter((column) => !known.columns.some((old) => old.name === column.name));
    return columns.length ? [addColumns({ table: name, columns })] : [];
  });
  const versions = [...Array(schema.version - 1).keys()].map((index) => index + 2);
  const migrations = versions.map((toVersion) => ({ toVersion, steps: toVersion === schema.version ? steps : [] }));
  return schemaMigrations({ migrations });
}

function use(newAdapter, newSchema) {
  [adapter, schema] = [newAdapter, newSchema];
  database = new Database({ adapter, modelClasses: collectionsOf(schema).map((each) => modelOf(...each)) });
}

function open(options) {
  given = options;
  const storage = { useWebWorker: false, useIncrementalIndexedDB: false };
  const tables = { schema: tablesOf(given.schema), migrations: migrationsTo(given.schema) };
  use(new LokiJSAdapter({ ...tables, ...storage }), given.schema);
  sync = connect(given);
}

// The app is updated: the same data under a newer schema.
async function upgrade({ schema: later }) {
  const tables = { schema: tablesOf(later), migrations: migrationsTo(later, schema) };
  use(await adapter.testClone(tables), later);
}

const rows = (collection) => database.get(collection);

// What a fault does to rows: the client takes them for synced.
const damage = ({ collection, lost, altered, strange }) =>
  database.write(async () => {
    await (await rows(collection).find(lost)).destroyPermanently();
    const row = await rows(collection).find(altered.id);
    Object.assign(row._raw, altered);
    await database.adapter.batch([["update", collection, row._raw]]);
    await database.batch(rows(collection).prepareCreateFromDirtyRaw({ ...strange, _status: "synced", _changed: "" }));
  });

const programs = [import("./pipe.mjs"), import("../../docs/vectors/digest.mjs")];

Promise.all(programs).then(([{ serve, shown, byId }, digest]) => {
  ({ rowDigest, sumDigests } = digest);
  serve({
    open,
    upgrade,
    damage,
    drift: () => checkDrift(given),
    sync: () => sync(),
    list: async ({ collection }) =>
      byId((await rows(collection).query().fetch()).map((row) => shown(row, schema.collections[collection]))),
    create: ({ collection, row: { id, ...columns } }) =>
      database.write(async () => {
        const made = await rows(collection).create((row) => {
          if (id) row._raw.id = id;
          Object.assign(row, columns);
        });
        return made.id;
      }),
    update: ({ collection, id, changes }) =>
      database.write(async () => {
        await (await rows(collection).find(id)).update((row) => Object.assign(row, changes));
      }),
    delete: ({ collection, id }) => database.write(async () => (await rows(collection).find(id)).markAsDeleted()),
  });
});
