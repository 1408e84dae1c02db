import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import newman from 'newman'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Demo, type DemoLine, type FRAMEWORKS, startJsonDemo } from './newman/demo-process.ts'

// What the documents of the products tell their users to do, word for word, with only the host and
// the credentials filled in.

const CURL_GENERATE = `curl --request POST \\
    --url https://api.flare.io/tokens/generate \\
    --header 'Authorization: <api-key>'`
const CURL_TEST = `curl --request GET \\
    --url https://api.flare.io/tokens/test \\
    --header 'Authorization: Bearer <api-token>'`
const FLOWGEAR_URL = 'https://mycompany.flowgear.net/customers/123/'
const FLOWGEAR_URL_WITH_KEY = 'https://mycompany.flowgear.net/customers/123/?auth-key=your-auth-key'
const FLOWGEAR_HEADER = 'Authorization: Key=your-auth-key'
const FLOWGEAR_ENVIRONMENT = '&_profile=Test'
const COLLECTION = fileURLToPath(
  new URL('newman/boomi-flow.postman_collection.json', import.meta.url),
)
const JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/

/** The documents of the products, followed against the demo on some of its frameworks. */
export function describeSeeds(frameworks: readonly (typeof FRAMEWORKS)[number][]): void {
  describe.each(frameworks)(
    'the documents of the products, followed against the demo on %s',
    (framework) => {
      let demo: Demo & DemoLine

      beforeAll(async () => {
        demo = await startJsonDemo(['--framework', framework])
      })
      afterAll(() => demo?.kill())

      const here = (text: string) => text.replace(/https:\/\/[a-z.]+/, demo.url)
      const answerTo = async (response: Response) => [response.status, await response.json()]

      it('Boomi Flow: the steps in Postman', async () => {
        const { secret, tenant } = demo.keys.boomiFlow
        const envVar = Object.entries({ url: demo.url, apiKey: secret, tenant }).map(
          ([key, value]) => ({ key, value }),
        )
        const { run } = await new Promise<Parameters<Parameters<typeof newman.run>[1]>[1]>(
          (resolve, reject) => {
            newman.run({ collection: COLLECTION, envVar }, (error, summary) =>
              error ? reject(error) : resolve(summary),
            )
          },
        )
        expect(run.failures.map(({ error }) => error.message)).toEqual([])
        expect(run.executions.map(({ response }) => response?.code)).toEqual([401, 200])
        expect(run.stats.assertions.total).toBe(3)
      })

      it('Flare: the two curl examples', () => {
        const generated = shell(here(CURL_GENERATE).replace('<api-key>', demo.keys.flare.secret))
        expect(generated).toEqual({
          token: expect.stringMatching(JWT),
          refresh_token_exp: expect.any(Number),
        })
        const tested = shell(here(CURL_TEST).replace('<api-token>', String(generated['token'])))
        expect(tested).toEqual({
          api_key_id: expect.any(String),
          organization_id: expect.any(Number),
          scopes: ['authenticated', 'apikey', 'firework'],
          tenant_id: demo.keys.flare.tenants[0],
          user_email: 'farida@example.com',
          user_id: expect.any(Number),
        })
      })

      it('Flare: the requests of the Python example', async () => {
        // What requests adds by itself. Its POST without a body says Content-Length: 0, as fetch
        // does.
        const requests = {
          'User-Agent': 'python-requests/2.34.2',
          'Accept-Encoding': 'gzip, deflate',
          Accept: '*/*',
        }
        const generated = await fetch(here('https://api.flare.io/tokens/generate'), {
          method: 'POST',
          headers: { ...requests, Authorization: demo.keys.flare.secret },
        })
        const { token } = (await generated.json()) as { token: string }
        const resp = await fetch(here('https://api.flare.io/tokens/test'), {
          headers: { ...requests, Authorization: `Bearer ${token}` },
        })
        expect(await answerTo(resp)).toEqual([
          200,
          expect.objectContaining({ user_email: 'farida@example.com' }),
        ])
      })

      it('Flowgear: a key in the Authorization header', async () => {
        const { primary, secondary, test } = demo.keys.flowgear
        const invoke = (url: string, key: string) => {
          const [name = '', value = ''] = FLOWGEAR_HEADER.replace('your-auth-key', key).split(': ')
          return fetch(here(url), { headers: { [name]: value } }).then(answerTo)
        }
        const customer = {
          id: '123',
          name: 'Katherine Johnson',
          environment: 'Production',
          username: 'Key: crm',
        }
        expect(await invoke(FLOWGEAR_URL, primary)).toEqual([200, customer])
        expect(await invoke(FLOWGEAR_URL, secondary)).toEqual([200, customer])
        // There is no query to append to, so the name and value stand first in it.
        expect(await invoke(FLOWGEAR_URL + FLOWGEAR_ENVIRONMENT.replace('&', '?'), test)).toEqual([
          200,
          expect.objectContaining({ environment: 'Test' }),
        ])
        expect(await invoke(FLOWGEAR_URL, test)).toEqual([404, { Message: 'Not Found' }])
        expect(await invoke(FLOWGEAR_URL, 'your-auth-key')).toEqual([404, { Message: 'Not Found' }])
      })

      it('Flowgear: a key in the query', async () => {
        const { primary, secondary, test } = demo.keys.flowgear
        const invoke = (key: string, more = '') =>
          fetch(here(FLOWGEAR_URL_WITH_KEY).replace('your-auth-key', key) + more).then(answerTo)
        for (const key of [primary, secondary])
          expect(await invoke(key)).toEqual([
            200,
            expect.objectContaining({ environment: 'Production', username: 'Key: crm' }),
          ])
        expect(await invoke(test, FLOWGEAR_ENVIRONMENT)).toEqual([
          200,
          expect.objectContaining({ environment: 'Test' }),
        ])
        expect(await invoke(test)).toEqual([404, { Message: 'Not Found' }])
        expect(await invoke(primary, FLOWGEAR_ENVIRONMENT)).toEqual([404, { Message: 'Not Found' }])
      })
    },
  )
}

// Runs a command line as a person would paste it, without the curl settings of this machine.
function shell(line: string): Record<string, unknown> {
  const { PATH = '' } = process.env
  return JSON.parse(
    execFileSync('sh', ['-c', line], {
      env: { PATH, NO_PROXY: '*' },
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }),
  )
}
