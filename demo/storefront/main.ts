import type { Server } from 'node:http'
import * as oidc from 'openid-client'
import { listen, type Answer, type Handler } from '../app.ts'
import { ask } from '../graphql.ts'
import { home, type Brand, type Shopper } from './pages.ts'
import { sessionStore, type Session } from './sessions.ts'

export interface StorefrontOptions {
  readonly port: number
  /** Base URL of Entente. */
  readonly gateway: string
  readonly clientId: string
  readonly brand: Brand
}

const orders = 'openid purpose:order_processing'
const personal = `${orders} purpose:personalised_shop`

const shopperQuery = `{ me {
  givenName email postcode
  traits { clothingSize favouriteColours }
  consents { purpose state }
} }`

const saySo = 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }'
const questionQuery = '{ nextQuestion(purpose: "personalised_shop", locale: "en") { id field question why gives } }'

/** A shop like any other: it signs people in with `openid-client`, and reads them by GraphQL with the token it got. */
export async function startStorefront({ port, gateway, clientId, brand }: StorefrontOptions): Promise<Server> {
  const sessions = sessionStore(clientId)
  let known: oidc.Configuration | undefined
  // Asked for at the first login, not at the start: the shop opens whether or not Entente is up.
  const entente = async () =>
    (known ??= await oidc.discovery(new URL(`${gateway}/oidc`), clientId, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] }))

  /** Sends the browser off to sign in, for the purposes that are needed now and no more. */
  const signInFor =
    (scope: string): Handler =>
    async (url, request) => {
      const login = { state: oidc.randomState(), verifier: oidc.randomPKCECodeVerifier() }
      const to = oidc.buildAuthorizationUrl(await entente(), {
        scope,
        state: login.state,
        redirect_uri: `${url.origin}/callback`,
        code_challenge: await oidc.calculatePKCECodeChallenge(login.verifier),
        code_challenge_method: 'S256',
      })
      return { to: to.href, cookie: sessions.replace(request, { ...sessions.of(request), login }) }
    }

  const callback: Handler = async (url, request) => {
    const { login, ...before } = sessions.of(request)
    if (!login || url.searchParams.has('error')) return { to: '/?signed-in=no', cookie: sessions.replace(request, before) }
    const granted = await oidc.authorizationCodeGrant(await entente(), url, {
      expectedState: login.state,
      pkceCodeVerifier: login.verifier,
      idTokenExpected: true,
    })
    const tokens = { access: granted.access_token, id: granted.id_token ?? '', until: Date.now() + (granted.expiresIn() ?? 0) * 1000 }
    return { to: '/', cookie: sessions.replace(request, { tokens }) }
  }

  const signOut: Handler = async (url, request) => {
    const { tokens } = sessions.of(request)
    const cookie = sessions.replace(request, {})
    if (!tokens) return { to: '/', cookie }
    const to = oidc.buildEndSessionUrl(await entente(), { id_token_hint: tokens.id, post_logout_redirect_uri: `${url.origin}/` })
    return { to: to.href, cookie }
  }

  const front: Handler = async (url, request): Promise<Answer> => {
    const notice = url.searchParams.get('signed-in') === 'no' ? 'You are not signed in. You can look around all the same.' : null
    return { body: home(brand, gateway, await shopperOf(gateway, sessions.of(request)), notice) }
  }

  /** An answer to the one question, or none: either way it is not put again for a while. */
  const answered: Handler = async (url, request) => {
    const { tokens } = sessions.of(request)
    const question = url.searchParams.get('question')
    const [colour, size] = [url.searchParams.get('traits.favouriteColours'), url.searchParams.get('traits.clothingSize')]
    if (!tokens || question === null) return { to: '/' }
    if (url.searchParams.has('later')) await ask(gateway, tokens.access, 'mutation ($id: ID!) { dismissQuestion(id: $id) }', { id: question })
    const traits = { ...(colour && { favouriteColours: [colour] }), ...(size && { clothingSize: size }) }
    if (Object.keys(traits).length > 0) await ask(gateway, tokens.access, saySo, { input: { traits } })
    return { to: '/' }
  }

  return listen(port, brand, {
    '/': front,
    '/sign-in': signInFor(orders),
    '/offers': signInFor(personal),
    '/callback': callback,
    '/answer': answered,
    '/sign-out': signOut,
  })
}

/** Who is shopping, as far as they let this shop know; null when nobody is signed in or the token has ended. */
async function shopperOf(gateway: string, { tokens }: Session): Promise<Shopper | null> {
  if (!tokens || tokens.until < Date.now()) return null
  const { data, errors, extensions } = await ask<{ me: Shopper['me'] }>(gateway, tokens.access, shopperQuery)
  if (errors || !data?.me) return null
  // Somebody who has just got personal offers sees at once what an answer is good for.
  const mayAsk = data.me.consents?.some(({ purpose, state }) => purpose === 'personalised_shop' && state === 'GRANTED')
  const asked = mayAsk ? await ask<{ nextQuestion: Shopper['question'] }>(gateway, tokens.access, questionQuery) : null
  return { me: data.me, question: asked?.data?.nextQuestion ?? null, withheld: extensions?.withheld ?? [], reduced: extensions?.reduced ?? [] }
}
