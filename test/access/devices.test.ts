import { expect, test } from 'vitest'
import { agentName, deviceReader } from '../../src/access/devices.ts'
import { withDevice } from '../../src/linking/note-device.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'

test('a browser is called by its name and system, and a header that is something else by nothing that it says', () => {
  expect(agentName(firefox)).toBe('Firefox on Linux')
  for (const odd of [undefined, '', 'x', '<script>alert(1)</script>/1.0', 'visit evil.example now', '\u202eevil', 'a'.repeat(9_000)])
    expect(agentName(odd)).not.toMatch(/[<>\u202e]|evil\.example|.{90}/)
})

test('the key is a hash under a key of the house: the same for the same cookie, another in another house', () => {
  const cookie = 'c'.repeat(43)
  const seen = (key: string, value = cookie) =>
    deviceReader({ key: Buffer.from(key), placeOf: () => ({ name: 'Berlin, Germany', around: { latitude: 53, longitude: 13 } }) })({
      cookie: value,
      userAgent: firefox,
      ip: '::1',
    })
  expect(seen('one').key).toBe(seen('one').key)
  expect(seen('one').id).not.toBe(seen('one').id)
  expect(seen('one').key).not.toBe(seen('two').key)
  expect(seen('one')).toMatchObject({ agent: 'Firefox on Linux', place: 'Berlin, Germany', around: { latitude: 53, longitude: 13 } })
  expect(JSON.stringify(seen('one'))).not.toContain(cookie)
})

test('twenty devices are kept, those used last; one that comes back keeps its name', () => {
  let known: ReturnType<typeof withDevice>['devices'] = []
  for (let n = 0; n < 25; n++) known = withDevice(known, { id: `d${n}`, key: `k${n}`, agent: 'Firefox' }, new Date(n * 1000)).devices
  expect(known.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `d${24 - n}`))
  const back = withDevice(known, { id: 'other', key: 'k5', agent: 'Chrome' }, new Date(99_000))
  expect(back).toMatchObject({ id: 'd5', isNew: false })
  expect(back.devices[0]).toMatchObject({ id: 'd5', agent: 'Chrome', firstAt: new Date(5_000), lastAt: new Date(99_000) })
})
