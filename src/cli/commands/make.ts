import { generateSigningKey, type SigningAlgorithm } from '../../index.ts'
import type { Command } from '../command.ts'
import { writeJson } from '../show.ts'
import { choiceOf } from '../values.ts'

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256'] satisfies SigningAlgorithm[]
const PEPPER_BYTES = 32
const AGAIN = 'Run the command again.'
const KEEP = 'Keep it with the other secrets of the deployment. It is shown once.\n'

/** Commands that make secrets of the deployment. They need no configuration. */
export const MAKING: readonly Command[] = [
  {
    words: 'signing-key',
    summary: 'Prints a new private key for tokens.signingKeys, as a JWK',
    flags: [
      {
        name: 'algorithm',
        value: ALGORITHMS.join('|'),
        help: 'The algorithm that signs. Default: ES256',
      },
    ],
    examples: ['twinkey signing-key > signing-key.json', 'twinkey signing-key --algorithm EdDSA'],
    async run({ io, given }) {
      const algorithm = choiceOf(given.get('algorithm')?.[0] ?? 'ES256', '--algorithm', ALGORITHMS)
      const jwk = await generateSigningKey(algorithm as SigningAlgorithm)
      // With its time, `doctor` knows the age of the key.
      const iat = Math.floor(io.now() / 1000)
      io.out.write(`${JSON.stringify({ ...jwk, iat })}\n`, AGAIN)
      io.err.write(KEEP)
      return undefined
    },
  },
  {
    words: 'pepper',
    summary: 'Prints a new key for pepper.keys: 32 random bytes in base64',
    flags: [],
    examples: ['twinkey pepper'],
    async run(call) {
      const pepper = btoa(String.fromCharCode(...call.io.randomBytes(PEPPER_BYTES)))
      if (call.isJson) writeJson(call, { pepper }, AGAIN)
      else call.io.out.write(`${pepper}\n`, AGAIN)
      call.io.err.write(KEEP)
      return undefined
    },
  },
]
