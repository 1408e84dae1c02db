// Writes what applications need that are compiled to CommonJS, into dist:
// - for each subpath, a module that requires the ES module of it, so that both are the same;
// - for each declaration, a copy, because TypeScript takes one that ends in .d.ts for the declaration
//   of an ES module only.
//   npm run build           runs it after tsup
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

// The packages whose declarations are those of ES modules. Only types are imported from them.
// NestJS before 12 is CommonJS, whose declarations pass as well.
const ESM_ONLY = ['@nestjs/common', 'hono', 'jose']
const OWN = /^((?:import|export) .*'\.[^']*)\.js';$/gm
const OF_PACKAGE = /^(import|export) (\{.*\} from '([^']*)');$/gm
const NOTHING = /^import '([^']*)';\n/gm

const root = fileURLToPath(new URL('../', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
for (const subpath of Object.values(exports)) {
  if (subpath.require === undefined) continue
  const module = basename(subpath.default)
  writeFileSync(root + subpath.require.default, `module.exports = require('./${module}')\n`)
}
for (const name of readdirSync(`${root}dist`, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue
  const copy = readFileSync(`${root}dist/${name}`, 'utf8')
    .replaceAll(NOTHING, (line, from) => (ESM_ONLY.includes(from) ? '' : line))
    .replaceAll(OF_PACKAGE, (line, verb, names, from) =>
      ESM_ONLY.includes(from)
        ? `${verb} type ${names} with { 'resolution-mode': 'import' };`
        : line,
    )
    .replaceAll(OWN, "$1.cjs';")
  writeFileSync(`${root}dist/${name.replace(/ts$/, 'cts')}`, copy)
}
