// As much of newman as the tests use: it has no types of its own.
declare module 'newman' {
  interface RunOptions {
    readonly collection: string
    readonly envVar: readonly { readonly key: string; readonly value: string }[]
  }
  interface Summary {
    readonly run: {
      readonly stats: { readonly assertions: { readonly total: number } }
      readonly failures: readonly { readonly error: { readonly message: string } }[]
      readonly executions: readonly {
        readonly item: { readonly name: string }
        readonly response?: { readonly code: number }
      }[]
    }
  }
  const newman: {
    run(options: RunOptions, done: (error: Error | null, summary: Summary) => void): void
  }
  export = newman
}
