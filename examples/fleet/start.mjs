// Starts the fleet, on a fresh clone too. Each node begins here again.
import cluster from 'node:cluster'

if (cluster.isPrimary) {
  const { prepare } = await import('../../test/prepare.mjs')
  prepare()
}
// Imported only now: before, it may not have been installed. Without a tsconfig the fleet runs the
// built package, by the names that a user would import.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
await import(cluster.isPrimary ? './main.ts' : './node.ts')
