// Lets this process import TypeScript, and its forks too, which inherit `--import`. Ignores the
// paths of tsconfig, so that imports resolve to the built package as for a user. With those paths,
// `#hash` would be the implementation for other runtimes.
import { register } from 'tsx/esm/api'

register({ tsconfig: false })
