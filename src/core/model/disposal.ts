/**
 * The method `[Symbol.asyncDispose]`, by which `await using` ends an object. The type has no members
 * if the compiler of the application does not know the symbol (TypeScript 5.2, lib
 * `esnext.disposable`).
 */
export type AsyncDisposal = SymbolConstructor extends {
  readonly asyncDispose: infer S extends symbol
}
  ? { readonly [method in S]: () => Promise<void> }
  : object

/** Makes `close` the method that `await using` calls. Adds nothing where the symbol is missing. */
export function asyncDisposal(close: () => Promise<void>): AsyncDisposal {
  const { asyncDispose } = Symbol as { readonly asyncDispose?: symbol }
  return (asyncDispose === undefined ? {} : { [asyncDispose]: close }) as AsyncDisposal
}
