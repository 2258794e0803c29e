const purpose = (id: string, covers: string) => `
  - id: ${id}
    legalBasis: CONSENT
    covers: [${covers}]
    clients: [storefront]
    retention: P2Y
    texts: [{ version: '1', date: 2026-01-15, en: { title: ${id}, text: For ${id}. } }]`

const profile = ['user.contact.email', 'user.name', 'user.content.self_image', 'user.contact.address.country', 'user.demographic.language']
  .map((category) => `{ category: ${category}, form: FULL }`)
  .join(', ')

/** A small policy: two purposes that behaviour is kept for, and one that it is not. */
export const policyText = `
controller: { name: Shop, contact: privacy@shop.example }
locales: [en]
purposes:
${purpose('personalised_shop', `${profile}, { category: user.demographic, form: FULL }, { category: user.contact.address.postal_code, form: FULL }, { category: user.behavior, form: FULL }`)}
${purpose('email_marketing', `${profile}, { category: user.demographic, form: BAND }, { category: user.behavior, form: FULL }`)}
${purpose('personalised_ads', '{ category: user.contact.email, form: HASH }')}
events:
  - name: Product Viewed
    purposes: [personalised_shop, email_marketing]
    retention: P1Y
    properties: { category: { type: String, category: user.behavior.browsing_history } }
  - name: Order Completed
    purposes: [personalised_shop, email_marketing]
    retention: P1Y
    properties:
      category: { type: String, category: user.behavior.purchase_history }
      total: { type: Float, category: user.behavior.purchase_history }
      gift: { type: Boolean, category: user.behavior.purchase_history }
computed:
  - { name: orders, compute: count, event: Order Completed }
  - { name: spent, compute: sum, event: Order Completed, property: total }
  - { name: lastSeen, compute: last, event: Product Viewed, property: category }
  - { name: firstSeen, compute: first, event: Product Viewed, property: category }
  - { name: favourites, compute: topN, event: Product Viewed, property: category, window: P90D }
  - { name: kinds, compute: distinct, event: Product Viewed, property: category }
affinities:
  - { kind: category, events: { Product Viewed: 1, Order Completed: 5 }, property: category, halfLife: P30D }
segments:
  - { id: skiers, title: { en: Skiers }, purposes: [personalised_shop, email_marketing], rule: { affinity: { kind: category, name: Ski, atLeast: 1 } } }
  - { id: buyers, title: { en: Buyers }, purposes: [personalised_shop, email_marketing], rule: { trait: { name: orders, op: gte, value: 1 } } }
  - { id: germans, title: { en: In Germany }, purposes: [personalised_shop], rule: { all: [{ profile: { field: country, op: eq, value: DE } }, { event: { name: Product Viewed, atLeast: 2, within: P7D } }] } }
  - { id: lapsed, title: { en: Not lately }, purposes: [personalised_shop], rule: { all: [{ trait: { name: kinds, op: gte, value: 1 } }, { not: { event: { name: Product Viewed, atLeast: 1, within: P14D } } }] } }
`
