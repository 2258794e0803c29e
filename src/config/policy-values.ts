import { z } from 'zod'
import { knownCategories } from './categories.ts'
import { isDuration } from './duration.ts'

/** The small values that sections of the policy file are written with. */
export const text = (most: number) => z.string().trim().min(1).max(most)

export const duration = z
  .string()
  .refine(isDuration, 'is not an ISO 8601 duration such as P13M or P2Y')
  .describe('ISO 8601 duration in years, months, weeks and days')

export const category = z
  .string()
  .refine((name) => knownCategories.has(name), 'is not a known category (Fideslang)')
  .describe('Fideslang data category, such as user.contact.email; it includes what lies below it')

export const purposeId = z.string().regex(/^[a-z][a-z0-9_]{1,40}$/, 'must be lower case, digits and _, 2 to 41 characters')

export const fieldName = z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,40}$/, 'must be letters and digits, at most 41')

export const locale = z.string().regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, 'is not a language tag such as de or en-GB')

export const titles = z
  .record(locale, text(80))
  .optional()
  .describe('What people read it is called, by locale; without one in their language or in the first of the locales, its name')
