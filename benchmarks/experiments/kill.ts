import { nodeWithSqlite } from '../../test/support/other-node.ts'
import { type Address, type Backend, openStore, startBackend } from './backend.ts'
import type { Figure, Progress } from './figure.ts'
import { type Account, accountOf, sumOf } from './kill-account.ts'
import { bundle, type Child, type Program, startChild } from './kill-child.ts'
import { unlistedIn } from './kill-index.ts'
import type { Driver } from './kill-process.ts'

const WRITERS = 8
const LONGEST_LIFE_MILLISECONDS = 60

/**
 * Kills applications with `kill -9` while they write, and the server that they write to. Every
 * acknowledged write must be stored, every change in flight must be complete or absent, every key
 * must be listed, and each history must have one entry for each version. The machine keeps running, so data in the kernel survives. A power failure
 * would lose it.
 */
export const figure: Figure = {
  name: 'kill',
  title:
    'data lost when a process is killed while it creates, rotates, renews, revokes and deletes keys',
  async run({ quick, progress }) {
    const program = await bundle()
    const how = { program, progress, kills: quick ? 20 : 250, crashes: quick ? 1 : 10 }
    try {
      const rows = [
        ...(await withBackend('postgres', 'pg', process.execPath, how)),
        ...(await withBackend('redis', 'node-redis', process.execPath, how)),
        ...(await withBackend('mysql', 'mysql2', process.execPath, how)),
        ...(await withBackend('sqlite', 'node:sqlite', nodeWithSqlite(), how)),
        ...(await withBackend('sqlite', '@libsql/client', process.execPath, how)),
      ]
      const ok = rows.every(
        ({ kills, lost, half, unlisted, broken, entries, acknowledged }) =>
          acknowledged >= kills &&
          kills > 0 &&
          entries >= acknowledged &&
          lost + half + unlisted + broken === 0,
      )
      return { ok, rows }
    } finally {
      program.remove()
    }
  },
}

interface How {
  readonly program: Program
  readonly progress: Progress
  readonly kills: number
  readonly crashes: number
}

async function withBackend(
  kind: Address['kind'],
  driver: Driver,
  node: string,
  { program, progress, kills, crashes }: How,
) {
  const backend = await startBackend(kind)
  const { address } = backend
  const place = address.kind === 'sqlite' ? address.file : address.url
  const start = (name: string) => startChild(program, node, driver, place, name)
  try {
    const about = (what: string, of: number) => (done: number) =>
      progress(`${driver}: ${what} ${done} of ${of}`)
    const ofApplication = await killApplications(kills, start, address, about('killed', kills))
    const rows = [{ store: kind, driver, killed: 'application', kills, ...ofApplication }]
    // With SQLite the application is also the server.
    if (kind !== 'sqlite') {
      const ofServer = await killServer(crashes, start, backend, about('server killed', crashes))
      rows.push({ store: kind, driver, killed: 'server', kills: crashes, ...ofServer })
    }
    const { store, close } = await openStore(address, { feed: false })
    const { records, unlisted, stray } = await unlistedIn(address, store)
    await close()
    progress(`${driver}: ${records} records are there`)
    return rows.map((row) => ({
      ...row,
      records,
      unlisted: row.unlisted + unlisted,
      broken: row.broken + stray,
    }))
  } finally {
    await backend.stop()
  }
}

type Start = (name: string) => Child
type Told = (done: number) => void

async function killApplications(
  kills: number,
  start: Start,
  address: Address,
  told: Told,
): Promise<Account> {
  const accounts: Account[] = []
  let begun = 0
  // The applications are independent, so one is killed while the other writes.
  const lane = async () => {
    while (begun < kills) {
      const name = `a${begun++}`
      const child = start(name)
      await child.begun
      await moment()
      accounts.push(await judge(await child.kill(), name, address))
      if (accounts.length % 50 === 0 || accounts.length === kills) told(accounts.length)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, lane))
  return sumOf(accounts)
}

async function killServer(
  crashes: number,
  start: Start,
  backend: Backend,
  told: Told,
): Promise<Account> {
  const accounts: Account[] = []
  for (let crash = 0; crash < crashes; crash++) {
    const names = Array.from({ length: WRITERS }, (_, i) => `s${crash}-${i}`)
    const children = names.map(start)
    await Promise.all(children.map(({ begun }) => begun))
    await moment()
    await backend.crash()
    const said = await Promise.all(children.map((child) => child.kill()))
    await backend.start()
    for (const [i, name] of names.entries())
      accounts.push(await judge(said[i] ?? [], name, backend.address))
    told(crash + 1)
  }
  return sumOf(accounts)
}

async function judge(
  said: Awaited<ReturnType<Child['kill']>>,
  name: string,
  address: Address,
): Promise<Account> {
  const { store, close } = await openStore(address, { feed: false })
  try {
    return await accountOf(said, name, store)
  } finally {
    await close()
  }
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_LIFE_MILLISECONDS))
}
