import type { Provider, ProviderId } from '../broker/provider.ts'
import type { LoginDoor } from '../broker/resolver.ts'
import { EntenteError } from '../errors.ts'
import type { Caller } from '../operation.ts'
import type { TokenDoor } from './token-door.ts'

export interface LoginDoorParts {
  readonly providers: ReadonlyMap<ProviderId, Provider>
  readonly door: TokenDoor
  readonly signOut: (caller: Caller, everywhere: boolean) => Promise<void>
}

/** What the login fields of GraphQL call: the token door, and which providers answer. */
export function loginDoor({ providers, door, signOut }: LoginDoorParts): LoginDoor {
  return {
    providers: async () => [...providers.values()].map((provider) => ({ id: provider.id, name: provider.name, available: provider.available() })),
    start: async (input) => {
      const provider = providers.get(input.provider)
      if (provider === undefined) throw new EntenteError('PROVIDER_UNKNOWN')
      if (!provider.available()) throw new EntenteError('PROVIDER_UNAVAILABLE', { provider: provider.id })
      return door.startLogin(withoutNulls(input))
    },
    complete: async (input, { ip }) => tokenSet(await door.completeLogin(withoutNulls(input), ip)),
    withIdToken: async (input) => tokenSet(await door.loginWithIdToken(withoutNulls(input))),
    refresh: async (input, { ip }) => tokenSet(await door.refreshTokens(withoutNulls(input), ip)),
    logout: signOut,
  }
}

type WithoutNulls<T> = { [K in keyof T]: Exclude<T[K], null> }

/** GraphQL's null means the same as leaving a member out here. */
function withoutNulls<T extends object>(input: T): WithoutNulls<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null)) as WithoutNulls<T>
}

function tokenSet({ idToken, refreshToken, ...rest }: Awaited<ReturnType<TokenDoor['completeLogin']>>) {
  return { ...rest, ...(idToken !== null && { idToken }), ...(refreshToken !== null && { refreshToken }) }
}
