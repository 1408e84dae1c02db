/** Headers that a layer in front of the guards can change, whatever keeps them. */
export interface Editable {
  get(name: string): string | undefined
  set(name: string, value: unknown): void
  delete(name: string): void
}

/** The changes that the layer makes to the headers, in order. Null removes a header. */
export type Edits = readonly (readonly [name: string, value: unknown])[]

/** The header in which a test describes the changes. */
export const EDIT = 'x-edit'

export function editing(edits: Edits): readonly [string, string] {
  return [EDIT, JSON.stringify(edits)]
}

/**
 * Does what a trusted layer of an application does before the guards. Here the request describes
 * it.
 */
export function edit(headers: Editable): void {
  for (const [name, value] of JSON.parse(headers.get(EDIT) ?? '[]') as Edits) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
}

/** The headers of a request of Node. */
export function editableNode(headers: Record<string, unknown>): Editable {
  return {
    get: (name) => headers[name] as string | undefined,
    set(name, value) {
      headers[name] = value
    },
    delete: (name) => void delete headers[name],
  }
}

/** The headers of a web-standard request. A list is a field for each of its members. */
export function editableWeb(headers: Headers): Editable {
  return {
    get: (name) => headers.get(name) ?? undefined,
    set(name, value) {
      headers.delete(name)
      for (const each of Array.isArray(value) ? value : [value]) headers.append(name, String(each))
    },
    delete: (name) => headers.delete(name),
  }
}

/** A request with its headers edited. */
export function edited(request: Request): Request {
  if (!request.headers.has(EDIT)) return request
  const headers = new Headers(request.headers)
  edit(editableWeb(headers))
  return new Request(request, { headers })
}
