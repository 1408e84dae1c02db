import type { StoreContractCase } from './contract-case.ts'
import { expectPut } from './expect.ts'
import { same } from './same.ts'
import { changedKey, newEntry, newKey } from './sample.ts'

/** The contract for watching changes. Skipped for a store without `watch`. */
export const watchCases: readonly StoreContractCase[] = [
  {
    name: 'reports every change at least once, by id or as possibly missed, until the watcher stops',
    async run(open) {
      const [one, two] = [await open(), await open()]
      if (two.watch === undefined) return
      const key = newKey()
      let notify: () => void = () => {}
      let reports = 0
      const stop = await two.watch((id) => {
        if (id !== undefined && id !== key.id) return
        reports++
        notify()
      })
      const next = async (change: () => Promise<unknown>) => {
        const notice = new Promise<void>((resolve) => {
          notify = resolve
        })
        await change()
        await notice
      }
      const changed = changedKey(key)
      await next(() => one.put(key, undefined, newEntry(key)))
      await next(() => one.put(changed, key.version, undefined))
      await next(() => one.delete(key.id, changed.version, newEntry(changed)))
      await stop()
      const before = reports
      await expectPut(one, key, undefined, 'stored')
      await one.get(key.id)
      same('the number of reports after stop', reports - before, 0)
    },
  },
]
