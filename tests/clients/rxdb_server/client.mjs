// The client of rxdb-server, which has the URL and nothing else. SSPL: a test tool only.
import { addRxPlugin, createRxDatabase } from "rxdb/plugins/core";
import { RxDBMigrationPlugin } from "rxdb/plugins/migration-schema";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { wrappedValidateAjvStorage } from "rxdb/plugins/validate-ajv";
import { replicateServer } from "rxdb-server/plugins/replication-server";
import { serve } from "../pipe.mjs";
import { rxdbCommands } from "../rxdb_commands.mjs";

async function connect({ base, session, retry_ms = 5000 }) {
  const first = await session.token();
  const headersOf = (token) => ({ Authorization: `Bearer ${token}` });
  return (collection, { writable, live }) => {
    const url = `${base}/sync/rxdb/${collection.name}/${collection.schema.version}`;
    const replication = replicateServer({
      collection,
      replicationIdentifier: url,
      url,
      headers: headersOf(first),
      live,
      retryTime: retry_ms,
      pull: {},
      push: writable ? {} : undefined,
    });
    // It asks again by itself, after its retry time; where there was no network for another token, it is refused again.
    let token = first;
    replication.unauthorized$.subscribe(async () => {
      token = await session.token(token).catch(() => token);
      replication.setHeaders(headersOf(token));
    });
    return replication;
  };
}

addRxPlugin(RxDBMigrationPlugin);
const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() });
serve(rxdbCommands({ createRxDatabase, storage, connect }));
