// Runs an example of several files, on a fresh clone too: npm run example tenants
import { existsSync } from 'node:fs'
import { prepare } from '../test/prepare.mjs'

const [name = ''] = process.argv.slice(2)
const file = `./${name.includes('/') ? name : `${name}/main`}.ts`
if (!/^[\w-]+(?:\/[\w-]+)?$/.test(name) || !existsSync(new URL(file, import.meta.url))) {
  console.error('Use: npm run example tenants|own-store|verifier-service|worker')
  process.exit(2)
}
prepare()
// Imported only now: before, it may not have been installed. Without a tsconfig the example runs
// the built package, by the names that a user would import.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
await import(file)
