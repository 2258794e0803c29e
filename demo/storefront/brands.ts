import type { Brand } from './pages.ts'

export const brands = {
  storefront: {
    title: 'Lindenhof Clothing',
    accent: '#7a3e1d',
    claim: 'Good things to wear',
    products: [
      { picture: 'coat', name: 'Loden coat', price: '189 €', colour: 'green' },
      { picture: 'shirt', name: 'Linen shirt', price: '59 €', colour: 'blue' },
      { picture: 'scarf', name: 'Wool scarf', price: '39 €', colour: 'red' },
      { picture: 'socks', name: 'Walking socks', price: '14 €', colour: 'green' },
    ],
  },
  'storefront-b': {
    title: 'Hafen & Bike',
    accent: '#1d4f8c',
    claim: 'Out by bicycle, whatever the weather',
    products: [
      { picture: 'bicycle', name: 'City bicycle', price: '749 €', colour: 'blue' },
      { picture: 'helmet', name: 'Helmet', price: '89 €', colour: 'red' },
      { picture: 'bag', name: 'Pannier bag', price: '69 €', colour: 'green' },
      { picture: 'light', name: 'Front light', price: '45 €', colour: 'black' },
    ],
  },
} as const satisfies Record<string, Brand>
