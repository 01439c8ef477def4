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
function wakeUps({ base, token }) {
  return new Observable((wake) => {
    const withToken = (url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } });
    const events = new EventSource(`${base}/sync/events`, { fetch: withToken });
    events.onopen = events.onmessage = events.onerror = () => wake.next("RESYNC");
    return () => events.close();
  }).pipe(share());
}

function connect({ base, token, retry_ms = 5000 }) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const wake$ = wakeUps({ base, token });
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
          const response = await fetch(`${url}/pull?${new URLSearchParams({ lwt, id, limit })}`, { headers });
          if (!response.ok) throw new Error(`pull ${response.status}`);
          return response.json();
        },
      },
      push: writable && {
        batchSize: 100,
        async handler(rows) {
          const response = await fetch(`${url}/push`, { method: "POST", headers, body: JSON.stringify(rows) });
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
