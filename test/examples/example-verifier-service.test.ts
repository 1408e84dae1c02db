import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'

test('the example verifier-service verifies by public keys alone, through a change of the signing key under traffic', async () => {
  expect(linesOf(await runExample('verifier-service'), 500)).toEqual([
    'A secret is exchanged for a token, which another service verifies',
    '200 a token',
    '200 it reads t1',
    '201 it writes t1',
    '401 the secret itself: credential_invalid',
    '401 no credential: credential_missing',
    'Outside the scope',
    '403 another tenant: tenant_denied',
    '403 another environment: environment_denied',
    '400 no environment: target_missing',
    '200 a narrower token',
    '200 it reads t1',
    '403 it reads t2: tenant_denied',
    '403 it writes t1: workflow_denied',
    'Tampered with',
    '401 other claims: credential_invalid',
    '401 another signature: credential_invalid',
    '401 no signature: credential_invalid',
    'A new signing key, under traffic',
    'ES256 and EdDSA published, ES256 signs',
    'EdDSA and ES256 published, EdDSA signs',
    'EdDSA published, EdDSA signs',
    'many calls meanwhile, 0 failed',
    'A verifier does not see that the key is revoked',
    '200 a token',
    '200 one of five minutes',
    '200 it passes at the issuer',
    '401 its secret at the issuer: credential_invalid',
    '401 the token at the issuer: credential_invalid',
    '200 the token at the reports',
    '401 five minutes later, the token of five minutes: credential_invalid',
    '200 five minutes later, the token of an hour',
    '401 an hour later: credential_invalid',
    'The issuer is down',
    '200 a token from before the failure',
    '200 it reads t1',
    '200 it reads t1, ten minutes later',
    '503 it reads t1 at a service that starts during the failure: unavailable',
  ])
})

test('the verifying service imports neither the whole of Twinkey nor a store', () => {
  const text = readFileSync(
    new URL('../../examples/verifier-service/reports.ts', import.meta.url),
    'utf8',
  )
  const imported = [...text.matchAll(/ from '(.+)'/g)].map(([, from]) => from)
  expect(imported).toEqual(['fastify', 'twinkey/fastify', 'twinkey/verifier', './settings.ts'])
})
