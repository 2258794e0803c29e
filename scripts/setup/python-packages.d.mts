export function pythonPackages(requirements: string): Promise<string | undefined>
