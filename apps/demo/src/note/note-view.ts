/** The shared note: CodeMirror bound to a live document, with everybody's cursors. */

import { defaultKeymap } from '@codemirror/commands'
import { markdown } from '@codemirror/lang-markdown'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import type { SharedDocument } from '@fieldmesh/core'
import { tags } from '@lezer/highlight'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { UndoManager } from 'yjs'
import type { Device } from '../device-name.ts'
import { element } from '../element.ts'

/** Name of the text inside the note's document. */
export const noteTextName = 'text'

/** By variables of the page, so that it follows light and dark. */
const markdownStyle = HighlightStyle.define([
  { tag: tags.heading, fontWeight: '700', fontSize: '1.15em' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: [tags.link, tags.url], color: 'var(--brand)' },
  { tag: [tags.processingInstruction, tags.contentSeparator], color: 'var(--ink-soft)' },
])

/** An editor on the note. */
export function noteView(note: SharedDocument, device: Device): HTMLElement {
  const text = note.doc.getText(noteTextName)
  const undoManager = new UndoManager(text)
  note.awareness.setLocalStateField('user', {
    name: device.name,
    color: device.color,
    colorLight: `${device.color}33`,
  })
  const parent = element('div', { class: 'editor' })
  const editor = new EditorView({
    parent,
    state: EditorState.create({
      doc: text.toJSON(),
      extensions: [
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        markdown(),
        syntaxHighlighting(markdownStyle),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Shared note' }),
        placeholder('Specials, shopping, who works tomorrow…'),
        yCollab(text, note.awareness, { undoManager }),
      ],
    }),
  })
  editor.dom.id = 'note-editor'
  return element(
    'section',
    { class: 'note', 'aria-label': 'Shared note' },
    element('h2', {}, 'Today’s note'),
    parent,
  )
}
