import { createHash } from 'node:crypto'

const sha256 = (prefix: number, ...parts: readonly (string | Buffer)[]): Buffer =>
  parts.reduce((digest, part) => digest.update(part), createHash('sha256').update(Buffer.of(prefix))).digest()

/** The root of a Merkle tree (RFC 6962, 2.1) over leaves that come one by one; holds one hash for each level. */
export class MerkleTree {
  #size = 0
  readonly #complete: Buffer[] = []

  get size(): number {
    return this.#size
  }

  add(leaf: string): void {
    let node = sha256(0, leaf)
    for (let full = this.#size++; full % 2 === 1; full = (full - 1) / 2) node = sha256(1, this.#complete.pop() ?? '', node)
    this.#complete.push(node)
  }

  /** base64url */
  root(): string {
    const [last, ...others] = this.#complete.toReversed()
    const root = last === undefined ? createHash('sha256').digest() : others.reduce((right, left) => sha256(1, left, right), last)
    return root.toString('base64url')
  }
}
