import { startProviders } from '../../demo/providers/start.ts'
import { serveAsChild } from '../child.ts'

const providers = await startProviders()
serveAsChild(Number(new URL(providers.haus.url).port), () => Promise.resolve(providers[Symbol.asyncDispose]()))
