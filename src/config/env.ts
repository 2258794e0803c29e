import { resolve, sep } from 'node:path'
import { z } from 'zod'
import type { ProvidersConfig } from './providers.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const url = z.url({ protocol: /^https?$/ })
// Random text of this length has more: what has fewer was typed, or stands in a manual.
const secret = z
  .string()
  .min(32, 'needs at least 32 characters')
  .refine((text) => new Set(text).size >= 10, 'must be random, such as openssl rand -base64 32 gives')

const environment = z.object({
  PORT: port.default(4000),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_URL: url.optional(),
  MONGODB_URI: z.string().regex(/^mongodb(\+srv)?:\/\//, 'is not a MongoDB connection string'),
  REDIS_URL: z.string().regex(/^rediss?:\/\//, 'is not a Redis URL'),
  REDIS_PREFIX: z.string().default('entente:'),
  ENTENTE_SECRET: secret,
  ENTENTE_SECRET_PREVIOUS: secret.optional(),
  POLICY_FILE: z.string().default('demo/policy.yaml'),
  CLIENTS_FILE: z.string().default('demo/clients.yaml'),
  PROVIDERS_FILE: z.string().optional(),
  GOOGLE_CLIENT_ID: z.string().min(1).optional(),
  GOOGLE_CLIENT_SECRET: z.string().min(1).optional(),
  GOOGLE_BASE_URL: url.optional(),
  GOOGLE_HOSTED_DOMAIN: z.string().min(1).optional(),
  APPLE_CLIENT_ID: z.string().min(1).optional(),
  APPLE_TEAM_ID: z.string().min(1).optional(),
  APPLE_KEY_ID: z.string().min(1).optional(),
  APPLE_PRIVATE_KEY: z.string().min(1).optional(),
  APPLE_BASE_URL: url.optional(),
  FACEBOOK_CLIENT_ID: z.string().min(1).optional(),
  FACEBOOK_CLIENT_SECRET: z.string().min(1).optional(),
  FACEBOOK_BASE_URL: url.optional(),
  FACEBOOK_GRAPH_VERSION: z
    .string()
    .regex(/^v\d+\.\d+$/, 'is not of the form v26.0')
    .default('v26.0'),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'is not an SMTP URL' }).optional(),
  MAIL_FROM: z
    .string()
    .regex(/^(?:[^<>@,;:"\p{Cc}]+<[^\s<>@,;:"]+@[^\s<>@,;:"]+>|[^\s<>@,;:"]+@[^\s<>@,;:"]+)$/u, 'is neither an address nor a name with an address in <>')
    .optional(),
  TRUSTED_PROXIES: z.string().optional(),
  GEOIP_FILE: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
})

type Environment = z.infer<typeof environment>

/** Every variable that the gateway reads; the compose file is checked against it. */
export const environmentNames: readonly string[] = Object.keys(environment.shape)

export interface Config {
  readonly port: number
  readonly host: string
  /** Without a slash at the end: every URL that leaves the house begins with it. */
  readonly publicUrl: string
  /** True while the house is reachable on this machine only: simulated providers and plain http are for that. */
  readonly loopback: boolean
  readonly mongoUri: string
  readonly redisUrl: string
  readonly redisPrefix: string
  readonly secret: string
  readonly previousSecret: string | undefined
  readonly policyFile: string
  readonly clientsFile: string
  readonly providersFile: string | undefined
  readonly providers: Omit<ProvidersConfig, 'further'>
  /** Absent: no mail is sent. */
  readonly mail?: MailConfig
  readonly trustedProxies: readonly string[]
  /** A GeoLite2 table (MMDB) of where addresses roughly are. */
  readonly geoIpFile: string | undefined
  readonly logLevel: Environment['LOG_LEVEL']
  readonly traces: string | undefined
}

export interface MailConfig {
  readonly url: string
  readonly from: string
  /** The mail server is on this machine. */
  readonly withoutTls: boolean
}

/** Environment → one frozen object. Says all that is missing or wrong at once, by name and never by value. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = environment.safeParse(given)
  if (!read.success) {
    throw new ConfigError(read.error.issues.map((issue) => `${issue.path.join('.')} ${issue.code === 'invalid_type' ? 'is missing' : issue.message}`))
  }
  const e = read.data
  const publicUrl = (e.PUBLIC_URL ?? `http://localhost:${e.PORT}`).replace(/\/+$/, '')
  const loopback = isLoopback(new URL(publicUrl).hostname)
  const problems = [...incomplete(e), ...unsafe(e, publicUrl, loopback)]
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze({
    port: e.PORT,
    host: e.HOST,
    publicUrl,
    loopback,
    mongoUri: e.MONGODB_URI,
    redisUrl: e.REDIS_URL,
    redisPrefix: e.REDIS_PREFIX,
    secret: e.ENTENTE_SECRET,
    previousSecret: e.ENTENTE_SECRET_PREVIOUS,
    policyFile: e.POLICY_FILE,
    clientsFile: e.CLIENTS_FILE,
    providersFile: e.PROVIDERS_FILE,
    providers: providersOf(e, loopback),
    ...mailOf(e),
    trustedProxies: e.TRUSTED_PROXIES?.split(',').map((one) => one.trim()) ?? [],
    geoIpFile: e.GEOIP_FILE,
    logLevel: e.LOG_LEVEL,
    traces: e.OTEL_EXPORTER_OTLP_ENDPOINT,
  })
}

/** The part that reports need: files, and the database if there is one. */
export interface ReportConfig {
  readonly policyFile: string
  readonly clientsFile: string
  readonly providersFile: string | undefined
  readonly mongoUri: string | undefined
  /** Names of the built-in providers that are configured. */
  readonly providers: readonly string[]
}

/** As `readConfig`, for commands that only look. */
export function readReportConfig(env: Readonly<Record<string, string | undefined>>): ReportConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = environment.partial({ MONGODB_URI: true, REDIS_URL: true, ENTENTE_SECRET: true }).safeParse(given)
  if (!read.success) throw new ConfigError(read.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`))
  const { POLICY_FILE, CLIENTS_FILE, PROVIDERS_FILE, MONGODB_URI, GOOGLE_CLIENT_ID, APPLE_CLIENT_ID, FACEBOOK_CLIENT_ID } = read.data
  const builtIn = { Google: GOOGLE_CLIENT_ID, Apple: APPLE_CLIENT_ID, Facebook: FACEBOOK_CLIENT_ID }
  return {
    policyFile: POLICY_FILE,
    clientsFile: CLIENTS_FILE,
    providersFile: PROVIDERS_FILE,
    mongoUri: MONGODB_URI,
    providers: Object.entries(builtIn).flatMap(([name, id]) => (id === undefined ? [] : [name])),
  }
}

/** All that is wrong with the configuration, a sentence each; `main.ts` prints it and stops. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
  }
}

export const isLoopback = (hostname: string): boolean => hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/** What belongs together is configured with all of its variables or with none: an empty client id must never mean an unchecked audience. */
function incomplete(e: Environment): string[] {
  const sets = [
    ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
    ['APPLE_CLIENT_ID', 'APPLE_TEAM_ID', 'APPLE_KEY_ID', 'APPLE_PRIVATE_KEY'],
    ['FACEBOOK_CLIENT_ID', 'FACEBOOK_CLIENT_SECRET'],
    ['SMTP_URL', 'MAIL_FROM'],
  ] as const
  return sets.flatMap((names) => {
    const missing = names.filter((name) => e[name] === undefined)
    return missing.length === 0 || missing.length === names.length ? [] : missing.map((name) => `${name} is missing`)
  })
}

function unsafe(e: Environment, publicUrl: string, loopback: boolean): string[] {
  const problems: string[] = []
  if (!loopback && publicUrl.startsWith('http:')) problems.push('PUBLIC_URL must be https unless it is this machine')
  if (new URL(publicUrl).pathname !== '/') problems.push('PUBLIC_URL must have no path')
  const bases = [e.GOOGLE_BASE_URL, e.APPLE_BASE_URL, e.FACEBOOK_BASE_URL].filter((base) => base !== undefined)
  if (!loopback && bases.length > 0) problems.push('GOOGLE_BASE_URL, APPLE_BASE_URL and FACEBOOK_BASE_URL are for simulated providers on this machine only')
  if (!loopback && [e.POLICY_FILE, e.CLIENTS_FILE].some((file) => resolve(file).startsWith(resolve('demo') + sep))) {
    problems.push('POLICY_FILE and CLIENTS_FILE must be your own: the demo files have secrets that everybody knows')
  }
  return problems
}

function mailOf({ SMTP_URL: url, MAIL_FROM: from }: Environment): { mail?: MailConfig } {
  return url === undefined || from === undefined ? {} : { mail: { url, from, withoutTls: isLoopback(new URL(url).hostname) } }
}

function providersOf(e: Environment, loopback: boolean): Omit<ProvidersConfig, 'further'> {
  const base = (url: string | undefined) => url !== undefined && { baseUrl: url.replace(/\/+$/, '') }
  return {
    allowLoopback: loopback,
    ...(e.GOOGLE_CLIENT_ID &&
      e.GOOGLE_CLIENT_SECRET && {
        google: {
          clientId: e.GOOGLE_CLIENT_ID,
          clientSecret: e.GOOGLE_CLIENT_SECRET,
          ...(e.GOOGLE_HOSTED_DOMAIN !== undefined && { hostedDomain: e.GOOGLE_HOSTED_DOMAIN }),
          ...base(e.GOOGLE_BASE_URL),
        },
      }),
    ...(e.APPLE_CLIENT_ID &&
      e.APPLE_TEAM_ID &&
      e.APPLE_KEY_ID &&
      e.APPLE_PRIVATE_KEY && {
        apple: {
          clientId: e.APPLE_CLIENT_ID,
          teamId: e.APPLE_TEAM_ID,
          keyId: e.APPLE_KEY_ID,
          privateKey: e.APPLE_PRIVATE_KEY.replaceAll('\\n', '\n'),
          ...base(e.APPLE_BASE_URL),
        },
      }),
    ...(e.FACEBOOK_CLIENT_ID &&
      e.FACEBOOK_CLIENT_SECRET && {
        facebook: {
          clientId: e.FACEBOOK_CLIENT_ID,
          clientSecret: e.FACEBOOK_CLIENT_SECRET,
          graphVersion: e.FACEBOOK_GRAPH_VERSION,
          ...base(e.FACEBOOK_BASE_URL),
        },
      }),
  }
}
