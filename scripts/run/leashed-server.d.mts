export interface RunningServer {
  readonly uri: string
  /** The exit code, once it has ended for whatever reason. */
  readonly ended: Promise<number>
  readonly stop: () => Promise<number>
}
