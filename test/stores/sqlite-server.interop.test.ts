import { storeContract } from 'twinkey/testing'
import { describe } from 'vitest'
import { describeOverHttp } from './sqlite-server-suite.ts'

describe('over HTTP, @libsql/client', () => {
  // Ten thousand requests take a minute, and test nothing of this transport that the others do not.
  describeOverHttp(storeContract.filter(({ name }) => !name.startsWith('lists 10,000 keys')))
})
