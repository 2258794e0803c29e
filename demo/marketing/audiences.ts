import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Handler } from '../app.ts'
import { audiencePage, segments, type Held, type Holding } from './audience-page.ts'

type SegmentId = (typeof segments)[number]['id']

/** One line of the stream: a person, somebody who is gone, or where to go on. */
type Line = Partial<{ id: string; suppressed: string; cursor: string }> & Held

/** Takes segments out as files of people, and lets go of whoever is called back. What it holds is in memory: it is a sample. */
export function audienceDesk(gateway: string, token: () => Promise<string>) {
  const holdings = new Map<SegmentId, Holding>()

  async function fetchFrom(segment: SegmentId, since: string | undefined): Promise<Response> {
    const asked = new URLSearchParams({ purpose: 'email_marketing', fields: 'email,givenName,familyName', ...(since !== undefined && { since }) })
    const response = await fetch(`${gateway}/v1/audiences/${segment}?${asked}`, {
      headers: { authorization: `Bearer ${await token()}` },
      signal: AbortSignal.timeout(30_000),
    })
    if (response.ok) return response
    const refused = (await response.json()) as { error: string; since?: string }
    // Who has not asked for long who is gone is given nobody new before having asked.
    if (refused.since !== undefined && since !== refused.since) return fetchFrom(segment, refused.since)
    throw new Error(`${segment}: ${refused.error}`)
  }

  /** Everybody, or what has changed since the last time. */
  async function take(segment: SegmentId): Promise<void> {
    const before = holdings.get(segment)
    const people = new Map(before?.people)
    let [cursor, came, gone] = [before?.cursor ?? '', 0, 0]
    for await (const { id, suppressed, cursor: at, ...person } of linesOf(await fetchFrom(segment, before?.cursor))) {
      if (at !== undefined) cursor = at
      // Told once more than needed rather than once less: only what is new counts.
      else if (id === undefined) continue
      else if (suppressed === undefined) {
        if (people.get(id)?.email === undefined) came++
        people.set(id, person)
      } else if (people.has(id)) {
        if (people.get(id)?.gone === undefined) gone++
        people.set(id, { gone: suppressed })
      }
    }
    holdings.set(segment, { people, cursor, at: new Date(), came, gone })
  }

  const chosen = (asked: URLSearchParams): SegmentId => segments.find(({ id }) => id === asked.get('segment'))?.id ?? 'winter_sport'
  const show: Handler = (url) => ({ body: audiencePage(chosen(url.searchParams), holdings.get(chosen(url.searchParams))) })
  const fetchNow: Handler = async (_url, _request, form) => {
    await take(chosen(form))
    return { to: `/audiences?segment=${chosen(form)}` }
  }
  const save: Handler = (url) => {
    const segment = chosen(url.searchParams)
    const here = [...(holdings.get(segment)?.people ?? [])].filter(([, { gone }]) => gone === undefined)
    const text = here.map(([id, person]) => `${JSON.stringify({ id, ...person })}\n`).join('')
    return { file: { name: `${segment}.ndjson`, type: 'application/x-ndjson', text } }
  }
  return { '/audiences': show, '/audiences/file': save, 'POST /audiences': fetchNow }
}

/** Line by line, so that a million people need no more memory than one. */
async function* linesOf(response: Response): AsyncGenerator<Line> {
  if (response.body === null) return
  const lines = createInterface({ input: Readable.fromWeb(response.body as ReadableStream), crlfDelay: Infinity })
  for await (const line of lines) yield JSON.parse(line) as Line
}
