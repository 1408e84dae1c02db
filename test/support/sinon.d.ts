// The part of sinon that the tests use, because the package has no types.
declare module 'sinon' {
  interface Clock {
    tick(milliseconds: number): number
    restore(): void
  }
  const sinon: { useFakeTimers(config?: { now?: number; toFake?: readonly string[] }): Clock }
  export default sinon
}
