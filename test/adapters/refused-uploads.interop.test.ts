import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { runPython } from '../support/python.ts'
import {
  describeUploadsThroughNginx,
  PATHS,
  REFUSED,
  TRIES,
  UPLOAD_BYTES,
} from './refused-uploads-suite.ts'

// urllib asks to close the connection, sends all of the body and reads only then.
const URLLIB = `
import json, sys, urllib.error, urllib.request
url, secret, tries, size = sys.argv[1:]
seen = {}
for _ in range(int(tries)):
    try:
        request = urllib.request.Request(url, data=b'x' * int(size), headers={'Authorization': 'Bearer ' + secret}, method='POST')
        found = str(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as error:
        found = str(error.code) + ' ' + json.loads(error.read())['code']
    except OSError as error:
        found = repr(error)
    seen[found] = seen.get(found, 0) + 1
print(json.dumps(seen))
`

// refused-uploads.test.ts has Express 5 behind nginx.
describeUploadsThroughNginx(Object.keys(hosts).filter((name) => name !== 'Express 5'))

describe.each(Object.entries(hosts))('a refused upload of 10 MB on %s', (_name, start) => {
  let fixture: Fixture
  let host: Host

  beforeAll(async () => {
    fixture = await createFixture()
    host = await start(fixture.twinkey, {
      routes: standardRoutes,
      tokens: { '/tokens': undefined },
    })
  })
  afterAll(async () => {
    await host.close()
    await fixture.twinkey.close()
  })

  test.each(PATHS)("by Python's urllib, gets the refusal of %s each time", async (path) => {
    const args = [
      `http://127.0.0.1:${host.port}${path}`,
      fixture.secrets.revoked,
      String(TRIES),
      String(UPLOAD_BYTES),
    ]
    expect(JSON.parse(await runPython(URLLIB, args))).toEqual({ [REFUSED]: TRIES })
  })
})
