import type { Brand } from './pages.ts'

/** What both shops sell is called by the same categories and makers: what somebody likes here is liked there. */
export const brands = {
  storefront: {
    title: 'Lindenhof Clothing',
    accent: '#7a3e1d',
    claim: 'Good things to wear',
    products: [
      { id: 'loden-coat', picture: 'coat', name: 'Loden coat', price: 189, colour: 'green', category: 'Town', brand: 'Lindenhof' },
      { id: 'linen-shirt', picture: 'shirt', name: 'Linen shirt', price: 59, colour: 'blue', category: 'Town', brand: 'Lindenhof' },
      { id: 'wool-scarf', picture: 'scarf', name: 'Wool scarf', price: 39, colour: 'red', category: 'Town', brand: 'Alpkreuz' },
      { id: 'walking-socks', picture: 'socks', name: 'Walking socks', price: 14, colour: 'green', category: 'Hiking', brand: 'Alpkreuz' },
      { id: 'hiking-boots', picture: 'boots', name: 'Hiking boots', price: 159, colour: 'red', category: 'Hiking', brand: 'Alpkreuz' },
      { id: 'rucksack', picture: 'rucksack', name: 'Rucksack', price: 95, colour: 'blue', category: 'Hiking', brand: 'Seewind' },
      { id: 'touring-skis', picture: 'skis', name: 'Touring skis', price: 399, colour: 'blue', category: 'Winter sports', brand: 'Nordlicht' },
      { id: 'ski-goggles', picture: 'goggles', name: 'Ski goggles', price: 79, colour: 'red', category: 'Winter sports', brand: 'Nordlicht' },
      { id: 'bobble-hat', picture: 'hat', name: 'Bobble hat', price: 29, colour: 'green', category: 'Winter sports', brand: 'Alpkreuz' },
    ],
  },
  'storefront-b': {
    title: 'Hafen & Bike',
    accent: '#1d4f8c',
    claim: 'Out by bicycle, whatever the weather',
    products: [
      { id: 'city-bicycle', picture: 'bicycle', name: 'City bicycle', price: 749, colour: 'blue', category: 'Town', brand: 'Seewind' },
      { id: 'helmet', picture: 'helmet', name: 'Helmet', price: 89, colour: 'red', category: 'Town', brand: 'Seewind' },
      { id: 'front-light', picture: 'light', name: 'Front light', price: 45, colour: 'black', category: 'Town', brand: 'Hafen' },
      { id: 'pannier-bag', picture: 'bag', name: 'Pannier bag', price: 69, colour: 'green', category: 'Touring', brand: 'Hafen' },
      { id: 'snow-tyres', picture: 'tyre', name: 'Studded tyres', price: 64, colour: 'black', category: 'Winter sports', brand: 'Hafen' },
      { id: 'mittens', picture: 'mittens', name: 'Riding mittens', price: 35, colour: 'blue', category: 'Winter sports', brand: 'Nordlicht' },
    ],
  },
} as const satisfies Record<string, Brand>
