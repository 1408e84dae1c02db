// Changes the source in thousands of small ways and shows which changes no test detects:
//   npm run test:mutation                                     core, HTTP layer and adapters
//   npm run test:mutation -- src/core/model/scope.ts          some files
//   npm run test:mutation -- src/core/model/scope.ts:30-50    lines of a file
//   npm run test:mutation -- --force                          ignores results of earlier runs
//
// Prints the score of each file and every mutant that survived. Fails if the score is below 90 %,
// or if a mutant in a STRICT file survives that survivors.json does not explain. An interrupted run
// continues where it stopped.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepare, root } from '../prepare.mjs'

// Stryker requires Node 22 or later. npx downloads this tested version once.
const NODE = '24.21.0'
const MIN_SCORE = 90
const CACHE = join(root, 'node_modules/.cache/mutation')
// The decision path.
const STRICT = readList('strict')
// The accepted survivors, each with the reason why no test can detect it.
const ARGUED = readList('survivors')
// Types and re-exports, and the hash implementation that Node does not use.
const LEFT_OUT = [
  'core/decision/route-requirement',
  'core/management/key-management',
  'core/model/principal',
  'core/store/store',
  'core/secrets/hash',
  'profiles/index',
]

prepare()
if (Number(process.versions.node.split('.')[0]) < 22) process.exitCode = runAgain()
else process.exitCode = await main(process.argv.slice(2))

// Runs this script again in a Node version that Stryker supports.
function runAgain() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const args = [
    '-y',
    '-p',
    `node-${platform}-${process.arch}@${NODE}`,
    '-c',
    'node --print process.execPath',
  ]
  const node = execFileSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] }).trim()
  return (
    spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      cwd: root,
      stdio: 'inherit',
    }).status ?? 1
  )
}

async function main(args) {
  const { Stryker } = await import('@stryker-mutator/core')
  const wanted = args.filter((arg) => !arg.startsWith('-'))
  mkdirSync(CACHE, { recursive: true })
  const began = performance.now()
  const mutants = await new Stryker({
    mutate:
      wanted.length > 0
        ? wanted
        : [
            'src/{core,http,profiles,guard,endpoints,adapters}/**/*.ts',
            ...LEFT_OUT.map((name) => `!src/${name}.ts`),
          ],
    testRunner: 'stay',
    plugins: [join(root, 'test/mutation/runner.mjs')],
    coverageAnalysis: 'perTest',
    concurrency: 2,
    // For synchronous endless loops. stay.ts handles every other timeout.
    timeoutMS: 60_000,
    dryRunTimeoutMinutes: 15,
    incremental: true,
    incrementalFile: join(CACHE, 'incremental.json'),
    force: args.includes('--force'),
    // Outside node_modules, where Vitest would transform nothing, and outside the project.
    tempDirName: join(tmpdir(), 'twinkey-mutation'),
    ignorePatterns: ['dist', 'docs/site', 'examples/**/node_modules', 'coverage'],
    reporters: ['progress-append-only'],
    allowConsoleColors: false,
  }).runMutationTest()
  const lost = show(mutants)
  console.log(`\n${Math.round((performance.now() - began) / 60_000)} minutes`)
  return lost ? 1 : 0
}

/** Prints the scores and the survivors. Returns whether the run fails. */
function show(mutants) {
  const files = Map.groupBy(mutants, ({ fileName }) => relative(root, fileName))
  console.log(
    '\n| file | mutants | killed | argued | survived | score |\n| --- | ---: | ---: | ---: | ---: | ---: |',
  )
  const rows = [...files].map(([file, of]) => rowOf(file, of))
  const all = rowOf('all', mutants)
  for (const { name, total, killed, argued, survivors, score } of [...rows, all])
    console.log(
      `| ${name} | ${total} | ${killed} | ${argued.length} | ${survivors.length} | ${score.toFixed(1)} % |`,
    )
  for (const survivor of all.survivors)
    console.log(`\n${placeOf(survivor)}\n- ${codeOf(survivor)}\n+ ${survivor.replacement}`)
  const unargued = rows.filter(
    ({ name, survivors }) => STRICT.includes(name) && survivors.length > 0,
  )
  for (const { name } of unargued)
    console.log(`\n${name} must have no survivor that is not argued.`)
  return all.score < MIN_SCORE || unargued.length > 0
}

function readList(name) {
  return JSON.parse(readFileSync(join(root, `test/mutation/${name}.json`), 'utf8'))
}

function rowOf(name, mutants) {
  const count = (...kinds) => mutants.filter(({ status }) => kinds.includes(status))
  const killed = count('Killed', 'Timeout').length
  // A mutant whose run broke off was not detected either.
  const alive = count('Survived', 'NoCoverage', 'RuntimeError')
  const [argued, survivors] = [true, false].map((is) =>
    alive.filter((mutant) => isArgued(mutant) === is),
  )
  const total = killed + argued.length + survivors.length
  // The score counts every killed mutant.
  return {
    name,
    total,
    killed,
    argued,
    survivors,
    score: total === 0 ? 100 : (100 * killed) / total,
  }
}

function isArgued(mutant) {
  const file = relative(root, mutant.fileName)
  return ARGUED.some(
    (each) =>
      each.file === file &&
      each.code === codeOf(mutant) &&
      each.becomes === mutant.replacement &&
      // A text of its first line, for code that the file has several times.
      lineOf(mutant).includes(each.in ?? ''),
  )
}

function lineOf({ fileName, location }) {
  return readFileSync(fileName, 'utf8').split('\n')[location.start.line - 1] ?? ''
}

function placeOf({ fileName, location }) {
  return `${relative(root, fileName)}:${location.start.line}:${location.start.column}`
}

function codeOf({ fileName, location: { start, end } }) {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line)
  lines.push(lines.pop().slice(0, end.column - 1))
  return lines.join('\n').slice(start.column - 1)
}
