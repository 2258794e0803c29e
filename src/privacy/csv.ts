/** What a spreadsheet would run as a formula. OWASP, "CSV Injection". */
const formula = /^[=+\-@\t\r\n＝＋－＠]/u

/** One line of a table (RFC 4180). A cell that begins like a formula gets an apostrophe in front, which makes it text. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${(formula.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`).join(',')}\r\n`
}
