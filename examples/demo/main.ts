import { bearer, send } from './call.ts'
import { type Command, readCommand, UsageError } from './command.ts'
import { createData } from './data.ts'
import { openEmbeddedStore } from './embedded-store.ts'
import { FRAMEWORKS } from './framework.ts'
import { createJournal } from './journal.ts'
import { createNarrator } from './narrator.ts'
import { createPane, createPaneKeys, PANE_PATH } from './pane.ts'
import { createPrinter } from './printer.ts'
import { createApi } from './routes.ts'
import { createSampleKeys } from './sample-keys.ts'
import { listen } from './server.ts'
import { createService } from './service.ts'
import { stopSignal } from './stop-signal.ts'
import { runTour } from './tour.ts'
import { createUsers } from './users.ts'
import { printVisit } from './visit.ts'

/** Runs the demo until a signal stops it, and answers the exit code. */
export async function runDemo(launcher: number): Promise<number> {
  // The demo ends if the reader of its output exits, as `head` does.
  process.stdout.on('error', () => process.exit(0))
  try {
    await serve(readCommand(process.argv.slice(2), process.env), launcher)
    return 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return error instanceof UsageError ? 2 : 1
  }
}

async function serve(
  { json, framework, port, adoption }: Command,
  launcher: number,
): Promise<void> {
  const journal = createJournal()
  const users = createUsers(adoption.flowTenant)
  const embedded = await openEmbeddedStore()
  const twinkey = await createService(embedded.store, users, journal.hear)
  const samples = await createSampleKeys(twinkey.keys, adoption)
  const used = await createPaneKeys(twinkey.keys, Date.now())
  const pane = createPane(twinkey)
  const api = createApi(twinkey, users, createData(adoption.flowTenant), pane)
  const server = await listen(await FRAMEWORKS[framework](api), port)
  const stopped = stopSignal(launcher)

  await send(server.url, { path: '/v1/customers/c1', headers: bearer(used) })

  if (json) {
    const cookies = Object.entries(pane.cookies).map(([user, cookie]) => [user, { cookie }])
    const shown = { url: `${server.url}${PANE_PATH}/`, users: Object.fromEntries(cookies) }
    const { url } = server
    process.stdout.write(
      `${JSON.stringify({ url, store: embedded.name, keys: samples, pane: shown })}\n`,
    )
  } else {
    const printer = createPrinter(process.stdout)
    const narrator = createNarrator({ twinkey, url: server.url, journal, printer })
    const visit = runTour({ samples, narrator, twinkey, users, pane }).then(() =>
      printVisit(server.url, samples, printer),
    )
    // An interrupted tour finds a closed server. That is not an error.
    await Promise.race([visit, stopped])
  }
  await stopped
  await server.close()
  await twinkey.close()
  embedded.close()
}
