// What the clients' own packages make of the schemas that apps paste: told as JSON. The folder with them comes in.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { addRxPlugin, createRxDatabase } from "rxdb/plugins/core";
import { disableWarnings, RxDBDevModePlugin } from "rxdb/plugins/dev-mode";
import { RxDBMigrationSchemaPlugin } from "rxdb/plugins/migration-schema";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { wrappedValidateAjvStorage } from "rxdb/plugins/validate-ajv";

const [folder] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const require = createRequire(import.meta.url);

function watermelon() {
  const { schema, migrations } = require(`${folder}/watermelon.cjs`);
  return { tables: Object.keys(schema.tables), version: schema.version, migratesTo: migrations.maxVersion };
}

async function powersync() {
  const { schema } = await load("powersync.mjs");
  schema.validate();
  return schema.toJSON().tables.map(({ name, include_old }) => ({ name, tracked: include_old || [] }));
}

// A phone with version 1 that updates its app: what it has is migrated and still fits, and new rows are checked.
async function rxdb(kept, made, incomplete) {
  disableWarnings();
  addRxPlugin(RxDBDevModePlugin);
  addRxPlugin(RxDBMigrationSchemaPlugin);
  const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() });
  const open = () => createRxDatabase({ name: "phone", storage, multiInstance: false });
  const old = await open();
  await old.addCollections((await load("rxdb.1.mjs")).collections);
  await old.reminders.insert(kept);
  await old.close();
  const updated = await open();
  await updated.addCollections((await load("rxdb.mjs")).collections);
  await updated.questionnaire_answers.insert(made);
  const refused = await updated.questionnaire_answers.insert(incomplete).catch((error) => error.code);
  const migrated = (await updated.reminders.findOne(kept.id).exec(true)).toJSON();
  return { collections: Object.keys(updated.collections), migrated, refused };
}

const { kept, made, incomplete } = (await load("rows.mjs")).default;
console.log(
  JSON.stringify({ watermelon: watermelon(), powersync: await powersync(), rxdb: await rxdb(kept, made, incomplete) }),
);
process.exit(0);
