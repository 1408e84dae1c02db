import type { Principal, Requirement, WireRequest } from 'twinkey'
import { type Chain, CONFIGS, type Served, startChain } from './chain.ts'
import { createScene, type Scene } from './scene.ts'

export const NAMES = Object.keys(CONFIGS) as (keyof typeof CONFIGS)[]
export type Name = (typeof NAMES)[number]
const OURS = ['Key', 'Name', 'Tenant', 'Environment', 'Workflow', 'Owner']

/** What the gateway decided about a request, by the id that the test gave it. */
interface Decided {
  readonly route: string
  readonly url: string
  readonly principal: Principal | undefined
}

/** A proxy whose gateway records the requests that it accepts. Stop the chain. */
export interface Recorded {
  readonly scene: Scene
  readonly chain: Chain
  readonly decided: ReadonlyMap<string, Decided>
}

/** Starts a proxy whose gateway records each request that it accepts. */
export async function startRecorded(
  name: Name,
  routes: Readonly<Record<string, Requirement>>,
  edit?: (config: string) => string,
): Promise<Recorded> {
  const scene = await createScene()
  const decided = new Map<string, Decided>()
  const recording = {
    flush: () => scene.twinkey.flush(),
    async decide(request: WireRequest, requirement: Requirement) {
      const decision = await scene.twinkey.decide(request, requirement)
      const { method, template, url } = request
      const route = `${method === 'HEAD' ? 'GET' : method} ${template}`
      const id = request.header('x-test')
      if (decision.ok && id !== undefined)
        decided.set(id, { route, url, principal: decision.principal })
      return decision
    },
  }
  const chain = await startChain(name, recording as unknown as Scene['twinkey'], { routes }, edit)
  return { scene, chain, decided }
}

/** The headers of a request that are, or look like, those of the gateway. */
export function oursIn({ headers }: Served): string[][] {
  return headers
    .filter(([name]) => /twinkey/i.test(name.replace(/[^a-z]/gi, '')))
    .map(([name, value]) => [name.toLowerCase(), decodeURIComponent(value)])
    .filter(([, value]) => value !== '')
    .sort()
}

export function expectedOf(principal: Principal | undefined): string[][] {
  const { keyId, name, owner, tenant, environment, workflow } = principal ?? {}
  const values = [keyId, name, tenant, environment, workflow, owner]
  return OURS.map((header, i) => [`x-twinkey-${header.toLowerCase()}`, values[i] ?? ''])
    .filter(([, value]) => value !== '')
    .sort()
}

export const idOf = ({ headers }: Served) =>
  headers.find(([name]) => name.toLowerCase() === 'x-test')?.[1] ?? 'none'
