/**
 * Reads the body of a response. Aborts a longer one.
 *
 * @throws Error if the status is not 200 or the body has more than `maxBytes` bytes.
 */
export async function readResponseText(response: Response, maxBytes: number): Promise<string> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the response has status ${response.status}`)
  }
  let length = 0
  let text = ''
  const decoder = new TextDecoder()
  // An error in the loop cancels the body.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > maxBytes) throw new Error(`the response has more than ${maxBytes} bytes`)
    text += decoder.decode(part, { stream: true })
  }
  return text + decoder.decode()
}
