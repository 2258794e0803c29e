import { create } from 'qrcode'
import { html, type Html } from './html.ts'

/** Modules of light around the code, as readers expect (ISO/IEC 18004, 5.3.8). */
const quiet = 4

/** A text as a QR code: one path, black on white in either colour scheme, with a name for those who do not see it. */
export function qrCode(text: string, name: string): Html {
  const { data, size } = create(text, { errorCorrectionLevel: 'M' }).modules
  const dark = [...data].flatMap((on, at) => (on ? [`M${(at % size) + quiet} ${Math.floor(at / size) + quiet}h1v1h-1z`] : []))
  const side = size + 2 * quiet
  return html`<svg class="qr" viewBox="0 0 ${side} ${side}" role="img" aria-label="${name}" shape-rendering="crispEdges">
    <path fill="#fff" d="M0 0h${side}v${side}H0z" />
    <path fill="#000" d="${dark.join('')}" />
  </svg>`
}
