// Runs the checks in every runtime and prints the results. Fails if one fails or is missing.
//   --write   puts the matrix into docs/runtimes.md
//   --json    prints each report whole, one line for each runtime
//   a name    runs only that runtime, as in `npm run test:runtimes -- deno`
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { prepare, root } from '../prepare.mjs'

const MIN_CHECKS = 60
const DOCUMENT = join(root, 'docs/runtimes.md')
const HASHES = { 'hash.js': '@noble/hashes', 'hash.node.js': 'node:crypto' }
const args = process.argv.slice(2)
const only = args.filter((arg) => !arg.startsWith('-')).map((arg) => arg.toLowerCase())

prepare()
// Loaded here, because esbuild may not have been installed before.
const { CONDITIONS, runtimes } = await import('./runtimes.mjs')
const { reachability, stage } = await import('./stage.mjs')

const folder = await stage()
try {
  const reached = await reachability(folder, CONDITIONS)
  const rows = []
  for (const runtime of runtimes.filter(
    ({ name }) => only.length === 0 || only.includes(name.toLowerCase()),
  ))
    rows.push(await rowOf(runtime))
  const failed = reached.filter(({ failure }) => failure !== undefined)
  for (const { name, failure } of failed) console.error(`\n${name}\n  ${failure}`)

  console.log(`\n${tableOf(rows)}\n`)
  console.log(
    `Off Node, no node: import is reachable: ${reached.length - failed.length} of ${reached.length} bundles show it.`,
  )
  if (args.includes('--write')) writeMatrix(rows)
  if (failed.length > 0 || rows.length === 0 || rows.some(({ isGood }) => !isGood))
    process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function rowOf({ name, version, form, run }) {
  process.stderr.write(`${name} ${version}, ${form}…\n`)
  try {
    const report = await run(folder, version)
    const failed = report.outcomes.filter(({ failure }) => failure !== undefined)
    if (args.includes('--json')) console.log(JSON.stringify({ runtime: name, form, ...report }))
    for (const outcome of failed)
      console.error(`\n${name} ${version}: ${outcome.name}\n  ${outcome.failure}`)
    if (report.version !== version)
      console.error(`\n${name} says that it is ${report.version}, not ${version}`)
    const passed = report.outcomes.length - failed.length
    const isGood = failed.length === 0 && passed >= MIN_CHECKS && report.version === version
    return {
      name,
      version,
      form,
      hash: basename(report.hash),
      passed,
      failed: failed.length,
      isGood,
    }
  } catch (error) {
    console.error(`\n${name} ${version} did not run: ${error.stderr ?? ''}${error.stack}`)
    return { name, version, form, hash: '', passed: 0, failed: 'did not run', isGood: false }
  }
}

function tableOf(rows) {
  const lines = rows.map(({ name, version, form, hash, passed, failed }) => [
    name,
    version,
    form,
    HASHES[hash] ?? hash,
    passed,
    failed,
  ])
  const table = [
    ['runtime', 'version', 'the package is', 'digests by', 'passed', 'failed'],
    ['---', '---', '---', '---', '---:', '---:'],
    ...lines,
  ]
  return table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function writeMatrix(rows) {
  const [before, , after] = readFileSync(DOCUMENT, 'utf8').split(
    /(?<=<!-- matrix -->\n)([\s\S]*?)(?=<!-- end of the matrix -->)/,
  )
  writeFileSync(DOCUMENT, `${before}\n${tableOf(rows)}\n\n${after}`)
}
