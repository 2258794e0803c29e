import type { FactorKind } from '../storage/customers.ts'
import { moment, shown, type Dictionary } from './letter.ts'

const factors: Readonly<Record<FactorKind, string>> = { passkey: 'A passkey', totp: 'An authenticator app', recoveryCodes: 'A set of recovery codes' }
const lost = {
  revoked: 'You ended the connection there.',
  disabled: 'The account there was disabled.',
  deleted: 'The account there was deleted.',
  addressOff: 'Its forwarding address no longer delivers.',
} as const

export const english: Dictionary = {
  language: 'en',
  account: 'Your account centre',
  notYou: 'Was this not you? Then go to your account centre, sign out everywhere and check your ways to sign in.',
  automatic: (house) => `${house} writes this by itself; answers to it are not read.`,
  letters: {
    signInCode: ({ code, minutes }) => ({
      subject: 'your code',
      paragraphs: [
        `Somebody asked for this code with your address. It works once, in the same browser, for ${minutes} minutes.`,
        'Nobody of ours ever asks you for it. If it was not you, there is nothing to do: without the code nothing happens.',
      ],
      code,
      told: false,
    }),
    newDevice: ({ device, place, at, link }) => ({
      subject: 'a new device signed in',
      paragraphs: [
        `Your account was opened on a device that was not used before: ${shown(device)}${place === undefined ? '' : `, about ${shown(place)}`}, ${moment('en', at)}.`,
        'If it was you, there is nothing to do.',
      ],
      link: { label: 'This was not me', url: link },
    }),
    identityLinked: ({ provider }) => ({
      subject: 'a login was added',
      paragraphs: [`Signing in with ${shown(provider)} opens your account from now on.`],
    }),
    identityUnlinked: ({ provider }) => ({
      subject: 'a login was removed',
      paragraphs: [`Signing in with ${shown(provider)} no longer opens your account.`],
    }),
    providerLost: ({ provider, why }) => ({
      subject: `${shown(provider)} no longer works as your login`,
      paragraphs: [lost[why], 'Your account stays as it is. You can sign in with another login, a passkey, or a code by mail.'],
    }),
    factorAdded: ({ factor }) => ({ subject: 'your account is better protected', paragraphs: [`${factors[factor]} was added to your account.`] }),
    factorRemoved: ({ factor }) => ({ subject: 'a protection was removed', paragraphs: [`${factors[factor]} was removed from your account.`] }),
    recoveryCodeUsed: ({ left }) => ({ subject: 'a recovery code was used', paragraphs: [`One of your recovery codes was used. Codes left: ${left}.`] }),
    confirmConsent: ({ title, text, link }) => ({
      subject: 'please confirm your consent',
      paragraphs: [
        'With your account it was said that you agree to the following. It counts only once you confirm it here; the link works for seven days.',
        title,
        text,
        'If it was not you, there is nothing to do: without your confirmation nothing happens.',
      ],
      link: { label: 'Look at it and confirm', url: link },
      told: false,
    }),
    factorLocked: () => ({
      subject: 'too many wrong tries',
      paragraphs: ['Somebody proved several times with wrong values who they are. That way is closed for a while; your other ways still work.'],
    }),
    merged: () => ({
      subject: 'your accounts are one',
      paragraphs: ['Two accounts were joined into this one. For 30 days you can undo it in the account centre.'],
    }),
    mergeUndone: () => ({ subject: 'your accounts are two again', paragraphs: ['The joining of your accounts was undone.'] }),
    erasureRequested: ({ at }) => ({
      subject: 'your account will be erased',
      paragraphs: [
        `Your account and all that is known of you here will be erased on ${moment('en', at)}. Until then you can take that back in the account centre.`,
      ],
    }),
    erasureCancelled: () => ({ subject: 'your account stays', paragraphs: ['The erasure of your account was taken back.'] }),
    exportReady: () => ({
      subject: 'your data is ready',
      paragraphs: ['You asked for all that is kept about you. The archive now waits in your account centre, for a short time and for you alone.'],
    }),
    addressChanged: () => ({ subject: 'your address was changed', paragraphs: ['The mail address of your account was changed.'] }),
  },
}
