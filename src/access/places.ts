import { isIP } from 'node:net'
import { open, type CityResponse } from 'maxmind'
import type { Whereabouts } from '../storage/customers.ts'

export interface Place {
  /** Region and country, in English; null where the table has no names. */
  readonly name: string | null
  /** Null where the table knows no nearer than a country. */
  readonly around: Whereabouts | null
}

/** Kilometres: what a table knows less exactly is the middle of a country, where nobody is. */
const tooVague = 250

/**
 * Where an address roughly is, by a table on this machine (GeoLite2 City or Country, MMDB): region, country and whole degrees, no nearer.
 * Nothing is sent anywhere. Without a table nothing is known.
 */
export async function openPlaces(file: string | undefined): Promise<(ip: string) => Place | null> {
  if (file === undefined) return () => null
  const table = await open<CityResponse>(file)
  return (ip) => {
    const found = isAddress(ip) ? table.get(ip) : null
    if (found === null) return null
    const names = [found.subdivisions?.[0]?.names.en, found.country?.names.en].filter((name) => name !== undefined)
    return { name: names.length === 0 ? null : names.join(', '), around: aroundOf(found) }
  }
}

function aroundOf({ location }: CityResponse): Whereabouts | null {
  if (location === undefined || location.accuracy_radius > tooVague) return null
  const { latitude, longitude } = location
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null
  return { latitude: Math.round(latitude), longitude: Math.round(longitude) }
}

const isAddress = (ip: string): boolean => isIP(ip) !== 0
