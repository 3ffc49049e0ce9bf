import type { Change, Committed, Store } from "../../src/core/ports.ts";

/** A store whose process dies at its n-th commit: before it, or after it is durable and before anybody hears of it. */
export function mortal(
  store: Store,
  dieAt: number,
  when: "before" | "after",
): Store & { readonly died: boolean } {
  let commits = 0;
  let died = false;
  const never = new Promise<Committed>(() => {});
  return {
    get died() {
      return died;
    },
    async commit(change: Change): Promise<Committed> {
      commits += 1;
      if (died) return never;
      if (commits < dieAt) return store.commit(change);
      died = true;
      if (when === "after") await store.commit(change);
      return never;
    },
    read: (query) => store.read(query),
    get: (key) => store.get(key),
    list: (prefix, page) => store.list(prefix, page),
    acquire: (name, holder, ttl) => store.acquire(name, holder, ttl),
    release: (lease) => store.release(lease),
    watch: (after, listener) => store.watch(after, listener),
    retain: (bounds) => store.retain(bounds),
    close: async () => {},
  };
}
