// What both versions of RxDB have in common: the schema and the answers to the test. `connect` is the app's own part.
import { byId, shown } from "./pipe.mjs";

const jsonTypes = ({ type, optional }) => (optional ? [type, "null"] : type);

function jsonSchema(version, { columns }) {
  const properties = Object.fromEntries(columns.map((column) => [column.name, { type: jsonTypes(column) }]));
  return {
    version,
    primaryKey: "id",
    type: "object",
    properties: { ...properties, id: { type: "string", maxLength: 64 }, rev: { type: "number" } },
    required: ["id", ...columns.filter((column) => !column.optional).map((column) => column.name)],
  };
}

// RxDB counts schemas from 0. Newer versions only add columns: what is stored stays as it is, and the new version's first pull brings the rest.
const steps = (version) => Object.fromEntries([...Array(version).keys()].map((old) => [old + 1, (document) => document]));

const collectionOf = (version, collection) => ({
  schema: jsonSchema(version - 1, collection),
  migrationStrategies: steps(version - 1),
});

export function rxdbCommands({ createRxDatabase, storage, connect }) {
  let database, given, replicate;
  let running = [];
  let errors = [];
  let opened = 0;

  async function use(name, options) {
    const { version, collections } = options.schema;
    [given, replicate, errors] = [options, await connect(options), []];
    database = await createRxDatabase({ name, storage, multiInstance: false });
    const made = Object.entries(collections).map(([name, collection]) => [name, collectionOf(version, collection)]);
    await database.addCollections(Object.fromEntries(made));
  }

  const start = (live) =>
    Object.values(database.collections).map((collection) => {
      const { writable } = given.schema.collections[collection.name];
      const replication = replicate(collection, { writable, live });
      replication.error$.subscribe((error) => errors.push(String(error.message)));
      return replication;
    });

  async function stop() {
    await Promise.all(running.map((replication) => replication.cancel()));
    running = [];
  }

  return {
    async open(options) {
      await stop();
      await database?.remove();
      await use(`phone${(opened += 1)}`, options);
    },
    // The app is updated: the same data under a newer schema.
    async upgrade({ schema }) {
      await stop();
      await (database.close?.() ?? database.destroy());
      await use(database.name, { ...given, schema });
    },
    async live() {
      running = start(true);
      await Promise.all(running.map((replication) => replication.awaitInitialReplication()));
    },
    stop,
    async sync() {
      for (const replication of running) replication.reSync();
      const replications = running.length ? running : start(false);
      await Promise.all(replications.map((replication) => replication.awaitInSync()));
    },
    errors: () => errors.splice(0),
    list: async ({ collection }) =>
      byId((await database[collection].find().exec()).map((row) => shown(row.toJSON(), given.schema.collections[collection]))),
    create: async ({ collection, row }) => (await database[collection].insert({ id: crypto.randomUUID(), ...row })).id,
    update: async ({ collection, id, changes }) => {
      await (await database[collection].findOne(id).exec(true)).incrementalPatch(changes);
    },
    delete: async ({ collection, id }) => {
      await (await database[collection].findOne(id).exec(true)).incrementalRemove();
    },
  };
}
