// The cost of importing Twinkey: time in a new process, and size in a bundle.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { root } from '../../test/prepare.mjs'
import { interleave, ratios } from './rounds.mjs'
import { sizeBeyondCore, sizeOf, sizeOfCore } from './sizes.mjs'

const BASE = 'jose and @noble/hashes'
const NOBLE = ['@noble/hashes/hmac.js', '@noble/hashes/sha2.js', '@noble/hashes/utils.js']
const ADAPTERS = ['express', 'fastify', 'hono', 'web']
const IMPORTS = {
  [BASE]: ['jose', ...NOBLE],
  'jose alone': ['jose'],
  ...Object.fromEntries(
    ADAPTERS.map((adapter) => [
      `twinkey and twinkey/${adapter}`,
      ['twinkey', `twinkey/${adapter}`],
    ]),
  ),
  'bearer-auth and jwt of Hono': ['hono/bearer-auth', 'hono/jwt'],
}
const PEER_IMPORTS = {
  'better-auth and its api-key plugin': ['better-auth', '@better-auth/api-key'],
  'prefixed-api-key': ['prefixed-api-key'],
  'passport and passport-headerapikey': ['passport', 'passport-headerapikey'],
  'express-jwt': ['express-jwt'],
  'express-oauth2-jwt-bearer': ['express-oauth2-jwt-bearer'],
  'fast-jwt': ['fast-jwt'],
  '@fastify/bearer-auth': ['@fastify/bearer-auth'],
  '@fastify/jwt': ['@fastify/jwt'],
}

export async function measure({ rounds }, say) {
  const sidesIn = (folder, imports) =>
    Object.entries(imports).map(([name, modules]) => ({
      name,
      run: () => importTime(modules, folder),
    }))
  const sides = [
    ...sidesIn(root, IMPORTS),
    ...sidesIn(`${root}benchmarks/speed/peers`, PEER_IMPORTS),
  ]
  const series = await interleave(sides, { rounds, warmRounds: 1 }, say)
  const times = Array.from(series, ([name, values]) => ({
    part: 'import',
    group: 'cold import',
    name,
    over: BASE,
    unit: 'ns',
    lessIsBetter: true,
    values,
    ratios: ratios(values, series.get(BASE)),
  }))
  return [...times, ...(await sizes())]
}

// Measured inside the process, from before the first import to after the last, without the start of
// Node. Processor time does not depend on other load.
function importTime(modules, folder) {
  const lines = modules.map((name) => `await import(${JSON.stringify(name)})`)
  const code = `const began = process.cpuUsage(); ${lines.join('; ')}; process.stdout.write(JSON.stringify(process.cpuUsage(began)))`
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: folder,
    encoding: 'utf8',
  })
  const { user, system } = JSON.parse(printed)
  return (user + system) * 1000
}

async function sizes() {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const subpaths = Object.keys(exports).filter(
    (subpath) => subpath !== '.' && subpath !== './package.json',
  )
  const row = (group, name, value) => ({
    part: 'import',
    group,
    name,
    unit: 'bytes',
    lessIsBetter: true,
    values: [value],
  })
  const rows = [row('minified, gzip', 'createTwinkey', await sizeOfCore())]
  for (const subpath of ['.', ...subpaths]) {
    const name = `twinkey${subpath.slice(1)}`
    rows.push(row('minified, gzip', name, await sizeOf(`export * from '${name}'`)))
  }
  for (const subpath of subpaths) {
    const name = `twinkey${subpath.slice(1)}`
    rows.push(
      row(
        'minified, gzip, beyond createTwinkey',
        name,
        await sizeBeyondCore(`export * from '${name}'`),
      ),
    )
    if (!ADAPTERS.includes(subpath.slice(2))) continue
    const guard = await sizeBeyondCore(`export { requireAuth } from '${name}'`)
    rows.push(row('minified, gzip, beyond createTwinkey', `requireAuth of ${name}`, guard))
  }
  return rows
}
