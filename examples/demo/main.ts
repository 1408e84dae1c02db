import { createApp } from './app.ts'
import { type Command, readCommand, UsageError } from './command.ts'
import { createJournal } from './journal.ts'
import { createNarrator } from './narrator.ts'
import { createPrinter } from './printer.ts'
import { createSampleKeys } from './sample-keys.ts'
import { listen } from './server.ts'
import { createService } from './service.ts'
import { stopSignal } from './stop-signal.ts'
import { runTour } from './tour.ts'
import { printVisit } from './visit.ts'

/** Runs the demo until it is told to end, and answers the exit code. */
export async function runDemo(launcher: number): Promise<number> {
  // A reader that went away, as `head` does, ends the demo.
  process.stdout.on('error', () => process.exit(0))
  try {
    await serve(readCommand(process.argv.slice(2), process.env), launcher)
    return 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return error instanceof UsageError ? 2 : 1
  }
}

async function serve({ json, port }: Command, launcher: number): Promise<void> {
  const journal = createJournal()
  const twinkey = await createService(journal.hear)
  const samples = await createSampleKeys(twinkey.keys)
  const server = await listen(createApp(twinkey), port)
  const stopped = stopSignal(launcher)

  if (json) process.stdout.write(`${JSON.stringify({ url: server.url, keys: samples })}\n`)
  else {
    const printer = createPrinter(process.stdout)
    const narrator = createNarrator({ twinkey, url: server.url, journal, printer })
    const visit = runTour({ samples, narrator }).then(() => printVisit(server.url, samples, printer))
    // A tour that is left half way finds a closed server, which is no fault.
    await Promise.race([visit, stopped])
  }
  await stopped
  await server.close()
  await twinkey.close()
}
