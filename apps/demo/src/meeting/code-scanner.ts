/** Reading a QR code with the camera, where the browser can; elsewhere texts are pasted. */

import { element } from '../element.ts'

/** The part of the Shape Detection API that is used; the types of TypeScript do not have it. */
interface CodeDetector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>
}
interface CodeDetectorClass {
  new (options: { readonly formats: readonly string[] }): CodeDetector
  getSupportedFormats(): Promise<readonly string[]>
}

/** A look at the camera's picture each so many milliseconds. */
const lookMs = 200

function detectorClass(): CodeDetectorClass | undefined {
  return (globalThis as { readonly BarcodeDetector?: CodeDetectorClass }).BarcodeDetector
}

/** Whether this browser reads QR codes and may ask for a camera, which takes a secure page. */
export async function canScan(): Promise<boolean> {
  if (!('mediaDevices' in navigator)) return false
  const formats = await detectorClass()?.getSupportedFormats()
  return formats?.includes('qr_code') === true
}

/** A camera at work. */
export interface Scan {
  /** The camera's picture. */
  readonly view: HTMLElement
  /** The first code that was read; undefined when it was stopped. Rejects without a camera. */
  readonly text: Promise<string | undefined>
  stop(): void
}

/** Asks for the camera and looks for a code, until one is found or `stop` is called. */
export function startScan(): Scan {
  const video = element('video', { class: 'scan', playsinline: true, muted: true })
  const stopping = new AbortController()
  const read = async () => {
    const facingMode = 'environment'
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode } })
    try {
      video.srcObject = stream
      // Not waited for: without a picture it would never end, and the camera stay on.
      video.play().catch(() => undefined)
      const Detector = detectorClass()!
      const detector = new Detector({ formats: ['qr_code'] })
      while (!stopping.signal.aborted) {
        const hasPicture = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA
        const [code] = hasPicture ? await detector.detect(video) : []
        if (code) return code.rawValue
        await new Promise((resolve) => {
          setTimeout(resolve, lookMs)
        })
      }
      return undefined
    } finally {
      for (const track of stream.getTracks()) track.stop()
    }
  }
  return {
    view: video,
    text: read(),
    stop: () => stopping.abort(),
  }
}
