import { html, type Markup } from '../html.ts'

/** Line drawings on a 48 × 48 sheet, as SVG path data. */
const drawings = {
  coat: 'M18 6l-9 6-4 22h7v8h24v-8h7l-4-22-9-6-6 6zM24 12v30M28 20v1M28 27v1',
  shirt: 'M17 7l-12 7 4 10 5-2v20h20v-20l5 2 4-10-12-7c-2 5-12 5-14 0z',
  scarf: 'M14 8c6 5 14 5 20 0l3 7c-8 6-18 6-26 0zM28 18l6 22h-9l-4-21M26 40v4M30 40v4M34 40v4',
  socks: 'M16 5h10v18l-8 13c-3 5-12 2-9-5l7-10zM30 9h10v18l-8 13c-3 5-10 3-9-3M16 11h10M30 15h10',
  bicycle: 'M11 24a9 9 0 1 0 .1 0M37 24a9 9 0 1 0 .1 0M11 33l8-17h14l4 17M19 16l8 17h-16M27 33l6-17-2-5h6M15 12h7',
  helmet: 'M5 31c0-13 8-21 19-21s19 8 19 21zM5 31l5 6h28l5-6M16 12l-3 19M24 10v21M32 12l3 19',
  bag: 'M10 16h28l-2 26h-24zM16 16v-5c0-7 16-7 16 0v5M12 25h24M20 25v7h8v-7',
  boots: 'M14 6h12v16l12 8c5 3 5 8 2 10h-26zM14 40v3h26v-3M18 11h8M18 16h8M20 22h6',
  rucksack: 'M12 20c0-14 24-14 24 0v22h-24zM19 10c0-7 10-7 10 0M17 30h14v12M17 30v12M17 22h14M12 28h-4v12h4M36 28h4v12h-4',
  skis: 'M18 44v-34c0-5-4-7-6-5M26 44v-34c0-5-4-7-6-5M13 27h7M21 27h7M36 8v34M33 38h6M34 8h4',
  goggles: 'M6 18h36v10c0 8-12 9-15 2h-6c-3 7-15 6-15-2zM6 20h-5M42 20h5M12 23l5-2M30 23l5-2',
  hat: 'M9 32c0-22 30-22 30 0zM6 32h36v9h-36zM24 15a5 5 0 1 1 .1 0M17 20v12M24 17v15M31 20v12M14 34v5M24 34v5M34 34v5',
  tyre: 'M24 4a20 20 0 1 0 .1 0M24 11a13 13 0 1 0 .1 0M24 4v7M24 37v7M4 24h7M37 24h7M10 10l5 5M33 33l5 5M38 10l-5 5M15 33l-5 5',
  mittens: 'M8 40v-8c-2-8-2-20 5-20s7 10 7 16c2-6 6-4 5 0l-5 8v4zM8 36h12M30 40v-8c-2-8-2-20 5-20s7 10 7 16c2-6 6-4 5 0l-5 8v4zM30 36h12',
  light: 'M8 18h14l9-6v24l-9-6h-14zM36 17l6-4M37 24h7M36 31l6 4M12 18v-5h6v5',
} as const

export type Picture = keyof typeof drawings

export function drawing(picture: Picture, colour: string): Markup {
  return html`<svg class="${`pic ${colour}`}" viewBox="-12 -6 72 60" aria-hidden="true" focusable="false">
    <path d="${drawings[picture]}" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
  </svg>`
}
