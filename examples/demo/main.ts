import { bearer, send } from './call.ts'
import { type Command, readCommand, UsageError } from './command.ts'
import { createData } from './data.ts'
import { openEmbeddedStore } from './embedded-store.ts'
import { FRAMEWORKS } from './framework.ts'
import { createJournal } from './journal.ts'
import { createNarrator } from './narrator.ts'
import { createOAuth, createOAuthSample } from './oauth.ts'
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
  const server = await listen(port)
  const { url } = server
  const twinkey = await createService(url, embedded.store, users, journal.hear)
  const samples = await createSampleKeys(twinkey.keys, adoption)
  const used = await createPaneKeys(twinkey.keys, Date.now())
  const oauth = await createOAuthSample(twinkey.keys, url)
  const pane = createPane(twinkey)
  const data = createData(adoption.flowTenant)
  const api = createApi(twinkey, users, data, pane, createOAuth(twinkey, url))
  server.serve(await FRAMEWORKS[framework](api))
  const stopped = stopSignal(launcher)

  await send(url, { path: '/v1/customers/c1', headers: bearer(used) })

  if (json) {
    const cookies = Object.entries(pane.cookies).map(([user, cookie]) => [user, { cookie }])
    const shown = { url: `${url}${PANE_PATH}/`, users: Object.fromEntries(cookies) }
    process.stdout.write(
      `${JSON.stringify({ url, store: embedded.name, keys: samples, pane: shown, oauth })}\n`,
    )
  } else {
    const printer = createPrinter(process.stdout)
    const narrator = createNarrator({ twinkey, url, journal, printer })
    const visit = runTour({ samples, narrator, twinkey, users, pane, oauth }).then(() =>
      printVisit(url, samples, oauth, printer),
    )
    // An interrupted tour finds a closed server. That is not an error.
    await Promise.race([visit, stopped])
  }
  await stopped
  await server.close()
  await twinkey.close()
  embedded.close()
}
