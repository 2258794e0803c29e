export function findServers(): Promise<{ readonly mongod: string | undefined; readonly redis: string | undefined }>
export function findBrowser(): Promise<string | undefined>
