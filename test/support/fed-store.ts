import type { KeyStore } from 'twinkey'

/** A store with a change feed on which a test reports changes. Undefined stands for all keys. */
export function fedStore(store: KeyStore) {
  let report: (id: string | undefined) => void = () => {}
  const fed: KeyStore = {
    ...store,
    watch: async (changed) => {
      report = changed
      return async () => {}
    },
  }
  return { store: fed, changed: (id?: string) => report(id) }
}
