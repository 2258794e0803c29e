import type { OperatorWords } from './operator-word-list.ts'
import { operatorDe } from './operator-words-de.ts'
import { operatorEn } from './operator-words-en.ts'
import type { Language } from './words.ts'

export type { OperatorWords } from './operator-word-list.ts'

export const operatorWords: Readonly<Record<Language, OperatorWords>> = { de: operatorDe, en: operatorEn }
