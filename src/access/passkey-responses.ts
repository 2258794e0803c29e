import { z } from 'zod'

/** What browsers send of a passkey (WebAuthn L3, 5.1), bounded: nothing below is read before it fits. */
const base64url = (most: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .max(most)

const credential = {
  id: base64url(1_400),
  rawId: base64url(1_400),
  type: z.literal('public-key'),
  clientExtensionResults: z.unknown().transform(() => ({})),
}
const transports = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const

export const registration = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(4_096),
    attestationObject: base64url(16_384),
    transports: z.array(z.enum(transports)).max(transports.length).catch([]).default([]),
  }),
})

export const assertion = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url(4_096),
    authenticatorData: base64url(4_096),
    signature: base64url(4_096),
    userHandle: base64url(128).nullish(),
  }),
})

const clientData = z.object({ crossOrigin: z.literal(false).optional(), topOrigin: z.undefined().optional() })

/** Whether the page that asked was ours and stood alone: the library lets pages in a foreign frame pass where the browser does not say whose (7.2, step 14). */
export function ownPage(clientDataJSON: string): boolean {
  try {
    return clientData.safeParse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString())).success
  } catch {
    return false
  }
}
