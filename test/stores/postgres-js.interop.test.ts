import { storeContract } from 'twinkey/testing'
import { describePostgresJs } from './postgres-js-suite.ts'

describePostgresJs(storeContract)
