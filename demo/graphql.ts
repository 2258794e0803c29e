export interface Withheld {
  readonly field: string
  readonly category: string
  readonly reason: string
  readonly count: number
}

export interface Reduced {
  readonly field: string
  readonly category: string
  readonly form: string
  readonly count: number
}

export interface Result<Data> {
  readonly data?: Data
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
  /** What is null because the customer did not allow it, and what is there in a reduced form only. */
  readonly extensions?: { readonly withheld?: readonly Withheld[]; readonly reduced?: readonly Reduced[] }
}

/** Asks Entente. Any HTTP client will do: a POST with a bearer token. */
export async function ask<Data>(gateway: string, token: string, query: string, variables: object = {}): Promise<Result<Data>> {
  const response = await fetch(`${gateway}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  })
  return (await response.json()) as Result<Data>
}
