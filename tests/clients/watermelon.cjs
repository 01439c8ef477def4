// WatermelonDB on LokiJS, in memory. `connect` is what an app has: everything else answers the test.
const { appSchema, Database, Model, tableSchema } = require("@nozbe/watermelondb");
const { default: LokiJSAdapter } = require("@nozbe/watermelondb/adapters/lokijs");
const { addColumns, createTable, schemaMigrations } = require("@nozbe/watermelondb/Schema/migrations");
const { synchronize } = require("@nozbe/watermelondb/sync");

let adapter, database, schema, sync;

function connect({ base, token }) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const once = () =>
    synchronize({
      database,
      sendCreatedAsUpdated: true,
      migrationsEnabledAtVersion: 1,
      pullChanges: async ({ lastPulledAt, schemaVersion, migration }) => {
        const query = new URLSearchParams({
          last_pulled_at: lastPulledAt ?? "",
          schema_version: schemaVersion,
          migration: JSON.stringify(migration),
        });
        const response = await fetch(`${base}/sync/watermelon?${query}`, { headers });
        if (!response.ok) throw new Error(`pull ${response.status}`);
        return response.json();
      },
      pushChanges: async ({ changes, lastPulledAt }) => {
        const url = `${base}/sync/watermelon?last_pulled_at=${lastPulledAt}`;
        const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(changes) });
        if (!response.ok) throw new Error(`push ${response.status}`);
        return response.json();
      },
    });
  return () => once().catch(once);
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

function open(given) {
  const storage = { useWebWorker: false, useIncrementalIndexedDB: false };
  const tables = { schema: tablesOf(given.schema), migrations: migrationsTo(given.schema) };
  use(new LokiJSAdapter({ ...tables, ...storage }), given.schema);
  sync = connect(given);
}

// The app is updated: the same data under a newer schema.
async function upgrade(given) {
  const tables = { schema: tablesOf(given.schema), migrations: migrationsTo(given.schema, schema) };
  use(await adapter.testClone(tables), given.schema);
}

const rows = (collection) => database.get(collection);

import("./pipe.mjs").then(({ serve, shown, byId }) =>
  serve({
    open,
    upgrade,
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
  }),
);
