export function keptSecret(dataFolder: string): string
