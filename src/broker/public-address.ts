import { BlockList, isIP } from 'node:net'

/** Whether an IP address is one that anybody on the internet could mean: not private, loopback, link-local, reserved or a way to such. */
export function isPublicAddress(ip: string): boolean {
  const version = isIP(ip)
  return version !== 0 && !special.check(ip, version === 4 ? 'ipv4' : 'ipv6')
}

export const isLoopbackAddress = (ip: string): boolean => loopback.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')

/** Whether a URL's host name is this machine by name or number, without asking DNS. */
export function isLoopbackHost(hostname: string): boolean {
  const bare = withoutBrackets(hostname)
  return isIP(bare) === 0 ? bare === 'localhost' || bare.endsWith('.localhost') : isLoopbackAddress(bare)
}

/** Whether a URL's host name can be a public one, without asking DNS: an address out there, or a name with a dot that no private network uses. */
export function isPublicHost(hostname: string): boolean {
  const bare = withoutBrackets(hostname)
  return isIP(bare) === 0 ? bare.includes('.') && !/\.(?:localhost|local|internal|lan|home\.arpa)\.?$/.test(bare) : isPublicAddress(bare)
}

export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

// IANA special-purpose registries (RFC 6890). IPv4-mapped IPv6 addresses are checked by the IPv4 rules.
const special = blockList(
  [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
  ['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/32', '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/9', 'ff00::/8'],
)
const loopback = blockList(['127.0.0.0/8'], ['::1/128'])

function blockList(four: readonly string[], six: readonly string[]): BlockList {
  const list = new BlockList()
  const add = (subnet: string, family: 'ipv4' | 'ipv6') => {
    const [net = '', prefix] = subnet.split('/')
    list.addSubnet(net, Number(prefix), family)
  }
  for (const subnet of four) add(subnet, 'ipv4')
  for (const subnet of six) add(subnet, 'ipv6')
  return list
}
