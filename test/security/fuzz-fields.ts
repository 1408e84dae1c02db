import { isRefusal } from '../../src/core/model/refusal.ts'
import { readHeader } from '../../src/http/request.ts'
import type { Profile, WireRequest } from '../../src/index.ts'
import { refusalProblem } from './fuzz-refusals.ts'
import type { Judgement, Target } from './fuzz-run.ts'
import type { FuzzScene } from './fuzz-scene.ts'
import {
  anyRequest,
  credentialsIn,
  type FuzzRequest,
  name,
  wellFormed,
  wireRequest,
} from './fuzz-wire.ts'

const KINDS = ['secret', 'token', 'either']
const LONGEST = 8192

/**
 * Where a profile finds a credential: on guarded routes and at the exchange. A credential that it
 * finds is in the request, and is within the length limit.
 */
export function credentialTarget({ texts }: FuzzScene, profile: Profile): Target<FuzzRequest> {
  return {
    name: `credential of ${profile.name}`,
    make: (random) => anyRequest(random, texts),
    judge(request) {
      const read = wireRequest(request)
      const problem = credentialProblem(request, profile, (of) => profile.credential(of))
      if (problem !== undefined) return { wrong: problem }
      const atExchange = profile.exchangeCredential?.bind(profile)
      const other = atExchange && credentialProblem(request, profile, atExchange)
      if (other !== undefined) return { wrong: `at the exchange: ${other}` }
      return isRefusal(profile.credential(read)) ? 'refused' : 'taken'
    },
  }
}

function credentialProblem(
  request: FuzzRequest,
  profile: Profile,
  read: Profile['credential'],
): string | undefined {
  const credential = read(wireRequest(request))
  if (!isRefusal(credential)) {
    if (!KINDS.includes(credential.kinds) || typeof credential.inAuthorizationHeader !== 'boolean')
      return 'no credential'
    if (credential.text.length > LONGEST)
      return `a credential of ${credential.text.length} characters`
    // Where the characters are left to whoever does not know the text, they may still turn out not
    // to be any credential's.
    if (credential.form?.test(credential.text) === false) return undefined
    const sent = credentialsIn(request)
    if (sent.has(credential.text) || sent.has(wellFormed(credential.text))) return undefined
    return `a credential that was not sent: ${credential.text}`
  }
  const problem = refusalProblem(credential)
  if (problem !== undefined) return problem
  const { status } = profile.refuse(credential)
  return status >= 400 && status < 500 ? undefined : `status ${status}`
}

/** A header that names a target: read as it is, or refused. */
export function headerTarget(
  read: (request: WireRequest, of: string) => unknown = readHeader,
): Target<string> {
  return {
    name: 'readHeader',
    make: name,
    judge(value): Judgement {
      const found = read(
        wireRequest({ method: 'GET', url: '/', headers: { 'x-tenant': value } }),
        'x-tenant',
      )
      const clean = /^[\x20-\x2b\x2d-\x7e]*$/.test(value)
      if (typeof found === 'string')
        return clean && found === value ? 'taken' : { wrong: 'it was taken' }
      if (clean) return { wrong: 'it was not taken' }
      const problem = refusalProblem(found)
      return problem === undefined ? 'refused' : { wrong: problem }
    },
  }
}
