import { type D1Database, d1Store } from 'twinkey/stores/d1'
import { storeContract } from 'twinkey/testing'

// A Worker that runs the case of the contract whose name is the body of the request, over two stores
// on its database. Answers with the error, or with an empty text.

// biome-ignore lint/style/noDefaultExport: a Worker must be the default export.
export default {
  async fetch(request: Request, env: { readonly DB: D1Database }): Promise<Response> {
    const name = await request.text()
    const stores = [d1Store(env.DB), d1Store(env.DB)] as const
    let opened = 0
    try {
      await stores[0].migrate()
      const found = storeContract.find((each) => each.name === name)
      if (found === undefined) throw new Error('There is no such case.')
      await found.run(async () => stores[opened++ % 2 === 0 ? 0 : 1])
      return new Response('')
    } catch (error) {
      return new Response(String((error as Error).stack))
    }
  },
}
