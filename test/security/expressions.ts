import { checkSync } from 'recheck'
import ts from 'typescript'

/** A regular expression as it stands in a source. */
export interface Expression {
  readonly source: string
  readonly flags: string
}

/**
 * The regular expressions of a source: the literals, and the places that build one from text, as
 * written.
 */
export interface Expressions {
  readonly literals: readonly Expression[]
  readonly made: readonly string[]
}

// The methods that build an expression from a text themselves.
const MAKERS: readonly string[] = ['match', 'matchAll', 'search']

/**
 * Finds every regular expression of a source, but none in comments and strings.
 *
 * @param path Its file name, whose ending tells TypeScript and TSX apart.
 */
export function expressionsIn(source: string, path = 'source.ts'): Expressions {
  const literals: Expression[] = []
  const made: string[] = []
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)
  function visit(node: ts.Node): void {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      literals.push({ source: node.text.slice(1, end), flags: node.text.slice(end + 1) })
    }
    if (isMaker(node)) made.push(node.parent.getText(file))
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { literals, made }
}

// `RegExp` under any name, if it is more than a type; and the methods that build an expression from
// their argument.
function isMaker(node: ts.Node): boolean {
  if (ts.isIdentifier(node) && node.text === 'RegExp')
    return (
      !ts.isTypeReferenceNode(node.parent) &&
      node.parent.kind !== ts.SyntaxKind.ExpressionWithTypeArguments
    )
  if (
    !ts.isPropertyAccessExpression(node) ||
    !MAKERS.includes(node.name.text) ||
    !ts.isCallExpression(node.parent)
  )
    return false
  const [argument] = node.parent.arguments
  return argument !== undefined && !ts.isRegularExpressionLiteral(argument)
}

/** Why linear time is not proven for an expression, or undefined. */
export function slowness({ source, flags }: Expression): string | undefined {
  // Only by automata: the checker's other method searches for a slow text, and finding none proves
  // nothing.
  const found = checkSync(source, flags, { checker: 'automaton', timeout: 30_000 })
  if (found.status === 'safe' && !found.complexity.isFuzz) return undefined
  return `/${source}/${flags} is ${found.status}: ${found.status === 'vulnerable' ? found.complexity.summary : 'not proven'}`
}
