import type { Keyring } from '../../core/management/key-management.ts'
import { keyNotFound } from '../../core/management/write-errors.ts'
import type { CreateKeyInput, RenewOptions } from '../../core/model/key-input.ts'
import { OPERATIONS, type Operation, type OperationName } from '../../core/model/operations.ts'
import type { HistoryInput } from '../../core/model/query-input.ts'
import type { Endpoint } from '../endpoints.ts'
import { type Input, type InputTypes, inputOf } from './input.ts'
import { readKeyHistory } from './key-history.ts'
import type { SchemaName } from './schemas.ts'

/** What a route gives to the keyring. */
interface Call {
  readonly keyring: Keyring
  /** The id in the path; empty on other routes. */
  readonly id: string
  readonly input: Input
  readonly expectedVersion: number | undefined
  readonly idempotencyKey: string | undefined
}

/** One route of the management API: an operation of the keyring over HTTP. */
export interface ManagementRoute {
  readonly method: Endpoint['method']
  readonly path: string
  readonly operation: OperationName
  /** One sentence for the OpenAPI document. */
  readonly summary: string
  /** Where the members of its input stand, and their types. */
  readonly from: 'query' | 'body' | 'nothing'
  readonly input: InputTypes
  readonly required: readonly string[]
  /** The body of the answer. Undefined for none. */
  readonly answer: SchemaName | undefined
  readonly status: 200 | 201 | 204
  run(call: Call): Promise<unknown>
}

type Given = Pick<ManagementRoute, 'method' | 'path' | 'operation' | 'summary' | 'run'> &
  Partial<Pick<ManagementRoute, 'answer' | 'status'>> & { readonly without?: readonly string[] }

function route({ without = [], answer = 'Key', status = 200, ...given }: Given): ManagementRoute {
  const input = inputOf(given.operation, without)
  const { required = [] }: Operation = OPERATIONS[given.operation]
  const hasInput = Object.keys(input).length > 0
  const from = !hasInput ? 'nothing' : given.method === 'GET' ? 'query' : 'body'
  return {
    ...given,
    from,
    input,
    required,
    answer: status === 204 ? undefined : answer,
    status,
  }
}

const ofKey = (path: string) => `/keys/:id${path}`

/** Every route that is an operation of the keyring. */
export const ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/keys',
    operation: 'list',
    summary: 'One page of keys. It may be short, or empty, and still have a next page.',
    answer: 'KeyList',
    run: ({ keyring, input }) => keyring.list(input),
  }),
  route({
    method: 'POST',
    path: '/keys',
    operation: 'createOnce',
    without: ['owner'],
    summary: 'Creates a key. This answer is the only one that contains its secrets.',
    answer: 'CreatedKey',
    status: 201,
    run: ({ keyring, input, idempotencyKey }) =>
      idempotencyKey === undefined
        ? keyring.create(input as unknown as CreateKeyInput)
        : keyring.createOnce(input as unknown as CreateKeyInput, idempotencyKey),
  }),
  route({
    method: 'GET',
    path: ofKey(''),
    operation: 'get',
    summary: 'One key, without its secrets.',
    run: async ({ keyring, id }) => {
      const key = await keyring.get(id)
      if (key === undefined) throw keyNotFound()
      return key
    },
  }),
  route({
    method: 'GET',
    path: ofKey('/usage'),
    operation: 'usage',
    summary: 'What is left of each limit of a key.',
    answer: 'Usage',
    run: async ({ keyring, id }) => ({ limits: await keyring.usage(id) }),
  }),
  route({
    method: 'PATCH',
    path: ofKey(''),
    operation: 'update',
    summary: 'Changes a key. Members that are left out keep their values.',
    run: ({ keyring, id, input, expectedVersion }) =>
      keyring.update(id, { ...input, expectedVersion }),
  }),
  route({
    method: 'DELETE',
    path: ofKey(''),
    operation: 'delete',
    summary: 'Deletes a key and its record. To keep the record, revoke the key.',
    status: 204,
    run: ({ keyring, id, expectedVersion }) => keyring.delete(id, { expectedVersion }),
  }),
  route({
    method: 'POST',
    path: ofKey('/enable'),
    operation: 'enable',
    summary: 'Enables a disabled key again, with the same secrets.',
    run: ({ keyring, id, expectedVersion }) => keyring.enable(id, { expectedVersion }),
  }),
  route({
    method: 'POST',
    path: ofKey('/disable'),
    operation: 'disable',
    summary: 'Disables a key and its tokens until it is enabled again.',
    run: ({ keyring, id, expectedVersion }) => keyring.disable(id, { expectedVersion }),
  }),
  route({
    method: 'POST',
    path: ofKey('/revoke'),
    operation: 'revoke',
    summary: 'Ends a key and its tokens for ever, and keeps its record.',
    run: ({ keyring, id, expectedVersion }) => keyring.revoke(id, { expectedVersion }),
  }),
  route({
    method: 'POST',
    path: ofKey('/rotate'),
    operation: 'rotate',
    summary: 'Gives a key a new primary secret. The old one works on for a grace period.',
    answer: 'RenewedKey',
    run: ({ keyring, id, input, expectedVersion }) =>
      keyring.rotate(id, { ...input, expectedVersion }),
  }),
  route({
    method: 'POST',
    path: ofKey('/renew'),
    operation: 'renew',
    summary: 'Replaces the secret of one slot, or of both. The old one stops working at once.',
    answer: 'RenewedKey',
    run: ({ keyring, id, input, expectedVersion }) =>
      keyring.renew(id, { ...(input as Pick<RenewOptions, 'slots'>), expectedVersion }),
  }),
  route({
    method: 'DELETE',
    path: ofKey('/secrets/secondary'),
    operation: 'endSecondary',
    summary: 'Ends the secondary secret now.',
    run: ({ keyring, id, expectedVersion }) => keyring.endSecondary(id, { expectedVersion }),
  }),
  route({
    method: 'GET',
    path: ofKey('/history'),
    operation: 'history',
    without: ['owner', 'tenant'],
    summary: 'The changes of a key, the newest first, also after it was deleted.',
    answer: 'HistoryPage',
    run: ({ keyring, id, input }) => readKeyHistory(keyring, id, input as HistoryInput),
  }),
  route({
    method: 'GET',
    path: '/history',
    operation: 'history',
    summary: 'The changes of all keys, the newest first.',
    answer: 'HistoryPage',
    run: ({ keyring, input }) => keyring.history(input as HistoryInput),
  }),
]
