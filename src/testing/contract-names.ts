import type { KeyRecord } from '../core/model/api-key.ts'
import type { StoreContractCase } from './contract-case.ts'
import { putAll } from './expect.ts'
import { expectList } from './pages.ts'
import { newId, newKey, tenantScope } from './sample.ts'

/** The contract for the names of keys, owners and tenants in a list. */
export const nameCases: readonly StoreContractCase[] = [
  {
    name: 'compares owner and tenant names exactly, character by character',
    async run(open) {
      const store = await open()
      const id = newId()
      const names = [
        'a',
        'A',
        'a ',
        ' a',
        '\u00e9',
        'e\u0301',
        '%',
        '_',
        '*',
        '?',
        '[a]',
        "'",
        '"',
        '\\',
        ':',
        'a:b',
        '\u{1f511}',
        '\uff21',
        'no-owner',
        'null',
      ]
      const keys = names.map((name) =>
        newKey({ owner: `${id}${name}`, scope: tenantScope(`${id}${name}`) }),
      )
      await putAll(store, keys)
      for (const [i, name] of names.entries()) {
        await expectList(store, { owner: `${id}${name}` }, [keys[i] as KeyRecord])
        await expectList(store, { tenant: `${id}${name}` }, [keys[i] as KeyRecord])
      }
    },
  },
  {
    name: 'lists by the beginning of a name, of any length',
    async run(open) {
      const store = await open()
      const [owner, tenant] = [newId(), newId()]
      const named = (name: string) => newKey({ owner, name, scope: tenantScope(tenant) })
      const [long, short, tiny, other] = ['nightly import', 'night', 'n', 'midnight import'].map(
        named,
      ) as [KeyRecord, KeyRecord, KeyRecord, KeyRecord]
      await putAll(store, [long, short, tiny, other])
      const expected: [string, KeyRecord[]][] = [
        ['', [long, short, tiny, other]],
        ['n', [long, short, tiny]],
        ['ni', [long, short]],
        ['nig', [long, short]],
        ['nightl', [long]],
        ['nightly im', [long]],
        ['nightly import', [long]],
        ['nightly imports', []],
        ['import', []],
      ]
      for (const [name, keys] of expected) {
        await expectList(store, { owner, name }, keys)
        // Two tenants: the index of names leads.
        await expectList(store, { tenants: [tenant, 'u'], name }, keys)
      }
    },
  },
  {
    name: 'compares the beginnings of names without regard to case and width',
    async run(open) {
      const store = await open()
      const owner = newId()
      const names = [
        'Nightly Import',
        'NIGHTLY IMPORT',
        '\uff2e\uff49\uff47\uff48\uff54\uff4c\uff59 import',
        '\u00c9t\u00e9 \u{1f511}\u{1f512}',
        'E\u0301te\u0301 \u{1f511}\u{1f513}',
        '\ufb01le',
        '\u0391\u0392\u0393\u0394\u0395\u0396',
      ]
      const keys = names.map((name) => newKey({ owner, name }))
      await putAll(store, keys)
      const expected: [string, number[]][] = [
        ['nIGHTLY', [0, 1, 2]],
        ['\uff2e\uff29', [0, 1, 2]],
        ['nightly\u3000i', [0, 1, 2]],
        ['e\u0301T\u00c9', [3, 4]],
        ['\u00e9t\u00e9 \u{1f511}', [3, 4]],
        ['\u00c9t\u00e9 \u{1f511}\u{1f512}', [3]],
        ['FI', [5]],
        ['\ufb01LE', [5]],
        ['\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6', [6]],
        ['ete', []],
      ]
      for (const [name, indices] of expected)
        await expectList(
          store,
          { owner, name },
          indices.map((index) => keys[index] as KeyRecord),
        )
    },
  },
  {
    name: 'compares the beginnings of names literally, without wildcards',
    async run(open) {
      const store = await open()
      const owner = newId()
      const marks = ['%', '_', '*', '?', '\\', '[', ':', "'", '"', '(', '.', '^', '-']
      const names = marks.flatMap((mark) => [mark, `${mark}${mark}tail of ${mark}`])
      const keys = names.map((name) => newKey({ owner, name }))
      await putAll(store, keys)
      for (const [i, name] of names.entries())
        await expectList(store, { owner, name }, keys.slice(i, i % 2 === 0 ? i + 2 : i + 1))
      for (const mark of ['%%%', '__tail of %', '**t*', '.*'])
        await expectList(store, { owner, name: mark }, [])
    },
  },
]
