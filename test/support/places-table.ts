import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Value = string | number | readonly Value[] | { readonly [name: string]: Value }

export interface Town {
  readonly name: string
  readonly latitude: number
  readonly longitude: number
  /** How exactly it is known, in kilometres. */
  readonly radius: number
}

/** A table of places as the gateway reads them (MaxMind DB file format 2.0, IPv4, records of 24 bits): a town for each whole address. */
export async function writePlaces(towns: Readonly<Record<string, Town>>): Promise<string> {
  const nodes: [number | null, number | null][] = [[null, null]]
  const leaves: { node: number; bit: number; at: number }[] = []
  const data: Buffer[] = []
  for (const [address, town] of Object.entries(towns)) {
    const bits = address.split('.').flatMap((part) => [...Number(part).toString(2).padStart(8, '0')].map(Number))
    leaves.push({ node: path(nodes, bits.slice(0, -1)), bit: bits.at(-1) ?? 0, at: Buffer.concat(data).length })
    data.push(written(recordOf(town)))
  }
  const tree = Buffer.alloc(nodes.length * 6)
  const record = (node: number, bit: number, value: number) => tree.writeUIntBE(value, node * 6 + bit * 3, 3)
  nodes.forEach((sides, node) => sides.forEach((next, bit) => record(node, bit, next ?? nodes.length)))
  for (const { node, bit, at } of leaves) record(node, bit, nodes.length + 16 + at)
  const about = { binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1, database_type: 'Test-City', description: {} }
  const more = { ip_version: 4, languages: ['en'], node_count: nodes.length, record_size: 24 }
  const marker = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')])
  const file = join(await mkdtemp(join(tmpdir(), 'places-')), 'places.mmdb')
  await writeFile(file, Buffer.concat([tree, Buffer.alloc(16), ...data, marker, written({ ...about, ...more })]))
  return file
}

/** The node at the end of these bits, made on the way. */
function path(nodes: [number | null, number | null][], bits: readonly number[]): number {
  let node = 0
  for (const bit of bits) {
    const sides = nodes[node] ?? [null, null]
    const next = sides[bit] ?? nodes.push([null, null]) - 1
    sides[bit] = next
    node = next
  }
  return node
}

const recordOf = ({ name, latitude, longitude, radius }: Town): Value => ({
  country: { names: { en: name } },
  location: { accuracy_radius: radius, latitude, longitude },
})

function written(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? integer(value) : double(value)
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(written)])
  const entries = Object.entries(value)
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([name, one]) => [written(name), written(one)])])
}

/** Types above 7 are told in a second byte. All that is written here is shorter than 29. */
const control = (type: number, size: number): Buffer => Buffer.from(type > 7 ? [size, type - 7] : [(type << 5) | size])

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return Buffer.concat([control(6, 4), bytes])
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return Buffer.concat([control(3, 8), bytes])
}
