// Lets a process import TypeScript, and those that it forks, which take `--import` over. Without a
// tsconfig its `paths` do not count, so what is measured is the built package, by the names that a
// user would import: with them, `#hash` would be the one for where there is no Node.
import { register } from 'tsx/esm/api'

register({ tsconfig: false })
