import { spawn } from 'node:child_process'

// The shell waits for the server, and for the end of its own standard input: whichever way we die, that pipe closes.
const leash = `
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ read -r _ <&3; kill -TERM $server 2>/dev/null; } & reader=$!
exec 3<&-
wait $server; code=$?
kill $reader 2>/dev/null
exit $code`

/**
 * Starts a native server in a session of its own (Ctrl-C does not reach it before its users have gone) that never outlives
 * this process, not even after kill -9. `ended` resolves with the exit code, and never rejects; `stop` asks and waits.
 */
export function leashedServer(program, args) {
  const child = spawn('/bin/sh', ['-c', leash, 'leash', program, ...args], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => {}) // it ended by itself while we closed the pipe
  const ended = new Promise((resolve) => {
    child.once('error', () => resolve(127))
    child.once('exit', (code) => resolve(code ?? 1))
  })
  const stop = () => {
    child.stdin.end()
    return ended
  }
  return { ended, stop, pid: child.pid }
}
