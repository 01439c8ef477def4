// The client of rxdb-server, which has the URL and nothing else. SSPL: a test tool only.
import { addRxPlugin, createRxDatabase } from "rxdb/plugins/core";
import { RxDBMigrationPlugin } from "rxdb/plugins/migration-schema";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { wrappedValidateAjvStorage } from "rxdb/plugins/validate-ajv";
import { replicateServer } from "rxdb-server/plugins/replication-server";
import { serve } from "../pipe.mjs";
import { rxdbCommands } from "../rxdb_commands.mjs";

function connect({ base, token, retry_ms = 5000 }) {
  return (collection, { writable, live }) => {
    const url = `${base}/sync/rxdb/${collection.name}/${collection.schema.version}`;
    return replicateServer({
      collection,
      replicationIdentifier: url,
      url,
      headers: { Authorization: `Bearer ${token}` },
      live,
      retryTime: retry_ms,
      pull: {},
      push: writable ? {} : undefined,
    });
  };
}

addRxPlugin(RxDBMigrationPlugin);
const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() });
serve(rxdbCommands({ createRxDatabase, storage, connect }));
