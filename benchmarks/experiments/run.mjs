// Measures one figure of the documentation: node benchmarks/experiments/run.mjs NAME [--quick]
// [--json]
//
// Writes progress to stderr, and exactly one line of JSON to stdout, with or without --json. "ok"
// is true only if the promise holds. The exit code is then 0. It is 1 if the promise does not hold
// or the measurement fails, and 2, with a list of names, for an unknown figure.
import { fork } from 'node:child_process'
import { readdirSync, readFileSync, writeSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const here = fileURLToPath(import.meta.url)
const typescript = new URL('typescript.mjs', import.meta.url).href
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
// The time limits for a figure, and for closing its resources.
const LIMIT_SECONDS = { quick: 120, full: 3600 }
const CLOSING_SECONDS = 5

if (process.send !== undefined && process.argv[2] === '--inside')
  void measure(process.argv[3], process.argv[4] === 'quick')
else process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  const { problem, folder, names, name, quick, list } = readArguments(args)
  if (problem !== undefined) {
    process.stderr.write(
      `${problem}\nUsage: npm run figure -- NAME [--quick] [--json], or --list\nFigures: ${names.join(', ')}\n`,
    )
    return 2
  }
  let began = performance.now()
  let answered = list
  const answer = (result) => {
    answered = true
    const seconds = Math.round((performance.now() - began) / 100) / 10
    // Synchronous, so that the line is written even if the process exits immediately.
    writeSync(1, `${JSON.stringify({ figure: name, quick, seconds, ...result })}\n`)
    return result.ok ? 0 : 1
  }
  process.once('exit', () => answered || answer({ ok: false, error: 'It could not be prepared.' }))
  const { prepare } = await import('../../test/prepare.mjs')
  prepare()
  began = performance.now()
  if (!list) return answer(await supervise(join(folder, `${name}.ts`), quick))
  // Imported late, because it may not be installed.
  await import(typescript)
  for (const each of names)
    process.stdout.write(`${each}: ${(await load(join(folder, `${each}.ts`))).title}\n`)
  return 0
}

function readArguments(args) {
  let names = namesIn(dirname(here))
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      // The tests have their own figures in their own folder.
      options: {
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        list: { type: 'boolean' },
        in: { type: 'string' },
      },
    })
    const { quick = false, list = false } = values
    const [name] = positionals
    const folder = values.in === undefined ? dirname(here) : resolve(values.in)
    names = namesIn(folder)
    if (positionals.length !== (list ? 0 : 1))
      throw new Error(list ? '--list goes without a name.' : 'Name one figure.')
    if (!list && !names.includes(name))
      throw new Error(`There is no figure ${JSON.stringify(name)}.`)
    return { folder, names, name, quick, list }
  } catch (error) {
    return { problem: error.message, names }
  }
}

// Searches the text, so that no dependency is needed.
function namesIn(folder) {
  const isFigure = (file) =>
    file.endsWith('.ts') && /^export const figure\b/m.test(readFileSync(join(folder, file), 'utf8'))
  return readdirSync(folder)
    .filter(isFigure)
    .map((file) => basename(file, '.ts'))
    .sort()
}

// The figure runs in a child process, so that this one can report its crash.
function supervise(file, quick) {
  return new Promise((answer) => {
    const args = ['--inside', file, quick ? 'quick' : 'full']
    const child = fork(here, args, {
      execArgv: ['--import', typescript],
      stdio: ['ignore', 'pipe', 2, 'ipc'],
    })
    // Stdout is reserved for the JSON line.
    child.stdout.pipe(process.stderr, { end: false })
    let told
    let failure
    const stop = (reason) => {
      failure ??= reason
      child.kill('SIGKILL')
    }
    const limit = LIMIT_SECONDS[quick ? 'quick' : 'full']
    const timer = setTimeout(() => stop(`It has not ended within ${limit} seconds.`), limit * 1000)
    const interrupted = (signal) => stop(`It was interrupted by ${signal}.`)
    for (const signal of SIGNALS) process.once(signal, interrupted)
    child.on('message', ({ result, error }) => {
      if (error === undefined) told = result
      else failure ??= error
    })
    child.on('error', ({ message }) => {
      failure ??= message
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      for (const each of SIGNALS) process.off(each, interrupted)
      if (code !== 0) failure ??= `It ended with ${signal ?? `exit code ${code}`}.`
      if (told === undefined)
        failure ??= 'It ended without a result: what it waited for never came.'
      // Shows the counts from before the failure. They prove nothing.
      answer(failure === undefined ? told : { ...told, ok: false, error: failure })
    })
  })
}

async function measure(file, quick) {
  const fail = (error) => {
    if (error instanceof Error) process.stderr.write(`${error.stack}\n`)
    process.send({ error: String(error) }, () => process.exit(1))
  }
  // Without a supervisor there is no receiver.
  process.on('disconnect', () => process.exit(1))
  process.channel.unref()
  process.on('uncaughtException', fail)
  try {
    const figure = await load(file)
    const result = await figure.run({
      quick,
      progress: (line) => void process.stderr.write(`${figure.name}: ${line}\n`),
    })
    if (typeof result?.ok !== 'boolean') throw new TypeError('It answered no { ok, ...counts }.')
    process.send({ result })
    // The process must end by itself: an open resource would keep a service from stopping.
    setTimeout(
      () => fail(`It has left open: ${process.getActiveResourcesInfo().join(', ')}.`),
      CLOSING_SECONDS * 1000,
    ).unref()
  } catch (error) {
    fail(error)
  }
}

async function load(file) {
  const { figure } = await import(pathToFileURL(file).href)
  if (typeof figure?.run !== 'function' || figure.name !== basename(file, '.ts'))
    throw new TypeError(`${basename(file)} exports no figure that is named like the file.`)
  return figure
}
