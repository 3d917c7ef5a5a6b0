import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localEnd } from '@fieldmesh/core/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as werift from 'werift'
import { webrtcDirect } from '../node.ts'
import { loadCertificate, makeCertificate } from './certificate-file.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fieldmesh-certificate-'))
  path = join(folder, 'certificate.pem')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

test('[DR19] the certificate is made once, for its owner alone, and stays', async () => {
  const made = await loadCertificate(werift, path)
  expect(readdirSync(folder)).toEqual(['certificate.pem'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await loadCertificate(werift, path)).toEqual(made)
  rmSync(path)
  const another = await loadCertificate(werift, path)
  expect(another.fingerprint).not.toEqual(made.fingerprint)
})

test('[DR19] processes that make it at once have one certificate', async () => {
  const loaded = await Promise.all(
    Array.from({ length: 4 }, async () => loadCertificate(werift, path)),
  )
  for (const { fingerprint } of loaded) expect(fingerprint).toEqual(loaded[0]?.fingerprint)
  expect(readdirSync(folder)).toEqual(['certificate.pem'])
})

test('[DR19] a file that is no such pair is refused and left as it is', async () => {
  const [one, other] = [await makeCertificate(werift), await makeCertificate(werift)]
  const pair = `${one.keyPem}\n${other.certPem}`
  for (const text of ['', 'something else', one.certPem, one.keyPem, pair]) {
    writeFileSync(path, text)
    await expect(loadCertificate(werift, path)).rejects.toThrow(/certificate\.pem holds no cert/)
    expect(readFileSync(path, 'utf8')).toBe(text)
  }
  const end = localEnd(
    webrtcDirect({ listen: { port: 0, host: '127.0.0.1', certificate: path } }),
    '00000000000000aa',
  )
  await expect(end.start()).rejects.toThrow(/holds no certificate/)
  await end.stop()
})

test('[DR19] a peer that is started again has the same address', async () => {
  const fingerprints: string[] = []
  for (let start = 0; start < 2; start += 1) {
    const transport = webrtcDirect({ listen: { port: 0, host: '127.0.0.1', certificate: path } })
    const end = localEnd(transport, '00000000000000aa')
    await end.start()
    fingerprints.push(transport.listening[0]?.split('/')[3] ?? '')
    await end.stop()
  }
  expect(fingerprints[0]).toHaveLength(43)
  expect(fingerprints[1]).toBe(fingerprints[0])
})
