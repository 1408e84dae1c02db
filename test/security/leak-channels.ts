import { tracingChannel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { vi } from 'vitest'
import { settled } from '../support/gate.ts'
import type { Net } from './leak-net.ts'

/** A way in which text leaves the process, or reaches code that may let it out. */
export type Channel = 'responses' | 'events' | 'log' | 'errors' | 'values' | 'console' | 'traces'

/** Everything that has left, by its channel. */
export interface Channels {
  /** The texts that have left so far. Equal texts are kept once. */
  readonly left: Readonly<Record<Channel, ReadonlySet<string>>>
  say(channel: Channel, text: string): void
  /** Listens to the console and to what is written to the process's streams until the call ends. */
  listening(call: () => Promise<void>): Promise<void>
}

const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const

export function createChannels(): Channels {
  const left = {
    responses: new Set<string>(),
    events: new Set<string>(),
    log: new Set<string>(),
    errors: new Set<string>(),
    values: new Set<string>(),
    console: new Set<string>(),
    traces: new Set<string>(),
  }
  return {
    left,
    say: (channel, text) => void left[channel].add(text),
    async listening(call) {
      const spies = [
        ...METHODS.map((method) =>
          vi
            .spyOn(console, method)
            .mockImplementation(
              (...said: unknown[]) => void left.console.add(said.map(asPrinted).join(' ')),
            ),
        ),
        ...[process.stdout, process.stderr].map((stream) =>
          vi.spyOn(stream, 'write').mockImplementation((chunk) => {
            left.console.add(asPrinted(chunk))
            return true
          }),
        ),
      ]
      const warned = (warning: Error) => void left.console.add(asPrinted(warning))
      process.on('warning', warned)
      // Without the Twinkey itself, which every subscriber already has.
      const traced = (message: object) =>
        void left.traces.add(asPrinted({ ...message, twinkey: undefined }))
      const heard = {
        start: traced,
        end: traced,
        asyncStart: traced,
        asyncEnd: traced,
        error: traced,
      }
      const channels = ['authenticate', 'exchange', 'store'].map((name) =>
        tracingChannel(`twinkey:${name}`),
      )
      for (const channel of channels) channel.subscribe(heard)
      try {
        await call()
        await settled()
      } finally {
        process.off('warning', warned)
        for (const channel of channels) channel.unsubscribe(heard)
        for (const spy of spies) spy.mockRestore()
      }
    },
  }
}

/** What the net catches, by channel. */
export function leaksOf({ left }: Channels, net: Net): Partial<Record<Channel, string>> {
  const leaks: Partial<Record<Channel, string>> = {}
  for (const [channel, texts] of Object.entries(left)) {
    for (const text of texts) {
      const caught = net.caught(text)
      if (caught === undefined) continue
      leaks[channel as Channel] = caught
      break
    }
  }
  return leaks
}

function asPrinted(said: unknown): string {
  return typeof said === 'string' ? said : inspect(said, { depth: Number.POSITIVE_INFINITY })
}
