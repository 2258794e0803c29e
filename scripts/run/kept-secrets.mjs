import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** ENTENTE_SECRET of this data folder: made once, since what is stored under it can be read with no other. */
export function keptSecret(dataFolder) {
  return kept(join(dataFolder, 'secret'), () => randomBytes(32).toString('base64url'))
}

/** The key pair of the demo app at the simulated Apple: PKCS #8 and SPKI, as PEM. */
export function demoAppleKey(dataFolder) {
  const make = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const privateKey = kept(join(dataFolder, 'apple-demo-key.pem'), make)
  return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) }
}

function kept(file, make) {
  try {
    writeFileSync(file, make(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  // Windows says nothing of others here.
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    chmodSync(file, 0o600)
    console.warn(`${file} could be read by others on this machine; from now on only by you.`)
  }
  return readFileSync(file, 'utf8')
}
