// Starts the fleet, even on a fresh clone. Each node also starts here.
import cluster from 'node:cluster'

if (cluster.isPrimary) {
  const { prepare } = await import('../../test/prepare.mjs')
  prepare()
}
// Imported after prepare(), which installs it. Without a tsconfig, the fleet imports the built
// package by its public names.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
await import(cluster.isPrimary ? './main.ts' : './node.ts')
