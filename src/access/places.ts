import { isIP } from 'node:net'
import { open, type CityResponse } from 'maxmind'

/**
 * Where an address roughly is, by a table on this machine (GeoLite2 City or Country, MMDB): region and country, no nearer. Nothing is sent
 * anywhere. Without a table nothing is known.
 */
export async function openPlaces(file: string | undefined): Promise<(ip: string) => string | null> {
  if (file === undefined) return () => null
  const table = await open<CityResponse>(file)
  return (ip) => {
    const found = isAddress(ip) ? table.get(ip) : null
    const names = [found?.subdivisions?.[0]?.names.en, found?.country?.names.en].filter((name) => name !== undefined)
    return names.length === 0 ? null : names.join(', ')
  }
}

const isAddress = (ip: string): boolean => isIP(ip) !== 0
