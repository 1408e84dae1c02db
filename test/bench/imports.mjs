// What it takes to import Twinkey: time in a process that has just begun, and size for whoever bundles it.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from '../prepare.mjs'
import { interleave, ratios } from './rounds.mjs'

const BASE = 'jose and @noble/hashes'
const NOBLE = ['@noble/hashes/hmac.js', '@noble/hashes/sha2.js', '@noble/hashes/utils.js']
const IMPORTS = {
  [BASE]: ['jose', ...NOBLE],
  'jose alone': ['jose'],
  ...Object.fromEntries(
    ['express', 'fastify', 'hono', 'web'].map((adapter) => [`twinkey and twinkey/${adapter}`, ['twinkey', `twinkey/${adapter}`]]),
  ),
}

export async function measure({ rounds }, say) {
  const sides = Object.entries(IMPORTS).map(([name, modules]) => ({ name, run: () => importTime(modules) }))
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

// In the process itself, from before the first import to after the last: the start of Node is not part of it.
function importTime(modules) {
  const lines = modules.map((name) => `await import(${JSON.stringify(name)})`)
  const code = `const began = process.hrtime.bigint(); ${lines.join('; ')}; process.stdout.write(String(process.hrtime.bigint() - began))`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, encoding: 'utf8' }))
}

async function sizes() {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const subpaths = Object.entries(exports).filter(([, target]) => target.endsWith('.js'))
  const rows = []
  for (const [subpath, target] of subpaths) {
    const { outputFiles } = await build({
      entryPoints: [`${root}${target}`],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'node',
      external: ['jose', '@noble/hashes'],
      logLevel: 'silent',
    })
    const name = `twinkey${subpath.slice(1)}`
    rows.push({
      part: 'import',
      group: 'minified, gzip',
      name,
      unit: 'bytes',
      lessIsBetter: true,
      values: [gzipSync(outputFiles[0].contents, { level: 9 }).length],
    })
  }
  return rows
}
