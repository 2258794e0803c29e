import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { environmentNames } from '../../src/config/env.ts'

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const exists = (path: string) => existsSync(new URL(`../../${path}`, import.meta.url))

const composeFile = z.strictObject({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string().optional(),
      environment: z.record(z.string(), z.string()).default({}),
      ports: z.array(z.string()).default([]),
      volumes: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).default({}),
      healthcheck: z.object({ test: z.array(z.string()) }).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
})

const composeText = read('docker-compose.yml')
const { services, volumes } = composeFile.parse(parse(composeText))
const gateway = z.object({ environment: z.record(z.string(), z.string()), ports: z.array(z.string()), volumes: z.array(z.string()) }).parse(services['gateway'])

/** Instructions with their words, continued lines joined, comments left out. */
const instructions = read('Dockerfile')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => {
    const [instruction = '', ...words] = line.trim().split(/\s+/)
    return { instruction, words, rest: words.join(' ') }
  })
const of = (instruction: string) => instructions.filter((one) => one.instruction === instruction)
const known = new Set([...environmentNames, 'NODE_ENV'])

test('the compose file sets and asks for variables that the gateway reads, and no others', () => {
  const asked = [...composeText.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name)
  const strange = [...Object.keys(gateway.environment), ...asked].filter((name) => name !== undefined && !known.has(name))
  expect(strange).toEqual([])
})

test('the compose file has no secret of its own', () => {
  const secrets = Object.entries(gateway.environment).filter(([name]) => /SECRET|KEY/.test(name))
  expect(secrets.filter(([name, value]) => !value.startsWith(`\${${name}:`))).toEqual([])
  expect(gateway.environment['ENTENTE_SECRET']).toMatch(/^\$\{ENTENTE_SECRET:\?/)
})

test('what the compose file names inside itself is there: services, volumes, mounted files, the port', () => {
  for (const service of Object.values(services)) {
    for (const name of Object.keys(service.depends_on)) expect(services).toHaveProperty([name, 'healthcheck'])
    for (const volume of service.volumes.filter((one) => !one.startsWith('$'))) expect(Object.keys(volumes)).toContain(volume.split(':')[0])
  }
  const mounted = gateway.volumes.map((volume) => volume.split(':').at(-2))
  const files = Object.entries(gateway.environment).filter(([name]) => name.endsWith('_FILE'))
  expect(files.map(([, path]) => path).toSorted()).toEqual(mounted.toSorted())
  for (const uri of ['MONGODB_URI', 'REDIS_URL']) expect(Object.keys(services)).toContain(new URL(gateway.environment[uri] ?? '').hostname)
  const exposed = of('EXPOSE').map(({ rest }) => rest)
  expect(gateway.ports.map((port) => port.split(':').at(-1))).toEqual(exposed)
})

test('images are pinned to a version', () => {
  const images = [...Object.values(services).flatMap(({ image }) => image ?? []), ...of('FROM').map(({ words }) => words[0])]
  expect(images).not.toHaveLength(0)
  for (const image of images) expect(image).toMatch(/^[a-z]+:\d+\.\d+\.\d+(-[a-z-]+)?$/)
})

test('the Dockerfile names variables, files and scripts that are there', () => {
  const variables = of('ENV').flatMap(({ words }) => words.map((word) => word.split('=')[0] ?? ''))
  expect(variables.filter((name) => !known.has(name))).toEqual([])

  const copied = of('COPY').filter(({ words }) => !words[0]?.startsWith('--from='))
  const sources = copied.flatMap(({ words }) => words.slice(0, -1))
  expect(sources.filter((path) => !exists(path))).toEqual([])
  const kept = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
  expect(kept.map((line) => line.slice(1)).toSorted()).toEqual(sources.toSorted())

  const scripts = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json'))).scripts
  for (const [, name] of instructions
    .map(({ rest }) => rest)
    .join('\n')
    .matchAll(/npm run ([\w:-]+)/g))
    expect(Object.keys(scripts)).toContain(name)
})

test('the image runs the compiled gateway without privileges and asks it whether it is ready', () => {
  expect(of('USER').at(-1)?.rest).toBe('node')
  const command = z.array(z.string()).parse(JSON.parse(of('CMD').at(-1)?.rest ?? ''))
  const [, program = ''] = /^exec node \$\(cat gateway\.flags\) (\S+)$/.exec(command.at(-1) ?? '') ?? []
  expect([program].filter((path) => !exists(path.replace(/^dist\//, '').replace(/\.js$/, '.ts')))).toEqual([])
  const health = of('HEALTHCHECK')[0]?.rest ?? ''
  expect(health).toContain('/health/ready')
  const port = of('ENV')
    .flatMap(({ words }) => words)
    .find((word) => word.startsWith('PORT='))
  expect(port).toBe(`PORT=${of('EXPOSE')[0]?.rest}`)
})
