/**
 * How often a test of chance, such as a race or a kill, repeats: this often in `npm run
 * test:rounds` and `npm run test:interop`, and 0.2 times as often in `npm test`, which must stay short.
 */
export function rounds(all: number): number {
  return process.env['TWINKEY_ROUNDS'] === 'all' ? all : Math.ceil(all * 0.2)
}

/**
 * Cases of which some are enough most of the time, such as broken stores that a model must find: all
 * of them in `npm run test:rounds` and `npm run test:interop`, and every third in `npm test`,
 * beginning with the first.
 */
export function everyThird<T>(all: readonly T[]): readonly T[] {
  return rounds(all.length) === all.length ? all : all.filter((_, place) => place % 3 === 0)
}
