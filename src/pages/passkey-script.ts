import { createHash } from 'node:crypto'

/**
 * The only script of ours, on pages that take a passkey: WebAuthn has no other way. Forms that need it are hidden until it runs. It asks the
 * browser what the page says (`data-options`), puts the answer into the form and sends it; with `data-offer`, also as soon as a passkey is
 * picked among the suggestions of a field (conditional mediation, WebAuthn L3, 5.1.4).
 */
export const passkeyScript = `
'use strict'
const passkeys = window.PublicKeyCredential
let asking = new AbortController()

function ask({ options, use }, how) {
  const json = JSON.parse(options)
  if (use === 'make') return navigator.credentials.create({ ...how, publicKey: passkeys.parseCreationOptionsFromJSON(json) })
  return navigator.credentials.get({ ...how, publicKey: passkeys.parseRequestOptionsFromJSON(json) })
}

async function answer(form, how) {
  asking.abort()
  asking = new AbortController()
  const { signal } = asking
  try {
    const credential = await ask(form.dataset, { ...how, signal })
    form.elements.response.value = JSON.stringify(credential.toJSON())
    form.submit()
  } catch {
    const status = form.querySelector('[role=status]')
    if (!signal.aborted && how.mediation === undefined) status.textContent = status.dataset.failed
  }
}

async function start(form) {
  form.hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void answer(form, {})
  })
  if ('offer' in form.dataset && (await passkeys.isConditionalMediationAvailable?.())) void answer(form, { mediation: 'conditional' })
}

if (passkeys?.parseRequestOptionsFromJSON) document.querySelectorAll('form[data-options]').forEach(start)
`.trim()

/** Changes with the content, so that the file may be cached for ever. */
export const passkeyScriptPath = `/assets/${createHash('sha256').update(passkeyScript).digest('base64url').slice(0, 16)}.js`
