const loopbackAddresses = new Set(['127.0.0.1', '[::1]'])
const isLoopbackName = (hostname: string): boolean => loopbackAddresses.has(hostname) || hostname === 'localhost'

/** What is wrong with a URI that a browser is sent to, or null. Written as browsers write it, so that comparing strings is enough. */
export function redirectProblem(uri: string, application: 'web' | 'native'): string | null {
  const url = URL.parse(uri)
  if (url === null) return 'is not an absolute URI'
  const shape = shapeProblem(uri, url)
  if (shape !== null) return shape
  return application === 'web' ? schemeOfWeb(url) : schemeOfNative(url)
}

/** What is wrong with an address on the web, or null. Plain http is for this machine only. */
export function webProblem(uri: string): string | null {
  const url = URL.parse(uri)
  if (url === null) return 'is not an absolute URI'
  return shapeProblem(uri, url) ?? schemeOfWeb(url)
}

function shapeProblem(uri: string, url: URL): string | null {
  if (uri.includes('#')) return 'must have no fragment'
  if (uri.includes('*')) return 'must have no wildcard'
  if (url.username !== '' || url.password !== '') return 'must name nobody before the host'
  if (url.href !== uri && url.href !== `${uri}/`) return `is not written as browsers write it: ${url.href}`
  return null
}

function schemeOfWeb(url: URL): string | null {
  if (url.protocol === 'https:') return null
  return url.protocol === 'http:' && isLoopbackName(url.hostname) ? null : 'must be https'
}

/** RFC 8252, 7: a loopback address on any port, a claimed https address, or a scheme that is a reversed domain name. */
function schemeOfNative(url: URL): string | null {
  if (url.protocol === 'http:') return loopbackAddresses.has(url.hostname) ? null : 'must be 127.0.0.1 or [::1] when it is http'
  if (url.protocol === 'https:') return isLoopbackName(url.hostname) ? 'must be http on this machine' : null
  return /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(url.protocol) ? null : 'must be http on loopback, https, or a scheme such as com.example.app'
}

/** Whether answers may go to `uri`: one of the registered, character by character; of a native client's loopback addresses any port (RFC 8252, 7.3). */
export function isRegistered(uri: string, registered: readonly string[], application: 'web' | 'native'): boolean {
  if (registered.includes(uri)) return true
  const url = application === 'native' ? URL.parse(uri) : null
  if (url === null || url.protocol !== 'http:' || !loopbackAddresses.has(url.hostname) || url.href !== uri) return false
  url.port = ''
  return registered.includes(url.href)
}
