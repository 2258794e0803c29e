import type { Exchange, Reply, Simulation } from './dialect.ts'
import { findPerson, knownPeople, type Profile } from './people.ts'

export type Choice = { readonly is: 'person'; readonly person: Profile } | { readonly is: 'cancelled' } | { readonly is: 'undecided'; readonly page: Reply }

const titles = { google: 'Simulated Google', apple: 'Simulated Apple', facebook: 'Simulated Facebook', haus: 'Haus' } as const

/** Who signs in: the person whom `login_hint` names, or whoever is picked on the page. */
export function choose(sim: Simulation, { query, path }: Exchange): Choice {
  const person = findPerson(sim.provider, query.get('login_hint') ?? '')
  if (sim.switches().cancel || person?.cancels || query.get('__sim') === 'cancel') return { is: 'cancelled' }
  return person === undefined ? { is: 'undecided', page: picker(sim, path, query) } : { is: 'person', person }
}

/** The provider's own error page. Nothing is sent back to an address that is not registered. */
export const errorPage = (sim: Simulation, reason: string, status = 400): Reply =>
  page(status, `${titles[sim.provider]}: error`, `<h1>${titles[sim.provider]} cannot sign you in</h1><p role="alert">${escaped(reason)}</p>`)

/** `response_mode=form_post`: submits itself where scripts run, and has a button where they do not. */
export function formPost(uri: string, members: Readonly<Record<string, string | undefined>>): Reply {
  return page(
    200,
    'Back to the shop',
    `<h1>You are signed in</h1><form method="post" action="${escaped(uri)}">${hiddenInputs(Object.entries(members))}
<button>Back to the shop</button></form><script src="/__sim/submit.js"></script>`,
  )
}

/** What the pages load; kept out of them so that their policy can forbid everything inline. */
export const assets: Readonly<Record<string, Reply>> = {
  '/__sim/submit.js': asset('text/javascript', 'document.forms[0].submit()'),
  '/__sim/page.css': asset(
    'text/css',
    `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:26rem;margin:2rem auto;padding:0 1rem}ul{list-style:none;padding:0}li{margin:.5rem 0}
button{font:inherit;width:100%;min-height:3rem;padding:.5rem 1rem;text-align:start;border:1px solid;border-radius:.5rem;background:Canvas;color:CanvasText;cursor:pointer}
button:hover,button:focus-visible{outline:3px solid Highlight;outline-offset:1px}button span{display:block;overflow-wrap:anywhere}`,
  ),
}

function picker(sim: Simulation, path: string, query: URLSearchParams): Reply {
  const kept = [...query].filter(([name]) => name !== 'login_hint')
  const people = knownPeople(sim.provider).map(
    ({ hint, name, email }) =>
      `<li><button name="login_hint" value="${hint}"><bdi>${escaped(name)}</bdi><span>${escaped(email ?? 'no address')}</span></button></li>`,
  )
  return page(
    200,
    `${titles[sim.provider]}: choose a person`,
    `<h1>${titles[sim.provider]}</h1><p>Who do you want to be? Nobody here is real.</p>
<form method="get" action="${escaped(path)}">${hiddenInputs(kept)}<ul>${people.join('')}</ul><button name="__sim" value="cancel">Cancel</button></form>`,
  )
}

const hiddenInputs = (members: readonly (readonly [string, string | undefined])[]) =>
  members.map(([name, value]) => (value === undefined ? '' : `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`)).join('')

function page(status: number, title: string, main: string): Reply {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<link rel="stylesheet" href="/__sim/page.css"><link rel="icon" href="data:,"><main>${main}</main></html>`,
  }
}

function asset(type: string, body: string): Reply {
  return { status: 200, headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'max-age=3600' }, body }
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (value: string) => value.replace(/[&<>"']/g, (character) => entities[character] ?? '')
