// Runs an example of several files, even on a fresh clone: npm run example tenants
import { existsSync } from 'node:fs'
import { prepare } from '../test/prepare.mjs'

const [name = ''] = process.argv.slice(2)
const file = `./${name.includes('/') ? name : `${name}/main`}.ts`
if (!/^[\w-]+(?:\/[\w-]+)?$/.test(name) || !existsSync(new URL(file, import.meta.url))) {
  console.error(
    'Use: npm run example tenants|own-store|verifier-service|worker|gateway|mcp|client|webhooks',
  )
  process.exit(2)
}
prepare()
// Imported after prepare(), which installs it. Without a tsconfig, the example imports the built
// package by its public names.
const { register } = await import('tsx/esm/api')
register({ tsconfig: false })
await import(file)
