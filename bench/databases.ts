/** Each side keeps the same people, in a database of its own. */
export const databases = { ours: 'bench_entente', peer: 'bench_peer' } as const

/** The connection string with another database. */
export function inDatabase(uri: string, database: string): string {
  const url = new URL(uri)
  url.pathname = `/${database}`
  return url.href
}
