import mongoose from 'mongoose'

/**
 * A row from its BSON bytes: what the driver's own reader gives for the types that rows of ours hold, in less than half the time, which is most
 * of what a long list costs. Whatever else is in the bytes, the whole row is left to the driver.
 */
export function rowFrom(bytes: Buffer): Record<string, unknown> {
  try {
    return new RowReader(bytes).document()
  } catch {
    return mongoose.mongo.BSON.deserialize(bytes)
  }
}

/** Field names seen before, by a hash of their bytes: the same few in row after row. */
const names: (string | undefined)[] = []
const mostNames = 1024

class RowReader {
  readonly #bytes: Buffer
  /** One character for each byte: right for ASCII, and a part of it costs less than decoding one. */
  readonly #text: string
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#text = bytes.toString('latin1')
  }

  document(): Record<string, unknown> {
    const fields: Record<string, unknown> = {}
    this.#at += 4
    for (let type = this.#next(); type !== 0; type = this.#next()) fields[this.#name()] = this.#value(type)
    return fields
  }

  #array(): unknown[] {
    const values: unknown[] = []
    this.#at += 4
    for (let type = this.#next(); type !== 0; type = this.#next()) {
      while (this.#next() !== 0); // its name is its number
      values.push(this.#value(type))
    }
    return values
  }

  /** https://bsonspec.org/spec.html */
  #value(type: number): unknown {
    const start = this.#at
    switch (type) {
      case 0x01:
        this.#at += 8
        return this.#bytes.readDoubleLE(start)
      case 0x02:
        return this.#string()
      case 0x03:
        return this.document()
      case 0x04:
        return this.#array()
      case 0x08:
        return this.#next() === 1
      case 0x09:
        this.#at += 8
        return new Date(this.#bytes.readInt32LE(start + 4) * 2 ** 32 + this.#bytes.readUInt32LE(start))
      case 0x0a:
        return null
      case 0x10:
        this.#at += 4
        return this.#bytes.readInt32LE(start)
      default:
        throw new TypeError('a type that rows do not hold')
    }
  }

  #string(): string {
    const start = this.#at + 4
    const end = start + this.#bytes.readInt32LE(this.#at) - 1
    this.#at = end + 1
    let seen = 0
    for (let at = start; at < end; at++) seen |= this.#bytes[at] ?? 0
    return seen < 0x80 ? this.#text.slice(start, end) : this.#bytes.toString('utf8', start, end)
  }

  #name(): string {
    const start = this.#at
    let hash = 0
    for (let byte = this.#next(); byte !== 0; byte = this.#next()) hash = (hash * 31 + byte) % mostNames
    const length = this.#at - 1 - start
    const known = names[hash]
    if (known !== undefined && known.length === length && this.#text.startsWith(known, start)) return known
    const name = this.#bytes.toString('utf8', start, start + length)
    if (name === '__proto__') throw new TypeError('a name that means something else to an object')
    if (name.length === length) names[hash] = name
    return name
  }

  #next(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('the row ends too early')
    return byte
  }
}
