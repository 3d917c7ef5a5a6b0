/**
 * The certificate that a Node peer is dialled by, kept in a file so that its address stays the same
 * (rule DR19 of docs/specs/direct.md).
 */

import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import type * as Werift from 'werift'

/** A certificate and its key, as werift takes them. */
export interface HeldCertificate {
  readonly certPem: string
  readonly keyPem: string
  /** SHA-256 of the certificate. */
  readonly fingerprint: Uint8Array
}

/** Makes a certificate that lasts as long as the process. */
export async function makeCertificate({
  CipherContext,
  HashAlgorithm,
  NamedCurveAlgorithm,
  SignatureAlgorithm,
}: typeof Werift): Promise<HeldCertificate> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
    { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 },
    NamedCurveAlgorithm.secp256r1_23,
  )
  return hold(certPem, keyPem)
}

/**
 * The certificate in the file, which is made when it is not there. Rejects with a sentence when the
 * file holds none, and leaves it as it is.
 */
export async function loadCertificate(
  werift: typeof Werift,
  path: string,
): Promise<HeldCertificate> {
  const kept = await readIfThere(path)
  if (kept !== undefined) return readCertificate(path, kept)
  const made = await makeCertificate(werift)
  await writeWhole(path, `${made.keyPem.trim()}\n${made.certPem.trim()}\n`)
  // Another process may have been faster: what is in the file counts.
  return readCertificate(path, await readFile(path, 'utf8'))
}

function readCertificate(path: string, text: string): HeldCertificate {
  const block = (label: string) =>
    new RegExp(`-----BEGIN ${label}-----[\\w+/=\\s]+-----END ${label}-----`).exec(text)?.[0]
  const [keyPem, certPem] = [block('PRIVATE KEY'), block('CERTIFICATE')]
  const refusal = `${path} holds no certificate for direct dialling with its key`
  if (keyPem === undefined || certPem === undefined) throw new Error(refusal)
  try {
    const key = createPrivateKey(keyPem)
    const isOnCurve = key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
    if (isOnCurve && new X509Certificate(certPem).checkPrivateKey(key)) return hold(certPem, keyPem)
  } catch (error) {
    throw new Error(refusal, { cause: error })
  }
  throw new Error(refusal)
}

function hold(certPem: string, keyPem: string): HeldCertificate {
  const { raw } = new X509Certificate(certPem)
  return { certPem, keyPem, fingerprint: createHash('sha256').update(raw).digest() }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes the file with its whole text, or not at all; leaves one that has come meanwhile. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
}
