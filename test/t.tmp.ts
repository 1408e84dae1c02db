import { fuzz } from './security/fuzz-run.ts'
import { createFuzzScene } from './security/fuzz-scene.ts'
import { fuzzTargets } from './security/fuzz-targets.ts'
const scene = await createFuzzScene()
let total = 0
for (const t of fuzzTargets(scene)) { const b = performance.now(); const r = await fuzz(t as never, { seed: 5, from: 0, count: 20000 }); const us = (performance.now()-b)/20; total += us; console.log('##', t.name, r.inputs, r.taken, Math.round(us)/1000*1000, 'ns/..');for (const w of r.wrong.slice(0,3)) console.log(w.slice(0,700))  }
console.log('total', total)
process.exit(0)
