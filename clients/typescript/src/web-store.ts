import type { Tokens, TokenStore } from "./token-store.js";

const TABLE = "tokens";
const KEY = "current";

/**
 * Keeps tokens in the browser, so that all tabs of the origin share one session and it outlives a reload. Every script
 * of the page can read them there: choose it only for pages that run no foreign scripts. It needs a page that came over
 * HTTPS or from localhost, because only those have locks.
 *
 * They are in IndexedDB and not in localStorage: what one tab writes there another may read late, even under a lock, and
 * a refresh token that is sent late is a refresh token that is sent twice.
 */
export function webStore(name = "tessera"): TokenStore {
  if (!("locks" in navigator)) throw new TypeError("webStore needs a page that came over HTTPS or from localhost");
  let database: Promise<IDBDatabase> | undefined;
  const forget = () => {
    database = undefined;
  };
  /** Runs one request in a transaction of its own and waits until that is committed. */
  const run = async (mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest): Promise<unknown> => {
    database ??= open(name, forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    const transaction = (await database).transaction(TABLE, mode);
    const request = ask(transaction.objectStore(TABLE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => {
        resolve(request.result);
      };
      transaction.onabort = () => {
        reject(transaction.error ?? new Error("the browser gave the transaction up"));
      };
    });
  };
  return {
    load: async () => (await run("readonly", (table) => table.get(KEY))) as Tokens | undefined,
    save: async (tokens) => {
      await run("readwrite", (table) => (tokens ? table.put(tokens, KEY) : table.delete(KEY)));
    },
    exclusive: (task) => navigator.locks.request(name, task),
  };
}

/** Opens the database. `lost` is called when it can no longer be used: the user may clear the page's data at any time. */
function open(name: string, lost: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("the browser has no storage for this page"));
    };
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = lost;
      database.onversionchange = () => {
        lost();
        database.close();
      };
      resolve(database);
    };
  });
}
