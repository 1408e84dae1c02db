import { largeContract } from '../support/contract.ts'
import { describeClients } from './redis-clients-suite.ts'

describeClients(largeContract)
