// Compares Twinkey with a check by hand and with its peers. All results are ratios of two sides
// from one run. docs/performance.md explains them.
//   --json          prints one line of JSON as the last line of stdout. Progress goes to stderr
//   --quick         fewer rounds and keys, and only the closest peers. A few minutes, rough
//   --only a,b      measures only these parts of core, tokens, http, memory, import, growth
import { execFileSync, fork } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { prepare } from '../../test/prepare.mjs'
import { PARTS } from './parts.mjs'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const chosen = options.only?.split(',') ?? Object.keys(PARTS)
const unknown = chosen.find((name) => !Object.hasOwn(PARTS, name))
if (unknown !== undefined) {
  console.error(`There is no part ${unknown}. The parts are ${Object.keys(PARTS).join(', ')}.`)
  process.exit(2)
}

prepare()
installPeers()
const { reportOf, tableOf } = await import('./report.mjs')

const rows = []
for (const name of chosen) {
  // The other parts are still useful.
  await measure(name).then(
    (found) => rows.push(...found),
    (error) => {
      process.exitCode = 1
      console.error(`\n${error.message}`)
    },
  )
}
const report = reportOf(rows, { parts: chosen, quick: options.quick })
process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report))

// Each part runs in its own process, so that none affects the heap of the next.
function measure(name) {
  const { full, quick, flags = [] } = PARTS[name]
  const settings = options.quick ? { ...full, ...quick } : full
  const say = progress(name)
  say('begins')
  return new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(new URL('part.mjs', import.meta.url)),
      [name, JSON.stringify(settings)],
      {
        execArgv: flags,
        stdio: ['ignore', 2, 2, 'ipc'],
      },
    )
    let found
    child.on('message', (message) => {
      if (message.rows === undefined) say(message.progress)
      else found = message.rows
    })
    child.on('exit', (code) =>
      found === undefined
        ? reject(new Error(`The part ${name} was not measured: its process ended with ${code}.`))
        : resolve(found),
    )
  })
}

// A terminal shows each step in place of the last. A log gets a line now and then.
function progress(name) {
  let shown = 0
  return (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name}: ${text}`)
    else if (performance.now() - shown > 10_000) {
      process.stderr.write(`${name}: ${text}\n`)
      shown = performance.now()
    }
  }
}

// Peers are separate from the dependencies of Twinkey, and installed only for this.
function installPeers() {
  const peers = fileURLToPath(new URL('peers/', import.meta.url))
  const installed = `${peers}node_modules/.package-lock.json`
  if (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(`${peers}package-lock.json`).mtimeMs
  )
    return
  process.stderr.write('Installing what to compare with…\n')
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: peers,
    stdio: ['ignore', 2, 2],
  })
}
