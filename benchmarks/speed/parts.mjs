// The parts and their sizes. `quick` holds the reduced sizes.

/** The parts by name, in the order in which they are measured. */
export const PARTS = {
  core: {
    file: './core.mjs',
    full: { keys: 10_000, rounds: 61, peerKeys: 10_000, peerRounds: 7 },
    quick: { rounds: 15, peerKeys: 1000, peerRounds: 3 },
  },
  tokens: {
    file: './tokens.mjs',
    full: { tokens: 2000, firsts: 400, rounds: 21 },
    quick: { tokens: 500, firsts: 150, rounds: 7 },
  },
  http: {
    file: './http.mjs',
    full: {
      frameworks: ['fastify', 'express', 'hono'],
      counts: { keys: 10_000, tokens: 2000 },
      generations: 2,
      rounds: 6,
      milliseconds: 300,
      warmMilliseconds: 60,
      warmRequests: 20_000,
      atLeast: 2000,
    },
    quick: {
      counts: { keys: 1000, tokens: 300 },
      generations: 1,
      rounds: 2,
      milliseconds: 150,
      warmRequests: 5000,
      atLeast: 1000,
      nearest: true,
    },
  },
  memory: {
    file: './memory.mjs',
    flags: ['--expose-gc'],
    full: { keys: 100_000, rounds: 3 },
    quick: { keys: 20_000, rounds: 1 },
  },
  import: { file: './imports.mjs', full: { rounds: 21 }, quick: { rounds: 5 } },
  growth: {
    file: './growth.mjs',
    // A million keys by hand and a million cached by Twinkey.
    flags: ['--max-old-space-size=8192'],
    full: { sizes: [1000, 10_000, 100_000, 1_000_000], calls: 10_000, rounds: 15 },
    quick: { sizes: [1000, 10_000, 100_000], calls: 5000, rounds: 5 },
  },
}
