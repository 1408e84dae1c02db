import type { Twinkey } from 'twinkey'
import { call, keepCalling } from './call.ts'

const CALLERS = 8

/**
 * Shows and counts what every node does after another process has created a key, rotated its secret
 * under traffic, and disabled it.
 */
export async function tour(
  admin: Twinkey,
  url: string,
  nodes: number,
  say: (line: string) => void,
) {
  const input = {
    name: 'Billing',
    scope: { tenants: ['t1'], workflows: ['customers.read'] },
  } as const
  const { key, primary, secondary } = await admin.keys.create(input)
  const first = await Promise.all(Array.from({ length: nodes * 25 }, () => call(url, primary)))
  const answering = new Set(first.map(({ node }) => node)).size
  const letIn = first.filter(({ status }) => status === 200).length
  say(
    `Another process created a key: ${answering} nodes accepted ${letIn} of ${first.length} calls.`,
  )

  // Callers use the secondary while the primary is renewed, then switch. No call may fail.
  let secret = secondary as string
  const callers = Array.from({ length: CALLERS }, () => keepCalling(url, () => secret))
  const renewed = await admin.keys.renew(key.id, { slots: 'primary' })
  secret = renewed.primary
  await new Promise((resolve) => setTimeout(resolve, 200))
  const during = (await Promise.all(callers.map((caller) => caller.stop()))).flat()
  const failed = during.filter(({ status }) => status !== 200).length
  say(`It renewed the primary secret under traffic: ${failed} of ${during.length} calls failed.`)

  const others = Array.from({ length: CALLERS }, () => keepCalling(url, () => secret))
  await new Promise((resolve) => setTimeout(resolve, 200))
  await admin.keys.disable(key.id)
  const disabledAt = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const after = (await Promise.all(others.map((caller) => caller.stop()))).flat()
  const last = Math.max(...after.filter(({ status }) => status === 200).map(({ at }) => at))
  const letInFor = Math.max(0, Math.round(last - disabledAt))
  say(
    `It disabled the key: the last call was accepted ${letInFor} ms later, then ${after.filter(({ at }) => at > last).length} were refused.`,
  )
  await admin.keys.enable(key.id)

  const ok = letIn === first.length && answering === nodes && failed === 0 && letInFor < 1000
  return {
    ok,
    key: key.id,
    secret,
    figures: {
      calls: first.length,
      letIn,
      answering,
      underRotation: during.length,
      failed,
      letInFor,
    },
  }
}
