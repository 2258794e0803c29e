import type { CustomerUpdate } from './customers.ts'

/** The row as MongoDB has it after this update: dotted paths reach into objects, what is missing on the way is made. The given row stays as it is. */
export function applied<Row extends object>(row: Row, { $set = {}, $unset = {}, $inc = {} }: CustomerUpdate): Row {
  const after = { ...row }
  for (const [path, value] of Object.entries($set)) {
    const [place, name] = reach(after, path)
    Reflect.set(place, name, value)
  }
  for (const path of Object.keys($unset)) {
    const [place, name] = reach(after, path)
    Reflect.deleteProperty(place, name)
  }
  for (const [path, by] of Object.entries($inc)) {
    const [place, name] = reach(after, path)
    Reflect.set(place, name, Number(Reflect.get(place, name) ?? 0) + by)
  }
  return after
}

/** The object that holds the last part of the path, copied like all those above it. */
function reach(root: object, path: string): [place: object, name: string] {
  const names = path.split('.')
  const name = names.pop() ?? ''
  let place = root
  for (const step of names) {
    const found: unknown = Reflect.get(place, step)
    const copy = typeof found === 'object' && found !== null ? { ...found } : {}
    Reflect.set(place, step, copy)
    place = copy
  }
  return [place, name]
}

/** Both in one update; null where they write at the same place, or one of them above the other's: MongoDB takes no such update. */
export function joined(one: CustomerUpdate, other: CustomerUpdate): CustomerUpdate | null {
  const paths = pathsOf(one)
  const meets = (path: string): boolean => paths.some((mine) => mine === path || mine.startsWith(`${path}.`) || path.startsWith(`${mine}.`))
  if (pathsOf(other).some(meets)) return null
  const $set = { ...one.$set, ...other.$set }
  const $unset = { ...one.$unset, ...other.$unset }
  const $inc = { ...one.$inc, ...other.$inc }
  return { ...(has($set) && { $set }), ...(has($unset) && { $unset }), ...(has($inc) && { $inc }) }
}

export const pathsOf = ({ $set = {}, $unset = {}, $inc = {} }: CustomerUpdate): string[] => [$set, $unset, $inc].flatMap((part) => Object.keys(part))

const has = (part: object): boolean => Object.keys(part).length > 0
