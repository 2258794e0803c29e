/** Something wrong in the file and where: a path of member names and positions. */
export interface Problem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}
