/** A page of the documentation, as the search index has it. */
export interface IndexedPage {
  readonly title: string
  readonly group: string
  readonly url: string
  readonly keywords: string
  readonly sections: readonly {
    readonly heading: string
    readonly anchor: string
    readonly text: string
  }[]
}

/** What a module exports, as the search index has it. */
export interface IndexedSymbol {
  readonly name: string
  readonly in: string
  readonly url: string
  readonly text: string
}

/** Everything that the search can find. */
export interface SearchIndex {
  readonly pages: readonly IndexedPage[]
  readonly symbols: readonly IndexedSymbol[]
}

/** Finds pages, each with its best sections, and symbols of the API. */
export function find(
  index: SearchIndex,
  query: string,
): {
  readonly pages: readonly {
    readonly page: IndexedPage
    readonly sections: IndexedPage['sections']
  }[]
  readonly symbols: readonly IndexedSymbol[]
  readonly symbolsFirst: boolean
}
