import {
  wrongNames,
  wrongParties,
  wrongReaches,
  wrongSubjects,
  wrongTimes,
  wrongTypes,
} from './forge-claims.ts'
import { broughtKeys, confusedAlgorithms, extendedHeaders, trickyKeyIds } from './forge-headers.ts'
import { oddJson, tokensInTokens, tooMuch } from './forge-json.ts'
import { tokensOfTheDead } from './forge-keys.ts'
import { wrongSignatures } from './forge-signatures.ts'
import { otherSpellings } from './forge-spellings.ts'
import type { Forging, HostileToken } from './forge-token.ts'

/** The hostile tokens of one algorithm, by kind of attack. */
export async function forgeAll(
  f: Forging,
): Promise<Readonly<Record<string, readonly HostileToken[]>>> {
  return {
    'another algorithm': confusedAlgorithms(f),
    'tricks with the key id': trickyKeyIds(f),
    'a key of their own': broughtKeys(f),
    'a header with more, or of another type': extendedHeaders(f),
    'another signature': wrongSignatures(f),
    'another spelling': otherSpellings(f),
    'JSON that is odd': oddJson(f),
    'tokens in tokens': await tokensInTokens(f),
    'too much': tooMuch(f),
    'claims of another type': wrongTypes(f),
    'times out of reach': wrongTimes(f),
    'another issuer or audience': wrongParties(f),
    'names and ids that are none': wrongNames(f),
    'an owner and another subject': wrongSubjects(f),
    'reaches that are none': wrongReaches(f),
    'keys and secrets that are dead': tokensOfTheDead(f),
  }
}
