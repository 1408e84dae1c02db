import {
  bearer,
  bunServe,
  type EdgeRow,
  express,
  type Field,
  get,
  getOld,
  honoOnBun,
  honoOnNode,
  IN,
  MISSING,
  onBun,
  post,
  row,
  send,
} from './edge-rows.ts'

const UPGRADE: readonly Field[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

/** Methods, versions, lengths, and several requests on one connection. */
export const edgeConnectionTable: readonly EdgeRow[] = [
  row(
    'HEAD',
    (f) => [{ bytes: send('HEAD', '/customers/1', bearer(f.secrets.primary)), head: true }],
    '200',
  ),
  row(
    'HEAD without a credential',
    () => [{ bytes: send('HEAD', '/customers/1'), head: true }],
    '401',
  ),
  row('OPTIONS of a guarded path', () => send('OPTIONS', '/customers/1'), '404', express('200')),
  row('OPTIONS *', () => send('OPTIONS', '*'), '404', { ...honoOnNode('400'), ...onBun('400') }),
  row(
    'TRACE of a guarded path',
    (f) => send('TRACE', '/customers/1', bearer(f.secrets.primary)),
    '404',
  ),
  row(
    'a method in lower case',
    (f) => send('get', '/customers/1', bearer(f.secrets.primary)),
    '400',
    bunServe(''),
  ),
  row(
    'a method that nobody knows',
    (f) => send('BREW', '/customers/1', bearer(f.secrets.primary)),
    '400',
    bunServe(''),
  ),
  row(
    'another method by X-HTTP-Method-Override',
    (f) => post('/customers/1', '', ['X-HTTP-Method-Override', 'GET'], bearer(f.secrets.readOnly)),
    '403 workflow_denied',
  ),
  row('HTTP/1.0', (f) => getOld('/customers/1', bearer(f.secrets.primary)), IN, honoOnBun('404')),
  row('HTTP/1.0 without a credential', () => getOld('/customers/1'), MISSING, honoOnBun('404')),
  row(
    'HTTP/1.1 without Host',
    (f) => `GET /customers/1 HTTP/1.1\r\nAuthorization: Bearer ${f.secrets.primary}\r\n\r\n`,
    '400',
  ),
  row(
    'two Hosts',
    (f) => get('/customers/1', ['Host', 'elsewhere.test'], bearer(f.secrets.primary)),
    IN,
  ),
  row(
    'a Host that is no host',
    (f) =>
      `GET /customers/1 HTTP/1.1\r\nHost: a b/c?d\r\nAuthorization: Bearer ${f.secrets.primary}\r\n\r\n`,
    IN,
    { ...honoOnNode('400'), ...honoOnBun('404') },
  ),
  row(
    'a Host with a path',
    () => `GET /tenants/t1 HTTP/1.1\r\nHost: localhost/open?x=\r\n\r\n`,
    MISSING,
    {
      ...honoOnNode('400'),
      ...honoOnBun('404'),
    },
  ),
  row(
    'an upgrade to WebSocket',
    (f) => get('/customers/1', bearer(f.secrets.primary), ...UPGRADE),
    IN,
  ),
  row(
    'an upgrade to WebSocket without a credential',
    () => get('/customers/1', ...UPGRADE),
    MISSING,
  ),
  row(
    'an upgrade to HTTP/2',
    () =>
      get(
        '/customers/1',
        ['Connection', 'Upgrade, HTTP2-Settings'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
      ),
    MISSING,
  ),
  row(
    'both Content-Length and Transfer-Encoding',
    (f) =>
      `${send('POST', '/customers/1', bearer(f.secrets.primary), ['Content-Length', '4'], ['Transfer-Encoding', 'chunked'])}0\r\n\r\n`,
    '400',
  ),
  row(
    'two lengths',
    (f) =>
      `${send('POST', '/customers/1', bearer(f.secrets.primary), ['Content-Length', '0'], ['Content-Length', '5'])}hello`,
    '400',
  ),
  row(
    'a refused request, then a good one',
    (f) => [
      { bytes: get('/customers/1') },
      { bytes: get('/customers/1', bearer(f.secrets.primary)) },
    ],
    `${MISSING}, ${IN}`,
  ),
  row(
    'a good request, then one without a credential',
    (f) => [
      { bytes: get('/customers/1', bearer(f.secrets.primary)) },
      { bytes: get('/customers/1') },
    ],
    `${IN}, ${MISSING}`,
  ),
  row(
    'a refused POST whose body looks like a request',
    (f) => [
      { bytes: post('/customers/1', get('/customers/1', bearer(f.secrets.primary))) },
      { bytes: get('/reports') },
    ],
    `${MISSING}, ${MISSING}`,
  ),
  row(
    'a refused POST with a chunked body, then a good request',
    (f) => [
      {
        bytes: `${send('POST', '/customers/1', ['Transfer-Encoding', 'chunked'])}5\r\nhello\r\n0\r\n\r\n`,
      },
      { bytes: get('/customers/1', bearer(f.secrets.primary)) },
    ],
    `${MISSING}, ${IN}`,
  ),
  row(
    'a refused POST of 100,000 bytes, then a good request',
    (f) => [
      { bytes: post('/customers/1', 'x'.repeat(100_000)) },
      { bytes: get('/customers/1', bearer(f.secrets.primary)) },
    ],
    `${MISSING}, ${IN}`,
  ),
  row(
    'pipelined requests of different callers',
    (f) => [
      {
        bytes:
          get('/customers/1', bearer(f.secrets.primary)) +
          get('/customers/1') +
          get('/customers/1', bearer(f.secrets.readOnly)),
        answers: 3,
      },
    ],
    `${IN}, ${MISSING}, 200 read only/t1`,
  ),
  row(
    'pipelined POSTs, the first of them refused',
    (f) => [
      {
        bytes:
          post('/customers/1', '{"a":1}') +
          post('/customers/1', '{"a":1}', bearer(f.secrets.primary), [
            'Content-Type',
            'application/json',
          ]),
        answers: 2,
      },
    ],
    `${MISSING}, ${IN}`,
  ),
  row('the token endpoint', (f) => post('/tokens', '{}', bearer(f.secrets.primary)), '200 token'),
  row(
    'Expect: 100-continue at the token endpoint',
    (f) => [
      {
        bytes: send(
          'POST',
          '/tokens',
          bearer(f.secrets.primary),
          ['Expect', '100-continue'],
          ['Content-Length', '2'],
        ),
      },
      { bytes: '{}' },
    ],
    '100, 200 token',
  ),
  row(
    'Expect: 100-continue without a credential',
    () => [
      {
        bytes: send('POST', '/tokens', ['Expect', '100-continue'], ['Content-Length', '2']),
        answers: 2,
      },
    ],
    `100, ${MISSING}`,
  ),
  row(
    'an expectation that nobody knows',
    (f) => post('/tokens', '{}', bearer(f.secrets.primary), ['Expect', 'tea']),
    '417',
    bunServe('200 token'),
  ),
  row(
    'a refused exchange, then a good one',
    (f) => [
      { bytes: post('/tokens', '{"scope":"tenant:t2"}', bearer(f.secrets.primary)) },
      { bytes: post('/tokens', '', bearer(f.secrets.primary)) },
    ],
    '403 tenant_denied, 200 token',
  ),
  row(
    'a token exchange by another method',
    (f) => send('PUT', '/tokens', bearer(f.secrets.primary), ['Content-Length', '0']),
    '405 method_not_allowed',
  ),
]
