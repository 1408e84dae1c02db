import { describe, expect, test } from 'vitest'
import { project, twinkeyIn } from './project.ts'

const TWINKEY = "import { createTwinkey, memoryStore } from 'twinkey'\n"
const CREATE = 'keys create --name Billing --tenant t1 --workflow a --no-secondary --json'.split(
  ' ',
)

// What an application prints while its configuration is loaded, from `onEvent`, in the background
// of a command, and when it is closed.
const printing = (print: string) => `${TWINKEY}
  const print = (text) => { ${print} }
  print('loading')
  const store = memoryStore()
  export const twinkey = async () => {
    print('calling')
    const made = createTwinkey({ store, onEvent: ({ type }) => print(type) })
    return { ...made, close: async () => { print('closing'); await made.close() } }
  }`

describe('what the application prints', () => {
  test.each([
    ['console.log', 'console.log(text)'],
    ['console.info', 'console.info(text)'],
    ['console.debug', 'console.debug(text)'],
    ['console.table', 'console.table([text])'],
    ['console.dir', 'console.dir({ text })'],
    ['process.stdout.write', "process.stdout.write(text + '\\n')"],
    ['pino', 'logger.info(text)', "import { pino } from 'pino'\nconst logger = pino()\n"],
  ])('by %s goes to standard error, and the output stays JSON', (_how, print, before = '') => {
    const folder = project({ 'twinkey.config.mjs': before + printing(print) }, ['pino'])
    const { code, out, err } = twinkeyIn(folder, ...CREATE)
    expect(code).toBe(0)
    const { primary } = JSON.parse(out)
    expect(primary).toMatch(/^tk_/)
    for (const text of ['loading', 'calling', 'key.created', 'closing']) expect(err).toContain(text)
    expect(err).not.toContain(primary)
  })
})
