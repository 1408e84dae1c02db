import { bearer, type Call, curlOf } from './call.ts'
import { OAUTH_PATH, type OAuthSample } from './oauth.ts'
import { PANE_PATH } from './pane.ts'
import type { Printer } from './printer.ts'
import { aboutSample, SAMPLE_NAMES, type SampleKeys } from './sample-keys.ts'

/** Prints the sample keys and calls to try after the tour. */
export function printVisit(
  url: string,
  samples: SampleKeys,
  oauth: OAuthSample,
  { line, title, dim }: Printer,
): void {
  const { primary, secondary } = samples.standard
  const { boomiFlow, flare, flowgear } = samples
  const calls: Call[] = [
    { path: '/v1/customers/c1', headers: bearer(primary) },
    { path: '/v1/customers', headers: { 'X-API-Key': secondary }, body: { name: 'Joan Clarke' } },
    { method: 'POST', path: '/v1/tokens', headers: bearer(primary) },
    {
      path: `${OAUTH_PATH}/token`,
      user: `${oauth.clientId}:${oauth.clientSecret}`,
      form: { grant_type: 'client_credentials' },
    },
    {
      path: '/api/draw/1/flow',
      headers: { 'x-boomi-flow-api-key': boomiFlow.secret, manywhotenant: boomiFlow.tenant },
    },
    { method: 'POST', path: '/tokens/generate', headers: { Authorization: flare.secret } },
    { path: '/customers/123/?_profile=Test', headers: { Authorization: `Key=${flowgear.test}` } },
  ]
  const key = (name: string, about: string, secrets: Readonly<Record<string, string>>) => {
    line(`   ${title(name.padEnd(10))}${dim(about)}`)
    for (const [slot, secret] of Object.entries(secrets))
      line(`   ${' '.repeat(10)}${slot.padEnd(9)} ${secret}`)
  }
  line(`\n${title('== Your turn')}`)
  line('\nSample keys:')
  for (const name of SAMPLE_NAMES) {
    const { tenant, ...secrets } = samples[name]
    key(name, `tenant ${tenant}, ${aboutSample(name)}`, secrets)
  }
  key('boomiFlow', `tenant ${boomiFlow.tenant}`, { secret: boomiFlow.secret })
  key(
    'flare',
    `tenants ${flare.tenants.join(', ')}, only for /tokens/generate: other routes accept its tokens`,
    { secret: flare.secret },
  )
  key(
    'flowgear',
    'environment Production, test is a secret of another key, for the environment Test',
    {
      ...flowgear,
    },
  )
  line('\nPaste one of these:')
  for (const call of calls) line(`   ${curlOf(url, call)}`)
  line(`\nOpen ${url}${PANE_PATH}/ in a browser to manage keys as Ada, Grace or an operator.`)
  line(`${url}/ lists the routes. The server stays up until you press Ctrl+C.`)
}
