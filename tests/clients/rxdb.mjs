// RxDB in memory, with a validator. `wakeUps` and `connect` are what an app has.
import { EventSource } from "eventsource";
import { addRxPlugin, createRxDatabase } from "rxdb/plugins/core";
import { RxDBMigrationSchemaPlugin } from "rxdb/plugins/migration-schema";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { wrappedValidateAjvStorage } from "rxdb/plugins/validate-ajv";
import { Observable, share } from "rxjs";
import { serve } from "./pipe.mjs";
import { rxdbCommands } from "./rxdb_commands.mjs";

// One connection for all collections: it says that something changed, and never what.
function wakeUps({ base, session }) {
  return new Observable((wake) => {
    const events = new EventSource(`${base}/sync/events`, { fetch: session.fetch });
    events.onopen = events.onmessage = events.onerror = () => wake.next("RESYNC");
    return () => events.close();
  }).pipe(share());
}

function connect({ base, session, retry_ms = 5000 }) {
  const wake$ = wakeUps({ base, session });
  return (collection, { writable, live }) => {
    const url = `${base}/sync/rxdb/${collection.name}/${collection.schema.version}`;
    return replicateRxCollection({
      collection,
      replicationIdentifier: url,
      live,
      retryTime: retry_ms,
      pull: {
        batchSize: 100,
        stream$: wake$,
        async handler(checkpoint, limit) {
          const { lwt = 0, id = "" } = checkpoint ?? {};
          const response = await session.fetch(`${url}/pull?${new URLSearchParams({ lwt, id, limit })}`);
          if (!response.ok) throw new Error(`pull ${response.status}`);
          return response.json();
        },
      },
      push: writable && {
        batchSize: 100,
        async handler(rows) {
          const response = await session.fetch(`${url}/push`, { method: "POST", body: JSON.stringify(rows) });
          if (!response.ok) throw new Error(`push ${response.status}`);
          return response.json();
        },
      },
    });
  };
}

addRxPlugin(RxDBMigrationSchemaPlugin);
const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() });
serve(rxdbCommands({ createRxDatabase, storage, connect }));
