import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { demoAppleKey } from './kept-secrets.mjs'

/** What each port of the demonstration is, in the words that an error message uses. */
export const demoPorts = new Map([
  [4101, 'the simulated Google'],
  [4102, 'the simulated Apple'],
  [4103, 'the simulated Facebook'],
  [4104, 'the simulated provider "haus"'],
  [4105, 'the mail server that delivers to nobody'],
  [4106, 'the page of caught mail'],
  [4201, 'the demo storefront'],
  [4202, 'the second demo storefront'],
  [4203, 'the demo marketing tool'],
])

/** Without credentials of a real provider, and without a file of further ones, there would be no way in. */
export function needsDemo(env) {
  return !env.GOOGLE_CLIENT_ID && !env.APPLE_CLIENT_ID && !env.FACEBOOK_CLIENT_ID && !env.PROVIDERS_FILE
}

/** The variables that point the gateway at the simulated providers, and those that the demonstration itself needs. */
export function demoEnvironment(dataFolder) {
  const apple = demoAppleKey(dataFolder)
  const further = join(dataFolder, 'demo-providers.json')
  writeFileSync(further, JSON.stringify([haus], null, 2))
  return {
    gateway: {
      GOOGLE_CLIENT_ID: 'entente-demo.apps.example',
      GOOGLE_CLIENT_SECRET: 'google-demo-secret',
      GOOGLE_BASE_URL: 'http://127.0.0.1:4101',
      APPLE_CLIENT_ID: 'example.entente.web',
      APPLE_TEAM_ID: 'DEMOTEAM01',
      APPLE_KEY_ID: 'DEMOKEY001',
      APPLE_PRIVATE_KEY: apple.privateKey,
      APPLE_BASE_URL: 'http://127.0.0.1:4102',
      FACEBOOK_CLIENT_ID: '100000000000001',
      FACEBOOK_CLIENT_SECRET: 'demo-app-secret',
      FACEBOOK_BASE_URL: 'http://127.0.0.1:4103',
      PROVIDERS_FILE: further,
      SMTP_URL: 'smtp://127.0.0.1:4105',
      MAIL_FROM: 'Entente <no-reply@entente.example>',
    },
    demo: { APPLE_DEMO_PUBLIC_KEY: apple.publicKey },
  }
}

const haus = {
  id: 'haus',
  name: 'Haus',
  issuer: 'http://127.0.0.1:4104',
  clientId: 'entente',
  clientSecret: 'haus-demo-secret',
  authoritativeFor: ['haus.example'],
}
