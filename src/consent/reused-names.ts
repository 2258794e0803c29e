import { PolicyError } from '../config/policy-source.ts'
import type { Attribute } from '../config/policy.ts'
import type { SeenAttributeStore } from '../storage/seen-attributes.ts'

/**
 * A name stays with its category, also after the attribute was taken out of the policy: what people once gave lies under the name, and
 * rights to another category must not open it. Throws `PolicyError`, which names every attribute that comes back as something else.
 */
export async function refuseReusedNames(attributes: readonly Attribute[], seen: SeenAttributeStore): Promise<void> {
  const refuse = (first: ReadonlyMap<string, string>): void => {
    const reused = attributes.filter(({ name, category }) => (first.get(name) ?? category) !== category)
    if (reused.length === 0) return
    throw new PolicyError(
      reused.map(({ name, category }) => `attributes: ${name} has stood for ${first.get(name)} here; what is ${category} needs another name`),
    )
  }
  // A policy that is refused leaves nothing behind; of two that start at once, one was first.
  refuse(await seen.read())
  refuse(await seen.remember(attributes))
}
