/** A text as a QR code: an SVG that stays sharp at any size, dark on light in either colour scheme. */

import { encode } from 'uqr'

const svgNamespace = 'http://www.w3.org/2000/svg'
/** Light modules around the code, which scanners want to see. */
const border = 3

/** The code of a text of capitals and digits, for which QR codes have a dense form. */
export function noteCode(text: string, label: string): SVGSVGElement {
  const { data, size } = encode(text, { ecc: 'L', boostEcc: true, border })
  const path = data
    .flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
    .join('')
  const svg = document.createElementNS(svgNamespace, 'svg')
  svg.setAttribute('class', 'note-code')
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`)
  svg.setAttribute('shape-rendering', 'crispEdges')
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  const dark = document.createElementNS(svgNamespace, 'path')
  dark.setAttribute('d', path)
  svg.append(dark)
  return svg
}
