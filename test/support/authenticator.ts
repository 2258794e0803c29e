import { isoCBOR } from '@simplewebauthn/server/helpers'
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/** What an attacker's, or an odd, authenticator or browser does otherwise. */
export interface Oddities {
  readonly origin?: string
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly clientData?: Readonly<Record<string, unknown>>
  readonly present?: boolean
  readonly verified?: boolean
  readonly counter?: number
  readonly userHandle?: string | null
  readonly signature?: Buffer
  readonly alg?: number
  readonly fmt?: string
  readonly attStmt?: ReadonlyMap<string, unknown>
  readonly extensions?: boolean
  readonly credentialId?: string
}

interface Question {
  readonly handle: string
  readonly options: object
}

// What the browser would read out of the options.
interface Options {
  readonly challenge: string
  readonly rp?: { readonly id: string }
  readonly rpId?: string
  readonly user?: { readonly id: string }
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()
const b64 = (data: Uint8Array | string): string => Buffer.from(data).toString('base64url')

/** A passkey in software: a P-256 key, attestation `none`, a person who always says yes. Counts when told to. */
export class Authenticator {
  readonly id: string
  #key: KeyObject
  #publicKey: { readonly x: Buffer; readonly y: Buffer }
  #userHandle = ''
  counter = 0

  constructor(
    readonly origin: string,
    readonly how: { readonly counts?: boolean; readonly synced?: boolean } = {},
  ) {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' })
    this.#key = pair.privateKey
    this.#publicKey = { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') }
    this.id = b64(randomBytes(32))
  }

  /** Answers `navigator.credentials.create`. */
  make(question: Question, odd: Oddities = {}) {
    const options = question.options as Options
    this.#userHandle = options.user?.id ?? ''
    const id = Buffer.from(odd.credentialId ?? this.id, 'base64url')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(id.length)
    const key = new Map<number, number | Uint8Array>([
      [1, 2],
      [3, odd.alg ?? -7],
      [-1, 1],
      [-2, new Uint8Array(this.#publicKey.x)],
      [-3, new Uint8Array(this.#publicKey.y)],
    ])
    const attested = Buffer.concat([Buffer.alloc(16), length, id, isoCBOR.encode(key)])
    const authData = this.#authData(options.rp?.id ?? '', odd, attested)
    const object = new Map<string, unknown>([
      ['fmt', odd.fmt ?? 'none'],
      ['attStmt', odd.attStmt ?? new Map()],
      ['authData', new Uint8Array(authData)],
    ])
    const attestationObject = b64(isoCBOR.encode(object as Parameters<typeof isoCBOR.encode>[0]))
    const response = { clientDataJSON: this.#clientData('webauthn.create', options, odd), attestationObject, transports: ['internal'] }
    return { handle: question.handle, response: { id: b64(id), rawId: b64(id), type: 'public-key', clientExtensionResults: {}, response } }
  }

  /** Answers `navigator.credentials.get`. */
  answer(question: Question, odd: Oddities = {}) {
    const options = question.options as Options
    if (this.how.counts === true) this.counter++
    const authData = this.#authData(options.rpId ?? '', odd)
    const clientDataJSON = this.#clientData('webauthn.get', options, odd)
    const signature = odd.signature ?? sign('sha256', Buffer.concat([authData, sha256(Buffer.from(clientDataJSON, 'base64url'))]), this.#key)
    const userHandle = odd.userHandle === undefined ? this.#userHandle : odd.userHandle
    const id = odd.credentialId ?? this.id
    const response = { clientDataJSON, authenticatorData: b64(authData), signature: b64(signature), userHandle }
    return { handle: question.handle, response: { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response } }
  }

  #clientData(type: string, { challenge }: Options, odd: Oddities): string {
    const said = { type: odd.type ?? type, challenge: odd.challenge ?? challenge, origin: odd.origin ?? this.origin, crossOrigin: false }
    return b64(JSON.stringify({ ...said, ...odd.clientData }))
  }

  #authData(rpId: string, odd: Oddities, attested = Buffer.alloc(0)): Buffer {
    const { present = true, verified = true, extensions = false } = odd
    const synced = this.how.synced === true ? 0x18 : 0
    const flags = (present ? 1 : 0) | (verified ? 4 : 0) | synced | (attested.length > 0 ? 0x40 : 0) | (extensions ? 0x80 : 0)
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(odd.counter ?? this.counter)
    const told = extensions ? Buffer.from(isoCBOR.encode(new Map([['never-asked-for', true]]))) : Buffer.alloc(0)
    return Buffer.concat([sha256(odd.rpId ?? rpId), Buffer.from([flags]), counter, attested, told])
  }
}
