/**
 * How often a test of chance, such as a race or a kill, repeats: this often in `npm run
 * test:rounds` and `npm run test:interop`, and 0.3 times as often in `npm test`, which must stay short.
 */
export function rounds(all: number): number {
  return process.env['TWINKEY_ROUNDS'] === 'all' ? all : Math.ceil(all * 0.3)
}
