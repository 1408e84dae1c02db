// The memory of a cached key with one tenant and two slots. The store keeps nothing in this
// process.
import { createTwinkey } from 'twinkey'
import { idOf, recordOf, requestOf, secretOf, syntheticStore, tenantOf } from './keys.mjs'
import { createKeyCheck } from './minimal.mjs'
import { asGuardsHandIt, LONG, requirement, wireOf } from './warm.mjs'

export async function measure({ keys, rounds }, say) {
  const checked = asGuardsHandIt(requirement)
  const fill = async (count, store, tenant) => {
    const twinkey = createTwinkey({ store, cache: LONG })
    for (let number = 0; number < count; number++) {
      const id = idOf(number)
      const { ok } = await twinkey.authenticate(
        wireOf(requestOf({ tenant: tenant(id), text: secretOf(id) })),
        checked,
      )
      if (!ok) throw new Error(`key ${number} of the benchmark was refused`)
    }
    await twinkey.flush()
    return twinkey
  }
  const ownTenant = (id) => `tenant-${id}`
  const apart = { ...syntheticStore(), get: async (id) => recordOf(id, ownTenant(id)) }
  const sides = {
    Twinkey: (count) => fill(count, syntheticStore(), tenantOf),
    'Twinkey, no two keys of one tenant': (count) => fill(count, apart, ownTenant),
    'by hand, one slot': async (count) => createKeyCheck(count),
  }
  const rows = []
  for (const [name, make] of Object.entries(sides)) {
    say(name)
    rows.push({
      part: 'memory',
      group: 'cached key',
      name,
      unit: 'bytes',
      lessIsBetter: true,
      values: await bytesOfEach(make, keys, rounds),
    })
  }
  return rows
}

// Heap and buffers. All results are kept until the end, so that none is released during a later
// measurement.
async function bytesOfEach(make, keys, rounds) {
  // Warms up, so that loading and compiling do not count.
  const held = [await make(1000)]
  const found = []
  for (let round = 0; round < rounds; round++) {
    const before = await inUse()
    held.push(await make(keys))
    found.push(((await inUse()) - before) / keys)
  }
  if (held.length !== rounds + 1) throw new Error('what was measured was not held')
  return found
}

async function inUse() {
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate)
    globalThis.gc()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
