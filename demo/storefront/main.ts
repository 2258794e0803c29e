import type { IncomingMessage, Server } from 'node:http'
import { listen, type Answer, type Handler } from '../app.ts'
import { ask } from '../graphql.ts'
import { ordered, tellByToken, tellByWriteKey, viewed, type ShopEvent } from './behaviour.ts'
import { home, productPage, type Brand, type Product } from './pages.ts'
import { sessionStore } from './sessions.ts'
import { shopperOf, stopPersonalising, withQuestion } from './shopper.ts'
import { orders, personal, signIn } from './sign-in.ts'

export interface StorefrontOptions {
  readonly port: number
  /** Base URL of Entente. */
  readonly gateway: string
  readonly clientId: string
  /** What the shop sends events with; without one it sends them with its customers' tokens. */
  readonly writeKey?: string
  readonly brand: Brand
}

const saySo = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'

const notices: Readonly<Record<string, string>> = {
  'not-signed-in': 'You are not signed in. You can look around all the same.',
  stopped: 'Done. From this page on you see the shop that everybody sees, and what we had worked out about you is forgotten.',
  ordered: 'Thank you, that is ordered.',
}

/** A shop like any other: it signs people in with `openid-client`, reads them by GraphQL with the token it got, and tells what they look at and buy. */
export async function startStorefront({ port, gateway, clientId, writeKey, brand }: StorefrontOptions): Promise<Server> {
  const sessions = sessionStore(clientId)
  const send = writeKey === undefined ? tellByToken(gateway) : tellByWriteKey(gateway, writeKey)
  const { signInFor, callback, signOut } = signIn({ gateway, clientId, sessions })

  const front: Handler = async (url, request): Promise<Answer> => {
    const session = sessions.of(request)
    const shopper = await withQuestion(gateway, session, await shopperOf(gateway, session))
    return { body: home(brand, gateway, shopper, notices[url.searchParams.get('notice') ?? ''] ?? null) }
  }

  /** Nobody waits, and no page fails, for an event that did not arrive. */
  async function tell(request: IncomingMessage, event: ShopEvent): Promise<void> {
    const { tokens } = sessions.of(request)
    if (tokens) await send(tokens, event).catch((error: unknown) => console.error(error instanceof Error ? error.message : error))
  }

  const productOf = (asked: URLSearchParams): Product | undefined => brand.products.find(({ id }) => id === asked.get('id'))

  const product: Handler = async (url, request) => {
    const chosen = productOf(url.searchParams)
    if (!chosen) return { to: '/' }
    await tell(request, viewed(chosen))
    return { body: productPage(brand, gateway, chosen, await shopperOf(gateway, sessions.of(request))) }
  }

  const buy: Handler = async (_url, request, form) => {
    const chosen = productOf(form)
    if (!chosen || !sessions.of(request).tokens) return { to: '/' }
    await tell(request, ordered(chosen))
    return { to: '/?notice=ordered' }
  }

  const stop: Handler = async (_url, request) => {
    await stopPersonalising(gateway, sessions.of(request))
    return { to: '/?notice=stopped' }
  }

  /** An answer to the one question, or none: either way it is not put again for a while. */
  const answered: Handler = async (_url, request, form) => {
    const { tokens } = sessions.of(request)
    const question = form.get('question')
    const [colour, size] = [form.get('traits.favouriteColours'), form.get('traits.clothingSize')]
    if (!tokens || question === null) return { to: '/' }
    if (form.has('later')) await ask(gateway, tokens.access, 'mutation ($id: ID!) { dismissQuestion(id: $id) }', { id: question })
    const traits = { ...(colour && { favouriteColours: [colour] }), ...(size && { clothingSize: size }) }
    if (Object.keys(traits).length > 0) await ask(gateway, tokens.access, saySo, { input: { traits } })
    return { to: '/' }
  }

  return listen(port, brand, {
    '/': front,
    '/product': product,
    '/sign-in': signInFor(orders),
    '/known': signInFor(personal, 'none'),
    '/offers': signInFor(personal),
    '/callback': callback,
    '/sign-out': signOut,
    'POST /buy': buy,
    'POST /stop': stop,
    'POST /answer': answered,
  })
}
