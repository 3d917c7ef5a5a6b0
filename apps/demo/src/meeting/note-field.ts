/** The two halves of carrying a note: showing one, and taking one in. */

import { element } from '../element.ts'
import { canScan, startScan, type Scan } from './code-scanner.ts'
import { noteCode } from './note-code.ts'

/** A note to be shown: its code, and a button that copies its text. */
export function shownNote(text: string, what: string): HTMLElement {
  const field = element('input', {
    class: 'note-text',
    readonly: true,
    value: text,
    'aria-label': `Text of the ${what}`,
  })
  const copy = element('button', { type: 'button', onclick: () => void copyText() }, 'Copy text')
  const copyText = async () => {
    field.select()
    // On a page that is no secure context the browser has no clipboard for it: the text is selected.
    if (!('clipboard' in navigator)) return
    await navigator.clipboard.writeText(text)
    copy.textContent = 'Copied'
  }
  return element(
    'div',
    { class: 'shown-note' },
    noteCode(text, `QR code of the ${what}`),
    element('div', { class: 'note-copy' }, field, copy),
  )
}

/** A note to be taken in, by paste or camera. */
export interface TakenNote {
  readonly root: HTMLElement
  /** Ends the camera. */
  stop(): void
}

/** Calls `take` with each text that is handed in, and shows the sentence that it rejects with. */
export function takenNote(
  what: string,
  action: string,
  take: (text: string) => Promise<void>,
): TakenNote {
  let scan: Scan | undefined
  const field = element('textarea', {
    class: 'note-text',
    rows: '3',
    spellcheck: 'false',
    autocapitalize: 'off',
    placeholder: `Paste the ${what}`,
    'aria-label': `Paste the ${what}`,
  })
  const button = element('button', { type: 'submit', class: 'primary' }, action)
  const camera = element('button', { type: 'button', onclick: () => void look() }, 'Scan code')
  const trouble = element('p', { class: 'trouble', role: 'alert' })
  const picture = element('div', { class: 'picture' })
  camera.hidden = true
  void canScan().then((can) => {
    camera.hidden = !can
  })
  const say = (error: unknown) => {
    trouble.textContent = error instanceof Error ? error.message : String(error)
  }
  const submit = async () => {
    trouble.textContent = ''
    button.disabled = true
    try {
      await take(field.value)
    } catch (error) {
      say(error)
    } finally {
      button.disabled = false
    }
  }
  const look = async () => {
    scan?.stop()
    scan = startScan()
    picture.replaceChildren(scan.view)
    try {
      const text = await scan.text
      if (text !== undefined) {
        field.value = text
        await submit()
      }
    } catch (error) {
      say(error)
    } finally {
      picture.replaceChildren()
    }
  }
  const root = element(
    'form',
    {
      class: 'taken-note',
      onsubmit: (event) => {
        event.preventDefault()
        void submit()
      },
    },
    picture,
    field,
    element('div', { class: 'note-actions' }, button, camera),
    trouble,
  )
  return { root, stop: () => scan?.stop() }
}
