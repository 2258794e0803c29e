import { LineCounter, isMap, isPair, isScalar, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { loginPageProblems } from './login-page.ts'
import { attributeMembers, policyFile, purposeMembers, type PolicyFile } from './policy-file.ts'
import { contradictions, uncovered } from './policy-problems.ts'
import type { Problem } from './problem.ts'
import { personalizationProblems } from './personalization-problems.ts'
import { questionProblems } from './questions.ts'

/** Everything that is wrong with a policy file, a line each: `policy.yaml:12:5 purposes.0.id: …`. */
export class PolicyError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The policy cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'PolicyError'
  }
}

/** The file as typed data. Shape and contradictions are looked for in one go, so that one start shows all of it. */
export function parsePolicyFile(text: string, fileName: string): PolicyFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => `${fileName}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`
  if (document.errors.length > 0) throw new PolicyError(document.errors.map((error) => `${at(error.pos[0])} ${error.message}`))
  const content = contentOf(document, at(0))
  const parsed = policyFile.safeParse(content)
  const problems = [
    ...(parsed.success ? [] : parsed.error.issues.flatMap(fromIssue)),
    ...contradictionsIn(content),
    ...personalizationProblems(content),
    ...loginPageProblems(content),
    ...questionProblems(content),
  ]
  if (!parsed.success || problems.length > 0) {
    const placed = problems.map(({ path, message }) => ({ offset: offsetOf(document, path), text: `${path.map(String).join('.') || 'file'}: ${message}` }))
    throw new PolicyError(placed.sort((a, b) => a.offset - b.offset).map((problem) => `${at(problem.offset)} ${problem.text}`))
  }
  return parsed.data
}

/** Aliases may repeat a block, but not blow the file up. */
function contentOf(document: Document, place: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    throw new PolicyError([`${place} too many aliases`])
  }
}

function fromIssue(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is not known here' }))
}

/** Also when some entries are malformed: what is well-formed is compared all the same. */
function contradictionsIn(content: unknown): Problem[] {
  const lists = policyFile.pick({ locales: true, onlyForThePerson: true }).strip().safeParse(content)
  const file = lists.success ? lists.data : { locales: [], onlyForThePerson: [] }
  const purposes = listed(content, 'purposes').map((item, at) => ({ at, entry: wellFormed(purposeMembers, item) }))
  const attributes = listed(content, 'attributes').map((item, at) => ({ at, entry: wellFormed(attributeMembers, item) }))
  const complete = purposes.length > 0 && purposes.every(({ entry }) => entry.covers !== undefined)
  return [...contradictions(file, purposes, attributes), ...(complete ? uncovered(file, purposes, attributes) : [])]
}

function listed(content: unknown, member: string): readonly unknown[] {
  const list: unknown = typeof content === 'object' && content !== null ? Reflect.get(content, member) : undefined
  return Array.isArray(list) ? list : []
}

/** The members of an entry that are fit by themselves. */
function wellFormed<T>(members: z.ZodType<T>, item: unknown): T {
  const all = members.safeParse(item)
  if (all.success) return all.data
  const unfit = new Set(all.error.issues.map((issue) => issue.path[0]))
  const fit = typeof item === 'object' && item !== null ? Object.entries(item).filter(([name]) => !unfit.has(name)) : []
  return members.parse(Object.fromEntries(fit))
}

/** Where a path stands in the text; for a member that is missing, the place that should have it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair = isMap(parent) ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key) : undefined
    const node = pair?.key ?? document.getIn(path.slice(0, length), true)
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) return Number(node.range[0])
  }
  return 0
}
