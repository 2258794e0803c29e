import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { isLoopbackAddress, isPublicAddress, withoutBrackets } from './public-address.ts'

/**
 * Connects to public addresses only. The address is looked at when it is connected to, after resolution, so a name that
 * answers differently the second time gains nothing.
 */
export function guardedConnector(allowLoopback: boolean): buildConnector.connector {
  const isAllowed = (ip: string) => isPublicAddress(ip) || (allowLoopback && isLoopbackAddress(ip))
  const connect = buildConnector({ timeout: 3_000, lookup: guardedLookup(isAllowed) })
  return (options, callback) => {
    const host = withoutBrackets(options.hostname)
    // For a literal address no lookup takes place.
    if (isIP(host) !== 0 && !isAllowed(host)) callback(new Error('address not allowed'), null)
    else connect(options, callback)
  }
}

const guardedLookup =
  (isAllowed: (ip: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) callback(error ?? new Error('no address'), '', 0)
      else if (!addresses.every(({ address }) => isAllowed(address))) callback(new Error('address not allowed'), '', 0)
      else if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
